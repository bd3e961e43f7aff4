"""How much of an input has been read, in bytes of its files, compressed as they are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any


class InputMeter:
    """Follows the reading of files; what is a pipe, or standard input, has no size, and then nothing is known."""

    def __init__(self) -> None:
        self.total: int | None = None
        self._before = 0
        self._size = 0
        self._file: Any = None

    def begin(self, paths: Sequence[Path | None]) -> None:
        """Learn what will be read; None stands for standard input."""
        sizes = [path.stat().st_size if path is not None and path.is_file() else None for path in paths]
        known = [size for size in sizes if size is not None]
        self.total = sum(known) if len(known) == len(sizes) else None

    def reads(self, file: Any) -> None:
        """Learn the open file that is read now."""
        self._file = file

    def finished(self, path: Path | None) -> None:
        """Learn that a file has been read to its end."""
        self._before += path.stat().st_size if path is not None and path.exists() else 0
        self._file = None

    def share(self) -> float | None:
        """Give how much has been read, 0 to 1; None: not known."""
        if not self.total:
            return None
        here = 0
        if self._file is not None and not self._file.closed:
            here = self._file.tell()
        return min(1.0, (self._before + here) / self.total)
