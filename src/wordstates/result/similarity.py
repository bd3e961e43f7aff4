"""Cosines of vectors, words and usages."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float

from wordstates.errors import InputError, without_foreign_errors


def unit(vectors: Float[np.ndarray, "*rows dim"]) -> Float[np.ndarray, "*rows dim"]:
    """Divide vectors by their length; zeros stay zeros, and NaN stays NaN."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.where(length == 0, 1, length)


@without_foreign_errors
def similarity(a: Any, b: Any = None) -> Float[np.ndarray, " ..."]:
    """Give the cosine of every vector of one side with every vector of the other, float32.

    Args:
        a: A vector (dim,), vectors (n, dim), a `WordEmbeddings`, a `Usages`, a `Usage`, or a tensor.
        b: The same; default `a` itself.

    Returns:
        ``(n, m)`` for n and m vectors. A side that is a single vector has no axis: two vectors give a number (shape
        ``()``), one and m give ``(m,)``. A single vector is an array (dim,), a `Usage`, or the word that ``emb[0][3]``
        is; a `WordEmbeddings` of one word counts as one vector. NaN where a word has no vector.

    Raises:
        InputError: If a side has no vectors of numbers, or they have another number of dimensions than the other's.
        RecipeError: If words have vectors of several recipes: choose with `recipe`.

    Examples:
        >>> similarity([1.0, 0.0], [[2.0, 0.0], [0.0, 3.0]]).tolist()
        [1.0, 0.0]
    """
    left, right = (_vectors(side) for side in (a, a if b is None else b))
    if left.shape[-1] != right.shape[-1]:
        raise InputError(
            f"Vectors of {left.shape[-1]} and {right.shape[-1]} dimensions have no cosine: take both from one recipe."
        )
    cosines: np.ndarray = np.clip(unit(left) @ unit(right).T, -1, 1)
    return cosines


def _vectors(side: Any) -> Float[np.ndarray, " ..."]:
    if hasattr(side, "words") and hasattr(side, "vectors"):  # embeddings
        given = side.vectors[0] if len(side.words) == 1 and len(side.vectors) == 1 else side.vectors
    else:
        given = next((getattr(side, name) for name in ("vectors", "vector") if hasattr(side, name)), side)
    if hasattr(given, "detach"):
        given = given.detach().cpu().float().numpy()
    try:
        vectors = np.asarray(given, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"{type(side).__name__} has no vectors to compare ({error}): give an array, words of encode() or usages."
        ) from error
    if vectors.ndim not in (1, 2):
        raise InputError(
            f"Vectors of shape {vectors.shape} have no cosine: give (dim,) or (n, dim); choose one layer where the "
            "recipe keeps several."
        )
    return vectors
