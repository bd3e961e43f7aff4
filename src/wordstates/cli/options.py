"""Options that several commands share, declared once."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

import typer

from wordstates.options import KEY, SpecialTokens

_CONTROLS = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")

# An option in the panel of the help where those who look for it look.
input_option = partial(typer.Option, rich_help_panel="Input")
data_option = partial(typer.Option, rich_help_panel="Data")
search_option = partial(typer.Option, rich_help_panel="Search")
model_option = partial(typer.Option, rich_help_panel="Model")
vectors_option = partial(typer.Option, rich_help_panel="Which vectors")
computing_option = partial(typer.Option, rich_help_panel="Computing")
output_option = partial(typer.Option, rich_help_panel="Output")
store_option = partial(typer.Option, rich_help_panel="Stores")

Model = Annotated[
    str, model_option("--model", "-m", help="Hub name, local folder, or 'minilm' (from the extra of this name).")
]
Server = Annotated[
    str | None,
    model_option(metavar="URL", help=f"Have a `wordstates serve` compute, and load nothing here; its key from {KEY}."),
]
Revision = Annotated[str | None, model_option(help="Branch, tag or commit on the hub.")]
TrustRemoteCode = Annotated[bool, model_option("--trust-remote-code", help="Run code that comes with the model.")]
SplitterOption = Annotated[str, input_option(help="How raw text is split: unicode, whitespace, or spacy:NAME.")]
SpecialTokensOption = Annotated[
    SpecialTokens,
    input_option(
        "--special-tokens",
        help="How [MASK], </s> and the like are read where a text writes them; auto: as the tokenizer does.",
    ),
]
NoPunctuation = Annotated[bool, input_option("--no-punctuation", help="Leave punctuation out.")]
Overwrite = Annotated[bool, output_option("--overwrite", help="Replace the output if it is there.")]
NoVerify = Annotated[
    bool, output_option("--no-verify", help="Read shards and indexes without comparing them with their checksums.")
]
Json = Annotated[bool, output_option("--json", help="Print JSON, for programs.")]
Where = Annotated[
    list[str] | None,
    search_option(metavar="CONDITION", help="Only where year=1900, year>=1900, genre!=novel,...; repeatable."),
]
MatchCase = Annotated[bool, search_option("--match-case", help="Tell Fox from fox.")]
MatchExactly = Annotated[
    bool,
    search_option("--match-exactly", help="Tell don’t from don't, hyphens and hidden characters apart, Fox from fox."),
]
Bom = Annotated[
    bool, output_option("--bom", help="Begin .csv and .tsv with a byte order mark, by which Excel tells UTF-8.")
]
Quiet = Annotated[bool, output_option("--quiet", "-q", help="Say nothing but what goes wrong.")]


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


def each_of(*allowed: str) -> Callable[[Any], Any]:
    """Check an option of several values, in a list or parted by commas, before anything heavy is loaded."""

    def check(given: Any) -> Any:
        for each in given.split(",") if isinstance(given, str) else given or ():
            if each not in allowed:
                raise typer.BadParameter(f"{each!r} is not one of {', '.join(map(repr, allowed))}.")
        return given

    return check


def without_controls(text: str) -> str:
    r"""Write the characters that control a terminal as JSON and Python escape them; line ends stay.

    Example:
        >>> without_controls("a\x1b[31m\n\x9b")
        'a\\u001b[31m\n\\u009b'
    """
    return _CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def print_json(data: Any, *, to_stderr: bool = False) -> None:
    """Print data as indented JSON, on standard output unless that is taken."""
    import json
    import sys

    text = json.dumps(data, indent=2, ensure_ascii=False)
    print(without_controls(text), file=sys.stderr if to_stderr else sys.stdout)
