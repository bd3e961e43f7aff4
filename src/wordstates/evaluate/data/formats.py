"""What a file or folder of labelled data is taken for, and why."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import groupby, islice
from pathlib import Path

from wordstates.documents.sources import shown
from wordstates.errors import InputError
from wordstates.evaluate.data import change, labels, pairs, senses
from wordstates.evaluate.data.files import header_of, lines_of
from wordstates.evaluate.data.labels import json_row
from wordstates.evaluate.data.task import Item, UsageTable
from wordstates.options import Split, TaskName
from wordstates.wording import counted

Reader = Callable[[Path, UsageTable, "Split | None", "Counter[str]"], Iterator[Item]]

KNOWN = {
    "labels": "CoNLL-U, a word and its label in a line, or JSON lines with 'labels'",
    "pairs": "WiC (*.data.txt), WiC-TSV or word usage graphs (a folder), a table with context1 and context2, or JSON "
    "lines with 'text1' and 'text2'",
    "senses": "SemCor in columns, CoarseWSD-20 (a folder), or JSON lines with 'sense'",
    "similarity": "a table with word1 and word2",
    "change": "word usage graphs (a folder), or a list of targets with earlier=... and later=...",
}
_SENSE_KEY = re.compile(r"[^\s%]+%[1-5]:\d\d:\d\d:")
_LINES_LOOKED_AT = 1000
_MOST_COLUMNS = 30
_MOST_COLUMNS = 30
_LONGEST_SENTENCE = 250  # lines without a blank one between: beyond, it is a table


@dataclass(frozen=True)
class Format:
    """What data may be.

    Args:
        task: The task it is for.
        name: What it is called.
        why: What it was told by.
        read: Reads it.
        likely: Whether it is taken without being asked for.
    """

    task: TaskName
    name: str
    why: str
    read: Reader
    likely: bool = True


def formats_of(path: Path, label: str) -> list[Format]:
    """Say what a file or folder may be, the likeliest first.

    Args:
        path: The file or folder.
        label: Labels of CoNLL-U; see `DataOptions`.

    Raises:
        InputError: If it cannot be read.
    """
    return _folder_formats(path) if path.is_dir() else _file_formats(path, label)


def _folder_formats(path: Path) -> list[Format]:
    if any(path.glob("*_examples.txt")):
        return [Format("pairs", "WiC-TSV", "it has a file *_examples.txt", pairs.read_wic_tsv)]
    if any(path.glob("*/*_examples.txt")):
        return [Format("pairs", "WiC-TSV with splits", "its folders have *_examples.txt", pairs.read_wic_tsv_splits)]
    if files := change.use_files(path):
        why = f"it has files {files[0].name}"
        return [
            Format("pairs", "judged pairs of word usage graphs", why, change.read_judgments),
            Format("change", "change in word usage graphs", why, change.read_graded_change),
        ]
    data = sorted(path.rglob("*.data.txt"))
    return _by_columns_of(data[0]) if data else []


def _by_columns_of(path: Path) -> list[Format]:
    """Tell WiC from CoarseWSD-20, which name their files alike."""
    count = len(header_of(path))
    why = f"a line of {path.name} has {counted(count, 'column')}"
    wic = Format("pairs", "WiC", why, pairs.read_wic)
    wsd = Format("senses", "CoarseWSD-20", why, senses.read_coarse_wsd)
    return [wsd, wic] if count == 2 else [wic, wsd]


def _file_formats(path: Path, label: str) -> list[Format]:
    ending = "".join(path.suffixes).removesuffix(".gz").removesuffix(".zst")
    if ending.endswith(".conllu"):
        why = "its name ends in .conllu"
        return [Format("labels", "CoNLL-U", why, partial(labels.read_conllu_labels, label=label))]
    if ending.endswith((".jsonl", ".ndjson")):
        return _json_formats(path)
    if ".data." in path.name:
        return _by_columns_of(path)
    names = header_of(path)
    if {"context1", "context2", "sim1", "sim2"} <= {*names}:
        return [Format("pairs", "CoSimLex", "it has the columns context1, context2, sim1, sim2", pairs.read_cosimlex)]
    for pair in pairs.CONTEXTS:
        if {*pair} <= {*names}:
            return [
                Format(
                    "pairs", "pairs of contexts", f"it has the columns {' and '.join(pair)}", pairs.read_marked_pairs
                )
            ]
    for pair in pairs.WORDS:
        if {*pair} <= {*names}:
            why = f"it has the columns {' and '.join(pair)}"
            return [Format("similarity", "rated pairs of words", why, pairs.read_word_pairs)]
    if {*names} & {"identifier1", "indexes_target_token", "change_graded"}:
        raise InputError(f"{shown(path)} is a part of word usage graphs: give the folder that all its parts are in.")
    return _column_formats(path)


def _json_formats(path: Path) -> list[Format]:
    place, line = next(((place, line) for place, line in lines_of(path) if line.strip()), (f"{shown(path)}:1", "{}"))
    row = json_row(line, place)
    keys = {"pairs": ("text1", "text2"), "senses": ("sense",), "labels": ("labels", "spans", "words")}
    readers: dict[TaskName, Reader] = {
        "pairs": pairs.read_json_pairs,
        "senses": senses.read_json_senses,
        "labels": labels.read_json_labels,
    }
    found = []
    for task, read in readers.items():
        met = [key for key in keys[task] if key in row]
        why = f"its first row has {met[0]!r}" if met else f"its first row has {', '.join(row) or 'nothing'}"
        found.append(Format(task, f"JSON lines of {task}", why, read, bool(met)))
    return sorted(found, key=lambda each: not each.likely)


def _column_formats(path: Path) -> list[Format]:
    """Tell columns of words, one per line, from tables and texts."""
    lines = [line for _, line in islice(lines_of(path), _LINES_LOOKED_AT) if not line.startswith("# ")]
    rows = [line.split("\t") if "\t" in line else line.split() for line in lines if line.strip()]
    sentences = [len([*group]) for blank, group in groupby(lines, lambda line: not line.strip()) if not blank]
    widths = {len(row) for row in rows if row[0] != "-DOCSTART-"}
    words = max(widths, default=0) > 1 and not any(" " in row[0].strip() for row in rows)
    even = len(widths) == 1 or any("\t" in line for line in lines)  # lines of a text have any number of words
    key = next((row[3] for row in rows if len(row) == 4 and _SENSE_KEY.match(row[3])), None)
    why = f"its fourth column has sense keys, as {key}" if key else "it has no header that is known"
    widest = max(widths, default=0)
    columns = f"its lines have {'up to ' if len(widths) > 1 else ''}{counted(widest, 'column')}, the first one word"
    likely = words and even and widest <= _MOST_COLUMNS and max(sentences, default=0) <= _LONGEST_SENTENCE
    semcor = Format("senses", "SemCor in columns", why, senses.read_semcor, key is not None)
    label = Format("labels", "a word and its label in a line", columns, labels.read_columns, likely)
    return [semcor, label] if key else [label, semcor]
