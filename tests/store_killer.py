"""Kills runs into a store at random moments, and at every step of a shard's write; resumes each time; compares.

A program of its own: it loads the libraries and the model once, and forks a child for each run, so that a kill costs
milliseconds. What it prints is one JSON object::

    python store_killer.py MODEL FOLDER KILLS
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ |= {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "OMP_NUM_THREADS": "1"}

import torch

from wordstates import WordEmbedder
from wordstates.documents.document import Document
from wordstates.store.folder import StoreFolder
from wordstates.store.run import embed_to_store
from wordstates.store.settings import StoreSettings
from wordstates.store.verify import verify_store
from wordstates.store.workers import local
from wordstates.store.write_shard import write_shard

WORDS = (
    "the",
    "river",
    "runs",
    "past",
    "old",
    "mill",
    "bank",
    "money",
    "singer",
    "sang",
    "was",
    "Straße",
    "Äpfel",
    "👍🏽",
)
SETTINGS = StoreSettings(shard_characters=1_500, context=8)


def corpus() -> list[Document]:
    chosen = random.Random(7)
    return [
        Document(f"d{number}", " ".join(chosen.choices(WORDS, k=chosen.randint(3, 25)))) for number in range(240)
    ] + [Document("long", "the old mill " * 200)]


def run(embedder: WordEmbedder, store: Path, log: Path, prepare: Callable[[], object] = lambda: None) -> int:
    """Fork a child that runs into the store and logs each shard that it computes; give its process id."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:

        def counted(embedder: Any, shard: Any, *rest: Any) -> Any:
            with log.open("a") as file:
                file.write(f"{shard.number}\n")
            return write_shard(embedder, shard, *rest)

        local.write_shard = counted  # type: ignore[attr-defined]
        prepare()
        embed_to_store(embedder, corpus(), store, SETTINGS)
        code = 0
    except BaseException:
        traceback.print_exc()
        raise
    finally:
        os._exit(code)


def die_at(number: int) -> Callable[[], object]:
    """Make the child kill itself at the so manieth call of the system that makes something last or gives it a name."""

    def prepare() -> None:
        left = [number]
        for name in ("fsync", "replace", "unlink", "mkdir"):
            real = getattr(os, name)

            def counted(*given: Any, _real: Any = real, **named: Any) -> Any:
                left[0] -= 1
                if left[0] < 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                return _real(*given, **named)

            setattr(os, name, counted)

    return prepare


def shards_of(store: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((store / "shards").glob("*.parquet"))}


class Trial:
    """Stores that are killed again and again."""

    def __init__(self, embedder: WordEmbedder, folder: Path) -> None:
        self.embedder = embedder
        self.folder = folder
        self.reference: dict[str, bytes] = {}
        self.outcome: dict[str, Any] = dict.fromkeys(
            ("kills", "inside_a_write", "stores", "computed", "computed_again", "shards"), 0
        ) | {"differences": [], "problems": []}

    def undisturbed(self) -> float:
        began = time.monotonic()
        _, status = os.waitpid(run(self.embedder, self.folder / "reference", self.folder / "log"), 0)
        assert status == 0, status
        self.reference = shards_of(self.folder / "reference")
        self.outcome["shards"] = len(self.reference)
        return time.monotonic() - began

    def once(self, store: Path, after: float | None, prepare: Callable[[], object] = lambda: None) -> bool:
        """Run once and kill; True if the run came to its end before."""
        finished = set(StoreFolder(store).finished()) if store.is_dir() else set()
        log = self.folder / "log"
        log.write_text("")
        child = run(self.embedder, store, log, prepare)
        if after is not None:
            time.sleep(after)
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        computed = [int(line) for line in log.read_text().splitlines()]
        self.outcome["computed"] += len(computed)
        self.outcome["computed_again"] += len(finished & set(computed)) + len(computed) - len(set(computed))
        killed = os.WIFSIGNALED(status)
        self.outcome["kills"] += killed
        if killed and store.is_dir():
            self.outcome["inside_a_write"] += bool(StoreFolder(store).leftovers())
        if not killed and status:
            raise RuntimeError(f"a run ended with {status}")
        return status == 0

    def compare(self, store: Path) -> None:
        self.outcome["stores"] += 1
        found = shards_of(store)
        self.outcome["differences"] += [
            name for name in {*found, *self.reference} if found.get(name) != self.reference.get(name)
        ]
        self.outcome["problems"] += verify_store(store).problems
        shutil.rmtree(store)


def main() -> None:
    torch.set_num_threads(1)
    model, folder, kills = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    # Not OpenVINO, which every child would have to load: its threads do not survive a fork.
    trial = Trial(WordEmbedder(model, engine="torch"), folder)
    seconds = trial.undisturbed()
    chosen, store = random.Random(11), folder / "store"
    while trial.outcome["kills"] < kills:
        if trial.once(store, chosen.uniform(0, seconds / 3)):
            trial.compare(store)
    at_random = trial.outcome["kills"]
    if store.exists():
        trial.once(store, None)
        trial.compare(store)
    step = 0
    while not trial.once(store, None, die_at(step)):
        step += 1
    trial.compare(store)
    print(json.dumps(trial.outcome | {"at_random": at_random, "at_a_step": trial.outcome["kills"] - at_random}))


if __name__ == "__main__":
    main()
