"""Writers of tables, row by row as they come: Parquet and JSON lines."""

from __future__ import annotations

import contextlib
import json
import sys
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from wordstates.files.atomic import PartialFile
from wordstates.files.formats import PROVENANCE
from wordstates.files.writer import FileWriter
from wordstates.options import VectorDtype
from wordstates.result.rows import Rows, numbers_in

_GROUP_ROWS = 1 << 16
_GROUP_BYTES = 1 << 25  # a row group is whole in memory, here and in whoever reads it


class ParquetWriter(FileWriter):
    """Parquet: zstd, row groups of bounded size, provenance in the file's key-value metadata."""

    def __init__(self, partial: PartialFile | None, dtype: VectorDtype, *, keyed: bool = False) -> None:
        super().__init__(partial, dtype, keyed=keyed)
        self._stream: BinaryIO | None = None
        self._writer: pq.ParquetWriter | None = None
        self._waiting: list[pa.Table] = []
        self._group_rows = 0  # rows of a full row group

    def _append(self, rows: Rows) -> None:
        table = rows.to_arrow()
        if self._writer is None:
            self._writer = self._open(table.schema, rows)
        self._waiting.append(table)
        waiting = sum(table.num_rows for table in self._waiting)
        if waiting >= self._group_rows:
            self._flush(waiting - waiting % self._group_rows)

    def _open(self, schema: pa.Schema, rows: Rows) -> pq.ParquetWriter:
        row_bytes = numbers_in(rows.shapes) * np.dtype(self._dtype).itemsize
        self._group_rows = max(1, min(_GROUP_ROWS, _GROUP_BYTES // max(1, row_bytes)))
        self._stream = self._file.path.open("wb")
        scalars = rows.names
        return pq.ParquetWriter(
            self._stream,
            schema,
            compression="zstd",
            write_page_checksum=True,
            use_dictionary=[name for name in scalars if pa.types.is_string(schema.field(name).type)],
            write_statistics=scalars,
            # The bytes of floats compress better, and several times faster, when those of one significance are together
            # (float32 alone: not every reader knows the encoding for float16).
            use_byte_stream_split=[
                f"{name}.list.element" for name, vectors in rows.vectors.items() if vectors.dtype == np.float32
            ],
        )

    def _flush(self, count: int) -> None:
        """Write the first `count` waiting rows in full row groups."""
        table = pa.concat_tables(self._waiting)
        if self._writer is not None and count:
            self._writer.write_table(table.slice(0, count), row_group_size=self._group_rows)
        self._waiting = [table.slice(count)] if count < table.num_rows else []

    def _finish(self, provenance: str) -> int:
        if self._waiting:
            self._flush(sum(table.num_rows for table in self._waiting))
        if self._writer is not None and self._stream is not None:
            self._writer.add_key_value_metadata({PROVENANCE: provenance})
            self._writer.close()
            self._stream.close()
        return self._file.publish()

    def _close(self) -> None:
        self._waiting = []
        for closable in (self._writer, self._stream):
            with contextlib.suppress(OSError, ValueError):  # the disk is still full, or the stream is closed by now
                if closable is not None:
                    closable.close()
        self._writer = self._stream = None


class JsonlWriter(FileWriter):
    """JSON lines, one object a row; provenance in ``<file>.provenance.json`` beside it, none on standard output."""

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
        """Give a format string for all numbers of a vector: one call a row is faster than one a number."""
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
