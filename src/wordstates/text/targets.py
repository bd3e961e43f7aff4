"""Where words and phrases occur in texts, matched as people mean them.

Case does not count (unless asked), nor how accents are encoded, nor how apostrophes, hyphens and ligatures are printed,
nor what white space stands between the words of a phrase; the ends of a match are ends of words. Spans are those of the
original text.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from difflib import get_close_matches

import regex

from wordstates.errors import InputError, TargetNotFoundError
from wordstates.text.folding import Origins, Typed, fold
from wordstates.text.phrases import PhraseIndex
from wordstates.text.words import is_word_edge
from wordstates.wording import counted

Target = str | re.Pattern[str]
Match = tuple[int, int, int]
MOST_WORDS = 50_000  # of the texts, to look through for a near one


class TargetFinder:
    """Finds every usage of some targets.

    Args:
        targets: Words, phrases, or compiled regular expressions (matched against the text as it is).
        ignore_case: Whether *Fox* is a usage of *fox*; for words and phrases.
        match_exactly: Tell *don’t* from *don't*, and *Fox* from *fox*: only white space and the encoding of accents do
            not count; for words and phrases.

    Raises:
        InputError: If there is no target, or one is empty or of another type.
    """

    def __init__(self, targets: Sequence[Target], *, ignore_case: bool = True, match_exactly: bool = False) -> None:
        if isinstance(targets, (str, bytes)) or not isinstance(targets, Sequence):
            raise InputError(f"Targets are a list, got {targets!r}: write find(texts, ['fox', 'lazy dog']).")
        if not targets:
            raise InputError("No target given: find(texts, ['fox', 'lazy dog', re.compile('...')]).")
        self.ignore_case = ignore_case and not match_exactly
        self._match_exactly = match_exactly
        self.names = [_name(target) for target in targets]
        phrases = {}
        for index, target in enumerate(targets):
            if isinstance(target, str):
                phrases[index] = compared(target, index, ignore_case=ignore_case, match_exactly=match_exactly)
        self._phrases = PhraseIndex(phrases)
        self._regular = {index: target for index, target in enumerate(targets) if not isinstance(target, str)}

    def find(self, text: str) -> list[Match]:
        r"""Find every usage in a text.

        Args:
            text: Any text.

        Returns:
            (start, end, index of the target), in text order; usages of different targets may overlap.

        Examples:
            >>> TargetFinder(["fox", "lazy dog"]).find("Foxes! The FOX and the lazy\n dog.")
            [(11, 14, 0), (23, 32, 1)]
        """
        found = [
            (*match.span(), index)
            for index, pattern in self._regular.items()
            for match in pattern.finditer(text)
            if match.end() > match.start()
        ]
        typed = None if self._match_exactly else Typed(text)
        here = text if typed is None else typed.text
        origins: Origins | None = None
        for *place, index in self._phrases.find(fold(here, ignore_case=self.ignore_case)):
            origins = origins or Origins(here, ignore_case=self.ignore_case)
            span = origins.span(*place)
            if span is not None and is_word_edge(here, span[0]) and is_word_edge(here, span[1]):
                original = span if typed is None else typed.span(*span)
                if original is not None:
                    found.append((*original, index))
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
        words = (
            sorted({word for text in texts for word in text.split()})[:MOST_WORDS]
            if len(seen) < len(self.names)
            else []
        )
        self.check_seen(seen, words, "the text" if len(texts) == 1 else f"any of the {counted(len(texts), 'text')}")

    def check_seen(self, seen: Collection[int], words: Sequence[str], where: str) -> None:
        """Check that every target was seen.

        Args:
            seen: The index of each target that has a usage.
            words: Words of the texts, to look for some near a lost target.
            where: What was searched, for the error.

        Raises:
            TargetNotFoundError: If a target was not.
        """
        lost = [name for index, name in enumerate(self.names) if index not in seen]
        if lost:
            near = ", ".join(map(repr, get_close_matches(lost[0], words, n=3)))
            others = f" (nor {counted(len(lost) - 1, 'other target')})" if len(lost) > 1 else ""
            raise TargetNotFoundError(
                f"Target {lost[0]!r} does not occur in {where}{others}: whole words are matched."
                f"{f' Near it: {near}.' if near else ''} Pass missing='ignore' to go on without."
            )


def compared(target: str, index: int, *, ignore_case: bool, match_exactly: bool) -> list[str]:
    """Give the words of a target as they are compared.

    Args:
        target: A word or a phrase.
        index: Its number, for the error.
        ignore_case: See `TargetFinder`.
        match_exactly: See `TargetFinder`.

    Raises:
        InputError: If it is empty.
    """
    typed = target if match_exactly else Typed(target).text
    words = fold(typed, ignore_case=ignore_case and not match_exactly).split()
    if not words:
        raise InputError(f"Target {index} is {target!r}: a target holds at least one character that can be seen.")
    return words


def _name(target: object) -> str:
    if isinstance(target, str):
        return target
    if isinstance(target, (re.Pattern, regex.Pattern)) and isinstance(target.pattern, str):
        return str(target.pattern)
    raise InputError(f"Target {target!r} is neither a string nor a compiled regular expression over strings.")
