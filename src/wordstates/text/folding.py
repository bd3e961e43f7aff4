"""Texts as they are compared: as they are typed, without case, with accents encoded one way; and the way back.

Print and the web write the same words with other characters than a keyboard: ``don’t``, a no-break hyphen, a soft
hyphen inside a word, ``ﬁ``, full width. `Typed` undoes that; `fold` takes case away and encodes accents one way. The
unit in which canonical equivalence lives is a character with the marks that follow it. Texts are folded whole, at the
speed of C, and only where something was found is it asked which original characters a place comes from.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from typing import Final

import regex

_CLUSTER = regex.compile(r"\P{M}?\p{M}*", flags=regex.DOTALL)
# A stretch of text that ends where a cluster does, so that folding it alone is folding that part of the whole.
_BLOCK = regex.compile(r".{1,256}+\p{M}*+", flags=regex.DOTALL)

# What a keyboard writes instead. Em dashes, primes of mathematics and other signs of their own are left as they are.
_KEYS = {
    "'": "\u2018\u2019\u201a\u201b\u02bb\u02bc\u00b4\u2032\u2039\u203a",
    '"': "\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb",
}
_KEYS |= {"-": "\u2010\u2011\u2012\u2013\u2212\ufe63", "...": "\u2026", "'n": "\u0149"}
# Soft hyphens, zero-width spaces, word joiners, marks of direction, byte order marks.
_HIDDEN = "\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff"
_JOINERS = "\u200c\u200d"  # hidden between letters, while emoji are made with them
# Ligatures, forms of Arabic letters, full width, half width.
_COMPATIBLE = [0x0132, 0x0133, *range(0xFB00, 0xFE00), *range(0xFE70, 0xFEFD), *range(0xFF01, 0xFFA0)]


def _typed_by_char() -> dict[str, str]:
    typed = {char: key for key, chars in _KEYS.items() for char in chars}
    for char in map(chr, _COMPATIBLE):
        plain = unicodedata.normalize("NFKC", char)
        if plain != char and not any(map(str.isspace, plain)):
            typed[char] = plain
    return typed


TYPED: Final = _typed_by_char()
_MAY_CHANGE = re.compile(f"[{''.join(TYPED)}{_HIDDEN}{_JOINERS}]")
_CHANGES = regex.compile(rf"(?P<typed>[{''.join(TYPED)}])|[{_HIDDEN}]+|(?<=[\p{{L}}\p{{M}}])[{_JOINERS}]+(?=\p{{L}})")


class Typed:
    r"""A text as a keyboard writes it: ``'`` for any apostrophe, ``-`` for any hyphen, nothing that cannot be seen.

    Args:
        text: The original.

    Attributes:
        text: What is typed.

    Examples:
        >>> Typed("don\u2019t co\u00adoperate, \ufb01ne").text
        "don't cooperate, fine"
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._original = text
        self._changes: list[tuple[int, int, int]] | None = None  # char span in the original, length here
        self._starts: list[int] = []  # where each change is here
        if not text.isascii() and _MAY_CHANGE.search(text):
            self.text = _CHANGES.sub(lambda match: TYPED.get(match.group(), ""), text)

    def span(self, start: int, end: int) -> tuple[int, int] | None:
        """Give the original span of a span of the typed text.

        Args:
            start: Its start.
            end: Its end, beyond the start.

        Returns:
            The char span, without hidden characters at its edges; None if an edge lies inside an original character,
            as that of ``f`` in ``ﬁ``.
        """
        if self.text is self._original:
            return start, end
        first, last = self._at(start), self._at(end - 1)
        if (start > 0 and self._at(start - 1) == first) or (end < len(self.text) and self._at(end) == last):
            return None
        return first[0], last[1]

    def _at(self, position: int) -> tuple[int, int]:
        """Give the span of the original character behind a place."""
        if self._changes is None:
            self._changes, ahead = [], 0
            for match in _CHANGES.finditer(self._original):
                length = len(TYPED.get(match.group(), ""))
                self._changes.append((*match.span(), length))
                self._starts.append(match.start() - ahead)
                ahead += match.end() - match.start() - length
        number = bisect_right(self._starts, position) - 1
        if number < 0:
            return position, position + 1
        start, end, length = self._changes[number]
        beyond = position - self._starts[number] - length
        return (start, end) if beyond < 0 else (end + beyond, end + beyond + 1)


def fold(text: str, *, ignore_case: bool = True) -> str:
    r"""Give a text as it is compared: decomposed canonically, and without case unless that counts.

    Source:
        The Unicode Standard, section 3.13, D145: canonical caseless matching.

    Examples:
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

        Examples:
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
