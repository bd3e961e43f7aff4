"""What a process knows of itself: its memory and its time. Standard library only."""

from __future__ import annotations

import gc
import os
import resource
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

Result = TypeVar("Result")

_MIB = 1 << 20


def forget_peak() -> None:
    """Begin to look for the highest memory from here on, where the system can (Linux)."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_mib() -> float:
    """Give the most memory this process had since `forget_peak`; since its start where the system cannot forget."""
    return _status("VmHWM") or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / _MIB


def memory_mib() -> float:
    """Give the memory of this process now."""
    return _status("VmRSS")


def _status(key: str) -> float:
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith(f"{key}:"):
                return int(line.split()[1]) * 1024 / _MIB
    return 0.0


def timed(work: Callable[[], Result]) -> tuple[Result, dict[str, float]]:
    """Do some work once; give its result, the seconds, the seconds of all cores together, and the highest memory."""
    gc.collect()
    forget_peak()
    before = memory_mib()
    cpu, began = os.times(), time.perf_counter()
    result = work()
    seconds, after = time.perf_counter() - began, os.times()
    return result, {
        "seconds": round(seconds, 4),
        "cpu_seconds": round(after.user + after.system - cpu.user - cpu.system, 2),
        "peak_mib": round(peak_mib(), 1),
        "before_mib": round(before, 1),
    }
