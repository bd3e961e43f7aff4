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
    ".h5": "hdf5",
    ".hdf5": "hdf5",
}


def output_format(path: Path) -> str | None:
    """Give the format that a file's ending names, None where it names none."""
    return FORMAT_OF_ENDING.get(path.suffix.lower())


def provenance_json(provenance: Mapping[str, object]) -> str:
    """Write provenance as JSON; what JSON does not know, as paths, by its name: no finished run is lost for it."""
    return json.dumps(provenance, ensure_ascii=False, default=str)


def provenance_path(path: Path) -> Path:
    """Give the path of the provenance beside a JSON lines file."""
    return path.with_name(f"{path.name}.provenance.json")
