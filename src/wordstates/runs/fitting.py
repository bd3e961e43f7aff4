"""Whether a model was made for the language of some texts, as far as its subwords tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from jaxtyping import Int, UInt8

from wordstates.text.align import UNKNOWN

_ENOUGH = 200  # words; of fewer nothing is said
# Shares of MiniLM, which knows English: English 0 to 2% and 1.0 to 1.2 subwords a word; Spanish 6% and 1.9, French 12%
# and 1.7, Turkish 26% and 3.1, Russian 90% and 5.9; Chinese 70% unknown.
_MANY, _SPLIT, _MANY_UNKNOWN = 0.05, 1.5, 0.1


class Aligned(Protocol):
    """Words and their subwords: embeddings, or a plan."""

    @property
    def status_codes(self) -> UInt8[np.ndarray, " words"]:
        """Status of each word."""
        ...

    @property
    def subword_ids(self) -> Int[np.ndarray, " pairs"]:
        """Vocabulary ids of the subwords of all words, one after the other."""
        ...

    @property
    def subword_starts(self) -> Int[np.ndarray, " bounds"]:
        """Where each word's subwords begin."""
        ...


def hint_of(aligned: Aligned, words: Sequence[str], vocabulary: Mapping[int, str]) -> str:
    """Say that a model was hardly made for the language of some words; empty where it seems to be.

    Words are counted that begin with a letter, and of these the ones that are unknown, or at least half of whose
    subwords are one character long.

    Args:
        aligned: The words and their subwords.
        words: The words as they are written.
        vocabulary: Piece of each id.
    """
    subword_ids, subword_starts = aligned.subword_ids, aligned.subword_starts
    letters = np.fromiter((word[:1].isalpha() for word in words), dtype=bool, count=len(words))
    if letters.sum() < _ENOUGH:
        return ""
    counts = np.diff(subword_starts)
    short = np.fromiter(
        (len(vocabulary[index].removeprefix("##").lstrip("▁Ġ")) == 1 for index in subword_ids.tolist()), dtype=bool
    )
    before = np.append(0, np.cumsum(short))
    in_letters = (counts > 1) & (2 * (before[subword_starts[1:]] - before[subword_starts[:-1]]) >= counts)
    unknown = aligned.status_codes == UNKNOWN
    share, n_subwords = (unknown | in_letters)[letters].mean(), counts[letters].mean()
    if unknown[letters].mean() < _MANY_UNKNOWN and (share < _MANY or n_subwords < _SPLIT):
        return ""
    return (
        f"{share:.0%} of the words are unknown to the model or cut into single letters, and a word has "
        f"{n_subwords:.1f} subwords: was it made for this language?"
    )
