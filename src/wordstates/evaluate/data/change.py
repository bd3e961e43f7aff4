"""Usages of words in two times: judged pairs, and how much each word has changed.

Folders of diachronic word usage graphs (DWUG, NorDiaChange) have one folder per word, with its usages (``uses.csv`` or
``uses.tsv``, both separated by tabs), the judgments of pairs (``judgments.csv``), and statistics with the change of
each word.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median

from wordstates.documents.readers import read_documents
from wordstates.documents.sources import shown
from wordstates.errors import InputError
from wordstates.evaluate.data.files import TableLine, as_number, lines_of, table_rows
from wordstates.evaluate.data.task import Item, UsageTable
from wordstates.options import Split
from wordstates.text.targets import TargetFinder
from wordstates.wording import counted

_UNDECIDED = 0.0
_NO_JUDGMENT = {"nan", "-"}
_ENDINGS = (".tsv", ".csv")
_STATISTICS = "stats_groupings"
MOST_USAGES = 100


def use_files(folder: Path) -> list[Path]:
    """Find the usages of each word of a folder of word usage graphs."""
    found = {file.parent: file for ending in _ENDINGS for file in sorted(folder.rglob(f"uses{ending}"))}
    return [found[parent] for parent in sorted(found)]


def _beside(uses: Path, name: str) -> Path:
    """Find another file of a word; the ending of its usages is the likeliest."""
    endings = sorted(_ENDINGS, key=lambda ending: ending != uses.suffix)
    found = next((file for ending in endings if (file := uses.with_name(f"{name}{ending}")).exists()), None)
    if found is None:
        raise InputError(f"{shown(uses)}: there is no {name}{uses.suffix} beside it.")
    return found


def read_judgments(path: Path, table: UsageTable, split: Split | None, skipped: Counter[str]) -> Iterator[Item]:
    """Read judged pairs of usages; the rating is the median of the judgments, those of 0 (cannot decide) aside.

    Source:
        Schlechtweg et al. 2021, "DWUG: A large resource of diachronic word usage graphs in four languages".

    Raises:
        InputError: If a judgment is of a usage that is not there.
    """
    for file in use_files(path):
        rows = {row["identifier"]: row for row in table_rows(file)}
        judged: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
        places: dict[tuple[str, str], str] = {}
        for row in table_rows(_beside(file, "judgments")):
            pair = min(row["identifier1"], row["identifier2"]), max(row["identifier1"], row["identifier2"])
            for identifier in pair:
                if identifier not in rows:
                    raise InputError(f"{row.place}: there is no usage {identifier!r} in {shown(file)}.")
            places.setdefault(pair, row.place)
            given = row.values.get("judgment", "").strip().lower()
            rating = _UNDECIDED if given in _NO_JUDGMENT else row.number("judgment")
            judged[pair] += [rating] if rating != _UNDECIDED else []
        for pair, ratings in judged.items():
            if not ratings:
                skipped["pairs without a decision"] += 1
                continue
            left, right = (_add(table, rows[identifier]) for identifier in pair)
            word = rows[pair[0]]["lemma"]
            yield Item((left,), (right,), float(median(ratings)), word, word, places[pair], split)


def read_graded_change(path: Path, table: UsageTable, split: Split | None, skipped: Counter[str]) -> Iterator[Item]:
    """Read the usages of two times and the graded change of each word.

    Raises:
        InputError: If there are no statistics, a word has none, or its usages are not of two times.
    """
    found = [file for ending in _ENDINGS for file in sorted(path.rglob(f"{_STATISTICS}{ending}"))]
    if not found:
        raise InputError(
            f"{shown(path)}: there is no {_STATISTICS}.csv or .tsv, which says how much each word has changed."
        )
    found.sort(key=lambda file: "opt" not in file.parts)  # of several ways to group usages, the one that is reported
    gold = {row["lemma"]: row for row in table_rows(found[0])}
    for file in use_files(path):
        times: defaultdict[str, list[int]] = defaultdict(list)
        word = ""
        for row in table_rows(file):
            word = row["lemma"]
            times[row["grouping"]].append(_add(table, row))
        if word not in gold:
            raise InputError(f"{shown(file)}:2: {word!r} has no change in {shown(found[0])}: its label is missing.")
        if len(times) != 2:
            raise InputError(
                f"{shown(file)}:2: the usages of {word!r} are of {counted(len(times), 'time')}, and change is of two."
            )
        earlier, later = (tuple(times[name]) for name in sorted(times))
        change = gold[word].number("change_graded")
        yield Item(earlier, later, change, word, word, gold[word].place, split)


def read_change_targets(
    path: Path, corpora: tuple[Sequence[str], Sequence[str]], table: UsageTable, skipped: Counter[str]
) -> Iterator[Item]:
    """Read target words with their change, and find their usages in two corpora, up to `MOST_USAGES` in each.

    Args:
        path: A target and a number in a line, parted by a tab.
        corpora: The files of the earlier corpus, and of the later one.
        table: Takes the usages.
        skipped: Takes the number of targets that one of the corpora lacks.

    Raises:
        InputError: If a line is no target and number.
    """
    gold: dict[str, tuple[float, str]] = {}
    for place, line in lines_of(path):
        target, _, number = line.partition("\t")
        if line.strip():
            gold[target.strip()] = as_number(number.strip(), place, "the change, the label,"), place
    earlier, later = (_usages(files, [*gold], table) for files in corpora)
    for target, (change, place) in gold.items():
        if not earlier[target] or not later[target]:
            skipped["targets that one of the corpora lacks"] += 1
            continue
        yield Item(tuple(earlier[target]), tuple(later[target]), change, target, target, place)


def _usages(files: Sequence[str], targets: Sequence[str], table: UsageTable) -> Mapping[str, list[int]]:
    finder = TargetFinder(targets)
    found: dict[str, list[int]] = {target: [] for target in targets}
    for document in read_documents(files, ids_must_differ=False):
        if document.fault:
            raise InputError(document.fault)
        for start, end, target in finder.find(document.text):
            usages = found[targets[target]]
            if len(usages) < MOST_USAGES:
                usages.append(table.add(document.text, (start, end), document.id))
    return found


def _add(table: UsageTable, row: TableLine) -> int:
    edges = row["indexes_target_token"].split(":")
    if len(edges) != 2 or not all(edge.strip().isdecimal() and len(edge) < 16 for edge in edges):
        raise InputError(f"{row.place}: {row['indexes_target_token']!r} is no char span: write start:end.")
    return table.add(row["context"], (int(edges[0]), int(edges[1])), row.place)
