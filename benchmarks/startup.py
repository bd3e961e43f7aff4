"""How long `import wordstates`, `wordstates --help` and a first vector take, each in a fresh Python.

    python benchmarks/startup.py            prints the table, and writes benchmarks/results/startup.json
    python benchmarks/startup.py --runs 5
    python benchmarks/startup.py --imports      prints what a first vector imports, with and without what was kept

What is imported is told by `python -X importtime`, in a run of its own.

Each figure is the median over the runs, which take turns, so that a busy moment of the machine meets all of them. A
bare Python is measured beside them: what is left after it is taken away is ours. The first vector, of MiniLM, is made
by hand with transformers, then by wordstates with PyTorch, and with OpenVINO, without and with what an earlier process
has kept (`wordstates cache`); before anything is measured, all four are seen to agree within 1e-5. CPU seconds are told
beside those of the clock: they say more on a machine that does something else.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from wordstates.model._hub import minilm_folder

TEXT, WORD = "the bank of the river", "bank"
OURS = f"""
from wordstates import WordEmbedder
print(*WordEmbedder("minilm", engine="ENGINE").encode({TEXT!r})[{WORD!r}].vector)
"""
BY_HAND = f"""
import torch
from transformers import AutoModel, AutoTokenizer
tokenizer, model = AutoTokenizer.from_pretrained("FOLDER"), AutoModel.from_pretrained("FOLDER").eval()
given = tokenizer({TEXT!r}, return_tensors="pt")
with torch.inference_mode():
    states = model(**given, output_hidden_states=True).hidden_states[-1][0]
print(*states[given.word_ids().index({TEXT.split().index(WORD)})].tolist())
"""
RESULTS = Path(__file__).parent / "results" / "startup.json"
BARE, KEPT = "python -c pass", "first vector, OpenVINO, kept"
MOST_IMPORTS = 25


@dataclass(frozen=True)
class Command:
    """What is started, and the cache of engines that it has."""

    arguments: list[str]
    cache: str = "off"
    gives_a_vector: bool = field(default=False)

    def run(self, *options: str) -> subprocess.CompletedProcess[str]:
        """Run it in a process of its own, with options of Python."""
        environment = {**os.environ, "WORDSTATES_CACHE": self.cache, "HF_HUB_OFFLINE": "1"}
        python, *rest = self.arguments
        return subprocess.run([python, *options, *rest], env=environment, capture_output=True, text=True, check=True)


def commands(cache: str) -> dict[str, Command]:
    """Give what is measured, by name."""
    python = [sys.executable, "-c"]
    by_hand = BY_HAND.replace("FOLDER", str(minilm_folder()))
    torch, openvino = (OURS.replace("ENGINE", engine) for engine in ("torch", "openvino"))
    return {
        BARE: Command([*python, "pass"]),
        "import wordstates": Command([*python, "import wordstates"]),
        "wordstates --help": Command([sys.executable, "-m", "wordstates", "--help"]),
        "first vector, by hand": Command([*python, by_hand], gives_a_vector=True),
        "first vector, PyTorch": Command([*python, torch], gives_a_vector=True),
        "first vector, OpenVINO": Command([*python, openvino], gives_a_vector=True),
        KEPT: Command([*python, openvino], cache, gives_a_vector=True),
    }


def check(measured: dict[str, Command]) -> None:
    """See that all vectors agree; a first run, which warms the disk and fills the cache, is not among the figures."""
    outputs = {name: command.run().stdout for name, command in measured.items()}
    vectors = [np.array(outputs[name].split(), dtype=float) for name in measured if measured[name].gives_a_vector]
    assert all(np.abs(vector - vectors[0]).max() < 1e-5 for vector in vectors), "the vectors differ"


def measure(measured: dict[str, Command], runs: int) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Give the seconds of every run of every command, by the clock and of the CPU."""
    seconds: dict[str, list[float]] = {name: [] for name in measured}
    of_cpu: dict[str, list[float]] = {name: [] for name in measured}
    for _ in range(runs):
        for name, command in measured.items():
            began, used = time.perf_counter(), _cpu_of_children()
            command.run()
            seconds[name].append(time.perf_counter() - began)
            of_cpu[name].append(_cpu_of_children() - used)
    return seconds, of_cpu


def _cpu_of_children() -> float:
    found = os.times()
    return found.children_user + found.children_system


@dataclass(frozen=True)
class Import:
    """An import of a module, as `-X importtime` tells it: its seconds, alone and with all that it imports."""

    module: str
    alone: float
    in_all: float


def imports(command: Command) -> list[Import]:
    """Give all imports of a command."""
    told = [
        line.removeprefix("import time:").split("|") for line in command.run("-X", "importtime").stderr.splitlines()
    ]
    numbers = [each for each in told if len(each) == 3 and each[0].strip().isdecimal()]
    return [Import(name.rstrip(), int(alone) / 1e6, int(in_all) / 1e6) for alone, in_all, name in numbers]


def count_imports(measured: dict[str, Command]) -> dict[str, dict[str, float]]:
    """Print how many modules each first vector imports, and for how long; and give that."""
    counted = {}
    print(f"\n{'what is imported':<{max(map(len, measured))}} {'modules':>8} {'seconds':>8}")
    for name, command in measured.items():
        if command.gives_a_vector or name == BARE:
            found = imports(command)
            counted[name] = {"modules": len(found), "seconds": round(sum(each.alone for each in found), 3)}
            print(f"{name:<{max(map(len, measured))}} {len(found):8,} {counted[name]['seconds']:8.3f}")
    return counted


def main() -> None:
    parser = argparse.ArgumentParser(description="Time what a person waits for when wordstates starts.")
    parser.add_argument("--runs", type=int, default=9, help="runs of each command (default 9)")
    parser.add_argument("--output", type=Path, default=RESULTS, help="file of raw results")
    parser.add_argument("--imports", action="store_true", help="print what takes longest to import instead")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as cache:
        measured = commands(cache)
        check(measured)
        if arguments.imports:
            count_imports(measured)
            for name in ("first vector, OpenVINO", KEPT):
                print(f"\n{name}, seconds with all that is imported by it")
                longest = sorted(imports(measured[name]), key=lambda each: -each.in_all)[:MOST_IMPORTS]
                print("\n".join(f"{each.in_all:8.3f} {each.module}" for each in longest))
            return
        seconds, of_cpu = measure(measured, arguments.runs)
        imported = count_imports(measured)
    bare = statistics.median(seconds[BARE])
    machine = {"python": platform.python_version(), "system": platform.system(), "processor": platform.machine()}
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    figures = {"machine": machine, "seconds": seconds, "cpu_seconds": of_cpu, "imports": imported}
    arguments.output.write_text(json.dumps(figures, indent=1) + "\n")
    print(f"\nmedian of {arguments.runs} runs, Python {machine['python']}, {machine['system']}")
    width = max(map(len, seconds))
    print(f"{'command':<{width}} {'seconds':>8} {'without Python itself':>22} {'CPU seconds':>12}")
    for name, times in seconds.items():
        median = statistics.median(times)
        print(f"{name:<{width}} {median:8.3f} {median - bare:22.3f} {statistics.median(of_cpu[name]):12.3f}")


if __name__ == "__main__":
    main()
