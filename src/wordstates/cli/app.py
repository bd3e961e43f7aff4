"""The application: its commands, and what errors become.

Data goes to standard output, talk to standard error. Exit codes: 0 done, 1 failed, 2 wrong usage, 4 model not to be
had, 130 interrupted.
"""

from __future__ import annotations

import os
import sys

import typer

from wordstates.cli.doctor import doctor
from wordstates.cli.embed import embed
from wordstates.cli.info import info
from wordstates.cli.options import version
from wordstates.cli.subwords import subwords
from wordstates.errors import ModelNotFoundError, RecipeError, WordstatesError

FAILED, WRONG_USAGE, NO_MODEL, INTERRUPTED = 1, 2, 4, 130

app = typer.Typer(
    name="wordstates",
    help="The vector of any word, in any text, from any pretrained transformer.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.callback()(version)
app.command()(embed)
app.command()(subwords)
app.command()(info)
app.command()(doctor)


def main() -> None:
    """Run the command line; every error that is told on purpose becomes one message and an exit code."""
    try:
        app()
    except WordstatesError as error:
        print(f"wordstates: {error}", file=sys.stderr)
        sys.exit(_exit_code(error))
    except KeyboardInterrupt:
        print("\nwordstates: interrupted; nothing was left behind.", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output has gone, as `head` does: not an error, but Python must not complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(FAILED)


def _exit_code(error: WordstatesError) -> int:
    if isinstance(error, ModelNotFoundError):
        return NO_MODEL
    return WRONG_USAGE if isinstance(error, RecipeError) else FAILED
