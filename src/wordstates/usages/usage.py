"""A usage as an index knows it, and one that was found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from wordstates.wording import on_one_line, visible


@dataclass(frozen=True, slots=True)
class IndexedUsage:
    """A usage as an index knows it.

    Args:
        number: Its row in the index.
        word: The word as the text spells it.
        document: Id of its document.
        span: Char span in the document's text.
        status: Its status.
        text: The text around it, as far as it was kept; shared by the usages of one text.
        place: Where it stands in that text, half-open.
        metadata: What the input says of its document, and of the word where it has columns for words.
    """

    number: int
    word: str
    document: str
    span: tuple[int, int]
    status: str
    text: str = field(repr=False)
    place: tuple[int, int]
    metadata: Mapping[str, str | None]

    def around(self, characters: int) -> tuple[str, str]:
        """Give at most so many characters of the text before it and after it."""
        start, end = self.place
        return self.text[max(0, start - characters) : start], self.text[end : end + characters]

    def in_context(self, characters: int = 40) -> str:
        """Give it on one line between its neighbours."""
        before, after = self.around(4 * characters)
        left, right = on_one_line(before)[-characters:], on_one_line(after)[:characters]
        return visible(f"{left:>{characters}} [{' '.join(self.word.split())}] {right}")


@dataclass(frozen=True, slots=True)
class Hit:
    """A usage that was found.

    Args:
        score: Cosine with the query, after the index's post-processing.
        usage: The usage.
    """

    score: float
    usage: IndexedUsage
