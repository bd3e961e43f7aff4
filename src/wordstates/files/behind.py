"""Work done in a thread while the caller goes on: one piece at a time, and none that is forgotten."""

from __future__ import annotations

import threading
from collections.abc import Callable

_LOOK = 0.5  # seconds between two looks for Ctrl-C, which some systems do not let through to who waits for a thread


class Behind:
    """Does one piece of work at a time in a thread.

    An error of it is raised once, by the next `start` or `wait`. The thread ends with its work, and the process does
    not wait for it.
    """

    def __init__(self) -> None:
        self._done = threading.Event()
        self._done.set()
        self._error: BaseException | None = None

    def start(self, work: Callable[[], object]) -> None:
        """Begin a piece of work, once the one before is done."""
        self.wait()
        self._done.clear()
        try:
            threading.Thread(target=self._do, args=(work,), daemon=True).start()
        except RuntimeError:  # no more threads are available
            self._do(work)

    def wait(self) -> None:
        """Wait until the work is done, and raise what it raised."""
        while not self._done.wait(_LOOK):
            pass
        error, self._error = self._error, None
        if error is not None:
            raise error

    def is_done_within(self, seconds: float) -> bool:
        """Wait at most so long, and tell whether no work is left; its error is dropped."""
        done = self._done.wait(seconds)
        self._error = None
        return done

    def _do(self, work: Callable[[], object]) -> None:
        try:
            work()
        except BaseException as error:
            self._error = error
        finally:
            self._done.set()
