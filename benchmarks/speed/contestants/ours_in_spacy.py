"""wordstates as a component of a spaCy pipeline: `nlp.pipe` with this component alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import spacy
from benchmarks.speed.contestants.pooling import versions_of
from benchmarks.speed.entries import LAST
from spacy.tokens import Doc


def versions() -> dict[str, str]:
    return versions_of("wordstates", "spacy", "transformers", "tokenizers", "torch", "openvino", "numpy")


class OursInSpacy:
    def __init__(self, config: dict[str, Any]) -> None:
        self._nlp: Any = spacy.blank("en")
        self._nlp.add_pipe("wordstates", config=config)

    def vectors(self, texts: Sequence[Sequence[str]]) -> Any:
        docs = [Doc(self._nlp.vocab, words=list(words)) for words in texts]
        return np.concatenate([doc.tensor for doc in self._nlp.pipe(docs)])


def load(model: str, recipe: str, texts: str, device: str, *, engine: Any, precision: Any) -> OursInSpacy:
    layers = -1 if recipe == LAST else "-4:"
    return OursInSpacy({"model": model, "layers": layers, "engine": engine, "precision": precision, "device": device})
