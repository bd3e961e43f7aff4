"""Long texts cut into stretches at places that no rule for words looks across."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import regex

Cuts = Literal["spaces", "words"]

# After a space or a line end, before a letter or a digit: there the Unicode rules for words have a boundary whatever
# stands farther away, and white space ends a word of any rule. So have they between two ideographs, which are words.
_SAFE = {
    "spaces": regex.compile(r"(?<=[ \n])(?=[\p{L}\p{N}])"),
    "words": regex.compile(r"(?<=[ \n])(?=[\p{L}\p{N}])|(?<=\p{Han})(?=\p{Han})"),
}


def stretches_of(text: str, characters: int, cuts: Cuts = "words") -> Iterator[tuple[int, int]]:
    """Cut a text into stretches of at least so many characters, the last aside; each ends at a safe place.

    Args:
        text: Any text.
        characters: Characters of a stretch; it ends at the first safe place after them, however far that is.
        cuts: After ``spaces`` only, or between any two ``words`` where that is safe.

    Examples:
        >>> list(stretches_of("The mill by the river", 6))
        [(0, 9), (9, 16), (16, 21)]
    """
    start = 0
    while start < len(text):
        end = safe_after(text, start + characters, cuts)
        yield start, end
        start = end


def safe_after(text: str, position: int, cuts: Cuts = "words") -> int:
    """Give the first safe place at or after a position; the end of the text if there is none.

    Examples:
        >>> safe_after("The mill by the river", 9)
        9
    """
    found = _SAFE[cuts].search(text, position) if position < len(text) else None
    return len(text) if found is None else int(found.start())


def safe_before(text: str, position: int) -> int:
    """Give the last safe place between words at or before a position; 0 if there is none.

    Examples:
        >>> safe_before("The mill by the river", 14)
        12
    """
    reach = 64
    while position > 0:
        low = max(position - reach, 0)
        places = [match.start() for match in _SAFE["words"].finditer(text, low, min(position + 1, len(text)))]
        if places or not low:
            return places[-1] if places else 0
        reach *= 4
    return 0
