"""Windows cover the text, share what they should, and each word comes whole from where it has most context."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from wordstates.text.windows import assign_words, plan_windows


@st.composite
def plans(draw: st.DrawFn) -> tuple[int, int, int, np.ndarray, np.ndarray]:
    length = draw(st.integers(0, 120))
    capacity = draw(st.integers(1, 40))
    overlap = draw(st.integers(0, capacity - 1))
    marks = st.lists(st.booleans(), min_size=length, max_size=length).map(lambda found: np.array(found, dtype=bool))
    return length, capacity, overlap, draw(marks), draw(marks)


@given(plan=plans())
def test_windows_cover_everything_and_overlap_enough(plan: tuple[int, int, int, np.ndarray, np.ndarray]) -> None:
    length, capacity, overlap, cuts, fallback = plan
    windows = plan_windows(length, capacity, overlap, cuts, fallback)
    assert windows[0].start == 0
    assert windows[-1].stop == length
    for window in windows:
        assert 0 <= window.stop - window.start <= capacity
    for before, after in itertools.pairwise(windows):
        assert before.start < after.start <= before.stop - overlap or after.start == before.start + 1
        assert after.start <= before.stop <= after.stop
    if length <= capacity:
        assert len(windows) == 1


@given(plan=plans())
def test_cuts_fall_between_words_where_there_is_one_in_reach(
    plan: tuple[int, int, int, np.ndarray, np.ndarray],
) -> None:
    length, capacity, overlap, _, _ = plan
    everywhere = np.ones(length, dtype=bool)
    nowhere = np.zeros(length, dtype=bool)
    assume(length > capacity)
    words = np.arange(length) % 3 == 0  # a word begins at every third subword
    for cuts, fallback in ((words, everywhere), (nowhere, words)):
        reach = (capacity - overlap) // 4
        for window in plan_windows(length, capacity, overlap, cuts, fallback):
            if reach >= 3 and window.stop < length:
                assert words[window.stop]


@given(plan=plans(), data=st.data(), causal=st.booleans())
def test_each_word_comes_whole_from_the_window_with_most_context(
    plan: tuple[int, int, int, np.ndarray, np.ndarray], data: st.DataObject, causal: bool
) -> None:
    length, capacity, overlap, cuts, fallback = plan
    assume(length > 0)
    words = data.draw(
        st.lists(
            st.tuples(st.integers(0, length - 1), st.integers(0, 45)).map(
                lambda pair: (pair[0], min(pair[0] + pair[1], length - 1))
            ),
            max_size=10,
        )
    )
    planned = plan_windows(length, capacity, overlap, cuts, fallback)
    firsts, lasts = (np.array([word[side] for word in words], dtype=np.int64) for side in (0, 1))
    windows, owners = assign_words(planned, firsts, lasts, length, capacity, causal=causal)
    assert windows[: len(planned)] == planned

    def context(first: int, last: int, start: int, stop: int) -> float:
        left = float("inf") if start == 0 else first - start
        right = float("inf") if stop == length else stop - 1 - last
        return left if causal else min(left, right)

    for (first, last), owner in zip(words, owners.tolist(), strict=True):
        if last + 1 - first > capacity:
            assert owner == -1
            continue
        window = windows[owner]
        assert window.start <= first
        assert last < window.stop
        assert window.stop - window.start <= capacity
        whole = [other for other in planned if other.start <= first and last < other.stop]
        if whole:
            best = max(context(first, last, other.start, other.stop) for other in whole)
            assert context(first, last, window.start, window.stop) == best
        if last + 1 - first <= overlap:
            assert owner < len(planned), "a phrase no longer than the overlap lies whole in a planned window"
