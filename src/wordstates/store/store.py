"""Stores, read back: the manifest, the rows as a stream, and whether all is as it should be.

Examples:
    >>> import tempfile
    >>> from wordstates import WordEmbedder
    >>> from wordstates.documents.document import Document
    >>> from wordstates.store.run import embed_to_store
    >>> folder = tempfile.mkdtemp()
    >>> report = embed_to_store(WordEmbedder("minilm"), [Document("a", "A river bank.")], folder)
    >>> store = open_store(folder)
    >>> [table["word"].to_pylist() for table in store]
    [['A', 'river', 'bank', '.']]
    >>> store.complete, store.verify().problems
    (True, [])
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from wordstates.encode.inputs import GIVEN
from wordstates.errors import InputError, without_foreign_errors
from wordstates.files.parquet import open_parquet
from wordstates.json_text import plain
from wordstates.store.folder import StoreFolder, existing_store
from wordstates.store.reading import check_records, is_whole, open_shard
from wordstates.store.record import ShardRecord
from wordstates.store.verify import Verification, verify_store
from wordstates.wording import counted, said

BATCH_ROWS = 1 << 14  # that are in memory at a time


@dataclass(frozen=True, slots=True)
class StoreDescription:
    """What is in a store.

    Args:
        path: The folder.
        format: ``store``.
        complete: True if every shard of the input is there.
        shards: Shards that are there.
        rows: Words, or subwords where the recipe keeps them.
        rejects: Documents that could not be embedded.
        columns: Type of each column.
        dtype: Precision of the vectors.
        vectors: Shape of one vector of each vector column.
        bytes: Size of all shards.
        input: How the input was read.
        provenance: Where the vectors come from.
    """

    path: str
    format: str
    complete: bool
    shards: int
    rows: int
    rejects: int
    columns: dict[str, str]
    dtype: str
    vectors: dict[str, tuple[int, ...]]
    bytes: int
    input: dict[str, Any]
    provenance: dict[str, Any]


@without_foreign_errors
class Store:
    """A store that is there, finished or not.

    Args:
        path: Its folder.
        verify: Whether to compare each shard with its checksum when it is first read.
    """

    def __init__(self, path: str | Path, *, verify: bool = True) -> None:
        self._folder, self.manifest = existing_store(path)
        self._verify = verify

    @property
    def folder(self) -> StoreFolder:
        """Where everything lies."""
        return self._folder

    @property
    def complete(self) -> bool:
        """True if every shard of the input is there."""
        return is_whole(self._folder, self.manifest)

    @property
    def shards(self) -> list[Path]:
        """The files of the finished shards, in the order of the input."""
        return [self._folder.shard(number, id) for number, id in self._folder.finished().items()]

    def records(self) -> Iterator[ShardRecord]:
        """Give what is known of each finished shard, in order."""
        return self._folder.all_records()

    def check(self) -> None:
        """See that a store that was complete still has the shards that it was completed with.

        Raises:
            InputError: If not.
        """
        check_records(self._folder, self.manifest)

    def open_shards(self) -> Iterator[pq.ParquetFile]:
        """Open one shard after the other, in the order of the input; each is closed when the next one is asked for.

        Raises:
            InputError: If one is missing, is not what was written, or cannot be read.
        """
        for record in check_records(self._folder, self.manifest):
            with self.open_shard(record.number, record.id) as file:
                yield file

    def open_shard(self, number: int, id: str) -> pq.ParquetFile:
        """Open a shard, once it is seen to be what was written.

        Raises:
            InputError: If it is not, or cannot be read.
        """
        return open_shard(self._folder, self.manifest, number, id, verify=self._verify)

    def __iter__(self) -> Iterator[pa.Table]:
        """Stream the rows in the order of the input, some thousand at a time."""
        return self.tables()

    def tables(self, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """Stream the rows in the order of the input.

        Args:
            columns: Which columns to read; None: all. Without the vectors it is many times faster.

        Raises:
            InputError: If a shard is missing, is not what was written or cannot be read, or there is no such column.
        """
        for file in self.open_shards():
            missing = [name for name in columns or () if name not in file.schema_arrow.names]
            if missing:
                raise InputError(
                    f"{str(self._folder)!r} has no column {missing[0]!r}: it has {', '.join(file.schema_arrow.names)}."
                )
            batches = file.iter_batches(batch_size=BATCH_ROWS, columns=columns)
            while True:
                try:
                    batch = next(batches, None)
                except (OSError, pa.ArrowException) as error:
                    raise InputError(
                        f"A shard of {str(self._folder)!r} cannot be read ({said(error)}): `wordstates verify "
                        f"{self._folder}` lists what is broken."
                    ) from error
                if batch is None:
                    break
                yield pa.Table.from_batches([batch])

    def verify(self) -> Verification:
        """Check everything: completeness, row counts, checksums, duplicates, leftovers."""
        return verify_store(self._folder.path)

    def describe(self) -> StoreDescription:
        """Say what is in it, without reading any vector."""
        records = list(self.records())
        columns: dict[str, str] = {}
        if self.shards:
            with open_parquet(self.shards[0]) as file:
                columns = {field.name: str(field.type) for field in file.schema_arrow}
        dtypes = set(self.manifest.dtypes.values())
        return StoreDescription(
            path=str(self._folder),
            format="store",
            complete=self.complete,
            shards=len(records),
            rows=sum(record.rows for record in records),
            rejects=sum(len(record.rejects) for record in records),
            columns=columns,
            dtype=" and ".join(sorted(dtypes)),
            vectors=dict(self.manifest.shapes),
            bytes=sum(record.bytes for record in records),
            input=dict(self.manifest.settings.input),
            provenance=self.provenance,
        )

    @property
    def provenance(self) -> dict[str, Any]:
        """Where the vectors come from; with given words if every document brought its own."""
        records = list(self.records())
        given = bool(records) and all(record.given for record in records)
        told: dict[str, Any] = plain(self.manifest.provenance)
        return told | ({"splitter": GIVEN} if given else {})

    def __repr__(self) -> str:
        shards = counted(len(self.shards), "shard")
        return f"Store({str(self._folder)!r}, {shards}{'' if self.complete else ', not complete'})"


@without_foreign_errors
def open_store(path: str | Path, *, verify: bool = True) -> Store:
    """Open a store to read.

    Args:
        path: Its folder.
        verify: Whether to compare each shard with its checksum when it is first read.

    Raises:
        InputError: If there is no store, or its manifest is broken.
    """
    return Store(path, verify=verify)
