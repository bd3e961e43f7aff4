"""What a concordance is asked for, answered from texts or from an index."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import regex
from jaxtyping import Float

from wordstates.documents.document import Document
from wordstates.errors import InputError, TargetNotFoundError
from wordstates.runs.searchers import make_searcher, read_targets
from wordstates.text.folding import fold
from wordstates.usages.build import default_index_path
from wordstates.usages.concordance import (
    Line,
    Searched,
    count_lines,
    lines_of_texts,
    lines_of_usages,
    with_similarities,
)
from wordstates.usages.filters import parse_condition, rows_that_meet
from wordstates.usages.index import UsageIndex
from wordstates.usages.manifest import NAME
from wordstates.usages.senses import find_senses
from wordstates.wording import counted

NO_VECTORS = (
    "Lines can be sorted by meaning or by sense where there are vectors: give a store that `wordstates index` has read."
)
_WILD = {"*": r"[\p{L}\p{M}\p{N}'’-]*", "?": r"[\p{L}\p{N}]\p{M}*"}


@dataclass(frozen=True, slots=True)
class LineSearch:
    """What is looked for, and how it is shown.

    Args:
        targets: Words, phrases, regular expressions or lemmas; ``@FILE`` is a list.
        kind: ``text``, ``regex`` or ``lemma``.
        match_case: Tell *Fox* from *fox*.
        match_exactly: Tell *don’t* from *don't* as well.
        context: Characters of text on each side.
        within: Whether the context ends where the text does.
        conditions: Which documents, as ``year>=1900``.
        metadata: Columns to show.
        count_by: Column to count by.
        verify: Whether to compare the files of an index with their checksums when they are first read.
    """

    targets: tuple[str, ...]
    kind: str = "text"
    match_case: bool = False
    match_exactly: bool = False
    context: int = 40
    within: bool = False
    conditions: tuple[str, ...] = ()
    metadata: tuple[str, ...] = ()
    count_by: str | None = None
    verify: bool = True

    @property
    def columns(self) -> list[str]:
        """Columns that are needed of the input: those shown, asked about or counted by."""
        named = [*self.metadata, *(parse_condition(each).column for each in self.conditions)]
        if self.count_by not in (None, "node"):
            named.append(str(self.count_by))
        return list(dict.fromkeys(named))


@dataclass(frozen=True, slots=True)
class FoundLines:
    """Lines, and how much was searched for them.

    Args:
        lines: The lines, in the order of the texts.
        texts: Texts that were searched.
        words: Words in them.
        words_by: Words by the value of the column counted by; None: not known.
        index: The index that they come from; None: texts.
    """

    lines: list[Line]
    texts: int
    words: int
    words_by: Mapping[str, int] | None = None
    index: UsageIndex | None = None

    def frequency(self) -> str:
        """Say how frequent the targets are."""
        if not self.words:
            return ""
        return f": {len(self.lines) / self.words * 1e6:,.1f} in a million of {counted(self.words, 'word')}"

    def counts(self, lines: Sequence[Line], column: str) -> list[dict[str, Any]]:
        """Count lines by a column; see `count_lines`."""
        words = dict.fromkeys((fold(line.node) for line in lines), self.words) if column == "node" else self.words_by
        return [
            {
                column: each.value,
                "usages": each.usages,
                "words": each.words,
                "per million": None if each.per_million is None else round(each.per_million, 1),
            }
            for each in count_lines(lines, column, words)
        ]

    def by_likeness(self, lines: Sequence[Line], number: int) -> list[Line]:
        """Give lines how like they are to one of them, counted from 1.

        Raises:
            InputError: If there is none of this number, or they come from texts.
        """
        numbers, vectors = self._vectors(lines)
        if not 1 <= number <= len(lines):
            raise InputError(f"Line {number} does not exist: there are {len(lines):,}, counted from 1.")
        likeness = vectors @ vectors[number - 1]
        return with_similarities(lines, dict(zip(numbers, likeness.tolist(), strict=True)))

    def by_sense(self, lines: Sequence[Line]) -> list[Line]:
        """Give lines their senses, found among all of them; see `find_senses`.

        Raises:
            InputError: If they come from texts.
        """
        numbers, vectors = self._vectors(lines)
        words = ", ".join(dict.fromkeys(line.target for line in lines))
        found = find_senses(words, list(self.index.usages(numbers)) if self.index else [], vectors, stability=False)
        return [replace(line, sense=label + 1) for line, label in zip(lines, found.labels.tolist(), strict=True)]

    def _vectors(self, lines: Sequence[Line]) -> tuple[list[int], Float[np.ndarray, "lines dim"]]:
        if self.index is None:
            raise InputError(NO_VECTORS)
        numbers = [line.number or 0 for line in lines]
        return numbers, self.index.vectors(numbers)

    def as_dict(self, line: Line) -> dict[str, Any]:
        """Give a line as plain data."""
        data = asdict(line)
        start, end = data.pop("span")
        metadata = data.pop("metadata")
        given = {name: value for name, value in data.items() if value is not None}
        return {**given, "start": start, "end": end, **dict(metadata)}


def lines_of_inputs(documents: Callable[[Sequence[str]], Iterable[Document]], asked: LineSearch) -> FoundLines:
    """Search texts.

    Args:
        documents: Gives the documents with some columns of metadata.
        asked: What is looked for.

    Raises:
        TargetNotFoundError: If nothing is found.
        InputError: If a target, a condition or the input cannot be used.
    """
    given = read_targets(asked.targets)
    wild = asked.kind == "text" and any(sign in target for target in given for sign in _WILD)
    if wild:
        patterns = [_wildcards(target, exactly=asked.match_case or asked.match_exactly) for target in given]
        searcher = make_searcher(patterns, kind="regex")
        searcher.names = given
    else:
        searcher = make_searcher(
            given, kind=asked.kind, ignore_case=not asked.match_case, match_exactly=asked.match_exactly
        )
    searched = Searched()
    count_by = [] if asked.count_by in (None, "node") else [str(asked.count_by)]
    lines = list(
        lines_of_texts(
            _that_meet(documents(asked.columns), asked.conditions),
            searcher,
            context=asked.context,
            within=asked.within,
            searched=searched,
            count_by=count_by,
        )
    )
    if not lines:
        raise TargetNotFoundError(
            f"{', '.join(map(repr, given[:5]))} does not occur in {counted(searched.texts, 'text')}"
            f"{' that meet the conditions' if asked.conditions else ''}."
        )
    by = searched.by.get(count_by[0]) if count_by else None
    return FoundLines(lines, searched.texts, searched.words, by)


def _that_meet(documents: Iterable[Document], conditions: Sequence[str]) -> Iterable[Document]:
    parsed = [parse_condition(each) for each in conditions]
    for document in documents:
        if parsed:
            row = pa.table({each.column: [document.metadata.get(each.column)] for each in parsed})
            met = rows_that_meet(row, parsed)
            if met is not None and not met[0]:
                continue
        yield document


def _wildcards(target: str, *, exactly: bool) -> str:
    """Write a target with wildcards as a regular expression of whole words."""
    parts = [_WILD[part] if part in _WILD else regex.escape(part) for part in regex.split(r"([*?])", target) if part]
    body = "".join(parts).replace(r"\ ", r"\s+")
    return rf"(?{'' if exactly else 'i'}V1)(?<![\p{{L}}\p{{M}}\p{{N}}]){body}(?![\p{{L}}\p{{M}}\p{{N}}])"


def lines_of_index(source: str, asked: LineSearch) -> FoundLines | None:
    """Search an index.

    Args:
        source: An index, or what has one.
        asked: What is looked for.

    Returns:
        The lines; None where the source has no index.

    Raises:
        TargetNotFoundError: If nothing is found.
        InputError: If a target is no single word, or a condition cannot be used.
    """
    path = Path(source)
    if not ((path / NAME).is_file() or (default_index_path(path) / NAME).is_file()):
        return None
    index = UsageIndex(path, verify=asked.verify)
    if asked.kind == "lemma" and "lemma" not in index.rows.column_names:
        raise InputError(f"{source!r} has no lemmas: give the CoNLL-U files themselves, or leave lemma=True out.")
    given = read_targets(asked.targets)
    column = index.rows.column("lemma" if asked.kind == "lemma" else "word")
    encoded = (column if pa.types.is_dictionary(column.type) else column.dictionary_encode()).combine_chunks()
    matched = [_matching(target, asked) for target in given]
    of_value = np.array(
        [
            next((place for place, matches in enumerate(matched) if value is not None and matches(value)), -1)
            for value in [*encoded.dictionary.to_pylist(), None]
        ]
    )
    target_of = of_value[encoded.indices.fill_null(len(encoded.dictionary)).to_numpy(zero_copy_only=False)]
    wanted = index.where(asked.conditions)
    numbers = np.flatnonzero((target_of >= 0) & (True if wanted is None else wanted))
    if not len(numbers) and (target_of >= 0).any():
        raise TargetNotFoundError(
            f"No usage of {', '.join(map(repr, given[:5]))} in {source!r} has {' and '.join(asked.conditions)}."
        )
    if not len(numbers):
        raise TargetNotFoundError(
            f"{', '.join(map(repr, given[:5]))} is none of the words of {source!r}; for phrases give the texts "
            "themselves."
        )
    usages = index.usages(numbers)
    lines = [
        line
        for number, usage in zip(numbers.tolist(), usages, strict=True)
        for line in lines_of_usages([usage], given[int(target_of[number])], context=asked.context)
    ]
    return FoundLines(lines, len(index.rows.column("document").unique()), len(index), None, index)


def _matching(target: str, asked: LineSearch) -> Callable[[str], bool]:
    if asked.kind == "regex":
        compiled = regex.compile(target)
        return lambda word: compiled.search(word) is not None
    if any(sign in target for sign in _WILD):
        pattern = regex.compile(_wildcards(target, exactly=asked.match_case or asked.match_exactly))
        return lambda word: pattern.fullmatch(word) is not None
    if asked.match_case or asked.match_exactly:
        return lambda word: word == target
    folded = fold(target)
    return lambda word: fold(word) == folded
