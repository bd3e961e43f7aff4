"""CoNLL-U: sentences whose words are given, each with its true char span in the sentence's text.

Words are located from left to right, each right after the last, white space aside; none is searched for further on,
where a short form would be found in the wrong word::

    # text = Don't go.
    1-2   Don't  ...                 "Don't" is "Do" + "n't": two words, keys 1 and 2
    1     Do     ...   (0, 2)
    2     n't    ...   (2, 5)
    3     go     ...   (6, 8)        SpaceAfter=No
    4     .      ...   (8, 9)

Where the words of a token do not spell it (German ``im`` = ``in`` + ``dem``), the token is one word with key ``1-2``.
Its lemmas are those of its words. Empty nodes (``8.1``) stand for no text and are skipped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from wordstates.documents.document import Document
from wordstates.errors import InputError

_COLUMNS = 10
_NAMES = ("id", "form", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc")
_LEMMA, _MISC = 2, 9
_ID = re.compile(r"(\d{1,9})(?:-(\d{1,9})|\.\d+)?")
_TEXT = re.compile(r"#\s*text\s*=\s?(.*)")
_SENT_ID = re.compile(r"#\s*sent_id\s*=\s*(.*?)\s*")
_TEXT_OF, _ID_OF = " text", " sent_id"  # unlike any name that a user can ask for
_COMMENT = re.compile(r"#\s*(.*?)\s*=\s*(.*?)\s*")


@dataclass(slots=True)
class _Token:
    """What stands in the text: a word, or a token of several words, each with its ten columns."""

    place: str
    columns: list[str]
    parts: list[list[str]] = field(default_factory=list)

    @property
    def form(self) -> str:
        return self.columns[1]

    @property
    def space_after(self) -> bool:
        return "SpaceAfter=No" not in self.columns[_MISC].split("|")

    def words(self) -> list[tuple[str, str, list[list[str]]]]:
        """Give key, form and columns of each word: one word of several columns where its parts do not spell it."""
        if self.parts and "".join(part[1] for part in self.parts) != self.form:
            return [(self.columns[0], self.form, self.parts)]
        return [(part[0], part[1], [part]) for part in self.parts or [self.columns]]


def read_conllu(name: str, lines: Iterator[tuple[int, str]], metadata: Sequence[str] = ()) -> Iterator[Document]:
    """Stream the sentences of a CoNLL-U file as documents with given words.

    Args:
        name: Name of the file, for ids and errors.
        lines: Its lines with their numbers from 1.
        metadata: Columns of the words to keep, by their names (``upos``, ``feats``, ``misc``), and comments:
            ``genre`` for ``# genre = novel``. A word that stands for several has their values joined by ``+``.

    Returns:
        One document a sentence: id ``sent_id`` or ``file:line``, keys the CoNLL-U ids, lemmas.

    Raises:
        InputError: If a line is malformed, or a form is not in its place in the text; with file and line.
    """
    block: list[tuple[int, str]] = []
    for number, line in lines:
        line = line.rstrip("\r\n")
        if line.strip(" "):
            block.append((number, line))
        elif block:
            yield from _sentence(name, block, metadata)
            block = []
    if block:
        yield from _sentence(name, block, metadata)


def _sentence(name: str, block: list[tuple[int, str]], metadata: Sequence[str]) -> Iterator[Document]:
    """Give the sentence of a block of lines; none for a block of comments that announces no sentence."""
    place = f"{name}:{block[0][0]}"
    comments = _comments(name, block, [name for name in metadata if name not in _NAMES])
    text, sent_id = comments.pop(_TEXT_OF), comments.pop(_ID_OF) or ""
    tokens = _tokens(name, [(number, line) for number, line in block if not line.startswith("#")])
    if not tokens:
        if text is not None:
            raise InputError(f"{place}: a sentence with a text and without words: {text!r}.")
        return
    if text is None:
        text = "".join(token.form + " " * token.space_after for token in tokens).rstrip(" ")
    keys, spans, rows = _locate(text, tokens)
    yield Document(
        sent_id or place,
        text,
        spans,
        keys,
        tuple(tuple(filter(None, (_lemma(row) for row in several))) for several in rows),
        metadata=comments,
        columns={
            column: tuple(_value(several, _NAMES.index(column)) for several in rows)
            for column in metadata
            if column in _NAMES
        },
        place=place if sent_id else "",
    )


def _comments(name: str, block: list[tuple[int, str]], wanted: Sequence[str]) -> dict[str, str | None]:
    """Give the text, the id and the comments that are asked for, None for one that a sentence does not have.

    Raises:
        InputError: If one of them is there twice: a blank line is missing, or it is not clear which is meant.
    """
    found: dict[str, str | None] = {}
    for number, line in block:
        if not line.startswith("#"):
            continue
        named = [(_TEXT_OF, _TEXT), (_ID_OF, _SENT_ID)]
        pairs = [(key, match[1]) for key, pattern in named if (match := pattern.fullmatch(line))]
        if (match := _COMMENT.fullmatch(line)) and match[1] in wanted:
            pairs.append((match[1], match[2]))
        for key, value in pairs:
            if key in found:
                raise InputError(
                    f"{name}:{number}: the sentence has the comment {key.strip()!r} a second time: leave one, or end "
                    "the sentence before it with a blank line."
                )
            found[key] = value
    return {key: found.get(key) for key in (_TEXT_OF, _ID_OF, *wanted)}


def _lemma(row: list[str]) -> str:
    return "" if row[_LEMMA] == "_" != row[1] else row[_LEMMA]  # an underscore says nothing, unless it is the word


def _value(rows: list[list[str]], column: int) -> str | None:
    """Give what a column says of a word, None where it says nothing."""
    values = [row[column] for row in rows]
    if column != 1 and all(value == "_" for value in values):
        return None if column != _LEMMA or any(row[1] != "_" for row in rows) else "_"
    return "+".join(values)


def _tokens(name: str, lines: list[tuple[int, str]]) -> list[_Token]:
    tokens: list[_Token] = []
    last = covered = 0  # id of the last word; id up to which a multiword token reaches
    for number, line in lines:
        place = f"{name}:{number}"
        columns = line.split("\t")
        if len(columns) != _COLUMNS:
            raise InputError(
                f"{place}: a line of CoNLL-U has {_COLUMNS} columns separated by tabs, but this one has "
                f"{len(columns)}: {line[:80]!r}."
            )
        key = columns[0]
        match = _ID.fullmatch(key)
        if match is None:
            raise InputError(
                f"{place}: {key[:40]!r} is no CoNLL-U id: it is 1, 2, ..., 1-2 (multiword) or 8.1 (empty node)."
            )
        if "." in key:
            continue
        token = _Token(place, columns)
        if int(match[1]) != last + 1:
            raise InputError(
                f"{place}: the id is {key} where {last + 1} follows. Ids count from 1 in each sentence, and a blank "
                "line ends a sentence."
            )
        if match[2] is not None:
            if last < covered or int(match[2]) <= last:
                raise InputError(f"{place}: the multiword token {key} holds no words of its own.")
            covered = int(match[2])
            tokens.append(token)
            continue
        last += 1
        if last > covered:
            tokens.append(token)
        else:
            tokens[-1].parts.append(columns)
    if last < covered:
        raise InputError(
            f"{tokens[-1].place}: the token {tokens[-1].columns[0]} says that word {covered} follows: it does not."
        )
    return tokens


_Located = tuple[tuple[str, ...], tuple[tuple[int, int], ...], list[list[list[str]]]]


def _locate(text: str, tokens: list[_Token]) -> _Located:
    """Give the key, the char span and the columns of each word, walking the text once."""
    keys, spans, rows, position = list[str](), list[tuple[int, int]](), list[list[list[str]]](), 0
    for token in tokens:
        for key, form, several in token.words():
            span = _match(text, form, position)
            if span is None:
                raise InputError(
                    f"{token.place}: the form {form!r} is not in the text at character {position}, after the form "
                    f"before it: {text!r}."
                )
            keys.append(key)
            spans.append(span)
            rows.append(several)
            position = span[1]
    return tuple(keys), tuple(spans), rows


def _match(text: str, form: str, position: int) -> tuple[int, int] | None:
    """Match a form right after `position`, white space of both sides aside.

    Args:
        text: The sentence.
        form: A form with any white space, or none, where the text has some: ``10 000`` for ``10<no-break space>000``.
        position: Where the form before ends.

    Returns:
        The span from the first to the last character that is not white space; None: something else stands there.
    """
    start = end = position
    begun = False
    for char in form:
        if char.isspace():
            continue
        while end < len(text) and text[end].isspace():
            end += 1
        if end == len(text) or text[end] != char:
            return None
        start, begun = (start, True) if begun else (end, True)
        end += 1
    return (start, end) if begun else None
