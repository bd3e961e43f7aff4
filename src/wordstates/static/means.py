"""Running means of the usages of each type, in memory that does not grow with the usages.

Of each type two sums are kept, that of its vectors and that of their directions. From the second alone it follows how
alike the usages are, though no pair of them ever meets: with unit vectors u,

    |u1 + ... + un|²  =  n  +  2 · (sum of the cosines of all pairs)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from jaxtyping import Bool, Float, Int

Floats = npt.NDArray[np.float64]


class UsageMeans:
    """Sums of vectors and of directions, one row per type, in float64.

    Args:
        recipes: Names of the recipes.
    """

    def __init__(self, recipes: Sequence[str]) -> None:
        self.recipes = tuple(recipes)
        self.usages: npt.NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self._sums: dict[str, Floats] = {name: np.zeros((0, 0)) for name in recipes}
        self._directions: dict[str, Floats] = {name: np.zeros((0, 0)) for name in recipes}

    def add(
        self,
        types: Int[np.ndarray, " usages"],
        vectors: Mapping[str, Float[np.ndarray, "usages dim"]],
        has_vector: Bool[np.ndarray, " usages"],
    ) -> None:
        """Add usages.

        Args:
            types: Number of the type of each.
            vectors: Their vectors, by the name of the recipe.
            has_vector: Whether there is one; usages without are left out.
        """
        types = np.asarray(types, dtype=np.int64)[has_vector]
        if not len(types):
            return
        order = np.argsort(types, kind="stable")
        distinct, starts, counts = np.unique(types[order], return_index=True, return_counts=True)
        self._make_room(int(distinct[-1]) + 1, {name: given.shape[1] for name, given in vectors.items()})
        self.usages[distinct] += counts
        for name, sums in self._sums.items():
            rows = vectors[name][has_vector][order].astype(np.float64)
            sums[distinct] += np.add.reduceat(rows, starts, axis=0)
            lengths = np.linalg.norm(rows, axis=1, keepdims=True)
            rows /= np.where(lengths > 0, lengths, 1.0)
            self._directions[name][distinct] += np.add.reduceat(rows, starts, axis=0)

    def _make_room(self, types: int, dims: Mapping[str, int]) -> None:
        """Grow to hold so many types, by doubling, so that each row is copied a few times at most."""
        if types <= len(self.usages):
            return
        size = max(types, 2 * len(self.usages), 64)
        self.usages = np.pad(self.usages, (0, size - len(self.usages)))
        for kept in (self._sums, self._directions):
            for name, old in kept.items():
                kept[name] = np.zeros((size, dims[name]))
                kept[name][: len(old), : old.shape[1]] = old

    def settle(self, types: int) -> None:
        """Have a row for each of so many types, also for those without a usage."""
        dims = {name: sums.shape[1] for name, sums in self._sums.items()}
        self._make_room(types, dims)

    def means(self, recipe: str, types: Int[np.ndarray, " types"]) -> Float[np.ndarray, "types dim"]:
        """Give the mean vector of types, float32; NaN for one without a usage."""
        usages = self.usages[types, None]
        sums = self._sums[recipe][types]
        return np.where(usages > 0, sums / np.maximum(usages, 1), np.nan).astype(np.float32)

    def self_similarity(self, recipe: str, types: Int[np.ndarray, " types"]) -> Float[np.ndarray, " types"]:
        """Give the mean cosine of all pairs of usages of each type; NaN where there are fewer than two.

        Source:
            Ethayarajh 2019, "How contextual are contextualized word representations?", definition 1.
        """
        usages = self.usages[types].astype(np.float64)
        squares = np.square(self._directions[recipe][types]).sum(axis=1)
        pairs = usages * (usages - 1)
        return np.where(pairs > 0, (squares - usages) / np.where(pairs > 0, pairs, 1.0), np.nan)

    def anisotropy(self, recipe: str, words: Sequence[int]) -> float:
        """Give the expected cosine of usages of two different words drawn at random, each as likely as any other.

        What all usages share, whatever the word, is no property of a word: it is to be taken away from the
        self-similarity.

        Args:
            recipe: Name of the recipe.
            words: For each type, the number of its word: types of one word (in several groups) are not compared.

        Returns:
            The mean over all pairs of types of different words; NaN if there is only one word.

        Source:
            Ethayarajh 2019, section 3.4, where the mean is over a sample of words.
        """
        number = np.asarray(words, dtype=np.int64)
        there = np.flatnonzero(self.usages[: len(number)] > 0)
        mean_directions = self._directions[recipe][there] / self.usages[there, None]
        return float(products_between(mean_directions, number[there]).sum()) if len(there) else float("nan")

    def forget(self, types: Int[np.ndarray, " types"]) -> None:
        """Take all usages of some types away, so that their rows can be given to others."""
        for rows in (self.usages, *self._sums.values(), *self._directions.values()):
            known = types[types < len(rows)]
            rows[known] = 0


def products_between(
    vectors: Float[np.ndarray, "rows dim"], groups: Int[np.ndarray, " rows"]
) -> Float[np.ndarray, " dim"]:
    """Give the mean, over all pairs of rows of different groups, of the product of their numbers, by dimension.

    With rows of length 1 these are what each dimension contributes to the mean cosine, which is their sum.

    Args:
        vectors: The rows.
        groups: Group of each; rows of one group are not compared.

    Returns:
        A number a dimension; NaN if there is only one group.

    Examples:
        >>> products_between(np.array([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]]), np.array([0, 1, 1])).tolist()
        [0.25, 0.0]
    """
    _, group = np.unique(groups, return_inverse=True)
    of_group = np.zeros((int(group.max(initial=-1)) + 1, vectors.shape[1]))
    np.add.at(of_group, group, vectors)
    pairs = len(vectors) ** 2 - np.square(np.bincount(group)).sum()
    if not pairs:
        return np.full(vectors.shape[1], np.nan)
    together: np.ndarray = (np.square(of_group.sum(axis=0)) - np.square(of_group).sum(axis=0)) / pairs
    return together
