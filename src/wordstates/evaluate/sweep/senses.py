"""Sense-labelled usages: the nearest centroid, and the nearest usage, among the usages of the same word."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from wordstates.evaluate.data.task import Item
from wordstates.evaluate.sweep.folds import Fold, Indices
from wordstates.evaluate.sweep.scorers import Predicted, Vectors, codes_of, left_usages
from wordstates.evaluate.sweep.scores import Gold, Metric, Predictions, accuracy

_UNKNOWN = -1  # no sense of the word is known: never right


class SenseScorer:
    """The sense whose centroid, or whose usage, has the highest cosine.

    Args:
        items: Usages with their senses.
        metric: ``centroid`` or ``neighbour``: the score that comes first.

    Source:
        Loureiro and Jorge 2019, "Language modelling makes sense" (1-NN); Loureiro et al. 2021 (centroids).
    """

    def __init__(self, items: Sequence[Item], metric: str | None = None) -> None:
        _, codes = codes_of(items)
        self.gold: Gold = codes
        found = (Metric("centroid", "centroid", accuracy), Metric("neighbour", "neighbour", accuracy))
        self.metrics = tuple(sorted(found, key=lambda each: each.name != metric))
        self._usages = left_usages(items)
        self._words = [item.word for item in items]

    def predict(self, vectors: Vectors, fold: Fold) -> Predicted:
        """Compare each usage with those of its word; see `Scorer`.

        Where the choice is made on the training items, each of them is compared with all others.
        """
        rows = vectors[self._usages]
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        units = rows / np.where(lengths == 0, 1, lengths)
        return Predicted(self._of(rows, units, fold.train, fold.dev), self._of(rows, units, fold.train, fold.test))

    def _of(self, rows: Vectors, units: Vectors, train: Indices, asked: Indices) -> Predictions:
        known, wanted = self._by_word(train), self._by_word(asked)
        place = {number: index for index, number in enumerate(asked.tolist())}
        found = {name: np.full(len(asked), _UNKNOWN, dtype=np.int64) for name in ("centroid", "neighbour")}
        for word, numbers in wanted.items():
            if word not in known:
                continue
            references = known[word]
            where = [place[number] for number in numbers.tolist()]
            same = numbers[:, None] == references[None, :]
            gold = self.gold[references]
            found["neighbour"][where] = _nearest_usage(units[numbers] @ units[references].T, same, gold)
            found["centroid"][where] = _nearest_centroid(rows, units, numbers, references, same, gold)
        return found

    def _by_word(self, numbers: Indices) -> dict[str, Indices]:
        found: defaultdict[str, list[int]] = defaultdict(list)
        for number in numbers.tolist():
            found[self._words[number]].append(number)
        return {word: np.array(members, dtype=np.int64) for word, members in found.items()}


def _nearest_usage(
    likeness: Float[np.ndarray, "asked known"], same: np.ndarray, gold: Gold
) -> Int[np.ndarray, " asked"]:
    """Take the sense of the most similar usage, itself aside."""
    likeness = np.where(same, -np.inf, likeness)
    best: np.ndarray = np.where(np.isinf(likeness.max(axis=1)), _UNKNOWN, gold[likeness.argmax(axis=1)])
    return best


def _nearest_centroid(
    rows: Vectors, units: Vectors, asked: Indices, references: Indices, same: np.ndarray, gold: Gold
) -> Int[np.ndarray, " asked"]:
    """Take the sense whose mean vector is most similar, an item left out of the mean of its own sense."""
    senses = np.unique(gold)
    members = (gold[None, :] == senses[:, None]).astype(np.float64)  # (senses, known)
    own = same.astype(np.float64) @ members.T  # (asked, senses): 1 where the item itself is in the sum
    counts = members.sum(axis=1)[None, :] - own
    sums, vectors = members @ rows[references], rows[asked].astype(np.float64)
    # Products with the sums, and their squared lengths, without the item itself: no array of (asked, senses, dim).
    products = units[asked] @ sums.T - own * np.einsum("ad,ad->a", units[asked], vectors)[:, None]
    squares = (sums**2).sum(axis=1)[None, :] + own * ((vectors**2).sum(axis=1)[:, None] - 2 * vectors @ sums.T)
    usable = (counts > 0) & (squares > 0)
    likeness = np.divide(products, np.sqrt(np.maximum(squares, 0)), out=np.full_like(products, -np.inf), where=usable)
    best: np.ndarray = np.where(usable.any(axis=1), senses[likeness.argmax(axis=1)], _UNKNOWN)
    return best
