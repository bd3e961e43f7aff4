"""Writers: word embeddings into files of the format that the file's ending names.

A file is there whole or not at all: `write` goes to a partial file beside it, `commit` gives it its name, `abort`
removes it. Parquet, JSON lines and HDF5 are written as the rows come; NumPy and safetensors files, which begin with
their shapes, are collected in memory until `commit`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from wordstates.documents.document import Document
from wordstates.errors import OutputError
from wordstates.files.arrays import Hdf5Writer, NpzWriter, SafetensorsWriter
from wordstates.files.atomic import PartialFile
from wordstates.files.beside import WithVectorsBeside
from wordstates.files.formats import FORMAT_OF_ENDING, LOADABLE, SPREADSHEETS, output_format
from wordstates.files.outputs import check_free
from wordstates.files.spreadsheets import CsvWriter, TsvWriter, XlsxWriter
from wordstates.files.tables import JsonlWriter, ParquetWriter
from wordstates.files.writer import STDOUT, FileWriter
from wordstates.options import VectorDtype, check_choice
from wordstates.result.embedded_words import EmbeddedWords
from wordstates.result.rows import Rows

_WRITERS: dict[str, type[FileWriter]] = {
    "parquet": ParquetWriter,
    "jsonl": JsonlWriter,
    "npz": NpzWriter,
    "safetensors": SafetensorsWriter,
    "hdf5": Hdf5Writer,
    "csv": CsvWriter,
    "tsv": TsvWriter,
    "xlsx": XlsxWriter,
}


class Writer(Protocol):
    """What takes word embeddings and makes a file of them."""

    @property
    def in_pieces(self) -> bool:
        """Whether the words of one document may come in several calls."""
        ...

    def write(self, documents: Sequence[Document], embeddings: EmbeddedWords, first: int = 0) -> None:
        """Add documents, or the words of one from its `first` on; the texts of `embeddings` are theirs, in order."""

    def write_rows(self, rows: Rows) -> None:
        """Add rows whose vectors are in the precision of the file."""

    def commit(self, provenance: Mapping[str, object]) -> int:
        """Finish the file with where it came from, give it its name, and return its bytes on disk."""
        ...

    def abort(self) -> None:
        """Remove what was written; a file that was there before stays. Does nothing after `commit`."""


def open_writer(
    path: str | Path,
    *,
    dtype: VectorDtype = "float32",
    overwrite: bool = False,
    keyed: bool = False,
    vectors: bool = False,
    vectors_file: str | Path | None = None,
    bom: bool = False,
) -> Writer:
    """Choose the writer of a path, and find out before anything is computed whether it can be written.

    Args:
        path: Output file; its ending is the format. ``-`` is JSON lines on standard output.
        dtype: Precision of the vectors in the file.
        overwrite: Whether to replace a file that is there.
        keyed: Have a column of keys from the first row on, though only later documents may bring some.
        vectors: Whether .csv, .tsv and .xlsx have the vectors, a column a number; other formats always have them.
        vectors_file: A second file for the vectors of .csv, .tsv and .xlsx, row by row; its ending is its format.
        bom: Whether .csv and .tsv begin with a byte order mark, by which Excel tells UTF-8.

    Raises:
        OutputError: If the ending is unknown, a file exists, or its folder cannot be written to.
        MissingExtraError: If HDF5 is asked for and h5py is not installed.
    """
    check_choice("dtype", dtype, VectorDtype, OutputError)
    chosen = output_format(Path(path))
    if bom and chosen not in ("csv", "tsv"):
        raise OutputError(f"{str(path)!r} takes no byte order mark: bom=True is for .csv and .tsv.")
    if vectors_file is not None:
        _check_vectors_file(Path(path), Path(vectors_file))
    if str(path) == STDOUT:
        return JsonlWriter(None, dtype, keyed=keyed)
    target = Path(path)
    if chosen is None:
        raise OutputError(
            f"{str(path)!r}: its ending names no output format. Known endings: {', '.join(FORMAT_OF_ENDING)}; "
            "or '-' for JSON lines on standard output; or no ending, or a / at the end, for a store."
        )
    check_free(target, overwrite=overwrite)
    more = {"vectors": vectors, "bom": bom} if chosen in SPREADSHEETS else {}
    writer = _WRITERS[chosen](PartialFile(target, overwrite=overwrite), dtype, keyed=keyed, **more)
    if vectors_file is None:
        return writer
    check_free(beside := Path(vectors_file), overwrite=overwrite)
    second = _WRITERS[output_format(beside) or ""](PartialFile(beside, overwrite=overwrite), dtype, keyed=keyed)
    return WithVectorsBeside(writer, second)


def _check_vectors_file(table: Path, vectors: Path) -> None:
    if output_format(table) not in SPREADSHEETS:
        raise OutputError(f"{str(table)!r} has its vectors: vectors_file={str(vectors)!r} is for .csv, .tsv and .xlsx.")
    if output_format(vectors) not in LOADABLE:
        endings = ", ".join(f".{name}" for name in LOADABLE)
        raise OutputError(f"{str(vectors)!r}: vectors beside a table are written as {endings}.")
