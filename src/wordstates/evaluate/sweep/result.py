"""What a sweep found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float

from wordstates.evaluate.data.task import Task
from wordstates.evaluate.sweep.cka import Likeness
from wordstates.evaluate.sweep.grid import NOTHING, Candidate
from wordstates.evaluate.sweep.scores import Interval, Predictions
from wordstates.postprocess.post_processing import PostProcessing
from wordstates.recipe import Recipe
from wordstates.wording import counted

_ALIKE = 1e-9  # scores that differ by less are the same


@dataclass(frozen=True, eq=False)
class Result:
    """How one candidate did.

    Args:
        model: Name of the model.
        candidate: The recipe and the post-processing.
        dev: Score on the development items of each fold.
        dev_samples: Scores on resampled development items of each fold: what is chosen by.
        scores: Each score, the one that counts first, on the test items of all folds, with its interval.
        tests: Predictions for the test items of each fold.
        notes: What was chosen on the way in each fold.
    """

    model: str
    candidate: Candidate
    dev: tuple[float, ...]
    dev_samples: Sequence[Float[np.ndarray, " samples"]]
    scores: Mapping[str, Interval]
    tests: Sequence[Predictions]
    notes: Sequence[Mapping[str, Any]]

    @property
    def dev_score(self) -> float:
        """Mean of the development scores of all folds."""
        return sum(self.dev) / len(self.dev)

    @property
    def test(self) -> Interval:
        """The score that counts."""
        return next(iter(self.scores.values()))

    @property
    def is_unsettled(self) -> bool:
        """True if a probe was still learning when its steps were up."""
        return any(notes.get("settled") is False for notes in self.notes)

    @property
    def is_last(self) -> bool:
        """True for the last layer as it is, with the mean of the subwords: what people take without looking."""
        return self.candidate.is_last and self._as_it_is

    @property
    def is_last_four(self) -> bool:
        """True for the mean of the last four layers as it is, with the mean of the subwords."""
        recipe = self.candidate.recipe
        return (recipe.layers, recipe.layer_pooling) == ("-4:", "mean") and self._as_it_is

    @property
    def is_plain(self) -> bool:
        """True for either of these two."""
        return self.is_last or self.is_last_four

    @property
    def _as_it_is(self) -> bool:
        return self.candidate.recipe.subword_pooling == "mean" and self.candidate.post_processing == NOTHING

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain JSON data."""
        return {
            "model": self.model,
            **self.candidate.to_dict(),
            "dev": round(self.dev_score, 6),
            "dev_of_folds": [round(score, 6) for score in self.dev],
            "test": {name: interval.to_dict() for name, interval in self.scores.items()},
            "notes": [dict(notes) for notes in self.notes],
        }


@dataclass(frozen=True, eq=False)
class Choice:
    """What development data say to take.

    Args:
        best: What to take.
        sure: How surely the best of the others is better than the plain recipes, 0 to 1, below which a plain one is
            taken; None if a plain one ranks highest; see `wordstates.evaluate.sweep.choosing.choose`.
        held_out: Scores of choosing so, each fold's choice on the items that it did not see.
        agreeing: Number of folds whose own choice is `best`.
        folds: Number of folds.
        plain: The better of the plain recipes, by development data; None if none was tried, or `best` is one.
        gain: How much more the choice of each fold scores than `plain`, on the same test items; None likewise.
    """

    best: Result
    sure: float | None
    held_out: Mapping[str, Interval]
    agreeing: int
    folds: int
    plain: Result | None = None
    gain: Interval | None = None

    @property
    def score(self) -> Interval:
        """The score that counts."""
        return next(iter(self.held_out.values()))

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain JSON data."""
        return {
            "model": self.best.model,
            **self.best.candidate.to_dict(),
            "dev": round(self.best.dev_score, 6),
            "sure": None if self.sure is None else round(self.sure, 6),
            "over": None if self.plain is None else {"model": self.plain.model, **self.plain.candidate.to_dict()},
            "gain": None if self.gain is None else self.gain.to_dict(),
            "held_out": {name: interval.to_dict() for name, interval in self.held_out.items()},
            "folds_that_agree": self.agreeing,
            "folds": self.folds,
        }


@dataclass(frozen=True)
class Control:
    """A probe beside one that learnt labels at random.

    Args:
        candidate: The recipe.
        accuracy: Of the real labels.
        control: Accuracy of the random ones.
    """

    candidate: Candidate
    accuracy: float
    control: float

    @property
    def selectivity(self) -> float:
        """How much better the real labels are learnt than those that can only be known by heart."""
        return self.accuracy - self.control

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain JSON data."""
        figures = {"accuracy": self.accuracy, "control": self.control, "selectivity": self.selectivity}
        return {"name": self.candidate.name} | {name: round(value, 6) for name, value in figures.items()}


