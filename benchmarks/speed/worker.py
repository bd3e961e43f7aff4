"""A contestant in a process of its own: reads one command per line on standard input, answers on standard output.

Commands are JSON: {"do": "load", "name": ..., "model": folder, "recipe": ..., "inputs": file}, then {"do": "agree",
"texts": name, "output": file.npy} and {"do": "run", "texts": name}, as often as wanted; the end of input ends it.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
import traceback
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.speed.entries import named
from benchmarks.speed.process import timed


class Worker:
    def __init__(self) -> None:
        self._contestant: Any = None
        self._inputs: dict[str, list[list[str]]] = {}

    def load(self, command: dict[str, Any]) -> dict[str, Any]:
        self._inputs = json.loads(Path(command["inputs"]).read_text(encoding="utf-8"))
        entry = named(command["name"])
        began = time.perf_counter()
        module = importlib.import_module(f"benchmarks.speed.contestants.{entry.module}")
        setting = (command[key] for key in ("model", "recipe", "texts", "device"))
        self._contestant = module.load(*setting, **entry.options)
        return {"load_seconds": round(time.perf_counter() - began, 2), "versions": module.versions()}

    def agree(self, command: dict[str, Any]) -> dict[str, Any]:
        vectors = self._vectors(command["texts"])
        np.save(command["output"], vectors)
        return {"words": len(vectors)}

    def run(self, command: dict[str, Any]) -> dict[str, Any]:
        vectors, cost = timed(lambda: self._contestant.vectors(self._inputs[command["texts"]]))
        self._check(vectors, command["texts"])
        return {**cost, "words": len(vectors)}

    def _vectors(self, texts: str) -> Any:
        vectors = self._contestant.vectors(self._inputs[texts])
        self._check(vectors, texts)
        return vectors

    def _check(self, vectors: Any, texts: str) -> None:
        """Hold that every word has a vector, of numbers."""
        words = sum(map(len, self._inputs[texts]))
        if vectors.shape[0] != words or vectors.dtype != np.float32:
            raise ValueError(f"{texts}: {words:,} words, but an array of {vectors.shape}, {vectors.dtype}")
        missing = int((~np.isfinite(vectors).all(axis=1) | ~vectors.any(axis=1)).sum())
        if missing:
            raise ValueError(f"{texts}: {missing:,} of {words:,} words have no vector (NaN or all zeros)")


def main() -> None:
    # Libraries print on standard output as they like; the answers go to where nobody else writes.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    warnings.simplefilter("ignore")
    worker = Worker()
    for line in sys.stdin:
        command = json.loads(line)
        try:
            answer = getattr(worker, command["do"])(command)
        except Exception as error:
            traceback.print_exc()
            answer = {"failed": f"{type(error).__name__}: {(str(error).strip() or '-').splitlines()[0]}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
