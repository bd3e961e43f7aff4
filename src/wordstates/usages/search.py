"""Exact search: the rows of a matrix on disk that are most like a query, by their dot product."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int

# Below this share of wanted rows, gathering them is cheaper than multiplying with all (benchmarks/constants.py).
_GATHER_BELOW = 0.1


def scored(
    blocks: Sequence[Float[np.ndarray, "_rows dim"]],
    query: Float[np.ndarray, " dim"],
    wanted: Bool[np.ndarray, " usages"] | None = None,
) -> tuple[Float[np.ndarray, " rows"], Int[np.ndarray, " rows"]]:
    """Multiply all rows that are wanted with a query.

    Args:
        blocks: The matrix, in consecutive pieces; memory-mapped ones are read as they are needed.
        query: The vector that is looked for.
        wanted: Which rows; None: all.

    Returns:
        The products, and the numbers of the rows.

    Examples:
        >>> rows = np.array([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]], dtype=np.float32)
        >>> products, numbers = scored([rows], rows[0], np.array([True, False, True]))
        >>> products.astype(float).round(1).tolist(), numbers.tolist()
        ([1.0, 0.6], [0, 2])
    """
    total = sum(map(len, blocks))
    rows = np.arange(total) if wanted is None else np.flatnonzero(wanted)
    gathered = len(rows) < _GATHER_BELOW * total
    products = np.empty(len(rows) if gathered else total, dtype=np.float32)
    first = done = 0
    for block in blocks:  # each whole, at the speed of the memory
        last = first + len(block)
        if gathered:
            inside = rows[done : int(np.searchsorted(rows, last))] - first
            np.matmul(block[inside], query, out=products[done : done + len(inside)])
            done += len(inside)
        else:
            np.matmul(block, query, out=products[first:last])
        first = last
    return products if gathered or wanted is None else products[rows], rows


def best(scores: Float[np.ndarray, " rows"], k: int) -> Int[np.ndarray, " best"]:
    """Give the places of the k best scores, highest first; equal ones in the order of their rows.

    Examples:
        >>> best(np.array([0.1, 0.9, 0.1, 0.5], dtype=np.float32), 3).tolist()
        [1, 3, 0]
    """
    least = np.partition(scores, -k)[-k] if k else np.inf  # the k-th best score
    candidates = np.flatnonzero(scores >= least)
    order: Int[np.ndarray, " best"] = candidates[np.argsort(-scores[candidates], kind="stable")[:k]]
    return order
