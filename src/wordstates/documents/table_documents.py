"""Rows of a table -> documents: a row is a text, or, in a table of words, rows of the same group are."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from wordstates.documents.document import Document
from wordstates.documents.sources import Source, suggestion
from wordstates.documents.tables import Row
from wordstates.errors import InputError
from wordstates.text.grouping import is_missing, same_groups
from wordstates.text.words import join_words
from wordstates.wording import counted


@dataclass
class Columns:
    """What the columns of a table are for.

    Args:
        text: Column that holds the text, or a list of words.
        id: Column that names the document; None: its place does.
        metadata: Columns to keep; None: those of a table of words are all the others of the first row that is read.
        word: Column that holds a word, in tables of words; None: a row is a text.
        groups: Columns that say which rows are one text; none: all rows of a file are.
    """

    text: str = "text"
    id: str | None = None
    metadata: tuple[str, ...] | None = ()
    word: str | None = None
    groups: tuple[str, ...] = ()
    _others: list[str] | None = field(default=None, init=False)
    _named: frozenset[str] = field(default=frozenset(), init=False)

    def __post_init__(self) -> None:
        """Note the columns that have to be there."""
        if self.metadata is not None or self.word is None:
            self._named = frozenset(self.wanted() or ())

    def wanted(self) -> list[str] | None:
        """Name the columns that have to be read; None: all."""
        if self.metadata is None and self.word is not None:
            return None
        named = [self.word] if self.word is not None else [self.text, *([] if self.id is None else [self.id])]
        return [*named, *self.groups, *(self.metadata or ())]

    def kept(self, place: str, row: dict[str, object]) -> Sequence[str]:
        """Name the columns to keep, those of a row.

        Raises:
            InputError: If all are kept, and this row has one that the first did not have.
        """
        if self.metadata is not None or self.word is None:
            return self.metadata or ()
        if self._others is None:
            self._others = [column for column in row if column != self.word]
        for column in row:
            if column not in self._others and column != self.word:
                raise InputError(
                    f"{place}: the column {column!r} was not there in the first row that was read: name the columns to "
                    "keep with metadata=..."
                )
        return self._others

    def check(self, place: str, columns: list[str], advice: str = "") -> None:
        """Check that the columns that were named are there.

        Raises:
            InputError: If one is not; it names those there.
        """
        if self._named and self._named.issubset(columns):
            return
        wanted = [("text_column", self.text) if self.word is None else ("word_column", self.word)]
        wanted += [] if self.id is None else [("id_column", self.id)]
        wanted += [("group_column", group) for group in self.groups]
        for option, column in [*wanted, *(("metadata", column) for column in self.metadata or ())]:
            if column not in columns:
                there = ", ".join(map(repr, columns)) or "none"
                raise InputError(
                    f"{place}: there is no column {column!r} (columns: {there}){suggestion(column, columns) or '.'} "
                    f"Name it with {option}=...{advice}"
                )


def documents_of(source: Source, rows: Iterable[Row], columns: Columns) -> Iterator[Document]:
    """Make documents of the rows of a file."""
    if columns.word is None:
        return (_document(f"{source.name}:{number}", columns, row) for number, row in rows)
    return _documents_of_words(source, rows, columns)


# ── a row is a text ──


def _document(place: str, columns: Columns, row: dict[str, object]) -> Document:
    """Make a document of one row whose columns are known to be there."""
    name = place if columns.id is None else _id(place, columns.id, row[columns.id])
    given = place if columns.id is not None else ""
    value = row[columns.text]
    if isinstance(value, list) and all(isinstance(word, str) for word in value):
        return _given_words(place, name, columns, value, row)
    if not isinstance(value, str):
        kind = "null" if value is None else f"a {type(value).__name__}"
        kind += " of other things than words" if isinstance(value, list) else ""
        raise InputError(f"{place}: column {columns.text!r} is {kind}: it must be a text or a list of words.")
    _check_encodable(place, columns.text, value)
    metadata = {column: _text(place, column, row[column]) for column in columns.metadata or ()}
    return Document(name, value, metadata=metadata, place=given)


def _id(place: str, column: str, value: object) -> str:
    if isinstance(value, (dict, list, bytes)) or is_missing(value):
        raise InputError(f"{place}: the id in column {column!r} is {value!r}: each document needs a name.")
    _check_encodable(place, column, str(value))
    return str(value)


def _given_words(place: str, name: str, columns: Columns, words: list[str], row: dict[str, object]) -> Document:
    """Join given words by one space; each keeps its own span. A list beside them has an entry for each."""
    for index, word in enumerate(words):
        if not word.strip():
            raise InputError(f"{place}: word {index} in column {columns.text!r} is empty: {word!r}.")
    text, spans = join_words(words)
    _check_encodable(place, columns.text, text)
    metadata, of_words = dict[str, str | None](), dict[str, tuple[str | None, ...]]()
    for column in columns.metadata or ():
        value = row[column]
        if not isinstance(value, list):
            metadata[column] = _text(place, column, value)
        elif len(value) != len(words):
            raise InputError(
                f"{place}: column {column!r} has {counted(len(value), 'entry')} for {counted(len(words), 'word')}."
            )
        else:
            of_words[column] = tuple(_text(place, column, each) for each in value)
    given = place if columns.id is not None else ""
    return Document(name, text, _tuples(spans.tolist()), metadata=metadata, columns=of_words, place=given)


# ── a row is a word ──


def _documents_of_words(source: Source, rows: Iterable[Row], columns: Columns) -> Iterator[Document]:
    keyed = ((tuple(row.get(group) for group in columns.groups), (number, row)) for number, row in rows)
    for key, group in same_groups(keyed, source.name):
        place = f"{source.name}:{group[0][0]}"
        name = "/".join(_id(place, column, value) for column, value in zip(columns.groups, key, strict=True))
        words = [_word(f"{source.name}:{number}", columns.word or "", row) for number, row in group]
        text, spans = join_words(words)
        for number, row in group:
            kept = columns.kept(f"{source.name}:{number}", row)
        yield Document(
            name or source.name,
            text,
            _tuples(spans.tolist()),
            tuple(str(number) for number, _ in group),
            columns={
                column: tuple(_text(f"{source.name}:{number}", column, row.get(column)) for number, row in group)
                for column in kept
            },
            place=place if columns.groups else "",
        )


def _word(place: str, column: str, row: dict[str, object]) -> str:
    value = row.get(column)
    if is_missing(value):
        return ""  # it keeps its row, and has no vector
    if not isinstance(value, str):
        raise InputError(f"{place}: column {column!r} is a {type(value).__name__}: a word is a text.")
    _check_encodable(place, column, value)
    return value


# ── values ──


def _tuples(spans: list[list[int]]) -> tuple[tuple[int, int], ...]:
    return tuple((start, end) for start, end in spans)


def _text(place: str, column: str, value: object) -> str | None:
    """Keep a value as text: what a stream's first rows hold says nothing of the type of its last."""
    if isinstance(value, bytes):
        raise InputError(f"{place}: column {column!r} holds bytes, which are no text: leave it out of metadata=...")
    if value is None or value != value:
        return None
    if not isinstance(value, str):
        value = json.dumps(value, ensure_ascii=False, default=str).strip('"')
    _check_encodable(place, column, value)
    return value


def _check_encodable(place: str, column: str, text: str) -> None:
    """Refuse half a surrogate pair: JSON can write one, but no tokenizer and no file format can take it."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"{place}: column {column!r} has half a surrogate pair ({text[error.start]!a}) at character "
            f"{error.start}, which is no Unicode text: write the character whole."
        ) from error
