"""Static vectors from a file that `StaticVectors.save` wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from wordstates.errors import InputError
from wordstates.files.describe import broken_is_told
from wordstates.files.formats import PROVENANCE
from wordstates.files.parquet import open_parquet
from wordstates.files.tensors import read_tensors
from wordstates.json_text import read_json, with_new_names
from wordstates.static.files import SETS


def read_static(path: str | Path) -> dict[str, Any]:
    """Read the parts of a `StaticVectors`.

    Raises:
        InputError: If it is no file of static vectors that holds all of them, or broken.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{str(path)!r} is not a file: give one that StaticVectors.save or `wordstates static` wrote.")
    ending = path.suffix.lower()
    if ending not in (".parquet", ".safetensors"):
        raise InputError(
            f"{str(path)!r} cannot be loaded: .parquet and .safetensors hold all of static vectors. A word2vec file is "
            "read by gensim's KeyedVectors.load_word2vec_format."
        )
    with broken_is_told(path):
        metadata, columns = _parquet(path) if ending == ".parquet" else _safetensors(path)
        if SETS not in metadata:
            raise InputError(
                f"{str(path)!r} has no static vectors of StaticVectors.save: word embeddings are read by "
                "wordstates.load."
            )
        about = read_json(metadata[SETS])
        by = about["by"]
        sets: dict[str, str] = about["sets"]
        similarity = {
            name: columns.get(column.replace("vector", "self_similarity", 1)) for column, name in sets.items()
        }
        return {
            "words": list(columns["word"]),
            "occurrences": np.array(columns["occurrences"], dtype=np.int64),
            "usages": np.array(columns["usages"], dtype=np.int64),
            "vectors": {name: columns[column] for column, name in sets.items()},
            "self_similarity": {name: values for name, values in similarity.items() if values is not None},
            "anisotropy": about["anisotropy"],
            "groups": list(columns[by]) if by in columns else None,
            "by": by,
            "provenance": with_new_names(read_json(metadata[PROVENANCE])),
        }


def _parquet(path: Path) -> tuple[dict[str, str], dict[str, Any]]:
    with open_parquet(path) as file:
        table = file.read()
    metadata = {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}
    columns: dict[str, Any] = {}
    for name in table.column_names:
        column = table[name].combine_chunks()
        if name == "vector" or name.startswith("vector_"):
            columns[name] = np.full((len(table), column.type.list_size), np.nan, dtype=np.float32)
            there = column.is_valid().to_numpy(zero_copy_only=False)
            columns[name][there] = column.flatten().to_numpy().reshape(-1, column.type.list_size)
        elif name.startswith("self_similarity"):
            columns[name] = column.to_numpy(zero_copy_only=False)
        else:
            columns[name] = column.to_pylist()
    return metadata, columns


def _safetensors(path: Path) -> tuple[dict[str, str], dict[str, Any]]:
    columns, metadata = read_tensors(path)
    strings = {name: read_json(value) for name, value in metadata.items() if name not in (PROVENANCE, SETS)}
    return metadata, columns | {"word": strings.pop("words", [])} | strings
