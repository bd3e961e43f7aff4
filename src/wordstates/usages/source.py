"""What usages are indexed from: a store of `embed`, or a Parquet file of `embed` or `find`, part by part."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from wordstates.errors import InputError
from wordstates.files.describe import read_provenance
from wordstates.files.parquet import open_parquet
from wordstates.json_text import read_json
from wordstates.store.store import BATCH_ROWS, Store, open_store
from wordstates.wording import said

_NEEDED = {  # of every usage
    "document": pa.types.is_string,
    "word": pa.types.is_string,
    "start": pa.types.is_integer,
    "end": pa.types.is_integer,
    "status": pa.types.is_string,
}


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One Parquet file of a source.

    Args:
        name: Name of the file without its ending.
        path: The file.
        fingerprint: Tells its content from another's: the checksum of the file.
        rows: Rows of the file.
        shard: Number and id of the shard of `store` that it is; None: a file of its own.
        store: The store.
    """

    name: str
    path: Path
    fingerprint: str
    rows: int
    shard: tuple[int, str] | None = None
    store: Store | None = None

    def open(self) -> pq.ParquetFile:
        """Open it to read; a shard once it is seen to be what was written.

        Raises:
            InputError: If it is not, or cannot be read.
        """
        if self.shard is None or self.store is None:
            return open_parquet(self.path)
        return self.store.open_shard(*self.shard)


@dataclass(frozen=True, slots=True)
class IndexSource:
    """A store or a file, as an index reads it.

    Args:
        path: The folder of the store, or the file.
        parts: Its Parquet files in the order of the input.
        shapes: Shape of one vector of each vector column.
        columns: Names of all other columns.
        provenance: Where the vectors come from.
        complete: Whether the store holds all of its input.
    """

    path: Path
    parts: tuple[SourceFile, ...]
    shapes: dict[str, tuple[int, ...]]
    columns: tuple[str, ...]
    provenance: dict[str, Any]
    complete: bool

    def column(self, recipe: str | None) -> str:
        """Choose the vector column.

        Args:
            recipe: Name of a recipe or of its column; None: the only one.

        Raises:
            InputError: If there is no such recipe, or several and none was named.
        """
        names = [each["name"] for each in self.provenance.get("recipes", [])]
        known: dict[str, str] = dict(zip(names, self.shapes, strict=False)) | {column: column for column in self.shapes}
        if recipe is None and len(self.shapes) == 1:
            return next(iter(self.shapes))
        if recipe is None or recipe not in known:
            said = f"has no recipe {recipe!r}" if recipe else "has several recipes"
            raise InputError(f"{str(self.path)!r} {said}: choose one of {', '.join(names or self.shapes)}.")
        return known[recipe]


def open_source(path: str | Path, *, verify: bool = True) -> IndexSource:
    """Open what usages are indexed from.

    Args:
        path: A store, or a Parquet file that wordstates wrote.
        verify: Whether to compare each shard of a store with its checksum when it is first read.

    Raises:
        InputError: If it is neither, or has no finished shard yet.
    """
    path = Path(path)
    if path.is_dir():
        store = open_store(path, verify=verify)
        store.check()
        records = list(store.records())
        if not records:
            raise InputError(f"{str(path)!r} has no finished shard yet: let the run that writes it go on first.")
        files = zip(store.shards, records, strict=True)
        parts = tuple(
            SourceFile(file.stem, file, record.sha256, record.rows, (record.number, record.id), store)
            for file, record in files
        )
        provenance, complete = store.provenance, store.complete
    else:
        provenance = dict(read_provenance(path))
        if path.suffix != ".parquet":
            raise InputError(f"{str(path)!r}: usages are indexed from a store or a .parquet file; write one of those.")
        with open_parquet(path) as opened:
            parts, complete = (SourceFile("part", path, _checksum(path), opened.metadata.num_rows),), True
    with parts[0].open() as opened:
        schema = opened.schema_arrow
    shapes = {
        each.name: tuple(read_json(each.metadata[b"shape"]))
        for each in schema
        if pa.types.is_fixed_size_list(each.type)
    }
    if not shapes:
        raise InputError(f"{str(path)!r} holds no vectors: write it again with vectors (`wordstates embed` or `find`).")
    columns = tuple(name for name in schema.names if name not in shapes)
    for name, fits in _NEEDED.items():
        if name not in columns or not fits(schema.field(name).type):
            raise InputError(f"{str(path)!r} has no column {name!r} as wordstates writes it: make it again.")
    return IndexSource(path, parts, shapes, columns, provenance, complete)


def read_part(
    part: SourceFile, column: str, columns: tuple[str, ...]
) -> Iterator[tuple[pa.Table, npt.NDArray[np.float32], npt.NDArray[np.bool_]]]:
    """Stream the rows of a part.

    Args:
        part: The file.
        column: The vector column.
        columns: The other columns to read.

    Returns:
        Some thousand rows at a time: the other columns, the vectors of those that have one, float32, shape
        (rows with a vector, numbers), and which rows these are.

    Raises:
        InputError: If the file cannot be read.
    """
    try:
        with part.open() as file:
            for batch in file.iter_batches(batch_size=BATCH_ROWS, columns=[*columns, column]):
                table = pa.Table.from_batches([batch])
                if any(table.column(name).null_count for name in _NEEDED if name in columns):
                    raise InputError(f"{str(part.path)!r} has rows without {' or '.join(_NEEDED)}: make it again.")
                lists = table.column(column).combine_chunks()
                has = np.asarray(lists.is_valid())
                flat = lists.drop_null().flatten().to_numpy(zero_copy_only=False).astype(np.float32)
                yield table.select(columns), flat.reshape(int(has.sum()), lists.type.list_size), has
    except (OSError, pa.ArrowException) as error:
        raise InputError(
            f"{str(part.path)!r} cannot be read ({said(error)}): `wordstates verify` lists what is broken."
        ) from error


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, partial(hashlib.blake2b, digest_size=16)).hexdigest()
