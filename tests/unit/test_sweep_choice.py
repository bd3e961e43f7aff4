"""Which recipe is taken, by resampled development data, and how surely it is better than the plain ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from wordstates.evaluate.sweep.choosing import LEAST_SURE, best_plain, choose
from wordstates.evaluate.sweep.grid import Candidate
from wordstates.evaluate.sweep.report_text import why
from wordstates.evaluate.sweep.result import Choice, Result, SweepReport
from wordstates.evaluate.sweep.scores import Bootstrap, Interval, Metric, accuracy
from wordstates.recipe import Recipe

LAST = Candidate(Recipe("2"), is_last=True)
LAST_FOUR = Candidate(Recipe("-4:"))
OTHER = Candidate(Recipe("1", "mean", "first"))
ANOTHER = Candidate(Recipe("0"))


def result(candidate: Candidate, *samples: Sequence[float]) -> Result:
    """Make a result with scores on resampled development items, by fold."""
    dev = tuple(float(np.mean(fold)) for fold in samples)
    return Result("m", candidate, dev, [np.array(fold) for fold in samples], {"s": Interval(0, 0, 0)}, [], [])


def test_a_recipe_that_gains_on_every_sample_is_surely_better() -> None:
    random = np.random.default_rng(0)
    last = result(LAST, random.normal(0.5, 0.01, 50).tolist())
    other = result(OTHER, random.normal(0.6, 0.01, 50).tolist())
    four = result(LAST_FOUR, random.normal(0.4, 0.01, 50).tolist())
    assert choose([last, four, other], [0]) == (other, 1.0)


def test_the_luckiest_of_many_equal_recipes_is_not() -> None:
    """It beats the plain one on most samples, because it was picked on them; luck would do as much."""
    random = np.random.default_rng(0)
    lucky = random.normal(0, 0.02, (60, 1))  # of each recipe on the items at hand, not in truth
    scores = 0.7 + lucky + random.normal(0, 0.02, (60, 50))
    last = result(LAST, scores[0].tolist())
    others = [result(Candidate(Recipe(str(number))), row.tolist()) for number, row in enumerate(scores[1:])]
    luckiest = max(others, key=lambda other: other.dev[0])
    assert (luckiest.dev_samples[0] > last.dev_samples[0]).mean() > 0.9
    best, sure = choose([last, *others], [0])
    assert sure is not None
    assert sure < 0.9
    assert best is (luckiest if sure >= LEAST_SURE else last)


def test_a_plain_recipe_stays_where_luck_gains_more() -> None:
    random = np.random.default_rng(0)
    scores = 0.7 + random.normal(0, 0.02, (60, 50))
    others = [result(Candidate(Recipe(str(number))), row.tolist()) for number, row in enumerate(scores[1:])]
    last = result(LAST, scores[0].tolist())
    best, sure = choose([*others, last], [0])
    assert best is last
    assert sure is not None
    assert sure < LEAST_SURE


def test_ranks_count_and_not_means() -> None:
    """One enormous score does not outweigh nine small wins."""
    steady, lucky = result(OTHER, [0.6] * 10), result(ANOTHER, [0.55] * 9 + [9.0])
    assert choose([lucky, steady], [0]) == (steady, None)


def test_of_equal_ones_the_first_is_taken_and_a_plain_one_needs_no_other() -> None:
    last, four = result(LAST, [0.5, 0.7]), result(LAST_FOUR, [0.5, 0.7])
    assert choose([last, four], [0]) == (last, None)
    assert choose([four, last], [0]) == (four, None)
    assert choose([result(OTHER, [0.4, 0.6]), last], [0]) == (last, None)


@pytest.mark.parametrize(("folds", "first"), [([0], False), ([1], True), ([0, 1], True)])
def test_only_the_folds_asked_for_count(folds: list[int], first: bool) -> None:
    other, another = result(OTHER, [0.1] * 4, [0.9] * 8), result(ANOTHER, [0.2] * 4, [0.8] * 8)
    assert choose([other, another], folds)[0] is (other if first else another)


def test_recipes_that_score_alike_are_warned_of() -> None:
    def report(*test: float) -> SweepReport:
        scored = [
            replace(result(OTHER, [0.1 * number]), scores={"s": Interval(score, 0, 1)})
            for number, score in enumerate(test)
        ]
        return SimpleNamespace(models=[SimpleNamespace(results=scored)])  # type: ignore[return-value]

    warnings = SweepReport.warnings.fget  # type: ignore[attr-defined]
    assert warnings(report(0.0, 0.0, 0.0)) == [
        "all 3 recipes score 0.000 on test items: this data does not tell them apart"
    ]
    assert warnings(report(0.5, 0.6)) == warnings(report(0.5)) == []


@pytest.mark.parametrize(
    ("best", "sure", "says"),
    [
        (LAST, None, "it ranks highest on development data"),
        (LAST, 0.1, "a plain recipe: the lead of the best other one may be luck; in 90 of 100 resamples, luck alone"),
        (OTHER, None, "it ranks highest on development data; no plain recipe was tried"),
        (OTHER, 0.95, "it leads the plain recipes on development data; in 5 of 100 resamples, luck alone gives some"),
        (OTHER, 0.31, "it leads the plain recipes on development data; in 69 of 100 resamples, luck alone gives some"),
    ],
)
def test_the_odds_are_said_in_plain_words(best: Candidate, sure: float | None, says: str) -> None:
    """And never as the probability that one is better, which they are not."""
    told = why(Choice(result(best, [0.5]), sure, {"s": Interval(0, 0, 0)}, 1, 1))
    assert told.startswith(says)
    assert ("may be luck" in told) == (sure is not None and sure < 0.9)
    assert "%" not in told


def test_the_gain_is_that_of_paired_items() -> None:
    """Two recipes that are wrong on the same items differ by little, however wide the interval of each."""
    random = np.random.default_rng(0)
    gold = np.ones(200, dtype=int)
    plain = (random.random(200) < 0.6).astype(int)
    better = plain.copy()
    better[np.flatnonzero(plain == 0)[:10]] = 1
    metric, bootstrap = Metric("accuracy", "label", accuracy), Bootstrap([str(n) for n in range(200)], samples=500)
    gain = bootstrap.gain(metric, gold, better, plain)
    alone = bootstrap.interval(metric, gold, better)
    assert gain.score == pytest.approx(0.05)
    assert 0 < gain.low < gain.score < gain.high
    assert gain.high - gain.low < (alone.high - alone.low) / 2


def test_the_plain_recipe_that_counts_is_the_better_one() -> None:
    last, four, other = result(LAST, [0.5, 0.6]), result(LAST_FOUR, [0.55, 0.7]), result(OTHER, [0.9, 0.9])
    assert best_plain([last, four, other], [0]) is four
    assert best_plain([other], [0]) is None
