"""Stores from Python: what the command does not reach."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from disagreeing import unlike_the_first
from wordstates import WordEmbedder
from wordstates.documents.document import Document
from wordstates.errors import InputError, OutputError, WordstatesError, WorkerError
from wordstates.integrations.torch.store_dataset import StoreDataset
from wordstates.store import checksums, locks, write_shard
from wordstates.store.checksums import checksums_of
from wordstates.store.export import export_store
from wordstates.store.folder import StoreFolder
from wordstates.store.manifest import Manifest
from wordstates.store.merge import merge_stores
from wordstates.store.record import ShardRecord
from wordstates.store.run import embed_to_store
from wordstates.store.settings import StoreSettings
from wordstates.store.shards import Part, Shard, cut_shards, read_shard_name, shard_id
from wordstates.store.signals import Stopped, StopSignals
from wordstates.store.store import open_store
from wordstates.store.workers import processes
from wordstates.store.workers.local import LocalCrew
from wordstates.usages.build import build_index

DOCUMENTS = [Document(f"d{number}", f"the old mill number {number}") for number in range(12)]
SETTINGS = StoreSettings(shard_characters=80)


@pytest.fixture(scope="session")
def made(embedder: WordEmbedder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("stores") / "made"
    report = embed_to_store(embedder, DOCUMENTS, path, SETTINGS)
    assert (report.complete, report.texts) == (True, 12)
    return path


@pytest.fixture
def store(made: Path, tmp_path: Path) -> Path:
    """Give a store of its own to a test that spoils it."""
    return Path(shutil.copytree(made, tmp_path / "store"))


def test_a_store_without_shards_does_not_say_that_its_words_were_given(store: Path) -> None:
    for path in store.glob("shards/*"):
        path.unlink()
    for path in store.glob("records/*"):
        path.unlink()
    opened = open_store(store)
    assert list(opened.records()) == []
    assert opened.provenance["splitter"] == opened.describe().provenance["splitter"] == "unicode"


def test_what_all_words_say_that_were_given(embedder: WordEmbedder, tmp_path: Path) -> None:
    embed_to_store(embedder, [Document("a", "the mill", ((0, 3),))], tmp_path / "given")
    opened = open_store(tmp_path / "given")
    assert opened.provenance["splitter"] == opened.describe().provenance["splitter"] == "given"


def test_a_store_that_calls_its_splitter_words_goes_on(embedder: WordEmbedder, store: Path) -> None:
    manifest = store / "manifest.json"
    new, of_before = manifest.read_text(), manifest.read_text().replace('"splitter":', '"words":')
    assert new != of_before
    manifest.write_text(of_before)
    assert open_store(store).provenance == json.loads(new)["provenance"]
    report = embed_to_store(embedder, DOCUMENTS, store, SETTINGS)
    assert (report.complete, report.computed_words) == (True, 0)


def test_values_are_looked_through_for_float16_alone(
    embedder: WordEmbedder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []
    look = write_shard.largest_values
    monkeypatch.setattr(write_shard, "largest_values", lambda rows, column: looked.append(column) or look(rows, column))
    for dtype, columns in (("float32", []), ("float16", ["vector"])):
        settings = StoreSettings(dtype=dtype)  # type: ignore[arg-type]
        embed_to_store(embedder, DOCUMENTS, tmp_path / dtype, settings)
        assert looked == columns


# ---------------------------------------------------------------- shards


def test_shards_are_cut_by_characters_alone() -> None:
    sizes = [400, 300, 500, 2000, 100, 0, 0]
    documents = [Document(str(index), "x" * size) for index, size in enumerate(sizes)]
    cut = list(cut_shards(iter(documents), 1000))
    assert [[document.id for document in shard.documents] for shard in cut] == [
        ["0", "1"],
        ["2"],
        ["3"],
        ["4", "5", "6"],
    ]
    assert [shard.number for shard in cut] == [0, 1, 2, 3]
    assert [len(shard.documents) for shard in cut_shards([Document("", "")] * 2500, 1000)] == [1000, 1000, 500]
    assert list(cut_shards([])) == []


def test_the_id_of_a_shard_is_of_all_that_decides_its_rows() -> None:
    base = Document("a", "the mill", ((0, 3), (4, 8)), ("1", "2"))
    others = [
        replace(base, id="b"),
        replace(base, text="the bill"),
        replace(base, spans=((0, 3), (4, 7))),
        replace(base, keys=("1", "3")),
        replace(base, spans=None, keys=None),
        Document("athe", " mill", base.spans, base.keys),  # the same letters, cut elsewhere
    ]
    assert len({shard_id([document]) for document in [base, *others]}) == 7
    assert shard_id([base]) == shard_id([replace(base)])
    shard = Shard(12, shard_id([base]), (base,))
    assert read_shard_name(shard.name) == (12, shard.id)
    assert read_shard_name("part-12-x") is None


@pytest.mark.parametrize("text", ["", "1", "3/3", "-1/2", "1/0", "a/b", "1/2/3"])
def test_parts_that_are_none(text: str) -> None:
    with pytest.raises(InputError, match=r"Part .* is not valid: write i/N"):
        Part.parse(text)


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (StoreSettings(shard_characters=0), "A shard of 0 characters holds nothing"),
        (StoreSettings(context=0), "A context of 0 characters holds nothing"),
        (StoreSettings(part=Part(1, 2), overwrite=True), "would remove what the other parts have done"),
    ],
)
def test_settings_that_make_no_sense(embedder: WordEmbedder, tmp_path: Path, settings: Any, says: str) -> None:
    with pytest.raises(InputError, match=says):
        embed_to_store(embedder, DOCUMENTS, tmp_path / "s", settings)
    assert not (tmp_path / "s").exists()


def test_no_document(embedder: WordEmbedder, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no document in the input"):
        embed_to_store(embedder, [], tmp_path / "s")
    assert not (tmp_path / "s").exists()


def test_workers_need_what_makes_embedders(embedder: WordEmbedder, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"Workers make their own embedders: give functools.partial"):
        embed_to_store(embedder, DOCUMENTS, tmp_path / "s", workers=2)
    with pytest.raises(InputError, match=r"cannot be sent to another process .*: give functools.partial"):
        embed_to_store(lambda: embedder, DOCUMENTS, tmp_path / "s", workers=2)


def test_workers_have_to_agree(bert: Path, tmp_path: Path) -> None:
    with pytest.raises(WorkerError, match=r"The workers would write different rows \(recipes: .* and .*\)"):
        embed_to_store(partial(unlike_the_first, tmp_path / "flag", bert), DOCUMENTS, tmp_path / "s", workers=2)
    assert not list(tmp_path.glob("s/shards/*"))


def test_what_a_worker_says_of_an_unexpected_error() -> None:
    known, unknown = processes.sendable(OutputError("full")), processes.sendable(ZeroDivisionError("x"))
    assert isinstance(known, OutputError)
    assert isinstance(unknown, WorkerError)
    assert str(unknown).startswith("A worker failed unexpectedly: please report this.")
    assert "ZeroDivisionError: x" in str(unknown)


def test_a_disk_without_locks(embedder: WordEmbedder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(locks, "lock_descriptor", refuse)
    with pytest.raises(OutputError, match=r"cannot be locked \(No locks available\)"):
        embed_to_store(embedder, DOCUMENTS, tmp_path / "s")


def test_a_shard_that_is_there_twice(embedder: WordEmbedder, store: Path) -> None:
    first = next(path for path in (store / "shards").iterdir() if path.name.startswith("part-000000"))
    shutil.copy(first, first.with_name("part-000000-0123456789abcdef.parquet"))
    with pytest.raises(InputError, match=r"has shard 0 twice, .* remove the one that is not of this input"):
        embed_to_store(embedder, DOCUMENTS, store, SETTINGS)
    assert "has shard 0 twice" in open_store(store).verify().problems[0]


def test_nothing_to_merge(tmp_path: Path, made: Path) -> None:
    with pytest.raises(InputError, match="There is nothing to merge"):
        merge_stores([], tmp_path / "m")


# ---------------------------------------------------------------- what verify sees


def test_a_run_that_is_at_work_leaves_nothing_behind(store: Path) -> None:
    manifest = Manifest.read(store / "manifest.json")
    replace(manifest, ending=None, complete=None).write(store / "manifest.json")
    (store / "shards" / ".part-000099-x.partial").touch()
    (store / "records" / "part-000098-0123456789abcdef.json").touch()
    with locks.working_as(store / "locks", Part(), "store"):
        assert open_store(store).verify().problems == [
            "The store is not complete: it has 4 shards, and a run is at work on it."
        ]
    assert len(open_store(store).verify().problems) == 3


def rewrite(store: Path, change: Any) -> Path:
    """Change a shard, and make its record fit, so that only a look at the rows can tell."""
    path = open_store(store).shards[1]
    pq.write_table(change(pq.read_table(path)), path)
    record = store / "records" / f"{path.stem}.json"
    data = json.loads(record.read_text()) | {"bytes": path.stat().st_size, **checksums_of(path)}
    record.write_text(json.dumps(data))
    return path


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda table: table.slice(0, 3), "has 3 rows, and its record says"),
        (lambda table: table.drop(["status"]), "has other columns than the manifest says"),
        (lambda table: table.take([0, 1, 1, 2]), "has words out of order or twice, in document 'd3' at position 1"),
        (lambda table: table.slice(1), "has words out of order or twice, in document 'd3' at position 1"),
        (lambda table: table.take([0, 1, 5, 0]), "has document 'd3' twice"),
    ],
)
def test_rows_that_are_not_as_they_should_be(store: Path, change: Any, says: str) -> None:
    name = rewrite(store, change).name
    problems = open_store(store).verify().problems
    assert any(problem.startswith(f"{name} {says}") for problem in problems), problems
    assert "The records do not add up to what the manifest says of the complete store." in problems


def test_a_store_that_nobody_closed(embedder: WordEmbedder, store: Path) -> None:
    manifest = Manifest.read(store / "manifest.json")
    replace(manifest, complete=None).write(store / "manifest.json")
    assert open_store(store).verify().problems == [
        "All shards are there, and no run has closed the store: run the same command once more."
    ]
    replace(manifest, ending=None, complete=None).write(store / "manifest.json")
    assert "no run has reached the end of the input yet" in open_store(store).verify().problems[0]
    assert embed_to_store(embedder, DOCUMENTS, store, SETTINGS).computed == 0
    assert open_store(store).verify().ok
    (store / "rejects.jsonl").write_text("{}\n")
    assert "rejects.jsonl lists 1 document, and the records say 0" in open_store(store).verify().problems[0]


def test_a_record_survives_being_written(tmp_path: Path) -> None:
    record = ShardRecord(
        number=3,
        id="0" * 16,
        first="a",
        last="b",
        documents=2,
        statuses={"ok": 4},
        rejects=[{"document": "b", "reason": "x"}],
    )
    path = tmp_path / "0.json"
    path.write_text(record.to_json(), encoding="utf-8")
    assert ShardRecord.read(path) == record
    first_version = {name: value for name, value in json.loads(path.read_text()).items() if name != "given"}
    path.write_text(json.dumps(first_version))
    assert ShardRecord.read(path).given is False
    path.write_text("{}")
    with pytest.raises(ValueError, match="not the record of a shard"):
        ShardRecord.read(path)


def test_only_the_leftovers_of_a_part_are_removed(store: Path) -> None:
    folder = StoreFolder(store)
    for name in ("part-000003-0123456789abcdef.parquet", "part-000004-0123456789abcdef.parquet"):
        (folder.shards / f".{name}.17.partial").touch()
    folder.remove_leftovers(Part(1, 2))
    assert [path.name[6:12] for path in folder.leftovers()] == ["000004"[0:6]]


def test_what_killed_workers_leave_is_removed_at_the_end(
    embedder: WordEmbedder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = StoreFolder(tmp_path / "store")

    def killed(crew: LocalCrew) -> None:
        close(crew)
        (store.shards / ".part-000000-0123456789abcdef.parquet.17.partial").touch()

    close = LocalCrew.close
    monkeypatch.setattr(LocalCrew, "close", killed)
    embed_to_store(embedder, [Document("a", "The river bank.")], store.path)
    assert store.leftovers() == []


# ---------------------------------------------------------------- signals and progress


def test_a_signal_waits_for_what_is_worth_finishing() -> None:
    said: list[str] = []
    with StopSignals(on_stop=lambda: said.append("stopping")) as stop:
        done = False
        with pytest.raises(Stopped) as told, stop.deferred():  # noqa: PT012
            signal.raise_signal(signal.SIGTERM)
            stop.check()
            done = True
        assert done
        assert told.value.exit_code == 143
        assert said == ["stopping"]
    with StopSignals() as stop, pytest.raises(Stopped):
        signal.raise_signal(signal.SIGINT)  # nothing is in hand
    with StopSignals() as stop, pytest.raises(Stopped), stop.deferred():  # noqa: PT012
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)  # at once
        raise AssertionError("not reached")
    with StopSignals(grace=0.0) as stop, pytest.raises(Stopped), stop.deferred():  # noqa: PT012
        signal.raise_signal(signal.SIGINT)
        stop.check()  # the time is over
        raise AssertionError("not reached")


def test_a_lock_that_is_a_symbolic_link_is_not_followed(tmp_path: Path) -> None:
    """What it leads to would be emptied."""
    precious = tmp_path / "precious.txt"
    precious.write_text("precious", encoding="utf-8")
    (tmp_path / "0-of-1.lock").symlink_to(precious)
    with pytest.raises(OutputError, match="is no regular file: remove it"), locks.working_as(tmp_path, Part(), "store"):
        raise AssertionError("not reached")
    assert precious.read_text(encoding="utf-8") == "precious"


# ---------------------------------------------------------------- damage: every reader says so


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 4
    path.write_bytes(content)


def _delete(store: Path) -> None:
    open_store(store).shards[1].unlink()


def _delete_all(store: Path) -> None:
    for path in open_store(store).shards:
        path.unlink()


def _flip_a_bit(store: Path) -> None:
    _flip(open_store(store).shards[1])


def _swap(store: Path) -> None:
    one, other = open_store(store).shards[1:3]
    content = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(content)


def _swap_with_records(store: Path) -> None:
    _swap(store)
    one, other = sorted((store / "records").glob("*.json"))[1:3]
    content = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(content)


def _wrong_shape(store: Path) -> None:
    manifest = store / "manifest.json"
    data = json.loads(manifest.read_text())
    data["shapes"]["vector"] = [data["shapes"]["vector"][0] // 2]
    manifest.write_text(json.dumps(data))


def _shard_of_another_model(store: Path) -> None:
    path = open_store(store).shards[1]
    table = pq.read_table(path)
    name = table.schema.get_field_index("vector")
    changed = pa.chunked_array([table["vector"].combine_chunks().take(pa.array(range(len(table) - 1, -1, -1)))])
    rewrite(store, lambda table: table.set_column(name, table.schema.field(name), changed))


def _not_a_file(store: Path) -> None:
    path = open_store(store).shards[1]
    path.unlink()
    os.mkfifo(path)


def _read_with_store(store: Path, _embedder: WordEmbedder) -> None:
    for _ in open_store(store):
        pass


def _read_with_export(store: Path, _embedder: WordEmbedder) -> None:
    try:
        export_store(open_store(store), store.with_name("out.parquet"))
    finally:
        assert not store.with_name("out.parquet").exists()


def _read_with_dataset(store: Path, _embedder: WordEmbedder) -> None:
    StoreDataset(store)


def _read_with_index(store: Path, _embedder: WordEmbedder) -> None:
    build_index(store)


def _go_on(store: Path, embedder: WordEmbedder) -> None:
    embed_to_store(embedder, DOCUMENTS, store, SETTINGS)


@pytest.mark.parametrize("read", [_read_with_store, _read_with_export, _read_with_dataset, _read_with_index, _go_on])
@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (_delete, "was complete, and now 1 of .* shards is missing"),
        (_delete_all, "was complete, and now .* shards are missing"),
        (_flip_a_bit, "checksum differs|is not what was written"),
        (_swap, "is not what was written|is broken: it has"),
        (_swap_with_records, "has the record of shard"),
        (_wrong_shape, "has other columns than the manifest says"),
        (_shard_of_another_model, "do not add up"),
        (_not_a_file, "is no regular file"),
    ],
)
def test_damage_is_told_by_every_reader(store: Path, embedder: WordEmbedder, damage: Any, says: str, read: Any) -> None:
    was = open_store(store).manifest.complete
    damage(store)
    assert not open_store(store).verify().ok
    if read is _go_on and damage in (_delete, _delete_all):
        read(store, embedder)
        assert open_store(store).verify().ok
        assert open_store(store).manifest.complete == was
        return
    with pytest.raises(WordstatesError, match=f"{says}|was begun with other settings: vectors"):
        read(store, embedder)


def test_what_is_missing_is_told_without_reading(store: Path) -> None:
    _delete(store)
    opened = open_store(store)
    assert not opened.complete
    assert not opened.describe().complete
    assert repr(opened).endswith("not complete)")


def test_checksums_are_left_alone_where_nobody_wants_them(store: Path) -> None:
    """A name in the metadata at the end is no number of a page: no reader but the checksum sees it."""
    path = open_store(store).shards[1]
    content = path.read_bytes()
    path.write_bytes(content.replace(b'"model"', b'"modem"', 1))
    with pytest.raises(InputError, match="is not what was written"):
        list(open_store(store))
    assert sum(len(table) for table in open_store(store, verify=False)) == 12 * 5
    assert len(StoreDataset(store, verify=False)) == 12


def test_a_checksum_is_compared_once_in_a_process(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[Path] = []
    look = checksums.fast_checksum_of
    monkeypatch.setattr(checksums, "fast_checksum_of", lambda path: looked.append(path) or look(path))
    for _ in range(2):
        list(open_store(store))
        assert looked == open_store(store).shards


def test_shards_without_a_fast_checksum_are_compared_with_the_other(store: Path) -> None:
    for path in (store / "records").glob("*.json"):
        data = json.loads(path.read_text())
        del data["xxh3"]
        path.write_text(json.dumps(data))
    assert sum(len(table) for table in open_store(store)) == 12 * 5
    _flip_a_bit(store)
    with pytest.raises(InputError, match="is not what was written"):
        list(open_store(store))


def test_a_flipped_bit_in_a_single_file_is_told(store: Path) -> None:
    single = store.with_name("single.parquet")
    export_store(open_store(store), single)
    StoreDataset(single)[0]
    _flip(single)
    with pytest.raises(InputError, match="cannot be read"):
        [StoreDataset(single)[number] for number in range(12)]
