"""`wordstates index`: make the usages of a store or a file searchable."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from wordstates.cli.options import (
    Json,
    NoVerify,
    Overwrite,
    Quiet,
    output_option,
    print_json,
    search_option,
    vectors_option,
)
from wordstates.cli.telling import progress_bar, say
from wordstates.options import ApproximateKind
from wordstates.wording import counted


def index(
    source: Annotated[
        str, typer.Argument(metavar="STORE", help="A store, or a .parquet file of `wordstates embed` or `find`.")
    ],
    output: Annotated[
        str | None,
        output_option("--output", "-o", help="Folder of the index; default within the store, or beside the file."),
    ] = None,
    recipe: Annotated[str | None, vectors_option(help="Which recipe, where there are several.")] = None,
    layer: Annotated[int | None, vectors_option(help="Which layer, where the recipe keeps them apart.")] = None,
    steps: Annotated[
        str | None,
        vectors_option(
            metavar="STEPS",
            help="Post-processing to fit on these vectors: center, standardize, all-but-the-top, ...; + joins.",
        ),
    ] = None,
    approximate: Annotated[
        bool,
        search_option(
            "--approximate", help="Also prepare approximate search, for a million usages; says what it misses."
        ),
    ] = False,
    approximate_by: Annotated[
        ApproximateKind | None,
        search_option(
            "--approximate-by",
            help="How: by parts (the default), or by a graph, which finds more in less time and takes long to make.",
        ),
    ] = None,
    overwrite: Overwrite = False,
    no_verify: NoVerify = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Make the usages of STORE searchable.

    Vectors are brought to unit length, so that scores are cosines. Run it again when the store has grown: what is
    indexed already is kept.

    Example:
        $ wordstates embed corpus/ -o store/
        $ wordstates index store/
    """
    from wordstates.usages.build import build_index, default_index_path
    from wordstates.usages.index import UsageIndex

    with progress_bar("words", hidden=json or quiet, what="indexing") as bar:
        manifest = build_index(
            source,
            output,
            recipe=recipe,
            layer=layer,
            steps=steps,
            overwrite=overwrite,
            verify=not no_verify,
            on_progress=bar,
            on_total=bar.total,
        )
    where = str(output or default_index_path(source))
    wanted = approximate_by or ("ivf-flat" if approximate else None)
    likely = UsageIndex(where).add_approximate(wanted) if wanted else None
    usages = sum(part.usages for part in manifest.parts)
    without = sum(part.without_vector for part in manifest.parts)
    if json:
        print_json(
            {
                "index": where,
                "usages": usages,
                "without_vector": without,
                "dim": manifest.dim,
                "steps": list(manifest.steps),
                "texts": manifest.texts,
                "complete": manifest.complete,
                **({"approximate": asdict(likely)} if likely else {}),
            }
        )
    elif not quiet:
        said = f"{where}: {counted(usages, 'usage')}, {counted(manifest.dim, 'dimension')}, {'+'.join(manifest.steps)}"
        notes = [f"{counted(without, 'word')} without a vector are left out"] if without else []
        if manifest.texts == "rebuilt":
            notes.append("the texts around the usages are rebuilt from the words: what stood between them is a space")
        if not manifest.complete:
            notes.append("the store is not complete: run this again when the run that writes it is done")
        if likely:
            notes.append(f"approximate search: {likely}")
        say(said, *(f"note: {note}" for note in notes))
