"""From texts and word spans to the windows a model has to read, and what is taken from each.

Only windows that own a word are read. Pairs of (word, subword) are numbered through all texts, sorted by word, so that
a row of the result is known before anything runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Int, UInt8

from wordstates.errors import InputError
from wordstates.text.align import TOO_LONG, TRUNCATED, SubwordSpans, align, count_statuses
from wordstates.text.windows import Window, assign_words, plan_windows
from wordstates.text.words import unicode_words

LongTexts = Literal["window", "truncate", "error"]


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
    """

    ids: Int[np.ndarray, " subwords"]
    text: int
    positions: Int[np.ndarray, " pairs"]
    words: Int[np.ndarray, " pairs"]
    pairs: Int[np.ndarray, " pairs"]


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
    ids: Sequence[Int[np.ndarray, " _subwords"]],
    spans: Sequence[Int[np.ndarray, "_subwords 2"]],
    settings: WindowSettings,
    unknown_id: int | None = None,
    first: Place = _BEGINNING,
) -> Plan:
    """Align words with subwords, cut long texts into windows, and say what is taken from each.

    Args:
        texts: The texts.
        words: Char spans of the words of each text.
        ids: Vocabulary ids of the subwords of each text.
        spans: Char spans of the subwords of each text.
        settings: How long texts are read.
        unknown_id: Vocabulary id of the tokenizer's unknown piece, if it has one.
        first: What comes before: texts, words and pairs are numbered from here in the windows.

    Raises:
        InputError: If a text is too long and `settings.long_texts` is ``error``.
    """
    work: list[WindowWork] = []
    statuses: list[np.ndarray] = [np.zeros(0, dtype=np.uint8)]
    pair_ids: list[np.ndarray] = [np.zeros(0, dtype=np.int64)]
    pair_counts: list[np.ndarray] = [np.zeros(0, dtype=np.int64)]
    text_starts = np.append(0, np.cumsum([len(text_words) for text_words in words], dtype=np.int64))
    n_pairs = first.pair
    for index, text in enumerate(texts):
        alignment = align(words[index], spans[index], ids[index] == (-1 if unknown_id is None else unknown_id))
        counts = np.bincount(alignment.word_index, minlength=len(words[index]))
        bounds = np.append(0, np.cumsum(counts))
        found = np.flatnonzero(counts)
        firsts = alignment.subword_index[bounds[found]]
        lasts = alignment.subword_index[bounds[found + 1] - 1]
        windows, owners = _windows(text, first.text + index, spans[index], firsts, lasts, settings)
        word_owner = np.full(len(words[index]), -1, dtype=np.int64)
        word_owner[found] = owners
        lost = found[owners < 0]
        alignment.statuses[lost] = TRUNCATED if settings.long_texts == "truncate" else TOO_LONG
        pair_owner = word_owner[alignment.word_index]
        by_window = np.argsort(pair_owner, kind="stable")
        bounds_of_windows = np.searchsorted(pair_owner[by_window], np.arange(len(windows) + 1))
        for number, window in enumerate(windows):
            taken = by_window[bounds_of_windows[number] : bounds_of_windows[number + 1]]
            if not len(taken):
                continue
            work.append(
                WindowWork(
                    ids=ids[index][window.start : window.stop],
                    text=first.text + index,
                    positions=alignment.subword_index[taken] - window.start,
                    words=alignment.word_index[taken] + (text_starts[index] + first.word),
                    pairs=taken + n_pairs,
                )
            )
        statuses.append(alignment.statuses)
        pair_ids.append(ids[index][alignment.subword_index])
        pair_counts.append(counts)
        n_pairs += len(alignment.word_index)
    return Plan(
        windows=work,
        status_codes=np.concatenate(statuses),
        text_starts=text_starts,
        subword_ids=np.concatenate(pair_ids),
        subword_starts=np.append(0, np.cumsum(np.concatenate(pair_counts))),
        long_texts=sum(len(text_ids) > settings.capacity for text_ids in ids),
        after=Place(first.text + len(texts), first.word + int(text_starts[-1]), n_pairs),
    )


def join_plans(plans: Sequence[Plan]) -> Plan:
    """Put plans together, each of which begins where the one before it ends."""
    if len(plans) == 1:
        return plans[0]
    return Plan(
        windows=[window for plan in plans for window in plan.windows],
        status_codes=np.concatenate([plan.status_codes for plan in plans]),
        text_starts=_joined_bounds([plan.text_starts for plan in plans]),
        subword_ids=np.concatenate([plan.subword_ids for plan in plans]),
        subword_starts=_joined_bounds([plan.subword_starts for plan in plans]),
        long_texts=sum(plan.long_texts for plan in plans),
        after=plans[-1].after,
    )


def _joined_bounds(bounds: Sequence[np.ndarray]) -> np.ndarray:
    counts = np.concatenate([np.diff(part) for part in bounds])
    return np.append(0, np.cumsum(counts))


def _windows(
    text: str, index: int, spans: SubwordSpans, firsts: np.ndarray, lasts: np.ndarray, settings: WindowSettings
) -> tuple[list[Window], np.ndarray]:
    n_subwords, capacity = len(spans), settings.capacity
    if n_subwords <= capacity:
        return [Window(0, n_subwords)], np.zeros(len(firsts), dtype=np.int64)
    if settings.long_texts == "error":
        raise InputError(
            f"Text {index} ({text[:40]!r}...) has {n_subwords:,} subwords, the window holds {capacity:,}: leave "
            "long_texts='window' to read it in windows, or allow long_texts='truncate'."
        )
    if settings.long_texts == "truncate":
        return [Window(0, capacity)], np.where(lasts < capacity, 0, -1)
    planned = plan_windows(n_subwords, capacity, settings.overlap, *_cuts(text, spans))
    return assign_words(planned, firsts, lasts, n_subwords, capacity, causal=settings.causal)


def _cuts(text: str, spans: SubwordSpans) -> tuple[np.ndarray, np.ndarray]:
    """Say before which subwords there is white space, and before which a Unicode word begins."""
    starts = spans[:, 0]
    solid = spans[:, 1] > starts
    before_space = np.array([start == 0 or text[start - 1].isspace() for start in starts.tolist()], dtype=bool)
    # The bytes of one character share a span: only the first of them begins a word.
    fresh = np.append(True, starts[1:] > starts[:-1])
    begins = np.isin(starts, unicode_words(text)[:, 0])
    return before_space & solid & fresh, begins & solid & fresh
