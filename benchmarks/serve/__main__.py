"""The command: a race of servers, words a second beside `encode`, five times too much, and what is made of it."""

from __future__ import annotations

import argparse
import datetime
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.serve.render import render
from benchmarks.serve.servers import QUESTIONS
from benchmarks.serve.studies import Setting, study_overload, study_race, study_saturation
from benchmarks.speed import machine
from benchmarks.speed.__main__ import _model
from benchmarks.speed.environments import SERVERS, make, missing

_ROOT = Path(__file__).resolve().parents[2]
_RESULTS = _ROOT / "benchmarks" / "results" / "serve.json"
_PAGE = _ROOT / "docs" / "serve-speed.md"
_PARTS: dict[str, Callable[[Setting], dict[str, Any]]] = {
    "race": study_race,
    "saturation": study_saturation,
    "overload": study_overload,
}


def main() -> int:
    arguments = _parse()
    if arguments.make_peers:
        make(arguments.peers, SERVERS)
        return 0
    quick = arguments.quick
    output = arguments.output or (arguments.peers / "serve-quick.json" if quick else _RESULTS)
    if not arguments.render:
        _measure(arguments, output)
    page = _PAGE if output.resolve() == _RESULTS else output.with_suffix(".md")
    page.write_text(render(json.loads(output.read_text(encoding="utf-8"))), encoding="utf-8")
    print(page.read_text(encoding="utf-8"))
    return 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.serve", description="Requests a second of wordstates serve and other servers."
    )
    parser.add_argument("--parts", nargs="+", choices=list(_PARTS), default=list(_PARTS), help="default all")
    parser.add_argument("--seconds", type=float, default=2.0, help="length of one turn (default 2)")
    parser.add_argument("--rounds", type=int, default=2, help="turns of each (default 2)")
    parser.add_argument("--soak", type=float, default=60.0, metavar="SECONDS", help="length of the overload (60)")
    parser.add_argument("--connections", type=int, default=10_000, help="connections opened and dropped (10,000)")
    parser.add_argument(
        "--peers", type=Path, default=Path(".bench"), metavar="DIR", help="where the peers are (.bench)"
    )
    parser.add_argument("--only", nargs="+", metavar="NAME", help="servers whose names hold one of these")
    parser.add_argument("--quick", action="store_true", help="one short round: to see that all of it runs")
    parser.add_argument("--output", type=Path, help="file of raw results (benchmarks/results/serve.json)")
    parser.add_argument("--render", action="store_true", help="make the page of the results that are there")
    parser.add_argument("--make-peers", action="store_true", help="make the peers' environments that are missing")
    return parser.parse_args()


def _measure(arguments: argparse.Namespace, output: Path) -> None:
    """Measure what is asked for, and write the results after each part."""
    questions = tuple(each for each in QUESTIONS if not arguments.only or any(n in each.server for n in arguments.only))
    peers = {each.server for each in questions} & set(SERVERS)
    if absent := missing(arguments.peers, peers):
        raise SystemExit(f"{arguments.peers} has no {', '.join(sorted(absent))}: make them with --make-peers.")
    quick = arguments.quick
    setting = Setting(
        model=_model("minilm")[1],
        peers=arguments.peers,
        questions=questions,
        seconds=0.5 if quick else arguments.seconds,
        rounds=1 if quick else arguments.rounds,
        soak=4.0 if quick else arguments.soak,
        connections=300 if quick else arguments.connections,
    )
    results = {"machine": machine.describe(), "parts": {}}
    if output.is_file():
        before = json.loads(output.read_text(encoding="utf-8"))
        if before["machine"] == results["machine"]:
            results = before
    for name in arguments.parts:
        print(name, file=sys.stderr)
        began, busy = datetime.datetime.now(datetime.UTC), machine.busy_share(1)
        figures = _PARTS[name](setting)
        seconds = round((datetime.datetime.now(datetime.UTC) - began).total_seconds())
        about = {"date": f"{began:%Y-%m-%d %H:%M} UTC", "took": seconds, "commit": machine.commit()}
        results["parts"][name] = {**about, "busy": round((busy + machine.busy_share(1)) / 2, 3), **figures}
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
