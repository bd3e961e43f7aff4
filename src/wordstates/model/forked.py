"""What a fork leaves: all memory, but of the threads only the one that forked. No child process waits for the others.

- Threads of PyTorch: the child computes in one thread, as the workers of PyTorch's own data loaders do.
- Threads of OpenVINO: the child cannot use it, if it was started before; see `wordstates.model.engines`.
- Locks that another thread had at that moment stay closed, and what they guard is half done: an error says so.
"""

from __future__ import annotations

import os
import sys
from contextlib import AbstractContextManager
from operator import index
from threading import RLock
from typing import SupportsIndex
from weakref import WeakSet

from wordstates.errors import InputError, ModelError
from wordstates.model.processor import usual_threads

USE_SPAWN = "start processes with 'spawn', as multiprocessing.get_context('spawn') does, and load the model in each"

_locks: WeakSet[ForkLock] = WeakSet()
_has_computed, _was_forked = False, False
_threads: int | None = None
_torch_knows = False


class ForkLock:
    """A lock that the thread which has it may take again, and that raises where it would wait for a lost thread.

    `with lock.checked():` takes it. What takes and gives it back is not Python's code, so that Ctrl-C cannot come
    between, and leave it closed for ever.
    """

    def __init__(self) -> None:
        self._lock = RLock()
        self._lost = False
        _locks.add(self)

    def checked(self) -> AbstractContextManager[object]:
        """Give what to take, unless a thread has it that was lost in a fork.

        Raises:
            ModelError: If one has.
        """
        if self._lost:
            raise ModelError(
                f"This process was forked while another thread was reading with the same model: {USE_SPAWN}."
            )
        return self._lock

    def _see_who_has_it(self) -> None:
        """Find out, in a process just forked, whether a thread that is not here has the lock."""
        if self._lock.acquire(blocking=False):
            self._lock.release()
        else:
            self._lost = True


def computes_here() -> None:
    """Remember that PyTorch may have threads from now on, which processes that are forked will lack."""
    global _has_computed
    _has_computed = True


def set_threads(threads: SupportsIndex) -> None:
    """Set how many threads a CPU computes with, for all embedders of this process; without it, all cores compute.

    Call it before an embedder is loaded: an engine that is in use keeps its threads. Worker processes of a store take
    as many each. A process that was forked after vectors were computed keeps its one thread.

    Raises:
        InputError: If it is no whole number, or below 1.

    Examples:
        >>> set_threads(1)
    """
    global _threads, _torch_knows
    if isinstance(threads, bool) or not hasattr(threads, "__index__"):
        raise InputError(f"threads={threads!r} is no whole number: give an int.")
    if (number := index(threads)) < 1:
        raise InputError(f"threads={number} computes nothing: give 1 or more.")
    _threads, _torch_knows = 1 if _was_forked else number, False
    if "torch" in sys.modules:  # else it is set when a model needs it
        tell_torch()


def tell_torch() -> None:
    """Have PyTorch compute with as many threads as were asked for."""
    global _torch_knows
    if _threads is not None and not _torch_knows:
        import torch

        torch.set_num_threads(_threads)
        _torch_knows = True


def threads_here() -> int:
    """Give the threads that a CPU computes with: PyTorch's, or where that is not loaded those that it would take."""
    torch = sys.modules.get("torch")
    return int(torch.get_num_threads()) if torch is not None else _threads or usual_threads()


def threads_set() -> int | None:
    """Give what `set_threads` was told; None if it was not called."""
    return _threads


def _after_fork() -> None:
    global _was_forked
    for lock in list(_locks):
        lock._see_who_has_it()
    torch = sys.modules.get("torch")
    if _has_computed and torch is not None:
        _was_forked = True
        torch.set_num_threads(1)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
