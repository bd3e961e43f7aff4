"""Batches under a budget of subwords, padded or packed, and smaller ones when memory runs out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

# How PyTorch (two) and OpenVINO say it.
_NO_MEMORY = ("out of memory", "can't allocate memory", "bad_alloc")


@dataclass(frozen=True)
class Layout:
    """How windows stand in a batch.

    Args:
        packed: Whether a row holds several windows, one after the other, instead of one and padding.
        widths: Of packed rows, ascending, a longer window has a row of its own; empty: one row as long as it has to be.
        few_shapes: Whether padded batches, and rows of their own, are rounded up to few shapes, because a new one costs
            time and memory.
    """

    packed: bool = False
    widths: tuple[int, ...] = ()
    few_shapes: bool = False

    def length(self, subwords: int, most: int) -> int:
        """Give the subwords that an item counts as, at most as many as the model can read."""
        in_rows = bool(self.widths) and subwords <= self.widths[-1]
        return max(subwords, min(round_width(subwords), most)) if self.few_shapes and not in_rows else subwords

    def shape(self, lengths: Sequence[int], budget: int) -> tuple[int, int]:
        """Give the rows that a batch of items has at least, and the width of its rows."""
        width = self.width(max(lengths), budget)
        return (round_rows(len(lengths), budget // width) if self.few_shapes else 0, width)

    def width(self, longest: int, budget: int) -> int:
        """Give the width of the rows of a batch whose longest item has so many subwords."""
        if not self.widths:
            return longest
        wide_enough = next((width for width in self.widths if width >= longest), longest)
        return min(wide_enough, max(budget, longest))

    def alone(self, lengths: Sequence[int], width: int) -> int:
        """Give the width of a row that holds all items and is read by itself: also a part of the width of others.

        A short text is not to cost a long one; few shapes, for a new one costs milliseconds.

        Example:
            >>> layout = Layout(packed=True, widths=(64, 128))
            >>> [layout.alone(lengths, 64) for lengths in ([9], [20], [20, 20], [40, 20], [40, 30])]
            [16, 32, 48, 64, 64]
        """
        held = sum(lengths)
        if not self.widths or held > width:
            return width
        return min(narrow for narrow in (width // 4, width // 2, 3 * width // 4, width) if narrow >= held)

    def size(self, lengths: Sequence[int], budget: int) -> int:
        """Count the subwords of a batch, padding included.

        Examples:
            >>> Layout().size([3, 5], budget=9), Layout(packed=True).size([3, 5], budget=9)
            (10, 8)
            >>> Layout(packed=True, widths=(4, 8)).size([3, 5, 6], budget=99)
            16
        """
        if not self.packed:
            return len(lengths) * max(lengths)
        if not self.widths:
            return sum(lengths)
        width = self.width(max(lengths), budget)
        return (row_of_each(lengths, width)[-1] + 1) * width


PADDED = Layout()
SHORT = 64  # width of the shortest packed rows
FULL = 1024  # subwords of a full batch on a CPU, whose caches it fits (benchmarks/constants.py)


def row_widths(longest: int) -> tuple[int, ...]:
    """Give the widths of packed rows: twice the one before, up to the longest window.

    Examples:
        >>> row_widths(300), row_widths(40)
        ((64, 128, 256, 300), (40,))
    """
    widths = [SHORT]
    while widths[-1] < longest:
        widths.append(2 * widths[-1])
    return (*widths[:-1], longest)


def row_of_each(lengths: Sequence[int], width: int) -> list[int]:
    """Give the row of each item when rows of a width are filled with items as they come.

    Examples:
        >>> row_of_each([3, 5, 6], 8)
        [0, 0, 1]
    """
    rows: list[int] = []
    row = filled = 0
    for length in lengths:
        if filled and filled + length > width:
            row, filled = row + 1, 0
        filled += length
        rows.append(row)
    return rows


def make_batches(lengths: Sequence[int], budget: int, layout: Layout = PADDED, parts: int = 1) -> list[list[int]]:
    """Group items so that no batch holds more than `budget` subwords, padding included.

    Longest first: memory runs out at once or not at all. An item longer than the budget is a batch of its own.

    Args:
        lengths: Subwords of each item, special tokens included.
        budget: Most subwords in a batch.
        layout: How items stand in a batch.
        parts: Batches to be made at least, about, where there are items enough.

    Returns:
        Indices into `lengths`, each in exactly one batch, in the order in which they stand there.

    Examples:
        >>> make_batches([3, 9, 2, 3], budget=9)
        [[1], [0, 3, 2]]
        >>> make_batches([3, 9, 2, 3], 12, Layout(packed=True))
        [[1, 0], [3, 2]]
        >>> make_batches([3, 9, 2, 3], 10, Layout(packed=True, widths=(5, 10)))
        [[1], [0, 3, 2]]
        >>> make_batches([4, 4, 4, 4], 99, parts=2)
        [[0, 1], [2, 3]]
    """
    order = np.argsort(-np.asarray(lengths, dtype=np.int64), kind="stable").tolist()
    if layout.widths:
        return _batches_of_rows(lengths, order, budget, layout, parts)
    budget = min(budget, -(-sum(lengths) // parts)) if parts > 1 else budget
    batches: list[list[int]] = []
    size = longest = 0
    for index in order:
        size += lengths[index] if layout.packed else longest
        if batches and size <= budget:
            batches[-1].append(index)
        else:
            batches.append([index])
            size = longest = lengths[index]
    return batches


def _batches_of_rows(
    lengths: Sequence[int], order: Sequence[int], budget: int, layout: Layout, parts: int
) -> list[list[int]]:
    """Put each item, the longest first, into the row with the least space that suffices; then rows of a width together.

    The item that opens a row fit into none before it: so filling rows with the items as they stand makes them again.
    """
    rows: dict[int, list[list[int]]] = defaultdict(list)  # by width
    with_space: dict[int, list[list[int]]] = defaultdict(list)  # rows by the space they have left
    spaces = 0  # a bit for each space that some row has left
    for index in order:
        length = lengths[index]
        if enough := spaces >> length:
            space = length + (enough & -enough).bit_length() - 1
            row = with_space[space].pop()
            if not with_space[space]:
                spaces ^= 1 << space
        else:
            space = layout.width(length, budget)
            row = []
            rows[space].append(row)
        row.append(index)
        if space > length:
            with_space[space - length].append(row)
            spaces |= 1 << (space - length)
    batches = []
    share = sum(width * len(of_width) for width, of_width in rows.items()) / parts
    for width, of_width in rows.items():
        together = max(min(budget // width, round(share / width)), 1)
        for begin in range(0, len(of_width), together):
            batches.append([index for row in of_width[begin : begin + together] for index in row])
    return batches


def round_width(length: int) -> int:
    """Round a length up, so that batches have few widths: a handful of hundreds, at a cost of 2 to 3 percent padding.

    Examples:
        >>> [round_width(length) for length in (3, 31, 33, 128, 129, 500)]
        [4, 32, 36, 128, 144, 512]
    """
    step = 2 if length <= 32 else 4 if length <= 128 else 16
    return -(-length // step) * step


def round_rows(rows: int, full: int) -> int:
    """Round the number of rows of a batch that is not full up to a power of two; a full one stays.

    Examples:
        >>> [round_rows(rows, 40) for rows in (1, 5, 33, 40)]
        [1, 8, 40, 40]
    """
    return rows if rows >= full else min(1 << (rows - 1).bit_length(), full)


class Budget:
    """Most subwords in a batch, padding included; halved when memory runs out, for all threads that share it.

    Args:
        subwords: To begin with.
    """

    def __init__(self, subwords: int) -> None:
        self.subwords = subwords

    def run(
        self,
        batch: Sequence[int],
        lengths: Sequence[int],
        step: Callable[[Sequence[int]], None],
        is_out_of_memory: Callable[[Exception], bool],
        layout: Layout = PADDED,
    ) -> None:
        """Run `step` on a batch; in halves where it is over the budget by now, or memory does not suffice.

        Args:
            batch: Indices into `lengths`.
            lengths: Subwords of each item.
            step: Does a batch or a part of it; must leave no trace when it fails.
            is_out_of_memory: Tells a lack of memory from other errors.
            layout: How items stand in a batch.

        Raises:
            Exception: What `step` raised, if it is no lack of memory, or memory does not suffice for a single item.
        """
        waiting = [batch]
        while waiting:
            part = waiting.pop()
            size = layout.size([lengths[index] for index in part], self.subwords)
            if len(part) > 1 and size > self.subwords:
                middle = len(part) // 2
                waiting += [part[middle:], part[:middle]]
                continue
            try:
                step(part)
            except Exception as error:
                if not is_out_of_memory(error) or len(part) == 1:
                    raise
                self.subwords = min(self.subwords, size // 2)
            else:
                continue
            # Outside the handler: its traceback would keep the failed batch's tensors alive.
            waiting.append(part)


def is_out_of_memory(error: Exception) -> bool:
    """Tell a lack of memory, on any device, from other errors."""
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and any(sign in str(error).lower() for sign in _NO_MEMORY)
    )
