"""A cluster: shards are handed to workers on the nodes of a Ray cluster, and what they wrote is taken into the store.

The main process reads the input, holds the locks, and alone gives files their names, as in every other run. At most one
shard a worker is on its way; the main process keeps it until its file has its name, so that a worker, or a node, that
is lost costs the time of the current shard::

    main process                                node 1, node 2, ...
    read -> cut -> [one shard per worker]  --->     write_shard -> store/incoming/RUN/ATTEMPT/
    rename into store/records, store/shards     <--- record
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import signal
import socket
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from uuid import uuid4

from wordstates.documents.document import Document
from wordstates.errors import MissingExtraError, OutputError, WorkerError
from wordstates.files.atomic import sync_folder
from wordstates.store.folder import INCOMING, incoming_name
from wordstates.store.record import ShardRecord
from wordstates.store.shards import Part, Shard
from wordstates.store.signals import NeverStops
from wordstates.store.workers.local import LOOK_EVERY, Facts, check_can_be_sent
from wordstates.store.workers.node import Answer, ClusterWorker
from wordstates.store.workers.places import RayCluster, find_places
from wordstates.store.write_shard import KEPT, ShardJob

if TYPE_CHECKING:
    from wordstates.encode.protocols import Embedder

_ANSWERS_WITHIN = 10.0  # seconds for the head of a cluster to answer at all
_PATIENCE = 30.0  # seconds without any worker until it is said that there is none
_TRIES = 5  # workers that one shard may lose, or one place in the crew before it is ready


@dataclass(slots=True)
class _Worker:
    """One worker, from the side of the main process; `losses` counts those before it that were never ready."""

    actor: Any
    losses: int = 0


@dataclass(frozen=True, slots=True)
class _Errand:
    """What a worker is asked to do; `losses` counts the workers that were lost doing it."""

    kind: Literal["ready", "sample", "shard"]
    content: Any = None
    losses: int = 0
    attempt: str = ""


class RayCrew:
    """Workers on the nodes of a Ray cluster.

    Args:
        make_embedder: Makes an embedder; called on the nodes, with `device`.
        cluster: Where.
        part: Which part of the store is this run's.
        on_done: Called with each shard that is done.
        on_words: Called with the number of words of each shard.
        on_note: Called with what is worth knowing.
        stop: Says when to stop.

    Raises:
        InputError: If `make_embedder` cannot be sent to another process.
        MissingExtraError: If Ray is not installed.
        WorkerError: If the cluster cannot be reached, or has no room.
    """

    def __init__(
        self,
        make_embedder: Callable[..., Embedder],
        cluster: RayCluster,
        part: Part,
        on_done: Callable[[ShardRecord], object],
        on_words: Callable[[int], object],
        on_note: Callable[[str], object],
        stop: NeverStops,
    ) -> None:
        check_can_be_sent(make_embedder)
        self._on_done, self._on_words, self._on_note, self._stop = on_done, on_words, on_note, stop
        self._staging_name = incoming_name(part, uuid4().hex)
        self._staging: Path | None = None
        self._job: ShardJob | None = None
        self._remote_job: Any = None
        self._facts: Facts | None = None
        self._largest: dict[str, float] | None = None
        self._free: list[_Worker] = []
        self._busy: dict[Any, tuple[_Worker, _Errand]] = {}
        self._errands: deque[_Errand] = deque()
        self._ray, self._ours = _connect(cluster.address)
        try:
            nodes = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
            self._places = find_places(cluster, nodes)
            options = {"num_cpus": self._places.threads, "num_gpus": int(self._places.gpu)}
            self._remote = self._ray.remote(**options, max_restarts=0, scheduling_strategy="SPREAD")(ClusterWorker)
            device = "cuda" if self._places.gpu else "cpu"
            self._arguments = (make_embedder, device, self._places.threads, os.getcwd())
            for _ in range(self._places.workers):
                self._hire(0)
        except BaseException:
            self.close()
            raise

    # ── what every crew does ──

    def facts(self) -> Facts:
        """Say what the vectors will be, once the first embedder is there; the others have to agree."""
        began, told = time.monotonic(), False
        while self._facts is None:
            self._listen()
            if not told and time.monotonic() - began > _PATIENCE:
                told = True
                self._on_note(
                    f"no worker is ready yet: they wait for {self._places.threads} free core(s) each"
                    f"{' and a GPU' if self._places.gpu else ''} on the cluster (see `ray status`), or load the model"
                )
        return self._facts

    def largest(self, documents: Sequence[Document]) -> dict[str, float]:
        """Give the largest magnitude in each column, for a sample from the beginning of some documents."""
        self._errands.append(_Errand("sample", tuple(documents)))
        while self._largest is None:
            self._hand_out()
            self._listen()
        return self._largest

    def begin(self, job: ShardJob) -> None:
        """Learn where to write, and in which columns."""
        self._job = job
        staging = job.shards.resolve().parent / INCOMING / self._staging_name
        staging.mkdir(parents=True)
        self._staging = staging
        self._remote_job = self._ray.put(replace(job, shards=staging, records=staging))

    def submit(self, shard: Shard) -> None:
        """Hand a shard to who is free; waits while everybody is busy."""
        with self._stop.deferred():
            self._errands.append(_Errand("shard", shard))
            while self._errands:
                self._hand_out()
                if self._errands:
                    self._listen()

    def drain(self) -> None:
        """Wait until all that was submitted is done."""
        with self._stop.deferred():
            while self._errands or any(errand.kind == "shard" for _, errand in self._busy.values()):
                self._hand_out()
                self._listen()

    def close(self) -> None:
        """End the workers; one in the middle of a shard drops it."""
        for worker in [*self._free, *(worker for worker, _ in self._busy.values())]:
            self._dismiss(worker)
        if self._ours:
            with _handlers_kept():
                self._ray.shutdown()
        if self._staging is not None:
            shutil.rmtree(self._staging, ignore_errors=True)  # what is left of it, the next run removes
            with contextlib.suppress(OSError):
                self._staging.parent.rmdir()

    def processes(self) -> list[int]:
        """Give the ids of the processes besides this one: none is on this machine for certain."""
        return []

    def at_once(self) -> int:
        """Say how many shards are written at the same time."""
        return self._places.workers

    # ── the workers ──

    def _hire(self, losses: int) -> None:
        """Ask for a worker; Ray places it when there is room, perhaps on a node that is yet to come."""
        worker = _Worker(self._remote.remote(*self._arguments), losses)
        self._send(worker, _Errand("ready", losses=losses))

    def _dismiss(self, worker: _Worker) -> None:
        with contextlib.suppress(Exception):  # it may be gone, and so may the cluster
            self._ray.kill(worker.actor, no_restart=True)

    def _hand_out(self) -> None:
        while self._errands and self._free:
            self._send(self._free.pop(), self._errands.popleft())

    def _send(self, worker: _Worker, errand: _Errand) -> None:
        if errand.kind == "ready":
            answer = worker.actor.ready.remote()
        elif errand.kind == "sample":
            answer = worker.actor.sample.remote(errand.content)
        else:
            errand = replace(errand, attempt=uuid4().hex)
            answer = worker.actor.shard.remote(errand.content, self._remote_job, errand.attempt)
        self._busy[answer] = (worker, errand)

    def _listen(self) -> None:
        """Take what the workers have to say, or see after a moment that there is nothing."""
        self._stop.check()
        known = self._ray.exceptions
        for answer in self._ray.wait(list(self._busy), num_returns=1, timeout=LOOK_EVERY)[0]:
            worker, errand = self._busy.pop(answer)
            try:
                content = self._ray.get(answer)
            except (known.RayActorError, known.OutOfMemoryError, known.ObjectLostError, known.NodeDiedError) as error:
                self._lost(worker, errand, error)
            except known.RayError as error:
                raise WorkerError(
                    f"A worker on the cluster failed: {_first_line(error)}. wordstates and what it "
                    "needs must be installed on every node, in the version that is installed here."
                ) from error
            else:
                self._take(worker, errand, content)

    def _lost(self, worker: _Worker, errand: _Errand, error: Exception) -> None:
        """Give up a worker: what it was at is done by another one. It may be alive, so it is dismissed first."""
        self._dismiss(worker)
        what = f"shard {errand.content.number}" if errand.kind == "shard" else "loading the model"
        if errand.kind == "sample":
            what = "the first documents"
        losses = errand.losses + 1
        if losses >= _TRIES:
            raise WorkerError(
                f"{losses} workers on the cluster were lost over {what}, perhaps because memory ran out "
                f"({_first_line(error)}): {KEPT}."
            ) from error
        self._on_note(f"a worker on the cluster was lost over {what}, which another one will do")
        if errand.kind == "ready":
            self._hire(losses)
        else:
            self._errands.appendleft(replace(errand, losses=losses))
            self._hire(0)

    def _take(self, worker: _Worker, errand: _Errand, answer: Answer) -> None:
        if isinstance(answer.content, BaseException):
            self._dismiss(worker)
            raise answer.content
        self._free.append(worker)
        if errand.kind == "ready":
            self._compare(answer)
        elif errand.kind == "sample":
            self._largest = answer.content
        else:
            self._take_over(errand, answer)

    def _compare(self, answer: Answer) -> None:
        """See that a worker would write the rows that the first one writes."""
        facts: Facts = answer.content
        self._facts = self._facts or facts
        if different := self._facts.differences(facts):
            raise WorkerError(
                f"Node {answer.node} would write other rows than the nodes before it ({different}): give "
                "all nodes the same wordstates and the same model; if the engines differ, choose one with engine=..."
            )

    def _take_over(self, errand: _Errand, answer: Answer) -> None:
        """Give the files of a shard their names, the record first: a shard that has its name has its record."""
        if self._job is None or self._staging is None:
            raise RuntimeError("begin() comes before submit()")
        shard, record, attempt = errand.content, answer.content, self._staging / errand.attempt
        try:
            for folder, ending in ((self._job.records, "json"), (self._job.shards, "parquet")):
                (attempt / f"{shard.name}.{ending}").replace(folder / f"{shard.name}.{ending}")
                sync_folder(folder)
        except FileNotFoundError as error:
            raise WorkerError(
                f"Node {answer.node} has written shard {shard.number}, and it is not to be seen here, at "
                f"{str(attempt)!r}: put the store on a file system that all nodes have under the same path."
            ) from error
        except OSError as error:
            raise OutputError(f"Shard {shard.number} cannot be moved into the store ({error}): {KEPT}.") from error
        with contextlib.suppress(OSError):
            attempt.rmdir()
        self._on_words(record.words)
        self._on_done(record)


def _connect(address: str) -> tuple[Any, bool]:
    """Give Ray, connected, and whether it is ours to disconnect."""
    with _handlers_kept():
        try:
            import ray
        except ImportError as error:
            raise MissingExtraError.of("ray", "A Ray cluster") from error
        if ray.is_initialized():
            return ray, False
        own: dict[str, Any] = {"include_dashboard": False} if address == "local" else {}
        try:
            _knock(address)
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **own)
        except Exception as error:  # of many kinds: no such host, another version of Ray or Python, no cluster
            with contextlib.suppress(Exception):
                ray.shutdown()
            raise WorkerError(
                f"The Ray cluster at {address!r} cannot be joined ({_first_line(error)}): give auto on a machine of "
                "the cluster, HOST:PORT of its head, or local; `ray status` tells whether it is there."
            ) from error
    return ray, True


def _knock(address: str) -> None:
    """Raise OSError if nobody listens at HOST:PORT: Ray would try for minutes, and talk about it."""
    host, colon, port = address.rpartition(":")
    if colon and port.isdecimal() and "/" not in address:
        socket.create_connection((host.strip("[]"), int(port)), _ANSWERS_WITHIN).close()


@contextmanager
def _handlers_kept() -> Iterator[None]:
    """Keep the handlers of signals: Ray puts one of its own for SIGTERM, and the run would not end as it should."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            if signal.getsignal(number) is not handler:
                signal.signal(number, handler)


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
