"""The alternate signal stack of a thread: memory that a signal handler runs on, if a thread was given any.

OpenVINO gives one to the thread that starts its CPU plugin, which every `openvino.Core` does, and frees the memory
with that core. A core that ends after a later one, or in another thread, is freed without taking it back: the thread is
left with an alternate stack in memory that is gone. Python's handlers run on alternate stacks, so the next Ctrl-C ends
in a segmentation fault (or, if the memory has got another use by then, somewhere worse).
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_DISABLED = 2  # SS_DISABLE: handlers run on the thread's own stack


class SignalStack(ctypes.Structure):
    """What Linux calls `stack_t`."""

    _fields_ = (("memory", ctypes.c_void_p), ("flags", ctypes.c_int), ("size", ctypes.c_size_t))


@contextmanager
def signal_stack_kept() -> Iterator[None]:
    """Leave this thread with the alternate signal stack that it has now, or with none, whatever is done inside.

    With none, handlers run on the thread's own stack, which has room. A stack that the system takes no more (because
    the processor's registers, of which some are switched on late, do not fit it) is left out too.
    """
    before = signal_stack()
    try:
        yield
    finally:
        if before is not None and not _use(before):
            _use(SignalStack(None, _DISABLED, 0))


def signal_stack() -> SignalStack | None:
    """Give the alternate signal stack of this thread; None where OpenVINO sets none, which is anywhere but on Linux."""
    if sys.platform != "linux":
        return None
    found = SignalStack()
    ctypes.CDLL(None).sigaltstack(None, ctypes.byref(found))
    return found


def _use(stack: SignalStack) -> bool:
    """Give this thread an alternate signal stack; False if the system refuses."""
    return bool(ctypes.CDLL(None).sigaltstack(ctypes.byref(stack), None) == 0)
