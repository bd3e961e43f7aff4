"""`wordstates sweep`: which layers and poolings serve a task, measured on labelled data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from wordstates.cli.groups import ComputeOptions, EndOptions
from wordstates.cli.options import model_option, output_option, print_json
from wordstates.cli.outputs import check_outputs
from wordstates.cli.sweep_options import GridOptions, SplitOptions, TaskOptions
from wordstates.cli.telling import progress_bar, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wordstates.evaluate.data.task import Task
    from wordstates.evaluate.sweep.result import SweepReport
    from wordstates.evaluate.sweep.run import SweepOptions


def sweep(
    model: Annotated[
        list[str] | None,
        model_option(
            "--model", "-m", help="As in embed; repeat it to compare. random or random:NAME: with random weights."
        ),
    ] = None,
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
    report = _sweep(task, model or ["minilm"], options, compute, end, plots=output is not None)
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


def _sweep(
    task: Task, models: Sequence[str], options: SweepOptions, compute: ComputeOptions, end: EndOptions, *, plots: bool
) -> SweepReport:
    from wordstates.evaluate.sweep.models import maker_of, model_names
    from wordstates.evaluate.sweep.run import sweep
    from wordstates.evaluate.sweep.scores import check_extra

    check_extra(plots=plots)
    loading = compute.for_embedder()
    makers = {name: maker_of(name, seed=options.seed, **loading) for name in model_names(models)}
    with (
        progress_bar("usages", hidden=end.no_bar, total=len(makers) * len(task.usages)) as reading,
        progress_bar("recipes", hidden=end.no_bar, what="scoring", share=lambda: 1.0) as scoring,
    ):
        return sweep(task, makers, options, reading, scoring)


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
