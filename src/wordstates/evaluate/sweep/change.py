"""Change over time: how far the usages of a word in one time are from those in another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from wordstates.evaluate.data.task import Item
from wordstates.evaluate.sweep.folds import Fold
from wordstates.evaluate.sweep.scorers import Predicted, Vectors, cosines, numbers_of, on_one_scale
from wordstates.evaluate.sweep.scores import Gold, Metric, Predictions, spearman, spearman_of_rows


class ChangeScorer:
    """Two distances between the usages of two times, and how they follow the gold change.

    ``apd`` is the average distance (1 - cosine) of all pairs of an earlier and a later usage, ``prototype`` the
    distance of the means of both times.

    Args:
        items: Words with their usages in both times, and how much they changed.
        metric: ``apd`` or ``prototype``: the score that comes first.

    Source:
        Kutuzov and Giulianelli 2020, "UiO-UvA at SemEval-2020 task 1: Contextualised embeddings for lexical semantic
        change detection".
    """

    def __init__(self, items: Sequence[Item], metric: str | None = None) -> None:
        self.gold: Gold = numbers_of(items)
        found = tuple(Metric(name, name, spearman, spearman_of_rows) for name in ("apd", "prototype"))
        self.metrics = tuple(sorted(found, key=lambda each: each.name != metric))
        self._items = items

    def predict(self, vectors: Vectors, fold: Fold) -> Predicted:
        """Measure the distances, on one scale for all folds; see `Scorer`."""
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        units = vectors / np.where(lengths == 0, 1, lengths)
        dev, test = (self._of(vectors, units, part) for part in (fold.dev, fold.test))
        scaled = {name: on_one_scale(dev[name], test[name]) for name in dev}
        return Predicted(
            {name: pair[0] for name, pair in scaled.items()}, {name: pair[1] for name, pair in scaled.items()}
        )

    def _of(self, vectors: Vectors, units: Vectors, asked: np.ndarray) -> Predictions:
        items = [self._items[number] for number in asked.tolist()]
        sides = [(list(item.left), list(item.right)) for item in items]
        # The mean cosine of all pairs is the product of the means of unit vectors.
        left, right = (np.stack([units[pair[side]].mean(axis=0) for pair in sides]) for side in (0, 1))
        apd = 1 - np.einsum("id,id->i", left, right, dtype=np.float64)
        earlier, later = (np.stack([vectors[pair[side]].mean(axis=0) for pair in sides]) for side in (0, 1))
        return {"apd": apd, "prototype": 1 - cosines(earlier, later)}
