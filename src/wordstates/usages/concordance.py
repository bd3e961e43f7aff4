"""A concordance: one line per usage of some words, the word in the middle; sorted, sampled, counted."""

from __future__ import annotations

import random
import unicodedata
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import regex

from wordstates.documents.document import Document
from wordstates.documents.output_columns import names_of, value_at
from wordstates.errors import InputError
from wordstates.result.rows import Rows, rows_without_vectors
from wordstates.runs.find import in_running_text
from wordstates.runs.searchers import Searcher
from wordstates.text.folding import fold
from wordstates.usages.usage import IndexedUsage
from wordstates.wording import on_one_line, visible

_RUN = regex.compile(r"[\p{L}\p{N}][\p{L}\p{M}\p{N}]*+")  # a word, as words are counted and sorted by
_PLACES = ("L1", "L2", "L3", "R1", "R2", "R3")
SENSE = "sense"
_SORTS = (*_PLACES, "node", "text", "meaning", SENSE)
_RIGHT_TO_LEFT = {"R", "AL"}
_ISOLATE, _POP = "\u2068", "\u2069"  # text between them has a direction of its own
MORE = "…"  # the text goes on here
_REACH = 8  # times the context, and characters: how far a text is looked into, since white space runs together


@dataclass(frozen=True, slots=True)
class Line:
    """One usage.

    Args:
        document: Id of its document.
        target: What it was found by.
        left: The text before it, on one line; it begins with an ellipsis where more stands before it.
        node: The word, as the text spells it.
        right: The text after it.
        span: Char span in the document's text.
        metadata: What the input says of the document.
        number: Its usage in an index; None: it comes from a text.
        similarity: Cosine with the usage that lines are sorted by.
        sense: Number of its sense among those of all lines, from 1; 0: in none; None: not asked for.
    """

    document: str
    target: str
    left: str
    node: str
    right: str
    span: tuple[int, int]
    metadata: Mapping[str, str | None] = field(default_factory=dict)
    number: int | None = None
    similarity: float | None = None
    sense: int | None = None


@dataclass
class Searched:
    """How much was searched.

    Args:
        texts: Documents read.
        words: Words in them: runs of letters and digits.
        by: Words of the documents with each value, by column of metadata.
    """

    texts: int = 0
    words: int = 0
    by: dict[str, Counter[str]] = field(default_factory=dict)


def lines_of_texts(
    documents: Iterable[Document],
    searcher: Searcher,
    *,
    context: int,
    within: bool = False,
    searched: Searched | None = None,
    count_by: Sequence[str] = (),
) -> Iterator[Line]:
    """Find the lines of some targets in documents; no model is needed.

    Args:
        documents: The documents.
        searcher: Finds the targets.
        context: Characters of text on each side.
        within: Whether the context ends where the text does; else it goes on into the text that this one continues.
        searched: Takes how much was read.
        count_by: Columns of metadata by whose values words are counted.
    """
    searched = searched if searched is not None else Searched()
    for document, before, after in in_running_text(_told(documents), 0 if within else context + 1):
        words = len(_RUN.findall(document.text))
        searched.texts += 1
        searched.words += words
        for column in count_by:
            counts = searched.by.setdefault(column, Counter())
            if column in document.columns:
                counts.update(value or "" for value in document.columns[column])
            else:
                counts[document.metadata.get(column) or ""] += words
        text = before + document.text + after
        for start, end, target in searcher.find(document):
            yield Line(
                document=document.id,
                target=searcher.names[target],
                left=_left(
                    text[max(0, start + len(before) - _REACH * context - _REACH) : start + len(before)], context
                ),
                node=on_one_line(document.text[start:end]),
                right=_right(text[end + len(before) : end + len(before) + _REACH * context + _REACH], context),
                span=(start, end),
                metadata={name: value_at(document, name, start, end) for name in names_of([document])},
            )


