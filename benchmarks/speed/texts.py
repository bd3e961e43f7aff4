"""What is read: real English, cut so that every tool gives a vector to the same words.

Words are what stands between spaces, and a text is its words joined by single spaces. So tools that take words and
tools that take text see the same, and no tool's own splitter decides how many words there are.
"""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

Words = list[str]

_SEED = 20261123
_SHORTEST, _LONGEST = 3, 5000
# Texts that every tool reads whole in one pass, however it cuts the long ones: what is compared in the mix.
_WHOLE_FOR_ALL = 60


@dataclass(frozen=True)
class Size:
    """How much is read.

    Args:
        sentences: Sentences of the first input.
        mix_words: Words of the second, about.
        longest: Words of its longest text.
        agree: Texts of each whose vectors are compared before anything is timed.
        corpus: Sentences that the studies of wordstates alone may take.
        scale: Share of their usual length that these studies have.
    """

    sentences: int = 2000
    mix_words: int = 60_000
    longest: int = _LONGEST
    agree: int = 200
    corpus: int = 10_000
    scale: float = 1.0

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


FULL = Size()
ON_A_GPU = replace(FULL, sentences=12_000, mix_words=300_000, corpus=12_000)
QUICK = replace(FULL, sentences=100, mix_words=3000, longest=1200, agree=50, corpus=1000, scale=0.05)


def read_treebank(path: Path) -> list[Words]:
    """Give the words of each sentence of a CoNLL-U file, of those that have any."""
    found = []
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("# text = "):
                words = [word for word in line.removeprefix("# text = ").split() if _is_seen(word)]
                if words:
                    found.append(words)
    return found


def _is_seen(word: str) -> bool:
    """Leave out words of invisible characters alone, which tokenizers delete."""
    return any(unicodedata.category(char)[0] in "LNPS" and char != "\ufffd" for char in word)


def make_inputs(treebank: Path, size: Size) -> dict[str, list[Words]]:
    """Make all inputs: for each of the two its texts, and those that are compared; and a corpus for the studies."""
    sentences = read_treebank(treebank)
    if len(sentences) <= size.sentences:
        raise SystemExit(f"The treebank has {len(sentences):,} sentences: more than {size.sentences:,} are needed.")
    first = sentences[: size.sentences]
    mix = list(_mix(sentences[size.sentences :], size))
    return {
        "sentences": first,
        "sentences-agree": first[: size.agree],
        "mix": mix,
        "mix-agree": [text for text in mix if len(text) <= _WHOLE_FOR_ALL][: size.agree],
        "corpus": sentences[: size.corpus],
    }


def _mix(sentences: list[Words], size: Size) -> Iterator[Words]:
    """Give texts whose lengths have a long tail: as many of n words as of 4n are 8 to 1, from 3 to 5,000.

    Half of the texts are shorter than a tweet, and most of the words stand in texts longer than a window. Each is a
    stretch of the treebank, from where the one before it ended on.
    """
    stream = chain.from_iterable(_forever(sentences))
    for length in _lengths(size):
        yield [next(stream) for _ in range(length)]


def _forever(sentences: list[Words]) -> Iterator[Words]:
    while True:
        yield from sentences


def _lengths(size: Size) -> list[int]:
    """Take quantiles of a density of n to the power -1.5, in an order that is always the same."""
    low, high = _SHORTEST**-0.5, size.longest**-0.5
    count = round(size.mix_words / (_SHORTEST * size.longest) ** 0.5)
    lengths = [round((low - (index + 0.5) / count * (low - high)) ** -2) for index in range(count)]
    random.Random(_SEED).shuffle(lengths)
    return lengths


def describe(texts: list[Words]) -> dict[str, int]:
    """Count texts, words, different texts, and the words of the median and the longest text."""
    lengths = sorted(map(len, texts))
    return {
        "texts": len(texts),
        "different_texts": len(set(map(tuple, texts))),
        "words": sum(lengths),
        "median_words": lengths[len(lengths) // 2],
        "longest_words": lengths[-1],
    }
