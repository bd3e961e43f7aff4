"""A cluster: whatever is killed, the store is the one that a local run makes.

One test runs on a real cluster of several nodes (`ray_trial`); what that does not reach is tested with stand-ins, which
do at once what Ray does somewhere else.
"""

from __future__ import annotations

import builtins
import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from transformers.utils import logging as hf_logging

from cli_runner import run
from families import save
from patience import A_HANG
from wordstates import WordEmbedder
from wordstates.documents.document import Document
from wordstates.errors import InputError, MissingExtraError, ModelNotFoundError, OutputError, WorkerError
from wordstates.progress import Progress
from wordstates.store.folder import StoreFolder, incoming_name
from wordstates.store.manifest import Manifest
from wordstates.store.run import embed_to_store
from wordstates.store.settings import StoreSettings
from wordstates.store.shards import Part, cut_shards
from wordstates.store.verify import verify_store
from wordstates.store.workers import node
from wordstates.store.workers import ray as ray_workers
from wordstates.store.workers.node import ClusterWorker
from wordstates.store.workers.places import Places, RayCluster, find_places
from wordstates.store.write_shard import ShardJob

TESTS = Path(__file__).resolve().parents[1]
DOCUMENTS = [Document(f"d{number}", f"the old mill number {number}") for number in range(12)]
SETTINGS = StoreSettings(shard_characters=80)


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "bert"
    bars = hf_logging.is_progress_bar_enabled()
    hf_logging.disable_progress_bar()
    try:
        save("bert", folder)
    finally:
        if bars:
            hf_logging.enable_progress_bar()
    return folder


# ---------------------------------------------------------------- on a cluster


