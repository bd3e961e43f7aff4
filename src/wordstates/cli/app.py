"""The application: its commands, and what errors become.

Data goes to standard output, talk to standard error. Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done with
rejects, 4 model not available, 130 interrupted by Ctrl-C (143 by SIGTERM, 129 by SIGHUP).
"""

from __future__ import annotations

import errno
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from types import FrameType
from typing import Any, NoReturn

import typer

from wordstates.cli.as_options import as_options
from wordstates.cli.cache import cache
from wordstates.cli.command import Commands, add_command
from wordstates.cli.doctor import doctor
from wordstates.cli.embed import embed
from wordstates.cli.explore import explore
from wordstates.cli.export import export
from wordstates.cli.find import find
from wordstates.cli.fit import fit
from wordstates.cli.geometry import geometry
from wordstates.cli.index import index
from wordstates.cli.info import info
from wordstates.cli.keeping import keep_for_the_next
from wordstates.cli.kwic import kwic
from wordstates.cli.merge import merge
from wordstates.cli.models import models
from wordstates.cli.near import near
from wordstates.cli.options import version
from wordstates.cli.senses import senses
from wordstates.cli.serve import serve
from wordstates.cli.static import static
from wordstates.cli.subwords import subwords
from wordstates.cli.sweep import sweep
from wordstates.cli.telling import warn_in_lines
from wordstates.cli.verify import verify
from wordstates.errors import ModelNotFoundError, RecipeError, UnexpectedError, WordstatesError, ctrl_c_kept
from wordstates.model.keep_later import remembered
from wordstates.store.signals import Stopped

FAILED, WRONG_USAGE, NO_MODEL = 1, 2, 4
_OF_TYPER: Any = typer.BadParameter.__mro__[2]  # ClickException, wherever this release of typer keeps it
_TRACEBACK = "WORDSTATES_TRACEBACK"
_UNTIL_STOPPED = ("explore", "serve")  # who ends them wants them to end
_STDOUT_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF}


class _Commands(Commands):
    """The commands; what ends one early is reported here, before typer ends it in its own way."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command asked for."""
        with _end_is_told():
            try:
                with remembered() as loaded:
                    result = super().invoke(ctx)
            except typer.BadParameter as error:
                error.message = as_options(
                    error.message.removeprefix("Value error, ")
                )  # typer's way of saying the same
                raise
            sys.stdout.flush()  # whatever is wrong with standard output shows here, not after Python has left
        if ctx.invoked_subcommand not in _UNTIL_STOPPED:
            keep_for_the_next(loaded)
        return result


app = typer.Typer(
    name="wordstates",
    cls=_Commands,
    help="The vector of any word, in any text, from any pretrained transformer.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.callback()(version)
_PANELS: dict[str, tuple[Callable[..., None], ...]] = {
    "Vectors": (embed, find, static, fit),
    "Looking": (explore, kwic, near, senses, index),
    "Serving": (serve,),
    "Measuring": (sweep, geometry),
    "Inspecting": (subwords, info, models, doctor, cache),
    "Stores": (verify, merge, export),
}
for panel, commands in _PANELS.items():
    for command in commands:
        add_command(app, command, panel)


def main() -> None:
    """Run the command line."""
    for stop in ("SIGTERM", "SIGHUP"):  # a scheduler's stop and a closed terminal clean up as Ctrl-C does
        if hasattr(signal, stop):
            signal.signal(getattr(signal, stop), _stopped)
    warn_in_lines()
    if sys.stdout is None:  # closed by the caller (>&-): a file that cannot be written, so that an error says so
        sys.stdout = os.fdopen(os.open(os.devnull, os.O_RDONLY), "w", encoding="utf-8")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # Names of files may be no Unicode text. Data is UTF-8 as in files: Windows gives a pipe its code page.
            encoding = "utf-8" if stream is sys.stdout and not stream.isatty() else None
            stream.reconfigure(encoding=encoding, errors="backslashreplace")
    with _end_is_told():
        app(prog_name="wordstates")


def _stopped(number: int, _frame: FrameType | None) -> NoReturn:
    raise Stopped(number)


@contextmanager
def _end_is_told() -> Iterator[None]:
    """Turn every error that is raised on purpose into one message and an exit code."""
    try:
        with ctrl_c_kept():
            yield
    except WordstatesError as error:
        if isinstance(error, UnexpectedError):
            _stop(_unexpected(error.__cause__ or error), FAILED)
        _stop(f"wordstates: {as_options(str(error))}", _exit_code(error))
    except KeyboardInterrupt as stop:
        stopped = stop if isinstance(stop, Stopped) else Stopped(signal.SIGINT)
        _stop(f"\nwordstates: {stopped.how}; no unfinished file was left behind.", stopped.exit_code)
    except BrokenPipeError:
        _stop(None, FAILED)  # the reader of our output has gone, as `head` does: nothing to complain of
    except (SystemExit, GeneratorExit, typer.Exit, typer.Abort, _OF_TYPER):
        raise  # how typer ends a command, and tells of wrong usage
    except MemoryError:
        _stop("wordstates: Memory ran out: give a smaller --batch-subwords, fewer recipes, or shorter texts.", FAILED)
    except OSError as error:
        if error.filename is not None:
            _stop(f"wordstates: {str(error.filename)!r}: {error.strerror or error}.", FAILED)
        if error.errno not in _STDOUT_ERRORS:
            _stop(_unexpected(error), FAILED)
        _stop(f"wordstates: Standard output cannot be written ({error}): what came out is not whole.", FAILED)
    except BaseException as error:
        _stop(_unexpected(error), FAILED)


def _unexpected(error: BaseException) -> str:
    """Report an unexpected error; and where it comes from, to those who ask."""
    if os.environ.get(_TRACEBACK):
        traceback.print_exception(error)
    return f"wordstates: {UnexpectedError.of(error)} {_TRACEBACK}=1 shows where it comes from."


def _stop(message: str | None, code: int) -> NoReturn:
    if message is not None:
        print(message, file=sys.stderr)
    try:
        sys.stdout.flush()
    except OSError:  # Python would try once more at its exit, complain, and change the exit code
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


def _exit_code(error: WordstatesError) -> int:
    if isinstance(error, ModelNotFoundError):
        return NO_MODEL
    return WRONG_USAGE if isinstance(error, RecipeError) else FAILED
