"""The linear probe for labelled words, its control task, and the learned mix of layers."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from wordstates.evaluate.data.task import Item
from wordstates.evaluate.sweep.folds import Fold
from wordstates.evaluate.sweep.scorers import Predicted, Vectors, codes_of, left_usages
from wordstates.evaluate.sweep.scores import Gold, Metric, accuracy, macro_f1

PENALTIES = (0.001, 0.01, 0.1, 1.0)  # the strongest first, which settles soonest
_MOST_STEPS = 1000
_MOST_FOR_A_THREAD = 2**23  # numbers: in fewer, threads wait for each other more than they compute
_ONE_FOR_ALMOST_ALL = 0.75  # from here on accuracy says little
_MIX_STEPS, _MIX_RATE = 200, 0.05


class Probe:
    """A logistic regression on standardised vectors, its penalty tuned on development data.

    Penalties are tried from the strongest on, until the development score falls.

    Args:
        items: Labelled words.
        metric: Name of the score that penalties are tuned by; None: accuracy, or the macro F1 where one label covers
            three quarters of the words or more.

    Source:
        Hewitt and Liang 2019, "Designing and interpreting probes with control tasks".
    """

    def __init__(self, items: Sequence[Item], metric: str | None = None) -> None:
        self.labels, codes = codes_of(items)
        self.gold: Gold = codes
        self.majority = float(np.bincount(codes).max() / len(codes))
        found = (Metric("accuracy", "label", accuracy), Metric("macro_f1", "label", macro_f1))
        first = metric or ("macro_f1" if self.majority >= _ONE_FOR_ALMOST_ALL else "accuracy")
        self.metrics = tuple(sorted(found, key=lambda each: each.name != first))
        self._usages = left_usages(items)

    def predict(self, vectors: Vectors, fold: Fold) -> Predicted:
        """Tune and learn; see `Scorer`."""
        return self._predict(vectors[self._usages], fold)

    def _predict(self, rows: Float[np.ndarray, "items size"], fold: Fold) -> Predicted:
        best: tuple[float, Any, dict[str, Any]] | None = None
        for penalty in PENALTIES:
            model, settled = fit_probe(rows[fold.train], self.gold[fold.train], penalty)
            dev = model.predict(rows[fold.dev])
            score = self.metrics[0].score(self.gold[fold.dev], dev)
            if best is not None and score < best[0]:
                break
            if best is None or score > best[0]:
                best = (score, model, {"C": penalty} if settled else {"C": penalty, "settled": False})
        assert best is not None
        _, model, notes = best
        return Predicted({"label": model.predict(rows[fold.dev])}, {"label": model.predict(rows[fold.test])}, notes)

    def control(self, vectors: Vectors, fold: Fold, control: Gold, penalty: float) -> Gold:
        """Learn the control labels instead, and give those predicted for the test items."""
        rows = vectors[self._usages]
        model, _ = fit_probe(rows[fold.train], control[fold.train], penalty)
        predicted: Gold = model.predict(rows[fold.test])
        return predicted

    def mix(
        self, layers: Float[np.ndarray, "usages layers dim"], fold: Fold, seed: int
    ) -> tuple[Predicted, list[float]]:
        """Learn one weight per layer on the training items, then probe the weighted sum of the standardised layers.

        Source:
            Peters et al. 2018, "Deep contextualized word representations", equation 1.
        """
        rows = layers[self._usages]
        train = rows[fold.train]
        mean, scale = train.mean(axis=0), train.std(axis=0)
        rows = (rows - mean) / np.where(scale == 0, 1, scale)
        weights = _learn_weights(rows[fold.train], self.gold[fold.train], len(self.labels), seed)
        return self._predict(np.einsum("ild,l->id", rows, weights), fold), weights.tolist()


@dataclass(frozen=True)
class _Fitted:
    mean: Float[np.ndarray, " size"]
    scale: Float[np.ndarray, " size"]
    regression: Any

    def predict(self, rows: Float[np.ndarray, "items size"]) -> Gold:
        codes: Gold = self.regression.predict((rows - self.mean) / self.scale)
        return codes


def fit_probe(rows: Float[np.ndarray, "items size"], gold: Gold, penalty: float) -> tuple[Any, bool]:
    """Learn a logistic regression on standardised rows.

    Args:
        rows: A vector an item.
        gold: Their labels, by number.
        penalty: scikit-learn's ``C``: the inverse of the weight of the penalty.

    Returns:
        What predicts labels of other rows; whether it settled within its steps.
    """
    from sklearn.dummy import DummyClassifier
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    if len(np.unique(gold)) == 1:  # labels drawn at random may be all the same
        return DummyClassifier().fit(rows, gold), True

    scaler = StandardScaler().fit(rows)
    regression = LogisticRegression(C=penalty, max_iter=_MOST_STEPS)
    limits = import_module("threadpoolctl").threadpool_limits  # comes with scikit-learn
    with warnings.catch_warnings(), limits(1 if rows.size < _MOST_FOR_A_THREAD else None):
        warnings.simplefilter("ignore", ConvergenceWarning)  # told by the flag
        regression.fit(scaler.transform(rows), gold)
    settled = bool(np.max(regression.n_iter_) < _MOST_STEPS)
    return _Fitted(scaler.mean_.astype(rows.dtype), scaler.scale_.astype(rows.dtype), regression), settled


def control_labels(items: Sequence[Item], gold: Gold, seed: int) -> Int[np.ndarray, " items"]:
    """Give each word type a label at random, as often as it really occurs: what can only be known by heart.

    Source:
        Hewitt and Liang 2019, section 2.
    """
    words = sorted({item.word for item in items})
    drawn = np.random.default_rng(seed).choice(gold, size=len(words))
    label_of = dict(zip(words, drawn.tolist(), strict=True))
    return np.array([label_of[item.word] for item in items], dtype=np.int64)


def _learn_weights(
    rows: Float[np.ndarray, "items layers dim"], gold: Gold, n_labels: int, seed: int
) -> Float[np.ndarray, " layers"]:
    """Learn softmax weights together with a linear classifier, both thrown away but for the weights."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        head = torch.nn.Linear(rows.shape[2], n_labels)
    scores = torch.zeros(rows.shape[1], requires_grad=True)
    layers, labels = torch.from_numpy(np.ascontiguousarray(rows, dtype=np.float32)), torch.from_numpy(gold)
    optimizer = torch.optim.AdamW([scores, *head.parameters()], lr=_MIX_RATE)
    for _ in range(_MIX_STEPS):
        optimizer.zero_grad()
        mixed = torch.einsum("ild,l->id", layers, scores.softmax(dim=0))
        loss = torch.nn.functional.cross_entropy(head(mixed), labels)
        loss.backward()
        optimizer.step()
    weights: np.ndarray = scores.detach().softmax(dim=0).numpy()
    return weights
