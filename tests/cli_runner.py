"""Runs the command in this process, as if typed: fast, and with everything that comes out."""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import transformers  # noqa: F401  (its log keeps the standard error it finds when it is first imported)

from patience import closed
from wordstates.cli import main

SENTENCES = ("The river runs past the old mill.", "The bank wouldn't lend her the money!", "Äpfel 👍🏽 fox")
"""Three short texts of 7, 7 and 3 words or so, punctuation aside; the last is for everything that is not ASCII."""


@dataclass(frozen=True)
class Result:
    """What a command did.

    Attributes:
        code: Its exit code.
        out: Its standard output.
        err: Its standard error.
    """

    code: int
    out: str
    err: str


class _Stream(io.TextIOWrapper):
    """A stream in memory that may pass for a terminal."""

    def __init__(self, content: bytes = b"", *, terminal: bool = False) -> None:
        super().__init__(io.BytesIO(content), encoding="utf-8", newline="\n", write_through=True)
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal

    def text(self) -> str:
        buffer = self.buffer
        assert isinstance(buffer, io.BytesIO)
        return buffer.getvalue().decode()


def run(
    *arguments: str | Path,
    stdin: bytes | str = b"",
    cwd: Path | None = None,
    terminal: bool = False,
    columns: int = 120,
) -> Result:
    """Run ``wordstates ARGUMENTS`` in this process.

    An error that the command does not tell of by itself, which would be a traceback, fails the test.

    Args:
        arguments: What follows the name of the command.
        stdin: What standard input holds.
        cwd: Folder to be in.
        terminal: Whether standard error is a terminal.
        columns: Width of the terminal.
    """
    given = _Stream(stdin.encode() if isinstance(stdin, str) else stdin)
    out, err = _Stream(), _Stream(terminal=terminal)
    code: object = 0
    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.object(sys, "argv", ["wordstates", *map(str, arguments)]))
        stack.enter_context(mock.patch.object(sys, "stdin", given))
        stack.enter_context(contextlib.redirect_stdout(out))
        stack.enter_context(contextlib.redirect_stderr(err))
        stack.enter_context(mock.patch.dict(os.environ, COLUMNS=str(columns)))
        if cwd is not None:
            stack.enter_context(contextlib.chdir(cwd))
        try:
            main()
        except SystemExit as stop:
            code = stop.code or 0
    assert isinstance(code, int), code
    return Result(code, out.text(), err.text())


@contextlib.contextmanager
def start(*arguments: str | Path, cwd: Path, before: str = "") -> Iterator[subprocess.Popen[bytes]]:
    """Have the command run in a process of its own, for signals, pipes and limits; it ends with the block.

    Its standard input stays open until `ended` closes it: a command that reads ``-`` too is not done before.

    Args:
        arguments: What follows the name of the command.
        cwd: Folder to be in.
        before: Python to run first.
    """
    # Whoever runs the tests in the background has Ctrl-C switched off, and so would have the child.
    lines = ["import signal, sys", "signal.signal(signal.SIGINT, signal.default_int_handler)", before]
    lines += ["from wordstates.cli import main", "main()"]
    command = [sys.executable, "-c", "\n".join(lines), *map(str, arguments)]
    pipe = subprocess.PIPE
    with closed(subprocess.Popen(command, cwd=cwd, stdin=pipe, stdout=pipe, stderr=pipe)) as process:
        yield process


def masked(report: str) -> str:
    """Put ``#`` for what differs from run to run: seconds, words a second, and the size of the file."""
    return re.sub(r"^((?:seconds|words a second|bytes) +(?:about )?)[\d.,]+$", r"\1#", report, flags=re.MULTILINE)


def files_in(folder: Path) -> list[str]:
    """List every file below a folder, hidden ones too."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
