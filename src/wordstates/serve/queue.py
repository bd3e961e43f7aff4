"""Requests that wait: a queue counted in subwords, from which each has a share of every turn."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Hashable, Iterable, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any


class QueueFullError(Exception):
    """There is no room for a request."""


class QueueClosedError(Exception):
    """The server takes nothing more."""


@dataclass(frozen=True, eq=False)
class RequestPart:
    """Some texts of a request, read in one turn.

    Args:
        job: The request.
        number: Its place among the pieces of the request.
        content: The texts.
        subwords: How many subwords they have.
    """

    job: Job
    number: int
    content: Any
    subwords: int


@dataclass(eq=False)
class Job:
    """A request that waits for its vectors.

    Args:
        kind: Only requests of one kind are read together.
        recipes: What is taken of its words.
        future: Its result, the results of its pieces in order; cancelled when the client is gone.
    """

    kind: Hashable
    recipes: Any
    future: Future[list[Any]] = field(default_factory=Future)
    pieces: deque[RequestPart] = field(default_factory=deque)
    results: dict[int, Any] = field(default_factory=dict)
    n_pieces: int = 0
    subwords: int = 0
    queued_at: float = field(default_factory=time.perf_counter)
    started_at: float | None = None
    done_at: float | None = None

    def add(self, content: Any, subwords: int) -> None:
        """Add the next piece."""
        self.pieces.append(RequestPart(self, self.n_pieces, content, subwords))
        self.n_pieces += 1
        self.subwords += subwords

    def done(self, piece: RequestPart, result: Any) -> None:
        """Take the result of a piece; the last one ends the request."""
        self.results[piece.number] = result
        if len(self.results) == self.n_pieces:
            self.done_at = time.perf_counter()
            with suppress(InvalidStateError):  # the client went away meanwhile
                self.future.set_result([self.results[number] for number in range(self.n_pieces)])

    def fail(self, error: BaseException) -> None:
        """End the request by an error."""
        with suppress(InvalidStateError):
            self.future.set_exception(error)

    @property
    def over(self) -> bool:
        """Whether no request waits for it any more."""
        return self.future.done()

    @property
    def seconds_waited(self) -> float:
        """Seconds from its arrival to its first turn."""
        return (self.started_at or time.perf_counter()) - self.queued_at

    @property
    def seconds_computed(self) -> float:
        """Seconds from its first turn to its last vector."""
        return 0.0 if self.started_at is None or self.done_at is None else self.done_at - self.started_at


class FairQueue:
    """Requests in the order they came; a turn takes a piece of each, round after round, as far as there is room.

    Invariants: `subwords` is the sum of the pieces that wait; the request that has waited longest is in the next turn.
    Once a request found no room, none is taken until half of the room is free: else small ones would always slip in, a
    large one never, and each refusal would cost the work of reading the request.

    Args:
        limit: Most subwords that wait.
        turn: Most subwords of a turn; a single piece may have more.
    """

    def __init__(self, limit: int, turn: int) -> None:
        self._limit = limit
        self._turn = turn
        self._jobs: deque[Job] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._crowded = False
        self.subwords = 0

    def add(self, job: Job) -> None:
        """Have a request wait.

        Raises:
            QueueFullError: If there is no room for it.
            QueueClosedError: If nothing more is taken.
        """
        subwords = sum(piece.subwords for piece in job.pieces)
        with self._changed:
            if self._closed:
                raise QueueClosedError
            if self.full or self.subwords + subwords > self._limit:
                self._crowded = self.subwords > self._limit // 2
                raise QueueFullError
            self.subwords += subwords
            self._jobs.append(job)
            self._changed.notify()

    @property
    def full(self) -> bool:
        """Whether nothing is taken now, whatever its size."""
        return self._crowded or self.subwords >= self._limit

    def drop(self, job: Job) -> None:
        """Take a request out whose client is gone: its place is free."""
        job.future.cancel()
        with self._changed:
            self._forget([job])

    def close(self) -> None:
        """Take nothing more; what waits is finished."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def take(self, *, wait: bool) -> Sequence[RequestPart] | None:
        """Give the pieces of the next turn.

        Args:
            wait: Wait until there is one.

        Returns:
            The pieces; none if none waits and `wait` is False; None if the queue is closed and empty.
        """
        with self._changed:
            while True:
                self._forget([job for job in self._jobs if job.over])
                if self._jobs:
                    return self._next_turn()
                if self._closed:
                    return None
                if not wait:
                    return ()
                self._changed.wait()

    def _next_turn(self) -> list[RequestPart]:
        taken: list[RequestPart] = []
        room, kind = self._turn, self._jobs[0].kind
        fits = True
        while fits:
            fits = False
            for job in [*self._jobs]:
                if job.kind == kind and job.pieces and (not taken or job.pieces[0].subwords <= room):
                    piece = job.pieces.popleft()
                    room -= piece.subwords
                    job.started_at = job.started_at or time.perf_counter()
                    taken.append(piece)
                    fits = True
        self._leave(taken)
        had_a_turn = {piece.job for piece in taken}
        waiting = [job for job in self._jobs if job.pieces]
        self._jobs = deque(
            [job for job in waiting if job not in had_a_turn] + [job for job in waiting if job in had_a_turn]
        )
        return taken

    def _leave(self, pieces: Iterable[RequestPart]) -> None:
        self.subwords -= sum(piece.subwords for piece in pieces)
        self._crowded = self._crowded and self.subwords > self._limit // 2

    def _forget(self, gone: Sequence[Job]) -> None:
        for job in gone:
            self._leave(job.pieces)
            job.pieces.clear()
            with suppress(ValueError):
                self._jobs.remove(job)