@pytest.mark.long
def test_a_killed_node_and_a_killed_driver_cost_time_and_no_row(bert: Path, tmp_path: Path) -> None:
    """A head and two nodes; one node is killed in the middle, then, with a new one, the driver, which starts again."""
    from wordstates import __path__ as here

    paths = [str(Path(here[0]).parent), str(TESTS)]  # what the nodes import
    done = subprocess.run(
        [sys.executable, str(TESTS / "ray_trial.py"), str(bert), str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=A_HANG,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
    )
    assert done.returncode == 0, done.stderr[-4000:]
    outcome = json.loads(done.stdout.splitlines()[-1])
    local, node, driver = outcome["local"], outcome["node"], outcome["driver"]
    for store in (node, driver):
        assert store["same"]  # every shard is the local run's, to the byte
        assert {name: store[name] for name in local} == local  # and so is the manifest; nothing else is left
    assert local["problems"] == []
    assert local["files"] == ["locks", "manifest.json", "records", "shards"]
    assert node["computed"] == outcome["shards"] > 8
    assert [note for note in node["notes"] if "was lost over shard" in note], node["notes"]
    assert node["sigterm"] == ["StopSignals"]  # Ray's own handler would end the run without a word
    assert (driver["killed"], driver["code"], driver["err"]) == (-9, 0, "")
    assert driver["left"] == 1  # it was killed with shards in hand
    assert 4 <= driver["finished"] < outcome["shards"]
    assert driver["computed"] == outcome["shards"] - driver["finished"]
    assert driver["untouched"]


# ---------------------------------------------------------------- who does how much


@pytest.mark.parametrize(
    ("asked", "nodes", "places"),
    [
        ({}, [{"CPU": 4}], Places(1, 4, False)),
        ({}, [{}, {"CPU": 4}, {"CPU": 9}], Places(3, 4, False)),
        ({"threads": 2}, [{"CPU": 5}, {"CPU": 4}], Places(4, 2, False)),
        ({"workers": 3}, [{"CPU": 5}, {"CPU": 4}], Places(3, 2, False)),
        ({"workers": 9, "threads": 8}, [{"CPU": 1}], Places(9, 8, False)),  # the cluster may grow
        ({}, [{"CPU": 16, "GPU": 4}, {"CPU": 64}], Places(4, 4, True)),
        ({"device": "cpu"}, [{"CPU": 16, "GPU": 4}], Places(1, 16, False)),
        ({"device": "cuda", "workers": 2}, [{"CPU": 16}], Places(2, 1, True)),
    ],
)
def test_places(asked: dict[str, Any], nodes: list[dict[str, float]], places: Places) -> None:
    assert find_places(RayCluster("auto", **asked), nodes) == places


@pytest.mark.parametrize(
    ("asked", "nodes", "says"),
    [
        ({}, [{"CPU": 0}], r"'auto' has no room for 1 worker\(s\) of 1 core\(s\) each \(it has 1 node with 0 cores"),
        ({"workers": 3}, [{"CPU": 2}], "no room for 3 worker"),
        (
            {"threads": 3},
            [{"CPU": 2}, {"CPU": 2}],
            "give a smaller workers=... or threads=..., or both if the cluster grows",
        ),
        ({"device": "cuda"}, [{"CPU": 2}], r"has no GPU \(1 node with 2 cores\): leave device=... out"),
    ],
)
def test_no_room(asked: dict[str, Any], nodes: list[dict[str, float]], says: str) -> None:
    with pytest.raises(WorkerError, match=says):
        find_places(RayCluster("auto", **asked), nodes)


# ---------------------------------------------------------------- with a stand-in for Ray


class GoneError(Exception):
    """Stands for Ray's errors about what is lost."""


class WrongError(Exception):
    """Stands for Ray's other errors."""


class StandIn:
    """Does at once, in this process, what Ray does elsewhere; `spoil` may do something else instead."""

    exceptions = SimpleNamespace(
        RayActorError=GoneError,
        OutOfMemoryError=GoneError,
        ObjectLostError=GoneError,
        NodeDiedError=GoneError,
        RayError=WrongError,
    )

    def __init__(self, workers: int = 2, spoil: Callable[[str, int], object] = lambda name, call: None) -> None:
        self._workers, self._spoil, self.calls, self.killed = workers, spoil, 0, 0
        self._answers: dict[int, Any] = {}

    def nodes(self) -> list[dict[str, Any]]:
        return [{"Alive": True, "Resources": {"CPU": 1.0}}] * self._workers + [{"Alive": False, "Resources": {}}]

    def remote(self, **_: Any) -> Any:
        return lambda made: SimpleNamespace(remote=lambda *given: self._actor(made(*given)))

    def _actor(self, worker: Any) -> Any:
        def method(name: str) -> Any:
            return SimpleNamespace(remote=lambda *given: self._ask(name, getattr(worker, name), given))

        return SimpleNamespace(**{name: method(name) for name in ("ready", "sample", "shard")})

    def _ask(self, name: str, do: Callable[..., Any], given: tuple[Any, ...]) -> int:
        self.calls += 1
        try:
            spoilt = self._spoil(name, self.calls)
            self._answers[self.calls] = do(*given) if spoilt is None else spoilt
        except (GoneError, WrongError) as error:
            self._answers[self.calls] = error
        return self.calls

    def wait(self, answers: list[int], **_: Any) -> tuple[list[int], list[int]]:
        return answers[:1], answers[1:]

    def get(self, answer: int) -> Any:
        found = self._answers[answer]
        if isinstance(found, Exception):
            raise found
        return found

    def put(self, content: Any) -> Any:
        return content

    def kill(self, actor: Any, *, no_restart: bool) -> None:
        self.killed += 1


class Listens(Progress):
    """Keeps the notes."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture
def embed(bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Give what embeds into `store` with a stand-in, and returns the notes."""

    def embed(stand_in: StandIn, settings: StoreSettings = SETTINGS) -> list[str]:
        monkeypatch.setattr(ray_workers, "_connect", lambda address: (stand_in, False))
        progress = Listens()
        make = partial(WordEmbedder, bert, engine="torch")
        embed_to_store(make, DOCUMENTS, tmp_path / "store", settings, cluster=RayCluster("stand-in"), progress=progress)
        return progress.notes

    return embed


def lose(name: str, *which: int) -> Callable[[str, int], object]:
    """Lose the worker at some of the calls of one method."""
    seen = [0]

    def spoil(called: str, _: int) -> object:
        seen[0] += called == name
        if called == name and seen[0] in which:
            raise GoneError("The node is gone.\nmore")
        return None

    return spoil


def test_lost_workers_are_replaced(embed: Callable[..., list[str]], tmp_path: Path) -> None:
    wide = StoreSettings(shard_characters=80, dtype="float16")
    stand_in = StandIn(3, lose("shard", 2))
    assert embed(stand_in, wide) == ["a worker on the cluster was lost over shard 1, which another one will do"]
    assert stand_in.killed == 4  # the lost one too: it may be alive
    assert verify_store(tmp_path / "store").problems == []
    assert not (tmp_path / "store" / "incoming").exists()
    embed(StandIn(2, lose("ready", 1)), StoreSettings(shard_characters=80, dtype="float16", overwrite=True))
    again = StoreSettings(shard_characters=80, dtype="float16", overwrite=True)
    notes = embed(StandIn(1, lose("sample", 1)), again)
    assert notes == ["a worker on the cluster was lost over the first documents, which another one will do"]
    assert verify_store(tmp_path / "store").problems == []


def test_what_takes_every_worker_with_it_ends_the_run(embed: Callable[..., list[str]], tmp_path: Path) -> None:
    with pytest.raises(
        WorkerError, match=r"5 workers on the cluster were lost over loading the model, perhaps because"
    ):
        embed(StandIn(1, lose("ready", *range(1, 9))))
    assert not (tmp_path / "store").exists()
    with pytest.raises(WorkerError, match=r"over shard 2, .* ran out \(The node is gone\): the finished shards are"):
        embed(StandIn(1, lose("shard", *range(3, 9))))
    assert len(StoreFolder(tmp_path / "store").finished()) == 2
    assert StoreFolder(tmp_path / "store").leftovers() == []
    embed(StandIn(1))
    assert verify_store(tmp_path / "store").problems == []


def test_what_fails_on_a_node_is_told(embed: Callable[..., list[str]], bert: Path) -> None:
    def spoil(name: str, _: int) -> object:
        raise WrongError("No module named 'wordstates'")

    with pytest.raises(WorkerError, match=r"failed: No module named 'wordstates'\. wordstates and what it needs must"):
        embed(StandIn(1, spoil))
    answer = ClusterWorker(partial(WordEmbedder, "gone/model"), "cpu", 1, "no such folder").ready()
    assert isinstance(answer.content, ModelNotFoundError)
    with pytest.raises(ModelNotFoundError):
        embed(StandIn(1, lambda name, call: answer))


def test_nodes_have_to_agree(embed: Callable[..., list[str]], bert: Path) -> None:
    other = ClusterWorker(partial(WordEmbedder, bert, layers=1), "cpu", 1, ".").ready()
    with pytest.raises(
        WorkerError, match=r"would write other rows than the nodes before it \(recipes: .* and .*\): give"
    ):
        embed(StandIn(2, lambda name, call: other if call == 2 else None))


def test_a_run_says_that_it_waits(
    embed: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stand_in, looks = StandIn(1), [0]
    ready = stand_in.wait

    def wait(answers: list[int], **how: Any) -> tuple[list[int], list[int]]:
        looks[0] += 1
        return ([], answers) if looks[0] < 3 else ready(answers, **how)

    monkeypatch.setattr(stand_in, "wait", wait)
    monkeypatch.setattr(ray_workers, "_PATIENCE", 0.0)
    (note,) = embed(stand_in)
    assert note.startswith(
        "no worker is ready yet: they wait for 1 free core(s) each on the cluster (see `ray status`)"
    )


# ---------------------------------------------------------------- the store


@pytest.fixture
def job(tmp_path: Path) -> ShardJob:
    for name in ("shards", "records"):
        (tmp_path / name).mkdir()
    return ShardJob(tmp_path / "shards", tmp_path / "records", Manifest({}, StoreSettings(), {}, False))


def test_a_node_that_does_not_see_the_store_says_so(
    job: ShardJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node, "_SEEN_WITHIN", 0.0)
    monkeypatch.chdir(tmp_path)  # which a worker changes
    shard = next(cut_shards(DOCUMENTS))
    worker = ClusterWorker(lambda: pytest.fail("no model is loaded for it"), "cpu", 1, str(tmp_path))
    (tmp_path / "shards" / "taken").mkdir()
    refused = worker.shard(shard, job, "taken").content
    assert isinstance(refused, WorkerError)
    assert "cannot write into the store" in str(refused)
    assert "(File exists): let the user that Ray runs as write there." in str(refused)
    (tmp_path / "shards" / "taken").rmdir()
    (tmp_path / "shards").rmdir()
    unseen = worker.shard(shard, job, "attempt").content
    assert isinstance(unseen, WorkerError)
    assert "does not see the store, at" in str(unseen)
    assert "put it on a file system that all nodes have under the same path" in str(unseen)
    assert not (tmp_path / "shards").exists()  # a worker of a run that is over makes nothing


def test_a_shard_that_is_not_seen_here_or_cannot_be_moved(
    embed: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def elsewhere(self: Any, shard: Any, job: Any, attempt: str) -> Any:
        return None

    with monkeypatch.context() as patched:
        patched.setattr(ClusterWorker, "_write", elsewhere)
        with pytest.raises(
            WorkerError, match=r"has written shard 0, and it is not to be seen here, at .*: put the store"
        ):
            embed(StandIn(1))

    def full(folder: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(ray_workers, "sync_folder", full)
    with pytest.raises(
        OutputError, match=r"Shard 0 cannot be moved into the store \(.*No space left.*\): the finished"
    ):
        embed(StandIn(1))


def test_only_runs_that_cannot_be_at_work_are_cleared_away(tmp_path: Path) -> None:
    folder = StoreFolder(tmp_path / "store")
    folder.prepare()
    names = [incoming_name(part, "run") for part in (Part(0, 2), Part(1, 2), Part(0, 3), Part())]
    for name in names:
        (folder.incoming / name / "attempt").mkdir(parents=True)
        (folder.incoming / name / "attempt" / "part.parquet").write_text("half")
    assert len(folder.leftovers()) == 4
    folder.remove_leftovers(Part(0, 2))
    assert [path.name for path in folder.incoming.iterdir()] == [names[1]]
    folder.remove_leftovers(Part())
    assert not folder.incoming.exists()


# ---------------------------------------------------------------- before anything is computed


def test_an_embedder_has_to_be_made_on_the_nodes(bert: Path, tmp_path: Path) -> None:
    on = RayCluster("auto")
    with pytest.raises(InputError, match="Workers make their own embedders"):
        embed_to_store(WordEmbedder(bert), DOCUMENTS, tmp_path / "store", cluster=on)
    with pytest.raises(InputError, match="cannot be sent to another process"):
        embed_to_store(lambda: WordEmbedder(bert), DOCUMENTS, tmp_path / "store", cluster=on)


def test_the_extra_is_missing(tmp_path: Path, bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name == "ray":
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match=r'A Ray cluster needs an extra .* pip install "wordstates\[ray\]"'):
        embed_to_store(partial(WordEmbedder, bert), DOCUMENTS, tmp_path / "store", cluster=RayCluster("auto"))
    assert not (tmp_path / "store").exists()


def test_no_cluster_is_there(tmp_path: Path, bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: Any) -> None:
        raise ConnectionError("Could not find any running Ray instance.\nmore")

    stand_in = SimpleNamespace(is_initialized=lambda: False, init=refuse, shutdown=lambda: None)
    monkeypatch.setitem(sys.modules, "ray", stand_in)
    says = r"The Ray cluster at 'auto' cannot be joined \(Could not find any running Ray instance\): give auto on a"
    with pytest.raises(WorkerError, match=says):
        embed_to_store(partial(WordEmbedder, bert), DOCUMENTS, tmp_path / "store", cluster=RayCluster("auto"))
    with pytest.raises(WorkerError, match=r"at '127\.0\.0\.1:1' cannot be joined \(.*refused\)"):  # Ray is not asked
        embed_to_store(partial(WordEmbedder, bert), DOCUMENTS, tmp_path / "store", cluster=RayCluster("127.0.0.1:1"))
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize("was_there", [False, True])
def test_what_a_run_has_connected_it_disconnects(
    was_there: bool, bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in, done = StandIn(), list[str]()
    for name, told in (("init", "connected"), ("shutdown", "disconnected")):
        monkeypatch.setattr(stand_in, name, lambda told=told, **_: done.append(told), raising=False)
    monkeypatch.setattr(stand_in, "is_initialized", lambda: was_there, raising=False)
    monkeypatch.setitem(sys.modules, "ray", stand_in)
    make = partial(WordEmbedder, bert, engine="torch")
    embed_to_store(make, DOCUMENTS, tmp_path / "store", SETTINGS, cluster=RayCluster("auto"))
    assert done == ([] if was_there else ["connected", "disconnected"])


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["-o", "out.npz", "--ray", "auto"], "--ray is for stores, and 'out.npz' is a single file"),
        (["-o", "store", "--ray", "auto", "--device", "cuda:1"], "--device cuda:1 does not go with --ray, which gives"),
        (["-o", "store", "--ray", "auto", "--device", "cpu,cpu"], "--device cpu,cpu does not go with --ray"),
    ],
)
def test_options_that_do_not_go_together(options: list[str], says: str, tmp_path: Path) -> None:
    (tmp_path / "texts.txt").write_text("a mill\n")
    done = run("embed", "texts.txt", *options, cwd=tmp_path)
    assert done.code == 2
    assert says in " ".join(done.err.split())
