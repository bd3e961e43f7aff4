"""Which recipe is taken: by resampled development data, and a plain one where no other is surely better."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from wordstates.evaluate.choosing import SURE, choose
from wordstates.evaluate.grid import Candidate
from wordstates.evaluate.result import Result
from wordstates.evaluate.scores import Interval
from wordstates.recipe import Recipe

LAST = Candidate(Recipe("2"), is_last=True)
LAST_FOUR = Candidate(Recipe("-4:"))
OTHER = Candidate(Recipe("1", "mean", "first"))
ANOTHER = Candidate(Recipe("0"))


def result(candidate: Candidate, *samples: Sequence[float]) -> Result:
    """Make a result with scores on resampled development items, by fold."""
    dev = tuple(float(np.mean(fold)) for fold in samples)
    return Result("m", candidate, dev, [np.array(fold) for fold in samples], {"s": Interval(0, 0, 0)}, [], [])


def test_a_recipe_that_is_surely_better_is_taken() -> None:
    last, other = result(LAST, [0.5] * 10), result(OTHER, [0.6] * 9 + [0.4])
    assert choose([last, result(LAST_FOUR, [0.3] * 10), other], [0]) == (other, SURE)


def test_a_recipe_that_is_better_by_luck_is_not() -> None:
    """Its mean is far higher, and it wins more often than not; but not often enough."""
    last, other = result(LAST, [0.5] * 10), result(OTHER, [0.9] * 8 + [0.4] * 2)
    four = result(LAST_FOUR, [0.45] * 10)
    assert choose([last, four, other], [0]) == (last, 0.8)
    assert choose([four, last, other], [0]) == (last, 0.8)


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
