"""The published data: where each set lies in the folder given, and as what it is read."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wordstates.evaluate.data.read import DataOptions, read_task
from wordstates.evaluate.data.task import Task
from wordstates.options import Split

SPLITS: tuple[Split, ...] = ("train", "dev", "test")
ACS_FORMS = ("verbform_verb/English", "case_noun/German", "gender_noun/German", "gender_noun/French")


@dataclass(frozen=True)
class Source:
    """A data set.

    Args:
        name: What it is called in tables.
        paths: Where it lies in the folder of data; the key None for data that is divided.
        options: How it is read.
        acs: Its files are those of Ács et al. 2021, which are written as JSON lines first.
    """

    name: str
    paths: dict[Split | None, str]
    options: dict[str, Any] = field(default_factory=dict)
    acs: bool = False

    def read(self, data: Path, scratch: Path) -> Task:
        """Read it.

        Args:
            data: The folder of data.
            scratch: A folder for files in another form.
        """
        paths: dict[Split | None, str | Path] = {split: data / path for split, path in self.paths.items()}
        if self.acs:
            paths = {split: _acs_as_json(Path(path), scratch) for split, path in paths.items()}
        if self.name == POLYSEMES:
            paths = {None: _polysemes_as_json(data / str(self.paths[None]), scratch)}
        return read_task(paths, DataOptions(**self.options))


POLYSEMES = "polysemes"
_EWT = "ud/UD_English-EWT/en_ewt-ud-"
WIC_TSV = Source("WiC-TSV", {"train": "wic-tsv/Training", "test": "wic-tsv/Development"})
AM2ICO = [
    Source(f"AM2iCo {name}", {None: f"am2ico/{code}/dev.tsv"})
    for code, name in {
        "de": "German",
        "fi": "Finnish",
        "tr": "Turkish",
        "ru": "Russian",
        "ar": "Arabic",
        "ja": "Japanese",
        "zh": "Chinese",
    }.items()
]
NORDIACHANGE = Source("NorDiaChange", {None: "nordiachange/subset1"})
NORDIACHANGE_CHANGE = Source("NorDiaChange, change", {None: "nordiachange/subset1"}, {"task": "change"})
SEMCOR = Source("SemCor", {None: "semcor/brown1.tsv"}, {"limit": 10_000})
GRADED = [
    Source(POLYSEMES, {None: "polyseme/polyseme_similarity.json"}),
    Source("Multi-SimLex", {None: "multisimlex/multisimlex.english.tsv"}),
]
MORPHOLOGY = [
    Source(name, {split: f"acs/{name}/{split}.tsv" for split in SPLITS}, {"drop_overlap": True}, acs=True)
    for name in ACS_FORMS
]
NAMES = Source(
    "WNUT-17",
    {"train": "ner/wnut17/wnut17train.conll", "test": "ner/wnut17/emerging.dev.conll"},
    {"limit": 6_000, "drop_overlap": True},
)
POS = Source("EWT", {split: f"{_EWT}{split}.conllu" for split in SPLITS}, {"limit": 2_000, "drop_overlap": True})
EWT_DEV = f"{_EWT}dev.conllu"


def _acs_as_json(path: Path, scratch: Path) -> Path:
    """Write sentence, word, its number and its label as JSON lines."""
    target = scratch / f"{'-'.join(path.parts[-3:-1])}-{path.stem}.jsonl"
    with target.open("w", encoding="utf-8") as file:
        for line in path.read_text(encoding="utf-8").splitlines():
            sentence, word, number, label = line.split("\t")
            words = sentence.split(" ")
            if words[int(number)] != word:
                raise SystemExit(f"{path}: word {number} of {sentence!r} is not {word!r}.")
            start = sum(len(before) + 1 for before in words[: int(number)])
            row = {"text": sentence, "spans": [[start, start + len(word)]], "labels": [label]}
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    return target


def _polysemes_as_json(path: Path, scratch: Path) -> Path:
    """Write each pair of sentences with the mean of its ratings as JSON lines."""
    ratings: defaultdict[tuple[str, ...], list[float]] = defaultdict(list)
    spans: dict[tuple[str, ...], list[list[int]]] = {}
    for judgement in _judgements(json.loads(path.read_text(encoding="utf-8"))):
        sides = [_span(judgement[f"sentence_{side}"].split(" "), judgement[f"highlights_{side}"]) for side in (1, 2)]
        key = (judgement["sentence_1"], judgement["sentence_2"])
        spans[key] = sides
        ratings[key].append(float(judgement["rating"]))
    target = scratch / "polysemes.jsonl"
    rows = [
        {"text1": one, "span1": spans[one, two][0], "text2": two, "span2": spans[one, two][1]}
        | {"rating": sum(given) / len(given)}
        for (one, two), given in ratings.items()
    ]
    target.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return target


def _judgements(workers: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Give the ratings of polysemes and homonyms: two usages of one word.

    Fillers are there to see who pays attention, and synonyms are different words.
    """
    for worker in workers.values():
        for name, judgement in worker["judgements"].items():
            if not name.startswith(("f_", "s_")):
                yield judgement


def _span(words: list[str], marked: list[int] | int) -> list[int]:
    """Give the char span of the words whose numbers are marked, less the punctuation that clings to them."""
    marked = [marked] if isinstance(marked, int) else marked
    first, last = min(marked), max(marked)
    start = sum(len(word) + 1 for word in words[:first])
    text = " ".join(words[first : last + 1])
    return [start, start + len(text.rstrip(".,;!?"))]
