"""What sweeps find on published data.

    python -m benchmarks.quality --data DIR [--model minilm --model FOLDER] [--parts cost,choice,...] [--render]

Each part is measured for each model, and added to the results; those that are there are kept, unless --again is given.
The pages of docs are made of the results. Where each data set lies in DIR is in `sources.py`.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")

from benchmarks.quality import cells, clusters, cost, probe, selfsimilarity, sources
from benchmarks.quality.render import render
from benchmarks.speed import machine
from benchmarks.speed.machine import commit

_RESULTS = Path(__file__).parent.parent / "results" / "quality.json"
_PAGE = Path(__file__).parent.parent.parent / "docs" / "quality.md"
_CHOICE = [sources.NORDIACHANGE, sources.NORDIACHANGE_CHANGE, sources.SEMCOR, sources.WIC_TSV, *sources.AM2ICO]

Job = Callable[[str, Path], dict[str, Any]]


def main() -> int:
    arguments = _parse()
    if not arguments.render:
        if arguments.data is None:
            raise SystemExit("--data DIR is needed: the folder of data sets; benchmarks/quality/sources.py names them.")
        _measure(arguments)
    _PAGE.write_text(render(_read()), encoding="utf-8")
    print(_PAGE.read_text(encoding="utf-8"))
    return 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality", description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder of the data sets")
    parser.add_argument(
        "--model", action="append", metavar="MODEL", help="minilm (default), or a folder; several times"
    )
    parser.add_argument("--parts", metavar="PART,PART", help=f"of {', '.join(_parts())}; default all")
    parser.add_argument("--again", action="store_true", help="measure also what is in the results")
    parser.add_argument("--render", action="store_true", help="measure nothing: make the page of what was measured")
    arguments = parser.parse_args()
    unknown = sorted({*(arguments.parts or "").split(",")} - {*_parts(), ""})
    if unknown:
        parser.error(f"--parts {','.join(unknown)}: choose of {', '.join(_parts())}")
    return arguments


def _parts() -> dict[str, dict[str, Job]]:
    """Give what each part measures, by the names in the results."""
    swept = {
        "choice": _CHOICE,
        "graded": sources.GRADED,
        "morphology": sources.MORPHOLOGY,
        "names": [sources.NAMES],
    }
    return {
        **{part: {source.name: partial(cells.measure, source) for source in data} for part, data in swept.items()},
        "probe": {source.name: partial(probe.measure, source) for source in (sources.POS, sources.NAMES)},
        "clusters": {
            "SemCor, chosen on": partial(clusters.measure_semcor, 0),
            "SemCor": partial(clusters.measure_semcor, 1),
            "WiC-TSV": clusters.measure_wic_tsv,
        },
        "change": {sources.NORDIACHANGE.name: clusters.measure_change},
        "selfsimilarity": {"EWT": selfsimilarity.measure},
        "cost": {"float32": partial(cost.measure, "float32"), "bfloat16": partial(cost.measure, "bfloat16")},
    }


def _jobs(arguments: argparse.Namespace) -> Iterator[tuple[tuple[str, str, str], str, Job]]:
    chosen = arguments.parts.split(",") if arguments.parts else list(_parts())
    for part in chosen:
        for model in arguments.model or ["minilm"]:
            label = model if model == "minilm" else Path(model).resolve().name
            for name, job in _parts()[part].items():
                yield (part, label, name), model, job


def _measure(arguments: argparse.Namespace) -> None:
    found = _read()
    for (part, label, name), model, job in _jobs(arguments):
        if name in found.get(part, {}).get(label, {}) and not arguments.again:
            continue
        began = time.perf_counter()
        cell = {"commit": commit(), **job(model, arguments.data)}
        found = _read()  # another run may have measured other cells meanwhile
        found.setdefault(part, {}).setdefault(label, {})[name] = cell
        found["machine"] = machine.describe()
        partial_file = _RESULTS.with_suffix(".partial")
        partial_file.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        partial_file.replace(_RESULTS)
        print(f"{part}, {label}, {name}: {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)


def _read() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_RESULTS.read_text(encoding="utf-8")) if _RESULTS.is_file() else {}
    return found


if __name__ == "__main__":
    sys.exit(main())
