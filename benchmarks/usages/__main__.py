"""How fast usages are found and shown, beside faiss, hnswlib and LanceDB.

    python -m benchmarks.usages --data DIR [--sizes 10000,100000,1000000] [--no-frames] [--render]

Real text of so many words is embedded (MiniLM, bfloat16) and indexed once, in .bench/usages. Each library searches the
same vectors for the ten nearest usages of the same 50 usages, one at a time, in a process of its own; a result counts
only where those that are exact agree. Graphs are made for at most --hnsw-most usages, since that takes longest. Where
there is a Chromium, the frames of the page's map are timed as well (benchmarks/usages/frames.py).

Writes benchmarks/results/usages.json and docs/search-speed.md.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.speed import machine
from benchmarks.usages.frames import chromium
from benchmarks.usages.render import render

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results" / "usages.json"
PAGE = ROOT / "docs" / "search-speed.md"
PEERS = ("numpy==2.4.6", "faiss-cpu==1.15.1", "hnswlib==0.8.0")
ASKED = 50
K = 10
AGREE = 0.99  # of the rows of exact searches
CLOSE = 1e-6  # cosines that differ by less are the same


def main() -> int:
    arguments = parse()
    if not arguments.render:
        if arguments.data is None:
            raise SystemExit("--data DIR is needed: the folder that benchmarks/static_vectors.py reads.")
        folder = arguments.folder.absolute()
        python = peers(folder)
        found: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {"sizes": {}}
        for size in map(int, arguments.sizes.split(",")):
            hnsw = size <= arguments.hnsw_most
            found["sizes"][str(size)] = measure(size, arguments.data, folder, python, hnsw=hnsw)
            found |= {"machine": machine.describe(), "commit": machine.commit()}
            RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        if arguments.frames and chromium() is not None:
            print("timing the frames of the map", file=sys.stderr)
            found["frames"] = answer([sys.executable, "-m", "benchmarks.usages.frames"])
            RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(render(json.loads(RESULTS.read_text())), encoding="utf-8")
    print(PAGE.read_text(encoding="utf-8"))
    return 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.usages", description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder of the data sets")
    parser.add_argument("--sizes", default="10000,100000,1000000", help="how many words each")
    parser.add_argument("--folder", type=Path, default=Path(".bench"), help="what is kept from one run to the next")
    parser.add_argument("--hnsw-most", type=int, default=100_000, metavar="N")
    parser.add_argument("--no-frames", dest="frames", action="store_false", help="leave the frames of the map out")
    parser.add_argument("--render", action="store_true", help="measure nothing: make the page of what was measured")
    return parser.parse_args()


def peers(folder: Path) -> Path:
    """Give the Python of the other libraries' environment, made if it is not there."""
    python = folder / "search" / "bin" / "python"
    if not python.is_file():
        subprocess.run([sys.executable, "-m", "venv", folder / "search"], check=True)
        subprocess.run([python, "-m", "pip", "install", "-qq", "--disable-pip-version-check", *PEERS], check=True)
    return python


def measure(size: int, data: Path, folder: Path, python: Path, *, hnsw: bool) -> dict[str, Any]:
    from benchmarks.usages.corpus import indexed_store

    from wordstates import UsageIndex

    store = indexed_store(size, data, folder / "usages")
    index = UsageIndex(store)
    vectors, asked = store.with_suffix(".npy"), store.with_suffix(".json")
    if not vectors.is_file():
        np.save(vectors, index.vectors(np.arange(len(index))))
    numbers = np.random.default_rng(0).choice(len(index), ASKED, replace=False)
    asked.write_text(json.dumps(numbers.tolist()))
    print(f"{size:,} words: searching", file=sys.stderr)
    graph = ["--graph"] if hnsw else []
    ours = answer([sys.executable, "-m", "benchmarks.usages.ours", store, asked, vectors, "--lance", *graph])
    exact, lance = ours.pop("near"), ours.pop("lance")
    flat = {"ms": lance.pop("flat_ms"), "rows": lance.pop("flat_rows")}
    searches = {"wordstates": exact, "LanceDB, flat": flat, "wordstates --approximate": lance}
    if hnsw:
        searches["wordstates --approximate-by ivf-hnsw-sq"] = ours.pop("graph")
    worker = Path(__file__).with_name("peers.py")
    for name in ("faiss", "hnswlib") if hnsw else ("faiss",):
        try:
            searches[f"{name}, flat" if name == "faiss" else name] = answer([python, worker, name, vectors, asked])
        except SystemExit as error:  # what is measured of the others stays
            print(f"{name} is left out: {error}", file=sys.stderr)
    found = np.load(vectors, mmap_mode="r")
    kept = {name: figures(each, exact["rows"], found, numbers) for name, each in searches.items()}
    for name in {"LanceDB, flat", "faiss, flat"} & kept.keys():
        if kept[name]["recall"] < AGREE:
            raise SystemExit(f"{name} finds other usages than wordstates: {kept[name]['recall']:.3f} are the same.")
    spent = statistics.median(exact["ms"]) / 1000
    return {
        **ours,
        "once_per_text_ms": statistics.median(ours["once_per_text_ms"]),
        "bandwidth_share": round(vectors.stat().st_size / spent / ours["bytes_per_s"], 3),
        "searches": kept,
    }


def answer(command: list[str | Path]) -> Any:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)]), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=ROOT)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout)


def figures(found: dict[str, Any], exact: list[list[int]], vectors: np.ndarray, asked: np.ndarray) -> dict[str, Any]:
    """Give times and recall; usages that are as near as the tenth stand for each other: real text repeats itself."""
    same = []
    for number, theirs, ours in zip(asked.tolist(), found["rows"], exact, strict=True):
        least = float((vectors[ours] @ vectors[number]).min())
        same.append(float((vectors[list({*theirs})] @ vectors[number] >= least - CLOSE).sum()) / K)
    ordered = sorted(found["ms"])
    return {
        "ms": round(statistics.median(ordered), 3),
        "ms_90": round(ordered[len(ordered) * 9 // 10], 3),
        "recall": round(float(np.mean(same)), 4),
        **{name: round(found[name], 4) for name in ("build_s", "probes", "partitions") if name in found},
    }


if __name__ == "__main__":
    sys.exit(main())
