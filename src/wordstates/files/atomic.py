"""Files that are there whole or not at all: written under another name, synced, then renamed."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import socket
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from glob import escape
from pathlib import Path

from wordstates.errors import OutputError, WordstatesError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_HOST = re.sub(r"[^0-9A-Za-z]", "_", socket.gethostname())
_LONG_AGO = 86_400.0  # seconds since the last write of a run on another machine, which cannot be seen to be alive
_FULL_WORDS = ("No space left", "File too large", "quota exceeded")  # libraries that swallow the number


def check_name(path: Path) -> None:
    """See that an output has a name that every system and library can write.

    Raises:
        OutputError: If not.
    """
    if not path.name or "\0" in str(path):
        raise OutputError(f"{str(path)!r} names no file: give a name, as vectors.parquet.")
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise OutputError(f"{str(path)!r} is no Unicode text: give another name, or rename its folder.") from None


class PartialFile:
    """A file that is being written, ``.{name}.{host}-{pid}.partial`` beside its target.

    Args:
        target: The path it gets in the end.
        overwrite: Whether a file may be there already; it stays as it is until the new one replaces it.
        kept: What a message says is left when the file cannot be written.
        sweeps: Whether to remove what killed runs left of the same target; not in folders whose runs do that.

    Raises:
        OutputError: If the target exists and may not be replaced, or its folder cannot be written to.
    """

    def __init__(
        self, target: Path, *, overwrite: bool, kept: str = "nothing was left behind", sweeps: bool = True
    ) -> None:
        check_name(target)
        if target.is_dir():
            raise OutputError(f"{str(target)!r} is a folder: name a file in it.")
        if target.exists() and not overwrite:
            raise OutputError(f"{str(target)!r} exists: choose another name, or pass overwrite=True to replace it.")
        if not target.parent.is_dir():
            raise OutputError(f"The folder of {str(target)!r} does not exist: make it first (mkdir -p).")
        self.target = target
        self.kept = kept
        self.path = target.with_name(f".{target.name}.{_HOST}-{os.getpid()}.partial")
        try:
            self.remove()
            if sweeps:
                remove_leftovers(target)
            with self.path.open("xb") as file:  # tells whether it can be written now, before anything is computed
                self._mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            self.remove()
        except OSError as error:
            raise OutputError(f"{str(target)!r} cannot be written in its folder ({error.strerror}).") from error

    def publish(self) -> int:
        """Sync the file, give it its name, and return its size in bytes."""
        with self.path.open("rb+") as file:
            self.path.chmod(self._mode)  # safetensors makes files that only their owner can read
            os.fsync(file.fileno())
            size = os.fstat(file.fileno()).st_size
        self.before_it_is_there(size)
        self.path.replace(self.target)
        sync_folder(self.target.parent)
        return size

    def before_it_is_there(self, size: int) -> None:
        """Do what has to be done between the last byte of the file and its name: nothing, unless a subclass has it."""

    def remove(self) -> None:
        """Remove the unfinished file, if there is one."""
        self.path.unlink(missing_ok=True)

    def size(self) -> int:
        """Give the bytes written so far."""
        return self.path.stat().st_size if self.path.exists() else 0


def remove_leftovers(target: Path) -> None:
    """Remove the partial files of a target whose runs were killed."""
    ours = re.compile(rf"\.{re.escape(target.name)}\.(?:(?P<host>\w+)-)?(?P<process>\d+)\.partial")
    for path in target.parent.glob(f".{escape(target.name)}.*.partial"):
        if (found := ours.fullmatch(path.name)) and not _may_be_written(path, found["host"], int(found["process"])):
            path.unlink(missing_ok=True)


def _may_be_written(path: Path, host: str | None, process: int) -> bool:
    if host not in (None, _HOST) or os.name != "posix":
        with contextlib.suppress(FileNotFoundError):
            return time.time() - path.stat().st_mtime < _LONG_AGO
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        pass
    return True


@contextmanager
def told_as_output_errors(partial: PartialFile | None, abort: Callable[[], None]) -> Iterator[None]:
    """Turn what the system and the libraries say about a failed write into an `OutputError` that says what to do.

    Args:
        partial: The file being written; None: standard output.
        abort: Closes and removes it, called once the failure is known.
    """
    try:
        yield
    except (WordstatesError, BrokenPipeError):  # a pipe nobody reads any more is the command line's to end on
        raise
    except Exception as error:
        full = getattr(error, "errno", None) in _FULL or any(words in str(error) for words in _FULL_WORDS)
        # safetensors has an error of its own, and h5py raises RuntimeError on flush: both only name the system's
        if not (full or isinstance(error, (OSError, RuntimeError)) or type(error).__name__ == "SafetensorError"):
            raise
        if partial is None:
            abort()
            raise OutputError(f"Standard output cannot be written ({error}): what came out is not whole.") from error
        name, written = str(partial.target), partial.size()
        abort()
        if full:
            raise OutputError(
                f"Disk full while writing {name!r}: free more than the {written:,} bytes that were written, or choose "
                f"another folder, then run again; {partial.kept}."
            ) from error
        raise OutputError(f"{name!r} cannot be written ({error}); {partial.kept}.") from error


def sync_folder(folder: Path) -> None:
    """Make the names in a folder last through a power cut; not every system can open a folder for it."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def write_text_whole(path: Path, text: str) -> None:
    """Write a small file so that it is there whole or as it was, whenever the machine stops.

    Raises:
        OutputError: If it cannot be written.
    """
    partial = PartialFile(path, overwrite=True, kept="it is as it was before", sweeps=False)
    with told_as_output_errors(partial, partial.remove):
        # Names of files may be no UTF-8: what they lack is written as JSON writes it.
        partial.path.write_text(text, encoding="utf-8", errors="backslashreplace")
        partial.publish()
