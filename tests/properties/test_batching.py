"""Every item runs once, within the budget, also when memory runs out."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordstates.batching import Budget, make_batches

lengths_strategy = st.lists(st.integers(1, 50), max_size=40)


def size(lengths: list[int], batch: Sequence[int], packed: bool) -> int:
    """Count what a batch holds by making it."""
    longest = max(lengths[index] for index in batch)
    return len([place for index in batch for place in range(lengths[index] if packed else longest)])


@given(lengths=lengths_strategy, budget=st.integers(1, 200), packed=st.booleans())
def test_each_item_is_in_one_batch_within_the_budget(lengths: list[int], budget: int, packed: bool) -> None:
    batches = make_batches(lengths, budget, packed=packed)
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    for batch in batches:
        assert size(lengths, batch, packed) <= budget or len(batch) == 1
    for batch, after in pairwise(batches):  # none is left emptier than it has to be
        assert size(lengths, [*batch, after[0]], packed) > budget


def is_memory_error(error: Exception) -> bool:
    return isinstance(error, MemoryError)


@given(lengths=lengths_strategy, budget=st.integers(1, 400), memory=st.integers(50, 200), packed=st.booleans())
def test_out_of_memory_halves_the_budget_and_loses_nothing(
    lengths: list[int], budget: int, memory: int, packed: bool
) -> None:
    done: list[int] = []
    failed: list[int] = []

    def step(batch: Sequence[int]) -> None:
        needed = size(lengths, batch, packed)
        if needed > memory:
            failed.append(needed)
            raise MemoryError
        done.extend(batch)

    shared = Budget(budget)
    for batch in make_batches(lengths, budget, packed=packed):
        shared.run(batch, lengths, step, is_memory_error, packed=packed)
    assert sorted(done) == list(range(len(lengths)))
    assert shared.subwords == min([budget, *(needed // 2 for needed in failed)])


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
