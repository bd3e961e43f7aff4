"""What a file says about itself: where it came from, and what is in it."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
from numpy.lib.npyio import NpzFile
from safetensors import safe_open

from wordstates.documents.tables import rows_of_sheet
from wordstates.errors import InputError, MissingExtraError, WordstatesError
from wordstates.files.formats import FORMAT_OF_ENDING, PROVENANCE, SAVED, output_format, provenance_path
from wordstates.files.hdf5_facts import hdf5_facts
from wordstates.files.parquet import open_parquet
from wordstates.json_text import read_json, with_new_names
from wordstates.wording import said

_NUMBER_OF_A_VECTOR = re.compile(r"(vector(?:_\w+)?)_\d+")  # a column of a spreadsheet


@dataclass(frozen=True, slots=True)
class FileDescription:
    """What is in a file that wordstates wrote.

    Args:
        format: ``parquet``, ``npz``, ``safetensors``, ``jsonl``, ``hdf5``, ``csv``, ``tsv`` or ``xlsx``.
        rows: Words, or subwords where the recipe keeps them.
        columns: Type of each column, array or tensor by its name; of HDF5: of one dataset.
        dtype: Precision of the vectors; JSON lines: ``json``; tables for people: ``text``.
        vectors: Shape of one vector of each vector column: (dim,) or (layers, dim).
        bytes: Size on disk.
        provenance: Where it came from.
    """

    path: str
    format: str
    rows: int
    columns: dict[str, str]
    dtype: str
    vectors: dict[str, tuple[int, ...]]
    bytes: int
    provenance: dict[str, object]


_Content = tuple[int, dict[str, str], str, dict[str, tuple[int, ...]]]  # rows, columns, dtype, vectors


def read_provenance(path: str | Path) -> dict[str, object]:
    """Read where a file came from.

    Args:
        path: A file that a writer of wordstates made.

    Raises:
        InputError: If it does not exist, its ending is unknown, or wordstates did not write it.
    """
    return read_contents(path)[0]


def read_contents(path: str | Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read where a file came from, and what `WordEmbeddings.save` wrote beside it: of other files nothing.

    Raises:
        InputError: If it does not exist, its ending is unknown, or wordstates did not write it.
    """
    path, chosen = _checked(path)
    with broken_is_told(path):
        found = _PROVENANCE[chosen](path)
        provenance = None if found is None else with_new_names(read_json(found))
    if not isinstance(provenance, dict):
        beside = f", with {provenance_path(path).name!r} beside it," if chosen in ("jsonl", "csv", "tsv") else ""
        raise InputError(
            f"{str(path)!r} was not written by wordstates: give a file of `wordstates embed`{beside} instead."
        )
    saved = provenance.pop(SAVED, {})
    return provenance, saved


def describe(path: str | Path) -> FileDescription:
    """Say what is in a file, without reading its vectors.

    Args:
        path: A file that a writer of wordstates made.

    Raises:
        InputError: If it does not exist, its ending is unknown, or wordstates did not write it.
    """
    provenance = read_provenance(path)
    path, chosen = _checked(path)
    with broken_is_told(path):
        rows, columns, dtype, vectors = _CONTENT[chosen](path)
    return FileDescription(str(path), chosen, rows, columns, dtype, vectors, path.stat().st_size, provenance)


def _checked(path: str | Path) -> tuple[Path, str]:
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{str(path)!r} is not a file: give one that wordstates wrote.")
    chosen = output_format(path)
    if chosen is None:
        raise InputError(f"{str(path)!r}: wordstates writes no such file, only {', '.join(FORMAT_OF_ENDING)}.")
    return path, chosen


@contextmanager
def broken_is_told(path: Path) -> Iterator[None]:
    """Turn what the libraries say about a broken file into an `InputError`."""
    try:
        yield
    except WordstatesError:
        raise
    except PermissionError as error:
        raise InputError(f"{str(path)!r} cannot be read: you have no permission to.") from error
    except Exception as error:  # NumPy, h5py and others let whatever their parsers raise come through
        raise InputError(f"{str(path)!r} cannot be read as {path.suffix}: it is broken ({said(error)}).") from error


def _is_vector(name: str) -> bool:
    return name == "vector" or name.startswith("vector_")


# ── Parquet ──


def _parquet_provenance(path: Path) -> str | None:
    with open_parquet(path) as file:
        metadata = file.metadata.metadata or {}
    found = metadata.get(PROVENANCE.encode())
    return None if found is None else found.decode()


def _parquet_content(path: Path) -> _Content:
    with open_parquet(path) as file:
        schema, rows = file.schema_arrow, file.metadata.num_rows
    columns = {field.name: str(field.type) for field in schema}
    vectors = [field for field in schema if _is_vector(field.name)]
    shapes = {field.name: tuple(read_json(field.metadata[b"shape"])) for field in vectors}
    dtype = {"halffloat": "float16", "float": "float32"}[str(vectors[0].type.value_type)]
    return rows, columns, dtype, shapes


# ── NumPy and safetensors ──


@contextmanager
def open_npz(path: Path) -> Iterator[NpzFile]:
    """Open an archive of arrays; the file is closed where it is none too, which NumPy alone would leave open."""
    with path.open("rb") as file, NpzFile(file, allow_pickle=False) as arrays:
        yield arrays


def _npz_provenance(path: Path) -> str | None:
    with open_npz(path) as arrays:
        return str(arrays[PROVENANCE]) if PROVENANCE in arrays.files else None


