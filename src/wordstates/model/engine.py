"""What an engine is: batches of subword ids in, hidden states of the wanted layers out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """Windows of like length, padded on the right; or packed one after the other into a single row.

    Args:
        ids: Vocabulary ids, special tokens included, shape (rows, subwords).
        mask: True where there is a subword, False where there is padding.
        lengths: Subwords of each window.
        type_ids: Segment of each subword, for models whose own template is not all zeros; else None.
    """

    ids: Int[Tensor, "rows subwords"]
    mask: Bool[Tensor, "rows subwords"]
    lengths: Int[np.ndarray, " windows"]
    type_ids: Int[Tensor, "rows subwords"] | None = None

    @property
    def starts(self) -> Int[np.ndarray, " windows"]:
        """Where each window begins in the rows, put one after the other."""
        if len(self.ids) == len(self.lengths):
            return np.arange(len(self.ids)) * self.ids.shape[1]
        starts: np.ndarray = np.cumsum(self.lengths) - self.lengths
        return starts


@runtime_checkable
class Engine(Protocol):
    """Runs a network no deeper than needed.

    Args:
        name: What provenance says of it.
        few_shapes: Whether each new shape of a batch costs it time and memory, so that shapes are rounded.
        packs: Whether it reads windows that are packed instead of padded.
        in_flight: Batches that it is best asked for at once, each by a thread of its own.
        precision_error: Largest error relative to float32, by norm, over layers, on a probe text; None in float32.
    """

    name: str
    few_shapes: bool
    packs: bool
    in_flight: int
    precision_error: float | None

    @property
    def device(self) -> torch.device:
        """Where it runs."""
        ...

    def hidden_states(self, batch: Batch, layers: Sequence[int]) -> dict[int, Float[Tensor, "rows subwords dim"]]:
        """Give the wanted layers, by absolute number, on the engine's device.

        What it gives may be memory of its own, which holds until the same thread asks again.
        """
        ...


def relative_error(exact: Sequence[Tensor], other: Sequence[Tensor]) -> float:
    """Give the largest error of some layers relative to the exact ones, by norm."""
    return max(float((a - b.float()).norm() / a.norm()) for a, b in zip(exact, other, strict=True))


def pad(
    rows: Sequence[Sequence[int] | Int[np.ndarray, " _"]],
    types: Sequence[Sequence[int]] | None,
    pad_id: int,
    shape: tuple[int, int] = (0, 0),
) -> Batch:
    """Stack rows of unequal length, padding on the right, where positions do not shift.

    The mask is made from the lengths, never from the padding id, which may be a real subword (pad equals eos).

    Args:
        rows: Vocabulary ids of each row.
        types: Segment ids of each row, None if all are 0.
        pad_id: Id to pad with.
        shape: Rows and subwords that the batch has at least; rows too many repeat the first.

    Example:
        >>> pad([[5, 6], [7]], None, 0).ids.tolist()
        [[5, 6], [7, 0]]
    """
    more = max(shape[0] - len(rows), 0)
    rows = [*rows, *[rows[0]] * more]
    types = None if types is None else [*types, *[types[0]] * more]
    lengths = np.array([len(row) for row in rows])
    mask = np.arange(max(lengths.max(), shape[1])) < lengths[:, None]
    ids = np.full(mask.shape, pad_id, dtype=np.int64)
    ids[mask] = np.concatenate(rows)
    type_ids = None
    if types is not None:
        type_ids = np.zeros_like(ids)
        type_ids[mask] = np.concatenate(types)
    return Batch(
        torch.from_numpy(ids), torch.from_numpy(mask), lengths, None if type_ids is None else torch.from_numpy(type_ids)
    )


def pack(rows: Sequence[Sequence[int] | Int[np.ndarray, " _"]], types: Sequence[Sequence[int]] | None) -> Batch:
    """Put rows one after the other.

    Args:
        rows: Vocabulary ids of each row.
        types: Segment ids of each row, None if all are 0.

    Example:
        >>> batch = pack([[5, 6], [7]], None)
        >>> batch.ids.tolist(), batch.starts.tolist()
        ([[5, 6, 7]], [0, 2])
    """
    ids = torch.from_numpy(np.concatenate(rows).astype(np.int64))[None]
    type_ids = None if types is None else torch.from_numpy(np.concatenate(types).astype(np.int64))[None]
    return Batch(ids, torch.ones_like(ids, dtype=torch.bool), np.array([len(row) for row in rows]), type_ids)
