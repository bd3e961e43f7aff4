"""Length-sorted batches under a budget of padded subwords, and smaller ones when memory runs out."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

import numpy as np


def make_batches(lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Group items of like length so that no batch holds more than `budget` padded subwords.

    Longest first: memory runs out at once or not at all. An item longer than the budget is a batch of its own.

    Args:
        lengths: Subwords of each item, special tokens included.
        budget: Most padded subwords in a batch (items times the longest of them).

    Returns:
        Indices into `lengths`, each in exactly one batch.

    Example:
        >>> make_batches([3, 9, 2, 3], budget=9)
        [[1], [0, 3, 2]]
    """
    batches: list[list[int]] = []
    longest = 0
    for index in np.argsort(-np.asarray(lengths, dtype=np.int64), kind="stable").tolist():
        if batches and (len(batches[-1]) + 1) * longest <= budget:
            batches[-1].append(index)
        else:
            batches.append([index])
            longest = lengths[index]
    return batches


def run_batches(
    lengths: Sequence[int],
    budget: int,
    step: Callable[[list[int]], None],
    is_out_of_memory: Callable[[Exception], bool],
) -> int:
    """Run `step` on every batch; when memory runs out, halve the budget and go on.

    Args:
        lengths: Subwords of each item.
        budget: Most padded subwords in a batch.
        step: Does one batch; must leave no trace when it fails.
        is_out_of_memory: Tells a lack of memory from other errors.

    Returns:
        The budget at the end, to begin with next time.

    Raises:
        Exception: What `step` raised, if it is no lack of memory, or memory does not suffice for a single item.
    """
    waiting = deque(make_batches(lengths, budget))
    while waiting:
        batch = waiting.popleft()
        try:
            step(batch)
        except Exception as error:
            if not is_out_of_memory(error) or len(batch) == 1:
                raise
            budget = len(batch) * lengths[batch[0]] // 2
        else:
            continue
        # Outside the handler: its traceback would keep the failed batch's tensors alive.
        remaining = [*batch, *(index for later in waiting for index in later)]
        smaller = make_batches([lengths[index] for index in remaining], budget)
        waiting = deque([remaining[index] for index in group] for group in smaller)
    return budget
