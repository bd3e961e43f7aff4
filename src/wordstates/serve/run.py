"""Serving until stopped: what was taken is finished, the rest refused, and the process ends well."""

from __future__ import annotations

import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from wordstates.serve.address import url_of
from wordstates.serve.exchange import Service
from wordstates.serve.protocol import protocol_with

_SWITCH = 0.001  # seconds that the loop, which answers all, waits at most for a thread that computes in Python


class _Server(uvicorn.Server):
    """A server that a signal ends as its work is done, a second one at once, and that hands signals to nobody."""

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self._service = service

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop by SIGINT and SIGTERM while the server runs."""

        def stop(_: int, __: FrameType | None) -> None:
            self.force_exit = self._service.hurried = self._service.stopping
            self._service.stopping = self.should_exit = True

        before: dict[int, Any] = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop; also who is hurried ends the application, or its end would be told as a failure."""
        await super().shutdown(sockets)
        if self.force_exit:
            await self.lifespan.shutdown()


def config_of(app: ASGIApp, service: Service) -> uvicorn.Config:
    """Say how an application is served."""
    return uvicorn.Config(
        app,
        http=protocol_with(service.limits.time_limit),
        log_level="error",
        access_log=False,
        server_header=False,
        lifespan="on",
        timeout_graceful_shutdown=max(1, round(service.limits.drain_seconds)),
    )


def run(app: ASGIApp, service: Service, listening: socket.socket, *, on_ready: Callable[[str], object]) -> None:
    """Serve until SIGTERM or Ctrl-C: what was taken is finished; a second one waits for nothing.

    Args:
        app: What answers.
        service: What its requests share.
        listening: Where.
        on_ready: Called with the address when connections are accepted.
    """
    with listening:
        listening.listen(2048)
        sys.setswitchinterval(_SWITCH)
        on_ready(url_of(listening))
        _Server(config_of(app, service), service).run(sockets=[listening])
