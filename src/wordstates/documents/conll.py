"""CoNLL with a word and its label in a line, as CoNLL-2003 and WNUT-17 have it; a blank line ends a sentence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from wordstates.documents.document import Document
from wordstates.errors import InputError
from wordstates.text.words import join_words
from wordstates.wording import counted

LABEL = "label"
_COLUMNS_OF_OTHERS = 8  # formats of so many columns or more begin with a number (CoNLL-U, -X, -2009), not the word


def read_conll(name: str, lines: Iterator[tuple[int, str]], metadata: Sequence[str] = ()) -> Iterator[Document]:
    """Stream the sentences of a file as documents with given words.

    The word is the first column, the label the last; they are separated by tabs, or else by white space. Lines that
    begin with ``-DOCSTART-`` are left out.

    Args:
        name: Name of the file, for ids and errors.
        lines: Its lines with their numbers from 1.
        metadata: Columns to keep: ``label`` is the last one, ``column2`` the second, and so on.

    Returns:
        One document a sentence: id ``file:line``, the words joined by a space, keys the lines that they stand in. A
        word without a character has an empty span.

    Raises:
        InputError: If a line has a word and no label, or a column is not there; with file and line.
    """
    block: list[tuple[int, list[str]]] = []
    for number, line in lines:
        line = line.rstrip("\r\n")
        if line.strip():
            columns = _columns(f"{name}:{number}", line)
            if columns[0] != "-DOCSTART-":
                block.append((number, columns))
        elif block:
            yield _sentence(name, block, metadata)
            block = []
    if block:
        yield _sentence(name, block, metadata)


def _columns(place: str, line: str) -> list[str]:
    columns = [column.strip() for column in line.split("\t")] if "\t" in line else line.split()
    if columns[0] == "-DOCSTART-":
        return columns
    if len(columns) < 2 or not columns[-1]:
        raise InputError(f"{place}: the label is missing: {line!r} is no word and label.")
    if len(columns) >= _COLUMNS_OF_OTHERS and columns[0].isdecimal():
        raise InputError(
            f"{place}: {counted(len(columns), 'column')}, of which the first is a number: here the word comes first "
            "and its "
            "label last. CoNLL-U is format='conllu'."
        )
    return columns


def _sentence(name: str, block: list[tuple[int, list[str]]], metadata: Sequence[str]) -> Document:
    text, spans = join_words([columns[0] for _, columns in block])
    return Document(
        f"{name}:{block[0][0]}",
        text,
        tuple((start, end) for start, end in spans.tolist()),
        tuple(str(number) for number, _ in block),
        columns={
            column: tuple(_value(f"{name}:{number}", columns, column) for number, columns in block)
            for column in metadata
        },
    )


def _value(place: str, columns: list[str], wanted: str) -> str:
    names = {f"column{number}": value for number, value in enumerate(columns, 1)} | {LABEL: columns[-1]}
    if wanted not in names:
        raise InputError(
            f"{place}: there is no column {wanted!r} (columns: {', '.join(names)}): name it in metadata=..."
        )
    return names[wanted]
