"""The probe of a sweep beside the same by hand: `transformers` and scikit-learn, and only the data in common."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from benchmarks.quality.sources import Source
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score
from sklearn.preprocessing import StandardScaler
from transformers import AutoModel, AutoTokenizer

from wordstates.evaluate.data.task import Task
from wordstates.evaluate.sweep.folds import Fold, make_folds
from wordstates.evaluate.sweep.models import maker_of
from wordstates.evaluate.sweep.run import SweepOptions, run_sweep
from wordstates.model._hub import minilm_folder

_PENALTIES = (0.001, 0.01, 0.1, 1.0)
_SCORES: Mapping[str, Callable[[Any, Any], float]] = {
    "accuracy": accuracy_score,
    "macro_f1": lambda gold, found: f1_score(gold, found, average="macro", zero_division=0.0),
}


def measure(source: Source, model: str, data: Path) -> dict[str, Any]:
    """Score each layer, with the mean of the subwords, both ways.

    Args:
        source: Labelled words, with splits.
        model: The model.
        data: The folder of data.
    """
    with TemporaryDirectory() as scratch:
        task = source.read(data, Path(scratch))
    report = run_sweep(task, {model: maker_of(model, engine="torch")}, SweepOptions(poolings=("mean",)))
    metric = report.metrics[0]
    ours = {
        result.candidate.layer: result.test.score
        for result in report.models[0].results
        if result.candidate.layer is not None
    }
    folder = str(minilm_folder()) if model == "minilm" else model
    by_hand = _by_hand(task, folder, make_folds(task)[0], _SCORES[metric])
    return {
        "metric": metric,
        "items": report.items,
        "wordstates": [round(ours[layer], 6) for layer in sorted(ours)],
        "by_hand": [round(score, 6) for score in by_hand],
        "largest_difference": round(max(abs(ours[layer] - score) for layer, score in enumerate(by_hand)), 6),
    }


def _by_hand(task: Task, folder: str, fold: Fold, score: Callable[[Any, Any], float]) -> list[float]:
    """Do what people do: one text after the other through the model, the mean of each word, one probe per layer."""
    vectors = _vectors(folder, task.usages.texts, task.usages.spans)
    order = [number for numbers in task.usages.numbers for number in numbers]
    rows = np.empty_like(vectors)
    rows[order] = vectors
    rows = rows[[item.left[0] for item in task.items]]
    gold = np.array([str(item.gold) for item in task.items])
    return [_probed(rows[:, layer], gold, fold, score) for layer in range(rows.shape[1])]


def _vectors(folder: str, texts: Sequence[str], spans: Sequence[Sequence[tuple[int, int]]]) -> np.ndarray:
    """Give the vectors of all words, in the order of the texts: float32, shape (words, layers, dim)."""
    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    model: Any = AutoModel.from_pretrained(folder).eval()
    found = []
    for text, words in zip(texts, spans, strict=True):
        inputs = tokenizer(text, return_tensors="pt", return_offsets_mapping=True)
        offsets = inputs.pop("offset_mapping")[0].tolist()
        with torch.no_grad():
            states = torch.stack(model(**inputs, output_hidden_states=True).hidden_states)[:, 0]
        for start, end in words:
            its = [place for place, (first, last) in enumerate(offsets) if first < end and start < last]
            found.append(states[:, its].mean(dim=1).numpy())
    return np.stack(found)


def _probed(rows: np.ndarray, gold: np.ndarray, fold: Fold, score: Callable[[Any, Any], float]) -> float:
    """Learn with each penalty, and score the one that does best on the development items."""
    train, dev, test = (rows[part] for part in (fold.train, fold.dev, fold.test))
    scaler = StandardScaler().fit(train)
    best, found = -1.0, 0.0
    for penalty in _PENALTIES:
        probe = LogisticRegression(C=penalty, max_iter=1000)
        with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
            probe.fit(scaler.transform(train), gold[fold.train])
        on_dev = score(gold[fold.dev], probe.predict(scaler.transform(dev)))
        if on_dev > best:
            best, found = on_dev, score(gold[fold.test], probe.predict(scaler.transform(test)))
    return found
