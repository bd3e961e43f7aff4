"""Many phrases looked for at once: the cost depends on the text, not on the number of phrases.

A *run* is a stretch of letters, digits and underscores of scripts that put something between their words. No word
begins or ends inside one, so a phrase with the run ``bank`` in it can only stand where the text has exactly that run::

    the bank's snow-bank   runs: the, bank, s, snow, bank     phrases: bank, bank's, snow-bank, new york

So a text is cut into its runs and those are looked up. Phrases without one (Chinese, Thai, emoji) go by their first
character.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import regex

# What `re` calls a word character, but for the scripts in which words follow each other without a space (their letters
# are words of their own for Unicode), the signs that are no letters for Unicode, iota (the mark U+0345 becomes one when
# case is taken away, and may follow anything), and what was not looked at. Less is always right, only slower; a test
# goes through all of Unicode.
_NO_RUN = (
    r"\u00b2\u00b3\u00b9\u00bc-\u00be\u03b9\u09f4-\u09f9\u0b72-\u0b77\u0bf0-\u0bf2\u0c78-\u0c7e\u0d58-\u0d5e\u0d70-\u0d78"
    r"\u0e00-\u109f\u1369-\u1dff\u2000-\U0010ffff"
)
RUN = re.compile(rf"[^\W{_NO_RUN}]+")
_SPACE = regex.compile(r"\s+")
# ASCII is most of what is searched: anything but a run becomes a space, and `str.split` is the fastest there is.
_ASCII = {code: " " for code in range(128) if not RUN.match(chr(code))}
# Up to here, looking for one string after the other is faster than cutting the text into its runs
# (benchmarks/constants.py).
_FEW = 8


class PhraseIndex:
    """Finds where phrases stand in folded texts.

    Args:
        phrases: The words of each phrase, folded, by its number.
    """

    def __init__(self, phrases: Mapping[int, Sequence[str]]) -> None:
        self._phrases = phrases
        self._by_run: dict[str, list[tuple[int, int]]] = defaultdict(list)  # (place of the run in the phrase, number)
        self._by_char: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))  # by word, by character
        for number, (word, *_) in phrases.items():
            runs = list(RUN.finditer(word))
            if runs:
                longest = max(runs, key=lambda run: run.end() - run.start())
                self._by_run[longest.group()].append((longest.start(), number))
            else:
                self._by_char[word[0]][word].append(number)
        self._runs = frozenset(self._by_run)

    def find(self, folded: str) -> Iterator[tuple[int, int, int]]:
        """Find the places of all phrases.

        Args:
            folded: A text, folded as the phrases are.

        Yields:
            (start, end, number), in no order. Each is where the phrase is spelled out, any white space between its
            words; some may begin or end inside a word, and all that do not are given.
        """
        for place, run in self._places_of_runs(folded):
            for offset, number in self._by_run[run]:
                end = self._end(folded, place - offset, number)
                if end is not None:
                    yield place - offset, end, number
        for place, numbers in self._places_of_words(folded):
            for number in numbers:
                end = self._end(folded, place, number)
                if end is not None:
                    yield place, end, number

    def _places_of_runs(self, folded: str) -> Iterator[tuple[int, str]]:
        if len(self._runs) <= _FEW:
            found = {run for run in self._runs if run in folded}
        else:
            runs = folded.translate(_ASCII).split() if folded.isascii() else RUN.findall(folded)
            found = set(self._runs.intersection(runs))
        if len(found) > _FEW:  # of one pass over a long text, rather than one pass for each
            for match in RUN.finditer(folded):
                if match.group() in found:
                    yield match.start(), match.group()
            return
        for run in found:
            for place in _places(folded, run):
                before, after = folded[place - 1 : place], folded[place + len(run) : place + len(run) + 1]
                if not (_joins(before) or _joins(after)):
                    yield place, run

    def _places_of_words(self, folded: str) -> Iterator[tuple[int, list[int]]]:
        if not self._by_char:
            return
        few = len(self._by_char) <= _FEW
        for char in [char for char in self._by_char if char in folded] if few else self._by_char.keys() & set(folded):
            for word, numbers in self._by_char[char].items():
                for place in _places(folded, word):
                    yield place, numbers

    def _end(self, folded: str, start: int, number: int) -> int | None:
        """Give where a phrase ends that begins here, None if it does not stand here."""
        if start < 0:
            return None
        first, *others = self._phrases[number]
        if not folded.startswith(first, start):
            return None
        end = start + len(first)
        for word in others:
            space = _SPACE.match(folded, end)
            if space is None or not folded.startswith(word, space.end()):
                return None
            end = space.end() + len(word)
        return end


def _places(folded: str, part: str) -> Iterator[int]:
    """Give every place of a part, overlapping ones too."""
    place = folded.find(part)
    while place >= 0:
        yield place
        place = folded.find(part, place + 1)


def _joins(char: str) -> bool:
    """Tell whether a character beside a run surely goes on with it; a quick look that may miss some."""
    return char.isascii() and char.isalnum()
