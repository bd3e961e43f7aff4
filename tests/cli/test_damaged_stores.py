"""A store whose small files are damaged, and folders that are no store: told in one line, nothing harmed or left."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli_runner import files_in, run
from wordstates import WordEmbedder
from wordstates.documents.document import Document
from wordstates.errors import InputError, OutputError, WordstatesError
from wordstates.explore.labels import Labels
from wordstates.files import hdf5_facts
from wordstates.files.describe import describe
from wordstates.store.manifest import Manifest
from wordstates.store.run import embed_to_store
from wordstates.store.settings import StoreSettings
from wordstates.store.store import open_store
from wordstates.usages.build import build_index
from wordstates.usages.index import UsageIndex

DOCUMENTS = [Document(f"d{number}", "the old mill " * 4) for number in range(4)]


@pytest.fixture
def store(embedder: WordEmbedder, tmp_path: Path) -> Path:
    embed_to_store(embedder, DOCUMENTS, tmp_path / "store", StoreSettings(shard_characters=80))
    return tmp_path / "store"


DEEP = "[" * 100_000 + "]" * 100_000
VALUES = [None, True, -1, 10**12, 1.5, "x", [], {}, [[]], {"a": DEEP[:10]}]


def _damaged(path: Path) -> list[str]:
    """Give the text of a file with each value in turn of another type, and with what no JSON reader likes."""
    data = json.loads(path.read_text())
    texts = [json.dumps({**data, key: value}) for key in data for value in VALUES]
    texts += [json.dumps({name: value for name, value in data.items() if name != key}) for key in data]
    return [
        *texts,
        DEEP,
        f'{{"format": {DEEP}}}',
        '{"number": ' + "9" * 5000 + "}",
        "",
        "[]",
        "null",
        "\ud800".encode("utf-8", "replace").decode(),
    ]


def _told(read: Callable[[], object]) -> str:
    """Give what is said of the damage, on one line; nothing where it does no harm."""
    try:
        read()
    except WordstatesError as error:
        said = str(error)
        return said if "\n" not in said else "several lines" * 1000
    return ""


@pytest.mark.parametrize("name", ["manifest.json", "records"])
def test_every_value_of_another_type_is_told(store: Path, name: str) -> None:
    path = store / name if name.endswith(".json") else sorted((store / name).iterdir())[0]
    whole = path.read_text()
    for text in _damaged(path):
        path.write_text(text)
        for read in (
            lambda: open_store(store).describe(),
            lambda: list(open_store(store)),
            lambda: open_store(store).verify(),
        ):
            assert len(_told(read)) < 2000
    path.write_text(whole)
    assert open_store(store).verify().ok


def test_a_huge_count_is_not_counted_to(store: Path) -> None:
    path = store / "manifest.json"
    data = json.loads(path.read_text())
    data["ending"]["shards"] = 10**12
    path.write_text(json.dumps(data))
    (problem, *_) = open_store(store).verify().problems
    assert "999,999,999,99" in problem
    assert problem.count(",") < 30


@pytest.mark.parametrize("separator", ["\u2028", "\u0085", "\x0b", "\x1e"])
def test_only_a_newline_ends_a_line_of_rejects(store: Path, separator: str) -> None:
    record = json.loads(sorted((store / "records").iterdir())[0].read_text())
    record["rejects"] = [{"document": f"a{separator}b", "reason": "x"}]
    sorted((store / "records").iterdir())[0].write_text(json.dumps(record, ensure_ascii=False))
    (store / "rejects.jsonl").write_text(json.dumps(record["rejects"][0], ensure_ascii=False) + "\n")
    assert not any("rejects.jsonl lists" in problem for problem in open_store(store).verify().problems)


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("manifest", ['{"name": "app", "icons": []}', None])
def test_the_shards_of_another_program(embedder: WordEmbedder, tmp_path: Path, manifest: Any, overwrite: bool) -> None:
    (tmp_path / "app" / "shards").mkdir(parents=True)
    (tmp_path / "app" / "shards" / "weights.bin").write_text("precious")
    if manifest is not None:
        (tmp_path / "app" / "manifest.json").write_text(manifest)
    before = files_in(tmp_path / "app")
    with pytest.raises(OutputError, match=r"is no store of wordstates, and holds 'shards/weights.bin'"):
        embed_to_store(embedder, DOCUMENTS, tmp_path / "app", StoreSettings(overwrite=overwrite))
    assert files_in(tmp_path / "app") == before
    assert sorted(path.name for path in (tmp_path / "app").iterdir() if path.is_dir()) == ["shards"]


def test_overwrite_leaves_what_is_not_its_own(embedder: WordEmbedder, store: Path) -> None:
    (store / "shards" / "mine.txt").write_text("precious")
    embed_to_store(embedder, DOCUMENTS[:1], store, StoreSettings(overwrite=True))
    assert (store / "shards" / "mine.txt").read_text() == "precious"
    assert len(open_store(store).shards) == 1


def test_a_folder_of_a_store_that_is_a_symbolic_link(embedder: WordEmbedder, store: Path) -> None:
    (store / "shards").rename(store.with_name("elsewhere"))
    (store / "shards").symlink_to(store.with_name("elsewhere"))
    before = (store / "manifest.json").read_bytes()
    with pytest.raises(OutputError, match="is a symbolic link"):
        embed_to_store(embedder, DOCUMENTS, store, StoreSettings(overwrite=True))
    assert (store / "manifest.json").read_bytes() == before
    assert list(store.with_name("elsewhere").iterdir())


def test_a_pipe_in_place_of_a_record(store: Path) -> None:
    path = sorted((store / "records").iterdir())[0]
    path.unlink()
    os.mkfifo(path)
    assert "is no regular file" in run("verify", store).out
    assert run("export", store, "-o", store.with_name("o.npz")).code == 1


def test_an_index_of_a_store_that_is_being_written(store: Path, tmp_path: Path) -> None:
    """What is finished can be searched; who searches later is told that there is more."""
    manifest = json.loads((store / "manifest.json").read_text())
    (store / "manifest.json").write_text(json.dumps({**manifest, "complete": None}))
    record, shard = sorted((store / "records").iterdir())[-1], sorted((store / "shards").iterdir())[-1]
    for path in (record, shard):
        path.rename(tmp_path / path.name)
    done = run("index", str(store))
    assert done.code == 0
    assert "the store is not complete: run this again when the run that writes it is done" in done.err
    assert "warning" not in run("kwic", "mill", str(store)).err
    for path in (record, shard):
        (tmp_path / path.name).rename(path)
    with pytest.warns(UserWarning, match=r"has 1 shard that its index lacks: .* run `wordstates index .*store` again"):
        before = len(UsageIndex(store))
    bar: list[int] = []
    build_index(store, on_total=bar.append)
    assert bar == [len(UsageIndex(store)) - before]


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to(path.with_name("elsewhere"))])
def test_a_lock_that_is_no_regular_file(embedder: WordEmbedder, store: Path, make: Callable[[Path], None]) -> None:
    lock = store / "locks" / "0-of-1.lock"
    lock.unlink()
    make(lock)
    with pytest.raises(OutputError, match=r"0-of-1.lock' is no regular file: remove it"):
        embed_to_store(embedder, DOCUMENTS, store, StoreSettings(shard_characters=80))


def test_names_of_files_that_are_no_unicode(store: Path) -> None:
    """They come into a manifest by the paths of the input, and out again by `info`."""
    Manifest.read(store / "manifest.json").write(store / "manifest.json")
    data = json.loads((store / "manifest.json").read_text())
    data["provenance"]["model"] = "caf\udce9\x1b[31m\x9b"
    (store / "manifest.json").write_text(json.dumps(data))
    manifest = Manifest.read(store / "manifest.json")
    manifest.write(store / "manifest.json")
    assert Manifest.read(store / "manifest.json") == manifest
    assert "caf\\udce9\\u001b[31m\\u009b" in run("info", store).out  # nor does it control a terminal
    assert "\x9b" not in run("info", "--json", store).out


def test_what_cannot_be_read_is_not_called_missing_or_broken(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (store / "shards").rename(store / "elsewhere")
    (store / "shards").write_text("")
    assert "shards' cannot be read (Not a directory)" in run("info", store).err
    monkeypatch.setattr(os, "access", lambda *_: False)
    for path in (store / "elsewhere").iterdir():
        assert "cannot be read: you have no permission to" in run("info", path).err

    def refused(*_: object, **__: object) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_text", refused)
    assert "manifest.json' cannot be read: you have no permission to" in run("info", store).err


def test_a_library_that_never_ends_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On some damaged files HDF5 loops for ever, where no signal reaches it: it reads in a process of its own."""
    (tmp_path / "x.h5").write_bytes(b"no HDF5")
    with pytest.raises(InputError, match=r"x.h5' cannot be read as .h5: it is broken"):
        describe(tmp_path / "x.h5")
    monkeypatch.setattr(hdf5_facts, "_SECONDS", 0.0)
    with pytest.raises(InputError, match="its library was not done with it after 0 seconds"):
        describe(tmp_path / "x.h5")


@pytest.mark.parametrize("usage", ['["d", Infinity]', '["d"]', "5", '["d", ' + "9" * 5000 + "]"])
def test_names_of_senses_that_are_none(tmp_path: Path, usage: str) -> None:
    (tmp_path / "labels.json").write_text(f'{{"bank": [{{"name": "money", "usages": [{usage}]}}]}}')
    with pytest.raises(InputError, match="holds no names of senses"):
        Labels(tmp_path / "labels.json")
