"""`wordstates geometry`: how the vectors of each layer lie, and whether their cosines mean anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from wordstates.cli.groups import (
    EndOptions,
    InputPaths,
    ModelOptions,
    ReadingOptions,
    WordOptions,
)
from wordstates.cli.options import output_option, print_json, vectors_option
from wordstates.cli.outputs import check_page_output
from wordstates.cli.telling import end_with_rejects, progress_bar, say
from wordstates.documents.input_meter import InputMeter
from wordstates.wording import counted

if TYPE_CHECKING:
    from wordstates.evaluate.geometry.report import GeometryReport


def geometry(
    inputs: InputPaths,
    output: Annotated[
        str | None, output_option("--output", "-o", metavar="REPORT.html", help="Also write a page with plots.")
    ] = None,
    measure: Annotated[str, vectors_option(help="The layers to measure.")] = "0:",
    sample: Annotated[int, vectors_option(min=2, help="Types that pairs of words are made of.")] = 1000,
    seed: Annotated[int, vectors_option(help="Decides which types.")] = 0,
    *,
    splitting: WordOptions,
    end: EndOptions,
    reading: ReadingOptions,
    reader: ModelOptions,
) -> None:
    """Measure how vectors lie in each layer; warn where cosines mislead.

    The recipe of --layers or --recipe is measured beside the layers; the warning is about it. The corpus is read once.

    Example:
        $ wordstates geometry corpus/ -o report.html
    """
    from wordstates.evaluate.geometry.report import GeometryReport
    from wordstates.evaluate.geometry.run import check_recipes, layer_recipe, measure_geometry

    documents = reading.documents(inputs, [], meter=(meter := InputMeter()), ids_must_differ=False)
    target = None if output is None else check_page_output(output, inputs, overwrite=end.overwrite, plots=True)
    recipes = reader.recipes()
    check_recipes(recipes)
    fitted = reader.post_processing()
    if isinstance(fitted, list):
        if len(fitted) != len(recipes):
            raise typer.BadParameter(f"--post-process: give one for each of the {counted(len(recipes), 'recipe')}.")
        fitted = {recipe.name: each for recipe, each in zip(recipes, fitted, strict=True)}
    with progress_bar(hidden=end.no_bar, share=meter.share) as bar:
        embedder = reader.embedder(
            [layer_recipe(measure, recipes[0].subword_pooling), *recipes],
            **splitting.for_embedder(),
            # By name, because the layers beside the recipes stay as they are.
            **({"post_processing": fitted} if fitted else {}),
        )
        measured = measure_geometry(embedder, documents, sample=sample, seed=seed, on_progress=bar)
    report = GeometryReport(measured, str(embedder.provenance["model"]))
    if target is not None:
        from wordstates.files.atomic import write_text_whole

        write_text_whole(target, report.to_html())
    _tell(report, output, end)
    end_with_rejects(measured.rejects, output or "-")


def _tell(report: GeometryReport, output: str | None, end: EndOptions) -> None:
    if end.json:
        print_json(report.to_dict())
        return
    print(report.to_text())
    if not end.quiet:
        say(report.summary())
    for warning in report.warnings:
        say(f"warning: {warning}")
    if output is not None and not end.quiet:
        say(f"wrote {output}")
