"""Who computes the shards of a run: this process, or others that meet the same protocol.

`workers` are processes on this machine, `distributed` are nodes of a cluster.
"""

from __future__ import annotations

import pickle
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol

from wordstates.documents.document import Document
from wordstates.errors import InputError
from wordstates.result.rows import column_names, largest_values, make_rows
from wordstates.store.manifest import PINS
from wordstates.store.record import ShardRecord
from wordstates.store.shards import Shard
from wordstates.store.signals import NeverStops
from wordstates.store.write_shard import ShardJob, shard_run, write_shard

if TYPE_CHECKING:
    from wordstates.encode.protocols import Embedder

_SAMPLE_CHARACTERS = 20_000
_AT_ONCE = 2  # shards on their way in one process
LOOK_EVERY = 0.2  # seconds between two looks at whether to stop


@dataclass(frozen=True, slots=True)
class Facts:
    """What a run has to know of its embedders.

    Args:
        provenance: Where the vectors come from.
        shapes: Shape of one vector of each column.
        by_subword: Whether there is one row per subword.
        causal: Whether the model reads the left context only.
    """

    provenance: dict[str, Any]
    shapes: dict[str, tuple[int, ...]]
    by_subword: bool
    causal: bool

    @classmethod
    def of(cls, embedder: Embedder) -> Facts:
        """Ask an embedder; all shards of a store are computed by its fastest engine."""
        shapes = embedder.vector_shapes
        by_subword = {recipe.subword_pooling == "none" for recipe in embedder.recipes}
        return cls(
            embedder.session().provenance,
            dict(zip(column_names(list(shapes)), shapes.values(), strict=True)),
            by_subword == {True},
            embedder.causal,
        )

    def differences(self, other: Facts) -> str:
        """Say in what another embedder would write other rows; empty if in nothing."""
        names = ("wordstates", *PINS)
        pairs = [(name, self.provenance.get(name), other.provenance.get(name)) for name in names]
        return "; ".join(f"{name}: {mine} and {theirs}" for name, mine, theirs in pairs if mine != theirs)


class Crew(Protocol):
    """What does shards."""

    def facts(self) -> Facts:
        """Say what the vectors will be."""
        ...

    def largest(self, documents: Sequence[Document]) -> dict[str, float]:
        """Give the largest magnitude in each column, for a sample from the beginning of some documents."""
        ...

    def begin(self, job: ShardJob) -> None:
        """Learn where to write, and in which columns."""

    def submit(self, shard: Shard) -> None:
        """Do a shard, or hand it to who does; waits while everybody is busy."""

    def drain(self) -> None:
        """Wait until all that was submitted is done."""

    def close(self) -> None:
        """Let go of everything, finished or not."""

    def processes(self) -> list[int]:
        """Give the ids of the processes on this machine besides this one."""
        ...

    def at_once(self) -> int:
        """Say how many shards are written at the same time."""
        ...


class LocalCrew:
    """This process alone: while one shard is brought to disk, the next is computed.

    Args:
        embedder: Gives the vectors.
        on_done: Called with each shard that is done.
        on_words: Called after each batch with the number of words it gave.
        stop: Says when to stop.
    """

    def __init__(
        self,
        embedder: Embedder,
        on_done: Callable[[ShardRecord], object],
        on_words: Callable[[int], object],
        stop: NeverStops,
    ) -> None:
        self._embedder = embedder
        self._on_done = on_done
        self._on_words = on_words
        self._stop = stop
        self._job: ShardJob | None = None
        self._pool = ThreadPoolExecutor(_AT_ONCE, "wordstates-shard")
        self._running: deque[Future[ShardRecord]] = deque()
        self._closed = False
        self._telling = Lock()

    def facts(self) -> Facts:
        """Say what the vectors will be."""
        return Facts.of(self._embedder)

    def largest(self, documents: Sequence[Document]) -> dict[str, float]:
        """Give the largest magnitude in each column, for a sample from the beginning of some documents."""
        return largest_in_sample(self._embedder, documents)

    def begin(self, job: ShardJob) -> None:
        """Learn where to write, and in which columns."""
        self._job = job

    def submit(self, shard: Shard) -> None:
        """Begin a shard; waits while as many as may be are on their way."""
        if self._job is None:
            raise RuntimeError("begin() comes before submit()")
        with self._stop.deferred():
            self._running.append(self._pool.submit(write_shard, self._embedder, shard, self._job, self._advance))
            self._wait_until(_AT_ONCE - 1)

    def _advance(self, words: int) -> None:
        if self._closed:
            raise _Dropped
        with self._telling:
            self._on_words(words)

    def drain(self) -> None:
        """Wait until all that was submitted is done."""
        with self._stop.deferred():
            self._wait_until(0)

    def _wait_until(self, left: int) -> None:
        while len(self._running) > left:
            while not wait(list(self._running)[:1], timeout=LOOK_EVERY).done:
                self._stop.check()
            self._on_done(self._running.popleft().result())

    def close(self) -> None:
        """Drop the shards that are not done."""
        self._closed = True
        for future in self._running:
            future.cancel()
        self._pool.shutdown()

    def processes(self) -> list[int]:
        """Give the ids of the processes besides this one: there are none."""
        return []

    def at_once(self) -> int:
        """Say how many shards are written at the same time."""
        return _AT_ONCE


def check_can_be_sent(make_embedder: Callable[..., Embedder]) -> None:
    """Check that another process can make the embedder.

    Raises:
        InputError: If not.
    """
    try:
        pickle.dumps(make_embedder)
    except Exception as error:  # pickle raises whatever the object does
        raise InputError(
            f"{make_embedder!r} cannot be sent to another process ({error}): give functools.partial(WordEmbedder, "
            "...) with a model by name or folder."
        ) from error


class _Dropped(BaseException):
    """The run has ended: a shard that is not done is dropped."""


def largest_in_sample(embedder: Embedder, documents: Sequence[Document]) -> dict[str, float]:
    """Give the largest magnitude in each column, for the first documents, and the first characters of a long one."""
    sample, held = list[Document](), 0
    for document in documents:
        if held >= _SAMPLE_CHARACTERS:
            break
        text = document.text[:_SAMPLE_CHARACTERS]
        sample.append(document if len(text) == len(document.text) else Document(document.id, text))
        held += len(text)
    found: dict[str, float] = {}
    for piece in shard_run(embedder).over(sample):
        rows = make_rows([document.id for document in piece.documents], piece.embeddings)
        for column in rows.vectors:
            found[column] = max(found.get(column, 0.0), float(largest_values(rows, column).max(initial=0.0)))
    return found
