"""How long tests wait for other processes and threads: for what has to happen, never for what the clock says."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Callable, Iterator

A_HANG = 900.0
"""Seconds after which something that should have happened never will: only a hang takes as long, on any machine."""


def wait_until(happened: Callable[[], object], process: subprocess.Popen[bytes] | None = None) -> None:
    """Wait for something to happen, for as long as it takes.

    Args:
        happened: Tells whether it has.
        process: What makes it happen; once it has ended there is nothing to wait for.
    """
    given_up = time.monotonic() + A_HANG
    while not happened():
        over = process is not None and process.poll() is not None
        if over or time.monotonic() > given_up:
            break
        time.sleep(0.02)
    if not happened():
        raise AssertionError("it never happened" if process is None else f"it never happened: {ended(process)}")


def ended(process: subprocess.Popen[bytes]) -> tuple[int, bytes, bytes]:
    """Wait for the end of a process; give its exit code, its output, and its errors."""
    out, err = process.communicate(timeout=A_HANG)
    return process.returncode, out, err


@contextlib.contextmanager
def closed(process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """Leave neither a process nor its pipes behind, however the test ends."""
    try:
        yield process
    finally:
        process.kill()
        process.wait(A_HANG)
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()
