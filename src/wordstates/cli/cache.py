"""`wordstates cache`: what was found out about models and is kept."""

from __future__ import annotations

from typing import Annotated

from wordstates.cli.options import Json, output_option, print_json
from wordstates.wording import counted, in_columns


def cache(
    clear: Annotated[bool, output_option("--clear", help="Remove everything that is kept.")] = False,
    json: Json = False,
) -> None:
    """List the engines kept for a quick start, or remove them.

    WORDSTATES_CACHE names another folder, or says off; above WORDSTATES_CACHE_GB (5) what was used longest ago is
    removed.

    Example:
        $ wordstates cache
        $ wordstates cache --clear
    """
    from datetime import UTC, datetime

    from wordstates.model.engine_cache import FOLDER, cache_folder, clear_entries, kept_entries

    folder = cache_folder()
    if clear:
        entries, freed = clear_entries()
        if json:
            print_json({"removed": entries, "bytes": freed})
        else:
            print(f"{counted(entries, 'entry')} removed, {freed / 1e6:,.1f} MB")
        return
    found = kept_entries()
    rows = [
        {
            "model": each.model,
            "engine": each.engine if each.agrees else "torch",
            "precision": each.precision,
            "bytes": each.bytes,
            "used": datetime.fromtimestamp(each.used, UTC).astimezone().isoformat(" ", "minutes")[:16],
        }
        for each in found
    ]
    if json:
        print_json({"folder": None if folder is None else str(folder), "entries": rows})
    elif folder is None:
        print(f"Nothing is kept: {FOLDER} is set to off.")
    else:
        total = sum(each.bytes for each in found)
        print(f"{folder}: {counted(len(found), 'entry')}, {total / 1e6:,.1f} MB")
        if rows:
            table = [[str(value) for value in row.values()] for row in rows]
            for row, each in zip(table, found, strict=True):
                row[3] = f"{each.bytes / 1e6:,.1f} MB"
            print(in_columns([("model", "engine", "precision", "size", "last used"), *table], "<<<><"))
