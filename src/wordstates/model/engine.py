"""What an engine is: batches of subword ids in, hidden states of the wanted layers out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from wordstates.model.batching import Layout, row_of_each

_UNSEEN = -1e9  # added to what a subword must not see


@dataclass(frozen=True)
class Batch:
    """Windows in rows: one in each, padded on the right; or packed one after the other.

    Args:
        ids: Vocabulary ids, special tokens included, shape (rows, subwords).
        mask: True where there is a subword, False where there is padding.
        lengths: Subwords of each window.
        starts: Where each window begins in the rows, put one after the other.
        type_ids: Segment of each subword, for models whose own template is not all zeros; else None.
    """

    ids: Int[Tensor, "rows subwords"]
    mask: Bool[Tensor, "rows subwords"]
    lengths: Int[np.ndarray, " windows"]
    starts: Int[np.ndarray, " windows"]
    type_ids: Int[Tensor, "rows subwords"] | None = None

    def positions(self) -> Int[np.ndarray, " subwords"]:
        """Give the position of every subword in its window, from 0."""
        return _positions(self.lengths)

    def numbers(self) -> tuple[Int[Tensor, "rows subwords"], Int[Tensor, "rows subwords"]]:
        """Give the position of every subword in its window, and the number of its window, from 1; 0 where is none."""
        positions, windows = torch.zeros_like(self.ids), torch.zeros_like(self.ids)
        positions[self.mask] = torch.from_numpy(self.positions())
        windows[self.mask] = torch.from_numpy(np.repeat(np.arange(1, len(self.lengths) + 1), self.lengths))
        return positions, windows


def _positions(lengths: Int[np.ndarray, " windows"]) -> Int[np.ndarray, " subwords"]:
    positions: np.ndarray = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return positions


@runtime_checkable
class Engine(Protocol):
    """Runs a network no deeper than needed.

    Args:
        name: What provenance says of it.
        layout: How it wants windows to stand in a batch.
        in_flight: Batches that it is best asked for at once, each by a thread of its own.
        precision_error: Largest error relative to float32, by norm, over layers, on a probe text; None in float32.
    """

    name: str
    layout: Layout
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


def mask_of_rows(windows: Int[Tensor, "rows subwords"]) -> Float[Tensor, "rows 1 subwords subwords"]:
    """Give what is added to attention in packed rows, so that a subword sees its own window alone.

    A mask of four dimensions `transformers` takes as it is.

    Args:
        windows: Number of the window of each subword.
    """
    together = windows[:, None, :, None] == windows[:, None, None, :]
    return torch.where(together, 0.0, _UNSEEN)


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

    Examples:
        >>> pad([[5, 6], [7]], None, 0).ids.tolist()
        [[5, 6], [7, 0]]
    """
    more = max(shape[0] - len(rows), 0)
    rows = [*rows, *[rows[0]] * more]
    types = None if types is None else [*types, *[types[0]] * more]
    width = max(max(map(len, rows)), shape[1])
    return _laid_out(rows, types, pad_id, list(range(len(rows))), width)


def pack(
    windows: Sequence[Sequence[int] | Int[np.ndarray, " _"]],
    types: Sequence[Sequence[int]] | None,
    pad_id: int,
    width: int | None = None,
) -> Batch:
    """Put windows one after the other.

    Args:
        windows: Vocabulary ids of each window.
        types: Segment ids of each window, None if all are 0.
        pad_id: Id for what is left of a row.
        width: Of the rows; None: a single one.

    Examples:
        >>> batch = pack([[5, 6], [7]], None, 0)
        >>> batch.ids.tolist(), batch.starts.tolist()
        ([[5, 6, 7]], [0, 2])
        >>> pack([[5, 6], [7], [8]], None, 0, width=4).ids.tolist()
        [[5, 6, 7, 8]]
    """
    lengths = [len(window) for window in windows]
    if width is None:
        width = sum(lengths)
    return _laid_out(windows, types, pad_id, row_of_each(lengths, width), width)


def lay_out(
    windows: Sequence[Sequence[int] | Int[np.ndarray, " _"]],
    types: Sequence[Sequence[int]] | None,
    pad_id: int,
    layout: Layout,
    shape: tuple[int, int],
) -> Batch:
    """Make a batch in an engine's layout.

    Args:
        windows: Vocabulary ids of each window.
        types: Segment ids of each window, None if all are 0.
        pad_id: Id for what is no subword.
        layout: How windows stand in it.
        shape: Rows that it has at least, if windows are padded; and the width of its rows.
    """
    if not layout.packed:
        return pad(windows, types, pad_id, shape)
    return pack(windows, types, pad_id, shape[1] if layout.widths else None)


def _laid_out(
    windows: Sequence[Sequence[int] | Int[np.ndarray, " _"]],
    types: Sequence[Sequence[int]] | None,
    pad_id: int,
    rows: Sequence[int],
    width: int,
) -> Batch:
    """Put windows into rows, ascending, each after those before it in its row."""
    lengths, of_window = np.array([len(window) for window in windows]), np.asarray(rows)
    before = np.cumsum(lengths) - lengths
    first_of_row = np.searchsorted(of_window, of_window)  # the first window of the row of each
    starts = of_window * width + before - before[first_of_row]
    places = np.repeat(starts, lengths) + _positions(lengths)
    shape = (int(of_window[-1]) + 1, width)
    ids, mask = np.full(shape, pad_id, dtype=np.int64), np.zeros(shape, dtype=bool)
    ids.ravel()[places] = np.concatenate(windows)
    mask.ravel()[places] = True
    type_ids = None
    if types is not None:
        type_ids = np.zeros(shape, dtype=np.int64)
        type_ids.ravel()[places] = np.concatenate(types)
    return Batch(
        torch.from_numpy(ids),
        torch.from_numpy(mask),
        lengths,
        starts,
        None if type_ids is None else torch.from_numpy(type_ids),
    )
