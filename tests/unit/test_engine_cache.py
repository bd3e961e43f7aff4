"""The cache of engines: the second process neither traces nor compares, and nothing in it can change a vector."""

from __future__ import annotations

import copy
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import openvino
import pytest

from cli_runner import run
from families import build
from patience import A_HANG
from wordstates import WordEmbedder
from wordstates.model import engine_cache, engines
from wordstates.model.engine_cache import EngineChoice, Entry, cache_folder, kept_entries

TEXTS = ["The children run past the old mill.", "A bank.", "mill " * 60]


def model_in(folder: Path, seed: int = 0) -> Path:
    import torch

    shared, tokenizer = build("bert")
    model = copy.deepcopy(shared)
    with torch.no_grad():
        for weight in model.parameters():
            weight += seed / 100
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return model_in(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def expected(model: Path) -> np.ndarray:
    return WordEmbedder(model, engine="torch").encode(TEXTS).vectors


@pytest.fixture(scope="module")
def filled(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a cache in which the engine of `model` is kept."""
    folder = tmp_path_factory.mktemp("filled")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("WORDSTATES_CACHE", str(folder))
        WordEmbedder(model, engine="openvino")
    return folder


@pytest.fixture
def folder(filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a copy of that cache, which is the one in use."""
    shutil.copytree(filled, tmp_path / "cache")
    monkeypatch.setenv("WORDSTATES_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WORDSTATES_CACHE", str(tmp_path / "empty"))
    return tmp_path / "empty"


class Counts:
    """How often networks were traced and engines compared."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.traced = self.compared = 0
        traced, compare = engines.traced, engines.Engines._compare

        def tracing(*given: Any) -> Any:
            self.traced += 1
            return traced(*given)

        def comparing(chooser: engines.Engines, engine: Any) -> None:
            self.compared += 1
            compare(chooser, engine)

        monkeypatch.setattr(engines, "traced", tracing)
        monkeypatch.setattr(engines.Engines, "_compare", comparing)


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch) -> Counts:
    return Counts(monkeypatch)


def entry_in(folder: Path) -> Path:
    (entry,) = (folder / "engines").iterdir()
    return entry


def is_right(model: Path, expected: np.ndarray, **options: Any) -> bool:
    emb = WordEmbedder(model, engine="openvino", **options).encode(TEXTS)
    assert emb.provenance["engine"] == "openvino"
    return bool(np.abs(emb.vectors - expected).max() < 1e-5)


# ---------------------------------------------------------------- the second time


def test_the_second_time_nothing_is_traced_or_compared(
    model: Path, expected: np.ndarray, empty: Path, counts: Counts
) -> None:
    first = WordEmbedder(model, engine="openvino").encode(TEXTS)
    assert (counts.traced, counts.compared) == (1, 1)
    second = WordEmbedder(model, engine="openvino", layers="0:", layer_pooling="none").encode(TEXTS)
    assert (counts.traced, counts.compared) == (1, 1)
    assert np.array_equal(second.vectors[:, -1], first.vectors)
    assert np.abs(first.vectors - expected).max() < 1e-5
    assert first.provenance["engine"] == second.provenance["engine"] == "openvino"
    assert [(each.engine, each.agrees) for each in kept_entries()] == [("openvino", True)]
    assert entry_in(empty).stat().st_mode & 0o777 == 0o700


def test_reduced_precision_keeps_its_error(model: Path, empty: Path, counts: Counts) -> None:
    found = [WordEmbedder(model, engine="openvino", precision="bfloat16")._model.engines.fastest() for _ in range(2)]
    assert counts.traced == 1
    assert found[0].precision_error == found[1].precision_error
    assert 0 < (found[0].precision_error or 0) < 0.1


@pytest.mark.long
def test_other_questions_have_other_entries(tmp_path: Path, model: Path, empty: Path, counts: Counts) -> None:
    other = model_in(tmp_path / "other", seed=1)
    for where, precision in ((model, "float32"), (model, "bfloat16"), (other, "float32")):
        WordEmbedder(where, engine="openvino", precision=precision)  # type: ignore[arg-type]
    assert counts.traced == len(kept_entries()) == 3
    shutil.copytree(model, tmp_path / "moved")  # the same weights under another name
    WordEmbedder(tmp_path / "moved", engine="openvino")
    assert counts.traced == 3


def test_packed_rows_are_kept_too(model: Path, expected: np.ndarray, empty: Path, counts: Counts) -> None:
    for _ in range(2):
        emb = WordEmbedder(model, engine="packed").encode(TEXTS)
        assert emb.provenance["engine"] == "packed-masked"
        assert np.abs(emb.vectors - expected).max() < 1e-5
    assert counts.compared == 1


@pytest.mark.long
def test_that_none_agrees_is_kept_too(model: Path, empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "_AGREEMENT", -1.0)
    monkeypatch.setattr(engines, "_WORTH_A_GRAPH", -1e30)
    counts, told = Counts(monkeypatch), []
    for _ in range(2):
        provenance = WordEmbedder(model).encode(TEXTS).provenance
        told.append((provenance["engine"], provenance["why_not_faster"]))
    assert told[0] == told[1]
    assert told[0][0] == "torch"
    assert "differs by" in told[0][1]
    assert counts.compared == counts.traced + 1 == 4  # two graphs more than the packed way, all of the first time
    monkeypatch.setattr(engines, "traced", lambda *_: 1 / 0)  # what may be another time's luck is not kept
    engine_cache.clear_entries()
    assert "division by zero" in WordEmbedder(model).encode(TEXTS).provenance["why_not_faster"]
    assert [each.engine for each in kept_entries()] == ["packed"]


def test_a_call_is_long_enough_sooner(model: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "_WORTH_KEPT", 1.0)
    assert WordEmbedder(model).encode(TEXTS).provenance["engine"] == "openvino"
    monkeypatch.setenv("WORDSTATES_CACHE", "off")
    assert WordEmbedder(model).encode(TEXTS).provenance["engine"] == "torch"


def test_a_model_in_memory_is_compared_each_time(empty: Path, counts: Counts) -> None:
    network, tokenizer = build("bert")
    for _ in range(2):
        WordEmbedder(network, tokenizer, engine="openvino")
    assert (counts.compared, kept_entries()) == (2, [])


def test_threads_that_come_together_first_do_not_wait_for_ever(model: Path, folder: Path) -> None:
    """Where engines are compared, one thread has asked before; not so where one was kept."""
    tests = Path(__file__).parents[1]
    done = subprocess.run(
        [sys.executable, str(tests / "openvino_trial.py"), str(model)],
        capture_output=True,
        text=True,
        check=False,
        timeout=A_HANG,
    )
    assert (done.returncode, done.stdout) == (0, "openvino\n"), done.stderr


# ---------------------------------------------------------------- attacked


def change(name: str, how: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def changed(entry: Path) -> None:
        (entry / name).write_bytes(how((entry / name).read_bytes()))

    return changed


def told(how: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    def changed(entry: Path) -> None:
        data = json.loads((entry / "choice.json").read_text())
        how(data)
        (entry / "choice.json").write_text(json.dumps(data))

    return changed


def linked(entry: Path) -> None:
    entry.rename(entry.parent.parent / "elsewhere")
    entry.symlink_to(entry.parent.parent / "elsewhere")


DAMAGES: dict[str, Callable[[Path], object]] = {
    "weights with a flipped bit": change("graph.bin", lambda data: data[:100] + bytes([data[100] ^ 1]) + data[101:]),
    "weights cut off": change("graph.bin", lambda data: data[: len(data) // 2]),
    "no weights": lambda entry: (entry / "graph.bin").unlink(),
    "a graph cut off": change("graph.xml", lambda data: data[:500]),
    "an empty choice": change("choice.json", lambda data: b""),
    "a choice cut off": change("choice.json", lambda data: data[:-9]),
    "a choice nested deeply": change("choice.json", lambda data: b"[" * 100_000),
    "a choice of other types": change("choice.json", lambda data: b'{"asked": 3, "choice": [], "checksums": 7}'),
    "no choice": lambda entry: (entry / "choice.json").unlink(),
    "another version": told(lambda data: data["asked"].update(code="other")),
    "another model": told(lambda data: data["asked"].update(weights="0" * 16)),
    "no checksums": told(lambda data: data.update(checksums={})),
    "a way that is not": told(lambda data: data["choice"].update(way="x")),
    "writable by others": lambda entry: entry.chmod(0o777),
    "weights writable by others": lambda entry: (entry / "graph.bin").chmod(0o666),
    "a folder writable by others": lambda entry: entry.parent.chmod(0o777),
    "a link": linked,
    "a link to nowhere": lambda entry: (shutil.rmtree(entry), entry.symlink_to("nowhere")),
    "a file": lambda entry: (shutil.rmtree(entry), entry.write_text("")),
}
UNDER_ITS_NAME = ("a link", "a link to nowhere", "a file")


@pytest.mark.long
@pytest.mark.parametrize("damage", DAMAGES)
def test_whatever_is_damaged_the_vectors_are_right(
    model: Path, expected: np.ndarray, folder: Path, counts: Counts, damage: str
) -> None:
    DAMAGES[damage](entry_in(folder))
    assert is_right(model, expected)
    assert counts.compared == 1  # nothing of it was believed


@pytest.mark.long
def test_another_models_graph_under_this_ones_name_is_refused(
    tmp_path: Path, model: Path, expected: np.ndarray, folder: Path, counts: Counts
) -> None:
    other = model_in(tmp_path / "other", seed=1)
    mine = entry_in(folder)
    WordEmbedder(other, engine="openvino")
    (theirs,) = set((folder / "engines").iterdir()) - {mine}
    shutil.rmtree(mine)
    shutil.copytree(theirs, mine)
    assert is_right(model, expected)
    assert counts.compared == 2


def test_what_somebody_else_owns_is_not_read(
    model: Path, expected: np.ndarray, folder: Path, counts: Counts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 12_345)
    before = sorted(path.name for path in entry_in(folder).iterdir())
    assert is_right(model, expected)
    assert counts.compared == 1
    assert kept_entries() == []
    assert engine_cache.clear_entries() == (0, 0)
    assert sorted(path.name for path in entry_in(folder).iterdir()) == before  # nor written


@pytest.mark.parametrize("where", ["a file", "a file/below"])
def test_a_cache_that_cannot_be_made(
    model: Path, expected: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    (tmp_path / "a file").write_text("")
    monkeypatch.setenv("WORDSTATES_CACHE", str(tmp_path / where))
    assert is_right(model, expected)
    assert kept_entries() == []


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), RuntimeError("Can't write")])
def test_a_full_disk_leaves_nothing(
    model: Path, expected: np.ndarray, empty: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def serialize(graph: Any, path: Path, weights: Path) -> None:
        weights.write_bytes(b"half")
        raise error

    monkeypatch.setattr(openvino, "serialize", serialize)
    assert is_right(model, expected)
    assert list((empty / "engines").iterdir()) == []


def test_two_processes_at_once(empty: Path) -> None:
    asked = {"engine": "openvino", "precision": "float32"}

    def slowly(path: Path) -> None:
        def quickly(path: Path) -> None:
            path.write_text("quick")
            path.with_name("graph.bin").write_text("quick")

        Entry("m", asked).write(EngineChoice(0), quickly)  # while the other is being written
        path.write_text("slow")
        path.with_name("graph.bin").write_text("slow")

    Entry("m", asked).write(EngineChoice(1), slowly)
    entry = Entry("m", asked)
    choice = entry.read()
    assert entry.graph is not None
    assert (choice, entry.graph.read_text()) in [(EngineChoice(0), "quick"), (EngineChoice(1), "slow")]
    assert len(list((empty / "engines").iterdir())) == 1


def test_what_was_used_longest_ago_makes_room(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def graph(path: Path) -> None:
        path.write_bytes(bytes(1_000))
        path.with_name("graph.bin").write_bytes(bytes(100_000))

    monkeypatch.setenv("WORDSTATES_CACHE_GB", "0.00025")
    begun = empty / "engines" / ".begun-x"
    for number in range(4):
        Entry(f"m{number}", {"engine": "openvino", "precision": "float32", "n": number}).write(EngineChoice(0), graph)
        for each in kept_entries():
            if each.model == f"m{number}":
                os.utime(each.path / "choice.json", (number, number))
        if number == 0:
            begun.mkdir()
            os.utime(begun, (0, 0))
        if number == 1:
            assert Entry("m0", {"engine": "openvino", "precision": "float32", "n": 0}).read() is not None  # used now
    assert {each.model for each in kept_entries()} == {"m0", "m3"}
    assert not begun.exists()
    monkeypatch.setenv("WORDSTATES_CACHE_GB", "much")  # then the usual limit holds
    Entry("m4", {"engine": "openvino", "precision": "float32", "n": 4}).write(EngineChoice(0), graph)
    assert len(kept_entries()) == 3
    monkeypatch.setenv("WORDSTATES_CACHE_GB", "0")
    Entry("m5", {"engine": "openvino", "precision": "float32", "n": 5}).write(EngineChoice(0), graph)
    assert kept_entries() == []


# ---------------------------------------------------------------- the command


def test_the_command_lists_and_clears(model: Path, folder: Path) -> None:
    done = run("cache")
    size = sum(path.stat().st_size for path in entry_in(folder).iterdir())
    head, columns, line = done.out.splitlines()
    assert (done.code, done.err) == (0, "")
    assert head == f"{folder}: 1 entry, {size / 1e6:,.1f} MB"
    assert columns.split("  ")[0] == "model"
    assert line.split()[:3] == [str(model), "openvino", "float32"]
    listed = json.loads(run("cache", "--json").out)
    assert listed["folder"] == str(folder)
    assert [(each["model"], each["bytes"]) for each in listed["entries"]] == [(str(model), size)]
    assert run("cache", "--clear").out == f"1 entry removed, {size / 1e6:,.1f} MB\n"
    assert run("cache").out == f"{folder}: 0 entries, 0.0 MB\n"
    assert json.loads(run("cache", "--clear", "--json").out) == {"removed": 0, "bytes": 0}


@pytest.mark.parametrize("given", ["off", "OFF", ""])
def test_it_can_be_switched_off(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("WORDSTATES_CACHE", given)
    assert cache_folder() is None
    assert run("cache").out == "Nothing is kept: WORDSTATES_CACHE is set to off.\n"


@pytest.mark.parametrize("what", UNDER_ITS_NAME)
@pytest.mark.parametrize("clear", [False, True])
def test_whatever_has_the_name_of_an_entry_makes_room(folder: Path, what: str, clear: bool) -> None:
    path = entry_in(folder)
    entry = Entry("m", {"n": 1})
    assert entry.path is not None
    path.rename(entry.path)
    DAMAGES[what](entry.path)
    if clear:
        engine_cache.clear_entries()
        assert list((folder / "engines").iterdir()) == []
    else:
        entry.write(EngineChoice(None, "it differs"))
        assert entry.read() == EngineChoice(None, "it differs")
    assert what != "a link" or (folder / "elsewhere" / "graph.bin").exists()


@pytest.mark.parametrize("given", ["~no-such-user/cache", None])
def test_who_has_no_home_keeps_nothing(monkeypatch: pytest.MonkeyPatch, given: str | None) -> None:
    def unknown(_: object) -> None:
        raise KeyError("uid not found")

    pwd = pytest.importorskip("pwd")
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    if given is None:
        monkeypatch.delenv("WORDSTATES_CACHE")
    else:
        monkeypatch.setenv("WORDSTATES_CACHE", given)
    assert cache_folder() is None
    assert run("cache").out == "Nothing is kept: there is no home folder: name a folder in WORDSTATES_CACHE.\n"


def test_why_a_cache_is_not_used_is_told(folder: Path) -> None:
    (folder / "engines").chmod(0o770)
    told = f"Nothing is kept: '{folder / 'engines'}' is no folder that this user alone owns and may write to"
    assert run("cache").out.startswith(told)
    assert told in run("cache", "--fill", "minilm").err


def test_where_it_is_by_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("WORDSTATES_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    where = cache_folder()
    assert where is not None
    assert where.is_relative_to(tmp_path)
    assert where.name == "wordstates"