@dataclass(frozen=True)
class Mix:
    """A learned mix of all layers.

    Args:
        subword_pooling: How subwords were pooled.
        weights: Weight of each standardised layer, from 0; they sum to 1. The mean over folds.
        dev: Development score.
        scores: Test scores.
    """

    subword_pooling: str
    weights: list[float]
    dev: float
    scores: Mapping[str, Interval]

    @property
    def test(self) -> Interval:
        """The score that counts."""
        return next(iter(self.scores.values()))

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain JSON data."""
        return {
            "subword_pooling": self.subword_pooling,
            "weights": [round(weight, 6) for weight in self.weights],
            "dev": round(self.dev, 6),
            "test": {name: interval.to_dict() for name, interval in self.scores.items()},
        }


@dataclass(frozen=True, eq=False)
class ModelResult:
    """How one model did.

    Args:
        name: Its name.
        n_blocks: Its blocks.
        dim: Size of a layer's vector.
        results: Every candidate, the plainest first.
        choice: What to take of it.
        mix: The learned mix of its layers, for labels.
        controls: Probes beside their control tasks, for labels.
        statuses: Number of usages of each status.
        provenance: Where its vectors come from.
        embedding_seconds: What the one pass took.
    """

    name: str
    n_blocks: int
    dim: int
    results: list[Result]
    choice: Choice
    mix: Mix | None
    controls: list[Control]
    statuses: dict[str, int]
    provenance: dict[str, Any]
    embedding_seconds: float

    @property
    def last_layer(self) -> Result | None:
        """The last layer, subwords' mean; None if it was not tried."""
        return next((result for result in self.results if result.is_last), None)

    @property
    def last_four(self) -> Result | None:
        """The mean of the last four layers, subwords' mean; None if it was not tried."""
        return next((result for result in self.results if result.is_last_four), None)

    @property
    def hindsight(self) -> Result:
        """What would have been best on the test items: nothing to choose by, but a bound on what a choice can reach."""
        return max(self.results, key=lambda result: result.test.score)

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain JSON data."""
        named = {"last_layer": self.last_layer, "last_four": self.last_four, "best_in_hindsight": self.hindsight}
        return {
            "model": self.name,
            "blocks": self.n_blocks,
            "dim": self.dim,
            "choice": self.choice.to_dict(),
            "beside": {name: result.to_dict() for name, result in named.items() if result is not None},
            "mix": None if self.mix is None else self.mix.to_dict(),
            "controls": [control.to_dict() for control in self.controls],
            "statuses": self.statuses,
            "embedding_seconds": round(self.embedding_seconds, 3),
            "results": [result.to_dict() for result in self.results],
            "provenance": self.provenance,
        }


@dataclass(kw_only=True, eq=False)
class SweepReport:
    """All that a sweep found.

    Args:
        task: What was scored.
        metrics: Names of the scores, the one that counts first.
        options: How it was scored.
        models: Each model.
        choice: What to take of all of them.
        fitted: Its post-processing, fitted on the usages that are learnt from in any fold; None if it has none.
        missing: Usages that some model gave no vector, and items that were left out for it.
        items: Items that learn, choose and are scored, in a fold.
        scored: Items that were scored, in all folds.
        majority: Share of the most frequent label, for labels.
        cka: How alike the layers are.
        scoring_seconds: What all but the passes took.
        data: The files scored.
        saved_recipe: The file that the recipe was saved in.
    """

    task: Task
    metrics: list[str]
    options: dict[str, Any]
    models: list[ModelResult]
    choice: Choice
    fitted: PostProcessing | None
    missing: dict[str, int]
    items: dict[str, int]
    scored: int
    majority: float | None
    cka: Likeness
    scoring_seconds: float
    data: list[str] = field(default_factory=list)
    saved_recipe: str | None = None

    @property
    def embedding_seconds(self) -> float:
        """What the passes of all models took."""
        return sum(model.embedding_seconds for model in self.models)

    @property
    def recipe(self) -> Recipe:
        """The recipe to take."""
        return self.choice.best.candidate.recipe

    @property
    def warnings(self) -> list[str]:
        """What says that the figures mean little, in plain words."""
        results = [result for model in self.models for result in model.results]
        found = []
        for part, scores in (
            ("development", [result.dev_score for result in results]),
            ("test", [result.test.score for result in results]),
        ):
            if len(results) > 1 and max(scores) - min(scores) < _ALIKE:
                found.append(
                    f"all {counted(len(results), 'recipe')} score {scores[0]:.3f} on {part} items: this data does not "
                    "tell them apart"
                )
        return found

    def to_dict(self) -> dict[str, Any]:
        """Give all of it as plain JSON data."""
        return {
            "task": self.task.name,
            "data": self.data,
            "read_as": [*self.task.read_as],
            "warnings": self.warnings,
            "metrics": self.metrics,
            "options": self.options,
            "items": self.items,
            "scored": self.scored,
            "missing": self.missing,
            "skipped": self.task.skipped,
            "majority": self.majority,
            "choice": self.choice.to_dict(),
            "recipe": self.recipe.to_dict(),
            "fitted": None if self.fitted is None else self.fitted.to_dict(),
            "seconds": {"embedding": round(self.embedding_seconds, 3), "scoring": round(self.scoring_seconds, 3)},
            "models": [model.to_dict() for model in self.models],
            "cka": self.cka.to_dict(),
        }
