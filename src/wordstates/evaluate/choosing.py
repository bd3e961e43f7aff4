"""Which recipe development data say to take, and whether they say it surely enough."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

import numpy as np

from wordstates.evaluate.result import Result

# Scores of a hundred recipes on some hundred items are mostly noise, and the highest of them is the luckiest.
SURE = 0.9


def choose(results: Sequence[Result], folds: Sequence[int]) -> tuple[Result, float | None]:
    """Choose by how results rank on resampled development items; a plain recipe stays unless another is surely better.

    The one with the best mean rank is the candidate. Plain are the last layer and the mean of the last four, with the
    mean of the subwords and without post-processing: the better of them is taken unless the candidate beats it on at
    least `SURE` of the resampled sets.

    Args:
        results: The results to choose from; of equal ones the first wins.
        folds: The folds whose development items count.

    Returns:
        The choice, and on what share of the resampled sets the candidate beats the plain one; None where it is plain
        itself, or none is there.

    Source:
        Breiman 1996, "Bagging predictors" (choosing on resampled data); the caution is that of the one-standard-error
        rule, Breiman et al. 1984, "Classification and regression trees", section 3.4.3.
    """
    scores = np.stack([np.concatenate([result.dev_samples[fold] for fold in folds]) for result in results])
    ranks = import_module("scipy.stats").rankdata(scores, axis=0).mean(axis=1)  # scipy comes with scikit-learn
    best = int(ranks.argmax())
    plain = [number for number, result in enumerate(results) if result.is_plain]
    if not plain or best in plain:
        return results[best], None
    other = max(plain, key=lambda number: float(ranks[number]))
    share = float((scores[best] > scores[other]).mean())
    return results[best if share >= SURE else other], share
