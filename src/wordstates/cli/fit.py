"""`wordstates fit`: post-processing that is fitted on the words of files, for `--post-process` of other commands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wordstates.cli.groups import (
    EndOptions,
    InputPaths,
    ModelOptions,
    ReadingOptions,
    WordOptions,
)
from wordstates.cli.options import output_option, vectors_option
from wordstates.cli.outputs import check_outputs
from wordstates.cli.telling import end_with, progress_bar
from wordstates.documents.input_meter import InputMeter


def fit(
    steps: Annotated[
        str,
        typer.Argument(
            metavar="STEPS",
            help="center, standardize, all-but-the-top[:N], whiten, pca:K, unit; several as pca:100+unit.",
        ),
    ],
    inputs: InputPaths,
    output: Annotated[str, output_option("--output", "-o", help="OUT.safetensors.")],
    max_words: Annotated[int | None, vectors_option(min=1, help="Fit on the first N words.")] = None,
    *,
    splitting: WordOptions,
    end: EndOptions,
    reading: ReadingOptions,
    reader: ModelOptions,
) -> None:
    """Fit post-processing on the vector of every word of INPUT.

    INPUT is read once, in memory that does not grow with it. The file goes to --post-process of embed, find and static,
    and holds the recipe, which need not be given again.

    Example:
        $ wordstates fit all-but-the-top:3+unit corpus/ -o post.safetensors
        $ wordstates embed notes.txt -o notes.parquet --post-process post.safetensors
    """
    from wordstates.errors import InputError
    from wordstates.files.atomic import PartialFile
    from wordstates.postprocess.post_processing import check_ending
    from wordstates.postprocess.steps import parse_steps
    from wordstates.runs.fit import check_fitted_recipes, fit_post_processing

    if reader.post_process:
        raise typer.BadParameter("--post-process is for other commands: what follows one step is the next, as in A+B.")
    try:
        chain = parse_steps(steps)
    except InputError as error:
        raise typer.BadParameter(str(error)) from error
    recipes = reader.recipes()
    check_fitted_recipes(recipes)
    if reader.post_processing():
        raise typer.BadParameter(
            f"--recipe: {recipes[0].name} was saved with post-processing of its own: give the recipe without it, as "
            "--layers, --layer-pooling and --subword-pooling, and fit all steps at once."
        )
    documents = reading.documents(inputs, [], meter=(meter := InputMeter()), ids_must_differ=False)
    check_outputs(output, inputs, overwrite=end.overwrite)
    check_ending(Path(output))
    PartialFile(Path(output), overwrite=end.overwrite)  # sees whether it can be written, before anything is computed
    with progress_bar(hidden=end.no_bar, share=meter.share) as bar:
        embedder = reader.embedder(recipes, **splitting.for_embedder())
        fitted, report = fit_post_processing(
            embedder, documents, [str(step) for step in chain], max_words=max_words, on_progress=bar
        )
    fitted.save(output, overwrite=end.overwrite)
    report.bytes = Path(output).stat().st_size
    end_with(report, output, end)
