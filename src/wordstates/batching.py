"""Length-sorted batches under a budget of subwords, and smaller ones when memory runs out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np


def make_batches(lengths: Sequence[int], budget: int, *, packed: bool = False) -> list[list[int]]:
    """Group items of like length so that no batch holds more than `budget` subwords, padding included.

    Longest first: memory runs out at once or not at all. An item longer than the budget is a batch of its own.

    Args:
        lengths: Subwords of each item, special tokens included.
        budget: Most subwords in a batch, as `size_of` counts them.
        packed: Whether items are packed instead of padded.

    Returns:
        Indices into `lengths`, each in exactly one batch.

    Example:
        >>> make_batches([3, 9, 2, 3], budget=9)
        [[1], [0, 3, 2]]
        >>> make_batches([3, 9, 2, 3], budget=12, packed=True)
        [[1, 0], [3, 2]]
    """
    batches: list[list[int]] = []
    size = longest = 0
    for index in np.argsort(-np.asarray(lengths, dtype=np.int64), kind="stable").tolist():
        size += lengths[index] if packed else longest
        if batches and size <= budget:
            batches[-1].append(index)
        else:
            batches.append([index])
            size = longest = lengths[index]
    return batches


def size_of(lengths: Sequence[int], *, packed: bool) -> int:
    """Count the subwords of a batch, padding included.

    Example:
        >>> size_of([3, 5], packed=False), size_of([3, 5], packed=True)
        (10, 8)
    """
    return sum(lengths) if packed else len(lengths) * max(lengths)


def round_width(length: int) -> int:
    """Round a length up, so that batches have few widths: a handful of hundreds, at a cost of 2 to 3 percent padding.

    Example:
        >>> [round_width(length) for length in (3, 31, 33, 128, 129, 500)]
        [4, 32, 36, 128, 144, 512]
    """
    step = 2 if length <= 32 else 4 if length <= 128 else 16
    return -(-length // step) * step


def round_rows(rows: int, full: int) -> int:
    """Round the number of rows of a batch that is not full up to a power of two; a full one stays.

    Example:
        >>> [round_rows(rows, 40) for rows in (1, 5, 33, 40)]
        [1, 8, 40, 40]
    """
    return rows if rows >= full else min(1 << (rows - 1).bit_length(), full)


class Budget:
    """Most subwords in a batch, padding included; halved for good when memory runs out, for all threads that share it.

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
        *,
        packed: bool = False,
    ) -> None:
        """Run `step` on a batch; in halves where it is over the budget by now, or memory does not suffice.

        Args:
            batch: Indices into `lengths`.
            lengths: Subwords of each item.
            step: Does a batch or a part of it; must leave no trace when it fails.
            is_out_of_memory: Tells a lack of memory from other errors.
            packed: Whether items are packed instead of padded.

        Raises:
            Exception: What `step` raised, if it is no lack of memory, or memory does not suffice for a single item.
        """
        waiting = [batch]
        while waiting:
            part = waiting.pop()
            size = size_of([lengths[index] for index in part], packed=packed)
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
