"""`transformers` by hand: the loop that a competent user writes, text by text or in batches."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby, pairwise
from typing import Any

import numpy as np
import torch
from benchmarks.speed.contestants.pooling import WordMeans, pick, versions_of
from transformers import AutoModel, AutoTokenizer

_OVERLAP = 127  # of windows, as wordstates has it


def versions() -> dict[str, str]:
    return versions_of("transformers", "tokenizers", "torch", "numpy")


class ByHand:
    def __init__(self, model: str, recipe: str, device: str, *, batch: int, by_length: bool, precision: str) -> None:
        self._tokenizer = AutoTokenizer.from_pretrained(model)
        self._model = AutoModel.from_pretrained(model, dtype=getattr(torch, precision)).eval().to(device)
        self._device = device
        self._window = min(self._tokenizer.model_max_length, 512)
        self._recipe = recipe
        self._batch = batch
        self._by_length = by_length

    def vectors(self, texts: Sequence[Sequence[str]]) -> Any:
        starts = np.append(0, np.cumsum([len(words) for words in texts]))
        means = WordMeans(int(starts[-1]), self._model.config.hidden_size, self._device)
        order = sorted(range(len(texts)), key=lambda text: -len(texts[text])) if self._by_length else range(len(texts))
        with torch.inference_mode():
            for begin in range(0, len(texts), self._batch):
                batch = list(order[begin : begin + self._batch])
                self._read([texts[text] for text in batch], starts[batch], means)
        return means.means().cpu().numpy()

    def _read(self, texts: Sequence[Sequence[str]], starts: Any, means: WordMeans) -> None:
        encoded = self._tokenizer(
            [list(words) for words in texts],
            is_split_into_words=True,
            truncation=True,
            max_length=self._window,
            stride=_OVERLAP,
            return_overflowing_tokens=True,
            padding=True,
            return_tensors="pt",
        )
        of_text = encoded.pop("overflow_to_sample_mapping").numpy()
        words = np.array(
            [[-1 if word is None else word for word in encoded.word_ids(row)] for row in range(len(of_text))]
        )
        _share_out(words, of_text)
        numbers = torch.from_numpy(np.where(words < 0, -1, words + starts[of_text][:, None]))
        # A long text has several windows: no more of them are read at once than there are texts in a batch.
        for first in range(0, len(of_text), self._batch):
            rows = slice(first, first + self._batch)
            inputs = {key: value[rows].to(self._device) for key, value in encoded.items()}
            output = self._model(**inputs, output_hidden_states=True)
            flat = numbers[rows].flatten()
            taken = (flat >= 0).nonzero()[:, 0]
            states = pick(output.hidden_states, self._recipe).flatten(0, 1)
            means.add(states[taken.to(self._device)].float(), flat[taken].to(self._device))


def _share_out(words: Any, of_text: Any) -> None:
    """Take each word of a long text from one window: up to the middle of an overlap from the first that shows it.

    Args:
        words: Number of the word of each subword, -1 for none, shape (windows, subwords); what is not taken becomes -1.
        of_text: Text of each window.
    """
    for _, group in groupby(range(len(of_text)), key=of_text.__getitem__):
        for one, other in pairwise(group):
            last, first = words[one].max(), words[other][words[other] >= 0].min()
            middle = (first + last + 1) // 2
            words[one][words[one] >= middle] = -1
            words[other][words[other] < middle] = -1


def load(model: str, recipe: str, texts: str, device: str, *, batch: int, by_length: bool, precision: str) -> ByHand:
    return ByHand(model, recipe, device, batch=batch, by_length=by_length, precision=precision)