def _told(documents: Iterable[Document]) -> Iterator[Document]:
    """Leave out the documents that could not be read, with a warning."""
    for document in documents:
        if document.fault:
            warnings.warn(f"left out: {document.fault}", stacklevel=2)
        else:
            yield document


def lines_of_usages(usages: Iterable[IndexedUsage], target: str, *, context: int) -> Iterator[Line]:
    """Give the lines of usages of an index."""
    for usage in usages:
        start, end = usage.place
        yield Line(
            usage.document,
            target,
            _left(usage.text[max(0, start - _REACH * context - _REACH) : start], context),
            on_one_line(usage.word),
            _right(usage.text[end : end + _REACH * context + _REACH], context),
            usage.span,
            usage.metadata,
            usage.number,
        )


def _left(text: str, context: int) -> str:
    near = text[len(text) - context :] if context < len(text) else text
    whole = len(near) == len(text) or not text[: len(text) - context].strip()
    joined = on_one_line(near) + (" " if near[-1:].isspace() else "")
    return joined if whole else f"{MORE}{joined}"


def _right(text: str, context: int) -> str:
    near = text[:context]
    joined = (" " if near[:1].isspace() else "") + on_one_line(near)
    return joined if not text[context:].strip() else f"{joined}{MORE}"


# -- sorting and sampling ------------------------------------------------------------------------------------------


def sort_lines(lines: Sequence[Line], keys: Sequence[str]) -> list[Line]:
    """Sort lines by one key after the other; those that agree in all stay in the order of the texts.

    Args:
        lines: The lines.
        keys: ``L1`` to ``L3`` and ``R1`` to ``R3`` (the word in this place to the left or right), ``node``, ``text``,
            ``meaning`` (most similar first), ``sense``, or a column of metadata.

    Raises:
        InputError: If a key does not exist.
    """
    by = [_key(name, lines) for name in keys]
    return sorted(lines, key=lambda line: tuple(each(line) for each in by)) if by else list(lines)


def _key(name: str, lines: Sequence[Line]) -> Callable[[Line], object]:
    place = name.upper()
    if place in _PLACES:
        number = int(place[1])
        if place.startswith("L"):
            return lambda line: _at(_RUN.findall(line.left)[::-1], number)
        return lambda line: _at(_RUN.findall(line.right), number)
    if name == "node":
        return lambda line: (fold(line.node), line.node)
    if name == "text":
        return lambda _: 0
    if name == "meaning":
        return lambda line: -(line.similarity if line.similarity is not None else -2.0)
    if name == SENSE and all(line.sense is not None for line in lines):
        return lambda line: line.sense or len(lines)  # those in none come last
    if lines and name not in lines[0].metadata:
        columns = ", ".join(lines[0].metadata) or "none: name them with metadata=..."
        raise InputError(f"Lines cannot be sorted by {name!r}: choose {', '.join(_SORTS)}, or a column ({columns}).")
    return lambda line: _as_number(line.metadata.get(name))


def _at(words: Sequence[str], number: int) -> tuple[bool, str]:
    """Give the word in a place, folded; a line that ends before it comes first."""
    return (True, fold(words[number - 1])) if len(words) >= number else (False, "")


def _as_number(value: str | None) -> tuple[bool, float, str]:
    try:
        return (value is None, float(value or ""), "")
    except ValueError:
        return (value is None, float("inf"), value or "")


def sample_lines(lines: Sequence[Line], count: int, seed: int = 0) -> list[Line]:
    """Draw lines at random, the same for the same seed, in the order they had."""
    if count >= len(lines):
        return list(lines)
    return [lines[number] for number in sorted(random.Random(seed).sample(range(len(lines)), count))]


# -- counts --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Count:
    """How often the targets are met where a column has a value.

    Args:
        value: The value; empty where a document has none.
        usages: Usages.
        words: Words of these documents; None where it is not known.
        per_million: Usages in a million words.
    """

    value: str
    usages: int
    words: int | None
    per_million: float | None


