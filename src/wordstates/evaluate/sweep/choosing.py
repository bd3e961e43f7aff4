"""Which recipe development data say to take, and how surely it is better than the plain ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from wordstates.evaluate.sweep.result import Result

# Well below a half: that another layer is better than the last is what the literature finds on most tasks.
LEAST_SURE = 0.2


def choose(results: Sequence[Result], folds: Sequence[int]) -> tuple[Result, float | None]:
    """Choose the result with the best mean rank on resampled development items.

    Scores of a hundred recipes on some hundred items are mostly noise, and the highest of them is the luckiest; ranks
    on many resampled sets leave less to luck. How surely it is better than the plain recipes (the last layer, and the
    mean of the last four, with the mean of the subwords and no post-processing) is the share of resampled sets on which
    no recipe gains over the better plain one, by luck alone, as much as it does. Where luck mostly gains more, below
    `LEAST_SURE`, the better plain one is taken instead.

    Args:
        results: The results to choose from; of equal ones the first wins.
        folds: The folds whose development items count.

    Returns:
        The choice, and how surely the best of the others is better than the plain ones, 0 to 1; None where a plain one
        has the best mean rank, or none is there.

    Source:
        Breiman 1996, "Bagging predictors" (choosing on resampled data); White 2000, "A reality check for data
        snooping" (the best of many).
    """
    scores = _scores(results, folds)
    mean_ranks = _mean_ranks(scores)
    best = int(mean_ranks.argmax())
    plain = [number for number, result in enumerate(results) if result.is_plain]
    if not plain or best in plain:
        return results[best], None
    better_plain = max(plain, key=lambda number: float(mean_ranks[number]))
    gains = scores - scores[better_plain]  # (results, samples)
    means = gains.mean(axis=1)
    by_luck = (gains - means[:, None]).max(axis=0)
    sure = float((by_luck < means[best]).mean())
    return results[best if sure >= LEAST_SURE else better_plain], sure


def best_plain(results: Sequence[Result], folds: Sequence[int]) -> Result | None:
    """Give the plain recipe that `choose` holds the others against; None if none was tried."""
    mean_ranks = _mean_ranks(_scores(results, folds))
    plain = [number for number, result in enumerate(results) if result.is_plain]
    return results[max(plain, key=lambda number: float(mean_ranks[number]))] if plain else None


def _scores(results: Sequence[Result], folds: Sequence[int]) -> Float[np.ndarray, "results samples"]:
    return np.stack([np.concatenate([result.dev_samples[fold] for fold in folds]) for result in results])


def _mean_ranks(scores: Float[np.ndarray, "results samples"]) -> Float[np.ndarray, " results"]:
    from scipy.stats import rankdata  # comes with scikit-learn, an extra

    found: np.ndarray = rankdata(scores, axis=0).mean(axis=1)
    return found
