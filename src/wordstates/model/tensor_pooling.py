"""Hidden states to vectors with PyTorch, on the device where they are: layers pooled, then the subwords of each row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import embedding_bag

from wordstates.options import LayerPooling, SubwordPooling


def pool(
    hidden: Mapping[int, Float[Tensor, "windows subwords dim"]],
    layers: Sequence[int],
    layer_pooling: LayerPooling,
    subword_pooling: SubwordPooling,
    positions: Int[Tensor, " pairs"],
    starts: Int[Tensor, " rows"],
) -> Float[Tensor, "rows ..."]:
    """Pool the layers of each subword, then the subwords of each row, on the device.

    Args:
        hidden: Hidden states by absolute layer number, all on one device.
        layers: The layers of the recipe, in its order.
        layer_pooling: ``mean``, ``sum``, ``concat`` or ``none``.
        subword_pooling: ``mean``, ``first``, ``last``, ``max``, ``sum``; with ``none`` every row has one subword.
        positions: Subwords of all rows, one row after the other, counted through the flattened batch.
        starts: Where each row begins in `positions`; no row is empty.

    Returns:
        float32 (float64 of float64) on the device of `hidden`: (rows, dim), (rows, layers * dim) for concat, (rows,
        layers, dim) for none. Gradients flow through it.

    Examples:
        >>> hidden = {1: torch.tensor([[[1.0], [3.0], [5.0]]])}
        >>> pool(hidden, [1], "mean", "mean", torch.tensor([0, 1, 2]), torch.tensor([0, 2])).tolist()
        [[2.0], [5.0]]
    """
    states = [in_float32(hidden[layer].flatten(0, 1)) for layer in layers]  # (windows * subwords, dim) each
    if layer_pooling in ("mean", "sum"):
        total = states[0]
        for state in states[1:]:
            total = total + state
        states = [total / len(states) if layer_pooling == "mean" else total]
    rows = [_pool_subwords(state, subword_pooling, positions, starts) for state in states]
    if layer_pooling == "concat":
        return torch.cat(rows, dim=1)
    return torch.stack(rows, dim=1) if layer_pooling == "none" else rows[0]


def in_float32(states: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """Give states in float32, in which they are pooled; those in float64 stay so."""
    return states if states.dtype == torch.float64 else states.float()


def _pool_subwords(
    states: Float[Tensor, "all_subwords dim"],
    pooling: SubwordPooling,
    positions: Int[Tensor, " pairs"],
    starts: Int[Tensor, " rows"],
) -> Float[Tensor, "rows dim"]:
    if pooling in ("first", "none"):
        return states[positions[starts]]
    if pooling == "last":
        ends = torch.cat([starts[1:], starts.new_tensor([len(positions)])])
        return states[positions[ends - 1]]
    return embedding_bag(positions, states, starts, mode=pooling)
