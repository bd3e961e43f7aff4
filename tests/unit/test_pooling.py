"""Both ways of pooling against the plainest loop, on any rows."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from wordstates.model.pooling import pool_arrays
from wordstates.model.tensor_pooling import pool
from wordstates.options import LayerPooling, SubwordPooling

OF_ROWS = {
    "mean": lambda states: states.mean(axis=0),
    "sum": lambda states: states.sum(axis=0),
    "max": lambda states: states.max(axis=0),
    "first": lambda states: states[0],
    "last": lambda states: states[-1],
    "none": lambda states: states[0],
}
OF_LAYERS = {
    "mean": lambda layers: np.mean(layers, axis=0),
    "sum": lambda layers: np.sum(layers, axis=0),
    "concat": np.concatenate,
    "none": np.stack,
}


@pytest.mark.parametrize("subword_pooling", get_args(SubwordPooling))
@pytest.mark.parametrize("layer_pooling", get_args(LayerPooling))
@given(data=st.data())
def test_rows_are_pooled_as_by_a_loop(
    layer_pooling: LayerPooling, subword_pooling: SubwordPooling, data: st.DataObject
) -> None:
    most = 1 if subword_pooling == "none" else 5
    counts = data.draw(st.lists(st.integers(1, most), min_size=1, max_size=12))
    layers = data.draw(st.lists(st.sampled_from([0, 3, 7]), min_size=1, max_size=3))
    made = np.random.default_rng(data.draw(st.integers(0, 1000)))
    hidden = {layer: made.normal(size=(3, 7, 4)).astype(np.float32) for layer in (0, 3, 7)}
    positions = made.integers(0, 21, size=sum(counts))
    starts = np.cumsum([0, *counts[:-1]])

    expected = []
    for begin, count in zip(starts, counts, strict=True):
        mine = positions[begin : begin + count]
        rows = [OF_ROWS[subword_pooling](hidden[layer].reshape(21, 4)[mine].astype(np.float64)) for layer in layers]
        if layer_pooling in ("mean", "sum"):  # layers come first, which shows for max
            states = OF_LAYERS[layer_pooling]([hidden[layer].reshape(21, 4)[mine].astype(float) for layer in layers])
            expected.append(OF_ROWS[subword_pooling](states))
        else:
            expected.append(OF_LAYERS[layer_pooling](rows))

    arrays = pool_arrays(hidden, layers, layer_pooling, subword_pooling, positions, starts)
    tensors = pool(
        {layer: torch.from_numpy(state) for layer, state in hidden.items()},
        layers,
        layer_pooling,
        subword_pooling,
        torch.from_numpy(positions),
        torch.from_numpy(starts),
    )
    assert arrays.dtype == np.float32
    assert tensors.dtype == torch.float32
    np.testing.assert_allclose(arrays, np.array(expected), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(tensors.numpy(), np.array(expected), rtol=1e-5, atol=1e-6)


def test_pooled_rows_do_not_lie_in_the_memory_of_the_states() -> None:
    states = np.ones((1, 3, 2), dtype=np.float32)
    pooled = pool_arrays({0: states}, [0], "mean", "mean", np.array([0, 1, 2]), np.array([0, 1, 2]))
    states[:] = 7
    assert (pooled == 1).all()
