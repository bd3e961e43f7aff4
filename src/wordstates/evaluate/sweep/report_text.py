"""A sweep as text: a table for the terminal, and lines to paste."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from wordstates.evaluate.names import short_names
from wordstates.evaluate.sweep.grid import NOTHING, Candidate
from wordstates.evaluate.sweep.models import is_random
from wordstates.evaluate.sweep.result import Choice, ModelResult, Result, SweepReport
from wordstates.evaluate.sweep.scores import Interval
from wordstates.files.saved_recipe import fitted_path
from wordstates.recipe import Recipe
from wordstates.runs.report import aligned, tally
from wordstates.wording import counted, in_columns

_MOST_ROWS = 10
_SURE = 0.9
_FITTED = "post.safetensors"


def as_text(report: SweepReport) -> str:
    """Write a sweep as tables.

    Args:
        report: What was found.
    """
    parts = [_head(report), *(_model(report, model) for model in report.models), _choice(report)]
    return "\n\n".join(parts)


def python_line(model: str, candidate: Candidate, fitted: str = _FITTED) -> str:
    """Write a recipe as a line of Python, with the file of its post-processing if it has one.

    Examples:
        >>> python_line("minilm", Candidate(Recipe("-4:", "mean", "first")))
        "WordEmbedder('minilm', layers='-4:', subword_pooling='first')"
    """
    after = [("post_processing", fitted)] if candidate.post_processing != NOTHING else []
    options = [*_given(candidate.recipe), *after]
    return f"WordEmbedder({', '.join([repr(model), *(f'{name}={value!r}' for name, value in options)])})"


def command_lines(model: str, candidate: Candidate) -> list[str]:
    """Write a recipe as a command; as two if there is post-processing, which is fitted first, on the user's own text.

    Examples:
        >>> command_lines("minilm", Candidate(Recipe(4)))
        ['wordstates embed INPUT -o OUT.parquet -m minilm --layers 4']
    """
    options = [f"--{name.replace('_', '-')} {shlex.quote(value)}" for name, value in _given(candidate.recipe)]
    reading = " ".join(["-m", shlex.quote(model), *options])
    if candidate.post_processing == NOTHING:
        return [f"wordstates embed INPUT -o OUT.parquet {reading}"]
    return [
        f"wordstates fit {shlex.quote(candidate.post_processing)} INPUT -o {_FITTED} {reading}",
        f"wordstates embed INPUT -o OUT.parquet {reading} --post-process {_FITTED}",
    ]


def data_lines(report: SweepReport) -> list[tuple[str, str]]:
    """Say what was scored, as names and values."""
    task, metrics = report.task, report.metrics
    kinds = {"pairs": "pairs of usages, " + ("yes or no" if task.yes_no else "rated"), "labels": "labelled words"}
    kinds |= {"senses": "sense-labelled usages", "similarity": "pairs of words, rated", "change": "change over time"}
    folds = report.options["folds"]
    learn = [] if report.options["chosen_on_train"] else [f"{report.items['train']:,} learn"]
    parts = [*learn, f"{report.items['dev']:,} choose", f"{report.items['test']:,} scored"]
    rows = [("task", f"{kinds[task.name]} ({task.name})"), *(("read as", text) for text in task.read_as)]
    rows += [("score", metrics[0] + (f", also {', '.join(metrics[1:])}" if metrics[1:] else ""))]
    rows += [("items", ", ".join(parts) + (f" in each of {counted(folds, 'fold')}" if folds > 1 else ""))]
    if report.majority is not None:
        rows += [("majority", f"{report.majority:.3f} of the labels are the most frequent one")]
    if report.task.skipped:
        rows += [("left out", tally(task.skipped))]
    if unsettled := sum(result.is_unsettled for model in report.models for result in model.results):
        rows += [("note", f"the probes of {counted(unsettled, 'recipe')} did not settle within their steps")]
    if report.missing["usages"]:
        rows += [
            (
                "no vector",
                f"{counted(report.missing['usages'], 'usage')}, {counted(report.missing['items'], 'item')} left out",
            )
        ]
    return rows


def shown_interval(interval: Interval) -> str:
    """Write a score with its interval.

    Examples:
        >>> shown_interval(Interval(0.5, 0.25, 0.75))
        '0.500 (0.250 to 0.750)'
    """
    return f"{interval.score:.3f} ({interval.low:.3f} to {interval.high:.3f})"


def result_rows(model: ModelResult) -> list[tuple[str, Result]]:
    """Give the results worth a row, each with a remark: the best by development score, then what they stand beside."""
    best = _without_echoes(sorted(model.results, key=lambda result: -result.dev_score))[:_MOST_ROWS]
    beside = {"last layer": model.last_layer, "mean of the last four": model.last_four}
    beside["best in hindsight"] = model.hindsight
    remarks = {model.choice.best: "chosen"}
    for remark, result in beside.items():
        if result is not None:
            remarks[result] = f"{remarks[result]}, {remark}" if result in remarks else remark
    return [(remarks.get(result, ""), result) for result in dict.fromkeys([*best, *remarks])]


def _without_echoes(results: Sequence[Result]) -> list[Result]:
    """Leave out results that differ in the subword pooling only, and score the same: one subword a word, mostly."""
    first: dict[object, Result] = {}
    for result in results:
        recipe, steps = result.candidate.recipe, result.candidate.post_processing
        key = (recipe.layers, recipe.layer_pooling, steps, result.dev_score, result.test.score)
        first.setdefault(key, result)
    return list(first.values())


def _head(report: SweepReport) -> str:
    seconds = f"{report.embedding_seconds:.1f} reading, {report.scoring_seconds:.1f} scoring"
    return aligned([*data_lines(report), ("seconds", seconds)])


def _model(report: SweepReport, model: ModelResult) -> str:
    rows = result_rows(model)
    name = short_names([each.name for each in report.models])[model.name]
    table = [("recipe", "dev", "test (95%)", "")]
    table += [
        (each.candidate.name, f"{each.dev_score:.3f}", shown_interval(each.test), remark) for remark, each in rows
    ]
    if model.mix is not None:
        table.append(("learned mix of layers", f"{model.mix.dev:.3f}", shown_interval(model.mix.test), ""))
    lines = [
        f"{name}: {counted(model.n_blocks, 'block')}, {counted(model.dim, 'dimension')}, "
        f"{counted(len(model.results), 'recipe')}",
        in_columns(table, "<><"),
    ]
    if slices := slices_explained(model, [result for _, result in rows]):
        lines.append(slices)
    if model.mix is not None:
        weights = " ".join(f"{weight:.2f}" for weight in model.mix.weights)
        lines.append(f"  its weights, from layer 0: {weights}")
    lines += [
        f"control of {each.candidate.name}: accuracy {each.accuracy:.3f}, of random labels {each.control:.3f}, "
        f"selectivity {each.selectivity:.3f}"
        for each in model.controls
    ]
    if len(report.models) > 1:
        lines.append(f"held out: {shown_interval(model.choice.score)}")
    return "\n".join(lines)


def _choice(report: SweepReport) -> str:
    return aligned([*choice_lines(report), *usage_lines(report)])


def choice_lines(report: SweepReport) -> list[tuple[str, str]]:
    """Say what to take, how much better it is than the plain recipes, and what it scores, as names and values."""
    choice = report.choice
    names = short_names([model.name for model in report.models])
    rows = [("choice", f"{choice.best.candidate.name} ({names[choice.best.model]})")]
    rows += [("why", why(choice))]
    if choice.gain is not None and choice.plain is not None:
        rows.append(("gain", shown_gain(choice.gain, choice.plain)))
    if choice.folds > 1:
        rows.append(("folds", f"{choice.agreeing} of {choice.folds} choose it by themselves"))
    scores = (f"{name} {shown_interval(interval)}" for name, interval in choice.held_out.items())
    return [*rows, ("held out", ", ".join(scores))]


def why(choice: Choice) -> str:
    """Say why it was chosen, and how often luck alone would have done as much."""
    if choice.sure is None:
        return "it ranks highest on development data" + ("" if choice.best.is_plain else "; no plain recipe was tried")
    odds = f"in {round(100 * (1 - choice.sure))} of 100 resamples"
    if choice.best.is_plain:
        return f"a plain recipe: the lead of the best other one may be luck; {odds}, luck alone gives as large a lead"
    luck = "" if choice.sure >= _SURE else ": it may be luck, and a plain recipe may serve as well"
    return f"it leads the plain recipes on development data; {odds}, luck alone gives some recipe as large a lead{luck}"


def shown_gain(gain: Interval, plain: Result) -> str:
    """Write a paired difference with its interval.

    Examples:
        >>> from wordstates.evaluate.sweep.result import Result
        >>> plain = Result("m", Candidate(Recipe("6")), (0.5,), [], {"auc": Interval(0.874, 0.8, 0.9)}, [], [])
        >>> shown_gain(Interval(0.028, -0.004, 0.061), plain)
        '+0.028 (-0.004 to +0.061) over layer 6, mean, which scores 0.874: the difference on the same test items'
    """
    return (
        f"{gain.score:+.3f} ({gain.low:+.3f} to {gain.high:+.3f}) over {plain.candidate.name}, which scores "
        f"{plain.test.score:.3f}: the difference on the same test items"
    )


def slices_explained(model: ModelResult, results: Sequence[Result]) -> str:
    """Say which layers the slices of some recipes are; nothing if there are none.

    Examples:
        >>> from types import SimpleNamespace as A
        >>> results = [A(candidate=Candidate(Recipe(layers))) for layers in ("1:4", "2", "-2:")]
        >>> slices_explained(A(n_blocks=6, name="m"), results)
        '1:4 means layers 1, 2, 3; -2: means layers 5, 6'
    """
    slices = dict.fromkeys(each.candidate.recipe for each in results if ":" in each.candidate.recipe.layers)
    told = {each.layers: ", ".join(map(str, each.resolve(model.n_blocks, model.name))) for each in slices}
    return "; ".join(f"{text} means layers {layers}" for text, layers in told.items())


def usage_lines(report: SweepReport) -> list[tuple[str, str]]:
    """Give the lines to paste, by what they are."""
    best = report.choice.best
    if is_random(best.model):
        return [("note", "a model with random weights did best: the task needs no trained one")]
    if report.saved_recipe is not None and report.fitted is not None:
        saved = report.saved_recipe
        command = f"wordstates embed INPUT -o OUT.parquet -m {shlex.quote(best.model)} --recipe {shlex.quote(saved)}"
        return [
            ("python", python_line(best.model, best.candidate, str(fitted_path(Path(saved))))),
            ("command", command),
        ]
    return [
        ("python", python_line(best.model, best.candidate)),
        *(("command", line) for line in command_lines(best.model, best.candidate)),
    ]


def _given(recipe: Recipe) -> Sequence[tuple[str, str]]:
    """Give the parts of a recipe that are not the default ones."""
    default = Recipe().to_dict()
    return [(name, value) for name, value in recipe.to_dict().items() if name != "name" and value != default[name]]
