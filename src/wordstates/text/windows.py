"""Long texts to windows, and which window owns each word.

A text longer than the model reads is cut into windows that overlap. Cuts fall where the text has white space, else at
Unicode word boundaries, so they depend on the text alone and never on which words are asked for. The last window is
moved back so that it, too, is full::

    subwords   0         10        20        30        40
    window 0   [-----------------)
    window 1              [-----------------)
    window 2                        [----------------)
    owner      000000000000000111111111122222222222222

Each word is taken whole from the window in which it has most context: the most on its poorer side (for causal
models the left side alone counts). The beginning and the end of the text are not missing context.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int

_HUGE = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Window:
    """A stretch of subwords that one pass reads, half-open, counted without special tokens."""

    start: int
    stop: int


def plan_windows(
    n_subwords: int,
    capacity: int,
    overlap: int,
    cuts: Bool[np.ndarray, " subwords"],
    fallback: Bool[np.ndarray, " subwords"],
) -> list[Window]:
    """Cut a text into windows of at most `capacity` subwords that share at least `overlap` where they meet.

    Args:
        n_subwords: Subwords of the text, special tokens left out.
        capacity: Subwords that fit into one window, special tokens left out; at least 1.
        overlap: Subwords that neighbouring windows share, less than `capacity`.
        cuts: True where white space stands before the subword: the best places to cut.
        fallback: True where a Unicode word begins: the second best.

    Returns:
        Windows in text order; together they cover every subword. One window if the text fits.

    Examples:
        >>> everywhere = np.ones(10, dtype=bool)
        >>> [(window.start, window.stop) for window in plan_windows(10, 6, 2, everywhere, everywhere)]
        [(0, 6), (4, 10)]
    """
    if n_subwords <= capacity:
        return [Window(0, n_subwords)]
    reach = (capacity - overlap) // 4  # cuts move at most this far, so windows always move on
    windows = []
    start = 0
    while start + capacity < n_subwords:
        stop = _cut_before(start + capacity, max(start + capacity - reach, start + 1), cuts, fallback)
        windows.append(Window(start, stop))
        # The next window begins early enough to share `overlap`, and late enough to move on.
        latest = max(stop - overlap, start + 1)
        start = _cut_before(latest, max(latest - reach, start + 1), cuts, fallback)
    # The last window reaches back as far as it can: the more context the better.
    start = min(start, _cut_after(n_subwords - capacity, start, cuts, fallback))
    windows.append(Window(start, n_subwords))
    return windows


def _cut_before(position: int, low: int, cuts: np.ndarray, fallback: np.ndarray) -> int:
    for places in (cuts, fallback):
        found = np.flatnonzero(places[low : position + 1])
        if len(found):
            return low + int(found[-1])
    return position


def _cut_after(position: int, limit: int, cuts: np.ndarray, fallback: np.ndarray) -> int:
    for places in (cuts, fallback):
        found = np.flatnonzero(places[position : limit + 1])
        if len(found):
            return position + int(found[0])
    return limit


def assign_words(
    windows: list[Window],
    firsts: Int[np.ndarray, " words"],
    lasts: Int[np.ndarray, " words"],
    n_subwords: int,
    capacity: int,
    *,
    causal: bool = False,
) -> tuple[list[Window], Int[np.ndarray, " words"]]:
    """Choose the window that each word is taken from, whole.

    Args:
        windows: The planned windows.
        firsts: First subword of each word.
        lasts: Last subword of each word (inclusive).
        n_subwords: Subwords of the text.
        capacity: Subwords that fit into one window.
        causal: The model reads only the left context, so only that counts.

    Returns:
        The windows, with one more for each word (a long phrase) that fits a window but lies whole in none; and the
        index of each word's window, -1 for a word longer than a window.
    """
    owners = np.full(len(firsts), -1, dtype=np.int64)
    best = np.full(len(firsts), -1, dtype=np.int64)
    # Words in the order of their beginning: those that a window may hold stand together.
    order = np.argsort(firsts, kind="stable")
    sorted_firsts = firsts[order]
    for index, window in enumerate(windows):
        low, high = np.searchsorted(sorted_firsts, [window.start, window.stop])
        words = order[low:high]
        words = words[lasts[words] < window.stop]
        left = firsts[words] - window.start if window.start > 0 else np.full(len(words), _HUGE)
        right = window.stop - 1 - lasts[words] if window.stop < n_subwords else np.full(len(words), _HUGE)
        context = left if causal else np.minimum(left, right)
        better = words[context > best[words]]
        owners[better], best[better] = index, context[context > best[words]]
    windows = list(windows)
    extra: dict[Window, int] = {}
    for word in np.flatnonzero(owners < 0).tolist():
        first, last = int(firsts[word]), int(lasts[word])
        length = last + 1 - first
        if length <= capacity:
            start = min(max(first - (capacity - length) // 2, 0), n_subwords - capacity)
            window = Window(start, start + capacity)
            if window not in extra:
                extra[window] = len(windows)
                windows.append(window)
            owners[word] = extra[window]
    return windows, owners
