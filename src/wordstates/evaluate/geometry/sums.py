"""Running sums over a stream of words, and the geometry that follows from them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from jaxtyping import Float, Int

from wordstates.errors import InputError
from wordstates.evaluate.geometry.figures import Geometry
from wordstates.evaluate.geometry.sampling import SampledUsages
from wordstates.postprocess.moments import Moments
from wordstates.result.word_embeddings import WordEmbeddings
from wordstates.static.means import products_between
from wordstates.static.static_vectors import type_name
from wordstates.wording import counted

Floats = npt.NDArray[np.float64]

LARGEST_COVARIANCE = 4096  # dimensions: beyond, one matrix per layer is too much, and the components are not measured
_SHOWN_DIMENSIONS = 5
_MOST_VARIANCE = 0.9


class GeometrySums:
    """All that is kept of the stream: sums over all words, and a sample of types.

    Args:
        dims: Dimensions of the vectors, by their name.
        sample: Types in the sample.
        seed: Decides the sample.
    """

    def __init__(self, dims: Mapping[str, int], sample: int, seed: int) -> None:
        self.names = list(dims)
        self.usages = SampledUsages(self.names, sample, seed)
        self.moments = {name: Moments(covariance=dim <= LARGEST_COVARIANCE) for name, dim in dims.items()}
        self.texts = self.words = 0
        self._intra = dict.fromkeys(self.names, 0.0)
        self._intra_texts = 0

    def add(self, embeddings: WordEmbeddings, vectors: Mapping[str, Float[np.ndarray, "words dim"]]) -> None:
        """Add texts.

        Args:
            embeddings: Their words.
            vectors: By name, the vectors of the words that have one.
        """
        there = np.flatnonzero(embeddings.has_vector)
        of_text = embeddings.text_index[there]
        if len(there):
            types = [type_name(embeddings.words[index], lowercase=False) for index in there.tolist()]
            self.usages.add(types, of_text + self.texts, vectors)
            starts = np.flatnonzero(np.append(True, of_text[1:] != of_text[:-1]))
            several = np.diff(starts, append=len(of_text)) > 1
            self._intra_texts += int(several.sum())
            for name, rows in vectors.items():
                self.moments[name].add(rows)
                self._intra[name] += float(_likeness_to_mean(rows, starts)[several].sum())
        self.texts += len(embeddings.texts)
        self.words += len(there)

    def check(self) -> None:
        """See that there is something to compare.

        Raises:
            InputError: If there are no two words of different texts.
        """
        known = self.usages.texts[self.usages.texts >= 0]
        if len(np.unique(known)) < 2:
            raise InputError(
                f"Geometry is measured on words of different texts, and {counted(len(np.unique(known)), 'text')} "
                "with a word came: give more, or cut the input into more texts (text_unit=...)."
            )

    def geometry(self, key: str, name: str) -> Geometry:
        """Give what was measured of some vectors.

        Args:
            key: Their name among the sums.
            name: What they are called in the report.
        """
        drawn = self.usages.texts >= 0
        vectors, texts = self.usages.vectors[key][drawn].astype(np.float64), self.usages.texts[drawn]
        products = products_between(_directions(vectors), texts)
        alike = self.usages.means.self_similarity(key, np.arange(len(self.usages.types)))
        alike = alike[~np.isnan(alike)]
        moments = self.moments[key]
        variances, components = _components(moments)
        shares = np.cumsum(variances) / variances.sum() if variances.sum() > 0 else None
        return Geometry(
            name=name,
            dim=vectors.shape[1],
            anisotropy=float(products.sum()),
            self_similarity=float(alike.mean()) if len(alike) else None,
            intra_similarity=self._intra[key] / self._intra_texts if self._intra_texts else None,
            dimensions=_most(products),
            half_dimensions=_half(products),
            first_component=None if shares is None else float(shares[0]),
            first_ten=None if shares is None else float(shares[:10][-1]),
            components=None if shares is None else int(np.searchsorted(shares, _MOST_VARIANCE - 1e-12)) + 1,
            after=_after(vectors, texts, moments, components),
        )


def _likeness_to_mean(
    rows: Float[np.ndarray, "words dim"], starts: Int[np.ndarray, " texts"]
) -> Float[np.ndarray, " texts"]:
    """Give the mean cosine of the words of each text with the mean of its words."""
    counts = np.diff(starts, append=len(rows))
    exact = rows.astype(np.float64)
    means = _directions(np.add.reduceat(exact, starts, axis=0))
    cosines = np.einsum("wd,wd->w", _directions(exact), np.repeat(means, counts, axis=0))
    likeness: np.ndarray = np.add.reduceat(cosines, starts) / counts
    return likeness


def _directions(vectors: Floats) -> Floats:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    directions: Floats = vectors / np.where(lengths > 0, lengths, 1.0)
    return directions


def _most(products: Floats) -> list[tuple[int, float]]:
    """Give the dimensions that contribute most to the mean cosine, with their share; none where it is not positive."""
    total = products.sum()
    if total <= 0:
        return []
    order = np.argsort(-products, kind="stable")[:_SHOWN_DIMENSIONS]
    return [(int(number), float(products[number] / total)) for number in order.tolist()]


def _half(products: Floats) -> int | None:
    """Count how many dimensions, the largest first, make up half of the mean cosine."""
    total = products.sum()
    if total <= 0:
        return None
    return int(np.searchsorted(np.cumsum(np.sort(products)[::-1]) >= total / 2, True)) + 1


def _components(moments: Moments) -> tuple[Floats, Floats | None]:
    """Give the variance along each principal component, falling, and the components as columns."""
    if not moments.has_covariance:
        return np.zeros(0), None
    variances, components = np.linalg.eigh(moments.covariance)
    return np.maximum(variances[::-1], 0.0), components[:, ::-1]


def _after(
    vectors: Floats, texts: Int[np.ndarray, " words"], moments: Moments, components: Floats | None
) -> dict[str, float]:
    """Give the mean cosine that the same words would have after post-processing, by the name of the step."""
    centred = vectors - moments.mean
    spread = np.sqrt(moments.variance)
    changed = {"center": centred, "standardize": centred / np.where(spread > 0, spread, 1.0)}
    if components is not None:
        first = components[:, : max(1, vectors.shape[1] // 100)]  # as many as Mu and Viswanath 2018 take
        changed["all-but-the-top"] = centred - centred @ first @ first.T
    return {step: float(products_between(_directions(rows), texts).sum()) for step, rows in changed.items()}
