"""The vectors of one recipe, one row per word or subword, and some of its rows."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from wordstates.recipe import Recipe


@dataclass(frozen=True, eq=False)
class Column:
    """The vectors of one recipe.

    Args:
        recipe: What they are.
        layers: Absolute layer numbers, in the order of the recipe.
        values: float32, shape (rows, dim), (rows, layers * dim) for concat, or (rows, layers, dim) for none. A row is a
            word, or a subword if the recipe's `subword_pooling` is ``none``. A word without a vector is a row of NaN.
        row_words: Word of each row if rows are subwords, else None: row i is word i.
    """

    recipe: Recipe
    layers: tuple[int, ...]
    values: Float[np.ndarray, "rows ..."]
    row_words: Int[np.ndarray, " rows"] | None = None


def ranges(starts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Give start, start + 1, ... of each range, one after the other."""
    every: np.ndarray = np.arange(counts.sum()) + np.repeat(starts - (np.cumsum(counts) - counts), counts)
    return every


def slice_rows(column: Column, first: int, last: int) -> Column:
    """Give the rows of some words that stand together."""
    if column.row_words is None:
        return replace(column, values=column.values[first:last])
    low, high = np.searchsorted(column.row_words, [first, last])
    return replace(column, values=column.values[low:high], row_words=column.row_words[low:high] - first)


def take_rows(column: Column, words: np.ndarray) -> Column:
    """Give the rows of some words."""
    if column.row_words is None:
        return replace(column, values=column.values[words])
    starts = np.searchsorted(column.row_words, words, side="left")
    counts = np.searchsorted(column.row_words, words, side="right") - starts
    return replace(
        column, values=column.values[ranges(starts, counts)], row_words=np.repeat(np.arange(len(words)), counts)
    )
