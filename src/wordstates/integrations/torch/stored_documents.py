"""Documents of a store or a Parquet file, found by their number: no more than a few row groups are in memory."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from wordstates.errors import InputError
from wordstates.files.parquet import open_parquet
from wordstates.json_text import read_json
from wordstates.store.folder import is_store
from wordstates.store.shards import read_shard_name
from wordstates.store.store import Store, open_store
from wordstates.wording import said

Ints = npt.NDArray[np.int64]
Group = tuple[int, int]  # number of the file, number of the row group in it

_MOST_OPEN = 16  # files at a time: a store may have more shards than a process may open


@dataclass(frozen=True, eq=False)
class Index:
    """Where each document stands; a row is counted through all files, and so is a row group.

    Args:
        documents: Row at which each document begins, and the number of rows, shape (documents + 1,).
        groups: Row at which each row group begins, and the number of rows, shape (row groups + 1,).
        places: File and number in it of each row group.
    """

    documents: Ints
    groups: Ints
    places: tuple[Group, ...]


class StoredDocuments:
    """The rows of any document, read when asked for.

    Files are opened in the process that reads them: it can be pickled, and used on both sides of a fork.

    Args:
        path: A store, or a Parquet file with one row per word.
        columns: The columns to read, but for the document's id.
        row_groups: How many row groups stay in memory.
        verify: Whether to compare the shards of a store with their checksums.

    Raises:
        InputError: If there is no such file or column, or rows are subwords.
    """

    def __init__(self, path: str | Path, columns: Sequence[str], *, row_groups: int = 2, verify: bool = True) -> None:
        self.path = Path(path)
        self._store, self._files = parts_of(path, verify=verify)
        self._columns = list(dict.fromkeys(["document", *columns]))
        self._row_groups = row_groups
        self._kept: OrderedDict[Group, pa.Table] = OrderedDict()
        self._open: dict[int, pq.ParquetFile] = {}
        self._process = os.getpid()
        self.schema = self._file(0).schema_arrow
        self._check_columns(columns)
        self.index = self._indexed()
        if self._store is not None:
            self._store = open_store(path, verify=False)  # every file has been compared: no worker does it again

    def __len__(self) -> int:
        """Count the documents that have a word."""
        return len(self.index.documents) - 1

    def __getitem__(self, number: int) -> pa.Table:
        """Give the rows of a document.

        Raises:
            InputError: If the file cannot be read any more.
        """
        begin, end = self.index.documents[number : number + 2].tolist()
        first = int(np.searchsorted(self.index.groups, begin, side="right")) - 1
        parts = []
        while begin < end:
            table = self._group(self.index.places[first])
            offset = begin - int(self.index.groups[first])
            part = table.slice(offset, end - begin)
            parts.append(part)
            begin += len(part)
            first += 1
        return pa.concat_tables(parts)

    def groups_of_documents(self) -> Ints:
        """Give the row group in which each document begins."""
        return np.searchsorted(self.index.groups, self.index.documents[:-1], side="right") - 1

    def vector_shape(self, column: str) -> tuple[int, ...]:
        """Give the shape of one vector of a column."""
        field = self.schema.field(column)
        known = (field.metadata or {}).get(b"shape")
        return tuple(read_json(known)) if known is not None else (field.type.list_size,)

    def __getstate__(self) -> dict[str, Any]:
        """Leave open files and what was read behind."""
        return {**self.__dict__, "_open": {}, "_kept": OrderedDict()}

    # -- files -------------------------------------------------------------------------------------------------------

    def _check_columns(self, columns: Sequence[str]) -> None:
        names = self.schema.names
        for name in ("document", "position", *columns):
            if name not in names:
                raise InputError(f"{str(self.path)!r} has no column {name!r}: it has {', '.join(names)}.")
        if "subword" in names:
            raise InputError(
                f"{str(self.path)!r} has one row per subword: make it with another subword_pooling than 'none', so "
                "that a word has one vector."
            )

    def _file(self, number: int) -> pq.ParquetFile:
        if self._process != os.getpid():  # a fork shares the place in a file with its parent
            self._open, self._process = {}, os.getpid()
        if number not in self._open:
            while len(self._open) >= _MOST_OPEN:
                self._open.pop(next(iter(self._open))).close()
            self._open[number] = open_part(self._store, self._files[number])
        return self._open[number]

    def _group(self, place: Group) -> pa.Table:
        if place in self._kept:
            self._kept.move_to_end(place)
            return self._kept[place]
        while len(self._kept) >= self._row_groups:
            self._kept.popitem(last=False)
        table = self._kept[place] = self._read(place, self._columns)
        return table

    def _read(self, place: Group, columns: list[str]) -> pa.Table:
        try:  # in this thread: those of Arrow are not all there after a fork
            return self._file(place[0]).read_row_group(place[1], columns=columns, use_threads=False)
        except (OSError, pa.ArrowException) as error:
            raise InputError(f"{str(self._files[place[0]])!r} cannot be read ({said(error)}).") from error

    def _indexed(self) -> Index:
        """Find where documents begin: another id than in the row before, or a position that is no higher."""
        starts, sizes, places = list[int](), list[int](), list[Group]()
        rows, last = 0, (None, -1)
        for number in range(len(self._files)):
            file = self._file(number)
            for group in range(file.num_row_groups):
                table = self._read((number, group), ["document", "position"])
                places.append((number, group))
                sizes.append(len(table))
                if not len(table):
                    continue
                if any(table[name].null_count for name in ("document", "position")):
                    raise InputError(f"{str(self._files[number])!r} has rows without a document or a position.")
                ids = table["document"].combine_chunks().dictionary_encode()
                code, position = ids.indices.to_numpy(), table["position"].to_numpy()
                begins = np.append(True, (code[1:] != code[:-1]) | (position[1:] <= position[:-1]))
                begins[0] = (ids[0].as_py(), True) != (last[0], bool(position[0] > last[1]))
                starts.extend((np.flatnonzero(begins) + rows).tolist())
                last = (ids[-1].as_py(), int(position[-1]))
                rows += len(table)
            self._open.pop(number).close()
        return Index(np.array([*starts, rows], dtype=np.int64), np.cumsum([0, *sizes]), tuple(places))


def open_part(store: Store | None, file: Path) -> pq.ParquetFile:
    """Open one of the files of a store, once it is seen to be what was written, or the one file.

    Raises:
        InputError: If it is not, or cannot be read.
    """
    name = read_shard_name(file.stem)
    return open_parquet(file) if store is None or name is None else store.open_shard(*name)


def parts_of(path: str | Path, *, verify: bool = True) -> tuple[Store | None, list[Path]]:
    """Give a store and its Parquet files, in order; or None and the one file.

    Raises:
        InputError: If it is neither, or a store without a shard.
    """
    if is_store(path):
        store = open_store(path, verify=verify)
        store.check()
        if not store.shards:
            raise InputError(f"Store {str(path)!r} has no shard yet: finish it with `wordstates embed`.")
        return store, store.shards
    if not Path(path).is_file():
        raise InputError(f"{str(path)!r} is neither a store nor a file: give what `wordstates embed -o` made.")
    if Path(path).suffix != ".parquet":
        raise InputError(f"{str(path)!r} is not a Parquet file: give a store, or write one with -o vectors.parquet.")
    return None, [Path(path)]
