"""What is measured of wordstates alone: each study in a process of its own, its figures as JSON on the last line.

python -m benchmarks.speed.studies NAME '{"model": folder, "inputs": file, "rounds": 3, "scale": 1.0}'
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.speed.environments import quiet_environment
from benchmarks.speed.process import timed

_ROOT = Path(__file__).parents[2]

# Name of each study, the module and function that do it, and what it answers.
STUDIES = {
    "ceiling": ("ceiling", "share of the machine's matrix products"),
    "depth": ("shapes", "cost by deepest layer"),
    "lengths": ("shapes", "words a second by length of the texts"),
    "duplicates": ("shapes", "words a second where each text occurs four times"),
    "feeding": ("feeding", "words a second prepared and written, with the engine taken out"),
    "cold": ("corpora", "seconds of a whole process, to the first vector"),
    "find": ("corpora", "`find` against embedding everything"),
    "memory": ("corpora", "highest memory after 100 thousand and a million words"),
}
ON_GPU = ("ceiling", "depth", "lengths")
# Those that tell nothing more about a larger model.
SMALL_ONLY = frozenset({"feeding", "cold", "find", "memory"})


@dataclass(frozen=True)
class Setting:
    """What a study is given.

    Args:
        model: Folder of the model.
        inputs: File of the inputs.
        rounds: Turns.
        scale: Share of the usual work.
        device: Where it is computed.
        words: For the study of memory, which asks itself in processes of their own: how much that process reads.
    """

    model: str
    inputs: str
    rounds: int
    scale: float
    device: str = "cpu"
    words: int = 0

    @cached_property
    def texts(self) -> dict[str, list[list[str]]]:
        found: dict[str, list[list[str]]] = json.loads(Path(self.inputs).read_text(encoding="utf-8"))
        return found

    def different_sentences(self, most: int) -> list[str]:
        """Give raw texts, none of them twice."""
        return list(dict.fromkeys(" ".join(words) for words in self.texts["corpus"]))[: max(int(most * self.scale), 60)]

    def scaled(self, amount: float) -> int:
        return max(int(amount * self.scale), 1)


def in_turns(works: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Time pieces of work in turns; a first turn, which warms everything up, is not among the seconds given."""
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(rounds + 1):
        for name, work in works.items():
            cost = timed(work)[1]["seconds"]
            if turn:
                seconds[name].append(cost)
    return seconds


def scratch_folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="wordstates-bench-")


def run_study(name: str, setting: Setting) -> dict[str, Any]:
    """Run a study in a process of its own.

    Raises:
        RuntimeError: If it fails; its error is on standard error.
    """
    process = subprocess.run(
        [sys.executable, "-m", "benchmarks.speed.studies", name, json.dumps(asdict(setting))],
        cwd=_ROOT,
        env=quiet_environment(setting.device),
        stdout=subprocess.PIPE,
        check=False,
    )
    if process.returncode:
        raise RuntimeError(f"study {name!r} failed with status {process.returncode}")
    figures: dict[str, Any] = json.loads(process.stdout.splitlines()[-1])
    return figures


def main() -> None:
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    name, setting = sys.argv[1], Setting(**json.loads(sys.argv[2]))
    module = import_module(f"benchmarks.speed.{STUDIES[name][0]}")
    answers.write(json.dumps(getattr(module, f"study_{name}")(setting)) + "\n")
    answers.close()


if __name__ == "__main__":
    main()
