"""What users hand over as texts, words and spans: checked here, once, and made uniform."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, Protocol

from wordstates.errors import InputError
from wordstates.options import Missing, check_choice
from wordstates.text.grouping import is_missing, same_groups
from wordstates.text.targets import TargetFinder
from wordstates.text.words import Spans, WordSplitter, as_spans, check_spans, join_words, locate_words
from wordstates.wording import counted

Texts = str | Sequence[str] | Sequence[Sequence[str]]
GIVEN = "given"


class Table(Protocol):
    """A table by the names of its columns: of pandas, polars, Arrow or datasets, or a dict of lists."""

    def __getitem__(self, column: str, /) -> Any:
        """Give a column."""


@dataclass(frozen=True, eq=False)
class Inputs:
    """Texts and their words, checked.

    Args:
        texts: The texts.
        spans: Char spans of the words of each.
        splitter: The name of the splitter that found the words; ``given`` or ``targets`` if none did.
        single: Whether a single text was given, not a list of one.
    """

    texts: Sequence[str]
    spans: Sequence[Spans]
    splitter: str
    single: bool = False

    @property
    def n_words(self) -> int:
        """Number of words of all texts."""
        return sum(map(len, self.spans))

    @property
    def characters(self) -> int:
        """Characters of the texts that have a word: those that are read."""
        return sum(len(text) for text, spans in zip(self.texts, self.spans, strict=True) if len(spans))


def find_inputs(texts: str | Sequence[str], finder: TargetFinder, missing: str) -> tuple[Inputs, tuple[int, ...]]:
    """Take the usages of targets in texts as their words.

    Args:
        texts: A text or a list of texts.
        finder: Finds the targets.
        missing: ``error`` if a target without any usage is an error, ``ignore`` if not.

    Returns:
        The texts and the usages; which target each usage is of.

    Raises:
        InputError: If the texts are no texts.
        TargetNotFoundError: If a target occurs nowhere.
    """
    check_choice("missing", missing, Missing)
    listed = as_texts(texts)
    matches = [finder.find(text) for text in listed]
    if missing == "error":
        finder.check_all_found(matches, listed)
    spans = [as_spans([match[:2] for match in found]) for found in matches]
    return Inputs(listed, spans, "targets"), tuple(match[2] for found in matches for match in found)


def as_texts(texts: str | Sequence[str]) -> list[str]:
    """Check a text or a list of texts.

    Raises:
        InputError: If they are something else, or hold half a character.
    """
    return _checked([texts] if isinstance(texts, str) else _listed(texts))


def read_inputs(
    texts: Texts | Table,
    words: Any,
    spans: Any,
    splitter: WordSplitter,
    *,
    word: str | None = None,
    group: str | Sequence[str] | None = None,
) -> Inputs:
    """Check texts and what was given with them, and split the texts whose words were not given.

    Args:
        texts: As in `WordEmbedder.encode`.
        words: The words of each text, or None.
        spans: Char spans of the words of each text; None for a text, or for all of them, to split it.
        splitter: Finds the words of raw texts.
        word: Column of the words of a table.
        group: Columns that say which of its rows are one text.

    Raises:
        InputError: If the texts are no texts.
        SpanError: If a span lies outside its text, or a given word is not in it.
    """
    single = isinstance(texts, str) or (word is not None and group is None)
    if word is not None:
        if words is not None or spans is not None:
            raise InputError("word=... is for tables, which have their words: leave words=... and spans=... out.")
        texts = _texts_of_table(texts, word, [group] if isinstance(group, str) else group or [])
    elif group is not None:
        raise InputError("group=... says which rows of a table are one text: give word=... too.")
    if words is not None and spans is not None:
        raise InputError("Give words=... or spans=..., not both.")
    if isinstance(texts, str):
        texts = [texts]
        words, spans = (None if given is None else [given] for given in (words, spans))
    listed = _listed(texts)
    if listed and all(isinstance(text, (list, tuple)) for text in listed):
        if words is not None or spans is not None:
            raise InputError("The texts are lists of given words already: leave words=... and spans=... out.")
        joined = [join_words(text) for text in listed]
        return Inputs(_checked([text for text, _ in joined]), [located for _, located in joined], GIVEN, single)
    checked = _checked(listed)
    given = words if words is not None else spans
    if given is None:
        return Inputs(checked, splitter.split(checked), splitter.name, single)
    what = "words" if words is not None else "spans"
    if isinstance(given, (str, Set, Mapping)) or not hasattr(given, "__len__"):
        raise InputError(f"{what}=... is {type(given).__name__}: give a list for each text.")
    if len(given) != len(checked):
        raise InputError(
            f"{counted(len(checked), 'text')} but {counted(len(given), 'list')} of {what}: give one list for each text."
        )
    given = [_plain(part) for part in given] if words is not None else given
    raw = [text for text, part in zip(checked, given, strict=True) if part is None]
    split = iter(splitter.split(raw) if raw else [])
    locate = locate_words if words is not None else check_spans
    found = []
    for index, (text, part) in enumerate(zip(checked, given, strict=True)):
        if part is not None and (isinstance(part, (str, bytes, Set, Mapping)) or not hasattr(part, "__len__")):
            raise InputError(f"The {what} of text {index} are {part!r:.60}: give a list of {what}.")
        found.append(next(split) if part is None else locate(text, part, f"text {index}"))
    return Inputs(checked, found, splitter.name if raw else GIVEN, single)


def _listed(texts: Any) -> list[Any]:
    if hasattr(texts, "columns") or hasattr(texts, "column_names"):
        raise InputError("Of a table, give the column of texts, as frame['text'], or word=... that of its words.")
    if isinstance(texts, (bytes, dict)) or not hasattr(texts, "__iter__") or getattr(texts, "ndim", 1) == 0:
        raise InputError(
            f"Texts are a string, a list of strings, or a list of lists of words; got {type(texts).__name__}."
        )
    return [_plain(text) for text in texts]


def _texts_of_table(table: Any, word: str, groups: Sequence[str]) -> list[list[str]]:
    """Give the words of each text of a table with one word per row."""
    words, *keys = (_column(table, name) for name in (word, *groups))
    for row, given in enumerate(words):
        if not isinstance(given, str) and not is_missing(given):
            raise InputError(f"Row {row} of the column {word!r} is {given!r}: a word is a string.")
    rows = ((tuple(key[row] for key in keys), "" if is_missing(given) else given) for row, given in enumerate(words))
    return [members for _, members in same_groups(rows, "The table")]


def _column(table: Any, name: str) -> list[Any]:
    """Give the values of a column; Arrow's are not Python's yet."""
    if hasattr(table, "collect"):
        raise InputError(f"This {type(table).__name__} has not been collected yet: give table.collect().")
    names = getattr(table, "column_names", None) or list(getattr(table, "columns", table))
    if name not in names:
        raise InputError(f"There is no column {name!r} in the table: there are {', '.join(map(str, names))}.")
    column = table[name]
    return list(column.to_pylist() if hasattr(column, "to_pylist") else column)


def _plain(text: object) -> Any:
    """Give the words of a text as a list where a column of an array, a frame or an Arrow table has them otherwise."""
    for name in ("tolist", "to_list", "to_pylist", "as_py"):
        if hasattr(text, name):
            return getattr(text, name)()
    return text


def _checked(texts: Sequence[object]) -> list[str]:
    for index, text in enumerate(texts):
        if not isinstance(text, str):
            hint = "every text is a string, or every text is a list of words"
            if isinstance(text, bytes):
                hint = "decode it first, as text.decode('utf-8')"
            elif is_missing(text):
                hint = "it is missing; leave it out, or put an empty string in its place"
            raise InputError(f"Text {index} is of type {type(text).__name__}: {hint}.")
        if not text.isascii():
            try:
                text.encode("utf-8")
            except UnicodeEncodeError as error:
                raise InputError(
                    f"Text {index} holds half a character (a lone surrogate, {text[error.start]!r}) at "
                    f"{error.start}: it was decoded wrongly; read the file again as UTF-8, or replace it."
                ) from error
    return [str(text) for text in texts]
