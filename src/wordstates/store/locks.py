"""Locks: two runs never do the same shard, and a run that was killed never stands in the way.

The system releases a lock (`flock`, on Windows `LockFileEx`) when the process that holds it ends, in whatever way.
Each part i/N has a lock of its own, so that all parts work side by side; runs that split the work differently exclude
each other.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from filelock import lock_descriptor

from wordstates.errors import OutputError
from wordstates.store.shards import Part


@contextmanager
def guarded(folder: Path) -> Iterator[None]:
    """Be the only one that looks at or changes the manifest, for as long as this takes: others wait."""
    with _opened(folder / "guard.lock") as file:
        _lock(file, wait=True)
        yield


@contextmanager
def working_as(folder: Path, part: Part, store: str) -> Iterator[None]:
    """Be the one that does a part of a store.

    Args:
        folder: Folder of the locks.
        part: Which part.
        store: Name of the store, for messages.

    Raises:
        OutputError: If another run does this part, or splits the work differently.
    """
    own = folder / f"{part.index}-of-{part.of}.lock"
    with _opened(own) as file:
        with guarded(folder):
            for path in sorted(folder.glob("*-of-*.lock")):
                if path != own and not path.stem.endswith(f"-of-{part.of}"):
                    with _opened(path) as other:
                        _take(other, store, path)  # released at once: it is free
            _take(file, store, own)
            file.seek(0)
            file.write(f" process {os.getpid()} on {socket.gethostname()}, part {part}")  # see `_holder`
            file.truncate()
        yield


def nobody_else_works(folder: Path, part: Part, store: str) -> None:
    """See that no other part is being done; call it when guarded, by who holds the lock of `part`.

    Raises:
        OutputError: If one is.
    """
    for path in sorted(folder.glob("*-of-*.lock")):
        if path.name != f"{part.index}-of-{part.of}.lock":
            with _opened(path) as other:
                _take(other, store, path)


def at_work(folder: Path) -> bool:
    """Tell whether a run holds the lock of any part; False where that cannot be found out."""
    try:
        with guarded(folder):  # who takes a lock waits meanwhile, and is not told that it is held
            return any(_is_held(path) for path in folder.glob("*-of-*.lock"))
    except OutputError:
        return False


def _is_held(path: Path) -> bool:
    with _opened(path) as file:
        return not _lock(file, wait=False)


def _take(file: IO[str], store: str, path: Path) -> None:
    if not _lock(file, wait=False):
        holder = _holder(path)
        raise OutputError(f"{store!r} is being written by another run ({holder}): wait for it, or stop it first.")


def _holder(path: Path) -> str:
    """Read who holds a lock; not its first byte, which Windows lets nobody else read."""
    with path.open("rb") as file:
        file.seek(1)
        return file.read().decode("utf-8", "replace") or "another process"


@contextmanager
def _opened(path: Path) -> Iterator[IO[str]]:
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise OutputError(f"{str(path)!r} is no regular file: remove it, and run again.")
    try:
        # A symbolic link is not followed: what it leads to would be emptied.
        opened = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
        file = os.fdopen(opened, "r+", encoding="utf-8")
    except OSError as error:
        raise OutputError(f"The folder of {str(path)!r} cannot be written to ({error.strerror}).") from error
    with file:
        yield file


def _lock(file: IO[str], *, wait: bool) -> bool:
    """Take the lock of an open file, which lasts until it is closed; False: another process has it."""
    try:
        return lock_descriptor(file.fileno(), blocking=wait)
    except OSError as error:
        raise OutputError(
            f"{file.name!r} cannot be locked ({error.strerror}), so two runs could not be kept apart: put the store on "
            "a file system with locks."
        ) from error
