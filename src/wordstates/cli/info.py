"""`wordstates info`: what is in a file or a store of vectors, and where it comes from."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from wordstates.cli.options import Json, print_json, without_controls
from wordstates.wording import in_columns


def info(
    file: Annotated[
        str, typer.Argument(help="A file, store or index that wordstates wrote: vectors, recipes, pages, ...")
    ],
    json: Json = False,
) -> None:
    """Show what a file or a store holds, and what made it.

    Example:
        $ wordstates info notes.parquet
    """
    description = _description(file)
    provenance = description.pop("provenance")
    if json:
        print_json({**description, "provenance": provenance})
        return
    print(in_columns([(_shown(key), _shown(value)) for key, value in [*description.items(), *provenance.items()]]))


def _description(file: str) -> dict[str, Any]:
    from wordstates.postprocess.post_processing import PostProcessing, is_post_processing

    if Path(file).is_dir():
        from wordstates.usages.manifest import NAME, IndexManifest

        if Path(file, NAME).is_file():
            return IndexManifest.read(Path(file)).describe(Path(file))
        from wordstates.files.describe_others import describe_other
        from wordstates.store.store import open_store

        if (other := describe_other(Path(file))) is not None:
            return other
        return asdict(open_store(file).describe())
    if is_post_processing(file):
        fitted, size = PostProcessing.load(file), Path(file).stat().st_size
        about = {"path": file, "format": "post-processing", **fitted.to_dict(), "bytes": size}
        return {**about, "provenance": dict(fitted.provenance)}
    from wordstates.files.describe import describe
    from wordstates.files.describe_others import describe_other

    other = describe_other(Path(file))
    if other is not None:
        return other
    return asdict(describe(file))


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{_shown(str(key))} {_shown(inner)}" for key, inner in value.items()) or "-"
    if isinstance(value, (list, tuple)):
        return "; ".join(_shown(inner) for inner in value) or "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return "-" if value is None else without_controls(str(value)).replace("\n", "\\n")
