"""`wordstates merge`: parts of one corpus into one store."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from wordstates.cli.options import Quiet, output_option
from wordstates.cli.telling import list_rejects, progress_bar
from wordstates.wording import counted


def merge(
    stores: Annotated[list[str], typer.Argument(metavar="STORE", help="Stores of parts of one corpus.")],
    output: Annotated[str, output_option("--output", "-o", help="The store to make, or to add to.")],
    quiet: Quiet = False,
) -> None:
    """Put stores of parts of one corpus into one store.

    They have to be made with the same settings from the same input.

    Example:
        $ wordstates merge part-0/ part-1/ -o store/
    """
    from wordstates.store.folder import StoreFolder
    from wordstates.store.merge import merge_stores
    from wordstates.store.store import open_store

    with progress_bar("shards", hidden=quiet, what="merging") as bar:
        merge_stores(stores, output, bar)
    folder = StoreFolder(output)
    list_rejects(folder, [reject for record in folder.all_records() for reject in record.rejects])
    if not quiet:
        made = open_store(output)
        state = "complete" if made.complete else "not complete yet"
        print(
            f"merged {counted(len(stores), 'store')} into {output}: {counted(len(made.shards), 'shard')}, {state}",
            file=sys.stderr,
        )
