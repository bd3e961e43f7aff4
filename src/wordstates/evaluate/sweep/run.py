"""The sweep: one pass per model, every candidate scored in every fold, and a fair choice."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from wordstates.encode.protocols import Embedder
from wordstates.errors import InputError
from wordstates.evaluate.data.task import Item, Task, check_task
from wordstates.evaluate.sweep.change import ChangeScorer
from wordstates.evaluate.sweep.choosing import best_plain, choose
from wordstates.evaluate.sweep.cka import compare_layers
from wordstates.evaluate.sweep.folds import Fold, make_folds
from wordstates.evaluate.sweep.grid import NOTHING, SUBWORD_POOLINGS, Candidate, default_post_processings, make_grid
from wordstates.evaluate.sweep.layers import LayerVectors, read_layers
from wordstates.evaluate.sweep.pairs import PairScorer
from wordstates.evaluate.sweep.probe import Probe, control_labels
from wordstates.evaluate.sweep.result import Choice, Control, Mix, ModelResult, Result, SweepReport
from wordstates.evaluate.sweep.scorers import Predicted, Scorer, fitted_on, post_processed
from wordstates.evaluate.sweep.scores import Bootstrap, Interval, Predictions, accuracy
from wordstates.evaluate.sweep.senses import SenseScorer
from wordstates.options import SubwordPooling
from wordstates.postprocess.post_processing import PostProcessing
from wordstates.progress import Progress
from wordstates.recipe import Recipe

EmbedderOfRecipes = Callable[[Sequence[Recipe]], Embedder]
_SAMPLES_OF_A_CHOICE = 1000
_SAMPLES_TO_CHOOSE_BY = 50  # in each fold


@dataclass(frozen=True, kw_only=True)
class SweepOptions:
    """What is tried, and how it is scored.

    Args:
        poolings: How subwords are pooled.
        post_processings: What is done to vectors afterwards; None: what suits the task.
        grid: ``small`` or ``full``; see `make_grid`.
        metric: Name of the score that counts; None: what suits the data.
        n_folds: Parts of data without splits.
        seed: Of everything that is drawn.
        samples: Resampled data sets behind each interval.
    """

    poolings: Sequence[SubwordPooling] = SUBWORD_POOLINGS
    post_processings: Sequence[str] | None = None
    grid: str = "small"
    metric: str | None = None
    n_folds: int = 5
    seed: int = 0
    samples: int = 200


@dataclass
class _Course:
    """What the parts of a sweep share."""

    task: Task
    scorer: Scorer
    folds: list[Fold]
    options: SweepOptions
    order: np.ndarray = field(init=False)
    bootstrap: Bootstrap = field(init=False)
    choosing: list[Bootstrap] = field(init=False)  # of the development items of each fold

    def __post_init__(self) -> None:
        self.order = np.concatenate([fold.test for fold in self.folds])
        self.bootstrap = self.resampling(self.order, self.options.samples)
        self.choosing = [self.resampling(fold.dev, _SAMPLES_TO_CHOOSE_BY) for fold in self.folds]

    def resampling(self, items: np.ndarray, samples: int) -> Bootstrap:
        groups = [self.task.items[number].group for number in items.tolist()]
        return Bootstrap(groups, samples=samples, seed=self.options.seed)

    def intervals(self, predictions: Predictions, bootstrap: Bootstrap) -> dict[str, Interval]:
        """Score predictions for the test items of all folds, one after the other."""
        gold = self.scorer.gold[self.order]
        return {metric.name: bootstrap.interval(metric, gold, predictions[metric.of]) for metric in self.scorer.metrics}

    def result(self, model: str, candidate: Candidate, predicted: Sequence[Predicted]) -> Result:
        metric = self.scorer.metrics[0]
        golds = [self.scorer.gold[fold.dev] for fold in self.folds]
        devs = [each.dev[metric.of] for each in predicted]
        samples = [
            bootstrap.scores(metric, gold, dev) for bootstrap, gold, dev in zip(self.choosing, golds, devs, strict=True)
        ]
        tests = [dict(each.test) for each in predicted]
        return Result(
            model,
            candidate,
            dev=tuple(metric.score(gold, dev) for gold, dev in zip(golds, devs, strict=True)),
            dev_samples=samples,
            scores=self.intervals(_joined(tests), self.bootstrap),
            tests=tests,
            notes=[each.notes for each in predicted],
        )


def run_sweep(
    task: Task,
    makers: Mapping[str, EmbedderOfRecipes],
    options: SweepOptions | None = None,
    on_progress: Callable[[int], object] = lambda _: None,
    on_scored: Callable[[int], object] = lambda _: None,
) -> SweepReport:
    """Score every candidate of every model on a task.

    Args:
        task: The task.
        makers: By the names of the models, what loads each for some recipes.
        options: What is tried, and how it is scored.
        on_progress: Called after each batch with the number of usages it gave a vector.
        on_scored: Called after each candidate with 1.

    Returns:
        All scores, the choice, and what it scores on data it was not chosen on.

    Raises:
        InputError: If there is no model, or too little is left that has vectors.
        ModelError: If a model cannot be used.
        MissingExtraError: If scikit-learn is not installed.
    """
    options = options or SweepOptions()
    if not makers:
        raise InputError("A sweep needs a model: name one or more.")
    make_folds(task, n_folds=options.n_folds, seed=options.seed)  # raises what is wrong with the data, before the pass
    _scorer(task, options.metric)
    passes = {name: read_layers(make, task.usages, options.poolings, on_progress) for name, make in makers.items()}
    kept, missing = without_missing(task, list(passes.values()))
    began = time.perf_counter()
    folds = make_folds(kept, n_folds=options.n_folds, seed=options.seed)
    course = _Course(kept, _scorer(kept, options.metric), folds, options)
    if isinstance(on_scored, Progress):
        on_scored.expect(sum(len(_grid(vectors, course)) for vectors in passes.values()))
    models = [_scored(name, vectors, course, on_scored) for name, vectors in passes.items()]
    choice = _choice([result for model in models for result in model.results], course)
    return SweepReport(
        task=kept.with_items(kept.items, with_no_usage_to_learn_from=sum(fold.unknown for fold in folds)),
        metrics=[metric.name for metric in course.scorer.metrics],
        options={
            "grid": options.grid,
            "folds": len(folds),
            "chosen_on_train": folds[0].dev_is_train,
            "seed": options.seed,
            "samples": options.samples,
        },
        models=models,
        choice=choice,
        fitted=_fitted(choice.best, passes[choice.best.model], course),
        missing=missing,
        items={
            part: sum(len(getattr(fold, part)) for fold in folds) // len(folds) for part in ("train", "dev", "test")
        },
        scored=len(course.order),
        majority=course.scorer.majority if isinstance(course.scorer, Probe) else None,
        cka=compare_layers(passes, seed=options.seed),
        scoring_seconds=time.perf_counter() - began,
    )


def without_missing(task: Task, passes: Sequence[LayerVectors]) -> tuple[Task, dict[str, int]]:
    """Leave out usages that some model gave no vector, and items that have none left; they are counted.

    Args:
        task: The task.
        passes: What the models gave.

    Raises:
        InputError: If too little is left to score.
    """
    there = np.logical_and.reduce([vectors.has_vector for vectors in passes])
    items: list[Item] = []
    for item in task.items:
        left, right = (tuple(usage for usage in side if there[usage]) for side in (item.left, item.right))
        whole = (left, right) == (item.left, item.right)
        if whole or (task.name == "change" and left and right):
            items.append(item if whole else replace(item, left=left, right=right))
    missing = {"usages": int((~there).sum()), "items": len(task.items) - len(items)}
    return (task if not missing["usages"] else check_task(task.with_items(items))), missing


def _scorer(task: Task, metric: str | None) -> Scorer:
    scorer: Scorer
    if task.name == "labels":
        scorer = Probe(task.items, metric)
    elif task.name == "senses":
        scorer = SenseScorer(task.items, metric)
    elif task.name == "change":
        scorer = ChangeScorer(task.items, metric)
    else:
        scorer = PairScorer(task.items, yes_no=task.yes_no, metric=metric)
    names = [each.name for each in scorer.metrics]
    if metric is not None and metric not in names:
        raise InputError(f"Metric {metric!r} does not exist for the task {task.name!r}: choose {' or '.join(names)}.")
    return scorer


def _grid(vectors: LayerVectors, course: _Course) -> list[Candidate]:
    options = course.options
    post_processings = options.post_processings or default_post_processings(course.task.name)
    return list(make_grid(vectors.n_blocks, options.poolings, post_processings, options.grid))


def _scored(name: str, vectors: LayerVectors, course: _Course, on_scored: Callable[[int], object]) -> ModelResult:
    """Score every candidate of a model."""
    results = []
    grid = _grid(vectors, course)
    for recipe in dict.fromkeys(candidate.recipe for candidate in grid):
        pooled = vectors.of(recipe)
        for candidate in (each for each in grid if each.recipe == recipe):
            predicted = [
                course.scorer.predict(
                    post_processed(candidate.post_processing, pooled, course.task.items, fold.train), fold
                )
                for fold in course.folds
            ]
            results.append(course.result(name, candidate, predicted))
            on_scored(1)
    choice = _choice(results, course)
    probe = course.scorer
    return ModelResult(
        name=name,
        n_blocks=vectors.n_blocks,
        dim=next(iter(vectors.values.values())).shape[2],
        results=results,
        choice=choice,
        mix=_mix(name, probe, vectors, course) if isinstance(probe, Probe) else None,
        controls=_controls(probe, vectors, course, choice, results) if isinstance(probe, Probe) else [],
        statuses=dict(vectors.statuses),
        provenance=dict(vectors.provenance),
        embedding_seconds=vectors.seconds,
    )


def _joined(tests: Sequence[Predictions]) -> dict[str, np.ndarray]:
    return {name: np.concatenate([test[name] for test in tests]) for name in tests[0]}


def _choice(results: Sequence[Result], course: _Course) -> Choice:
    """Choose by development data; what is scored is the choice of each fold, on the items that it did not see."""
    folds = range(len(course.folds))
    best, sure = choose(results, folds)
    in_folds = [choose(results, [number])[0] for number in folds]
    predictions = _joined([result.tests[number] for number, result in enumerate(in_folds)])
    bootstrap = course.resampling(course.order, max(_SAMPLES_OF_A_CHOICE, course.options.samples))
    votes = Counter((result.model, result.candidate) for result in in_folds)
    plain, gain = None if best.is_plain else best_plain(results, folds), None
    if plain is not None:
        metric, gold = course.scorer.metrics[0], course.scorer.gold[course.order]
        gain = bootstrap.gain(metric, gold, predictions[metric.of], _joined(plain.tests)[metric.of])
    return Choice(
        best=best,
        sure=sure,
        held_out=course.intervals(predictions, bootstrap),
        agreeing=votes[best.model, best.candidate],
        folds=len(course.folds),
        plain=plain,
        gain=gain,
    )


def _fitted(best: Result, vectors: LayerVectors, course: _Course) -> PostProcessing | None:
    """Fit the post-processing of the choice on all items that any fold learns from: with splits, as it was scored."""
    candidate = best.candidate
    if candidate.post_processing == NOTHING:
        return None
    recipe, train = candidate.recipe, np.unique(np.concatenate([fold.train for fold in course.folds]))
    layers = [*recipe.resolve(vectors.n_blocks, vectors.model)]
    provenance = {**vectors.provenance, "recipes": [{**recipe.to_dict(), "layer_numbers": layers}]}
    return fitted_on(candidate.post_processing, vectors.of(recipe), course.task.items, train, provenance)


def _controls(
    probe: Probe, vectors: LayerVectors, course: _Course, choice: Choice, results: Sequence[Result]
) -> list[Control]:
    """Teach the chosen recipe, and the plain ones beside it, labels that can only be known by heart."""
    control = control_labels(course.task.items, probe.gold, course.options.seed)
    found = []
    for result in dict.fromkeys([choice.best, *(each for each in results if each.is_plain)]):
        pooled = vectors.of(result.candidate.recipe)
        predicted = []
        for fold, notes in zip(course.folds, result.notes, strict=True):
            rows = post_processed(result.candidate.post_processing, pooled, course.task.items, fold.train)
            predicted.append(probe.control(rows, fold, control, notes["C"]))
        score = accuracy(control[course.order], np.concatenate(predicted))
        real = accuracy(probe.gold[course.order], _joined(result.tests)["label"])
        found.append(Control(result.candidate, real, score))
    return found


def _mix(name: str, probe: Probe, vectors: LayerVectors, course: _Course) -> Mix:
    """Learn a mix of all layers; it is shown beside the recipes, and never chosen: `embed` has no learned weights."""
    pooling = course.options.poolings[0]
    learned = [probe.mix(vectors.values[pooling], fold, course.options.seed) for fold in course.folds]
    result = course.result(name, Candidate(Recipe("0:", "mean", pooling)), [predicted for predicted, _ in learned])
    weights = np.mean([weights for _, weights in learned], axis=0)
    return Mix(pooling, weights.tolist(), result.dev_score, result.scores)
