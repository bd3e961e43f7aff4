"""Which words stand near a word: how strongly, by log-likelihood and logDice."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import regex

from wordstates.text.folding import fold

_WORD = regex.compile(r"\p{L}[\p{L}\p{M}\p{N}'’-]*|\p{N}+")
SPAN = 5  # words on each side
CHARACTERS = 20 * SPAN  # in which they are looked for


@dataclass(frozen=True, slots=True)
class Collocate:
    """A word that stands near some usages more often than near the others.

    Args:
        word: The word, in lower case.
        count: How many of these usages it stands near.
        log_likelihood: How surely that is no chance (Dunning's G2); above 10.8, p < .001.
        log_dice: How strongly the two go together, 14 at the most; it does not grow with the corpus.
    """

    word: str
    count: int
    log_likelihood: float
    log_dice: float


def words_near(left: str, right: str, span: int = SPAN) -> set[str]:
    """Give the different words near a usage, in lower case.

    Args:
        left: The text before it.
        right: The text after it.
        span: How many words on each side.

    Examples:
        >>> sorted(words_near("They sat on the river ", " of the Isis.", 2))
        ['of', 'river', 'the']
    """
    before = _WORD.findall(left[-CHARACTERS:])[-span:]
    after = _WORD.findall(right[:CHARACTERS])[:span]
    return {fold(word) for word in [*before, *after]}


def collocates(groups: Sequence[Sequence[set[str]]], most: int = 5) -> list[list[Collocate]]:
    """Find for each group of usages the words that tell it from the other groups.

    Args:
        groups: For each group the words near each of its usages.
        most: How many words a group.

    Returns:
        For each group its strongest words, by log-likelihood; words that are rarer near it than elsewhere are none.

    Source:
        Dunning 1993, "Accurate methods for the statistics of surprise and coincidence"; Rychlý 2008, "A
        lexicographer-friendly association score" (logDice).
    """
    counts = [Counter(word for usage in group for word in usage) for group in groups]
    everywhere = sum(counts, Counter[str]())
    total = sum(map(len, groups))
    found = []
    for group, count in zip(groups, counts, strict=True):
        scored = [
            Collocate(word, here, _log_likelihood(here, everywhere[word] - here, len(group), total - len(group)),
                      14 + math.log2(2 * here / (len(group) + everywhere[word])))
            for word, here in count.items()
            if here > 1 and here * total > everywhere[word] * len(group)
        ]  # fmt: skip
        found.append(sorted(scored, key=lambda each: (-each.log_likelihood, each.word))[:most])
    return found


def _log_likelihood(here: int, there: int, usages: int, others: int) -> float:
    """Give Dunning's G2 of a word that stands near `here` of `usages`, and near `there` of `others`."""
    share = (here + there) / (usages + others)
    return 2 * sum(
        observed * math.log(observed / expected)
        for observed, expected in (
            (here, usages * share),
            (usages - here, usages * (1 - share)),
            (there, others * share),
            (others - there, others * (1 - share)),
        )
        if observed > 0 and expected > 0
    )
