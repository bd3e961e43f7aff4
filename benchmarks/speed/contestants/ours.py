"""wordstates, by its engines and precisions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.speed.contestants.pooling import versions_of
from benchmarks.speed.entries import LAST

from wordstates import WordEmbedder


def versions() -> dict[str, str]:
    return versions_of("wordstates", "transformers", "tokenizers", "torch", "openvino", "numpy")


class Ours:
    def __init__(self, embedder: WordEmbedder) -> None:
        self._embedder = embedder

    def vectors(self, texts: Sequence[Sequence[str]]) -> Any:
        return self._embedder.encode(texts).vectors


def load(model: str, recipe: str, texts: str, device: str, *, engine: Any, precision: Any) -> Ours:
    layers = -1 if recipe == LAST else "-4:"
    return Ours(WordEmbedder(model, layers=layers, engine=engine, precision=precision, device=device))
