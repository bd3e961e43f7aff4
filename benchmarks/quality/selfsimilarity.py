"""How alike the usages of a word are, by depth: whether vectors grow more contextual."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks.quality.sources import EWT_DEV

from wordstates import WordEmbedder
from wordstates.documents.readers import read_documents
from wordstates.evaluate.geometry.run import layer_recipe, measure_geometry

_TEXTS = 1_500


def measure(model: str, data: Path) -> dict[str, Any]:
    """Measure the geometry of each layer on sentences of English-EWT."""
    embedder = WordEmbedder(model, recipes=[layer_recipe("0:", "mean")])
    measured = measure_geometry(embedder, islice(read_documents([str(data / EWT_DEV)]), _TEXTS), sample=1000, seed=0)
    return {
        "texts": measured.texts,
        "words": measured.words,
        "layers": [geometry.to_dict() for geometry in measured.layers],
    }
