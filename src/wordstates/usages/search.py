"""Exact search: the rows of a matrix on disk that are most like a query, by their dot product."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int

_BLOCK_ROWS = 1 << 14
# Below this share of wanted rows, gathering them is cheaper than multiplying with all.
_GATHER_BELOW = 0.1


def nearest(
    blocks: Sequence[Float[np.ndarray, "_rows dim"]],
    queries: Float[np.ndarray, "queries dim"],
    k: int,
    wanted: Bool[np.ndarray, " usages"] | None = None,
) -> tuple[Float[np.ndarray, "queries found"], Int[np.ndarray, "queries found"]]:
    """Find the rows with the largest dot products.

    Every row is looked at: the result is exact. Rows that score alike come in the order of their numbers.

    Args:
        blocks: The matrix, in consecutive pieces; memory-mapped ones are read as they are needed.
        queries: Vectors that are looked for.
        k: How many rows to find for each.
        wanted: Which rows may be found; None: all.

    Returns:
        Scores, highest first, and row numbers; as many as there are, at most k.

    Example:
        >>> rows = np.array([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]], dtype=np.float32)
        >>> scores, numbers = nearest([rows], rows[:1], 2)
        >>> numbers.tolist(), [round(score, 2) for score in scores[0].tolist()]
        ([[0, 2]], [1.0, 0.6])
    """
    best_scores = np.empty((len(queries), 0), dtype=np.float32)
    best_rows = np.empty((len(queries), 0), dtype=np.int64)
    first = 0
    for block in blocks:
        for begin in range(0, len(block), _BLOCK_ROWS):
            rows = np.arange(begin, min(begin + _BLOCK_ROWS, len(block)))
            part = block[begin : begin + _BLOCK_ROWS]
            if wanted is not None:
                asked = wanted[first + begin : first + begin + len(rows)]
                if not asked.any():
                    continue
                if asked.mean() < _GATHER_BELOW:
                    rows, asked = rows[asked], np.ones(int(asked.sum()), dtype=np.bool_)
                    part = block[rows]
            scores = queries @ part.T  # (queries, rows)
            if wanted is not None and not asked.all():
                scores[:, ~asked] = -np.inf
            best_scores, best_rows = _best(
                np.hstack([best_scores, scores]),
                np.hstack([best_rows, np.broadcast_to(rows + first, scores.shape)]),
                k,
            )
        first += len(block)
    found = int(np.isfinite(best_scores).sum(axis=1).min(initial=best_scores.shape[1])) if len(queries) else 0
    return best_scores[:, :found], best_rows[:, :found]


def _best(
    scores: Float[np.ndarray, "queries candidates"], rows: Int[np.ndarray, "queries candidates"], k: int
) -> tuple[Float[np.ndarray, "queries best"], Int[np.ndarray, "queries best"]]:
    """Keep the k best, highest first; candidates come in the order of their rows, so a stable sort settles ties."""
    if scores.shape[1] > k:
        least = np.partition(scores, -k, axis=1)[:, -k, None]  # the k-th best score of each query
        if (scores >= least).sum() > 4 * k * len(scores):  # a crowd that scores alike: sort them all
            order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        else:
            order = np.array([_order(row, floor, k) for row, floor in zip(scores, least, strict=True)])
    else:
        order = np.argsort(-scores, axis=1, kind="stable")
    return np.take_along_axis(scores, order, axis=1), np.take_along_axis(rows, order, axis=1)


def _order(scores: Float[np.ndarray, " candidates"], least: float, k: int) -> Int[np.ndarray, " best"]:
    candidates = np.flatnonzero(scores >= least)
    return candidates[np.argsort(-scores[candidates], kind="stable")[:k]]
