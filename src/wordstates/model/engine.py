"""What an engine is: batches of subword ids in, hidden states of the wanted layers out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """Windows of like length, padded on the right.

    Args:
        ids: Vocabulary ids, special tokens included, shape (windows, subwords).
        mask: True where there is a subword, False where there is padding.
        type_ids: Segment of each subword, for models whose own template is not all zeros; else None.
    """

    ids: Int[Tensor, "windows subwords"]
    mask: Bool[Tensor, "windows subwords"]
    type_ids: Int[Tensor, "windows subwords"] | None = None


@runtime_checkable
class Engine(Protocol):
    """Runs a network no deeper than needed."""

    name: str

    @property
    def device(self) -> torch.device:
        """Where it runs."""
        ...

    def hidden_states(self, batch: Batch, layers: Sequence[int]) -> dict[int, Float[Tensor, "windows subwords dim"]]:
        """Give the wanted layers, by absolute number, on the engine's device."""
        ...


def pad(rows: Sequence[Sequence[int]], types: Sequence[Sequence[int]] | None, pad_id: int) -> Batch:
    """Stack rows of unequal length, padding on the right, where positions do not shift.

    The mask is made from the lengths, never from the padding id, which may be a real subword (pad equals eos).

    Example:
        >>> pad([[5, 6], [7]], None, 0).ids.tolist()
        [[5, 6], [7, 0]]
    """
    longest = max(map(len, rows))
    ids = torch.full((len(rows), longest), pad_id, dtype=torch.long)
    mask = torch.zeros((len(rows), longest), dtype=torch.bool)
    type_ids = None if types is None else torch.zeros_like(ids)
    for index, row in enumerate(rows):
        ids[index, : len(row)] = torch.as_tensor(row, dtype=torch.long)
        mask[index, : len(row)] = True
        if types is not None and type_ids is not None:
            type_ids[index, : len(row)] = torch.as_tensor(types[index], dtype=torch.long)
    return Batch(ids, mask, type_ids)
