"""Pairs of usages or of words: how well the cosine tells yes from no, or follows a rating."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from wordstates.evaluate.data.task import Item
from wordstates.evaluate.sweep.folds import Fold
from wordstates.evaluate.sweep.scorers import (
    Predicted,
    Vectors,
    cosines,
    left_usages,
    numbers_of,
    on_one_scale,
    right_usages,
)
from wordstates.evaluate.sweep.scores import Gold, Metric, accuracy, auc, auc_of_rows, spearman, spearman_of_rows


class PairScorer:
    """The cosine of two usages.

    Args:
        items: Pairs of usages.
        yes_no: The answers are yes (1) and no (0): AUC, and accuracy with the threshold that is best on development
            data; else they are ratings: Spearman's correlation.
        metric: Name of the score that comes first.
    """

    def __init__(self, items: Sequence[Item], *, yes_no: bool, metric: str | None = None) -> None:
        self.gold: Gold = numbers_of(items)
        self._yes_no = yes_no
        rated = (Metric("spearman", "cosine", spearman, spearman_of_rows),)
        answered = (Metric("auc", "cosine", auc, auc_of_rows), Metric("accuracy", "yes", accuracy))
        self.metrics = tuple(sorted(answered if yes_no else rated, key=lambda each: each.name != metric))
        self._left, self._right = left_usages(items), right_usages(items)

    def predict(self, vectors: Vectors, fold: Fold) -> Predicted:
        """Compare the usages of each pair, on one scale for all folds; see `Scorer`."""
        dev, test = (cosines(vectors[self._left[part]], vectors[self._right[part]]) for part in (fold.dev, fold.test))
        scaled, asked = on_one_scale(dev, test)
        if not self._yes_no:
            return Predicted({"cosine": scaled}, {"cosine": asked})
        threshold = best_threshold(self.gold[fold.dev], dev)
        return Predicted(
            {"cosine": scaled, "yes": (dev >= threshold).astype(float)},
            {"cosine": asked, "yes": (test >= threshold).astype(float)},
            {"threshold": threshold},
        )


def best_threshold(gold: Gold, values: Float[np.ndarray, " items"]) -> float:
    """Give the threshold from which on "yes" is right most often: half-way between two values, the lowest of equals.

    Examples:
        >>> best_threshold(np.array([0.0, 0.0, 1.0, 1.0]), np.array([0.1, 0.2, 0.6, 0.9]))
        0.4
    """
    order = np.argsort(values, kind="stable")
    ranked, answers = values[order], gold[order]
    # Threshold number k says "no" to the k lowest values.
    right = np.append(0, np.cumsum(answers == 0)) + np.append(np.cumsum((answers == 1)[::-1])[::-1], 0)
    edges = np.concatenate([[ranked[0] - 1], (ranked[1:] + ranked[:-1]) / 2, [ranked[-1] + 1]])
    parts = np.concatenate([[True], ranked[1:] > ranked[:-1], [True]])  # equal values are never parted
    return float(edges[parts][np.argmax(right[parts])])
