"""Several processes on one machine: each has an embedder of its own and does whole shards.

The main process reads the input, and hands a shard to whoever is free; so at most one shard per worker is on its way,
and the input is read no faster than it is worked off. Each worker has a pipe of its own: what happens to one of them,
even a kill in the middle of a message, does not reach the others. A worker whose main process has gone ends at once:
it holds no lock, and must not write while the next run is at work.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any

from wordstates.documents.document import Document
from wordstates.errors import WordstatesError, WorkerError
from wordstates.model.forked import threads_set
from wordstates.store.record import ShardRecord
from wordstates.store.shards import Shard
from wordstates.store.signals import NeverStops
from wordstates.store.workers.local import LOOK_EVERY, Facts, check_can_be_sent, largest_in_sample
from wordstates.store.write_shard import KEPT, ShardJob, write_shard

if TYPE_CHECKING:
    from wordstates.encode.protocols import Embedder

MakeEmbedder = Callable[..., "Embedder"]
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
_TELL_EVERY = 0.2  # seconds between two words about progress
_END_WITHIN = 5.0  # seconds a worker gets to leave by itself


class _Worker:
    """One process, from the side of the main one."""

    def __init__(self, number: int, make_embedder: MakeEmbedder, device: str | None) -> None:
        context = get_context("spawn")  # threads and CUDA do not survive a fork
        self.number = number
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(
            target=_work, args=(theirs, make_embedder, device), name=f"wordstates-{number}", daemon=True
        )
        self.process.start()
        theirs.close()
        self.busy = True  # until it says that it is ready

    def send(self, message: tuple[str, Any]) -> None:
        try:
            self.pipe.send(message)
        except OSError as error:
            raise self.failure() from error

    def failure(self) -> WorkerError:
        self.process.join(_END_WITHIN)
        code = self.process.exitcode
        how = "went away" if code is None else f"ended with exit code {code}"
        if code is not None and code < 0:
            name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
            memory = ", perhaps because memory ran out" if name == "SIGKILL" else ""
            how = f"was killed by {name}{memory}"
        return WorkerError(f"Worker {self.number} (process {self.process.pid}) {how}: {KEPT}.")


class WorkerCrew:
    """Some worker processes.

    Args:
        make_embedder: Makes an embedder; must be importable or a `functools.partial` of what is. Called with `device`
            where devices are given.
        workers: How many.
        devices: Given to the workers in turn; empty: each takes the default.
        on_done: Called with each shard that is done.
        on_words: Called now and then with the number of words given since.
        stop: Says when to stop.

    Raises:
        InputError: If `make_embedder` cannot be sent to another process.
    """

    def __init__(
        self,
        make_embedder: MakeEmbedder,
        workers: int,
        devices: Sequence[str],
        on_done: Callable[[ShardRecord], object],
        on_words: Callable[[int], object],
        stop: NeverStops,
    ) -> None:
        check_can_be_sent(make_embedder)
        self._on_done = on_done
        self._on_words = on_words
        self._stop = stop
        self._answers: dict[int, Any] = {}
        self._job: ShardJob | None = None
        with _threads_divided(workers):
            self._workers = [
                _Worker(number, make_embedder, devices[number % len(devices)] if devices else None)
                for number in range(workers)
            ]

    def facts(self) -> Facts:
        """Say what the vectors will be, once all embedders are there and agree."""
        while len(self._answers) < len(self._workers):
            self._listen()
        facts = [self._answers.pop(worker.number) for worker in self._workers]
        for other in facts[1:]:
            if different := facts[0].differences(other):
                raise WorkerError(
                    f"The workers would write different rows ({different}): if the model changed while they loaded it, "
                    "begin again; if the engines differ, choose one with engine=..."
                )
        return facts[0]  # type: ignore[no-any-return]

    def largest(self, documents: Sequence[Document]) -> dict[str, float]:
        """Give the largest magnitude in each column, for a sample from the beginning of some documents."""
        first = self._workers[0]
        first.busy = True
        first.send(("sample", tuple(documents)))
        while first.number not in self._answers:
            self._listen()
        return self._answers.pop(first.number)  # type: ignore[no-any-return]

    def begin(self, job: ShardJob) -> None:
        """Learn where to write, and in which columns."""
        for worker in self._workers:
            worker.send(("job", job))

    def submit(self, shard: Shard) -> None:
        """Hand a shard to who is free; waits while everybody is busy."""
        with self._stop.deferred():
            while all(worker.busy for worker in self._workers):
                self._listen()
            free = next(worker for worker in self._workers if not worker.busy)
            free.busy = True
            free.send(("shard", shard))

    def drain(self) -> None:
        """Wait until all that was submitted is done."""
        with self._stop.deferred():
            while any(worker.busy for worker in self._workers):
                self._listen()

    def close(self) -> None:
        """End the workers; one in the middle of a shard drops it."""
        for worker in self._workers:
            with contextlib.suppress(OSError):
                worker.pipe.send(("end", None))
            if worker.busy:
                worker.process.terminate()
        deadline = time.monotonic() + _END_WITHIN
        for worker in self._workers:
            worker.process.join(max(0.0, deadline - time.monotonic()))
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
            worker.pipe.close()

    def processes(self) -> list[int]:
        """Give the ids of the processes besides this one."""
        return [worker.process.pid for worker in self._workers if worker.process.pid is not None]

    def at_once(self) -> int:
        """Say how many shards are written at the same time."""
        return len(self._workers)

    def _listen(self) -> None:
        """Take what the workers have to say, or see after a moment that there is nothing."""
        self._stop.check()
        of_pipe = {worker.pipe: worker for worker in self._workers}
        for pipe in wait(list(of_pipe), timeout=LOOK_EVERY):
            worker = of_pipe[pipe]  # type: ignore[index]
            try:
                kind, content = worker.pipe.recv()
            except (EOFError, OSError) as error:
                raise worker.failure() from error
            if kind == "words":
                self._on_words(content)
            elif kind == "failed":
                raise content
            else:
                worker.busy = False
                if kind == "done":
                    self._on_done(content)
                else:
                    self._answers[worker.number] = content


@contextmanager
def _threads_divided(workers: int) -> Iterator[None]:
    """Give each process that is started in here its share of the cores, or as many threads as the user has said."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    each, said = max(1, cores // workers), threads_set()
    mine = {name: str(said or each) for name in _THREAD_VARIABLES if said is not None or name not in os.environ}
    before = {name: os.environ[name] for name in mine if name in os.environ}
    os.environ.update(mine)
    try:
        yield
    finally:
        for name in mine:
            del os.environ[name]
        os.environ.update(before)


