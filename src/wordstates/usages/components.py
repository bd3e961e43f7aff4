"""Principal components, the same over runs."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float


def principal_components(
    vectors: Float[np.ndarray, "usages dim"], most: int
) -> tuple[Float[np.ndarray, "usages components"], float]:
    """Turn vectors to their first principal components.

    A component's sign is free; here its largest weight is positive, so that a picture is not mirrored by chance.

    Args:
        vectors: The vectors, in the order that sums are taken in.
        most: How many components; there are no more than dimensions or vectors.

    Returns:
        The vectors in these components, float64, and the share of the variance that they hold.

    Examples:
        >>> points, kept = principal_components(np.array([[0.0, 1.0], [0.0, 3.0], [0.0, 8.0]]), 1)
        >>> points.round(1).tolist(), kept
        ([[-3.0], [-1.0], [4.0]], 1.0)
    """
    centered = vectors.astype(np.float64) - vectors.mean(axis=0, dtype=np.float64)
    axes, kept = principal_axes(centered.T @ centered, min(most, len(vectors)))
    return centered @ axes, kept


def principal_axes(
    scatter: Float[np.ndarray, "dim dim"], most: int
) -> tuple[Float[np.ndarray, "dim components"], float]:
    """Give the directions of the first principal components.

    Args:
        scatter: Products of the vectors' differences from their mean, summed.
        most: How many; there are no more than dimensions.

    Returns:
        The directions, one a column, and the share of the variance that they hold.
    """
    values, axes = np.linalg.eigh(scatter)
    values = np.maximum(values[::-1], 0)
    axes = axes[:, ::-1][:, :most]
    axes = axes * np.where(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])] < 0, -1.0, 1.0)
    total = float(values.sum())
    kept = float(values[: axes.shape[1]].sum()) / total if total > 0 else 1.0
    return axes, kept
