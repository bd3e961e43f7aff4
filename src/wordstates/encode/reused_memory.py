"""Memory of vectors that nobody holds any more, used again: fresh memory costs more than what is written to it."""

from __future__ import annotations

import weakref
from collections import deque
from typing import Any

import numpy as np
from jaxtyping import Float

_MOST_KEPT = 4  # of a shape: as many groups as a run has in memory at a time
_SPARE = 8  # one row in so many more than asked for: what comes next may be a little larger


class _Holder:
    """What an array in used memory holds on to, as do all views of it: when it is gone, nobody holds them."""

    def __init__(self, rows: np.ndarray) -> None:
        self.__array_interface__: dict[str, Any] = rows.__array_interface__


class ReusedMemory:
    """Arrays whose memory is used again once they, and all that shares it, are gone.

    The system clears each page of fresh memory when it is first touched, which takes as long as to copy all of it.
    """

    def __init__(self) -> None:
        self._kept: dict[tuple[int, ...], deque[np.ndarray]] = {}

    def empty(self, rows: int, shape: tuple[int, ...]) -> Float[np.ndarray, "rows ..."]:
        """Give an array of so many rows, float32, whose numbers are whatever was there."""
        kept = self._kept.setdefault(shape, deque(maxlen=_MOST_KEPT))
        memory = _taken(kept, rows)
        if memory is None:
            memory = np.empty((rows + rows // _SPARE, *shape), dtype=np.float32)
        holder = _Holder(memory)
        weakref.finalize(holder, kept.append, memory).atexit = False
        return np.asarray(holder)[:rows]


def _taken(kept: deque[np.ndarray], rows: int) -> np.ndarray | None:
    """Take memory for so many rows; what is too small, or much too large, is let go."""
    while kept:
        memory = kept.pop()
        if rows <= len(memory) <= 2 * rows:
            return memory
    return None
