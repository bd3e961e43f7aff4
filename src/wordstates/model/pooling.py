"""Hidden states to vectors with NumPy, in float32: layers pooled, then the subwords of each row.

On a CPU NumPy does it in the thread that asks: PyTorch would call all cores to a task of some microseconds, and take
them from an engine that computes the next batch. What lies on a GPU is pooled there: see `tensor_pooling`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float, Int

from wordstates.options import LayerPooling, SubwordPooling


def pool_arrays(
    hidden: Mapping[int, Float[np.ndarray, "windows subwords dim"]],
    layers: Sequence[int],
    layer_pooling: LayerPooling,
    subword_pooling: SubwordPooling,
    positions: Int[np.ndarray, " pairs"],
    starts: Int[np.ndarray, " rows"],
) -> Float[np.ndarray, "rows ..."]:
    """Pool the layers of each subword, then the subwords of each row, with NumPy, in this thread.

    Args:
        hidden: Hidden states by absolute layer number, float32.
        layers: The layers of the recipe, in its order.
        layer_pooling: ``mean``, ``sum``, ``concat`` or ``none``.
        subword_pooling: ``mean``, ``first``, ``last``, ``max``, ``sum``; with ``none`` every row has one subword.
        positions: Subwords of all rows, one row after the other, counted through the flattened batch.
        starts: Where each row begins in `positions`; no row is empty.

    Returns:
        float32, of its own memory: (rows, dim), (rows, layers * dim) for concat, (rows, layers, dim) for none.

    Examples:
        >>> hidden = {1: np.array([[[1.0], [3.0], [5.0]]], dtype=np.float32)}
        >>> pool_arrays(hidden, [1], "mean", "mean", np.array([0, 1, 2]), np.array([0, 2])).tolist()
        [[2.0], [5.0]]
    """
    counts = np.diff(starts, append=len(positions))
    if subword_pooling in ("first", "none", "last"):  # one subword a row: no other is touched
        positions = positions[starts + counts - 1 if subword_pooling == "last" else starts]
        starts, counts = np.arange(len(positions)), np.ones_like(counts)
    states = [hidden[layer].reshape(-1, hidden[layer].shape[-1]) for layer in layers]
    if layer_pooling in ("concat", "none"):
        rows = [_pool_rows(state, positions, subword_pooling, starts, counts) for state in states]
        return np.concatenate(rows, axis=1) if layer_pooling == "concat" else np.stack(rows, axis=1)
    if len(states) == 1:
        return _pool_rows(states[0], positions, subword_pooling, starts, counts)
    pooled = states[0].take(positions, axis=0)
    for state in states[1:]:
        pooled += state.take(positions, axis=0)
    if layer_pooling == "mean":
        pooled /= len(states)
    return _pool_rows(pooled, np.arange(len(pooled)), subword_pooling, starts, counts)


def _pool_rows(
    states: Float[np.ndarray, "subwords dim"],
    positions: Int[np.ndarray, " pairs"],
    pooling: SubwordPooling,
    starts: Int[np.ndarray, " rows"],
    counts: Int[np.ndarray, " rows"],
) -> Float[np.ndarray, "rows dim"]:
    """Pool the subwords of each row: the first of all rows at once, then the second of those that have one, ..."""
    pooled: np.ndarray = states.take(positions[starts], axis=0)
    more = np.flatnonzero(counts > 1)
    several, rank = more, 1
    while len(more):
        found = states.take(positions[starts[more] + rank], axis=0)
        pooled[more] = np.maximum(pooled[more], found) if pooling == "max" else pooled[more] + found
        rank += 1
        more = more[counts[more] > rank]
    if pooling == "mean":
        pooled[several] /= counts[several, None].astype(np.float32)
    return pooled
