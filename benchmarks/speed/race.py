"""The race: every contestant in a process of its own, first compared, then timed in turns."""

from __future__ import annotations

import json
import select
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.speed.entries import REFERENCE, Entry, named
from benchmarks.speed.environments import interpreter, quiet_environment
from benchmarks.speed.machine import busy_share

_ROOT = Path(__file__).parents[2]
_PATIENCE_WITH_ONE = 3600.0  # seconds for one answer
# Between turns, so that the threads of the one before have gone to sleep; meanwhile it is seen who else computes. That
# hurts most those that spin while they wait for a core, as PyTorch's threads do: ratios are then worthless.
_PAUSE = 0.6
_FEWEST_ROUNDS = 3

# What the outputs may differ from `transformers` one by one. Ours in float32: by this, relative to the largest number
# where that is beyond 1. Peers in float32, some with another major version of `transformers`: absolutely. Reduced
# precision: by norm.
OURS_MAY_DIFFER, PEERS_MAY_DIFFER = 1e-5, 1e-4
ROUNDING = {"bfloat16": 0.02, "int8": 0.1}


class DisagreementError(Exception):
    """The vectors of a contestant are not those of the reference: its speed means nothing."""


class FailedError(Exception):
    """A contestant did not do what it was asked for."""


@dataclass(frozen=True)
class Cell:
    """What is raced over.

    Args:
        label: Name of the model in the results.
        model: Its folder.
        texts: Name of the input.
        recipe: What is made of the layers.
    """

    label: str
    model: str
    texts: str
    recipe: str

    @property
    def key(self) -> str:
        return f"race/{self.label}/{self.texts}/{self.recipe}"


@dataclass(frozen=True)
class Rules:
    """How it is raced.

    Args:
        peers: Folder of the peers' environments.
        inputs: File of the inputs.
        scratch: Folder for files on the way.
        rounds: Turns of each contestant.
        patience: Seconds after which three rounds are enough.
        device: Where all compute.
    """

    peers: Path
    inputs: Path
    scratch: Path
    rounds: int
    patience: float
    device: str


class Contestant:
    """A worker process, asked and answering."""

    def __init__(self, entry: Entry, rules: Rules) -> None:
        self.entry = entry
        self._log = (rules.scratch / f"{entry.name}.log").open("w+", encoding="utf-8")
        self._process = subprocess.Popen(
            [str(interpreter(rules.peers, entry.environment)), "-m", "benchmarks.speed.worker"],
            cwd=_ROOT,
            env=quiet_environment(rules.device, rules.peers),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
        )

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()
        self._log.close()

    def ask(self, do: str, **command: Any) -> dict[str, Any]:
        """Have a command done.

        Raises:
            FailedError: If it fails, ends, or takes too long.
        """
        questions, answers = self._process.stdin, self._process.stdout
        if questions is None or answers is None:
            raise FailedError("it has no pipes")
        try:
            questions.write((json.dumps({"do": do, **command}) + "\n").encode())
            questions.flush()
        except BrokenPipeError:
            raise FailedError(f"it ended: {self._last_words()}") from None
        if not select.select([answers], [], [], _PATIENCE_WITH_ONE)[0]:
            raise FailedError(f"no answer to {do!r} within {_PATIENCE_WITH_ONE:.0f} s")
        line = answers.readline()
        if not line:
            raise FailedError(f"it ended: {self._last_words()}")
        answer: dict[str, Any] = json.loads(line)
        if "failed" in answer:
            raise FailedError(answer["failed"])
        return answer

    def _last_words(self) -> str:
        self._log.seek(0)
        lines = self._log.read().strip().splitlines()
        return lines[-1] if lines else f"exit status {self._process.poll()}"


