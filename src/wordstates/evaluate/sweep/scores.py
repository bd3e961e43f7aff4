"""Scores of predictions, and how sure they are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module

import numpy as np
from jaxtyping import Float, Int, Num

from wordstates.errors import MissingExtraError

Gold = Num[np.ndarray, " items"]
Samples = Num[np.ndarray, "samples items"]
Predictions = Mapping[str, Num[np.ndarray, " items"]]
LEVEL = 0.95


@dataclass(frozen=True)
class Metric:
    """A score.

    Args:
        name: What it is called.
        of: Name of the predictions it looks at.
        score: Gold answers and predictions in, the score out; more is better.
        of_rows: The same for many samples at once, a row each, where that is quicker.
    """

    name: str
    of: str
    score: Callable[[Gold, Gold], float]
    of_rows: Callable[[Samples, Samples], Float[np.ndarray, " samples"]] | None = None


@dataclass(frozen=True)
class Interval:
    """A score and what it might as well have been.

    Args:
        score: The score.
        low: Lower end of the interval that holds 95% of the scores of resampled data.
        high: Its upper end.
    """

    score: float
    low: float
    high: float

    def to_dict(self) -> dict[str, float]:
        """Give it as plain JSON data."""
        return {"score": round(self.score, 6), "low": round(self.low, 6), "high": round(self.high, 6)}


def accuracy(gold: Gold, predicted: Gold) -> float:
    """Share of the items that are right."""
    return float((gold == predicted).mean())


def macro_f1(gold: Gold, predicted: Gold) -> float:
    """Mean of the F1 of all labels that occur, in the gold answers or the predictions; as scikit-learn has it.

    Examples:
        >>> macro_f1(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1]))
        0.7333333333333334
    """
    size = int(max(gold.max(), predicted.max())) + 1
    right = np.bincount(gold[gold == predicted], minlength=size)
    total = np.bincount(gold, minlength=size) + np.bincount(predicted, minlength=size)
    return float((2 * right[total > 0] / total[total > 0]).mean())


def spearman(gold: Gold, predicted: Gold) -> float:
    """Spearman's rank correlation, equal values sharing their rank; 0 where one side is all the same."""
    return float(spearman_of_rows(gold[None], predicted[None])[0])


def spearman_of_rows(gold: Samples, predicted: Samples) -> Float[np.ndarray, " samples"]:
    """Give the rank correlation of each row with its like: what `scipy.stats.spearmanr` does one by one.

    Examples:
        >>> spearman_of_rows(np.array([[1, 2, 3], [1, 1, 1]]), np.array([[0, 5, 9], [0, 5, 9]])).tolist()
        [1.0, 0.0]
    """
    from scipy.stats import rankdata

    a, b = (rankdata(each, axis=1) - (each.shape[1] + 1) / 2 for each in (gold, predicted))
    length = np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
    correlation: np.ndarray = np.divide((a * b).sum(axis=1), length, out=np.zeros(len(a)), where=length > 0)
    return correlation


def auc(gold: Gold, predicted: Gold) -> float:
    """Share of the pairs of a yes and a no that are in order, equal values counting half; 0.5 where there are none."""
    return float(auc_of_rows(gold[None], predicted[None])[0])


def auc_of_rows(gold: Samples, predicted: Samples) -> Float[np.ndarray, " samples"]:
    """Give the share of pairs in order of each row.

    Examples:
        >>> auc_of_rows(np.array([[0, 1, 1], [1, 1, 1]]), np.array([[2, 1, 3], [2, 1, 3]])).tolist()
        [0.5, 0.5]
    """
    from scipy.stats import rankdata

    yes = gold == 1
    n_yes = yes.sum(axis=1)
    pairs = n_yes * (gold.shape[1] - n_yes)
    above = (rankdata(predicted, axis=1) * yes).sum(axis=1) - n_yes * (n_yes + 1) / 2
    share: np.ndarray = np.divide(above, pairs, out=np.full(len(gold), 0.5), where=pairs > 0)
    return share


class Bootstrap:
    """Resamples the groups of items with replacement; each use draws the same samples, so that scores are paired.

    Args:
        groups: The group of each item: items of one sentence or word are not independent.
        samples: Number of samples.
        seed: Of the drawing.

    Source:
        Efron and Tibshirani 1993, "An introduction to the bootstrap", chapter 13 (the percentile interval).
    """

    def __init__(self, groups: Sequence[str], *, samples: int = 200, seed: int = 0) -> None:
        members: defaultdict[str, list[int]] = defaultdict(list)
        for number, group in enumerate(groups):
            members[group].append(number)
        generator, count = np.random.default_rng(seed), len(members)
        groups_of = [np.array(numbers, dtype=np.int32) for numbers in members.values()]
        draws = [
            np.concatenate([groups_of[group] for group in generator.integers(count, size=count).tolist()])
            for _ in range(samples)
        ]
        alike = len(set(map(len, draws))) == 1
        self._draws: list[Int[np.ndarray, " items"]] | Int[np.ndarray, "samples items"]
        self._draws = np.stack(draws) if alike else draws

    def scores(self, metric: Metric, gold: Gold, predicted: Gold) -> Float[np.ndarray, " samples"]:
        """Score predictions on each sample."""
        if metric.of_rows is not None and isinstance(self._draws, np.ndarray):
            return metric.of_rows(gold[self._draws], predicted[self._draws])
        return np.array([metric.score(gold[drawn], predicted[drawn]) for drawn in self._draws])

    def interval(self, metric: Metric, gold: Gold, predicted: Gold) -> Interval:
        """Score predictions, with the interval of resampled items."""
        return _interval(metric.score(gold, predicted), self.scores(metric, gold, predicted))

    def gain(self, metric: Metric, gold: Gold, predicted: Gold, other: Gold) -> Interval:
        """Say how much more predictions score than others of the same items, with the interval of the difference."""
        more = self.scores(metric, gold, predicted) - self.scores(metric, gold, other)
        return _interval(metric.score(gold, predicted) - metric.score(gold, other), more)


def _interval(score: float, samples: Float[np.ndarray, " samples"]) -> Interval:
    edge = (1 - LEVEL) / 2
    low, high = np.quantile(samples, [edge, 1 - edge])
    return Interval(score, float(low), float(high))


def check_extra(*, plots: bool) -> None:
    """See that scikit-learn is there, and for plots matplotlib, before anything is computed.

    Raises:
        MissingExtraError: If it is not.
    """
    for library, purpose in {"sklearn": "a sweep", "matplotlib": "a report with plots"}.items():
        if library == "matplotlib" and not plots:
            continue
        try:
            import_module(library)
        except ImportError as error:
            raise MissingExtraError.of("evaluate", purpose) from error
