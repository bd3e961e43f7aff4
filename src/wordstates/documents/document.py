"""A document: one text with its id, as a reader gives it and a writer keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Document:
    """One text of a corpus.

    Args:
        id: Name of the document, unique within its input: the id column, or ``file:line``.
        text: The text as given, after decoding.
        spans: Char spans of given words (CoNLL-U, lists of words), half-open, in code points; None: split the text.
        keys: The input's own name of each given word (the CoNLL-U id, the row of a table of words), aligned with
            `spans`; None where there is none.
        lemmas: The lemmas of each given word, aligned with `spans`: none where the input leaves it open, several where
            one span stands for several words (German *im*); None: the format has none.
        metadata: What else the input says of the document and was asked for, as text; None where it says nothing.
        continues: Whether it goes on from the document before it: a line of plain text right below another.
        columns: What else the input says of each given word and was asked for, as text, aligned with `spans`.
        usages: Where `spans` are usages that were searched for: what is written of each, by the names of the columns.
        place: ``file:line`` where the input itself gave the id; empty where the id is the place.
        fault: Why there is no text: the file is blank, or cannot be read; the document is then rejected. Empty: it is
            sound.
    """

    id: str
    text: str
    spans: tuple[tuple[int, int], ...] | None = None
    keys: tuple[str, ...] | None = None
    lemmas: tuple[tuple[str, ...], ...] | None = None
    metadata: Mapping[str, str | None] = field(default_factory=dict)
    continues: bool = False
    columns: Mapping[str, tuple[str | None, ...]] = field(default_factory=dict)
    usages: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    place: str = field(default="", compare=False)
    fault: str = ""
