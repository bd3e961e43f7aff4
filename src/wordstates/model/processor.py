"""What this machine computes with, as far as it can be told without PyTorch."""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path

_GPU_DRIVERS = {"win32": "nvcuda.dll"}


@cache
def processor_facts() -> tuple[str, ...]:
    """Name the processor and what it can do."""
    with contextlib.suppress(OSError):  # Linux says more
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").partition("\n\n")[0].splitlines()
        return tuple(sorted(line for line in lines if line.startswith(("model name", "flags", "Features"))))
    return platform.machine(), platform.processor()


def multiplies_in_int8() -> bool:
    """Tell whether the processor may have instructions for products in int8 (VNNI); surely not: False."""
    flags = [line for line in processor_facts() if line.startswith(("flags", "Features"))]
    return not flags or "vnni" in flags[0]


def usual_threads() -> int:
    """Give the threads that PyTorch would compute with here: those the environment names, or one a core."""
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        given = os.environ.get(name, "")
        if given.isdecimal() and int(given):
            return int(given)
    if not hasattr(os, "sched_getaffinity"):
        return os.cpu_count() or 1
    cores = set()
    for cpu in os.sched_getaffinity(0):
        siblings = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
        try:
            cores.add(siblings.read_text(encoding="ascii"))
        except OSError:
            cores.add(str(cpu))
    return len(cores)


@cache
def torch_build() -> str | None:
    """Give what PyTorch says of its version and of the GPUs that it was built for; None if that is not available."""
    found = find_spec("torch")
    if found is None or found.origin is None:
        return None
    try:
        return Path(found.origin).with_name("version.py").read_text(encoding="utf-8")
    except OSError:
        return None


def is_surely_a_cpu(device: object) -> bool:
    """Tell whether a device is the CPU: it is named, or PyTorch was built for CPUs, or no driver of a GPU is there.

    Args:
        device: As the user gave it; None or ``auto``: the GPU if there is one.
    """
    if device not in (None, "auto"):
        return str(device) == "cpu"
    build = torch_build() or ""
    if any(f"{kind}: Optional[str] = '" in build for kind in ("hip", "rocm")):
        return False
    if "cuda: Optional[str] = None" in build:
        return True
    try:
        ctypes.CDLL(_GPU_DRIVERS.get(sys.platform, "libcuda.so.1"))
    except OSError:
        return "cuda: Optional[str] = '" in build
    return False
