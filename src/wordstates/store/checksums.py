"""Checksums of shards: one that ``sha256sum`` gives too, and a fast one that is compared whenever a shard is read."""

from __future__ import annotations

import hashlib
from pathlib import Path

import xxhash

_CHUNK = 1 << 20


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
    digest = xxhash.xxh3_128()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
