"""What a sweep costs: its one pass beside a run of `embed` with the last layer alone, over the same words."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from benchmarks.quality.sources import EWT_DEV
from pyarrow import parquet

from wordstates import WordEmbedder
from wordstates.documents.document import Document
from wordstates.evaluate.data.read import DataOptions, read_task
from wordstates.evaluate.sweep.grid import SUBWORD_POOLINGS, default_post_processings, make_grid
from wordstates.evaluate.sweep.layers import read_layers
from wordstates.files.open_writer import open_writer
from wordstates.options import Precision
from wordstates.recipe import Recipe
from wordstates.runs.embed import embed_documents

_WORDS = 8_000  # about so many, of a sample of the sentences of English-EWT
_ROUNDS = 5
_MAY_DIFFER = {"float32": 1e-5, "bfloat16": 0.1}  # of one batch and another


def measure(precision: Precision, model: str, data: Path) -> dict[str, Any]:
    """Read the same labelled words both ways, in turns.

    Args:
        precision: What both compute in.
        model: The model.
        data: The folder of data.
    """
    usages = read_task({None: data / EWT_DEV}, DataOptions(limit=_WORDS)).usages
    documents = [
        Document(str(number), text, spans=tuple(spans))
        for number, (text, spans) in enumerate(zip(usages.texts, usages.spans, strict=True))
    ]

    def make(recipes: Sequence[Recipe]) -> WordEmbedder:
        return WordEmbedder(model, recipes=recipes, precision=precision)

    seconds: dict[str, list[float]] = {"embed": [], "sweep": []}
    for _ in range(_ROUNDS):
        last, took = _embedded(make([Recipe()]), documents)
        seconds["embed"].append(took)
        vectors = read_layers(make, usages, SUBWORD_POOLINGS)
        seconds["sweep"].append(vectors.seconds)
        difference = float(np.abs(vectors.of(Recipe(vectors.n_blocks)) - last).max())
        if not difference <= _MAY_DIFFER[precision]:
            raise SystemExit(f"{model}: the vectors of both ways differ by {difference:.1e}.")
    grid = make_grid(vectors.n_blocks, SUBWORD_POOLINGS, default_post_processings("pairs"))
    medians = {name: statistics.median(each) for name, each in seconds.items()}
    return {
        "words": len(usages),
        "precision": precision,
        "layers": vectors.n_blocks + 1,
        "subword_poolings": len(SUBWORD_POOLINGS),
        "recipes": len(grid),
        "seconds": {name: [round(each, 2) for each in all_] for name, all_ in seconds.items()},
        "ratio": round(medians["sweep"] / medians["embed"], 3),
    }


def _embedded(embedder: WordEmbedder, documents: Sequence[Document]) -> tuple[np.ndarray, float]:
    """Write the vectors to a Parquet file, as `wordstates embed` does; give them, and the seconds that it took."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "last.parquet"
        began = time.perf_counter()
        embed_documents(embedder, iter(documents), open_writer(str(path)))
        seconds = time.perf_counter() - began
        vectors = parquet.read_table(path).column("vector").combine_chunks()
    return vectors.flatten().to_numpy().reshape(len(vectors), -1), seconds