# ── the other side: what runs in a worker ──


def _work(pipe: Connection, make_embedder: MakeEmbedder, device: str | None) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group: the main process decides
    asked: list[int] = []  # to end; seen between two batches, so that the unfinished file is removed on the way out
    signal.signal(signal.SIGTERM, lambda number, _: asked.append(number))
    messages: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(pipe, messages), daemon=True).start()
    try:
        embedder = make_embedder() if device is None else make_embedder(device=device)
        _serve(pipe, messages, embedder, _Teller(pipe, asked))
    except _Ended:
        pass
    except Exception as error:
        with contextlib.suppress(OSError):
            pipe.send(("failed", sendable(error)))


def _receive(pipe: Connection, messages: queue.SimpleQueue[tuple[str, Any]]) -> None:
    try:
        while True:
            messages.put(pipe.recv())
    except (EOFError, OSError):
        os._exit(1)  # the main process is gone, and with it the lock


def _serve(pipe: Connection, messages: queue.SimpleQueue[tuple[str, Any]], embedder: Embedder, tell: _Teller) -> None:
    job: ShardJob | None = None
    pipe.send(("ready", Facts.of(embedder)))
    while True:
        kind, content = messages.get()
        if kind == "end":
            return
        if kind == "job":
            job = content
        elif kind == "sample":
            pipe.send(("sampled", largest_in_sample(embedder, content)))
        elif job is not None:
            record = write_shard(embedder, content, job, tell.words)
            tell.rest()
            pipe.send(("done", record))


class _Ended(BaseException):
    """The main process wants this one to end."""


class _Teller:
    """Says how many words were given, not more often than anybody would read it; ends the work when asked to."""

    def __init__(self, pipe: Connection, asked: Sequence[int]) -> None:
        self._pipe = pipe
        self._asked = asked
        self._words = 0
        self._told = time.monotonic()

    def words(self, count: int) -> None:
        if self._asked:
            raise _Ended
        self._words += count
        if time.monotonic() - self._told > _TELL_EVERY:
            self.rest()

    def rest(self) -> None:
        self._pipe.send(("words", self._words))
        self._words, self._told = 0, time.monotonic()


def sendable(error: Exception) -> Exception:
    """Give the error as it is where it survives the way, else what it says."""
    if isinstance(error, WordstatesError):
        with contextlib.suppress(Exception):
            pickle.loads(pickle.dumps(error))
            return error
    return WorkerError(
        f"A worker failed unexpectedly: please report this.\n{''.join(traceback.format_exception(error))}"
    )
