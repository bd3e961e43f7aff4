"""Subword spans and word spans to word_ids: which subwords make each word, and a status for each word.

The one rule: a subword belongs to exactly the words that its char span overlaps. White space around a subword does not
count, so that GPT-2's ``" fox"`` belongs to *fox* only::

    text        T h e   q u i c k e r
    words       [0, 3)  [4,         11)
    subwords    [0, 3)  [4,     9)[9,11)     after trimming
    word_ids    0       1         1

A subword without a span of its own (a lone ``▁``, a special token) belongs to no word.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Int, Integer, UInt8

from wordstates.text.words import Spans

Status = Literal["ok", "no_subwords", "shared_subword", "truncated", "too_long", "unknown"]
STATUSES: tuple[Status, ...] = ("ok", "no_subwords", "shared_subword", "truncated", "too_long", "unknown")
OK, NO_SUBWORDS, SHARED_SUBWORD, TRUNCATED, TOO_LONG, UNKNOWN = range(6)
HAS_VECTOR = np.array([True, False, True, False, False, True])

# White space by code point; the last entry stands for all above U+3000, where there is none.
_IS_SPACE = np.array([chr(code).isspace() for code in range(0x3001)] + [False])

SubwordSpans = Int[np.ndarray, "subwords 2"]


@dataclass(frozen=True, eq=False)
class Alignment:
    """Which subwords make which words of one text.

    Invariant: pairs are sorted by word, then by subword; a word without a pair has status ``no_subwords``.

    Args:
        word_index: Word of each pair, shape (pairs,).
        subword_index: Subword of each pair, shape (pairs,), counted in the text without special tokens.
        statuses: Index into `STATUSES` of each word, shape (words,), uint8.
    """

    word_index: Int[np.ndarray, " pairs"]
    subword_index: Int[np.ndarray, " pairs"]
    statuses: UInt8[np.ndarray, " words"]

    def outside(self, count: int) -> Int[np.ndarray, " subwords"]:
        """Give the subwords, of so many, that are in no word."""
        return np.setdiff1d(np.arange(count), self.subword_index)


def align(words: Spans, subwords: SubwordSpans, unknown: Bool[np.ndarray, " subwords"] | None = None) -> Alignment:
    """Find the subwords of each word by the overlap of their char spans.

    A word is ``unknown`` if all its subwords are the unknown piece, whatever else those cover: its vector then knows
    the context alone. Any other word is ``shared_subword`` if one of its subwords also covers text outside the word:
    its vector then carries a little of a neighbour. Both depend on the word and the text, never on which other words
    were asked for.

    Args:
        words: Char spans of words, in any order, overlapping or not.
        subwords: Trimmed char spans of subwords; an empty span belongs to no word.
        unknown: True for each subword that is the tokenizer's unknown piece.

    Examples:
        >>> found = align(np.array([[0, 3], [4, 11]]), np.array([[0, 3], [4, 9], [9, 11]]))
        >>> found.word_index.tolist(), found.subword_index.tolist()
        ([0, 1, 1], [0, 1, 2])
    """
    real = np.flatnonzero(subwords[:, 1] > subwords[:, 0])
    starts, ends = subwords[real, 0], subwords[real, 1]
    # Overlap is start < word_end and end > word_start. Running extremes are monotone whatever the order of the pieces,
    # so bisection gives a range that holds every overlapping subword; the exact test then drops the rest.
    first = np.searchsorted(np.maximum.accumulate(ends), words[:, 0], side="right")
    last = np.searchsorted(np.minimum.accumulate(starts[::-1])[::-1], words[:, 1], side="left")
    counts = np.maximum(last - first, 0)
    word_index = np.repeat(np.arange(len(words)), counts)
    candidate = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts) + np.repeat(first, counts)
    overlaps = (starts[candidate] < words[word_index, 1]) & (ends[candidate] > words[word_index, 0])
    overlaps &= words[word_index, 1] > words[word_index, 0]
    word_index, candidate = word_index[overlaps], candidate[overlaps]

    statuses = np.full(len(words), NO_SUBWORDS, dtype=np.uint8)
    statuses[word_index] = OK
    sticks_out = (starts[candidate] < words[word_index, 0]) | (ends[candidate] > words[word_index, 1])
    statuses[word_index[sticks_out]] = SHARED_SUBWORD
    if unknown is not None:
        known = np.bincount(word_index, weights=~unknown[real[candidate]], minlength=len(words))
        statuses[(statuses != NO_SUBWORDS) & (known == 0)] = UNKNOWN
    return Alignment(word_index, real[candidate], statuses)


def count_statuses(codes: Integer[np.ndarray, " words"]) -> dict[str, int]:
    """Count how many words have each status; statuses that do not occur are left out.

    Examples:
        >>> count_statuses(np.array([0, 0, 1]))
        {'ok': 2, 'no_subwords': 1}
    """
    counts = np.bincount(codes, minlength=len(STATUSES)).tolist()
    return {status: count for status, count in zip(STATUSES, counts, strict=True) if count}


def trim_spans(text: str, spans: SubwordSpans) -> SubwordSpans:
    """Take the white space off both ends of each span; a span of white space only becomes empty.

    Args:
        text: The text that the spans point into.
        spans: Char spans in any order, inside the text.

    Examples:
        >>> trim_spans("The fox", np.array([[0, 3], [3, 7], [3, 4]])).tolist()
        [[0, 3], [4, 7], [4, 4]]
    """
    solid = ~is_space(text)
    positions = np.arange(len(text))
    following = np.append(np.minimum.accumulate(np.where(solid, positions, len(text))[::-1])[::-1], len(text))
    preceding = np.append(0, np.maximum.accumulate(np.where(solid, positions + 1, 0)))
    starts = np.minimum(following[spans[:, 0]], spans[:, 1])
    return np.stack([starts, np.maximum(preceding[spans[:, 1]], starts)], axis=1)


def is_space(text: str) -> Bool[np.ndarray, " characters"]:
    """Tell which characters are white space, as `str.isspace` does."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    return _IS_SPACE[np.minimum(codes, len(_IS_SPACE) - 1)]


def word_ids(alignment: Alignment, n_subwords: int) -> Int[np.ndarray, " subwords"]:
    """Give the word index of each subword, -1 where it has none; of overlapping words, the first.

    Args:
        alignment: Pairs of one text.
        n_subwords: Number of subwords of the text, special tokens left out.
    """
    ids = np.full(n_subwords, -1, dtype=np.int64)
    # Written from the last pair to the first, so that the first word wins.
    ids[alignment.subword_index[::-1]] = alignment.word_index[::-1]
    return ids