def _npz_content(path: Path) -> _Content:
    """Read the shapes from the arrays' headers, not the arrays."""
    found: dict[str, tuple[tuple[int, ...], Any]] = {}
    with ZipFile(path) as arrays:
        for member in arrays.namelist():
            with arrays.open(member) as file:
                version = np.lib.format.read_magic(file)
                read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
                shape, _, dtype = read(file)
                found[member.removesuffix(".npy")] = (shape, dtype)
    found.pop(PROVENANCE)
    return _arrays_content({name: (shape, str(dtype)) for name, (shape, dtype) in found.items()})


def _safetensors_provenance(path: Path) -> str | None:
    with safe_open(path, framework="numpy") as file:
        found = (file.metadata() or {}).get(PROVENANCE)
    return None if found is None else str(found)


def _safetensors_content(path: Path) -> _Content:
    names = {"F16": "float16", "F32": "float32", "F64": "float64", "I32": "int32", "I64": "int64", "BOOL": "bool"}
    with safe_open(path, framework="numpy") as file:
        slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
        found = {name: (tuple(part.get_shape()), names[part.get_dtype()]) for name, part in slices.items()}
    return _arrays_content(found)


def _arrays_content(found: dict[str, tuple[tuple[int, ...], str]]) -> _Content:
    vectors = {name: shape[1:] for name, (shape, _) in found.items() if _is_vector(name)}
    if not vectors:
        raise ValueError("it has no vectors")
    shape, dtype = found[next(iter(vectors))]
    return (
        shape[0],
        {name: f"{dtype}{list(shape)}" for name, (shape, dtype) in found.items()},
        dtype,
        vectors,
    )


# ── JSON lines ──


def _jsonl_provenance(path: Path) -> str | None:
    beside = provenance_path(path)
    return beside.read_text(encoding="utf-8") if beside.is_file() else None


def _jsonl_content(path: Path) -> _Content:
    rows = 0
    columns: dict[str, str] = {}
    shapes: dict[str, tuple[int, ...]] = {}
    with path.open("rb") as file:
        for line in file:
            rows += 1
            if columns and len(shapes) == sum(map(_is_vector, columns)):
                continue  # all is known but the number of lines
            for name, value in read_json(line).items():
                columns[name] = "vector" if _is_vector(name) else columns.get(name, type(value).__name__)
                if _is_vector(name) and value is not None:
                    shapes[name] = np.shape(value)
    return rows, columns, "json", shapes


# ── tables for people ──


def _spreadsheet_content(header: list[str], rows: int) -> _Content:
    sizes = Counter(match[1] for name in header if (match := _NUMBER_OF_A_VECTOR.fullmatch(name)))
    columns = [name for name in header if not _NUMBER_OF_A_VECTOR.fullmatch(name)]
    kinds = dict.fromkeys(columns, "cell") | dict.fromkeys(sizes, "vector")
    return rows, kinds, "text", {name: (size,) for name, size in sizes.items()}


def _csv_content(path: Path) -> _Content:
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = csv.reader(file, dialect="excel-tab" if path.suffix.lower() == ".tsv" else "excel")
        return _spreadsheet_content(next(lines), sum(1 for _ in lines))


@contextmanager
def _xlsx(path: Path) -> Iterator[Any]:
    try:
        import openpyxl
    except ImportError as error:
        raise MissingExtraError.of("xlsx", "reading .xlsx") from error
    book = openpyxl.load_workbook(path, read_only=True)
    try:
        yield book
    finally:
        book.close()


def _xlsx_provenance(path: Path) -> str | None:
    with _xlsx(path) as book:
        about = book.properties
        return str(about.description) if about.identifier == PROVENANCE else None


def _xlsx_content(path: Path) -> _Content:
    with _xlsx(path) as book:
        lines = rows_of_sheet(book.active)
        return _spreadsheet_content([*next(lines)], sum(1 for _ in lines))


# ── HDF5 ──


def _hdf5_provenance(path: Path) -> str | None:
    found: str | None = hdf5_facts(path)["provenance"]
    return found


def _hdf5_content(path: Path) -> _Content:
    facts = hdf5_facts(path)
    shapes, dtype = facts["shapes"], facts["dtype"]
    if not shapes or not dtype or not all(len(shape) in (2, 3) for shape in shapes):
        raise ValueError("a document of it is no array of vectors")
    rows = sum(shape[-2] for shape in shapes)
    shape = (*shapes[0][:-2], shapes[0][-1])
    return rows, {"vector": f"{dtype}{list(shape)}"}, dtype, {"vector": shape}


_PROVENANCE: dict[str, Callable[[Path], str | None]] = {
    "parquet": _parquet_provenance,
    "npz": _npz_provenance,
    "safetensors": _safetensors_provenance,
    "jsonl": _jsonl_provenance,
    "csv": _jsonl_provenance,
    "tsv": _jsonl_provenance,
    "xlsx": _xlsx_provenance,
    "hdf5": _hdf5_provenance,
}
_CONTENT: dict[str, Callable[[Path], _Content]] = {
    "parquet": _parquet_content,
    "npz": _npz_content,
    "safetensors": _safetensors_content,
    "jsonl": _jsonl_content,
    "csv": _csv_content,
    "tsv": _csv_content,
    "xlsx": _xlsx_content,
    "hdf5": _hdf5_content,
}
