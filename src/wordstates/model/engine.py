"""What an engine is: batches of subword ids in, hidden states of the wanted layers out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Int

from wordstates.model.batching import Layout, row_of_each


@dataclass(frozen=True)
class Batch:
    """Windows in rows: one in each, padded on the right; or packed one after the other.

    Args:
        ids: Vocabulary ids, special tokens included, shape (rows, subwords).
        mask: True where there is a subword, False where there is padding.
        lengths: Subwords of each window.
        starts: Where each window begins in the rows, put one after the other.
        type_ids: Segment of each subword, for models whose own template is not all zeros; else None.
        alone: Whether nothing else is read meanwhile, so that it may have all cores.
    """

    ids: Int[np.ndarray, "rows subwords"]
    mask: Bool[np.ndarray, "rows subwords"]
    lengths: Int[np.ndarray, " windows"]
    starts: Int[np.ndarray, " windows"]
    type_ids: Int[np.ndarray, "rows subwords"] | None = None
    alone: bool = False

    def positions(self) -> Int[np.ndarray, " subwords"]:
        """Give the position of every subword in its window, from 0."""
        return _positions(self.lengths)

    def numbers(self) -> tuple[Int[np.ndarray, "rows subwords"], Int[np.ndarray, "rows subwords"]]:
        """Give the position of every subword in its window, and the number of its window, from 1; 0 where is none."""
        positions, windows = np.zeros_like(self.ids), np.zeros_like(self.ids)
        positions[self.mask] = self.positions()
        windows[self.mask] = np.repeat(np.arange(1, len(self.lengths) + 1), self.lengths)
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
        streams: Batches that it computes at once, each on its share of the cores; 1 if each has all of them.
        precision_error: Largest error relative to float32, by norm, over layers, on a probe text; None in float32.
    """

    name: str
    layout: Layout
    in_flight: int
    streams: int
    precision_error: float | None

    @property
    def device(self) -> object:
        """Where it runs, as `str` has it: a device of PyTorch, or its name."""
        ...

    def hidden_states(self, batch: Batch, layers: Sequence[int]) -> dict[int, Any]:
        """Give the wanted layers, by absolute number, each (rows, subwords, dim).

        They are tensors on the engine's device, or float32 arrays of what is not PyTorch. What it gives may be memory
        of its own, which holds until the same thread asks again.
        """
        ...


@runtime_checkable
class EngineChooser(Protocol):
    """Chooses which engine of a model runs a call."""

    @property
    def why_not_faster(self) -> str | None:
        """Why the engine is not the expected one; None if it is, or if that was not checked."""
        ...

    @property
    def device(self) -> object:
        """Where the model runs, as `str` has it."""
        ...

    def for_work(self, subwords: float) -> Engine:
        """Choose the engine for a call that reads so many subwords."""
        ...

    def fastest(self) -> Engine:
        """Give the fastest engine."""
        ...


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
    return Batch(ids, mask, lengths, starts, type_ids)
