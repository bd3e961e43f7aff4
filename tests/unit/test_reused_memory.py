"""Memory of vectors is used again when nobody holds them, and not before."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from wordstates.encode.reused_memory import ReusedMemory


def _place(array: np.ndarray) -> int:
    return int(array.__array_interface__["data"][0])


def test_memory_is_used_again_once_every_view_of_it_is_gone() -> None:
    memory = ReusedMemory()
    first = memory.empty(100, (4,))
    assert first.shape == (100, 4)
    assert first.dtype == np.float32
    assert first.flags.writeable
    first[:] = 1.0
    place, column = _place(first), pa.array(first[50:].reshape(-1))
    del first
    second = memory.empty(100, (4,))
    second[:] = 2.0
    assert column.to_pylist() == [1.0] * 200
    del column
    assert _place(memory.empty(110, (4,))) == place


def test_memory_is_let_go_that_is_too_small_or_much_too_large_and_some_of_much() -> None:
    for rows, wanted in [(10, 100), (100, 10)]:
        memory = ReusedMemory()
        held = memory.empty(rows, (4,))
        del held
        assert len(memory._kept[4,]) == 1
        assert memory.empty(wanted, (2, 2)).shape == (wanted, 2, 2)
        assert len(memory._kept[4,]) == 1  # another shape
        other = memory.empty(wanted, (4,))
        assert (len(other), len(memory._kept[4,])) == (wanted, 0)
    memory = ReusedMemory()
    many = [memory.empty(10, (4,)) for _ in range(20)]
    del many
    assert len(memory._kept[4,]) == 4
