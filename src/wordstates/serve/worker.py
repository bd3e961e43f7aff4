"""The one thread that has the model: it reads turn after turn, and plans the next while the engine computes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from wordstates.serve.queue import FairQueue, RequestPart


class Begin(Protocol):
    """Begins to compute pieces; what it gives waits for a result of each."""

    def __call__(self, pieces: Sequence[RequestPart], *, idle: bool) -> Callable[[], list[Any]]:
        """Begin; `idle` says that nothing else is computed meanwhile."""
        ...


class Worker(threading.Thread):
    """Reads what waits in a queue until that is closed and empty.

    Args:
        queue: What waits.
        begin: Begins to compute pieces.
        on_turn: Called after each turn with its subwords and its seconds.
    """

    def __init__(self, queue: FairQueue, begin: Begin, on_turn: Callable[[int, float], object]) -> None:
        super().__init__(name="wordstates model", daemon=True)
        self._queue = queue
        self._begin = begin
        self._on_turn = on_turn

    def run(self) -> None:
        """Read turn after turn."""
        previous: tuple[Sequence[RequestPart], Callable[[], list[Any]], float] | None = None
        while True:
            pieces = self._queue.take(wait=previous is None)
            current = None
            if pieces:
                began = time.perf_counter()
                try:
                    current = pieces, self._begin(pieces, idle=previous is None), began
                except Exception as error:
                    self._one_by_one(pieces, error)
            if previous is not None:
                self._finish(*previous)
            elif pieces is None:
                return
            previous = current

    def _finish(self, pieces: Sequence[RequestPart], result: Callable[[], list[Any]], began: float) -> None:
        try:
            results = result()
        except Exception as error:
            self._one_by_one(pieces, error)
            return
        self._on_turn(sum(piece.subwords for piece in pieces), time.perf_counter() - began)
        for piece, found in zip(pieces, results, strict=True):
            piece.job.done(piece, found)

    def _one_by_one(self, pieces: Sequence[RequestPart], error: Exception) -> None:
        """Read each piece alone after a turn failed, so that a request fails by its own texts and by no other's."""
        for piece in pieces:
            if len(pieces) == 1:
                piece.job.fail(error)
                continue
            try:
                (found,) = self._begin([piece], idle=False)()
            except Exception as own:
                piece.job.fail(own)
            else:
                piece.job.done(piece, found)
