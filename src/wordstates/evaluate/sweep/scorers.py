"""What all tasks share: vectors of usages in, predictions for the items of a fold out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from jaxtyping import Float, Int

from wordstates.evaluate.data.task import Item
from wordstates.evaluate.sweep.folds import Fold, Indices
from wordstates.evaluate.sweep.grid import NOTHING
from wordstates.evaluate.sweep.scores import Gold, Metric, Predictions
from wordstates.postprocess.post_processing import PostProcessing

Vectors = Float[np.ndarray, "usages size"]


@dataclass(frozen=True)
class Predicted:
    """What was predicted in one fold.

    Args:
        dev: For the development items, by the names that metrics look at.
        test: For the test items.
        notes: What was chosen on the way: a penalty, a threshold.
    """

    dev: Predictions
    test: Predictions
    notes: dict[str, Any] = field(default_factory=dict)


class Scorer(Protocol):
    """How a task is scored.

    `metrics` are its scores, `gold` the right answers, an item each.
    """

    metrics: tuple[Metric, ...]
    gold: Gold

    def predict(self, vectors: Vectors, fold: Fold) -> Predicted:
        """Learn from the training items of a fold, choose on its development items, predict both other parts."""
        ...


def left_usages(items: Sequence[Item]) -> Int[np.ndarray, " items"]:
    """Give the first usage on the left of each item."""
    return np.array([item.left[0] for item in items], dtype=np.int64)


def right_usages(items: Sequence[Item]) -> Int[np.ndarray, " items"]:
    """Give the first usage on the right of each item."""
    return np.array([item.right[0] for item in items], dtype=np.int64)


def codes_of(items: Sequence[Item]) -> tuple[list[str], Int[np.ndarray, " items"]]:
    """Number the gold labels in the order of the alphabet."""
    names = sorted({str(item.gold) for item in items})
    number = {name: code for code, name in enumerate(names)}
    return names, np.array([number[str(item.gold)] for item in items], dtype=np.int64)


def numbers_of(items: Sequence[Item]) -> Float[np.ndarray, " items"]:
    """Give the gold answers that are numbers."""
    return np.array([float(item.gold) for item in items])


def post_processed(steps: str, vectors: Vectors, items: Sequence[Item], train: Indices) -> Vectors:
    """Post-process all vectors as the usages of the training items say; ``none`` leaves them as they are."""
    if steps == NOTHING:
        return vectors
    return fitted_on(steps, vectors, items, train).apply(vectors)


def fitted_on(
    steps: str, vectors: Vectors, items: Sequence[Item], train: Indices, provenance: Mapping[str, Any] | None = None
) -> PostProcessing:
    """Fit post-processing on the usages of the training items."""
    usages = sorted({usage for number in train.tolist() for usage in items[number].usages})
    return PostProcessing.fit(steps, [vectors[usages]], provenance=provenance)


def cosines(
    first: Float[np.ndarray, "rows size"], second: Float[np.ndarray, "rows size"]
) -> Float[np.ndarray, " rows"]:
    """Give the cosine of each row of one array and the same row of the other, float64; 0 for a vector of length 0.

    Examples:
        >>> cosines(np.array([[1.0, 0.0], [1.0, 1.0]]), np.array([[0.0, 2.0], [3.0, 3.0]])).round(6).tolist()
        [0.0, 1.0]
    """
    products = np.einsum("rs,rs->r", first, second, dtype=np.float64)
    lengths = np.sqrt(
        np.einsum("rs,rs->r", first, first, dtype=np.float64) * np.einsum("rs,rs->r", second, second, dtype=np.float64)
    )
    found: np.ndarray = np.divide(products, lengths, out=np.zeros_like(products), where=lengths > 0)
    return found


def on_one_scale(
    dev: Float[np.ndarray, " _dev"], test: Float[np.ndarray, " _test"]
) -> tuple[Float[np.ndarray, " _dev"], Float[np.ndarray, " _test"]]:
    """Give values as distances from the mean of the development items, in their standard deviations.

    Within a fold nothing changes for ranks. Between folds, whose recipes differ, only so are values comparable.

    Examples:
        >>> on_one_scale(np.array([1.0, 3.0]), np.array([4.0]))[1].tolist()
        [2.0]
    """
    mean, scale = dev.mean(), dev.std() or 1.0
    return (dev - mean) / scale, (test - mean) / scale
