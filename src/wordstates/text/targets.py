"""Where words and phrases occur in texts, matched as a person means them.

Case does not count (unless asked), nor how accents are encoded, nor what white space stands between the words of a
phrase; the ends of a match are ends of words. Spans are those of the original text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

import regex

from wordstates.errors import InputError, TargetNotFoundError
from wordstates.text.words import is_word_edge

Target = str | re.Pattern[str]
Match = tuple[int, int, int]
_MOST_WORDS = 50_000  # of the texts, to look through for a near one

# A character with the marks that follow it: the unit in which canonical equivalence lives.
_CLUSTER = regex.compile(r"\P{M}?\p{M}*", flags=regex.DOTALL)


class TargetFinder:
    """Finds every usage of some targets.

    Args:
        targets: Words, phrases, or compiled regular expressions (matched against the text as it is).
        ignore_case: Whether *Fox* is a usage of *fox*; for words and phrases.

    Raises:
        InputError: If there is no target, or one is empty or of another type.
    """

    def __init__(self, targets: Sequence[Target], *, ignore_case: bool = True) -> None:
        if isinstance(targets, (str, bytes)) or not isinstance(targets, Sequence):
            raise InputError(f"Targets are a list, got {targets!r}: write find(texts, ['fox', 'lazy dog']).")
        if not targets:
            raise InputError("No target given: find(texts, ['fox', 'lazy dog', re.compile('...')]).")
        self.ignore_case = ignore_case
        self.names = [_name(target) for target in targets]
        self._patterns: list[Any] = []
        self._phrases: dict[int, Any] = {}
        for index, target in enumerate(targets):
            if isinstance(target, str):
                words = self._fold(target)[0].split()
                if not words:
                    raise InputError(f"Target {index} is {target!r}: a target holds at least one character.")
                self._phrases[index] = regex.compile(r"\s+".join(regex.escape(word) for word in words))
        self._regular = {index: target for index, target in enumerate(targets) if not isinstance(target, str)}
        self._any = regex.compile("|".join(pattern.pattern for pattern in self._phrases.values()) or r"(?!)")

    def find(self, text: str) -> list[Match]:
        r"""Find every usage in a text.

        Args:
            text: Any text.

        Returns:
            (start, end, index of the target), in text order; usages of different targets may overlap.

        Example:
            >>> TargetFinder(["fox", "lazy dog"]).find("Foxes! The FOX and the lazy\n dog.")
            [(11, 14, 0), (23, 32, 1)]
        """
        found = [
            (*match.span(), index)
            for index, pattern in self._regular.items()
            for match in pattern.finditer(text)
            if match.end() > match.start()
        ]
        folded, origins = self._fold(text)
        if self._phrases and self._any.search(folded):
            for index, pattern in self._phrases.items():
                for match in pattern.finditer(folded, overlapped=True):
                    start, end = match.span()
                    if origins is not None:
                        if _splits_a_character(origins, start) or _splits_a_character(origins, end):
                            continue
                        start, end = origins[start][0], origins[end - 1][1]
                    if is_word_edge(text, start) and is_word_edge(text, end):
                        found.append((start, end, index))
        return sorted(set(found))

    def check_all_found(self, matches: Sequence[Sequence[Match]], texts: Sequence[str]) -> None:
        """Check that every target has a usage.

        Args:
            matches: What `find` gave for each text.
            texts: The texts, to look for words near a lost target.

        Raises:
            TargetNotFoundError: If a target has none.
        """
        seen = {match[2] for found in matches for match in found}
        lost = [name for index, name in enumerate(self.names) if index not in seen]
        if lost:
            words = sorted({word for text in texts for word in text.split()})[:_MOST_WORDS]
            near = ", ".join(map(repr, get_close_matches(lost[0], words, n=3)))
            where = "the text" if len(texts) == 1 else f"any of the {len(texts):,} texts"
            others = f" (nor do {len(lost) - 1} other targets)" if len(lost) > 1 else ""
            raise TargetNotFoundError(
                f"Target {lost[0]!r} does not occur in {where}{others}: whole words are matched."
                f"{f' Near it: {near}.' if near else ''} Pass missing='ignore' to go on without."
            )

    def _fold(self, text: str) -> tuple[str, list[tuple[int, int]] | None]:
        """Give the text to match in, and the original span of each of its characters (None: the same)."""
        if text.isascii():
            return (text.lower() if self.ignore_case else text), None
        folded: list[str] = []
        origins: list[tuple[int, int]] = []
        for match in _CLUSTER.finditer(text):
            written = unicodedata.normalize("NFD", match.group())
            written = unicodedata.normalize("NFD", written.casefold()) if self.ignore_case else written
            folded.append(written)
            origins += [match.span()] * len(written)
        return "".join(folded), origins


def _splits_a_character(origins: list[tuple[int, int]], position: int) -> bool:
    """Tell whether a place in the folded text lies inside an original character: "cafe" is not in "café"."""
    return 0 < position < len(origins) and origins[position - 1] == origins[position]


def _name(target: object) -> str:
    if isinstance(target, str):
        return target
    if isinstance(target, (re.Pattern, regex.Pattern)) and isinstance(target.pattern, str):
        return str(target.pattern)
    raise InputError(f"Target {target!r} is neither a string nor a compiled regular expression over strings.")
