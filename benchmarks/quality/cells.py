"""One data set, one model: a sweep, and the figures of it that are kept."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.quality.sources import Source

from wordstates.evaluate.sweep.models import maker_of
from wordstates.evaluate.sweep.result import ModelResult, Result, SweepReport
from wordstates.evaluate.sweep.run import run_sweep
from wordstates.evaluate.sweep.scores import Interval

_DIGITS = 4


def measure(source: Source, model: str, data: Path) -> dict[str, Any]:
    """Sweep one model over one data set."""
    with TemporaryDirectory() as scratch:
        task = source.read(data, Path(scratch))
        return _kept(run_sweep(task, {model: maker_of(model)}))


def _kept(report: SweepReport) -> dict[str, Any]:
    (model,) = report.models
    choice = model.choice
    return {
        "task": report.task.name,
        "metric": report.metrics[0],
        "items": report.items,
        "scored": report.scored,
        "skipped": report.task.skipped,
        "missing": report.missing,
        "recipes": len(model.results),
        "seconds": {"reading": round(report.embedding_seconds, 2), "scoring": round(report.scoring_seconds, 2)},
        "picked": {"name": choice.best.candidate.name, **_score(choice.score)},
        "sure": choice.sure,
        "folds_that_agree": [choice.agreeing, choice.folds],
        **{name: _one(result) for name, result in _beside(model).items() if result is not None},
        "layers": _by_layer(model.results),
    }


def _beside(model: ModelResult) -> dict[str, Result | None]:
    return {"last": model.last_layer, "last_four": model.last_four, "hindsight": model.hindsight}


def _one(result: Result) -> dict[str, Any]:
    return {"name": result.candidate.name, **_score(result.test)}


def _score(interval: Interval) -> dict[str, float]:
    return {name: round(value, _DIGITS) for name, value in vars(interval).items()}


def _by_layer(results: Sequence[Result]) -> dict[str, list[float]]:
    """Give the test score of each layer alone, by subword pooling and post-processing: ``mean/none``."""
    found: defaultdict[str, dict[int, float]] = defaultdict(dict)
    for result in results:
        candidate = result.candidate
        if candidate.layer is not None:
            row = f"{candidate.recipe.subword_pooling}/{candidate.post_processing}"
            found[row][candidate.layer] = round(result.test.score, _DIGITS)
    return {row: [scores[layer] for layer in sorted(scores)] for row, scores in found.items()}
