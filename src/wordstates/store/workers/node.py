"""What runs on the nodes of a cluster: an embedder that does whole shards and never gives a file its name.

It knows nothing of Ray. A shard is written into a folder of its own attempt, and whoever holds the lock of the store
takes it from there. So a worker that was given up and is alive after all, or whose run was killed, writes into a folder
that nobody looks at or that is gone, and does no harm.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from wordstates.documents.document import Document
from wordstates.errors import WorkerError
from wordstates.model.forked import set_threads
from wordstates.store.shards import Shard
from wordstates.store.workers.local import Facts, largest_in_sample
from wordstates.store.workers.processes import sendable
from wordstates.store.write_shard import ShardJob, write_shard

if TYPE_CHECKING:
    from wordstates.encode.protocols import Embedder

_SEEN_WITHIN = 5.0  # seconds until a folder that was just made is seen through the caches of a network file system


@dataclass(frozen=True, slots=True)
class Answer:
    """What a worker has to say.

    Args:
        content: What was asked for; an error if it failed.
        node: Name of the machine.
    """

    content: Any
    node: str


class ClusterWorker:
    """One embedder on some node.

    Args:
        make_embedder: Makes the embedder, with `device`.
        device: Where it computes.
        threads: Threads on a CPU.
        folder: Where the main process is, so that relative paths mean the same; a node without it stays where it is.
    """

    def __init__(self, make_embedder: Callable[..., Embedder], device: str, threads: int, folder: str) -> None:
        self._make_embedder = make_embedder
        self._device, self._threads = device, threads
        self._embedder: Embedder | None = None
        with contextlib.suppress(OSError):
            os.chdir(folder)

    def ready(self) -> Answer:
        """Load the model, and say what the vectors will be."""
        return self._answer(lambda: Facts.of(self._loaded()))

    def sample(self, documents: Sequence[Document]) -> Answer:
        """Give the largest magnitude in each column."""
        return self._answer(lambda: largest_in_sample(self._loaded(), documents))

    def shard(self, shard: Shard, job: ShardJob, attempt: str) -> Answer:
        """Write a shard and its record into a new folder `attempt` in the folder of the run."""
        return self._answer(lambda: self._write(shard, job, attempt))

    def _write(self, shard: Shard, job: ShardJob, attempt: str) -> Any:
        folder = job.shards / attempt
        deadline = time.monotonic() + _SEEN_WITHIN
        while not job.shards.is_dir():  # made by the main process before: on another disk it is not there
            if time.monotonic() > deadline:
                raise WorkerError(
                    f"Node {socket.gethostname()} does not see the store, at {str(job.shards)!r}: put it on a file "
                    "system that all nodes have under the same path. Without one, run a job array with a store for "
                    "each part, and merge them."
                )
            time.sleep(0.2)
        try:
            folder.mkdir()
        except OSError as error:
            raise WorkerError(
                f"Node {socket.gethostname()} cannot write into the store, at {str(job.shards)!r} ({error.strerror}): "
                "let the user that Ray runs as write there."
            ) from error
        return write_shard(self._loaded(), shard, replace(job, shards=folder, records=folder))

    def _loaded(self) -> Embedder:
        if self._embedder is None:
            set_threads(self._threads)
            self._embedder = self._make_embedder(device=self._device)
        return self._embedder

    def _answer(self, do: Callable[[], Any]) -> Answer:
        try:
            content = do()
        except Exception as error:
            content = sendable(error)
        return Answer(content, socket.gethostname())
