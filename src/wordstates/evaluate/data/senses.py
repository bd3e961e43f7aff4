"""Sense-labelled usages: SemCor as columns, CoarseWSD-20, JSON lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from wordstates.errors import InputError
from wordstates.evaluate.data.files import lines_of, row_split, same_length, split_of, token_span
from wordstates.evaluate.data.labels import json_rows, json_span
from wordstates.evaluate.data.task import Item, Task, UsageTable
from wordstates.options import Split
from wordstates.text.words import join_words

_COLUMNS = 4
_USAGES_OF_A_SENSE = 2  # one to know it by, one to find
_SENSES_OF_A_WORD = 2
_SATELLITE, _ADJECTIVE = "5", "3"  # two names of one part of speech in WordNet's sense keys


def read_semcor(path: Path, table: UsageTable, split: Split | None, skipped: Counter[str]) -> Iterator[Item]:
    """Read SemCor as columns: token, lemma, part of speech, sense key; ``_`` joins the words of a phrase.

    Of several senses of one usage the first is taken.

    Source:
        Miller et al. 1993, "A semantic concordance".

    Raises:
        InputError: If a line has another number of columns.
    """
    sentence: list[tuple[str, list[str]]] = []
    for place, line in lines_of(path):
        if not line.strip() or line.startswith("# "):
            yield from _sense_items(sentence, table, split)
            sentence = []
            continue
        columns = line.split("\t")
        if len(columns) != _COLUMNS:
            raise InputError(
                f"{place}: expected token, lemma, part of speech and sense, separated by tabs; the label is missing: "
                f"{line!r}."
            )
        sentence.append((place, columns))
    yield from _sense_items(sentence, table, split)


def _sense_items(sentence: Sequence[tuple[str, list[str]]], table: UsageTable, split: Split | None) -> Iterator[Item]:
    text, spans = join_words([columns[0].replace("_", " ").strip() or "_" for _, columns in sentence])
    for (place, columns), (start, end) in zip(sentence, spans.tolist(), strict=True):
        sense = columns[3].split(";")[0]
        if sense == "_":
            continue
        lemma, _, key = sense.partition("%")
        kind = _ADJECTIVE if key[:1] == _SATELLITE else key[:1]
        number = table.add(text, (start, end), place)
        word = f"{lemma}%{kind}"
        yield Item((number,), (), sense, word, f"{word} {text}", place, split)


def read_coarse_wsd(path: Path, table: UsageTable, split: Split | None, skipped: Counter[str]) -> Iterator[Item]:
    """Read CoarseWSD-20: ``train.data.txt`` and ``test.data.txt`` (index, sentence) with ``*.gold.txt`` beside them.

    Args:
        path: The folder of a word, a folder of such folders, or one data file.
        table: Takes the usages.
        split: What all are read as; None: what the files are named.
        skipped: Not used: nothing is left out.

    Source:
        Loureiro et al. 2021, "Analysis and evaluation of language models for word sense disambiguation".

    Raises:
        InputError: If a line is no index and sentence, or the senses are not there.
    """
    for data in sorted(path.rglob("*.data.txt")) if path.is_dir() else [path]:
        own = split_of(data.name)
        gold_path = data.with_name(data.name.replace(".data.", ".gold."))
        lines, gold = [*lines_of(data)], [*lines_of(gold_path)]
        same_length(lines, gold, (data, gold_path))
        for (place, line), (gold_place, sense) in zip(lines, gold, strict=True):
            index, _, text = line.partition("\t")
            if not sense.strip():
                raise InputError(f"{gold_place}: the label is missing.")
            number = table.add(text, token_span(text, index, place), place)
            word = data.parent.name
            yield Item((number,), (), f"{word} {sense.strip()}", word, f"{word} {text}", place, split or own)


def read_json_senses(path: Path, table: UsageTable, split: Split | None, skipped: Counter[str]) -> Iterator[Item]:
    """Read JSON lines: ``text``, ``span``, ``sense``, and ``lemma``, where it is not the word as it stands; ``split``.

    Raises:
        InputError: If a line is no such object.
    """
    for place, row in json_rows(path):
        text, sense = row.get("text"), row.get("sense")
        if not isinstance(text, str):
            raise InputError(f"{place}: expected 'text', 'span' and 'sense'; got {', '.join(row)}.")
        if sense is None or str(sense) == "":
            raise InputError(f"{place}: the label is missing: there is no 'sense'.")
        number = table.add(text, json_span(row.get("span"), place), place)
        word = str(row.get("lemma") or table.word(number)).lower()
        yield Item((number,), (), f"{word} {sense}", word, f"{word} {text}", place, row_split(row, place, split))


def ambiguous(task: Task) -> Task:
    """Keep the usages of words that have two senses or more, each met twice: of the others there is nothing to find."""
    counts = Counter((item.word, item.gold) for item in task.items)
    senses = Counter(word for (word, _), count in counts.items() if count >= _USAGES_OF_A_SENSE)
    kept = [
        item
        for item in task.items
        if counts[item.word, item.gold] >= _USAGES_OF_A_SENSE and senses[item.word] >= _SENSES_OF_A_WORD
    ]
    return task.with_items(kept, with_nothing_to_tell_apart=len(task.items) - len(kept))
