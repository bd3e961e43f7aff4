"""Planning a long text a part at a time: the windows of the whole text, in memory that does not grow with it.

Subwords are made stretch by stretch, and a window is known as soon as the subwords after its end are. A word is planned
when all windows that could own it are known; what no later word needs is then forgotten::

    subwords   known and needed           known         not made yet
               [-------------------------------------)  . . . . . .
    windows    [---------------) [---------------)
                        [---------------)
    words      planned . . . . . | wait for the next window
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int

from wordstates.encode.plan import Place, Plan, WindowSettings, WindowWork, of_words, owned, places_to_cut, too_long
from wordstates.encode.prepare import Prepared
from wordstates.model.subwords import Subwords
from wordstates.text.align import TOO_LONG, TRUNCATED, Alignment, SubwordSpans, align
from wordstates.text.windows import Window, assign_words, plan_windows
from wordstates.text.words import Spans, WordSplitter, as_spans
from wordstates.wording import counted

_WORDS = 50_000  # of a stretch, where they are given
_NOT_YET = np.iinfo(np.int64).max // 2  # the number of subwords of a text whose end is not known


@dataclass(frozen=True, eq=False)
class PlannedPart:
    """Some consecutive words of a long text.

    Args:
        first: Index of the first of them in the text.
        spans: Their char spans.
        prepared: The windows that own them, numbered from this part's beginning.
        last: Whether the text ends with them.
    """

    first: int
    spans: Spans
    prepared: Prepared
    last: bool


class LongPlanner:
    """Plans one text.

    Args:
        text: The text.
        words: Its words, in stretches; no word begins before one of an earlier stretch.
        subwords: Its subwords, in stretches.
        settings: How long texts are read.
        unknown_id: Vocabulary id of the tokenizer's unknown piece.
    """

    def __init__(
        self,
        text: str,
        words: Iterable[Spans],
        subwords: Iterable[Subwords],
        settings: WindowSettings,
        unknown_id: int | None,
    ) -> None:
        self._text, self._settings, self._unknown_id = text, settings, unknown_id
        self._more_words, self._more_subwords = iter(words), iter(subwords)
        self._ended = False  # whether all subwords are made
        self._by_strings = False
        self._base = 0  # subwords that are forgotten
        self._ids = np.zeros(0, dtype=np.int64)
        self._spans: SubwordSpans = np.zeros((0, 2), dtype=np.int64)
        self._spaces: Bool[np.ndarray, " subwords"] = np.zeros(0, dtype=bool)
        self._begins: Bool[np.ndarray, " subwords"] = np.zeros(0, dtype=bool)
        self._covered = 0  # characters whose subwords are made
        self._windows: list[Window] = []  # those known that are still needed
        self._words, self._words_read = as_spans([]), 0  # words that wait; where the last of them begins
        self._planned = 0

    def parts(self, most: int) -> Iterator[PlannedPart]:
        """Plan all words in order, at most so many at a time; a text without words is one part without any.

        Raises:
            InputError: If the text is longer than a window, and that is to be an error.
            TokenizerError: If the tokenizer fails.
        """
        while True:
            alignment, settled = self._settled(most)
            if settled or (self._ended and not len(self._words)):
                part = self._part(alignment, settled)
                yield part
                if part.last:
                    return
            else:
                self._read_on()

    # ── reading on ──

    def _read_on(self) -> None:
        found = next(self._more_subwords, None)
        if found is None:
            self._ended, self._covered = True, len(self._text)
        else:
            with_one_before = np.concatenate([self._spans[-1:], found.spans])
            spaces, begins = (
                places[len(with_one_before) - len(found.ids) :] for places in places_to_cut(self._text, with_one_before)
            )
            self._ids = np.append(self._ids, found.ids)
            self._spans = np.concatenate([self._spans, found.spans])
            self._spaces, self._begins = np.append(self._spaces, spaces), np.append(self._begins, begins)
            self._covered = max(self._covered, int(found.spans[:, 1].max(initial=0)))
            self._by_strings |= found.aligned_by == "strings"
        self._read_words()
        if self._length > self._settings.capacity and self._settings.long_texts == "error":
            capacity = self._settings.capacity
            raise too_long(self._text, 0, f"more than {counted(capacity, 'subword')}", capacity)
        self._find_windows()

    def _read_words(self) -> None:
        while self._words_read < self._covered or self._ended:
            words = next(self._more_words, None)
            if words is None:
                return
            self._words = np.concatenate([self._words, words])
            self._words_read = max(self._words_read, int(words[:, 0].max(initial=0)))

    @property
    def _length(self) -> int:
        """Subwords made so far."""
        return self._base + len(self._ids)

    def _find_windows(self) -> None:
        """Plan windows on from the last one that is known; the last of all is known when the text has ended."""
        settings = self._settings
        if settings.long_texts == "truncate":
            self._windows = [Window(0, min(self._length, settings.capacity))]
            return
        start = self._windows[-1].start if self._windows else 0
        rest = slice(start - self._base, None)
        found = plan_windows(
            self._length - start, settings.capacity, settings.overlap, self._spaces[rest], self._begins[rest]
        )
        known = [Window(start + window.start, start + window.stop) for window in found]
        self._windows = self._windows[:-1] + (known if self._ended else known[:-1])

    # ── planning ──

    def _settled(self, most: int) -> tuple[Alignment, int]:
        """Align the words that wait, and count those at their beginning that no window to come could own."""
        waiting = self._words[:most]
        alignment = align(waiting, self._spans, self._unknown)
        if self._ended:
            return alignment, len(waiting)
        ready = waiting[:, 1] <= self._covered
        if self._settings.long_texts == "truncate":
            ready &= self._length >= self._settings.capacity
        else:
            limit = self._windows[-1].start - self._base if self._windows else -1
            ready &= _firsts(alignment, len(waiting)) <= limit
        return alignment, int(np.argmin(np.append(ready, False)))

    @property
    def _unknown(self) -> Bool[np.ndarray, " subwords"]:
        unknown: np.ndarray = self._ids == (-1 if self._unknown_id is None else self._unknown_id)
        return unknown

    def _part(self, alignment: Alignment, count: int) -> PlannedPart:
        """Plan the first words that wait, and forget what no other needs."""
        spans, self._words = self._words[:count], self._words[count:]
        mine = slice(None, int(np.searchsorted(alignment.word_index, count)))
        words, positions = alignment.word_index[mine], alignment.subword_index[mine]
        statuses = alignment.statuses[:count]
        blank = self._spans[:, 0] == self._spans[:, 1]
        whole = WindowWork(self._ids, 0, positions, words, np.arange(len(words)), blank)
        begins, ends = of_words(whole)
        windows, owners = self._owners(positions[begins], positions[ends - 1])
        lost = words[begins[owners < 0]]
        statuses[lost] = TRUNCATED if self._settings.long_texts == "truncate" else TOO_LONG
        last = self._ended and not len(self._words)
        plan = Plan(
            windows=owned(whole, windows, owners),
            status_codes=statuses,
            text_starts=np.array([0, count]),
            subword_ids=self._ids[positions],
            subword_starts=np.append(0, np.cumsum(np.bincount(words, minlength=count), dtype=np.int64)),
            long_texts=int(self._length > self._settings.capacity),
            after=Place(1, count, len(words)),
        )
        part = PlannedPart(self._planned, spans, Prepared(plan, int(self._by_strings)), last)
        self._planned += count
        self._forget()
        return part

    def _owners(
        self, firsts: Int[np.ndarray, " words"], lasts: Int[np.ndarray, " words"]
    ) -> tuple[list[Window], Int[np.ndarray, " words"]]:
        """Choose the window of each word; subwords and windows are counted from the first subword that is kept."""
        capacity, base = self._settings.capacity, self._base
        if self._settings.long_texts == "truncate":
            stop = max(min(self._length, capacity) - base, 0)
            return [Window(0, stop)], np.where(lasts + base < capacity, 0, -1)
        length = self._length if self._ended else _NOT_YET
        windows, owners = assign_words(
            self._windows, firsts + base, lasts + base, length, capacity, causal=self._settings.causal
        )
        return [Window(window.start - base, window.stop - base) for window in windows], owners

    def _forget(self) -> None:
        """Drop the subwords and windows that only words planned by now could need."""
        if self._ended or not self._windows:
            return
        waiting = align(self._words, self._spans)
        low = self._base + int(waiting.subword_index.min(initial=len(self._ids)))
        if self._settings.long_texts == "truncate":
            base = low if low >= self._settings.capacity else 0
        else:
            low = min(low, self._windows[-1].start)
            self._windows = [window for window in self._windows if window.stop > low]
            base = max(min(self._windows[0].start, low - self._settings.capacity), 0)
        kept = slice(base - self._base, None)
        self._ids, self._spans = self._ids[kept], self._spans[kept]
        self._spaces, self._begins = self._spaces[kept], self._begins[kept]
        self._base = base


def _firsts(alignment: Alignment, words: int) -> Int[np.ndarray, " words"]:
    """Give the first subword of each word, -1 where it has none."""
    firsts = np.full(words, -1, dtype=np.int64)
    firsts[alignment.word_index[::-1]] = alignment.subword_index[::-1]
    return firsts


def words_in_stretches(text: str, given: Spans | None, splitter: WordSplitter, characters: int) -> Iterator[Spans]:
    """Give the words of a long text a stretch at a time: those given, or those that it is split into."""
    if given is None:
        yield from splitter.in_stretches(text, characters)
    elif (np.diff(given[:, 0]) < 0).any():
        yield given
    else:
        for start in range(0, len(given), _WORDS):
            yield given[start : start + _WORDS]
