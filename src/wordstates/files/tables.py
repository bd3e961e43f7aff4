"""Writers of tables, row by row as they come: Parquet and JSON lines."""

from __future__ import annotations

import contextlib
import json
import math
import sys
from functools import partial
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from wordstates.files.atomic import PartialFile
from wordstates.files.behind import Behind
from wordstates.files.formats import PROVENANCE
from wordstates.files.writer import FileWriter
from wordstates.options import VectorDtype
from wordstates.result.rows import Rows, numbers_in

_GROUP_ROWS = 1 << 16
_GROUP_BYTES = 1 << 25  # a row group is whole in memory, here and in whoever reads it
# Arrow lays out where each number stands in its list before it encodes them, 4 bytes for each: few at a time are in the
# cache of a core, and in memory that it used just before.
_BATCH_NUMBERS = 1 << 17
_PATIENCE = 10.0  # seconds that a file which is given up waits for what is being written


class ParquetWriter(FileWriter):
    """Parquet: row groups of bounded size, vectors as they are, the rest in zstd; provenance in the file's metadata.

    Full row groups are encoded and written in a thread, while the caller prepares the next.
    """

    def __init__(self, partial: PartialFile | None, dtype: VectorDtype, *, keyed: bool = False) -> None:
        super().__init__(partial, dtype, keyed=keyed)
        self._stream: pa.NativeFile | None = None
        self._writer: pq.ParquetWriter | None = None
        self._waiting: list[pa.Table] = []
        self._group_rows = self._batch_rows = 0  # rows of a full row group, and those that are encoded at a time
        self._behind = Behind()

    def _append(self, rows: Rows) -> None:
        table = rows.to_arrow()
        if self._writer is None:
            self._writer = self._open(table.schema, rows)
        self._waiting.append(table)
        waiting = sum(table.num_rows for table in self._waiting)
        if full := waiting - waiting % self._group_rows:
            table = pa.concat_tables(self._waiting)
            self._waiting = [table.slice(full)] if full < waiting else []
            self._behind.start(partial(self._write, self._writer, table.slice(0, full)))

    def _open(self, schema: pa.Schema, rows: Rows) -> pq.ParquetWriter:
        row_bytes = numbers_in(rows.shapes) * np.dtype(self._dtype).itemsize
        self._batch_rows = max(1, _BATCH_NUMBERS // max([1, *map(math.prod, rows.shapes.values())]))
        self._group_rows = max(1, min(_GROUP_ROWS, _GROUP_BYTES // max(1, row_bytes)))
        self._stream = pa.OSFile(str(self._file.path), "wb")  # no file of Python's: those are written under its lock
        scalars = rows.names
        return pq.ParquetWriter(
            self._stream,
            schema,
            compression=dict.fromkeys(scalars, "zstd"),  # vectors as they are: zstd makes them a sixth smaller, slowly
            write_page_checksum=True,
            use_dictionary=[name for name in scalars if pa.types.is_string(schema.field(name).type)],
            write_statistics=scalars,
        )

    def _write(self, writer: pq.ParquetWriter, table: pa.Table) -> None:
        batches = table.to_batches(max_chunksize=self._batch_rows)
        writer.write_table(pa.Table.from_batches(batches, table.schema), row_group_size=self._group_rows)

    def _finish(self, provenance: str) -> int:
        self._behind.wait()
        if self._writer is not None and self._stream is not None:
            if self._waiting:
                self._write(self._writer, pa.concat_tables(self._waiting))
            self._writer.add_key_value_metadata({PROVENANCE: provenance})
            self._writer.close()
            self._stream.close()
        return self._file.publish()

    def _close(self) -> None:
        self._waiting = []
        if self._behind.is_done_within(_PATIENCE):  # else the disk hangs: what is being written cannot be closed
            for closable in (self._writer, self._stream):
                with contextlib.suppress(OSError, ValueError):  # the disk is full still, or the stream closed by now
                    if closable is not None:
                        closable.close()
        self._writer = self._stream = None


class JsonlWriter(FileWriter):
    """JSON lines, one object per row; provenance in ``<file>.provenance.json`` beside it, none on standard output."""

    def __init__(self, partial: PartialFile | None, dtype: VectorDtype, *, keyed: bool = False) -> None:
        super().__init__(partial, dtype, keyed=keyed)
        self._stream: BinaryIO | None = None
        self._written = 0
        # As many digits as tell every number of the precision from its neighbours: 0.1 rather than 0.10000000149011612
        self._digits = "%.9g" if dtype == "float32" else "%.5g"

    def _append(self, rows: Rows) -> None:
        if self._stream is None:
            self._stream = sys.stdout.buffer if self._partial is None else self._partial.path.open("wb")
        templates = {name: self._template(shape) for name, shape in rows.shapes.items()}
        for index, cells in enumerate(rows.scalars.to_pylist()):
            vectors = [
                f"{json.dumps(name)}: {templates[name] % tuple(vectors[index].ravel().tolist())}"
                if rows.has_vector[index]
                else f"{json.dumps(name)}: null"
                for name, vectors in rows.vectors.items()
            ]
            line = f"{', '.join([json.dumps(cells, ensure_ascii=False)[:-1], *vectors])}}}\n".encode()
            self._stream.write(line)
            self._written += len(line)

    def _template(self, shape: tuple[int, ...]) -> str:
        """Give a format string for all numbers of a vector: one call per row is faster than one per number."""
        inner = self._digits if len(shape) == 1 else self._template(shape[1:])
        return f"[{', '.join([inner] * shape[0])}]"

    def _finish(self, provenance: str) -> int:
        if self._partial is None:
            if self._stream is not None:
                self._stream.flush()
            return self._written
        if self._stream is not None:
            self._stream.close()
        self._write_beside(provenance)
        return self._partial.publish()

    def _close(self) -> None:
        if self._stream is not None and self._partial is not None:
            with contextlib.suppress(OSError):  # what it still holds does not fit, and is to be removed anyway
                self._stream.close()
        self._stream = None
