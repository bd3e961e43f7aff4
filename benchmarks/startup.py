"""How long `import wordstates` and `wordstates --help` take, each in a fresh Python.

    python benchmarks/startup.py            prints the table, and writes benchmarks/results/startup.json
    python benchmarks/startup.py --runs 5

Each figure is the median over the runs, which take turns, so that a busy moment of the machine meets all of them. A
bare Python is measured beside them: what is left after it is taken away is ours.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "import wordstates": [sys.executable, "-c", "import wordstates"],
    "wordstates --help": [sys.executable, "-m", "wordstates", "--help"],
}
RESULTS = Path(__file__).parent / "results" / "startup.json"
BARE = "python -c pass"


def seconds_of(command: list[str]) -> float:
    """Run a command in a process of its own, and give the seconds it took."""
    began = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def measure(runs: int) -> dict[str, list[float]]:
    """Give the seconds of every run of every command; a first run, which warms the disk, is not among them."""
    for command in COMMANDS.values():
        seconds_of(command)
    seconds: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(runs):
        for name, command in COMMANDS.items():
            seconds[name].append(seconds_of(command))
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description="Time `import wordstates` and `wordstates --help`.")
    parser.add_argument("--runs", type=int, default=15, help="runs of each command (default 15)")
    parser.add_argument("--output", type=Path, default=RESULTS, help="file of raw results")
    arguments = parser.parse_args()
    seconds = measure(arguments.runs)
    bare = statistics.median(seconds[BARE])
    machine = {"python": platform.python_version(), "system": platform.system(), "processor": platform.machine()}
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps({"machine": machine, "seconds": seconds}, indent=1) + "\n")
    print(f"median of {arguments.runs} runs, Python {machine['python']}, {machine['system']}")
    print(f"{'command':<20} {'seconds':>8} {'without Python itself':>22}")
    for name, times in seconds.items():
        median = statistics.median(times)
        print(f"{name:<20} {median:8.3f} {median - bare:22.3f}")


if __name__ == "__main__":
    main()