def race(cell: Cell, entries: Sequence[Entry], rules: Rules) -> dict[str, Any]:
    """Compare all contestants that can do this, then time them in turns.

    Args:
        cell: Over what.
        entries: Who; the reference is always compared with, and timed only if it is among them.
        rules: How.

    Returns:
        For each contestant what it took, or why it failed; a failure of one does not end the race.

    Raises:
        DisagreementError: If the vectors of one are not those of the reference.
        FailedError: If the reference fails.
    """
    able = [entry for entry in entries if entry.can(cell.recipe, cell.texts)]
    results: dict[str, dict[str, Any]] = {entry.name: {"rounds": []} for entry in able}
    running: dict[str, Contestant] = {}
    try:
        exact = _reference(cell, rules, results, running)
        for entry in able:
            if entry.name != REFERENCE:
                with _excused(entry.name, results, running):
                    _enter(cell, entry, rules, exact, results, running)
        busy: list[float] = []
        began = time.perf_counter()
        for turn in range(rules.rounds):
            if turn >= _FEWEST_ROUNDS and time.perf_counter() - began > rules.patience:
                say(f"  {turn} rounds took {time.perf_counter() - began:.0f} s: enough")
                break
            for name in list(running):
                busy.append(busy_share(_PAUSE))
                with _excused(name, results, running):
                    _turn(cell, name, results, running)
    finally:
        for contestant in running.values():
            contestant.end()
    about = {"model": cell.label, "texts": cell.texts, "recipe": cell.recipe}
    return {**about, "busy": round(statistics.fmean(busy or [0.0]), 3), "contestants": results}


@contextmanager
def _excused(name: str, results: dict[str, Any], running: dict[str, Contestant]) -> Iterator[None]:
    """Note the failure of one contestant, and let the others go on."""
    try:
        yield
    except FailedError as error:
        say(f"  {name} FAILED: {error}")
        results[name]["failed"] = str(error)
        if name in running:
            running.pop(name).end()


def _reference(cell: Cell, rules: Rules, results: dict[str, Any], running: dict[str, Contestant]) -> Any:
    say(f"  {REFERENCE}: load")
    running[REFERENCE] = Contestant(named(REFERENCE), rules)
    loaded, vectors = _load(cell, running[REFERENCE], rules)
    if REFERENCE in results:
        results[REFERENCE] |= loaded
    else:
        running.pop(REFERENCE).end()
    return vectors


def _enter(
    cell: Cell, entry: Entry, rules: Rules, exact: Any, results: dict[str, Any], running: dict[str, Contestant]
) -> None:
    say(f"  {entry.name}: load and compare")
    running[entry.name] = Contestant(entry, rules)
    loaded, vectors = _load(cell, running[entry.name], rules)
    results[entry.name] |= loaded | {"agreement": compare(entry, vectors, exact)}


def _load(cell: Cell, contestant: Contestant, rules: Rules) -> tuple[dict[str, Any], Any]:
    output = rules.scratch / f"{contestant.entry.name}.npy"
    texts = f"{cell.texts}-agree"
    loaded = contestant.ask(
        "load",
        name=contestant.entry.name,
        model=cell.model,
        recipe=cell.recipe,
        texts=cell.texts,
        device=rules.device,
        inputs=str(rules.inputs),
    )
    contestant.ask("agree", texts=texts, output=str(output))
    return loaded, np.load(output)


def compare(entry: Entry, vectors: Any, exact: Any) -> dict[str, float]:
    """Hold the vectors of a contestant against the reference's.

    Raises:
        DisagreementError: If they differ by more than the precision explains.
    """
    if vectors.shape != exact.shape:
        raise DisagreementError(f"{entry.name}: vectors of shape {vectors.shape}, not {exact.shape}")
    largest = float(np.abs(vectors - exact).max())
    by_norm = float(np.linalg.norm(vectors - exact) / np.linalg.norm(exact))
    if entry.precision != "float32":
        found, allowed = by_norm, ROUNDING[entry.precision]
    else:
        found = largest
        allowed = OURS_MAY_DIFFER * max(1.0, float(np.abs(exact).max())) if entry.ours else PEERS_MAY_DIFFER
    if not found < allowed:
        raise DisagreementError(
            f"{entry.name}: vectors differ by {found:.2g} from {REFERENCE!r}, allowed {allowed:.2g}"
        )
    return {"largest": largest, "by_norm": by_norm, "words": len(exact)}


def _turn(cell: Cell, name: str, results: dict[str, Any], running: dict[str, Contestant]) -> None:
    cost = running[name].ask("run", texts=cell.texts)
    results[name]["rounds"].append(cost)
    rate = cost["words"] / cost["seconds"]
    say(f"  {name}: {rate:,.0f} words/s, {cost['cpu_seconds']:.1f} CPU s, {cost['peak_mib']:,.0f} MiB")


def rates(contestant: dict[str, Any]) -> list[float]:
    """Give the words a second of each round."""
    return [cost["words"] / cost["seconds"] for cost in contestant["rounds"]]


def summary(figures: Sequence[float]) -> dict[str, float]:
    """Give median and spread."""
    return {"median": statistics.median(figures), "least": min(figures), "most": max(figures), "runs": len(figures)}


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
