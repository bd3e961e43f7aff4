"""Windows that a run has read before: the same subwords get the same vectors, without the model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from wordstates.encode.plan import WindowWork

# What is kept: enough for the lines that a corpus repeats all the time, little beside a model.
_MOST_BYTES = 8 * 2**20
_MOST_ONCE = 40_000


@dataclass(frozen=True, eq=False)
class Destination:
    """Where the vectors of one recipe go.

    Args:
        values: One row per word, or per subword if the recipe keeps them.
        first: Number of the word, or of the pair of (word, subword), of the first row.
        by_subword: Whether rows are subwords.
    """

    values: Float[np.ndarray, "rows ..."]
    first: int
    by_subword: bool

    def places(self, words: Int[np.ndarray, " pairs"], pairs: Int[np.ndarray, " pairs"]) -> Int[np.ndarray, " rows"]:
        """Give the rows of some pairs of (word, subword), those of one word together: one per word, or one per pair."""
        return (pairs if self.by_subword else words[row_starts(words)]) - self.first


def row_starts(words: Int[np.ndarray, " pairs"]) -> Int[np.ndarray, " rows"]:
    """Tell where each word begins among pairs; a word is whole in one window, so its pairs stand together."""
    return np.flatnonzero(np.append(True, words[1:] != words[:-1]))


class WindowCache:
    """The vectors of windows that come again and again in a run of many calls.

    It learns from finished calls only, in their order, so what is read does not depend on which thread was faster: a
    run that is repeated gives the same bytes. A window is kept when it is met for the second time.
    """

    def __init__(self) -> None:
        self._vectors: dict[bytes, dict[str, Float[np.ndarray, "rows ..."]]] = {}  # the oldest first
        self._bytes = 0
        self._once: set[int] = set()

    def take(self, windows: Sequence[WindowWork], destinations: Mapping[str, Destination]) -> Iterator[bool]:
        """Put the vectors of the windows that are cached where they belong.

        Yields:
            For each window, whether it was.
        """
        for window in windows:
            key = window.key
            known = self._vectors.pop(key, None)
            if known is not None:
                self._vectors[key] = known
                for name, mine in destinations.items():
                    mine.values[mine.places(window.words, window.pairs)] = known[name]
            yield known is not None

    def learn(self, windows: Sequence[WindowWork], destinations: Mapping[str, Destination]) -> None:
        """Keep those of a finished call's windows that were met before."""
        for window in windows:
            key = window.key
            if key in self._vectors:
                continue
            if hash(key) not in self._once:
                if len(self._once) == _MOST_ONCE:
                    self._once.clear()
                self._once.add(hash(key))
                continue
            self._vectors[key] = {
                name: mine.values[mine.places(window.words, window.pairs)] for name, mine in destinations.items()
            }
            self._bytes += _size(self._vectors[key])
            while self._bytes > _MOST_BYTES:
                self._bytes -= _size(self._vectors.pop(next(iter(self._vectors))))


def _size(vectors: Mapping[str, Float[np.ndarray, "rows ..."]]) -> int:
    return sum(values.nbytes for values in vectors.values())
