"""What a command does after its output: it keeps the model it used, so that the next command starts at once."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from wordstates.cli.command import GIVEN
from wordstates.cli.telling import loading_model

if TYPE_CHECKING:
    from wordstates.model.keep_later import Unkept

_WHAT = "done; preparing a quick start for the next command (Ctrl-C: not now)"


def keep_for_the_next(loaded: Sequence[Unkept]) -> None:
    """Keep models that were loaded with PyTorch, where that takes seconds and nobody waits for this process to end.

    It is tried once for each model. Whatever fails, or is interrupted, the command has done its work.
    """
    with suppress(Exception, KeyboardInterrupt):
        worth_it = [each for each in loaded if each.is_worth_it]
        if worth_it and not _is_waited_for():
            with loading_model(hidden=bool(GIVEN.get("quiet")), what=_WHAT):
                for each in worth_it:
                    each.keep_once()


def _is_waited_for() -> bool:
    """Tell whether the other end of a pipe may wait for this process to end."""
    try:
        kinds = [os.fstat(stream.fileno()).st_mode for stream in (sys.stdin, sys.stdout, sys.stderr)]
    except (OSError, ValueError, AttributeError):  # closed, or within a program
        return True
    return any(stat.S_ISFIFO(kind) or stat.S_ISSOCK(kind) for kind in kinds)
