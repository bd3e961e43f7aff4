"""Every item runs once, within the budget, also when memory runs out."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordstates.model.batching import PADDED, Budget, Layout, make_batches, row_of_each

lengths_strategy = st.lists(st.integers(1, 50), max_size=40)
ONE_ROW = Layout(packed=True)
IN_ROWS = [Layout(packed=True, widths=widths) for widths in [(50,), (8, 16, 32, 50), (4, 5, 49, 50), (8, 16)]]
layouts = st.sampled_from([PADDED, ONE_ROW, *IN_ROWS])


def size(lengths: Sequence[int], batch: Sequence[int], layout: Layout, budget: int) -> int:
    """Count what a batch holds by making it."""
    sizes = [lengths[index] for index in batch]
    if layout == ONE_ROW:
        return len([place for length in sizes for place in range(length)])
    if layout == PADDED:
        return len([place for _ in sizes for place in range(max(sizes))])
    width = min(next((width for width in layout.widths if width >= max(sizes)), max(sizes)), max(budget, max(sizes)))
    rows: list[int] = []
    for length in sizes:
        if rows and rows[-1] + length <= width:
            rows[-1] += length
        else:
            rows.append(length)
    return len(rows) * width


@given(lengths=lengths_strategy, budget=st.integers(1, 200), layout=layouts, parts=st.integers(1, 4))
def test_each_item_is_in_one_batch_within_the_budget(
    lengths: list[int], budget: int, layout: Layout, parts: int
) -> None:
    batches = make_batches(lengths, budget, layout, parts)
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    for batch in batches:
        assert size(lengths, batch, layout, budget) <= budget or len(batch) == 1
        assert layout.size([lengths[index] for index in batch], budget) == size(lengths, batch, layout, budget)
    if not layout.widths and parts == 1:
        for batch, after in pairwise(batches):  # none is left emptier than it has to be
            assert size(lengths, [*batch, after[0]], layout, budget) > budget


@given(length=st.integers(1, 50), count=st.integers(1, 40), parts=st.integers(1, 4), layout=layouts)
def test_no_part_waits_for_one_that_has_more_than_its_share(
    length: int, count: int, parts: int, layout: Layout
) -> None:
    sizes = [
        size([length] * count, batch, layout, 10_000) for batch in make_batches([length] * count, 10_000, layout, parts)
    ]
    row = max(layout.width(length, 10_000), length)
    assert len(sizes) >= min(2, parts, sum(sizes) // row)
    assert max(sizes) <= sum(sizes) / parts + row


@given(lengths=lengths_strategy, layout=st.sampled_from(IN_ROWS))
def test_two_rows_that_fit_into_one_are_one(lengths: list[int], layout: Layout) -> None:
    filled: dict[int, list[int]] = {}
    for batch in make_batches(lengths, 100, layout):
        sizes = [lengths[index] for index in batch]
        width = layout.width(max(sizes), 100)
        for row in range(row_of_each(sizes, width)[-1] + 1):
            held = [length for length, of in zip(sizes, row_of_each(sizes, width), strict=True) if of == row]
            assert sum(held) <= width
            filled.setdefault(width, []).append(sum(held))
    for width, held in filled.items():
        assert all(one + other > width for one, other in pairwise(sorted(held)))


def is_memory_error(error: Exception) -> bool:
    return isinstance(error, MemoryError)


@given(lengths=lengths_strategy, budget=st.integers(1, 400), memory=st.integers(50, 200), layout=layouts)
def test_out_of_memory_halves_the_budget_and_loses_nothing(
    lengths: list[int], budget: int, memory: int, layout: Layout
) -> None:
    done: list[int] = []
    failed: list[int] = []

    def step(batch: Sequence[int]) -> None:
        needed = size(lengths, batch, layout, shared.subwords)
        if needed > memory:
            failed.append(needed)
            raise MemoryError
        done.extend(batch)

    shared = Budget(budget)
    for batch in make_batches(lengths, budget, layout):
        shared.run(batch, lengths, step, is_memory_error, layout)
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
