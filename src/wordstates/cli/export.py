"""`wordstates export`: a store as a single file, or for another viewer."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from wordstates.cli.groups import Output
from wordstates.cli.options import NoVerify, Overwrite, Quiet, Where, output_option, search_option
from wordstates.cli.outputs import check_outputs
from wordstates.cli.telling import progress_bar, say
from wordstates.options import Viewer
from wordstates.wording import counted

_HOW: dict[Viewer, str] = {
    "tensorboard": "tensorboard --logdir {0}, or load vectors.tsv and metadata.tsv at projector.tensorflow.org",
    "embedding-atlas": "embedding-atlas {0} --text text --x x --y y (or --vector vector, for UMAP)",
    "anndata": "anndata.read_h5ad({0!r})",
}


def export(
    store: Annotated[str, typer.Argument(metavar="STORE", help="A complete store.")],
    output: Output,
    to: Annotated[
        Viewer | None,
        output_option(
            "--to", help="For another viewer: vectors and their context, out of the index (`wordstates index` first)."
        ),
    ] = None,
    word: Annotated[
        str | None, search_option(help="With --to: only usages of this word, each with the number of its sense.")
    ] = None,
    where: Where = None,
    overwrite: Overwrite = False,
    no_verify: NoVerify = False,
    quiet: Quiet = False,
) -> None:
    """Write a store to one file, or usages for another viewer.

    Example:
        $ wordstates export store/ -o all.parquet
        $ wordstates export store/ --to tensorboard --word bank -o projector/
        $ wordstates export store/ --to embedding-atlas -o atlas.parquet
    """
    if to is None and (word is not None or where):
        raise typer.BadParameter("--word and --where choose usages for another viewer: name it with --to.")
    if to is not None:
        from wordstates.usages.exports import export_usages
        from wordstates.usages.index import UsageIndex

        count = export_usages(
            UsageIndex(store, verify=not no_verify), output, to, word=word, conditions=where or (), overwrite=overwrite
        )
        if not quiet:
            say(f"wrote {output}: {counted(count, 'usage')}", f"open it: {_HOW[to].format(output)}")
        return
    from wordstates.store.export import export_store
    from wordstates.store.store import open_store

    check_outputs(output, [], overwrite=overwrite)
    with progress_bar("rows", hidden=quiet, what="exporting") as bar:
        size = export_store(open_store(store, verify=not no_verify), output, overwrite=overwrite, progress=bar)
    if not quiet:
        print(f"wrote {output}: {size:,} bytes", file=sys.stderr)
