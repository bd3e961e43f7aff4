"""What a server tells Prometheus."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from wordstates.serve.queue import FairQueue, Job

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_SHARES = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0)


class Metrics:
    """The metrics of one server, in a registry of its own.

    Args:
        turn: Most subwords of a turn.
    """

    def __init__(self, turn: int) -> None:
        self._turn = turn
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "wordstates_requests", "Requests answered.", ("route", "status"), registry=self.registry
        )
        self._seconds = Histogram(
            "wordstates_request_seconds", "Time to answer.", ("route",), buckets=_SECONDS, registry=self.registry
        )
        self._waited = Histogram(
            "wordstates_queue_seconds", "Time in the queue.", buckets=_SECONDS, registry=self.registry
        )
        self._computed = Histogram(
            "wordstates_model_seconds", "Time in the model.", buckets=_SECONDS, registry=self.registry
        )
        self._fill = Histogram(
            "wordstates_batch_fill", "Share of a turn that is filled.", buckets=_SHARES, registry=self.registry
        )
        self._subwords = Counter("wordstates_subwords", "Subwords read.", registry=self.registry)
        self._queue = Gauge("wordstates_queue_subwords", "Subwords that wait.", ("model",), registry=self.registry)

    def watch(self, queues: Mapping[str, FairQueue]) -> None:
        """Tell how much waits in each queue."""
        for name, queue in queues.items():
            self._queue.labels(name).set_function(partial(getattr, queue, "subwords"))

    def turn(self, subwords: int, _seconds: float) -> None:
        """Count a turn."""
        self._fill.observe(min(1.0, subwords / self._turn))
        self._subwords.inc(subwords)

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count an answer."""
        self._requests.labels(route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def computed(self, job: Job) -> None:
        """Count the times of a request that was computed."""
        self._waited.observe(job.seconds_waited)
        self._computed.observe(job.seconds_computed)

    def text(self) -> bytes:
        """Give everything in the format of Prometheus."""
        return generate_latest(self.registry)
