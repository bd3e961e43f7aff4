"""How alike two layers are, of one model or of two: linear CKA."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from wordstates.evaluate.sweep.layers import LayerVectors

_MOST_USAGES = 1000


@dataclass(frozen=True, eq=False)
class Likeness:
    """Linear CKA between all layers of all models, on the same usages.

    Args:
        rows: Model and layer of each row and column.
        values: From 0 (nothing in common) to 1 (the same up to rotation and scale), shape (rows, rows).
        usages: Number of usages they are compared on.
    """

    rows: list[tuple[str, int]]
    values: Float[np.ndarray, "rows rows"]
    usages: int

    def to_dict(self) -> dict[str, object]:
        """Give it as plain JSON data."""
        rows = [{"model": model, "layer": layer} for model, layer in self.rows]
        return {"rows": rows, "usages": self.usages, "values": np.round(self.values, 4).tolist()}


def linear_cka(first: Float[np.ndarray, "usages a"], second: Float[np.ndarray, "usages b"]) -> float:
    """Compare two sets of vectors of the same usages; neither rotation nor scale nor the mean counts.

    Source:
        Kornblith et al. 2019, "Similarity of neural network representations revisited", section 3.

    Examples:
        >>> vectors = np.array([[1.0, 0.0], [0.0, 1.0], [2.0, 1.0]])
        >>> round(linear_cka(vectors, 3 * vectors[:, ::-1] + 1), 6)
        1.0
    """
    first, second = (np.asarray(each, dtype=np.float64) for each in (first, second))
    first, second = first - first.mean(axis=0), second - second.mean(axis=0)
    size = float(np.linalg.norm(first.T @ first) * np.linalg.norm(second.T @ second))
    return float(np.linalg.norm(second.T @ first) ** 2 / size) if size else 0.0


def compare_layers(passes: Mapping[str, LayerVectors], *, seed: int = 0) -> Likeness:
    """Compare each layer of each model with each other, on usages that all of them have; a sample, if there are many.

    Args:
        passes: What each model gave, by its name.
        seed: Of the sample.
    """
    there = np.flatnonzero(np.logical_and.reduce([vectors.has_vector for vectors in passes.values()]))
    if len(there) > _MOST_USAGES:
        there = np.sort(np.random.default_rng(seed).choice(there, _MOST_USAGES, replace=False))
    rows, taken = list[tuple[str, int]](), list[np.ndarray]()
    for name, vectors in passes.items():
        values = next(iter(vectors.values.values()))[there]
        for layer in range(vectors.n_blocks + 1):
            rows.append((name, layer))
            taken.append(values[:, layer])
    likeness = np.eye(len(rows))
    for first in range(len(rows)):
        for second in range(first):
            likeness[first, second] = likeness[second, first] = linear_cka(taken[first], taken[second])
    return Likeness(rows, likeness, len(there))
