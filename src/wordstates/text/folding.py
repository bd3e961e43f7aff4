"""Texts as they are compared: without case, with accents encoded one way, and the way back to the original.

The unit in which canonical equivalence lives is a character with the marks that follow it. Texts are folded whole, at
the speed of C, and only where something was found is it asked which original characters a place comes from.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_right

import regex

_CLUSTER = regex.compile(r"\P{M}?\p{M}*", flags=regex.DOTALL)
# A stretch of text that ends where a cluster does, so that folding it alone is folding that part of the whole.
_BLOCK = regex.compile(r".{1,256}+\p{M}*+", flags=regex.DOTALL)


def fold(text: str, *, ignore_case: bool = True) -> str:
    r"""Give a text as it is compared: decomposed canonically, and without case unless that counts.

    Source:
        The Unicode Standard, section 3.13, D145: canonical caseless matching.

    Example:
        >>> fold("Caf\u00c9") == fold("cafe\u0301"), fold("Straße")
        (True, 'strasse')
    """
    if text.isascii():
        return text.lower() if ignore_case else text
    decomposed = unicodedata.normalize("NFD", text)
    return unicodedata.normalize("NFD", decomposed.casefold()) if ignore_case else decomposed


class Origins:
    """Which characters of a text each character of its folded form comes from.

    Args:
        text: The original.
        ignore_case: As it was folded.
    """

    def __init__(self, text: str, *, ignore_case: bool = True) -> None:
        self._text = text
        self._ignore_case = ignore_case
        self._identical = text.isascii()
        self._blocks: list[tuple[int, int]] = []
        self._starts: list[int] = []  # place in the folded text where each block begins
        self._known: dict[int, list[tuple[int, int]]] = {}
        length = 0
        for match in () if self._identical else _BLOCK.finditer(text):
            self._blocks.append(match.span())
            self._starts.append(length)
            length += len(fold(match.group(), ignore_case=ignore_case))

    def span(self, start: int, end: int) -> tuple[int, int] | None:
        r"""Give the original span of a span of the folded text.

        Args:
            start: Its start.
            end: Its end, beyond the start.

        Returns:
            The char span; None if an edge lies inside an original character: "cafe" is not in "café".

        Example:
            >>> fold("café ici")[6:9], Origins("café ici").span(6, 9)
            ('ici', (5, 8))
            >>> fold("café ici")[0:4], Origins("café ici").span(0, 4)
            ('cafe', None)
        """
        if self._identical:
            return start, end
        first, last = self._at(start), self._at(end - 1)
        if (start > 0 and self._at(start - 1) == first) or self._at(end) == last:
            return None
        return first[0], last[1]

    def _at(self, position: int) -> tuple[int, int]:
        """Give the span of the original character behind a place; past the end, an empty one."""
        block = bisect_right(self._starts, position) - 1
        origins = self._known.get(block)
        if origins is None:
            origins = self._known[block] = self._of_block(*self._blocks[block])
        place = position - self._starts[block]
        return origins[place] if place < len(origins) else (len(self._text), len(self._text))

    def _of_block(self, begin: int, end: int) -> list[tuple[int, int]]:
        return [
            match.span()
            for match in _CLUSTER.finditer(self._text, begin, end)
            for _ in fold(match.group(), ignore_case=self._ignore_case)
        ]
