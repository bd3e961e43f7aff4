"""What is known of a finished shard: a small JSON file beside it, written before the shard gets its name."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

from wordstates.runs.counts import Counts
from wordstates.store.checked import check_types, read_object


@dataclass(kw_only=True)
class ShardRecord(Counts):
    """One finished shard, and the counts of its documents that were embedded.

    Args:
        number: Its place in the input.
        id: Fingerprint of its documents.
        first: Id of its first document.
        last: Id of its last one.
        documents: Documents it was made of.
        rows: Rows of the file.
        rejects: Documents that could not be embedded, each with its reason.
        given: Whether all documents brought their own words.
        bytes: Size of the file.
        sha256: Checksum of the file.
        xxh3: A checksum of it that is faster to compare; empty: the version that wrote it had none.
    """

    number: int
    id: str
    first: str
    last: str
    documents: int
    rows: int = 0
    rejects: list[dict[str, str]] = field(default_factory=list)
    given: bool = False
    bytes: int = 0
    sha256: str = ""
    xxh3: str = ""

    def to_json(self) -> str:
        """Write it as JSON."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=1)

    @classmethod
    def read(cls, path: Path) -> ShardRecord:
        """Read what `to_json` wrote, from its file.

        Raises:
            ValueError: If it is nothing of the kind.
            OSError: If it cannot be read.
        """
        try:
            made = cls(**read_object(path))
            check_types(made)
            return made
        except TypeError as error:
            raise ValueError(f"not the record of a shard: {error}") from error


def totals(records: Sequence[ShardRecord]) -> dict[str, Any]:
    """Sum up a complete store; its checksum is that of the checksums of all shards."""
    digest = blake2b(digest_size=16)
    for record in records:
        digest.update(record.sha256.encode())
    return {
        "shards": len(records),
        "documents": sum(record.documents for record in records),
        "rejects": sum(len(record.rejects) for record in records),
        "words": sum(record.words for record in records),
        "rows": sum(record.rows for record in records),
        "bytes": sum(record.bytes for record in records),
        "checksum": digest.hexdigest(),
    }
