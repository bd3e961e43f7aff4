"""Labelled words: CoNLL-U columns, CoNLL with two columns, JSON lines with spans."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from wordstates.documents.conll import LABEL, read_conll
from wordstates.documents.conllu import read_conllu
from wordstates.documents.sources import shown
from wordstates.errors import InputError
from wordstates.evaluate.data.files import lines_of, row_split
from wordstates.evaluate.data.task import Item, UsageTable
from wordstates.json_text import read_json
from wordstates.options import Split
from wordstates.text.words import join_words, locate_words
from wordstates.wording import counted

_RANGE = re.compile(r"(\d{1,9})-(\d{1,9})")
_MOST_PARTS = 1_000  # words in one surface token
_COLUMNS = {"lemma": 2, "upos": 3, "xpos": 4, "deprel": 7}
_FEATS, _MISC = 5, 9
DEFAULT_LABEL = "upos"


def read_conllu_labels(
    path: Path, table: UsageTable, split: Split | None, skipped: Counter[str], label: str
) -> Iterator[Item]:
    """Read a column of CoNLL-U: ``upos``, ``xpos``, ``deprel``, ``lemma``, or a key of the features, as ``Number``.

    A word written as one that stands for several (German *im*) has their labels joined by ``+``.

    Raises:
        InputError: If a word has no label, or none has the feature.
    """
    found = False
    for place, block in _blocks(path):
        numbered = ((int(where.rpartition(":")[2]), line) for where, line in block)
        labels = {
            line.split("\t", 1)[0]: (where, _label_of(line.split("\t"), label, where))
            for where, line in block
            if not line.startswith("#")
        }
        for document in read_conllu(place.rpartition(":")[0], iter(numbered)):
            for key, span in zip(document.keys or (), document.spans or (), strict=True):
                parts = _parts(key)
                values = [labels[part][1] for part in parts]
                where = labels[key][0]
                if any(value is None for value in values):
                    if label in _COLUMNS:
                        raise InputError(f"{where}: the label is missing: {label} of the word {key} is '_'.")
                    skipped["words without the feature"] += 1
                    continue
                found = True
                yield _item(table, document.text, span, "+".join(map(str, values)), where, split)
    if not found:
        raise InputError(
            f"{path}:1: no word has a label {label!r}: it is one of {', '.join(_COLUMNS)}, or a key of the features."
        )


def _label_of(columns: list[str], label: str, place: str) -> str | None:
    if len(columns) <= _MISC:
        return None  # read_conllu tells what is wrong with the line
    if label in _COLUMNS:
        value = columns[_COLUMNS[label]]
        return None if value in ("_", "") else value
    for column in (_FEATS, _MISC):
        for feature in columns[column].split("|"):
            key, _, value = feature.partition("=")
            if key == label and value:
                return value
    return None


def _parts(key: str) -> list[str]:
    """Give the ids of the words that an id stands for; one that makes no sense is reported with its sentence."""
    found = _RANGE.fullmatch(key)
    if found is None or int(found[2]) - int(found[1]) > _MOST_PARTS:
        return [key]
    return [str(number) for number in range(int(found[1]), int(found[2]) + 1)]


def read_columns(path: Path, table: UsageTable, split: Split | None, skipped: Counter[str]) -> Iterator[Item]:
    """Read CoNLL with a word and its label in a line, a blank line between sentences.

    The word is the first column, the label the last; they are separated by tabs, or else by white space.

    Raises:
        InputError: If a line has a word and no label.
    """
    numbered = ((int(place.rpartition(":")[2]), line) for place, line in lines_of(path))
    for document in read_conll(shown(path), numbered, [LABEL]):
        for (start, end), gold, key in zip(
            document.spans or (), document.columns[LABEL], document.keys or (), strict=True
        ):
            if start == end:
                skipped["words without a character"] += 1
            else:
                yield _item(table, document.text, (start, end), str(gold), f"{shown(path)}:{key}", split)


def read_json_labels(path: Path, table: UsageTable, split: Split | None, skipped: Counter[str]) -> Iterator[Item]:
    """Read JSON lines: ``text`` with ``spans`` or ``words``, or ``words`` alone, and ``labels``; ``split``.

    Raises:
        InputError: If a line is no such object.
    """
    for place, row in json_rows(path):
        labels = row.get("labels")
        if not isinstance(labels, list):
            raise InputError(f"{place}: the label is missing: 'labels' is a list with one label for each word.")
        text, spans = _located(row, place)
        own = row_split(row, place, split)
        if len(spans) != len(labels):
            raise InputError(
                f"{place}: {counted(len(spans), 'word')} (or spans), and {counted(len(labels), 'label')}: give one for "
                "each."
            )
        for span, gold in zip(spans, labels, strict=True):
            if gold is None or str(gold) == "":
                raise InputError(f"{place}: the label of the span {list(span)} is missing.")
            yield _item(table, text, span, str(gold), place, own)


def json_rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Read the JSON objects of a file, one per line, each with its place; blank lines are left out.

    Raises:
        InputError: If a line is no such object.
    """
    for place, line in lines_of(path):
        if line.strip():
            yield place, json_row(line, place)


def json_row(line: str, place: str) -> dict[str, Any]:
    """Read a line that is a JSON object.

    Raises:
        InputError: If it is none.
    """
    try:
        row = read_json(line)
    except ValueError as error:
        raise InputError(f"{place}: this line is not JSON: {error}") from error
    if not isinstance(row, dict):
        raise InputError(f"{place}: this line is no JSON object: {line[:80]!r}.")
    return row


def json_span(given: object, place: str) -> tuple[int, int]:
    """Read a char span, a list of two whole numbers.

    Raises:
        InputError: If it is none.
    """
    if isinstance(given, list) and len(given) == 2 and all(type(edge) is int for edge in given):
        return given[0], given[1]
    raise InputError(f"{place}: {given!r} is no char span: write [start, end].")


def _located(row: dict[str, Any], place: str) -> tuple[str, list[tuple[int, int]]]:
    text, words, spans = row.get("text"), row.get("words"), row.get("spans")
    if isinstance(words, list) and all(isinstance(word, str) for word in words):
        if isinstance(text, str):
            try:
                located = locate_words(text, words, place)
            except InputError as error:
                raise InputError(f"{place}: the target is not in its sentence: {error}") from error
        else:
            text, located = join_words(words)
        return text, [(start, end) for start, end in located.tolist()]
    if isinstance(text, str) and isinstance(spans, list):
        return text, [json_span(span, place) for span in spans]
    raise InputError(f"{place}: expected 'text' and 'spans', or 'words', beside 'labels'; got {', '.join(row)}.")


def _item(table: UsageTable, text: str, span: tuple[int, int], gold: str, place: str, split: Split | None) -> Item:
    number = table.add(text, span, place)
    return Item((number,), (), gold, table.word(number).lower(), text, place, split)


def _blocks(path: Path) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Give the lines between blank lines, and the place where they begin."""
    block: list[tuple[str, str]] = []
    for place, line in lines_of(path):
        if line.strip():
            block.append((place, line))
        elif block:
            yield block[0][0], block
            block = []
    if block:
        yield block[0][0], block
