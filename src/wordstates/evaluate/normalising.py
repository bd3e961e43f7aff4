"""What is done to vectors after pooling: fitted on one set, applied to others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from wordstates.errors import RecipeError

NORMALISINGS = ("none", "center", "standardize", "unit")


@dataclass(frozen=True, eq=False)
class Normaliser:
    """Moves and scales vectors.

    Args:
        name: One of `NORMALISINGS`.
        mean: What is taken off each dimension; 0 where nothing is.
        scale: What each dimension is divided by; 1 where it is not.
    """

    name: str
    mean: Float[np.ndarray, " dim"]
    scale: Float[np.ndarray, " dim"]

    @classmethod
    def fit(cls, name: str, vectors: Float[np.ndarray, "rows dim"]) -> Normaliser:
        """Learn mean and scale.

        Args:
            name: ``none``, ``center`` (mean 0 in each dimension), ``standardize`` (and variance 1; a dimension without
                any variance is centred only), ``unit`` (length 1; nothing is learnt).
            vectors: What they are learnt from.

        Raises:
            RecipeError: If there is no such normalising.

        Example:
            >>> vectors = np.array([[1.0, 5.0], [3.0, 5.0]], dtype=np.float32)
            >>> Normaliser.fit("standardize", vectors).apply(vectors).tolist()
            [[-1.0, 0.0], [1.0, 0.0]]
        """
        if name not in NORMALISINGS:
            raise RecipeError(f"Normalising {name!r} does not exist: choose one of {', '.join(NORMALISINGS)}.")
        mean = np.zeros(vectors.shape[1])
        scale = np.ones(vectors.shape[1])
        if name in ("center", "standardize"):
            mean = vectors.mean(axis=0, dtype=np.float64)
        if name == "standardize":
            scale = vectors.std(axis=0, dtype=np.float64)
            scale[scale == 0] = 1.0
        return cls(name, mean, scale)

    def apply(self, vectors: Float[np.ndarray, "rows dim"]) -> Float[np.ndarray, "rows dim"]:
        """Give the vectors moved and scaled, float32."""
        if self.name == "none":
            return vectors
        if self.name == "unit":
            lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
            shortened: np.ndarray = vectors / np.where(lengths == 0, 1, lengths)
            return shortened
        moved: np.ndarray = ((vectors - self.mean) / self.scale).astype(np.float32)
        return moved
