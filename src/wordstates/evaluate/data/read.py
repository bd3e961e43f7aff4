"""Labelled data as a task: what a file or folder looks like decides which."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from wordstates.documents.sources import shown, suggestion
from wordstates.errors import InputError
from wordstates.evaluate.data import change, labels, pairs, senses
from wordstates.evaluate.data.files import header_of, lines_of
from wordstates.evaluate.data.labels import json_row
from wordstates.evaluate.data.task import (
    TASKS,
    Item,
    Task,
    UsageTable,
    check_overlap,
    check_task,
    limited,
    with_its_usages,
)
from wordstates.options import Split, TaskName

Reader = Callable[[Path, UsageTable, "Split | None", "Counter[str]"], Iterator[Item]]
_FORMATS = (
    "CoNLL-U, two columns (word, label), JSON lines, WiC (*.data.txt), WiC-TSV or word usage graphs (a folder), a "
    "table with context1 and context2 or with word1 and word2, SemCor in columns"
)


@dataclass(frozen=True, kw_only=True)
class DataOptions:
    """How labelled data is read.

    Args:
        task: One of `TASKS`; None: what the data looks like decides.
        label: Labels of CoNLL-U: ``upos``, ``xpos``, ``deprel``, ``lemma``, or a key of the features.
        earlier: For change with a list of targets: the files of the earlier corpus.
        later: Those of the later one.
        limit: Items of each split to take, as a sample.
        seed: Of the sample.
        drop_overlap: Leave items that are in two splits out of what is learnt from, instead of refusing them.
    """

    task: str | None = None
    label: str = labels.DEFAULT_LABEL
    earlier: Sequence[str] = field(default=())
    later: Sequence[str] = field(default=())
    limit: int | None = None
    seed: int = 0
    drop_overlap: bool = False


def read_task(paths: Mapping[Split | None, str | Path], options: DataOptions) -> Task:
    """Read labelled data.

    Args:
        paths: A file or folder for each split; the key None for data that is to be split.
        options: How to read it.

    Raises:
        InputError: If it cannot be read or scored; with file and line.
    """
    if options.task is not None and options.task not in TASKS:
        raise InputError(f"Task {options.task!r} does not exist: choose one of {', '.join(TASKS)}.")
    table, skipped, items, names = UsageTable(), Counter[str](), list[Item](), set[TaskName]()
    for split, path in paths.items():
        name, reader = _reader_of(Path(path), options)
        names.add(name)
        items += reader(Path(path), table, split, skipped)
    if len(names) > 1:
        raise InputError(f"The splits are of different tasks, {' and '.join(sorted(names))}: give one, as --task.")
    (name,) = names
    task = Task(name, table, items, {reason: count for reason, count in skipped.items() if count})
    task = check_overlap(task, drop=options.drop_overlap)
    task = senses.ambiguous(task) if name == "senses" else task
    return with_its_usages(check_task(limited(task, options.limit, seed=options.seed)))


def _reader_of(path: Path, options: DataOptions) -> tuple[TaskName, Reader]:
    if not path.exists():
        raise InputError(f"{shown(path)!r} does not exist: give a file or folder of labelled data.")
    if options.earlier or options.later:
        if not (options.earlier and options.later):
            raise InputError("Change is between two corpora: give both --earlier and --later.")
        corpora = (options.earlier, options.later)
        return "change", lambda path, table, split, skipped: change.read_targets(path, corpora, table, skipped)
    name, reader = _in_folder(path, options) if path.is_dir() else _in_file(path, options)
    if options.task not in (None, name):
        raise InputError(
            f"{shown(path)}: it looks like data for the task {name!r}, and cannot be read for {options.task!r}"
            f"{suggestion(str(options.task), [name])}."
        )
    return name, reader


def _in_folder(path: Path, options: DataOptions) -> tuple[TaskName, Reader]:
    if any(path.glob("*_examples.txt")):
        return "pairs", pairs.read_wic_tsv
    if change.use_files(path):
        over_time = options.task == "change"
        return ("change", change.read_graded_change) if over_time else ("pairs", change.read_judgments)
    if any(path.rglob("*.data.txt")):
        return "senses", senses.read_coarse_wsd
    raise InputError(f"{shown(path)}: this folder does not look like labelled data. Known are: {_FORMATS}.")


def _in_file(path: Path, options: DataOptions) -> tuple[TaskName, Reader]:
    ending = "".join(path.suffixes).removesuffix(".gz").removesuffix(".zst")
    if ending.endswith(".conllu"):
        return "labels", _labels(labels.read_conllu_labels, options.label)
    if ending.endswith((".jsonl", ".ndjson")):
        return _in_json_lines(path, options)
    if ".data." in path.name:
        return "pairs", pairs.read_wic
    names = set(header_of(path))
    if {"context1", "context2", "sim1", "sim2"} <= names:
        return "pairs", pairs.read_cosimlex
    if any({*pair} <= names for pair in pairs.CONTEXTS):
        return "pairs", pairs.read_marked
    if {"word1", "word2"} <= names or {"word 1", "word 2"} <= names:
        return "similarity", pairs.read_word_pairs
    return _in_columns(path, options)


def _in_json_lines(path: Path, options: DataOptions) -> tuple[TaskName, Reader]:
    place, line = next(((place, line) for place, line in lines_of(path) if line.strip()), (f"{shown(path)}:1", "{}"))
    row = json_row(line, place)
    if "text1" in row or "text2" in row:
        return "pairs", pairs.read_json_pairs
    if "sense" in row or (options.task == "senses" and "labels" not in row):
        return "senses", senses.read_json_senses
    if "labels" in row or "spans" in row or "words" in row:
        return "labels", _labels(labels.read_json_labels, options.label)
    raise InputError(f"{place}: {', '.join(row) or 'nothing'}: this does not look like labelled data: {_FORMATS}.")


def _in_columns(path: Path, options: DataOptions) -> tuple[TaskName, Reader]:
    place, line = next(
        ((place, line) for place, line in lines_of(path) if line.strip() and not line.startswith("#")),
        (f"{shown(path)}:1", ""),
    )
    columns = line.split("\t")
    if (options.task == "senses" or len(columns) == 4) and options.task != "labels":
        return "senses", senses.read_semcor
    if len(line.split()) >= 2 or options.task == "labels":
        return "labels", _labels(labels.read_columns, options.label)
    raise InputError(f"{place}: {line[:80]!r}: this does not look like labelled data. Known are: {_FORMATS}.")


def _labels(read: Callable[..., Iterator[Item]], label: str) -> Reader:
    return lambda path, table, split, skipped: read(path, table, split, skipped, label)
