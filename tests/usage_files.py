"""Files of usages as `wordstates embed` writes them, without a model."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from wordstates.files.formats import PROVENANCE

RECIPE = {"name": "last", "layers": -1, "layer_pooling": "mean", "subword_pooling": "mean", "layer_numbers": [2]}


def write_file(
    path: Path,
    vectors: list[list[float] | None],
    words: list[str] | None = None,
    weights: str = "w",
    **columns: list[str],
) -> Path:
    """Write what `wordstates embed` writes, without a model: one document per row."""
    count = len(vectors)
    documents = columns.pop("document", [f"d{number}" for number in range(count)])
    words = words or ["bank"] * count
    shape = [len(next(vector for vector in vectors if vector is not None))]
    data = {
        "document": pa.array(documents),
        "position": pa.array(np.zeros(count), pa.int32()),
        "word": pa.array(words),
        "start": pa.array(np.full(count, 4), pa.int32()),
        "end": pa.array([4 + len(word) for word in words], pa.int32()),
        "status": pa.array(["no_subwords" if vector is None else "ok" for vector in vectors]),
        "subwords": pa.array(np.ones(count), pa.int32()),
        **{name: pa.array(values) for name, values in columns.items()},
        "vector": pa.array(vectors, pa.list_(pa.float32(), shape[0])),
    }
    schema = pa.schema(
        [
            pa.field(name, column.type, metadata={"shape": json.dumps(shape)} if name == "vector" else None)
            for name, column in data.items()
        ],
        metadata={PROVENANCE: json.dumps({"model": "m", "weights": weights, "recipes": [RECIPE]})},
    )
    pq.write_table(pa.table(list(data.values()), schema=schema), path)
    return path


def write_clusters(path: Path, count: int) -> Path:
    """Write usages of *bank* in three clusters, with lines and years: many of them, made cheaply."""
    random = np.random.default_rng(0)
    kinds = random.integers(0, 3, count)
    vectors = random.normal(size=(count, 8)) + np.eye(3, 8)[kinds] * 6
    left = np.array(["river water ", "money loan ", "blood donor "])[kinds]
    years = np.array(["1900", "1950"])[random.integers(0, 2, count)]
    right = [f" line {number}" for number in range(count)]
    return write_file(path, vectors.tolist(), left=left.tolist(), right=right, year=years.tolist())
