"""`wordstates verify`: is a store complete and as it was written."""

from __future__ import annotations

from typing import Annotated

import typer

from wordstates.cli.options import Json, print_json
from wordstates.cli.telling import progress_bar
from wordstates.wording import counted

FAILED = 1


def verify(
    store: Annotated[str, typer.Argument(metavar="STORE", help="A store, as `embed -o store/` makes it.")],
    json: Json = False,
) -> None:
    """Check that a store is complete and as it was written.

    Example:
        $ wordstates verify store/
    """
    from wordstates.store.verify import verify_store

    with progress_bar("shards", hidden=json, what="verifying") as bar:
        found = verify_store(store, bar)
    if json:
        print_json(found.to_dict())
    else:
        for problem in found.problems:
            print(problem)
        print(
            f"{store}: {counted(found.shards, 'shard')}, {counted(found.documents, 'document')}, "
            f"{counted(found.rows, 'row')}, {counted(found.bytes, 'byte')}, {counted(found.rejects, 'reject')}: "
            + ("complete, and all is well" if found.ok else "see above")
        )
    if not found.ok:
        raise typer.Exit(FAILED)