def count_lines(lines: Iterable[Line], column: str, words: Mapping[str, int] | None) -> list[Count]:
    """Count lines by the values of a column, most frequent first.

    Args:
        lines: The lines.
        column: ``node``, or a column of metadata.
        words: Words of the documents with each value; None: not known.
    """
    met: Counter[str] = Counter(
        fold(line.node) if column == "node" else (line.metadata.get(column) or "") for line in lines
    )
    values = {**dict.fromkeys(words or ()), **dict.fromkeys(met)}
    counts = []
    for value in values:
        there = words.get(value) if words is not None else None
        share = met[value] / there * 1e6 if there else None
        counts.append(Count(value, met[value], there, share))
    return sorted(counts, key=lambda each: (-each.usages, each.value))


# -- as it looks ---------------------------------------------------------------------------------------------------


def width_of(text: str) -> int:
    """Give the columns that a text takes in a terminal.

    Examples:
        >>> width_of("bank"), width_of("銀行"), width_of("cafe\u0301")
        (4, 4, 4)
    """
    if text.isascii():
        return len(text)
    return sum(
        0
        if unicodedata.category(character) in ("Mn", "Me", "Cf")
        else 2
        if unicodedata.east_asian_width(character) in "WF"
        else 1
        for character in text
    )


def aligned_lines(lines: Sequence[Line], columns: Sequence[str] = ()) -> Iterator[str]:
    """Write lines with their words below each other, and columns of metadata before them.

    Args:
        lines: The lines.
        columns: Columns of metadata to show.
    """
    lines = [
        replace(line, left=visible(line.left), node=visible(line.node), right=visible(line.right)) for line in lines
    ]
    before = [
        [visible(on_one_line(line.metadata.get(column) or "")) for column in columns]
        + ([f"{line.similarity:.3f}"] if line.similarity is not None else [])
        + ([f"sense {line.sense}" if line.sense else "no sense"] if line.sense is not None else [])
        for line in lines
    ]
    widths = [max(map(width_of, column), default=0) for column in zip(*before, strict=True)]
    left = max((width_of(line.left) for line in lines), default=0)
    node = max((width_of(line.node) for line in lines), default=0)
    for line, cells in zip(lines, before, strict=True):
        shown = "".join(
            f"{cell}{' ' * (width - width_of(cell) + 2)}" for cell, width in zip(cells, widths, strict=True)
        )
        pad = " " * (left - width_of(line.left))
        fill = " " * (node - width_of(line.node))
        yield f"{shown}{pad}{_isolated(line.left)} {_isolated(line.node)}{fill} {_isolated(line.right)}".rstrip()


def _isolated(text: str) -> str:
    """Keep text that is read from right to left in its place on the line."""
    if text.isascii() or not any(unicodedata.bidirectional(character) in _RIGHT_TO_LEFT for character in text):
        return text
    return f"{_ISOLATE}{text}{_POP}"


def lines_as_rows(lines: Sequence[Line]) -> Rows:
    """Lay out lines as the rows of a file, one document per line."""
    columns = list(lines[0].metadata) if lines else []
    extra: dict[str, list[str | None]] = {
        "target": [line.target for line in lines],
        "left": [line.left for line in lines],
        "right": [line.right for line in lines],
        **{column: [line.metadata.get(column) for line in lines] for column in columns},
    }
    if any(line.similarity is not None for line in lines):
        extra["similarity"] = [None if line.similarity is None else f"{line.similarity:.6f}" for line in lines]
    if any(line.sense is not None for line in lines):
        extra["sense"] = [str(line.sense) if line.sense else None for line in lines]
    spans = np.array([line.span for line in lines], dtype=np.int64).reshape(-1, 2)
    documents = [line.document for line in lines]
    return rows_without_vectors(documents, np.arange(len(lines) + 1), [line.node for line in lines], spans, extra)


def with_similarities(lines: Sequence[Line], similarities: Mapping[int, float]) -> list[Line]:
    """Give lines the likeness of their usages to the one that they are sorted by."""
    return [replace(line, similarity=similarities.get(line.number or 0)) for line in lines]
