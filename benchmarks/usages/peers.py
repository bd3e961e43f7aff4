"""Other libraries that search vectors, in an environment of their own: no wordstates, no PyTorch.

python peers.py NAME VECTORS.npy ASKED.json      # prints milliseconds and rows as JSON
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

K = 10


def faiss(vectors: np.ndarray) -> Callable[[np.ndarray], Any]:
    import faiss

    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    return lambda query: index.search(query[None], K + 1)[1][0]


def hnswlib(vectors: np.ndarray) -> Callable[[np.ndarray], Any]:
    import hnswlib

    index = hnswlib.Index(space="ip", dim=vectors.shape[1])
    index.init_index(max_elements=len(vectors), ef_construction=100, M=16)
    index.add_items(vectors)
    index.set_ef(64)
    return lambda query: index.knn_query(query[None], k=K + 1)[0][0]


def main() -> None:
    name, path, asked = sys.argv[1:]
    vectors = np.load(path)
    began = time.perf_counter()
    search = {"faiss": faiss, "hnswlib": hnswlib}[name](vectors)
    built = time.perf_counter() - began
    milliseconds, found = [], []
    for number in json.loads(Path(asked).read_text()):
        began = time.perf_counter()
        rows = search(vectors[number])
        milliseconds.append((time.perf_counter() - began) * 1000)
        found.append([int(row) for row in rows if row != number][:K])
    json.dump({"build_s": built, "ms": milliseconds, "rows": found, "cpus": os.cpu_count()}, sys.stdout)


if __name__ == "__main__":
    main()
