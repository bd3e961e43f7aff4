"""Every item runs once, within the budget, also when memory runs out."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordstates.batching import Budget, make_batches

lengths_strategy = st.lists(st.integers(1, 50), max_size=40)


@given(lengths=lengths_strategy, budget=st.integers(1, 200))
def test_each_item_is_in_one_batch_within_the_budget(lengths: list[int], budget: int) -> None:
    batches = make_batches(lengths, budget)
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    for batch in batches:
        padded = len(batch) * max(lengths[index] for index in batch)
        assert padded <= budget or len(batch) == 1


def is_memory_error(error: Exception) -> bool:
    return isinstance(error, MemoryError)


@given(lengths=lengths_strategy, budget=st.integers(1, 400), memory=st.integers(50, 200))
def test_out_of_memory_halves_the_budget_and_loses_nothing(lengths: list[int], budget: int, memory: int) -> None:
    done: list[int] = []
    failed: list[int] = []

    def step(batch: Sequence[int]) -> None:
        padded = len(batch) * max(lengths[index] for index in batch)
        if padded > memory:
            failed.append(padded)
            raise MemoryError
        done.extend(batch)

    shared = Budget(budget)
    for batch in make_batches(lengths, budget):
        shared.run(batch, lengths, step, is_memory_error)
    assert sorted(done) == list(range(len(lengths)))
    assert shared.subwords == min([budget, *(padded // 2 for padded in failed)])


def test_memory_that_does_not_suffice_for_one_item_is_an_error() -> None:
    def step(batch: Sequence[int]) -> None:
        raise MemoryError

    with pytest.raises(MemoryError):
        Budget(20).run([0, 1], [5, 6], step, is_memory_error)


def test_other_errors_are_not_taken_for_a_lack_of_memory() -> None:
    def step(batch: Sequence[int]) -> None:
        raise RuntimeError("something else")

    with pytest.raises(RuntimeError, match="something else"):
        Budget(20).run([0, 1], [5, 6], step, is_memory_error)
