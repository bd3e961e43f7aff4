"""The machine that is measured: what decides speed, and nothing that tells whose it is."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from wordstates.model.processor import multiplies_in_int8

_FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_tile", "amx_int8", "amx_bf16")
_PACKAGES = ("wordstates", "torch", "transformers", "tokenizers", "openvino", "numpy", "pyarrow")
BFLOAT16 = ("avx512_bf16", "amx_bf16")  # without these it is emulated, at a seventh of float32
QUIET = 0.05  # share of the cores' time that others may take while nothing of ours runs


def describe(device: str = "cpu") -> dict[str, Any]:
    """Give the CPU, its instructions and caches, cores, memory, system and library versions; and the GPU, if it is one.

    Args:
        device: What computes.
    """
    cpu = _cpu()
    flags = set(cpu.get("flags", "").split())
    gpu = {} if device == "cpu" else {"gpu": _gpu(device)}
    return {
        **gpu,
        "cpu": cpu.get("model name", platform.processor() or platform.machine()),
        "cpu_family_model": "/".join(cpu.get(key, "?") for key in ("cpu family", "model", "stepping")),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "instructions": [flag for flag in _FLAGS if flag in flags],
        "caches": _caches(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "virtual": "hypervisor" in flags,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in _PACKAGES if _version(name)},
    }


def as_text(machine: Mapping[str, Any]) -> str:
    """Write what `describe` gave in a few words."""
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    return f"{machine['cpu']}, {machine['cores']} cores ({', '.join(machine['instructions'])}), {versions}"


def precisions(device: str) -> tuple[str, ...]:
    """Give what the machine computes in by instructions of its own.

    Args:
        device: What computes.
    """
    is_cpu = device == "cpu"
    able = {
        "float32": True,
        "bfloat16": not is_cpu or bool(set(_cpu().get("flags", "").split()).intersection(BFLOAT16)),
        "int8": is_cpu and multiplies_in_int8(),
    }
    return tuple(precision for precision, is_able in able.items() if is_able)


def _cpu() -> dict[str, str]:
    with suppress(OSError):
        first = Path("/proc/cpuinfo").read_text().split("\n\n")[0]
        pairs = (line.partition(":") for line in first.splitlines())
        return {key.strip(): value.strip() for key, _, value in pairs}
    return {}


def _gpu(device: str) -> str:
    found = torch.cuda.get_device_properties(device)
    return f"{found.name}, {found.total_memory / 2**30:.0f} GiB"


def _caches() -> dict[str, str]:
    found = {}
    for folder in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        with suppress(OSError):
            level, kind, size = ((folder / name).read_text().strip() for name in ("level", "type", "size"))
            found[f"L{level} {kind.lower()}"] = size
    return found


def _version(package: str) -> str:
    with suppress(PackageNotFoundError):
        return version(package)
    return ""


def commit() -> str:
    """Name the commit that is measured, with a plus if the tree holds more than it."""
    command = ["git", "describe", "--always", "--abbrev=7", "--exclude=*", "--dirty=+"]
    found = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
    return found.stdout.strip()


def busy_share(seconds: float) -> float:
    """Wait, doing nothing, and give the share of all cores' time in which somebody else computed; 0 if unknown."""
    before = _ticks()
    time.sleep(seconds)
    idle, every = (after - earlier for after, earlier in zip(_ticks(), before, strict=True))
    return 1 - idle / every if every else 0.0


def _ticks() -> tuple[int, int]:
    """Give the time of all cores since the start, idle and in all; what other guests of the host take is not idle."""
    with suppress(OSError, ValueError):
        figures = [int(figure) for figure in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
        return figures[3] + figures[4], sum(figures)
    return 0, 0
