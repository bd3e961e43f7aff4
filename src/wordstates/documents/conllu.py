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
_ID = re.compile(r"(\d+)(?:-(\d+)|\.\d+)?")
_TEXT = re.compile(r"#\s*text\s*=\s?(.*)")
_SENT_ID = re.compile(r"#\s*sent_id\s*=\s*(.*?)\s*")
_COMMENT = re.compile(r"#\s*(.*?)\s*=\s*(.*?)\s*")


@dataclass(slots=True)
class _Token:
    """What stands in the text: a word, or a token of several words."""

    place: str
    key: str
    form: str
    lemma: str
    space_after: bool
    parts: list[tuple[str, str, str]] = field(default_factory=list)  # key, form, lemma of a multiword token's words


def read_conllu(name: str, lines: Iterator[tuple[int, str]], metadata: Sequence[str] = ()) -> Iterator[Document]:
    """Stream the sentences of a CoNLL-U file as documents with given words.

    Args:
        name: Name of the file, for ids and errors.
        lines: Its lines with their numbers from 1.
        metadata: Comments to keep, by their names: ``genre`` for ``# genre = novel``.

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
    text: str | None = None
    sent_id = f"{name}:{block[0][0]}"
    for _, line in block:
        if match := _TEXT.fullmatch(line):
            text = match[1]
        elif (match := _SENT_ID.fullmatch(line)) and match[1]:
            sent_id = match[1]
    tokens = _tokens(name, [(number, line) for number, line in block if not line.startswith("#")])
    if not tokens:
        if text is not None:
            raise InputError(f"{name}:{block[0][0]}: a sentence with a text and without words: {text!r}.")
        return
    if text is None:
        text = "".join(token.form + " " * token.space_after for token in tokens).rstrip(" ")
    keys, spans, lemmas = _locate(text, tokens)
    yield Document(sent_id, text, spans, keys, lemmas, _comments(block, metadata) if metadata else {})


def _comments(block: list[tuple[int, str]], wanted: Sequence[str]) -> dict[str, str | None]:
    """Give the comments of a sentence that are asked for, None for one it does not have."""
    comments = {match[1]: match[2] for _, line in block if (match := _COMMENT.fullmatch(line))}
    return {name: comments.get(name) for name in wanted}


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
        key, form, lemma = columns[:3]
        lemma = "" if lemma == "_" != form else lemma  # an underscore says nothing, unless it is the word itself
        match = _ID.fullmatch(key)
        if match is None:
            raise InputError(
                f"{place}: {key!r} is no CoNLL-U id: it is 1, 2, ..., 1-2 (multiword) or 8.1 (empty node)."
            )
        if "." in key:
            continue
        token = _Token(place, key, form, lemma, "SpaceAfter=No" not in columns[9].split("|"))
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
            tokens[-1].parts.append((key, form, lemma))
    if last < covered:
        raise InputError(
            f"{tokens[-1].place}: the token {tokens[-1].key} says that word {covered} follows: it does not."
        )
    return tokens


_Located = tuple[tuple[str, ...], tuple[tuple[int, int], ...], tuple[tuple[str, ...], ...]]


def _locate(text: str, tokens: list[_Token]) -> _Located:
    """Give the key, the char span and the lemmas of each word, walking the text once."""
    keys, spans, lemmas, position = list[str](), list[tuple[int, int]](), list[tuple[str, ...]](), 0
    for token in tokens:
        lemma_of_parts = [lemma for _, _, lemma in token.parts] or [token.lemma]
        words = [(token.key, token.form, lemma_of_parts)]
        if token.parts and "".join(form for _, form, _ in token.parts) == token.form:
            words = [(key, form, [lemma]) for key, form, lemma in token.parts]
        for key, form, lemma in words:
            span = _match(text, form, position)
            if span is None:
                raise InputError(
                    f"{token.place}: the form {form!r} is not in the text at character {position}, after the form "
                    f"before it: {text!r}."
                )
            keys.append(key)
            spans.append(span)
            lemmas.append(tuple(filter(None, lemma)))
            position = span[1]
    return tuple(keys), tuple(spans), tuple(lemmas)


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
