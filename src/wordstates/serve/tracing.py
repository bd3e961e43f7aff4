"""One span per request for OpenTelemetry, where that is installed; without an SDK that is set up, spans go nowhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wordstates.serve.queue import Job

try:
    from opentelemetry import propagate, trace
except ImportError:  # then nobody traces
    trace = None  # type: ignore[assignment]

_FAILED = 500


class RequestSpan:
    """The span of one request; it has counts and times, and no text.

    Args:
        method: Method of the request.
        route: Its route.
        headers: Its headers, which may name the span of the client that it belongs to.
    """

    def __init__(self, method: str, route: str, headers: Mapping[str, str]) -> None:
        self._span: Any = None
        if trace is not None:
            self._span = trace.get_tracer("wordstates").start_span(
                f"{method} {route}",
                propagate.extract(headers),
                trace.SpanKind.SERVER,
                {"http.request.method": method, "http.route": route},
            )

    def end(self, status: int, job: Job | None) -> None:
        """End it.

        Args:
            status: Of the answer.
            job: What was computed; None: nothing.
        """
        if self._span is None:
            return
        self._span.set_attribute("http.response.status_code", status)
        if job is not None:
            self._span.set_attribute("wordstates.subwords", job.subwords)
            self._span.set_attribute("wordstates.queue_seconds", job.seconds_waited)
            self._span.set_attribute("wordstates.model_seconds", job.seconds_computed)
        if status >= _FAILED:
            self._span.set_status(trace.StatusCode.ERROR)
        self._span.end()
