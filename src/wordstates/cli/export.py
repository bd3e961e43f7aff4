"""`wordstates export`: a store as a single file."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from wordstates.cli.options import Quiet


def export(
    store: Annotated[str, typer.Argument(metavar="STORE", help="A complete store.")],
    output: Annotated[
        str,
        typer.Option(
            "--output", "-o", help="OUT.parquet, .npz, .safetensors, .jsonl or .h5; - is JSON lines on standard output."
        ),
    ],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the output if it is there.")] = False,
    quiet: Quiet = False,
) -> None:
    """Write all rows of a store to a single file."""
    from wordstates.store.export import export_store
    from wordstates.store.store import open_store

    size = export_store(open_store(store), output, overwrite=overwrite)
    if not quiet:
        print(f"wrote {output}: {size:,} bytes", file=sys.stderr)
