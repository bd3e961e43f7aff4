"""Subwords to words, as a competent user of a library without words does it: no loop over words."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

import torch
from benchmarks.speed.entries import LAST
from torch import Tensor


def pick(hidden_states: Sequence[Tensor], recipe: str) -> Tensor:
    """Give the last layer, or the mean of the last four."""
    return hidden_states[-1] if recipe == LAST else torch.stack(tuple(hidden_states[-4:])).mean(0)


class WordMeans:
    """Collects subword states, and gives the mean of each word's.

    Args:
        n_words: Words of all texts, numbered through.
        dim: Width of a state.
        device: Where states are.
    """

    def __init__(self, n_words: int, dim: int, device: str) -> None:
        self._sums = torch.zeros(n_words, dim, device=device)
        self._counts = torch.zeros(n_words, device=device)

    def add(self, states: Tensor, words: Tensor) -> None:
        """Add states of shape (subwords, dim), and the number of the word of each."""
        self._sums.index_add_(0, words, states)
        self._counts.index_add_(0, words, torch.ones(len(words), device=words.device))

    def means(self) -> Tensor:
        """Give the means, NaN where a word got no subword."""
        return self._sums / self._counts[:, None]


def versions_of(*packages: str) -> dict[str, str]:
    """Give the versions of those packages that are installed."""
    found = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
