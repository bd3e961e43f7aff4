"""Pictures of usages: the vectors of each layer in two dimensions, aligned layer by layer, and what they keep."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from wordstates.errors import MissingExtraError
from wordstates.options import Projection
from wordstates.usages.components import principal_components

NEIGHBOURS = 10
_LEAST_MOVED = 10  # usages; fewer have no neighbourhoods
_MOST_COMPARED = 500  # usages whose neighbours are looked for, to say what a picture keeps
DECIMALS = 4  # what is left after rounding does not hang on the order in which threads add


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """The usages of a word in two dimensions, as one layer has them.

    Args:
        layer: Absolute number of the layer.
        points: Coordinates, float32, (usages, 2), within -1 and 1.
        kept: Share of the variance that the two dimensions keep; None for t-SNE, which keeps none as it is.
        neighbours_kept: Share of the nearest usages of a usage that are among its nearest in the picture as well.
        neighbours: The nearest usages of each in all dimensions, by cosine, best first: (usages, neighbours).
        scores: Their cosines, float32.
    """

    layer: int
    points: Float[np.ndarray, "usages 2"]
    kept: float | None
    neighbours_kept: float
    neighbours: Int[np.ndarray, "usages neighbours"]
    scores: Float[np.ndarray, "usages neighbours"]


def picture_layers(
    vectors: Float[np.ndarray, "usages layers dim"],
    layers: list[int],
    reference: int = -1,
    projection: Projection = "pca",
) -> list[Picture]:
    """Picture the usages of a word in every layer.

    Each picture holds the first two principal components of its layer. It is then turned, mirrored and scaled to lie as
    close as it can on that of the reference layer (Procrustes), so that points that move from layer to layer move
    because the layers differ, not because components are free to turn. The same vectors give the same picture.

    Args:
        vectors: Vectors of the usages in each layer.
        layers: Absolute numbers of the layers.
        reference: Index of the layer that the others are laid on.
        projection: ``pca``; or ``tsne``, which begins with that picture, and keeps near what is near.

    Returns:
        One picture per layer.

    Source:
        Schönemann 1966, "A generalized solution of the orthogonal Procrustes problem".

    Examples:
        >>> rng = np.random.default_rng(0)
        >>> pictures = picture_layers(rng.normal(size=(20, 3, 8)).astype(np.float32), [0, 1, 2])
        >>> [(each.layer, each.points.shape) for each in pictures]
        [(0, (20, 2)), (1, (20, 2)), (2, (20, 2))]
    """
    projected = [_scaled(vectors[:, index]) for index in range(len(layers))]
    onto = projected[reference][0]
    pictures = []
    for index, layer in enumerate(layers):
        points, kept = projected[index]
        laid = _laid_on(points, onto)
        laid = laid / (float(np.abs(laid).max(initial=0)) or 1.0)
        neighbours, scores = nearest_neighbours(vectors[:, index])
        moved = projection == "tsne" and len(laid) >= _LEAST_MOVED
        if moved:
            laid = _tsne(vectors[:, index], laid)
        shown = laid.round(DECIMALS).astype(np.float32)
        sample = even_sample(len(shown), _MOST_COMPARED)
        pictures.append(
            Picture(
                layer, shown, None if moved else kept, share_kept(shown, sample, neighbours[sample]), neighbours, scores
            )
        )
    return pictures


def _tsne(
    vectors: Float[np.ndarray, "usages dim"], begin: Float[np.ndarray, "usages 2"]
) -> Float[np.ndarray, "usages 2"]:
    """Move the points of a picture until those near each other are alike, by one thread, so that it is the same again.

    Source:
        van der Maaten and Hinton 2008, "Visualizing data using t-SNE"; Kobak and Berens 2019 (where it begins).
    """
    try:
        from sklearn.manifold import TSNE
        from threadpoolctl import threadpool_limits
    except ImportError as error:
        raise MissingExtraError.of("explore", "t-SNE") from error
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = (vectors / np.where(lengths == 0, 1, lengths)).astype(np.float32)
    start = (begin * (1e-4 / (float(begin[:, 0].std()) or 1.0))).astype(np.float32)
    with threadpool_limits(1):
        method = TSNE(perplexity=min(30.0, (len(unit) - 1) / 3), init=start, random_state=0, n_jobs=1)
        moved = method.fit_transform(unit)
    centred = moved.astype(np.float64) - moved.mean(axis=0, dtype=np.float64)
    found: Float[np.ndarray, "usages 2"] = centred / (float(np.abs(centred).max()) or 1.0)
    return found


def _scaled(vectors: Float[np.ndarray, "usages dim"]) -> tuple[Float[np.ndarray, "usages 2"], float]:
    """Give the first two principal components, of root mean square 1, and the share of the variance in them."""
    points, kept = principal_components(vectors, 2)
    points = np.pad(points, ((0, 0), (0, 2 - points.shape[1])))
    spread = float(np.sqrt((points**2).sum(axis=1).mean())) or 1.0
    return points / spread, kept


def _laid_on(
    points: Float[np.ndarray, "usages 2"], onto: Float[np.ndarray, "usages 2"]
) -> Float[np.ndarray, "usages 2"]:
    """Turn and mirror points so that they lie as close as they can on others."""
    left, _, right = np.linalg.svd(points.T @ onto)
    turned: Float[np.ndarray, "usages 2"] = points @ (left @ right)
    return turned


def nearest_neighbours(
    vectors: Float[np.ndarray, "usages dim"], k: int = NEIGHBOURS
) -> tuple[Int[np.ndarray, "usages neighbours"], Float[np.ndarray, "usages neighbours"]]:
    """Give the nearest others of each row by cosine, best first, and the cosines.

    Args:
        vectors: The rows.
        k: How many; fewer where there are not so many others.
    """
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = (vectors / np.where(lengths == 0, 1, lengths)).astype(np.float32)
    k = min(k, len(unit) - 1)
    rows, scores = np.empty((len(unit), max(k, 0)), dtype=np.int64), np.empty((len(unit), max(k, 0)), dtype=np.float32)
    for begin in range(0, len(unit) if k > 0 else 0, 1024):
        part = slice(begin, begin + 1024)
        likeness = (unit[part] @ unit.T).round(6)  # rounded, so that ties are ties for any number of threads
        likeness[np.arange(len(likeness)), np.arange(begin, begin + len(likeness))] = -np.inf
        rows[part] = np.argsort(-likeness, axis=1, kind="stable")[:, :k]
        scores[part] = np.take_along_axis(likeness, rows[part], axis=1)
    return rows, scores


def even_sample(count: int, most: int) -> Int[np.ndarray, " sample"]:
    """Give the numbers of an even sample; of all where there are no more.

    Examples:
        >>> even_sample(9, 3).tolist(), even_sample(2, 3).tolist()
        ([0, 4, 8], [0, 1])
    """
    return np.unique(np.linspace(0, count - 1, min(count, most)).astype(np.int64))


def share_kept(
    points: Float[np.ndarray, "usages 2"],
    sample: Int[np.ndarray, " sample"],
    neighbours: Int[np.ndarray, "sample neighbours"],
) -> float:
    """Say which share of true neighbours are neighbours in the picture.

    Args:
        points: The picture.
        sample: The usages whose neighbours are known.
        neighbours: The nearest usages of each of them in all dimensions.
    """
    k = neighbours.shape[1]
    if k == 0:
        return 1.0
    kept = 0
    for usage, true in zip(sample.tolist(), neighbours, strict=True):
        distances = ((points - points[usage]) ** 2).sum(axis=1)
        distances[usage] = np.inf
        kept += len(np.intersect1d(np.argsort(distances, kind="stable")[:k], true))
    return float(kept / (len(sample) * k))
