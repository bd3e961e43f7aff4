"""Whether a model was made for the language of some texts, as far as its subwords tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
import regex as re
from jaxtyping import Int, UInt8

from wordstates.text.align import UNKNOWN

_ENOUGH = 200  # words; of fewer nothing is said
_MANY_UNKNOWN = 0.1  # of the words
# The Universal Declaration in 35 languages, by `python -m benchmarks.language_hint`: models of English cut English into
# 1.0 to 1.2 subwords a word, of more than 4 letters each, and other languages into 1.7 and more of less than 3; XLM-R
# is below 2.9 letters for three of its languages only.
_SPLIT, _SHORT = 1.6, 2.9
_IN_BYTES = 0.9  # characters a subword: an ideograph or a syllable alone is no sign, but less than one is
_WHOLE_SYLLABLES = re.compile(r"[\p{Han}\p{Hangul}\p{Hiragana}\p{Katakana}]")


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

    Words are counted that begin with a letter: those that are unknown, and the subwords of the others, which are short
    where a model has to spell. Models that read characters or bytes always do, and are left alone.

    Args:
        aligned: The words and their subwords.
        words: The words as they are written.
        vocabulary: Piece of each id.
    """
    letters = np.fromiter((word[:1].isalpha() for word in words), dtype=bool, count=len(words))
    if letters.sum() < _ENOUGH or _numbers_characters(vocabulary):
        return ""
    unknown = aligned.status_codes == UNKNOWN
    if (share := unknown[letters].mean()) >= _MANY_UNKNOWN:
        return f"{share:.0%} of the words are unknown to the model: was it made for this language?"
    syllables = np.fromiter((bool(_WHOLE_SYLLABLES.match(word)) for word in words), dtype=bool, count=len(words))
    lengths = np.fromiter(map(len, words), dtype=np.int64, count=len(words))
    counts = np.diff(aligned.subword_starts)
    known = letters & ~unknown & (counts > 0)
    for chosen, split, short in ((known & syllables, 1.0, _IN_BYTES), (known & ~syllables, _SPLIT, _SHORT)):
        if chosen.sum() < _ENOUGH:
            continue
        subwords, characters = counts[chosen].mean(), lengths[chosen].sum() / counts[chosen].sum()
        if subwords >= split and characters < short:
            return (
                f"it takes {subwords:.1f} of the model's subwords to write a word, each {characters:.1f} characters "
                "long: was it made for this language?"
            )
    return ""


def _numbers_characters(vocabulary: Mapping[int, str]) -> bool:
    """Tell whether ids are those of characters or bytes, all moved by the same number: such models have no subwords."""
    if any(len(piece) != 1 for piece in vocabulary.values()):
        return False
    return len({index - ord(piece) for index, piece in vocabulary.items()}) == 1
