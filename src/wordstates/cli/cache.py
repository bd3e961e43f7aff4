"""`wordstates cache`: what was found out about models and is kept."""

from __future__ import annotations

from typing import Annotated

import typer

from wordstates.cli.options import Json, computing_option, output_option, print_json
from wordstates.cli.telling import loading_model, say
from wordstates.options import Precision
from wordstates.wording import counted, in_columns


def cache(
    fill: Annotated[
        list[str] | None, output_option(metavar="MODEL", help="Keep this model for a quick start; repeatable.")
    ] = None,
    clear: Annotated[bool, output_option("--clear", help="Remove everything that is kept.")] = False,
    precision: Annotated[
        Precision | None, computing_option(help="With --fill: what the model is to compute in; default float32.")
    ] = None,
    json: Json = False,
) -> None:
    """List the models kept for a quick start, keep one, or remove them.

    A short command at a terminal keeps a small model by itself, once its output is written. WORDSTATES_CACHE names
    another folder, or says off; above WORDSTATES_CACHE_GB (5) what was used longest ago is removed.

    Example:
        $ wordstates cache
        $ wordstates cache --fill sentence-transformers/all-mpnet-base-v2
        $ wordstates cache --clear
    """
    from datetime import UTC, datetime

    from wordstates.model.engine_cache import cache_folder, clear_entries, kept_entries, why_nothing_is_kept

    if clear and fill:
        raise typer.BadParameter("--fill and --clear: give one of the two, in two commands if both are meant.")
    if precision is not None and not fill:
        raise typer.BadParameter("--precision goes with --fill: it says what the model is to compute in.")
    folder = cache_folder()
    if clear:
        entries, freed = clear_entries()
        if json:
            print_json({"removed": entries, "bytes": freed})
        else:
            print(f"{counted(entries, 'entry')} removed, {freed / 1e6:,.1f} MB")
        return
    for model in fill or ():
        _fill(model, precision)
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
    elif (why_not := why_nothing_is_kept()) is not None:
        print(f"Nothing is kept: {why_not}.")
    else:
        total = sum(each.bytes for each in found)
        print(f"{folder}: {counted(len(found), 'entry')}, {total / 1e6:,.1f} MB")
        if rows:
            table = [[str(value) for value in row.values()] for row in rows]
            for row, each in zip(table, found, strict=True):
                row[3] = f"{each.bytes / 1e6:,.1f} MB"
            print(in_columns([("model", "engine", "precision", "size", "last used"), *table], "<<<><"))


def _fill(model: str, precision: Precision | None) -> None:
    from wordstates.model.load import keep_model
    from wordstates.model.loaded import LoadOptions

    with loading_model(what=f"keeping {model}"):
        done = keep_model(model, LoadOptions(precision=precision, device="cpu"))
    say(f"{model}: kept" if done else f"{model}: was kept before")
