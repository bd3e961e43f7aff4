"""flair: `TransformerWordEmbeddings` on sentences of given tokens, 32 at a time."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import flair
import torch
from benchmarks.speed.contestants.pooling import versions_of
from benchmarks.speed.entries import LAST
from flair.data import Sentence
from flair.embeddings import TransformerWordEmbeddings

_BATCH = 32


def versions() -> dict[str, str]:
    return versions_of("flair", "transformers", "tokenizers", "torch", "numpy")


class ByFlair:
    def __init__(self, model: str, recipe: str, device: str) -> None:
        logging.getLogger("flair").setLevel(logging.ERROR)
        flair.device = torch.device(device)
        self._embeddings = TransformerWordEmbeddings(
            model,
            layers="-1" if recipe == LAST else "-1,-2,-3,-4",
            layer_mean=True,
            subtoken_pooling="mean",
            fine_tune=False,
        )
        self._embeddings.eval()

    def vectors(self, texts: Sequence[Sequence[str]]) -> Any:
        rows = []
        for begin in range(0, len(texts), _BATCH):
            sentences = [Sentence(list(words)) for words in texts[begin : begin + _BATCH]]
            self._embeddings.embed(sentences)
            rows += [token.embedding for sentence in sentences for token in sentence]
        return torch.stack(rows).cpu().numpy()


def load(model: str, recipe: str, texts: str, device: str) -> ByFlair:
    return ByFlair(model, recipe, device)
