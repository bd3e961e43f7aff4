"""An even sample of the types of a stream, and of each the sum of its usages and one of them, in constant memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from heapq import heappush, heappushpop

import numpy as np
import numpy.typing as npt
from jaxtyping import Float, Int

from wordstates.static.means import UsageMeans

Ints = npt.NDArray[np.int64]


class TypeSample:
    """The types whose hash, which a seed decides, is lowest: every type of the stream has the same chance.

    A type that is in the sample at the end was in it from its first usage on, since the highest hash that is in only
    falls. So nothing of its usages is missed, though the stream is read once.

    Args:
        most: Types in the sample.
        seed: Decides the hashes.

    Examples:
        >>> sample = TypeSample(2, seed=0)
        >>> sample.places(["a", "b", "a"])
        (array([0, 1, 0]), array([0, 1]))
        >>> len(sample), sample.places(["c", "d", "e", "f"])[0].tolist().count(-1) >= 2
        (2, True)
    """

    def __init__(self, most: int, seed: int) -> None:
        self._most = most
        self._salt = str(seed).encode()
        self._places: dict[str, int] = {}
        self._highest: list[tuple[int, str]] = []  # a heap of negated hashes

    def __len__(self) -> int:
        """Count the types in the sample."""
        return len(self._places)

    def places(self, types: Sequence[str]) -> tuple[Ints, Ints]:
        """Take what comes next in the stream.

        Returns:
            The place of each, 0 to `most` - 1, or -1; and the places that have changed hands.
        """
        new = set[int]()
        for name in dict.fromkeys(types):
            if name in self._places:
                continue
            entry = (-int.from_bytes(blake2b(self._salt + b" " + name.encode(), digest_size=8).digest()), name)
            if len(self._places) < self._most:
                heappush(self._highest, entry)
                self._places[name] = len(self._places)
                new.add(self._places[name])
            elif (gone := heappushpop(self._highest, entry)) is not entry:
                self._places[name] = self._places.pop(gone[1])
                new.add(self._places[name])
        found = [self._places.get(name, -1) for name in types]
        return np.array(found, dtype=np.int64), np.array(sorted(new), dtype=np.int64)


class SampledUsages:
    """Of each type of a sample, the sums of its usages, and one usage drawn evenly from them.

    Args:
        names: Names of the vectors.
        most: Types in the sample.
        seed: Decides which types and which usages.
    """

    def __init__(self, names: Sequence[str], most: int, seed: int) -> None:
        self.types = TypeSample(most, seed)
        self.means = UsageMeans(names)
        self.vectors: dict[str, npt.NDArray[np.float32]] = {}
        self.texts: Ints = np.full(most, -1, dtype=np.int64)
        self._keys = np.ones(most)  # each usage draws a number, and the lowest of a type is kept
        self._random = np.random.default_rng(seed)

    def add(
        self,
        types: Sequence[str],
        texts: Int[np.ndarray, " usages"],
        vectors: Mapping[str, Float[np.ndarray, "usages dim"]],
    ) -> None:
        """Add usages that have vectors.

        Args:
            types: Type of each.
            texts: Number of the text of each; of the usages of a type in one text the first counts.
            vectors: Their vectors, by name.
        """
        places, new = self.types.places(types)
        self.means.forget(new)
        self._keys[new], self.texts[new] = 1.0, -1
        keys = self._random.random(len(types))
        pairs = np.stack([places, texts], axis=1)
        _, first = np.unique(pairs, axis=0, return_index=True)
        first = np.sort(first[places[first] >= 0])
        if not len(first):
            return
        places, keys, texts = places[first], keys[first], texts[first]
        chosen = {name: rows[first] for name, rows in vectors.items()}
        self.means.add(places, chosen, np.ones(len(first), dtype=np.bool_))
        order = np.lexsort((keys, places))
        _, lowest = np.unique(places[order], return_index=True)
        best = order[lowest]
        best = best[keys[best] < self._keys[places[best]]]
        self._keys[places[best]], self.texts[places[best]] = keys[best], texts[best]
        for name, rows in chosen.items():
            if name not in self.vectors:
                self.vectors[name] = np.zeros((len(self._keys), rows.shape[1]), dtype=np.float32)
            self.vectors[name][places[best]] = rows[best]
