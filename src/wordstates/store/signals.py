"""Signals: a run that is asked to stop finishes the current shards if that is quick, and drops them if not."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_GRACE = 5.0  # seconds; schedulers kill 10 to 30 seconds after they asked
_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")


class Stopped(KeyboardInterrupt):
    """The run was asked to stop.

    Args:
        number: The signal's number.
    """

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number

    @property
    def exit_code(self) -> int:
        """What a shell expects: 130 for Ctrl-C, 143 for SIGTERM."""
        return 128 + self.number

    @property
    def how(self) -> str:
        """How the run ended, for a message."""
        return "interrupted" if self.number == signal.SIGINT else f"stopped by {signal.Signals(self.number).name}"


class NeverStops:
    """What a run consults where nobody has asked for signals to be handled."""

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Do something that is worth finishing."""
        yield

    def check(self) -> None:
        """Stop here if the time to finish is over."""


class StopSignals(NeverStops):
    """Listens to SIGINT, SIGTERM and SIGHUP while it is entered; in the main thread only.

    Outside `deferred` a signal raises `Stopped` at once. Inside, it is remembered: `check` raises when the grace is
    over, and the end of `deferred` raises what is left. A second signal raises at once, wherever it comes.

    Args:
        grace: Seconds that a shard in hand gets to finish.
        on_stop: Called when a signal has to wait, to say so.
    """

    def __init__(self, grace: float = _GRACE, on_stop: Any = lambda: None) -> None:
        self._grace = grace
        self._on_stop = on_stop
        self._asked: tuple[int, float] | None = None
        self._deferring = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> StopSignals:
        for name in _SIGNALS:
            if hasattr(signal, name):
                number = getattr(signal, name)
                self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if not self._deferring or self._asked is not None:
            raise Stopped(number)
        self._asked = (number, time.monotonic())
        self._on_stop()

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Do something that is worth finishing."""
        self._deferring = True
        try:
            yield
        finally:
            self._deferring = False
        if self._asked is not None:
            raise Stopped(self._asked[0])

    def check(self) -> None:
        """Stop here if the time to finish is over."""
        if self._asked is not None and time.monotonic() - self._asked[1] > self._grace:
            raise Stopped(self._asked[0])
