"""One pass: rows of subword ids in, pooled vectors out; all in between stays on the device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from wordstates.errors import WordstatesError
from wordstates.model.engine import Batch, Engine, lay_out
from wordstates.model.loaded import LoadedModel
from wordstates.model.pooling import pool_arrays
from wordstates.recipe import SURPRISAL, Recipe


@dataclass(frozen=True)
class Take:
    """What to take from a pass for one recipe.

    Args:
        recipe: How to pool.
        layers: Its absolute layer numbers.
        starts: Where each row of the result begins among the positions; no row is empty.
    """

    recipe: Recipe
    layers: tuple[int, ...]
    starts: Int[np.ndarray, " rows"]


def run_pass(
    model: LoadedModel,
    engine: Engine,
    texts: Sequence[Int[np.ndarray, " _subwords"]],
    positions: Sequence[Int[np.ndarray, " _pairs"]],
    takes: Sequence[Take],
    shape: tuple[int, int],
    blanks: Sequence[Bool[np.ndarray, " _subwords"]] = (),
    *,
    alone: bool = False,
) -> list[Float[np.ndarray, "_rows ..."]]:
    """Read some texts at once, no deeper than needed, and pool what is wanted of them.

    Args:
        model: The model.
        engine: The one of its engines that reads.
        texts: Subword ids of each text, special tokens left out.
        positions: The wanted subwords of each text.
        takes: What to make of them; the pooling of every recipe sees the same positions. Surprisal comes last.
        shape: Rows that the batch has at least, and the width of its rows.
        blanks: Which subwords of each text are white space alone; for surprisal.
        alone: Whether nothing else is read meanwhile.

    Returns:
        For each take its rows, float32, on the CPU, in memory of their own.
    """
    template = model.template
    rows = [template.wrap(ids.tolist()) for ids in texts]
    types = [kinds for ids in texts if (kinds := template.wrap_types(len(ids))) is not None] or None
    batch = replace(lay_out(rows, types, model.pad_id, engine.layout, shape), alone=alone)
    hidden = _hidden_states(engine, batch, sorted({layer for take in takes for layer in take.layers}))
    begins = (batch.starts + len(template.prefix)).tolist()
    flat = np.concatenate([part + begin for begin, part in zip(begins, positions, strict=False)])  # some rows only pad
    pooled = _pooled(hidden, [take for take in takes if take.recipe is not SURPRISAL], flat)
    take = next((take for take in takes if take.recipe is SURPRISAL), None)
    if take is None:
        return pooled
    from wordstates.model.surprisal import word_surprisals

    last = hidden[take.layers[0]]
    last, before = last.reshape(-1, last.shape[-1]), len(template.prefix)
    return [*pooled, word_surprisals(model.head, last, texts, begins, before, positions, take.starts, blanks)]


def _pooled(
    hidden: Mapping[int, Any], takes: Sequence[Take], flat: Int[np.ndarray, " pairs"]
) -> list[Float[np.ndarray, "_rows ..."]]:
    """Pool hidden states where they are: with NumPy on a CPU, with PyTorch elsewhere."""
    if not all(isinstance(state, np.ndarray) for state in hidden.values()):
        if next(iter(hidden.values())).device.type != "cpu":
            return _pooled_on_device(hidden, takes, flat)
        hidden = {layer: state.float().numpy() for layer, state in hidden.items()}
    return [
        pool_arrays(hidden, take.layers, take.recipe.layer_pooling, take.recipe.subword_pooling, flat, take.starts)
        for take in takes
    ]


def _pooled_on_device(
    hidden: Mapping[int, Any], takes: Sequence[Take], flat: Int[np.ndarray, " pairs"]
) -> list[Float[np.ndarray, "_rows ..."]]:
    import torch

    from wordstates.model.devices import to_device, to_host
    from wordstates.model.tensor_pooling import pool

    device = next(iter(hidden.values())).device
    on_device = to_device(torch.from_numpy(flat), device)
    pooled = [
        pool(
            hidden,
            take.layers,
            take.recipe.layer_pooling,
            take.recipe.subword_pooling,
            on_device,
            to_device(torch.from_numpy(take.starts), device),
        )
        for take in takes
    ]
    return [vectors.numpy() for vectors in to_host(pooled)]


def _hidden_states(engine: Engine, batch: Batch, layers: Sequence[int]) -> dict[int, Any]:
    """Run an engine, of whose many errors the caller has to know one kind.

    Raises:
        RuntimeError: If the network fails, in whatever way.
    """
    try:
        return engine.hidden_states(batch, layers)
    except (RuntimeError, MemoryError, WordstatesError):
        raise
    except Exception as error:
        raise RuntimeError(f"{type(error).__name__}: {error}") from error
