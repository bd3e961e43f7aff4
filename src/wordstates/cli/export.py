"""`wordstates export`: a store as a single file."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from wordstates.cli.groups import Output, check_outputs
from wordstates.cli.options import NoVerify, Overwrite, Quiet


def export(
    store: Annotated[str, typer.Argument(metavar="STORE", help="A complete store.")],
    output: Output,
    overwrite: Overwrite = False,
    no_verify: NoVerify = False,
    quiet: Quiet = False,
) -> None:
    """Write all rows of a store to a single file.

    Example:
        $ wordstates export store/ -o all.parquet
    """
    from wordstates.store.export import export_store
    from wordstates.store.store import open_store

    check_outputs(output, [], overwrite=overwrite)
    size = export_store(open_store(store, verify=not no_verify), output, overwrite=overwrite)
    if not quiet:
        print(f"wrote {output}: {size:,} bytes", file=sys.stderr)
