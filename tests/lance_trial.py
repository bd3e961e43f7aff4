"""Approximate search on its own, in a process of its own: LanceDB is not made to be forked, as other tests do.

python tests/lance_trial.py FOLDER     # prints what it found as JSON
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from usage_files import write_file
from wordstates.errors import InputError
from wordstates.usages.build import build_index
from wordstates.usages.index import UsageIndex


def vectors() -> np.ndarray:
    """A thousand identical usages, some of zeros, and three thousand in groups, as boilerplate makes normal."""
    rng = np.random.default_rng(0)
    centers = rng.normal(size=(40, 12))
    grouped = centers[rng.integers(0, 40, 3_000)] + rng.normal(size=(3_000, 12)) * 0.3
    return np.concatenate([np.tile(centers[:1], (1_000, 1)), np.zeros((3, 12)), grouped]).astype(np.float32)


def refusal(index: UsageIndex) -> str:
    try:
        index.near(0, approximate=True)
    except InputError as error:
        return str(error)
    return ""


def main(folder: Path) -> None:
    path = write_file(folder / "u.parquet", vectors().tolist(), year=["1900", "1950"] * 2_001 + ["1950"])
    build_index(path)
    index = UsageIndex(path)
    found: dict[str, object] = {"none yet": refusal(index)}
    made = index.add_approximate()
    found["recall"], found["probes"], found["partitions"] = made.recall, made.probes, made.partitions
    asked = range(1_100, 4_000, 100)
    exact = {number: [hit.usage.number for hit in index.near(number)] for number in asked}
    likely = {number: [hit.usage.number for hit in index.near(number, approximate=True)] for number in asked}
    found["found"] = float(np.mean([len({*exact[n]} & {*likely[n]}) / 10 for n in asked]))
    found["scores"] = [hit.score for hit in index.near(2_000, approximate=True)]
    found["identical"] = [round(hit.score, 5) for hit in index.near(5, approximate=True)]
    found["zeros are there"] = len(index.near(1_001, k=4_003, approximate=True))
    only = index.near(1_500, approximate=True, conditions=["year=1900"])
    found["with conditions"] = [hit.usage.number for hit in only] == [
        hit.usage.number for hit in index.near(1_500, conditions=["year=1900"])
    ]
    found["of another text"] = len({hit.usage.document for hit in index.near(9, approximate=True, once_per_text=True)})
    graph = index.add_approximate("ivf-hnsw-sq")
    likely = {number: [hit.usage.number for hit in index.near(number, approximate=True)] for number in asked}
    found["graph"] = {
        "recall": graph.recall,
        "said": str(graph),
        "found": float(np.mean([len({*exact[n]} & {*likely[n]}) / 10 for n in asked])),
        "identical": [round(hit.score, 5) for hit in index.near(5, approximate=True)],
        "of another text": len({hit.usage.document for hit in index.near(9, approximate=True, once_per_text=True)}),
    }
    build_index(path, overwrite=True)
    found["started over"] = refusal(UsageIndex(path))
    few = write_file(folder / "few.parquet", [[1.0, 0.0]] * 20)
    build_index(few)
    try:
        UsageIndex(few).add_approximate()
    except InputError as error:
        found["few"] = str(error)
    same = write_file(folder / "same.parquet", [[1.0, 0.0, 1.0, 0.0]] * 1_000)
    build_index(same)
    index = UsageIndex(same)
    found["all the same"] = [index.add_approximate().recall, len(index.near(3, approximate=True))]
    graph = index.add_approximate("ivf-hnsw-sq")
    found["all the same in a graph"] = [graph.recall, len(index.near(3, approximate=True))]
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
