"""Which cluster computes, and how its cores and GPUs are laid out among workers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from wordstates.errors import WorkerError
from wordstates.wording import counted


@dataclass(frozen=True, slots=True)
class RayCluster:
    """Where to compute.

    Args:
        address: ``auto`` for the cluster that this machine belongs to, ``HOST:PORT`` of its head, or ``local`` to start
            one on this machine. A process that is connected stays where it is.
        workers: How many embedders; None: as many as there is room for.
        threads: Cores for each; None: those of the smallest node, or what `workers` leaves. Beside a GPU, its share.
        device: ``cpu``, ``cuda`` (one GPU a worker), or None: the GPUs if there are any.
    """

    address: str
    workers: int | None = None
    threads: int | None = None
    device: str | None = None


@dataclass(frozen=True, slots=True)
class Places:
    """How the workers are laid out: each has so many cores, and a GPU or none."""

    workers: int
    threads: int
    gpu: bool


def find_places(cluster: RayCluster, nodes: Sequence[Mapping[str, float]]) -> Places:
    """Settle how many workers there are, and what each has.

    Args:
        cluster: What was asked for.
        nodes: Resources of each node, by Ray's names ``CPU`` and ``GPU``.

    Raises:
        WorkerError: If there is no room. Where both `workers` and `threads` are given, the cluster may still grow.

    Examples:
        >>> find_places(RayCluster("auto"), [{"CPU": 0}, {"CPU": 8}, {"CPU": 16}])
        Places(workers=3, threads=8, gpu=False)
        >>> find_places(RayCluster("auto", workers=6), [{"CPU": 8}, {"CPU": 16}])
        Places(workers=6, threads=4, gpu=False)
    """
    has = f"{counted(len(nodes), 'node')} with {counted(sum(int(node.get('CPU', 0)) for node in nodes), 'core')}"
    gpus = [node for node in nodes if node.get("GPU", 0) >= 1]
    if cluster.device == "cuda" or (cluster.device is None and gpus):
        count = sum(int(node["GPU"]) for node in gpus)
        if not count and cluster.workers is None:
            raise WorkerError(f"The Ray cluster at {cluster.address!r} has no GPU ({has}): leave device=... out.")
        shares = [int(node.get("CPU", 0) // node["GPU"]) for node in gpus]
        return Places(cluster.workers or count, cluster.threads or max(1, min(shares, default=1)), gpu=True)
    cores = [int(node["CPU"]) for node in nodes if node.get("CPU", 0) >= 1]
    if cluster.workers is not None and cluster.threads is not None:
        return Places(cluster.workers, cluster.threads, gpu=False)
    wanted = cluster.workers or 1
    threads = range(max(cores, default=0), 0, -1) if cluster.workers else [min(cores, default=1)]
    for each in threads if cluster.threads is None else [cluster.threads]:
        room = sum(count // each for count in cores)
        if room >= wanted:
            return Places(cluster.workers or room, each, gpu=False)
    raise WorkerError(
        f"The Ray cluster at {cluster.address!r} has no room for {wanted} worker(s) of {cluster.threads or 1} core(s) "
        f"each (it has {has}): give a smaller workers=... or threads=..., or both if the cluster grows."
    )
