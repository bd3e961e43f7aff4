"""Options that several commands share, declared once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer

Model = Annotated[
    str, typer.Option("--model", "-m", help="Hub name, local folder, or 'minilm' (from the extra of this name).")
]
Revision = Annotated[str | None, typer.Option(help="Branch, tag or commit on the hub.")]
TrustRemoteCode = Annotated[bool, typer.Option("--trust-remote-code", help="Run code that comes with the model.")]
Words = Annotated[str, typer.Option(help="How raw text is split: unicode, whitespace, or spacy:NAME.")]
NoPunctuation = Annotated[bool, typer.Option("--no-punctuation", help="Leave punctuation out.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but what goes wrong.")]


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version as installed

        print(f"wordstates {installed('wordstates')}")
        raise typer.Exit


def version(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """The vector of any word, in any text, from any pretrained transformer."""


def one_of(*allowed: str) -> Callable[[str | None], str | None]:
    """Make an option take only some values, so that a wrong one is told before anything heavy is loaded."""

    def check(value: str | None) -> str | None:
        if value is not None and value not in allowed:
            raise typer.BadParameter(f"{value!r} is not one of {', '.join(allowed)}.")
        return value

    return check


def print_json(data: Any, *, to_stderr: bool = False) -> None:
    """Print data as indented JSON, on standard output unless that is taken."""
    import json
    import sys

    print(json.dumps(data, indent=2, ensure_ascii=False), file=sys.stderr if to_stderr else sys.stdout)
