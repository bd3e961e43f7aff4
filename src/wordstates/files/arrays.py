"""Writers of array files: NumPy, safetensors, and HDF5 as ELMo laid it out."""

from __future__ import annotations

import contextlib
import io
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from wordstates.errors import MissingExtraError, OutputError
from wordstates.files.atomic import PartialFile
from wordstates.files.formats import PROVENANCE
from wordstates.files.tensors import write_tensors
from wordstates.files.writer import FileWriter
from wordstates.options import VectorDtype
from wordstates.result.rows import Rows

_LARGEST_HEADER = 100_000_000  # what safetensors agrees to read
_LARGEST_STRINGS = 1 << 31
_PLURALS = {"word": "words", "status": "statuses", "key": "keys"}


class _CollectingWriter(FileWriter):
    """Keeps all rows until `commit`: formats that begin with the shapes of what they hold."""

    in_pieces = False

    def __init__(self, partial: PartialFile | None, dtype: VectorDtype, *, keyed: bool = False) -> None:
        super().__init__(partial, dtype, keyed=keyed)
        self._rows: list[Rows] = []

    def _append(self, rows: Rows) -> None:
        self._rows.append(rows)

    def _close(self) -> None:
        self._rows = []

    def _numbers(self) -> dict[str, npt.NDArray[Any]]:
        """Join the columns that are numbers; rows without a vector hold NaN, and False in ``has_vector``."""
        parts, table = self._rows, self._scalars()
        rows_before = np.cumsum([0, *map(len, parts)])
        documents_before = np.cumsum([0, *(len(part.documents) for part in parts)])
        arrays: dict[str, npt.NDArray[Any]] = {
            name: np.concatenate([part.vectors[name] for part in parts]) for name in parts[0].vectors
        }
        arrays["has_vector"] = np.concatenate([part.has_vector for part in parts])
        for field in table.schema:
            if not pa.types.is_string(field.type):
                nothing = -1 if pa.types.is_integer(field.type) else float("nan")
                arrays[field.name] = pc.fill_null(table[field.name], nothing).to_numpy()
        arrays["document_index"] = np.concatenate(
            [part.document_index + before for part, before in zip(parts, documents_before[:-1], strict=True)]
        )
        starts = [part.document_starts[:-1] + before for part, before in zip(parts, rows_before[:-1], strict=True)]
        arrays["text_starts"] = np.concatenate([*starts, rows_before[-1:]])
        return arrays

    def _strings(self) -> dict[str, list[str | None]]:
        table = self._scalars().drop_columns("document")
        return {"documents": [document for part in self._rows for document in part.documents]} | {
            _PLURALS.get(field.name, field.name): table[field.name].to_pylist()
            for field in table.schema
            if pa.types.is_string(field.type)
        }

    def _scalars(self) -> pa.Table:
        return pa.concat_tables([part.scalars for part in self._rows])


class NpzWriter(_CollectingWriter):
    """NumPy's ``.npz``: arrays of numbers and of Unicode text, without pickles; a missing key is an empty text."""

    def _finish(self, provenance: str) -> int:
        arrays = self._numbers()
        for name, strings in self._strings().items():
            longest = max((len(string or "") for string in strings), default=0)
            if 4 * longest * len(strings) > _LARGEST_STRINGS:  # NumPy gives every text the room of the longest
                raise OutputError(
                    f"{self._name!r}: a NumPy array of {len(strings):,} {name} of up to {longest:,} characters is too "
                    "large: write .parquet."
                )
            arrays[name] = np.array([string or "" for string in strings], dtype=np.str_)
        arrays[PROVENANCE] = np.array(provenance)
        with self._file.path.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
        self._close()
        return self._file.publish()


class SafetensorsWriter(_CollectingWriter):
    """safetensors: tensors of numbers; words, statuses, documents, keys and provenance as JSON in the metadata."""

    def _finish(self, provenance: str) -> int:
        metadata = {name: json.dumps(strings, ensure_ascii=False) for name, strings in self._strings().items()}
        metadata[PROVENANCE] = provenance
        size = len(json.dumps(metadata, ensure_ascii=False).encode())
        if size > _LARGEST_HEADER - 10_000:  # room for the names and shapes of the tensors
            raise OutputError(
                f"{self._name!r}: the words take {size:,} bytes, and the header of safetensors holds "
                f"{_LARGEST_HEADER:,}: write .parquet."
            )
        write_tensors(self._file.path, self._numbers(), metadata)
        self._close()
        return self._file.publish()


