"""Pairs: two usages with yes or no, or a rating; and two words without a context, with a rating."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from wordstates.documents.sources import shown
from wordstates.errors import InputError
from wordstates.evaluate.data.files import (
    TableLine,
    as_answer,
    lines_of,
    marked_spans,
    marked_target,
    row_split,
    same_length,
    split_of,
    table_rows,
    token_span,
)
from wordstates.evaluate.data.labels import json_rows, json_span
from wordstates.evaluate.data.task import Item, UsageTable
from wordstates.options import Split
from wordstates.wording import counted

ANSWERS = ("label", "rating", "score", "judgment", "similarity")
CONTEXTS = (("context1", "context2"), ("sentence1", "sentence2"))
WORDS = (("word1", "word2"), ("word 1", "word 2"))
_RATINGS = (*ANSWERS, "simlex999", "human (mean)", "average")
_ANNOTATOR = "annotator"  # a column of each, as in Multi-SimLex


def read_wic(path: Path, table: UsageTable, split: Split | None, skipped: Counter[str]) -> Iterator[Item]:
    """Read Words in Context: ``NAME.data.txt`` (word, part of speech, i-j, two sentences) and ``NAME.gold.txt``.

    Args:
        path: A data file, or a folder with files of splits, which are named by them.
        table: Takes the usages.
        split: What all are read as; None: what a file of a folder is named.
        skipped: Not used: nothing is left out.

    Source:
        Pilehvar and Camacho-Collados 2019, "WiC: the Word-in-Context dataset".

    Raises:
        InputError: If a line is none of these, or the answers are not there.
    """
    if path.is_dir():
        for data in sorted(path.rglob("*.data.txt")):
            yield from read_wic(data, table, split or split_of(data.name), skipped)
        return
    gold_path = path.with_name(path.name.replace(".data.", ".gold."))
    if not gold_path.exists():
        raise InputError(f"{shown(path)}: its answers are not there: {gold_path.name} has to lie beside it.")
    lines, gold = [*lines_of(path)], [*lines_of(gold_path)]
    same_length(lines, gold, (path, gold_path))
    for (place, line), (gold_place, answer) in zip(lines, gold, strict=True):
        columns = line.split("\t")
        if len(columns) != 5 or "-" not in columns[2]:
            raise InputError(
                f"{place}: expected word, part of speech, i-j and two sentences, separated by tabs: {line!r}."
            )
        word, _, indices, *texts = columns
        usages = [
            table.add(text, token_span(text, index, place), place)
            for text, index in zip(texts, indices.split("-", 1), strict=True)
        ]
        yield _pair(usages, as_answer(answer, gold_place), word, place, split)


def read_wic_tsv(path: Path, table: UsageTable, split: Split | None, skipped: Counter[str]) -> Iterator[Item]:
    """Read WiC-TSV: a folder with ``*_examples.txt``, ``*_definitions.txt`` and ``*_labels.txt``.

    Asked is whether a target has the sense of a definition. The other usage is the target before its definition:
    ``"fundus: the base of a hollow organ"``.

    Source:
        Breit et al. 2021, "WiC-TSV: An evaluation benchmark for target sense verification of words in context".

    Raises:
        InputError: If a file is missing, or a line is no word, index and sentence.
    """
    paths = [_the_one(path, f"*_{part}.txt") for part in ("examples", "definitions", "labels")]
    examples, definitions, labels = ([*lines_of(each)] for each in paths)
    same_length(examples, definitions, (paths[0], paths[1]))
    same_length(examples, labels, (paths[0], paths[2]))
    for (place, line), (_, definition), (gold_place, answer) in zip(examples, definitions, labels, strict=True):
        columns = line.split("\t")
        if len(columns) != 3:
            raise InputError(f"{place}: expected word, index and sentence, separated by tabs: {line!r}.")
        word, index, text = columns
        span = token_span(text, index, place)
        usage = table.add(text, span, place)
        target = text[slice(*span)]
        other = table.add(f"{target}: {definition}", (0, len(target)), place)
        yield _pair([usage, other], as_answer(answer, gold_place), word, place, split)


def read_wic_tsv_splits(path: Path, table: UsageTable, split: Split | None, skipped: Counter[str]) -> Iterator[Item]:
    """Read a folder of such folders, each named by its split: ``Training``, ``Development``, ``Test``."""
    for folder in sorted({file.parent for file in path.glob("*/*_examples.txt")}):
        yield from read_wic_tsv(folder, table, split or split_of(folder.name), skipped)


def read_marked_pairs(path: Path, table: UsageTable, split: Split | None, skipped: Counter[str]) -> Iterator[Item]:
    """Read a table of two contexts, the target of each marked as ``<word>target</word>``, and a label or a rating.

    Source:
        Liu et al. 2021, "AM2iCo: Evaluating word meaning in context across low-resource languages with adversarial
        examples".

    Raises:
        InputError: If a target is not marked, or there is no answer.
    """
    for row in table_rows(path):
        names = next(names for names in CONTEXTS if names[0] in row.values)
        usages = [table.add(*marked_target(row[name], row.place), row.place) for name in names]
        word = row.values.get("lemma") or row.values.get("word") or table.word(usages[0])
        yield _pair(usages, as_answer(_answer(row), row.place), word, row.place, split)


def read_cosimlex(path: Path, table: UsageTable, split: Split | None, skipped: Counter[str]) -> Iterator[Item]:
    """Read CoSimLex: two words, marked in each of two contexts, and their similarity in each.

    Source:
        Armendariz et al. 2020, "CoSimLex: A resource for evaluating graded word similarity in context".

    Raises:
        InputError: If the two words are not marked, or a similarity is no number.
    """
    for row in table_rows(path):
        for number in ("1", "2"):
            text, spans = marked_spans(row[f"context{number}"], row.place)
            if len(spans) != 2:
                raise InputError(
                    f"{row.place}: context{number} marks {counted(len(spans), 'target')}, and has to mark two."
                )
            usages = [table.add(text, span, row.place) for span in spans]
            rating = row.number(f"sim{number}")
            yield _pair(usages, rating, f"{row['word1']}|{row['word2']}", row.place, split)


def read_json_pairs(path: Path, table: UsageTable, split: Split | None, skipped: Counter[str]) -> Iterator[Item]:
    """Read JSON lines: ``text1``, ``span1``, ``text2``, ``span2``, and ``label`` or ``rating``; ``split``.

    Raises:
        InputError: If a line is no such object.
    """
    for place, row in json_rows(path):
        texts = [row.get("text1"), row.get("text2")]
        if not all(isinstance(text, str) for text in texts):
            raise InputError(f"{place}: expected 'text1' and 'text2', each a string; got {', '.join(row)}.")
        usages = [
            table.add(str(text), json_span(row.get(name), place), place)
            for text, name in zip(texts, ("span1", "span2"), strict=True)
        ]
        answer = next((row[name] for name in ANSWERS if row.get(name) is not None), "")
        word = str(row.get("word") or row.get("lemma") or table.word(usages[0]))
        yield _pair(usages, as_answer(str(answer), place), word, place, row_split(row, place, split))


def read_word_pairs(path: Path, table: UsageTable, split: Split | None, skipped: Counter[str]) -> Iterator[Item]:
    """Read pairs of words with a rating (``score``), or with one from each annotator, whose mean is taken.

    Each word is a text of its own.

    Source:
        Vulić et al. 2020, "Multi-SimLex: A large-scale evaluation of multilingual and crosslingual lexical semantic
        similarity".

    Raises:
        InputError: If a word or a number is missing.
    """
    for row in table_rows(path):
        names = next(names for names in WORDS if names[0] in row.values)
        words = [row[name].strip() for name in names]
        usages = [table.add(word, (0, len(word)), row.place) for word in words]
        pair = "|".join(sorted(words))
        yield Item((usages[0],), (usages[1],), _mean_rating(row), pair, pair, row.place, split)


def _mean_rating(row: TableLine) -> float:
    one = next((name for name in _RATINGS if name in row.values), None)
    if one is not None:
        return row.number(one)
    ratings = [row.number(name) for name in row.values if name.startswith(_ANNOTATOR)]
    if not ratings:
        raise InputError(
            f"{row.place}: the label is missing: no column is one of {', '.join(_RATINGS)}, or of an {_ANNOTATOR}; "
            f"there are {', '.join(row.values)}."
        )
    return sum(ratings) / len(ratings)


def _answer(row: TableLine) -> str:
    name = next((name for name in ANSWERS if name in row.values), None)
    if name is None:
        raise InputError(f"{row.place}: the label is missing: no column is one of {', '.join(ANSWERS)}.")
    return row.values[name]


def _pair(usages: Sequence[int], gold: float, word: str, place: str, split: Split | None) -> Item:
    key = word.strip().lower()
    return Item((usages[0],), (usages[1],), gold, key, key, place, split)


def _the_one(folder: Path, pattern: str) -> Path:
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        raise InputError(f"{shown(folder)}: there are {counted(len(found), 'file')} {pattern}, and one is needed.")
    return found[0]
