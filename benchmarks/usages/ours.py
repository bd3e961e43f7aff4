"""Searching and showing the usages of an index, in a process of its own: what it takes in time and memory.

python -m benchmarks.usages.ours STORE ASKED.json VECTORS.npy [--lance] [--graph]    # prints JSON
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from wordstates.errors import InputError
from wordstates.explore.word_view import view_word
from wordstates.options import ApproximateKind
from wordstates.usages.approximate import ApproximateSearch
from wordstates.usages.index import UsageIndex
from wordstates.usages.searched_lines import LineSearch, lines_of_index

K = 10
WORDS = ("time", "people")  # frequent ones of many senses


def memory() -> int:
    """Give the bytes that this process holds, what is mapped from files aside."""
    fields = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines() if ":" in line)
    return int(fields["RssAnon"].split()[0]) * 1024


def timed(work: Callable[..., Any], *given: Any, **options: Any) -> tuple[float, Any]:
    """Give the milliseconds that a call takes, and its result."""
    began = time.perf_counter()
    result = work(*given, **options)
    return (time.perf_counter() - began) * 1000, result


def bandwidth(vectors: np.ndarray) -> float:
    """Give the bytes a second at which all cores read the vectors, best of five, by a sum that does nothing else."""
    import torch

    tensor = torch.from_numpy(vectors)
    tensor.sum()
    return vectors.nbytes / min(timed(tensor.sum)[0] for _ in range(5)) * 1000


def main() -> None:
    import sklearn.cluster
    import sklearn.metrics  # noqa: F401 - loaded before anything is timed

    store, asked = sys.argv[1:3]
    before = memory()
    opened, index = timed(UsageIndex, store)
    numbers = json.loads(Path(asked).read_text())
    result: dict[str, Any] = {"usages": len(index), "open_ms": opened}
    index.near(numbers[0], k=K)
    exact = [timed(index.near, number, k=K) for number in numbers]
    result["near"] = {
        "ms": [took for took, _ in exact],
        "rows": [[hit.usage.number for hit in hits] for _, hits in exact],
    }
    result["once_per_text_ms"] = [timed(index.near, number, k=K, once_per_text=True)[0] for number in numbers[:10]]
    result["memory"] = memory() - before
    result["words"] = {}
    for word in WORDS:
        lines = timed(lines_of_index, store, LineSearch((word,)))
        view = timed(view_word, index, word)
        result["words"][word] = {"usages": len(index.numbers(word=word)), "kwic_ms": lines[0], "map_ms": view[0]}
    if "--lance" in sys.argv:
        result["lance"] = with_lance(index, numbers)
    if "--graph" in sys.argv:
        result["graph"] = approximate(index, numbers, "ivf-hnsw-sq")
    result["bytes_per_s"] = bandwidth(np.load(sys.argv[3]))
    json.dump(result, sys.stdout)


def approximate(index: UsageIndex, numbers: list[int], kind: ApproximateKind) -> dict[str, Any]:
    """Make what approximate search of a kind needs, and search."""
    took, made = timed(index.add_approximate, kind)
    likely = [timed(index.near, number, k=K, approximate=True) for number in numbers]
    return {
        "build_s": took / 1000,
        "recall": made.recall,
        **({"probes": made.probes, "partitions": made.partitions} if kind == "ivf-flat" else {}),
        "ms": [each for each, _ in likely],
        "rows": [[hit.usage.number for hit in hits] for _, hits in likely],
    }


def with_lance(index: UsageIndex, numbers: list[int]) -> dict[str, Any]:
    """Search approximately, and with LanceDB's own exact search, which looks into all parts."""
    parted = approximate(index, numbers, "ivf-flat")
    table = ApproximateSearch(index.path, index.approximate).table
    vectors = index.vectors(numbers)

    def flat(vector: np.ndarray) -> list[int]:
        search: Any = table.search(vector)
        search = search.distance_type("dot").bypass_vector_index().limit(K + 1).select(["number"])
        rows: list[int] = search.to_arrow()["number"].to_pylist()
        return rows

    flat(vectors[0])
    exact = [timed(flat, vector) for vector in vectors]
    return {
        **parted,
        "flat_ms": [each for each, _ in exact],
        "flat_rows": [[row for row in rows if row != n][:K] for n, (_, rows) in zip(numbers, exact, strict=True)],
    }


if __name__ == "__main__":
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    try:
        main()
    except InputError as error:
        raise SystemExit(str(error)) from error
