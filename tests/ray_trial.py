"""Runs into stores on a cluster of several nodes on this machine, of which one is killed, and then the driver.

A program of its own, so that Ray and its processes end with it. What it prints last is one JSON object::

    python ray_trial.py MODEL FOLDER
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

os.environ |= {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "OMP_NUM_THREADS": "1"}
os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_DISABLE_IMPORT_WARNING": "1"}

import ray
from ray.cluster_utils import Cluster

from patience import closed, ended, wait_until
from store_killer import shards_of
from wordstates import WordEmbedder, set_threads
from wordstates.documents.readers import read_documents
from wordstates.progress import Progress
from wordstates.store.folder import StoreFolder
from wordstates.store.run import embed_to_store
from wordstates.store.settings import StoreSettings
from wordstates.store.signals import StopSignals
from wordstates.store.verify import verify_store
from wordstates.store.workers.places import RayCluster
from wordstates.store.workers.ray import RayCrew

CHARACTERS = 60_000
NODE = {"num_cpus": 1, "object_store_memory": 80_000_000}


class KillsANode(Progress):
    """Kills a node without grace after some shards, in the middle of the next one."""

    def __init__(self, cluster: Cluster, node: Any, after: int) -> None:
        self.cluster, self.node, self.left = cluster, node, after
        self.notes: list[str] = []
        self.handlers: set[str] = set()
        self.ready = 0

    def count_ready(self, crew: type[RayCrew]) -> None:
        """Count the workers that are ready."""
        compare = crew._compare

        def counted(crew: RayCrew, answer: Any) -> None:
            self.ready += 1
            compare(crew, answer)

        crew._compare = counted  # type: ignore[method-assign]

    def note(self, text: str) -> None:
        self.notes.append(text)

    def shard_done(self, words: int, rejects: int, *, skipped: bool = False) -> None:
        if skipped:
            return
        self.handlers.add(type(getattr(signal.getsignal(signal.SIGTERM), "__self__", None)).__name__)
        if self.ready < 2:  # a worker that is still loading is lost too, but no shard with it
            time.sleep(0.5)
            return
        self.left -= 1
        if self.left == 0:
            self.cluster.remove_node(self.node, allow_graceful=False)


def state_of(store: Path) -> dict[str, Any]:
    """Say what a store looks like when a run has ended."""
    manifest = json.loads((store / "manifest.json").read_text())
    manifest["settings"].pop("input")
    return {
        "problems": verify_store(store).problems,
        "files": sorted(path.name for path in store.iterdir()),
        "leftovers": [str(path) for path in StoreFolder(store).leftovers()],
        "manifest": manifest,
    }


def command(model: str, store: Path, address: str) -> subprocess.Popen[bytes]:
    """Start `wordstates embed ... --ray`."""
    options = f"--json --shard-characters {CHARACTERS} --ray {address} --threads 1 --engine torch"
    return subprocess.Popen(
        [sys.executable, "-m", "wordstates", "embed", "corpus.txt", "-m", model, "-o", str(store), *options.split()],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def main() -> None:
    model, folder = sys.argv[1], Path(sys.argv[2])
    os.chdir(folder)
    texts = [f"the river runs past the old mill number {number} in the village" for number in range(12_000)]
    Path("corpus.txt").write_text("\n".join(texts) + "\n")
    settings = StoreSettings(shard_characters=CHARACTERS)
    make = partial(WordEmbedder, model, engine="torch")
    outcome: dict[str, Any] = {}
    began = time.monotonic()

    def lap(name: str) -> None:
        outcome.setdefault("seconds", {})[name] = round(time.monotonic() - began, 1)

    set_threads(1)
    embed_to_store(partial(make, device="cpu"), read_documents(["corpus.txt"]), "local", settings)
    reference = shards_of(Path("local"))
    outcome |= {"shards": len(reference), "local": state_of(Path("local"))}
    lap("local")

    head = {"num_cpus": 0, "object_store_memory": 80_000_000, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    try:
        nodes = [cluster.add_node(**NODE) for _ in range(2)]
        cluster.wait_for_nodes()
        lap("cluster")

        # A node is killed. What it leaves is a place that nobody can fill, and the other node does the rest.
        killing = KillsANode(cluster, nodes[1], 2)
        killing.count_ready(RayCrew)
        on = RayCluster(cluster.address)
        with StopSignals() as stop:
            report = embed_to_store(
                make, read_documents(["corpus.txt"]), "node", settings, cluster=on, progress=killing, stop=stop
            )
        outcome["node"] = state_of(Path("node")) | {
            "same": shards_of(Path("node")) == reference,
            "notes": killing.notes,
            "computed": report.computed,
            "sigterm": sorted(killing.handlers),
        }
        lap("node killed")
        cluster.add_node(**NODE)
        cluster.wait_for_nodes()

        # The driver is killed, and started again.
        store = Path("driver")
        with closed(command(model, store, cluster.address)) as first:
            wait_until(lambda: len(shards_of(store)) >= 4, first)
            first.send_signal(signal.SIGKILL)
            first.wait()
        finished = {path: path.stat().st_mtime_ns for path in (store / "shards").glob("*.parquet")}
        left = [str(path) for path in store.glob("incoming/*")]
        lap("driver killed")
        with closed(command(model, store, cluster.address)) as second:
            code, out, err = ended(second)
        outcome["driver"] = {
            "killed": first.returncode,
            "code": code,
            "err": err.decode(),
            "finished": len(finished),
            "left": len(left),
            "computed": json.loads(out)["computed"] if code == 0 else None,
            "untouched": all(path.stat().st_mtime_ns == at for path, at in finished.items()),
            "same": shards_of(store) == reference,
        } | state_of(store)
        lap("driver restarted")
    finally:
        ray.shutdown()
        cluster.shutdown()
    lap("all")
    print(json.dumps(outcome))


if __name__ == "__main__":
    main()
