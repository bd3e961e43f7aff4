"""From texts and word spans to the windows a model has to read, and what is taken from each.

Only windows that own a word are read. Pairs of (word, subword) are numbered through all texts, sorted by word, so that
a row of the result is known before anything runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Int, UInt8

from wordstates.errors import InputError
from wordstates.options import LongTexts
from wordstates.text.align import TOO_LONG, TRUNCATED, Alignment, SubwordSpans, align, count_statuses
from wordstates.text.stretches import safe_after, safe_before
from wordstates.text.windows import Window, assign_words, plan_windows
from wordstates.text.words import unicode_words
from wordstates.wording import counted


@dataclass(frozen=True)
class WindowSettings:
    """How long texts are read.

    Args:
        capacity: Subwords of text in one window, special tokens left out.
        overlap: Subwords that neighbouring windows share.
        long_texts: Read in windows, cut off after the first (counted by status), or raise.
        causal: Only the left context counts.
    """

    capacity: int
    overlap: int
    long_texts: LongTexts
    causal: bool


@dataclass(frozen=True, eq=False)
class WindowWork:
    """One window to read, and the words taken from it.

    Args:
        ids: Vocabulary ids of its subwords, special tokens left out.
        text: Index of its text.
        positions: Subword in this window of each pair taken, shape (pairs,).
        words: Word of each pair, numbered through all texts, ascending.
        pairs: Number of each pair through all texts.
        blank: Whether each of its subwords writes white space alone, or nothing.
    """

    ids: Int[np.ndarray, " subwords"]
    text: int
    positions: Int[np.ndarray, " pairs"]
    words: Int[np.ndarray, " pairs"]
    pairs: Int[np.ndarray, " pairs"]
    blank: Bool[np.ndarray, " subwords"]

    @cached_property
    def key(self) -> bytes:
        """Tell windows apart by what they read and what is taken from them."""
        words = self.words - self.words[0]
        read = self.ids.tobytes()
        return b"".join((len(read).to_bytes(8, "little"), read, self.positions.tobytes(), words.tobytes()))


@dataclass(frozen=True)
class Place:
    """What stands before some texts in a longer list: they are numbered from here.

    Args:
        text: Texts before them.
        word: Words before them.
        pair: Pairs before them.
    """

    text: int = 0
    word: int = 0
    pair: int = 0


_BEGINNING = Place()


@dataclass(frozen=True, eq=False)
class Plan:
    """All windows of some texts.

    Args:
        windows: What to read.
        status_codes: Status of every word of all texts.
        text_starts: Word at which each text begins.
        subword_ids: Vocabulary id of every pair.
        subword_starts: Pair at which each word begins.
        long_texts: Number of texts with more subwords than a window holds.
        after: Where the texts that follow are numbered from.
    """

    windows: list[WindowWork]
    status_codes: UInt8[np.ndarray, " words"]
    text_starts: Int[np.ndarray, " starts"]
    subword_ids: Int[np.ndarray, " pairs"]
    subword_starts: Int[np.ndarray, " bounds"]
    long_texts: int
    after: Place

    @property
    def status_counts(self) -> dict[str, int]:
        """How many words have each status; statuses that do not occur are left out."""
        return count_statuses(self.status_codes)


def make_plan(
    texts: Sequence[str],
    words: Sequence[Int[np.ndarray, "_words 2"]],
    ids: Int[np.ndarray, " subwords"],
    spans: Int[np.ndarray, "subwords 2"],
    starts: Int[np.ndarray, " bounds"],
    settings: WindowSettings,
    unknown_id: int | None = None,
    first: Place = _BEGINNING,
) -> Plan:
    """Align words with subwords, cut long texts into windows, and say what is taken from each.

    All texts are aligned at once; only what follows is done text by text.

    Args:
        texts: The texts.
        words: Char spans of the words of each text.
        ids: Vocabulary ids of the subwords of all texts.
        spans: Char spans of these subwords, each in its own text.
        starts: Subword at which each text begins, and at which the last ends.
        settings: How long texts are read.
        unknown_id: Vocabulary id of the tokenizer's unknown piece, if it has one.
        first: What comes before: texts, words and pairs are numbered from here in the windows.

    Raises:
        InputError: If a text is too long and `settings.long_texts` is ``error``.
    """
    alignment = _aligned(texts, words, spans, starts, ids == (-1 if unknown_id is None else unknown_id))
    text_starts = _bounds([len(text_words) for text_words in words])
    subword_starts = _bounds(np.bincount(alignment.word_index, minlength=text_starts[-1]))
    pair_starts = subword_starts[text_starts]
    positions = alignment.subword_index - np.repeat(starts[:-1], np.diff(pair_starts))
    word_numbers = alignment.word_index + first.word
    pair_numbers = np.arange(first.pair, first.pair + len(positions))
    blank = spans[:, 0] == spans[:, 1]
    work: list[WindowWork] = []
    long = np.diff(starts) > settings.capacity
    for text, (begin, end, pair, pair_end) in enumerate(
        zip(starts[:-1].tolist(), starts[1:].tolist(), pair_starts[:-1].tolist(), pair_starts[1:].tolist(), strict=True)
    ):
        if pair == pair_end:
            continue
        part = slice(pair, pair_end)
        whole = WindowWork(
            ids[begin:end],
            first.text + text,
            positions[part],
            word_numbers[part],
            pair_numbers[part],
            blank[begin:end],
        )
        if not long[text]:
            work.append(whole)
            continue
        windows, lost = _cut(texts[text], whole, spans[begin:end], settings)
        work += windows
        alignment.statuses[lost - first.word] = TRUNCATED if settings.long_texts == "truncate" else TOO_LONG
    return Plan(
        windows=work,
        status_codes=alignment.statuses,
        text_starts=text_starts,
        subword_ids=ids[alignment.subword_index],
        subword_starts=subword_starts,
        long_texts=int(long.sum()),
        after=Place(first.text + len(texts), first.word + int(text_starts[-1]), first.pair + len(positions)),
    )


def _aligned(
    texts: Sequence[str],
    words: Sequence[Int[np.ndarray, "_words 2"]],
    spans: Int[np.ndarray, "subwords 2"],
    starts: Int[np.ndarray, " bounds"],
    unknown: Bool[np.ndarray, " subwords"],
) -> Alignment:
    """Align the words of all texts with their subwords, as if the texts stood one after the other."""
    before = _bounds([len(text) for text in texts])[:-1]  # characters before each text
    n_words = np.array([len(text_words) for text_words in words], dtype=np.int64)
    all_words = np.concatenate([np.zeros((0, 2), dtype=np.int64), *words]) + np.repeat(before, n_words)[:, None]
    return align(all_words, spans + np.repeat(before, np.diff(starts))[:, None], unknown)


def _cut(
    text: str, whole: WindowWork, spans: SubwordSpans, settings: WindowSettings
) -> tuple[list[WindowWork], Int[np.ndarray, " lost"]]:
    """Cut a text that is too long for one pass into the windows that own a word; also give the words no window owns."""
    begins, ends = of_words(whole)
    windows, owners = _windows(text, whole, spans, whole.positions[begins], whole.positions[ends - 1], settings)
    return owned(whole, windows, owners), whole.words[begins[owners < 0]]


def of_words(whole: WindowWork) -> tuple[Int[np.ndarray, " words"], Int[np.ndarray, " words"]]:
    """Give the pair at which each word begins, and the one at which it ends."""
    begins = np.flatnonzero(np.diff(whole.words, prepend=-1))
    return begins, np.append(begins[1:], len(whole.words))[: len(begins)]


def owned(whole: WindowWork, windows: Sequence[Window], owners: Int[np.ndarray, " words"]) -> list[WindowWork]:
    """Cut a text into the windows that own a word.

    Args:
        whole: The text.
        windows: Where it may be cut.
        owners: Which of them owns each word that has subwords; -1 for none.
    """
    begins, ends = of_words(whole)
    pair_owner = np.repeat(owners, ends - begins)
    by_window = np.argsort(pair_owner, kind="stable")
    bounds = np.searchsorted(pair_owner[by_window], np.arange(len(windows) + 1))
    work = []
    for number, window in enumerate(windows):
        taken = by_window[bounds[number] : bounds[number + 1]]
        if len(taken):
            work.append(
                WindowWork(
                    ids=whole.ids[window.start : window.stop],
                    text=whole.text,
                    positions=whole.positions[taken] - window.start,
                    words=whole.words[taken],
                    pairs=whole.pairs[taken],
                    blank=whole.blank[window.start : window.stop],
                )
            )
    return work


def _bounds(counts: Sequence[int] | Int[np.ndarray, " items"]) -> Int[np.ndarray, " bounds"]:
    """Give where each of several stretches begins, and where the last ends."""
    return np.append(0, np.cumsum(np.asarray(counts, dtype=np.int64)))


def join_plans(plans: Sequence[Plan]) -> Plan:
    """Put plans together, each of which begins where the one before it ends."""
    if len(plans) == 1:
        return plans[0]
    return Plan(
        windows=[window for plan in plans for window in plan.windows],
        status_codes=np.concatenate([plan.status_codes for plan in plans]),
        text_starts=_bounds(np.concatenate([np.diff(plan.text_starts) for plan in plans])),
        subword_ids=np.concatenate([plan.subword_ids for plan in plans]),
        subword_starts=_bounds(np.concatenate([np.diff(plan.subword_starts) for plan in plans])),
        long_texts=sum(plan.long_texts for plan in plans),
        after=plans[-1].after,
    )


def _windows(
    text: str,
    whole: WindowWork,
    spans: SubwordSpans,
    firsts: Int[np.ndarray, " words"],
    lasts: Int[np.ndarray, " words"],
    settings: WindowSettings,
) -> tuple[list[Window], Int[np.ndarray, " words"]]:
    """Give the windows of a long text, and the one that owns each word, -1 for none."""
    n_subwords, capacity = len(spans), settings.capacity
    if settings.long_texts == "error":
        raise too_long(text, whole.text, counted(n_subwords, "subword"), capacity)
    if settings.long_texts == "truncate":
        return [Window(0, capacity)], np.where(lasts < capacity, 0, -1)
    planned = plan_windows(n_subwords, capacity, settings.overlap, *places_to_cut(text, spans))
    return assign_words(planned, firsts, lasts, n_subwords, capacity, causal=settings.causal)


def too_long(text: str, number: int, subwords: str, capacity: int) -> InputError:
    """Make the error for a text that is too long where that is to be one."""
    return InputError(
        f"Text {number} ({text[:40]!r}...) has {subwords}, the window holds {capacity:,}: leave long_texts='window' to "
        "read it in windows, or allow long_texts='truncate'."
    )


def places_to_cut(
    text: str, spans: SubwordSpans
) -> tuple[Bool[np.ndarray, " subwords"], Bool[np.ndarray, " subwords"]]:
    """Say before which of some consecutive subwords there is white space, and before which a Unicode word begins."""
    starts = spans[:, 0]
    solid = spans[:, 1] > starts
    before_space = np.array([start == 0 or text[start - 1].isspace() for start in starts.tolist()], dtype=bool)
    # The bytes of one character share a span: only the first of them begins a word.
    fresh = np.append(True, starts[1:] > starts[:-1])[: len(starts)]
    low, high = starts[solid].min(initial=len(text)), starts[solid].max(initial=0)
    low, high = safe_before(text, int(low)), safe_after(text, int(high) + 1)
    begins = np.isin(starts, unicode_words(text[low:high])[:, 0] + low)
    return before_space & solid & fresh, begins & solid & fresh
