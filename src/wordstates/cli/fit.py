"""`wordstates fit`: post-processing that is fitted on the words of files, for `--post-process` of other commands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wordstates.cli.groups import (
    Inputs,
    ModelOptions,
    Overwrite,
    Quiet,
    ReadingOptions,
    check_no_input,
    with_groups,
)
from wordstates.cli.options import Json, NoPunctuation, Words
from wordstates.cli.telling import end_with, progress_bar


@with_groups(reading=ReadingOptions, reader=ModelOptions)
def fit(
    steps: Annotated[
        str,
        typer.Argument(
            metavar="STEPS",
            help="center, standardize, all-but-the-top[:N], whiten, pca:K, unit; several as pca:100+unit.",
        ),
    ],
    inputs: Inputs,
    output: Annotated[str, typer.Option("--output", "-o", help="OUT.safetensors.")],
    max_words: Annotated[int | None, typer.Option(min=1, help="Fit on the first so many words.")] = None,
    words: Words = "unicode",
    no_punctuation: NoPunctuation = False,
    overwrite: Overwrite = False,
    json: Json = False,
    quiet: Quiet = False,
    *,
    reading: ReadingOptions,
    reader: ModelOptions,
) -> None:
    """Fit post-processing on the vector of every word of INPUT.

    INPUT is read once, in memory that does not grow with it. The file goes to --post-process of embed, find and static,
    and holds the recipe, which need not be given again.
    """
    from wordstates.chains import parse_steps
    from wordstates.corpus.fitting import check_recipes, fit_post_processing
    from wordstates.corpus.partial import PartialFile
    from wordstates.errors import InputError
    from wordstates.postprocessing import check_ending

    if reader.post_process:
        raise typer.BadParameter("--post-process is for other commands: what follows one step is the next, as in A+B.")
    try:
        chain = parse_steps(steps)
    except InputError as error:
        raise typer.BadParameter(str(error)) from error
    recipes = reader.recipes()
    check_recipes(recipes)
    documents = reading.documents(inputs)
    check_no_input(output, inputs)
    check_ending(Path(output))
    PartialFile(Path(output), overwrite=overwrite)  # sees whether it can be written, before anything is computed
    embedder = reader.embedder(recipes, words=words, punctuation=not no_punctuation)
    with progress_bar("words", hidden=quiet or json) as bar:
        fitted, report = fit_post_processing(
            embedder, documents, [str(step) for step in chain], max_words=max_words, on_progress=bar.update
        )
    fitted.save(output, overwrite=overwrite)
    report.bytes = Path(output).stat().st_size
    end_with(report, output, json=json, quiet=quiet)
