"""`wordstates sweep`: which layers and poolings serve a task, measured on labelled data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wordstates.cli.groups import ComputeOptions, Overwrite, Quiet, with_groups
from wordstates.cli.options import Json, one_of, print_json
from wordstates.cli.telling import progress_bar, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wordstates.corpus.partial import PartialFile
    from wordstates.evaluate.result import SweepReport
    from wordstates.evaluate.task import Split, Task

# As in `groups`: told before the modules that define it are loaded; a test holds them equal.
TASKS = ("labels", "senses", "pairs", "similarity", "change")
GRIDS = ("small", "full")
POOLINGS = ("mean", "first", "last", "max", "sum")
OVERLAPS = ("error", "drop")


def _each_of(*allowed: str) -> Callable[[str | None], str | None]:
    """Make an option of values parted by commas."""

    def check(value: str | None) -> str | None:
        for each in value.split(",") if value is not None else ():
            one_of(*allowed)(each)
        return value

    return check


@with_groups(compute=ComputeOptions)
def sweep(
    data: Annotated[
        str | None,
        typer.Argument(metavar="[DATA]", help="Labelled data, a file or a folder; with --test, what is learnt from."),
    ] = None,
    train: Annotated[str | None, typer.Option(metavar="FILE", help="The same as DATA.")] = None,
    dev: Annotated[str | None, typer.Option(metavar="FILE", help="What the recipe is chosen on.")] = None,
    test: Annotated[str | None, typer.Option(metavar="FILE", help="What the choice is scored on.")] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model", "-m", help="As in embed; several times to compare. random or random:NAME: with random weights."
        ),
    ] = None,
    task: Annotated[
        str | None, typer.Option(callback=one_of(*TASKS), help=f"{', '.join(TASKS)}; default what the data looks like.")
    ] = None,
    label: Annotated[
        str, typer.Option(help="CoNLL-U: upos, xpos, deprel, lemma, or a key of the features, as Number.")
    ] = "upos",
    earlier: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CORPUS", help="Change: DATA is a list of targets; their earlier usages are in this corpus."
        ),
    ] = None,
    later: Annotated[
        list[str] | None, typer.Option(metavar="CORPUS", help="Change: the later usages are in this corpus.")
    ] = None,
    subword_poolings: Annotated[
        str, typer.Option(callback=_each_of(*POOLINGS), help="Ways to pool subwords, parted by commas.")
    ] = "mean,first,last",
    post_process: Annotated[
        str | None,
        typer.Option(
            metavar="STEPS,STEPS",
            help="What is done to vectors afterwards, each in turn: none, or steps of `wordstates fit`; default what "
            "suits the task.",
        ),
    ] = None,
    grid: Annotated[
        str, typer.Option(callback=one_of(*GRIDS), help="How many runs of layers: small or full.")
    ] = "small",
    metric: Annotated[
        str | None,
        typer.Option(
            help="The score that counts, as macro_f1, accuracy, neighbour, prototype; default what suits the data."
        ),
    ] = None,
    folds: Annotated[int, typer.Option(min=3, help="Parts that data without splits is divided into.")] = 5,
    seed: Annotated[int, typer.Option(min=0, help="Of everything that is drawn.")] = 0,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Take a sample of about so many items of each split.")
    ] = None,
    overlap_of_splits: Annotated[
        str,
        typer.Option(
            callback=one_of(*OVERLAPS),
            help="Items in two splits: error, or drop (leave them out of what is learnt from).",
        ),
    ] = "error",
    output: Annotated[
        str | None, typer.Option("--output", "-o", metavar="REPORT.html", help="Write a report with plots.")
    ] = None,
    save_recipe: Annotated[
        str | None, typer.Option(metavar="RECIPE.json", help="Write the chosen recipe: embed --recipe RECIPE.json.")
    ] = None,
    overwrite: Overwrite = False,
    json: Json = False,
    quiet: Quiet = False,
    *,
    compute: ComputeOptions,
) -> None:
    """Score every recipe on labelled data, and say which to take.

    Labels of words are learnt by a linear probe; pairs and senses are compared by cosine. Each model reads the data
    once. The recipe is chosen on development data, and its score told on data that it was not chosen on.
    """
    from wordstates.evaluate.data import DataOptions, read_task

    chains = _chains(post_process)
    files = [_new(path, overwrite=overwrite) for path in (output, save_recipe)]
    given = _paths(data if train is None else train, dev, test, both=data is not None and train is not None)
    options = DataOptions(
        task=task,
        label=label,
        earlier=earlier or (),
        later=later or (),
        limit=limit,
        seed=seed,
        drop_overlap=overlap_of_splits == "drop",
    )
    read = read_task(given, options)
    report = _sweep(
        read,
        model or ["minilm"],
        {
            "poolings": subword_poolings.split(","),
            "post_processings": chains,
            "grid": grid,
            "metric": metric,
            "n_folds": folds,
            "seed": seed,
        },
        compute,
        hidden=quiet or json,
        plots=output is not None,
    )
    report.data.extend(given.values())
    _write(report, *files)
    if json:
        print_json(report.to_dict())
    elif not quiet:
        from wordstates.evaluate.report_text import as_text

        print(as_text(report))
        for path in filter(None, (output, save_recipe)):
            say(f"wrote           {path}")


def _chains(given: str | None) -> list[str] | None:
    """Check the chains of post-processing."""
    from wordstates.chains import parse_steps
    from wordstates.errors import InputError
    from wordstates.evaluate.grid import NOTHING

    chains = None if given is None else [chain.strip() for chain in given.split(",")]
    try:
        for chain in chains or []:
            if chain != NOTHING:
                parse_steps(chain)
    except InputError as error:
        raise typer.BadParameter(str(error)) from error
    return chains


def _paths(train: str | None, dev: str | None, test: str | None, *, both: bool) -> dict[Split | None, str]:
    """Give the file of each split; the key None for data that is divided."""
    if both:
        raise typer.BadParameter("DATA and --train are the same: give one of them.")
    if train is not None and dev is None and test is None:
        return {None: train}
    named: dict[Split | None, str | None] = {"train": train, "dev": dev, "test": test}
    given = {split: path for split, path in named.items() if path is not None}
    if not given:
        raise typer.BadParameter("There is no DATA: give a file or a folder.")
    if test is None or len(given) == 1:
        raise typer.BadParameter(
            "The score is told on --test, and the recipe chosen on other data: give both, or one file that is divided."
        )
    return given


def _sweep(
    task: Task, models: Sequence[str], options: dict[str, object], compute: ComputeOptions, *, hidden: bool, plots: bool
) -> SweepReport:
    from wordstates.evaluate.models import maker_of, model_names
    from wordstates.evaluate.scores import check_extra
    from wordstates.evaluate.sweep import SweepOptions, sweep

    check_extra(plots=plots)
    made = SweepOptions(**options)  # type: ignore[arg-type]  # checked by the options' own callbacks
    makers = {name: maker_of(name, seed=made.seed, **vars(compute)) for name in model_names(models)}
    with (
        progress_bar("usages", hidden=hidden) as reading,
        progress_bar("recipes", hidden=hidden, what="scoring") as scoring,
    ):
        return sweep(task, makers, made, reading.update, scoring.update)


def _new(path: str | None, *, overwrite: bool) -> PartialFile | None:
    """See that a file can be written, before anything is computed."""
    from wordstates.corpus.partial import PartialFile

    return None if path is None else PartialFile(Path(path), overwrite=overwrite)


def _write(report: SweepReport, page: PartialFile | None, recipe: PartialFile | None) -> None:
    from wordstates.corpus.partial import write_text_whole

    if page is not None:
        from wordstates.evaluate.report_html import as_html

        write_text_whole(page.target, as_html(report))
    if recipe is not None:
        write_text_whole(recipe.target, report.recipe.to_json() + "\n")
