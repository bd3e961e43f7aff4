"""How fast the CPU multiplies in a precision: what it has no instructions for it emulates, many times slower."""

from __future__ import annotations

import time

import torch

_INNER, _REPEATS = 384, 5
_FEW_ROWS = 64


def products_per_second(dtype: torch.dtype, rows: int, columns: int) -> float:
    """Measure the products of a linear layer on the CPU, in floating-point operations a second.

    Args:
        dtype: What it computes in.
        rows: Rows of its input, 384 wide.
        columns: Columns of its output.
    """
    layer = torch.nn.Linear(_INNER, columns, dtype=dtype)
    given = torch.ones(rows, _INNER, dtype=dtype)
    times = []
    with torch.inference_mode():
        layer(given)
        for _ in range(_REPEATS):
            began = time.perf_counter()
            layer(given)
            times.append(time.perf_counter() - began)
    return 2 * rows * _INNER * columns / min(times)


def slowness(dtype: torch.dtype) -> float:
    """Measure how many times as long as in float32 products take on the CPU, in a few milliseconds; at least 1."""
    if dtype == torch.float32:
        return 1.0
    exact, reduced = (products_per_second(each, _FEW_ROWS, _INNER) for each in (torch.float32, dtype))
    return max(1.0, exact / reduced)
