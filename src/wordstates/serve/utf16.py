"""Char spans in UTF-16 code units, as JavaScript, Java and C# count."""

from __future__ import annotations

import numpy as np

from wordstates.text.words import Spans


def _units(text: str) -> np.ndarray | None:
    """Give the UTF-16 unit at which each code point begins, and where the text ends; None if they are the same."""
    if text.isascii() or max(text) < "\U00010000":
        return None
    points = np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)
    return np.append(0, np.cumsum(1 + (points > 0xFFFF)))


def to_utf16(text: str, spans: Spans) -> Spans:
    """Turn code points into UTF-16 units.

    Examples:
        >>> to_utf16("👍 fox", np.array([[2, 5]])).tolist()
        [[3, 6]]
    """
    units = _units(text)
    return spans if units is None else units[spans]


def from_utf16(text: str, spans: list[list[int]]) -> list[list[int]]:
    """Turn UTF-16 units into code points; what lies outside the text stays outside.

    Raises:
        ValueError: If an edge lies within a character.

    Examples:
        >>> from_utf16("👍 fox", [[3, 6]])
        [[2, 5]]
    """
    units = _units(text)
    if units is None:
        return spans
    place = {unit: index for index, unit in enumerate(units.tolist())}
    last = int(units[-1])
    found = []
    for span in spans:
        for edge in span:
            if 0 <= edge <= last and edge not in place:
                raise ValueError(f"{edge} lies within a character of two UTF-16 units")
        found.append([place.get(edge, edge) for edge in span])
    return found
