"""Checksums of files: one that ``sha256sum`` gives too, and a fast one, compared when a file is first read."""

from __future__ import annotations

import hashlib
from pathlib import Path

import xxhash

_CHUNK = 1 << 20
_compared: dict[Path, tuple[object, ...]] = {}  # what is known of the files whose checksums were compared


def checksums_of(path: Path) -> dict[str, str]:
    """Give both checksums of a file, by their names in a record."""
    sha256, xxh3 = hashlib.sha256(), xxhash.xxh3_128()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            sha256.update(chunk)
            xxh3.update(chunk)
    return {"sha256": sha256.hexdigest(), "xxh3": xxh3.hexdigest()}


def fast_checksum_of(path: Path) -> str:
    """Give the fast checksum of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, xxhash.xxh3_128).hexdigest()


def is_as_written(path: Path, *, xxh3: str, sha256: str = "") -> bool:
    """Tell whether a file is what was written; all of it is read once in a process, and again if it has changed since.

    Args:
        path: The file.
        xxh3: Its fast checksum when it was written; empty: none was made.
        sha256: The other checksum, which is compared then; both empty: the file passes.

    Raises:
        OSError: If it cannot be read.
    """
    status = path.stat()
    known = (status.st_ino, status.st_size, status.st_mtime_ns, xxh3 or sha256)
    if _compared.get(path.absolute()) != known:
        same = fast_checksum_of(path) == xxh3 if xxh3 else not sha256 or checksums_of(path)["sha256"] == sha256
        if not same:
            return False
        _compared[path.absolute()] = known
    return True
