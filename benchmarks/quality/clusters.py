"""Senses that are found without labels, beside the ones that people gave; and change over time."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, get_args

import numpy as np
from benchmarks.quality.sources import NORDIACHANGE, NORDIACHANGE_CHANGE, SEMCOR, WIC_TSV
from sklearn.metrics import adjusted_rand_score, v_measure_score

from wordstates import Recipe, WordEmbedder
from wordstates.evaluate.data.files import table_rows, token_span
from wordstates.evaluate.data.read import DataOptions, read_task
from wordstates.evaluate.sweep.scores import spearman
from wordstates.options import SenseMethod
from wordstates.text.folding import fold
from wordstates.usages.change import changes, shares_by
from wordstates.usages.senses import find_senses
from wordstates.usages.usage import IndexedUsage

Usage = tuple[str, tuple[int, int], str]  # text, span, gold sense
_LEAST, _MOST = 20, 150  # usages of a word in SemCor
_LEAST_WIC = 6  # WiC-TSV has few of each word
_DIGITS = 4

# ── senses ──


def measure_semcor(half: int, model: str, data: Path) -> dict[str, Any]:
    """Measure on half of the words of SemCor that have two senses and 20 usages: 0 is what defaults were chosen on."""
    task = read_task({None: data / str(SEMCOR.paths[None])}, DataOptions())
    words: defaultdict[str, dict[int, str]] = defaultdict(dict)
    for item in task.items:
        words[fold(task.usages.word(item.left[0]))][item.left[0]] = str(item.gold)
    chosen = {}
    for word, golds in words.items():
        if len(golds) >= _LEAST and _half_of(word) == half:
            numbers = Random(word).sample([*golds], min(len(golds), _MOST))
            places = [task.usages.places[number] for number in numbers]
            texts = [task.usages.texts[text] for text, _ in places]
            spans = [span for _, span in places]
            chosen[word] = [*zip(texts, spans, [golds[number] for number in numbers], strict=True)]
    return _measure(model, chosen)


def _half_of(word: str) -> int:
    return hashlib.sha256(word.encode()).digest()[0] % 2


def measure_wic_tsv(model: str, data: Path) -> dict[str, Any]:
    """Measure on the words of WiC-TSV; a usage has the sense whose definition is said to be true of it."""
    words: defaultdict[str, dict[tuple[str, tuple[int, int]], str]] = defaultdict(dict)
    for path in WIC_TSV.paths.values():
        for word, text, span, definition in _true_of(data / path):
            words[word][text, span] = definition
    return _measure(
        model,
        {
            word: [(*usage, gold) for usage, gold in golds.items()]
            for word, golds in words.items()
            if len(golds) >= _LEAST_WIC
        },
    )


def _true_of(folder: Path) -> Iterator[tuple[str, str, tuple[int, int], str]]:
    columns = (sorted(folder.glob(f"*_{name}.txt"))[0] for name in ("examples", "definitions", "labels"))
    lines = (path.read_text(encoding="utf-8").splitlines() for path in columns)
    for example, definition, label in zip(*lines, strict=True):
        word, number, text = example.split("\t")
        if label == "T":
            yield word, text, token_span(text, number, str(folder)), definition


def _measure(model: str, words: Mapping[str, Sequence[Usage]]) -> dict[str, Any]:
    ambiguous = {word: usages for word, usages in words.items() if len({gold for *_, gold in usages}) > 1}
    vectors = _vectors(model, [(text, span) for usages in ambiguous.values() for text, span, _ in usages])
    rows: defaultdict[str, list[tuple[float, ...]]] = defaultdict(list)
    read, first = 0, 0
    for word, usages in ambiguous.items():
        of_word = vectors[first : first + len(usages)]
        first += len(usages)
        there = np.flatnonzero(np.isfinite(of_word).all(axis=1))
        read += len(there)
        gold = [usages[number][2] for number in there.tolist()]
        indexed = [_indexed(number, *usages[number][:2]) for number in there.tolist()]
        for name, cluster in _contestants(word, indexed, of_word[there], len(set(gold))).items():
            found = cluster()
            clusters = len(set(found.tolist()) - {-1})
            rows[name].append(
                (
                    v_measure_score(gold, found),
                    adjusted_rand_score(gold, found),
                    clusters,
                    abs(clusters - len(set(gold))),
                    float((found == -1).mean()),
                )
            )
    names = ("v_measure", "adjusted_rand", "senses", "off", "unassigned")
    return {
        "words": len(ambiguous),
        "usages": read,
        "gold_senses": _mean([len({gold for *_, gold in usages}) for usages in ambiguous.values()]),
        "methods": {
            method: {name: _mean(values) for name, values in zip(names, zip(*scores, strict=True), strict=True)}
            for method, scores in rows.items()
        },
    }


def _contestants(
    word: str, usages: Sequence[IndexedUsage], vectors: np.ndarray, gold: int
) -> dict[str, Callable[[], np.ndarray]]:
    """Give what clusters the usages of a word, by name; those that know the number of senses say so."""
    rng = np.random.default_rng(len(usages))

    def found(**options: Any) -> np.ndarray:
        labels: np.ndarray = find_senses(word, usages, vectors, stability=False, **options).labels
        return labels

    return {
        **{method: partial(found, method=method) for method in get_args(SenseMethod)},
        "one cluster": lambda: np.zeros(len(usages), dtype=np.int64),
        "random, gold number": lambda: rng.integers(0, gold, len(usages)),
        "kmeans, gold number": partial(found, count=gold),
    }


# ── change ──


def measure_change(model: str, data: Path) -> dict[str, Any]:
    """Hold three measures of change against the graded gold of NorDiaChange, and found senses against its senses.

    Whether a word changed is told from senses as the gold was: one sense has at most one usage in one time, and three
    at least in the other.

    Source:
        Schlechtweg et al. 2020, "SemEval-2020 task 1" (the rule, and the Jensen-Shannon distance); Kutuzov et al. 2022,
        "NorDiaChange".
    """
    folder = data / str(NORDIACHANGE.paths[None])
    task = read_task({None: folder}, DataOptions(**NORDIACHANGE_CHANGE.options))
    binary = {row["lemma"]: int(row["change_binary"]) for row in table_rows(folder / "stats/opt/stats_groupings.tsv")}
    places = [(task.usages.texts[text], span) for text, span in task.usages.places]
    vectors = _vectors(model, places)
    found: defaultdict[str, list[float]] = defaultdict(list)
    for item in task.items:
        numbers = np.array([number for number in item.usages if np.isfinite(vectors[number]).all()])
        times = np.where(np.isin(numbers, item.left), "1", "2").tolist()
        usages = [_indexed(number, *places[number]) for number in numbers.tolist()]
        labels = find_senses(item.word, usages, vectors[numbers], stability=False).labels
        (step,) = changes(times, vectors[numbers])
        counts = np.array([[each.count for each in group.shares] for group in shares_by(times, labels)])
        found["pairwise"].append(step.pairwise)
        found["prototypes"].append(step.prototypes)
        found["senses"].append(_jensen_shannon(*(counts / counts.sum(axis=1, keepdims=True))))
        found["changed"].append(float(any(min(pair) <= 1 and max(pair) >= 3 for pair in counts.T.tolist())))
    gold = np.array([float(item.gold) for item in task.items])
    told = [binary[item.word] for item in task.items]
    return {
        "words": len(task.items),
        "spearman": {
            name: round(spearman(gold, np.array(found[name])), _DIGITS) for name in ("pairwise", "prototypes", "senses")
        },
        "changed": _mean(told),
        "accuracy": _mean([float(a == b) for a, b in zip(told, found["changed"], strict=True)]),
    }


def _jensen_shannon(one: np.ndarray, other: np.ndarray) -> float:
    middle = (one + other) / 2
    halves = [(p[p > 0] * np.log2(p[p > 0] / middle[p > 0])).sum() for p in (one, other)]
    return float(np.sqrt(max(0.0, sum(halves) / 2)))


# ── both ──


def _vectors(model: str, usages: Sequence[tuple[str, tuple[int, int]]]) -> np.ndarray:
    """Read usages in the last layer; each text once; of unit length, NaN for one without a vector."""
    texts: defaultdict[str, list[int]] = defaultdict(list)
    for number, (text, _) in enumerate(usages):
        texts[text].append(number)
    spans = [[usages[number][1] for number in numbers] for numbers in texts.values()]
    embedder = WordEmbedder(model, recipes=[Recipe(-1)])
    read = embedder.encode([*texts], spans=spans).vectors
    vectors = np.empty_like(read)
    vectors[[number for numbers in texts.values() for number in numbers]] = read
    units: np.ndarray = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return units


def _indexed(number: int, text: str, span: tuple[int, int]) -> IndexedUsage:
    return IndexedUsage(number, text[slice(*span)], str(number), span, "ok", text, span, {})


def _mean(values: Sequence[float]) -> float:
    return round(float(np.mean(values)), _DIGITS)
