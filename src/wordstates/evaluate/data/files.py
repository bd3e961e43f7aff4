"""Files of labelled data: their lines, their tables, and where a target stands in its sentence."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from wordstates.documents.decode import read_lines, without_terminator
from wordstates.documents.sources import find_sources, shown
from wordstates.errors import InputError
from wordstates.options import Split
from wordstates.wording import counted

_MARK = re.compile(r"<(word|strong|b|t)>(.*?)</\1>", re.DOTALL)
_TOKEN = re.compile(r"\S+")
_DIGITS = 15  # of a number of tokens
YES, NO = {"t", "true", "yes", "1"}, {"f", "false", "no", "0"}


def lines_of(path: Path) -> Iterator[tuple[str, str]]:
    """Give each line of a file, without its end, and its place ``file:line``.

    Raises:
        InputError: If it is not there, is empty, or is not UTF-8.
    """
    (source,) = find_sources([path], "txt").sources
    for number, line in read_lines(source, "utf-8"):
        yield f"{source.name}:{number}", without_terminator(line)


@dataclass(frozen=True, slots=True)
class TableLine:
    """A line of a table.

    Args:
        place: ``file:line``.
        values: Its fields, by the names of the columns.
    """

    place: str
    values: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        """Give a field that has to be there.

        Raises:
            InputError: If there is no such column, or the field is empty.
        """
        if name not in self.values:
            raise InputError(f"{self.place}: there is no column {name!r}: there are {', '.join(self.values)}.")
        if not self.values[name].strip():
            raise InputError(f"{self.place}: the column {name!r} is empty.")
        return self.values[name]

    def number(self, name: str) -> float:
        """Give a field that is a number.

        Raises:
            InputError: If it is none.
        """
        return as_number(self[name], self.place, name)


def table_rows(path: Path) -> Iterator[TableLine]:
    """Give the lines of a table whose first line names the columns, separated by tabs, or else by commas.

    Raises:
        InputError: If a line has another number of columns.
    """
    names: list[str] | None = None
    for place, line in lines_of(path):
        if names is None:
            cut = _cut_at_tabs if "\t" in line else _cut_at_commas
            names = [name.strip().lower() for name in cut(line, place)]
        elif line.strip():
            fields = cut(line, place)
            if len(fields) != len(names):
                raise InputError(
                    f"{place}: {counted(len(fields), 'column')} where the first line names {len(names)} "
                    f"({', '.join(names)})."
                )
            yield TableLine(place, dict(zip(names, fields, strict=True)))


def header_of(path: Path) -> list[str]:
    """Give the fields of a file's first line that is not blank, in lower case; of a table, the names of its columns."""
    place, line = next(((place, line) for place, line in lines_of(path) if line.strip()), ("", ""))
    try:
        fields = _cut_at_tabs(line, place) if "\t" in line else _cut_at_commas(line, place)
    except InputError:  # no table
        fields = [line]
    return [name.strip().lower() for name in fields]


def _cut_at_tabs(line: str, place: str) -> list[str]:
    return line.split("\t")


def _cut_at_commas(line: str, place: str) -> list[str]:
    try:
        (fields,) = csv.reader([line], strict=True)
    except (csv.Error, ValueError) as error:
        raise InputError(
            f"{place}: this line of a table with commas cannot be read ({error}): {line[:80]!r}."
        ) from error
    return fields


def split_of(name: str) -> Split | None:
    """Give the split that a file or folder is named by.

    Examples:
        >>> split_of("train.data.txt"), split_of("Development"), split_of("valid"), split_of("bank")
        ('train', 'dev', 'dev', None)
    """
    starts: dict[str, Split] = {"train": "train", "dev": "dev", "val": "dev", "test": "test"}
    return next((split for start, split in starts.items() if name.lower().startswith(start)), None)


def row_split(row: Mapping[str, object], place: str, given: Split | None) -> Split | None:
    """Give the split of a row of JSON: the one its file was given for, or the one it names.

    Raises:
        InputError: If it names none that there is.
    """
    said = row.get("split")
    if given is not None or said is None:
        return given
    if isinstance(said, str) and (split := split_of(said)) is not None:
        return split
    raise InputError(f"{place}: 'split' is {said!r}: it is train, dev or test, or leave it out of all lines.")


def as_number(text: str, place: str, what: str) -> float:
    """Read a finite number.

    Raises:
        InputError: If it is none.
    """
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if number != number or abs(number) == float("inf"):
        raise InputError(f"{place}: {what} is {text!r}, which is no number.")
    return number


def as_answer(text: str, place: str) -> float:
    """Read yes (1.0) or no (0.0), or a rating.

    Raises:
        InputError: If there is none.

    Examples:
        >>> as_answer("T", "a.tsv:1"), as_answer("no", "a.tsv:2"), as_answer("2.5", "a.tsv:3")
        (1.0, 0.0, 2.5)
    """
    word = text.strip().lower()
    if not word:
        raise InputError(f"{place}: the label is missing.")
    return 1.0 if word in YES else 0.0 if word in NO else as_number(word, place, "the label")


def marked_target(text: str, place: str) -> tuple[str, tuple[int, int]]:
    """Take the marks off a sentence whose target is marked, and give the target's char span; the first, of several.

    Raises:
        InputError: If nothing is marked.

    Examples:
        >>> marked_target("The river <word>bank</word>.", "a.tsv:1")
        ('The river bank.', (10, 14))
    """
    plain, spans = marked_spans(text, place)
    return plain, spans[0]


def marked_spans(text: str, place: str) -> tuple[str, list[tuple[int, int]]]:
    """Take the marks off a sentence, and give the char spans of all that is marked, white space at its edges aside.

    Raises:
        InputError: If nothing is marked.
    """
    parts, spans, position, length = list[str](), list[tuple[int, int]](), 0, 0
    for match in _MARK.finditer(text):
        target = match[2]
        before = text[position : match.start()]
        start = length + len(before) + len(target) - len(target.lstrip())
        spans.append((start, start + len(target.strip())))
        parts += [before, target]
        length += len(before) + len(target)
        position = match.end()
    if not spans:
        raise InputError(
            f"{place}: the target is not in its sentence: none is marked as <word>target</word> in {text[:80]!r}."
        )
    return "".join(parts) + text[position:], spans


def token_span(text: str, index: str, place: str) -> tuple[int, int]:
    """Give the char span of a token by its number from 0 among the runs between white space.

    Raises:
        InputError: If there is no such token.

    Examples:
        >>> token_span("the fundus of the stomach", "1", "a.txt:2")
        (4, 10)
    """
    spans = [match.span() for match in _TOKEN.finditer(text)]
    if not index.strip().isdecimal() or len(index) > _DIGITS or int(index) >= len(spans):
        index = index[:_DIGITS]
        raise InputError(
            f"{place}: the target is not in its sentence: there is no token {index!r} among {len(spans)} (from 0) of "
            f"{text[:80]!r}."
        )
    return spans[int(index)]


def same_length(first: Sequence[tuple[str, str]], second: Sequence[tuple[str, str]], names: tuple[Path, Path]) -> None:
    """Check that two files that belong together have as many lines.

    Raises:
        InputError: If they have not.
    """
    if len(first) != len(second):
        longer, shorter = (0, 1) if len(first) > len(second) else (1, 0)
        place, _ = (first, second)[longer][len((first, second)[shorter])]
        lines = counted(min(len(first), len(second)), "line")
        raise InputError(
            f"{place}: nothing belongs to this line: {shown(names[shorter])} has {lines}, "
            "and line by line the two belong together. A label is missing, or one too many."
        )
