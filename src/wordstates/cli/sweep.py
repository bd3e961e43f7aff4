"""`wordstates sweep`: which layers and poolings serve a task, measured on labelled data."""

from __future__ import annotations

from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wordstates.cli.groups import ComputeOptions, EndOptions
from wordstates.cli.options import Server, model_option, output_option, print_json
from wordstates.cli.outputs import check_outputs
from wordstates.cli.remote import refuse_with_server, remote_maker
from wordstates.cli.sweep_options import GridOptions, SplitOptions, TaskOptions
from wordstates.cli.telling import progress_bar, say
from wordstates.options import MODEL
from wordstates.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wordstates.encode.protocols import Embedder
    from wordstates.evaluate.data.task import Task
    from wordstates.evaluate.sweep.result import SweepReport
    from wordstates.evaluate.sweep.run import EmbedderOfRecipes, SweepOptions


def sweep(
    model: Annotated[
        list[str] | None,
        model_option(
            "--model", "-m", help="As in embed; repeat it to compare. random or random:NAME: with random weights."
        ),
    ] = None,
    server: Server = None,
    output: Annotated[
        str | None, output_option("--output", "-o", metavar="REPORT.html", help="Write a report with plots.")
    ] = None,
    save_recipe: Annotated[
        str | None,
        output_option(
            metavar="RECIPE.json",
            help="Write the chosen recipe, and its fitted post-processing beside it: embed --recipe RECIPE.json.",
        ),
    ] = None,
    *,
    splits: SplitOptions,
    about: TaskOptions,
    grid: GridOptions,
    end: EndOptions,
    compute: ComputeOptions,
) -> None:
    """Score every recipe on labelled data, and say which to take.

    Labels of words are predicted by a linear probe; pairs and senses are compared by cosine. Each model reads the data
    once. The recipe is chosen on development data, and its score told on data that it was not chosen on.

    Example:
        $ wordstates sweep train.conllu --test test.conllu --dev dev.conllu -m bert-base-cased
        $ wordstates sweep senses/ -o report.html --save-recipe recipe.json
    """
    options = grid.for_sweep()
    from wordstates.files.atomic import PartialFile
    from wordstates.files.outputs import check_page
    from wordstates.files.saved_recipe import fitted_path

    beside = None if save_recipe is None else str(fitted_path(Path(save_recipe)))
    for path in filter(None, (output, save_recipe, beside)):
        check_outputs(path, [], overwrite=end.overwrite)
        PartialFile(Path(path), overwrite=end.overwrite)  # or it says why not, before anything is computed
    if output is not None:
        check_page(output)
    paths = splits.paths()
    task = about.read(paths, seed=grid.seed)
    report = _sweep(task, _makers(model, server, options.seed, compute), options, end, plots=output is not None)
    report.data.extend(paths.values())
    written = _write(report, output, save_recipe)
    if end.json:
        print_json(report.to_dict())
    elif not end.quiet or not written:
        from wordstates.evaluate.sweep.report_text import as_text

        print(as_text(report))
        for path in written:
            say(f"wrote           {path}")
    for warning in report.warnings:
        say(f"warning: {warning}")


def _makers(
    models: Sequence[str] | None, server: str | None, seed: int, compute: ComputeOptions
) -> dict[str, EmbedderOfRecipes]:
    """Give what loads each model, or connects to a server that has it."""
    from wordstates.evaluate.sweep.models import is_random, maker_of, model_names

    if server is None:
        loading = compute.for_embedder()
        return {name: maker_of(name, seed=seed, **loading) for name in model_names(models or [MODEL])}
    refuse_with_server(field.name for field in fields(ComputeOptions))
    if any(map(is_random, models or ())):
        raise typer.BadParameter("--model random does not go with --server, which has its models: leave it out.")
    names = model_names(models) if models else [remote_maker(server, [Recipe()])().model]
    return {name: partial(_connected, server, name) for name in names}


def _connected(server: str, model: str, recipes: Sequence[Recipe]) -> Embedder:
    return remote_maker(server, recipes, model=model)()


def _sweep(
    task: Task, makers: Mapping[str, EmbedderOfRecipes], options: SweepOptions, end: EndOptions, *, plots: bool
) -> SweepReport:
    from wordstates.evaluate.sweep.run import run_sweep
    from wordstates.evaluate.sweep.scores import check_extra

    check_extra(plots=plots)
    with (
        progress_bar("usages", hidden=end.no_bar, total=len(makers) * len(task.usages)) as reading,
        progress_bar("recipes", hidden=end.no_bar, what="scoring", share=lambda: 1.0) as scoring,
    ):
        return run_sweep(task, makers, options, reading, scoring)


def _write(report: SweepReport, page: str | None, recipe: str | None) -> list[str]:
    """Write the files asked for, and give their paths."""
    from wordstates.files.atomic import write_text_whole
    from wordstates.files.saved_recipe import save_recipe

    written = [] if page is None else [page]
    if recipe is not None:
        report.saved_recipe = recipe
        written += map(str, save_recipe(Path(recipe), report.recipe, report.fitted))
    if page is not None:
        from wordstates.evaluate.sweep.report_html import as_html

        write_text_whole(Path(page), as_html(report))
    return written
