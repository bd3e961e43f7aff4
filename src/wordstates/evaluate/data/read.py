"""Labelled data as a task: what a file or folder looks like decides which."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from wordstates.documents.sources import shown
from wordstates.errors import InputError
from wordstates.evaluate.data import change, labels, senses
from wordstates.evaluate.data.files import lines_of
from wordstates.evaluate.data.formats import KNOWN, Format, formats_of
from wordstates.evaluate.data.task import (
    Item,
    Task,
    UsageTable,
    check_overlap,
    check_task,
    limited,
    with_its_usages,
)
from wordstates.options import Split, TaskName, check_choice


@dataclass(frozen=True, kw_only=True)
class DataOptions:
    """How labelled data is read.

    Args:
        task: A `TaskName`; None: what the data looks like decides.
        label: Labels of CoNLL-U: ``upos``, ``xpos``, ``deprel``, ``lemma``, or a key of the features.
        earlier: For change with a list of targets: the files of the earlier corpus.
        later: Those of the later one.
        limit: Items of each split to take, as a sample.
        seed: Of the sample.
        drop_overlap: Leave items that are in two splits out of the training data, instead of refusing them.
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
    if options.task is not None:
        check_choice("task", options.task, TaskName)
    table, skipped, items = UsageTable(), Counter[str](), list[Item]()
    found: dict[Path, Format] = {}
    for split, given in paths.items():
        path = Path(given)
        found[path] = _format_of(path, options)
        with _told(found, options):
            items += found[path].read(path, table, split, skipped)
    names = {each.task for each in found.values()}
    if len(names) > 1:
        told = "; ".join(_read_as(found))
        raise InputError(f"The splits are of different tasks, {' and '.join(sorted(names))} ({told}): pass task=...")
    (name,) = names
    without = next((item for item in items if item.split is None), None)
    if without is not None and any(item.split for item in items):
        raise InputError(
            f"{without.place}: this item is in no split, and others are: name the split of all, or of none."
        )
    counts = {reason: count for reason, count in skipped.items() if count}
    task = Task(name, table, items, counts, read_as=_read_as(found))
    with _told(found, options):
        task = check_overlap(task, drop=options.drop_overlap)
        task = senses.ambiguous(task) if name == "senses" else task
        return with_its_usages(check_task(limited(task, options.limit, seed=options.seed)))


def _format_of(path: Path, options: DataOptions) -> Format:
    if not path.exists():
        raise InputError(f"{shown(path)!r} does not exist: give a file or folder of labelled data.")
    if options.earlier or options.later:
        if not (options.earlier and options.later):
            raise InputError("Change is between two corpora: give both earlier=... and later=...")
        corpora = (options.earlier, options.later)
        return Format(
            "change",
            "targets and their change",
            "earlier=... and later=... are given",
            lambda path, table, split, skipped: change.read_change_targets(path, corpora, table, skipped),
        )
    formats = formats_of(path, options.label)
    likely = [each for each in formats if each.likely]
    if options.task is None and likely:
        return likely[0]
    if wanted := [each for each in formats if each.task == options.task]:
        return wanted[0]
    if likely:
        raise InputError(
            f"{shown(path)}: it looks like data for the task {likely[0].task!r} ({likely[0].name}: {likely[0].why}), "
            f"and cannot be read for {options.task!r}, whose data is {KNOWN[str(options.task)]}."
        )
    if path.is_dir():
        raise InputError(
            f"{shown(path)}: this folder does not look like labelled data. Known are: {'; '.join(KNOWN.values())}. "
            "Files of splits are given as train=..., dev=... and test=..."
        )
    place, line = next(((place, line) for place, line in lines_of(path) if line.strip()), (f"{shown(path)}:1", ""))
    known = "; ".join(f"{task}: {text}" for task, text in KNOWN.items())
    raise InputError(
        f"{place}: {line[:80]!r}: this does not look like labelled data. Known are, by task=..., which also has it "
        f"read as one of them: {known}."
    )


def _read_as(found: Mapping[Path, Format]) -> list[str]:
    """Say what each file was taken for, once where all were taken for the same."""
    told = {path: f"{each.name} ({each.why})" for path, each in found.items()}
    if len({*told.values()}) == 1:
        return [*{*told.values()}]
    return [f"{path.name}: {text}" for path, text in told.items()]


@contextmanager
def _told(found: Mapping[Path, Format], options: DataOptions) -> Iterator[None]:
    """Add to what is wrong with data what it was taken for."""
    try:
        yield
    except InputError as error:
        more = "" if options.task else "; task=... overrides it"
        raise InputError(f"{error} (Read as {'; '.join(_read_as(found))}{more}.)") from error
