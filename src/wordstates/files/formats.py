"""The output formats: their endings, and where each keeps its provenance."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

PROVENANCE = "wordstates"  # the name that the provenance has in files with named metadata
FORMAT_OF_ENDING = {
    ".parquet": "parquet",
    ".npz": "npz",
    ".safetensors": "safetensors",
    ".jsonl": "jsonl",
    ".csv": "csv",
    ".tsv": "tsv",
    ".xlsx": "xlsx",
    ".h5": "hdf5",
    ".hdf5": "hdf5",
}
SAVED = "saved"  # key beside the provenance of what a saved result has, and no column holds
LOADABLE = ("parquet", "npz", "safetensors", "jsonl")  # formats that hold all of a result
SPREADSHEETS = ("csv", "tsv", "xlsx")  # tables for people: vectors on request only


def output_format(path: Path) -> str | None:
    """Give the format that a file's ending names, None where it names none."""
    return FORMAT_OF_ENDING.get(path.suffix.lower())


def provenance_json(provenance: Mapping[str, object]) -> str:
    """Write provenance as JSON; what JSON does not know, as paths, by its name: no finished run is lost for it."""
    text = json.dumps(provenance, ensure_ascii=False, default=str)
    return text.encode("utf-8", "backslashreplace").decode()  # names of files may be no UTF-8


def provenance_path(path: Path) -> Path:
    """Give the path of the provenance beside a file of plain text: JSON lines, .csv, .tsv."""
    return path.with_name(f"{path.name}.provenance.json")
