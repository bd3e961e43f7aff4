"""sentence-transformers: `encode(output_value="token_embeddings")`, and its subwords to words by their offsets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from benchmarks.speed.contestants.pooling import WordMeans, versions_of
from sentence_transformers import SentenceTransformer


def versions() -> dict[str, str]:
    return versions_of("sentence-transformers", "transformers", "tokenizers", "torch", "numpy")


class BySentenceTransformers:
    def __init__(self, model: str, device: str) -> None:
        self._device = device
        self._model = SentenceTransformer(model, device=device)
        self._model.max_seq_length = 512

    def vectors(self, texts: Sequence[Sequence[str]]) -> Any:
        joined = [" ".join(words) for words in texts]
        states = self._model.encode(
            joined, output_value="token_embeddings", batch_size=32, convert_to_numpy=False, show_progress_bar=False
        )
        encoded = self._model.tokenizer(joined, return_offsets_mapping=True, truncation=True, max_length=512)
        means = WordMeans(sum(map(len, texts)), states[0].shape[1], self._device)
        before = 0
        for words, found, offsets in zip(texts, states, encoded["offset_mapping"], strict=True):
            spans = np.array(offsets)
            ends = np.cumsum([len(word) + 1 for word in words])  # of each word and the space after it
            real = np.flatnonzero(spans[:, 1] > spans[:, 0])
            numbers = np.searchsorted(ends, spans[real, 0], side="right") + before
            means.add(found[torch.from_numpy(real)], torch.from_numpy(numbers).to(self._device))
            before += len(words)
        return means.means().cpu().numpy()


def load(model: str, recipe: str, texts: str, device: str) -> BySentenceTransformers:
    return BySentenceTransformers(model, device)