class _NeverFails(io.RawIOBase):
    """A file under HDF5 that keeps the first failure of the system to itself, and takes all that follows for written.

    The HDF5 library does not survive a failed write: it retries at every close, and ends in a segmentation fault. So it
    never hears of one; whoever uses it has to `check`.

    Args:
        path: The file to write.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("w+b", buffering=0)
        self._position = 0
        self._end = 0
        self._failure: OSError | None = None

    def check(self) -> None:
        """Raise what the system said, if it said anything."""
        if self._failure is not None:
            raise self._failure

    def write(self, content: Any) -> int:
        """Write all of it, or remember why not."""
        left = memoryview(content).cast("B")
        length = len(left)
        try:
            while len(left) and self._failure is None:
                self._file.seek(self._position + length - len(left))
                left = left[self._file.write(left) :]
        except OSError as error:
            self._failure = error
        self._position += length
        self._end = max(self._end, self._position)
        return length

    def readinto(self, buffer: Any) -> int:
        """Read what is there."""
        if self._failure is not None:
            return len(buffer)
        self._file.seek(self._position)
        count = self._file.readinto(buffer) or 0
        self._position += count
        return count

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place, whether or not the disk has it."""
        self._position = offset + (self._end if whence == os.SEEK_END else self._position if whence else 0)
        return self._position

    def tell(self) -> int:
        """Give the place."""
        return self._position

    def truncate(self, size: int | None = None) -> int:
        """Set the size."""
        self._end = self._position if size is None else size
        try:
            if self._failure is None:
                self._file.truncate(self._end)
        except OSError as error:
            self._failure = error
        return self._end

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()
        super().close()


class Hdf5Writer(FileWriter):
    """HDF5 in the layout of ``allennlp elmo``: one dataset per document, and ``sentence_to_index``.

    Datasets are named "0", "1", ... and are (words, dim), or (layers, words, dim) where the recipe keeps its layers; a
    word without a vector is NaN. ``sentence_to_index`` is JSON from the words joined by a space to the name of the
    dataset; of documents with the same words it has the last, as there.
    """

    in_pieces = False

    def __init__(self, partial: PartialFile | None, dtype: VectorDtype, *, keyed: bool = False) -> None:
        super().__init__(partial, dtype, keyed=keyed)
        try:
            import h5py  # noqa: F401
        except ImportError as error:
            raise MissingExtraError.of("hdf5", "writing HDF5") from error
        self._hdf5: Any = None
        self._sink: _NeverFails | None = None
        self._count = 0
        self._sentences: dict[str, str] = {}

    def _append(self, rows: Rows) -> None:
        import h5py

        if len(rows.vectors) != 1:
            raise OutputError(
                f"{self._name!r}: HDF5 in ELMo's layout holds one recipe, and there are {len(rows.vectors)}: write one "
                "file a recipe, or .parquet."
            )
        if "subword" in rows.names:
            raise OutputError(f"{self._name!r}: HDF5 in ELMo's layout holds words, not subwords: write .parquet.")
        for column in rows.extra:
            raise OutputError(
                f"{self._name!r}: HDF5 in ELMo's layout holds vectors alone, and no column {column!r}: write .parquet."
            )
        if self._sink is None:
            self._sink = _NeverFails(self._file.path)
            self._hdf5 = h5py.File(self._sink, "w")
        (vectors,) = rows.vectors.values()
        words = rows.scalars["word"].to_pylist()
        starts = rows.document_starts.tolist()
        for document, start, end in zip(rows.documents, starts[:-1], starts[1:], strict=True):
            block = vectors[start:end]
            name = str(self._count)
            dataset = self._hdf5.create_dataset(name, data=block if block.ndim == 2 else block.swapaxes(0, 1))
            dataset.attrs["document"] = document
            self._sentences[" ".join(words[start:end])] = name
            self._count += 1
            self._sink.check()

    def _finish(self, provenance: str) -> int:
        import h5py

        index = self._hdf5.create_dataset("sentence_to_index", (1,), dtype=h5py.string_dtype("utf-8"))
        index[0] = json.dumps(self._sentences)
        self._hdf5.attrs[PROVENANCE] = provenance
        self._hdf5.close()
        if self._sink is not None:
            self._sink.check()
        self._close()
        return self._file.publish()

    def _close(self) -> None:
        for closable in (self._hdf5, self._sink):
            with contextlib.suppress(OSError, RuntimeError, ValueError):  # what was not written cannot be read back
                if closable is not None:
                    closable.close()
        self._hdf5 = self._sink = None
