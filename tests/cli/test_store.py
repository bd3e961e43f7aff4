"""`wordstates embed -o store/`: resume, refusals, parts, workers, signals, and every way in which it can go wrong."""

from __future__ import annotations

import errno
import gzip
import json
import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cli_runner import Result, files_in, run, start
from patience import ended, wait_until
from wordstates import WordEmbedder
from wordstates.documents.document import Document
from wordstates.encode.pending import PendingEmbeddings
from wordstates.runs import groups
from wordstates.store import write_shard
from wordstates.store.disk import FreeSpace
from wordstates.store.folder import StoreFolder
from wordstates.store.locks import working_as
from wordstates.store.run import StoreSettings, embed_to_store
from wordstates.store.shards import Part
from wordstates.store.store import open_store

TEXTS = [f"the river runs past the old mill number {number}" for number in range(60)]
SMALL = ("--shard-characters", "400")


@pytest.fixture
def folder(tmp_path: Path, bert: Path) -> Path:
    """Give a folder with a model and sixty texts, which make seven shards or so."""
    (tmp_path / "bert").symlink_to(bert)
    (tmp_path / "texts.txt").write_text("\n".join(TEXTS) + "\n", encoding="utf-8")
    return tmp_path


def embed(folder: Path, *options: str | Path, source: str = "texts.txt", store: str = "store", **how: Any) -> Result:
    return run("embed", source, "-m", "bert", "-o", store, *SMALL, *options, cwd=folder, **how)


def shards(folder: Path, store: str = "store") -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((folder / store / "shards").glob("*.parquet"))}


def times(folder: Path, store: str = "store") -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in (folder / store / "shards").glob("*.parquet")}


def report_of(done: Result) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(done.out)
    return report


# ---------------------------------------------------------------- what it holds


def test_a_store_holds_the_rows_of_a_single_file(folder: Path) -> None:
    assert embed(folder, "-q").code == 0
    assert run("embed", "texts.txt", "-m", "bert", "-o", "one.parquet", "-q", cwd=folder).code == 0
    one, many = pq.read_table(folder / "one.parquet"), pq.read_table(folder / "store" / "shards")
    assert many.drop(["vector"]).equals(one.drop(["vector"]))
    vectors = [np.stack(table["vector"].to_pylist()) for table in (one, many)]
    np.testing.assert_allclose(*vectors, atol=1e-5)
    assert len(shards(folder)) > 5


def test_what_it_says(folder: Path) -> None:
    done = embed(folder)
    assert (done.code, done.out) == (0, "")
    lines = dict(line.split(None, 1) for line in done.err.splitlines() if not line.startswith("words a"))
    count = len(shards(folder))
    assert lines["shards"] == f"{count} of {count} ({count} computed)"
    assert lines["texts"] == "60"
    assert lines["wrote"] == "store"


def test_progress_on_a_terminal(folder: Path) -> None:
    done = embed(folder, terminal=True)
    assert "embedding: 100%" in done.err
    assert "shards" in done.err
    assert "GiB" in done.err


def test_progress_of_what_reads_whole_stores(folder: Path) -> None:
    assert embed(folder, "-q").code == 0
    count = len(shards(folder))
    assert (
        f"verifying: 100%|████████████████████| {count} shards" in run("verify", "store", cwd=folder, terminal=True).err
    )
    assert "merging: 100%" in run("merge", "store", "-o", "whole", cwd=folder, terminal=True).err
    assert "exporting: 100%" in run("export", "store", "-o", "a.parquet", cwd=folder, terminal=True).err
    assert "exporting" not in run("export", "store", "-o", "b.parquet", "-q", cwd=folder, terminal=True).err


def test_every_kind_of_input_gives_the_same_shards_as_a_stream(folder: Path) -> None:
    """A pipe, and a compressed file, whose documents are named alike."""
    lines = "".join(json.dumps({"id": f"d{n}", "text": text}) + "\n" for n, text in enumerate(TEXTS)).encode()
    (folder / "a.jsonl").write_bytes(lines)
    (folder / "b.jsonl.gz").write_bytes(gzip.compress(lines))
    with_ids = ("--id-column", "id", "-q")
    assert embed(folder, *with_ids, source="a.jsonl", store="a").code == 0
    assert embed(folder, *with_ids, source="b.jsonl.gz", store="b").code == 0
    assert embed(folder, *with_ids, "--format", "jsonl", source="-", store="c", stdin=lines).code == 0
    assert shards(folder, "a") == shards(folder, "b") == shards(folder, "c")


def test_context_and_keys(folder: Path) -> None:
    rows = [("1", "the"), ("2", "old"), ("3", "mill")]
    sentence = "\n".join("\t".join([key, form, *"_" * 8]) for key, form in rows)
    (folder / "t.conllu").write_text(f"# sent_id = s1\n{sentence}\n\n")
    assert embed(folder, "--context", "5", "-q", source="t.conllu").code == 0
    table = pq.read_table(folder / "store" / "shards")
    assert table["key"].to_pylist() == ["1", "2", "3"]
    assert table["left"].to_pylist() == ["", "the ", " old "]
    assert table["right"].to_pylist() == [" old ", " mill", ""]
    assert run("export", "store", "-o", "o.jsonl", "-q", cwd=folder).code == 0
    assert json.loads((folder / "o.jsonl").read_text().splitlines()[1])["left"] == "the "


def test_rows_of_subwords(folder: Path) -> None:
    assert embed(folder, "--subword-pooling", "none", "-q").code == 0
    assert "subword" in pq.read_table(folder / "store" / "shards").column_names
    assert run("verify", "store", cwd=folder).code == 0
    assert run("export", "store", "-o", "o.npz", "-q", cwd=folder).code == 0
    assert run("embed", "texts.txt", "-m", "bert", "-o", "p.npz", "--subword-pooling", "none", cwd=folder).code == 0
    ours, theirs = np.load(folder / "o.npz"), np.load(folder / "p.npz")
    assert (ours["subword"] == theirs["subword"]).all()


def test_a_document_too_large_for_memory_comes_in_pieces(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "one.txt").write_text("the old mill and the river " * 100 + "\n" + TEXTS[0])
    assert embed(folder, "-q", source="one.txt", store="whole").code == 0
    monkeypatch.setattr(groups, "_PIECE_BYTES", 32 * 4 * 70)  # seventy words at a time
    assert embed(folder, "-q", source="one.txt", store="pieces").code == 0
    whole, pieces = (pq.read_table(folder / name / "shards") for name in ("whole", "pieces"))
    assert pieces.drop(["vector"]).equals(whole.drop(["vector"]))
    vectors = [np.stack(table["vector"].to_pylist()) for table in (whole, pieces)]
    np.testing.assert_allclose(*vectors, atol=1e-5)
    assert run("verify", "pieces", cwd=folder).code == 0


def test_the_same_rows_read_by_pandas_polars_duckdb_and_datasets(folder: Path) -> None:
    duckdb, datasets = pytest.importorskip("duckdb"), pytest.importorskip("datasets")
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    embedder = WordEmbedder(folder / "bert")
    expected = embedder.encode(TEXTS)
    for dtype, tolerance in (("float32", 1e-5), ("float16", 2e-3)):
        assert embed(folder, "-q", "--dtype", dtype, store=dtype).code == 0
        path = folder / dtype / "shards"
        vectors = {
            "pandas": pandas.read_parquet(path)["vector"].tolist(),
            "polars": polars.read_parquet(path / "*.parquet")["vector"].to_list(),
            "duckdb": [row[0] for row in duckdb.sql(f"SELECT vector FROM '{path}/*.parquet'").fetchall()],
        }
        loaded = datasets.Dataset.from_parquet(
            [str(file) for file in sorted(path.glob("*.parquet"))], cache_dir=str(folder / f"cache-{dtype}")
        )
        vectors["datasets"] = loaded["vector"]
        for name, found in vectors.items():
            values = np.array([np.asarray(row, dtype=np.float32) for row in found])
            np.testing.assert_allclose(values, expected.vectors, atol=tolerance, rtol=tolerance, err_msg=name)


# ---------------------------------------------------------------- going on


def test_a_second_run_computes_nothing(folder: Path) -> None:
    assert embed(folder, "-q").code == 0
    before, written = shards(folder), times(folder)
    done = report_of(embed(folder, "--json"))
    assert (done["computed"], done["skipped"], done["complete"]) == (0, len(before), True)
    assert (shards(folder), times(folder)) == (before, written)


def test_a_missing_shard_alone_is_computed(folder: Path) -> None:
    assert embed(folder, "-q").code == 0
    before, written = shards(folder), times(folder)
    victim = sorted(before)[2]
    (folder / "store" / "shards" / victim).unlink()
    done = report_of(embed(folder, "--json"))
    assert (done["computed"], done["skipped"]) == (1, len(before) - 1)
    assert shards(folder) == before
    assert {name for name, when in times(folder).items() if when != written[name]} == {victim}


def test_overwrite_begins_anew(folder: Path) -> None:
    assert embed(folder, "-q").code == 0
    before = times(folder)
    assert report_of(embed(folder, "--json", "--overwrite"))["skipped"] == 0
    assert not set(before.items()) & set(times(folder).items())
    assert embed(folder, "-q", "--overwrite", "--layers", "1").code == 0
    assert run("verify", "store", cwd=folder).code == 0


def test_a_model_that_has_moved_is_the_same_model(folder: Path) -> None:
    assert embed(folder, "-q").code == 0
    shutil.copytree(folder / "bert", folder / "moved")
    done = run("embed", "texts.txt", "-m", "moved", "-o", "store", *SMALL, "--json", cwd=folder)
    assert report_of(done)["computed"] == 0


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (["--layers", "1"], 'recipes: [{"name": "-1.mean.mean"'),
        (["--splitter", "whitespace"], "splitter: unicode in the store, whitespace now"),
        (["--window", "32"], "window: 64 in the store, 32 now; overlap: 15 in the store, 7 now"),
        (["--config", "layer_norm_eps=0.1"], 'config: null in the store, {"layer_norm_eps": 0.1} now'),
        (["--dtype", "float16"], "dtype: float32 in the store, float16 now"),
        (["--context", "9"], "characters of context: null in the store, 9 now"),
        (["--shard-characters", "500"], "characters of a shard: 400 in the store, 500 now"),
    ],
)
def test_settings_that_differ_are_named(folder: Path, change: list[str], says: str) -> None:
    assert embed(folder, "-q").code == 0
    before = {name: (folder / "store" / name).read_bytes() for name in files_in(folder / "store") if "lock" not in name}
    done = embed(folder, "-q", *change)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("wordstates: 'store' was begun with other settings: ")
    assert says in done.err
    assert (
        before.items() <= {name: (folder / "store" / name).read_bytes() for name in files_in(folder / "store")}.items()
    )


def test_another_model_is_named(folder: Path, models: Path) -> None:
    assert embed(folder, "-q").code == 0
    done = run("embed", "texts.txt", "-m", models / "gpt2", "-o", "store", *SMALL, "-q", cwd=folder)
    assert done.code == 1
    assert "(model bert) in the store" in done.err
    assert "gpt2) now" in done.err


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (["a new one", *TEXTS], "shard 0, now documents 'texts.txt:1'"),
        ([*TEXTS[:30], "another", *TEXTS[31:]], "was made of other texts, documents 'texts.txt:"),
        ([*TEXTS[:20]], "was made of other texts"),
        ([*TEXTS, "one more text"], "was made of other texts"),
    ],
)
def test_input_that_has_changed_is_noticed(folder: Path, lines: list[str], says: str) -> None:
    assert embed(folder, "-q").code == 0
    before = shards(folder)
    (folder / "texts.txt").write_text("\n".join(lines) + "\n")
    done = embed(folder, "-q")
    assert done.code == 1
    assert "wordstates: The input is not the one that 'store' was begun with: " in done.err
    assert says in done.err
    assert "--overwrite to start over" in done.err
    assert before.items() <= shards(folder).items()


def test_input_that_ends_or_goes_on_at_the_seam_of_two_shards_is_noticed(folder: Path) -> None:
    (folder / "texts.txt").write_text(("x" * 300 + "\n") * 4)  # four shards of one document
    assert embed(folder, "-q").code == 0
    (folder / "texts.txt").write_text(("x" * 300 + "\n") * 3)
    assert "now has 3" in embed(folder, "-q").err
    (folder / "texts.txt").write_text(("x" * 300 + "\n") * 5)
    assert "it ended after 4 shards, and now goes on with documents 'texts.txt:5'" in embed(folder, "-q").err
    assert len(shards(folder)) == 4


# ---------------------------------------------------------------- parts and workers


def test_parts_do_the_whole_together(folder: Path) -> None:
    assert embed(folder, "-q").code == 0
    for part in ("1/3", "0/3", "2/3"):
        done = report_of(embed(folder, "--json", "--shard", part, store="parts"))
        assert done["complete"] == (part == "2/3")
    assert shards(folder, "parts") == shards(folder)
    assert run("verify", "parts", cwd=folder).code == 0


def test_parts_on_several_machines_are_merged(folder: Path) -> None:
    assert embed(folder, "-q").code == 0
    for part in ("0/2", "1/2"):
        assert embed(folder, "-q", "--shard", part, store=f"p{part[0]}").code == 0
    assert "not complete" in run("verify", "p0", cwd=folder).out
    done = run("merge", "p0", "p1", "-o", "merged", cwd=folder)
    assert (done.code, done.err) == (
        0,
        f"merged 2 stores into merged: {len(shards(folder))} shards, complete\n",
    )
    assert shards(folder, "merged") == shards(folder)
    assert run("verify", "merged", cwd=folder).code == 0
    assert report_of(embed(folder, "--json", store="merged"))["computed"] == 0


def test_stores_that_do_not_belong_together_are_not_merged(folder: Path) -> None:
    assert embed(folder, "-q", store="a").code == 0
    assert embed(folder, "-q", "--layers", "1", store="b").code == 0
    (folder / "other.txt").write_text("\n".join(TEXTS[::-1]) + "\n")
    assert embed(folder, "-q", "--shard", "0/2", source="other.txt", store="c").code == 0
    done = run("merge", "a", "b", "-o", "m", cwd=folder)
    assert done.code == 1
    assert "wordstates: 'b' does not belong to the stores before it: recipes: " in done.err
    done = run("merge", "a", "c", "-o", "m", cwd=folder)
    assert "'c' does not belong to the stores before it: the input" in done.err
    assert "'texts.txt' is no folder" in run("merge", "a", "texts.txt", "-o", "m", cwd=folder).err
    spoil(next((folder / "a" / "shards").glob("*.parquet")))
    done = run("merge", "a", "-o", "m", cwd=folder)
    assert "is not what was written: its checksum differs" in done.err
    assert list((folder / "m" / "shards").glob(".*")) == []


def test_workers_give_the_same_rows(folder: Path) -> None:
    assert embed(folder, "-q").code == 0
    done = report_of(embed(folder, "--json", "--device", "cpu,cpu", "--workers", "4", store="two"))
    assert (done["complete"], done["computed"]) == (True, len(shards(folder)))
    assert shards(folder, "two") == shards(folder)


@pytest.mark.long
def test_a_worker_that_is_killed(folder: Path) -> None:
    (folder / "texts.txt").write_text("\n".join(TEXTS * 150) + "\n")
    arguments = ["embed", "texts.txt", "-", "-m", "bert", "-o", "store", "--shard-characters", "4000"]
    with start(*arguments, "--workers", "2", cwd=folder) as process:
        wait_until(lambda: len(shards(folder)) > 1, process)
        os.kill(workers_of(process)[0], signal.SIGKILL)
        code, _, err = ended(process)
    assert code == 1
    assert b"was killed by SIGKILL, perhaps because memory ran out: the finished shards are kept" in err
    assert b"Traceback" not in err
    assert report_of(run(*arguments, "--json", cwd=folder))["skipped"] > 1
    assert run("verify", "store", cwd=folder).code == 0


def test_workers_end_with_the_main_process(folder: Path) -> None:
    """Killed, it cannot say goodbye; and no worker may write when the next run is at work."""
    (folder / "texts.txt").write_text("\n".join(TEXTS * 150) + "\n")
    arguments = ["embed", "texts.txt", "-", "-m", "bert", "-o", "store", "--shard-characters", "4000", "--workers", "2"]
    with start(*arguments, cwd=folder) as process:
        wait_until(lambda: len(shards(folder)) > 0, process)
        workers = workers_of(process)
        process.kill()
        ended(process)
    assert len(workers) == 2
    wait_until(lambda: not any(map(is_alive, workers)))


def workers_of(process: subprocess.Popen[bytes]) -> list[int]:
    found = subprocess.run(["pgrep", "-P", str(process.pid), "-f", "spawn_main"], capture_output=True, text=True)
    return [int(child) for child in found.stdout.split()]


def is_alive(process: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{process}/status").read_text()
    except OSError:
        return False


@pytest.mark.long
def test_a_worker_that_cannot_load_its_model(folder: Path) -> None:
    done = run("embed", "texts.txt", "-m", "gone/model", "-o", "store", "--workers", "2", cwd=folder)
    assert done.code == 4
    assert "Model 'gone/model' is not available" in done.err
    assert not (folder / "store").exists()


# ---------------------------------------------------------------- signals


@pytest.mark.long
@pytest.mark.parametrize(
    ("number", "code", "workers"), [(signal.SIGINT, 130, 1), (signal.SIGTERM, 143, 1), (signal.SIGTERM, 143, 2)]
)
def test_asked_to_stop(folder: Path, number: signal.Signals, code: int, workers: int) -> None:
    (folder / "texts.txt").write_text("\n".join(TEXTS * 150) + "\n")
    arguments = ["embed", "texts.txt", "-", "-m", "bert", "-o", "store", "--shard-characters", "4000"]
    with start(*arguments, "--workers", str(workers), cwd=folder) as process:
        wait_until(lambda: len(shards(folder)) > 1, process)
        process.send_signal(number)
        found, _, err = ended(process)
    assert found == code, err
    kept = len(shards(folder))
    assert f"stopped; {kept} finished shards are kept in store: the same command continues from there.".encode() in err
    assert b"Traceback" not in err
    assert StoreFolder(folder / "store").leftovers() == []
    assert "not complete" in run("verify", "store", cwd=folder).out


# ---------------------------------------------------------------- what goes wrong


def spoil(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(bytes(content))


def fails(done: Result, *says: str, code: int = 1) -> None:
    assert (done.code, done.out) == (code, ""), done
    assert "Traceback" not in done.err
    for part in says:
        assert part in done.err


def test_rejects_stay_rejected_and_are_not_tried_again(folder: Path) -> None:
    lines = [*TEXTS[:20], "the lake " * 40, *TEXTS[20:], "the mill " * 60]
    (folder / "texts.txt").write_text("\n".join(lines) + "\n")
    options = ("--long-texts", "error")
    done = embed(folder, *options)
    assert done.code == 3
    assert "rejected        2" in done.err
    assert "2 of the documents could not be embedded; they are in store/rejects.jsonl" in done.err
    listed = (folder / "store" / "rejects.jsonl").read_text()
    assert [json.loads(line)["document"] for line in listed.splitlines()] == ["texts.txt:21", "texts.txt:62"]
    (folder / "store" / "rejects.jsonl").unlink()
    again = embed(folder, *options, "--json")
    assert (again.code, report_of(again)["computed"]) == (3, 0)
    assert (folder / "store" / "rejects.jsonl").read_text() == listed
    assert run("verify", "store", cwd=folder).code == 0


def test_when_every_document_fails(folder: Path) -> None:
    (folder / "texts.txt").write_text("the lake " * 90 + "\n" + "the mill " * 90 + "\n")
    fails(
        embed(folder, "--long-texts", "error", "-q"), "No document could be embedded (2 documents). The first of them"
    )
    (folder / "texts.txt").write_text("...\n!!!\n")
    fails(embed(folder, "--no-punctuation", "-q", "--overwrite"), "There is no word in the input (2 texts)")


def test_float16_gives_way_where_it_does_not_suffice(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = PendingEmbeddings.result

    def grown(self: PendingEmbeddings, *rest: Any) -> Any:
        found = real(self, *rest)
        texts = found.texts
        for index, text in enumerate(found.texts):
            if "59" in text or "large" in texts[0]:
                found.column("-1.mean.mean")[found.text_index == index] *= 1e5
        return found

    monkeypatch.setattr(PendingEmbeddings, "result", grown)
    done = embed(folder, "--dtype", "float16")
    assert done.code == 3  # a later document goes beyond: it is rejected, and the others are there
    [reject] = [json.loads(line) for line in (folder / "store" / "rejects.jsonl").read_text().splitlines()]
    assert reject["document"] == "texts.txt:60"
    assert "float16 ends at 65504: make the store with --dtype float32" in reject["reason"]
    table = pq.read_table(folder / "store" / "shards")
    assert table.schema.field("vector").type.value_type == pa.float16()
    assert len(set(table["document"].to_pylist())) == 59
    assert run("verify", "store", cwd=folder).code == 0
    (folder / "large.txt").write_text("a large bank\nthe old mill\n")
    done = embed(folder, "--dtype", "float16", source="large.txt", store="large")
    assert done.code == 0
    assert "note: column 'vector' is float32: it has values up to " in done.err
    table = pq.read_table(folder / "large" / "shards")
    assert table.schema.field("vector").type.value_type == pa.float32()


def test_a_full_disk(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = write_shard.ParquetWriter._write
    left = [3]

    def full(self: Any, file: Any, table: Any) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(self, file, table)

    with monkeypatch.context() as patch:
        patch.setattr(write_shard.ParquetWriter, "_write", full)
        fails(embed(folder), "wordstates: Disk full while writing 'store/shards/part-00000", write_shard.KEPT)
    assert len(shards(folder)) == 3
    assert StoreFolder(folder / "store").leftovers() == []
    assert report_of(embed(folder, "--json"))["skipped"] == 3
    assert run("verify", "store", cwd=folder).code == 0


def test_a_disk_that_is_nearly_full(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(folder)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
    fails(embed(folder), "Disk nearly full: 1,000 bytes are free for 'store'", "the next shards take about")
    assert 1 <= len(shards(folder)) <= 2  # the second was on its way before the size of the first was known
    space = FreeSpace(folder, 2)
    assert space.foresee(0.5) is None  # nothing is known yet
    space.wrote(10_000)
    assert space.foresee(0.5) == "the rest of the store will take about 10,000 bytes, and 1,000 are free"
    assert space.foresee(0.95) is None
    assert space.foresee(0.0) is None


def test_a_read_only_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fails(embed(folder, "-q", store="/proc/store/"), "'/proc/store'", code=1)
    assert embed(folder, "-q").code == 0
    victim = next((folder / "store" / "shards").glob("*.parquet"))
    victim.unlink()
    before = shards(folder)

    really = Path.open

    def refuse(path: Path, mode: str = "r", *rest: Any, **more: Any) -> Any:
        if "x" in mode:
            raise OSError(errno.EROFS, "Read-only file system")
        return really(path, mode, *rest, **more)

    monkeypatch.setattr(Path, "open", refuse)
    fails(embed(folder, "-q"), "cannot be written in its folder (Read-only file system)")
    assert shards(folder) == before


def test_input_that_is_cut_inside_a_character(folder: Path) -> None:
    (folder / "texts.txt").write_bytes("\n".join([*TEXTS, "Äpfel ü"]).encode()[:-1])
    fails(embed(folder), "texts.txt:61: not valid utf-8 at byte offset", "finished shards are kept in store")
    kept = len(shards(folder))
    assert kept > 3
    (folder / "texts.txt").write_bytes("\n".join([*TEXTS, "Äpfel ü"]).encode())
    assert report_of(embed(folder, "--json"))["skipped"] == kept


@pytest.mark.long
def test_a_line_of_megabytes(folder: Path) -> None:
    """Fifty of them take half a minute in the tokenizer: `benchmarks/store.py --line 50` runs those."""
    word = "mill" * 25_000  # a hundred thousand characters: an unknown word
    with (folder / "texts.txt").open("w") as file:
        file.write("the old mill\n")
        for _ in range(50):
            file.write(f"{word} ")
        file.write("\nthe river\n")
    assert (folder / "texts.txt").stat().st_size > 5_000_000
    done = run("embed", "texts.txt", "-m", "bert", "-o", "store", "--json", cwd=folder)
    assert (done.code, report_of(done)["words"]) == (0, 55)
    assert len(shards(folder)) == 3
    assert run("verify", "store", cwd=folder).code == 0


def test_shards_that_are_corrupt(folder: Path) -> None:
    assert embed(folder, "-q").code == 0
    first, second, third, *_ = sorted((folder / "store" / "shards").glob("*.parquet"))
    spoil(first)
    second.write_bytes(second.read_bytes()[:-10])
    (folder / "store" / "records" / f"{third.stem}.json").write_text("{")
    done = run("verify", "store", "--json", cwd=folder)
    assert done.code == 1
    problems = "\n".join(json.loads(done.out)["problems"])
    assert f"{first.name} is not what was written: its checksum differs" in problems
    assert "Shard 1 of 'store' is broken: it has " in problems
    assert "Shard 2 of 'store' has no readable record" in problems
    fails(embed(folder, "-q"), "Shard 0 of 'store' is not what was written", "run again to have it computed again")
    for path in (first, second, third):
        path.unlink()
    assert embed(folder, "-q").code == 0
    assert run("verify", "store", cwd=folder).code == 0


def test_verify_sees_what_does_not_belong(folder: Path) -> None:
    documents = [Document(name, "the old mill " * 10) for name in ("a", "b", "c", "d", "a")]  # no reader gives such ids
    embed_to_store(WordEmbedder(folder / "bert"), documents, folder / "store", StoreSettings(shard_characters=400))
    (folder / "store" / "shards" / ".part-000000-x.partial").touch()
    (folder / "store" / "shards" / "mine.parquet").touch()
    (folder / "store" / "records" / "part-000099-0123456789abcdef.json").touch()
    found = open_store(folder / "store").verify()
    assert not found.ok
    text = "\n".join(found.problems)
    assert "Ids occur twice (1), the first of them 'a', in part-000000-" in text
    assert "was left behind by a run that was killed" in text
    assert "shards/mine.parquet is no shard." in text
    assert "is of a shard that is not there." in text


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"format": "wordstates store", "version": 2}'])
def test_a_manifest_that_is_broken(folder: Path, content: str) -> None:
    assert embed(folder, "-q").code == 0
    before = shards(folder)
    (folder / "store" / "manifest.json").write_text(content)
    fails(embed(folder, "-q"), "'store/manifest.json' is no manifest of a store, or a broken one")
    fails(run("verify", "store", cwd=folder), "is no manifest of a store")
    assert shards(folder) == before
    (folder / "store" / "manifest.json").write_text('{"format": "wordstates store", "version": 1}')
    fails(embed(folder, "-q"), "version 1, and this wordstates reads 'wordstates store' version 2")
    (folder / "store" / "manifest.json").unlink()
    fails(embed(folder, "-q"), "'store' has shards and no manifest.json")


def test_two_runs_at_once(folder: Path) -> None:
    """The second ends at once; another part may work, if it splits the work alike."""
    assert embed(folder, "-q", "--shard", "0/2").code == 0
    locks = folder / "store" / "locks"
    with working_as(locks, Part(0, 2), "store"):
        fails(embed(folder, "-q", "--shard", "0/2"), f"another run (process {os.getpid()} on ", "part 0/2)")
        fails(embed(folder, "-q"), "'store' is being written by another run", "wait for it, or stop it first")
        fails(embed(folder, "-q", "--shard", "1/3"), "'store' is being written by another run")
        assert embed(folder, "-q", "--shard", "1/2").code == 0
    assert run("verify", "store", cwd=folder).code == 0


def test_two_real_runs_at_once(folder: Path) -> None:
    (folder / "texts.txt").write_text("\n".join(TEXTS * 60) + "\n")
    arguments = ["embed", "texts.txt", "-m", "bert", "-o", "store", "--shard-characters", "4000", "-q"]
    with start(*arguments, cwd=folder) as first:
        wait_until(lambda: len(shards(folder)) > 0, first)
        first.send_signal(signal.SIGSTOP)  # or it might be done before the other begins
        done = run(*arguments, cwd=folder)
        first.send_signal(signal.SIGCONT)
        code, _, err = ended(first)
    assert done.code == 1
    assert f"'store' is being written by another run (process {first.pid} on " in done.err
    assert (code, err) == (0, b"")
    assert run("verify", "store", cwd=folder).code == 0


def test_folders_that_are_no_store(folder: Path) -> None:
    (folder / "mine").mkdir()
    (folder / "mine" / "thesis.tex").write_text("x")
    fails(embed(folder, store="mine"), "'mine' is a folder that is no store, and holds 'thesis.tex'")
    fails(embed(folder, "--overwrite", store="mine"), "is a folder that is no store")
    assert files_in(folder / "mine") == ["thesis.tex"]
    (folder / "plain").write_text("x")
    fails(embed(folder, store="plain"), "'plain' is a file: name a folder for the store.")
    fails(embed(folder, store="deep/store"), "The folder of 'deep/store' does not exist: make it first (mkdir -p).")
    fails(run("verify", "mine", cwd=folder), "'mine' is no store: it has no manifest.json.")
    fails(run("verify", "nowhere", cwd=folder), "'nowhere' is no folder")
    fails(run("info", "mine", cwd=folder), "'mine' is no store")
    (folder / "none.txt").write_text("\n")
    fails(embed(folder, source="none.txt"), "'none.txt' holds only white space")
    assert not (folder / "store").exists()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--shard", "2/2"], "Part '2/2' is not valid: write i/N with i from 0 to N-1"),
        (["--shard", "0/2", "--overwrite"], "--overwrite with part 0/2 would remove what the other parts have done"),
        (["--workers", "3", "--device", "cpu,cpu"], "3 workers do not fit 2 devices"),
    ],
)
def test_options_that_do_not_fit(folder: Path, options: list[str], says: str) -> None:
    done = embed(folder, *options)
    fails(done, code=2)
    assert says in " ".join(done.err.split())


@pytest.mark.parametrize(
    "option", ["--shard=0/2", "--workers=2", "--context=9", "--shard-characters=9", "--device=a,b"]
)
def test_options_of_stores_do_not_go_with_a_file(folder: Path, option: str) -> None:
    done = run("embed", "texts.txt", "-m", "bert", "-o", "out.npz", option, cwd=folder)
    fails(done, code=2)
    assert "is for stores, and 'out.npz' is a single file" in " ".join(done.err.split())


# ---------------------------------------------------------------- reading back


@pytest.fixture
def made(folder: Path) -> Path:
    assert embed(folder, "-q").code == 0
    return folder


@pytest.mark.parametrize("ending", [".parquet", ".npz", ".safetensors", ".jsonl", ".h5"])
def test_export_gives_what_embed_gives(made: Path, ending: str) -> None:
    done = run("export", "store", "-o", f"out{ending}", cwd=made)
    assert done.code == 0
    assert done.err.startswith(f"wrote out{ending}: ")
    assert (
        run("embed", "texts.txt", "-m", "bert", "-o", f"one{ending}", "--engine", "openvino", "-q", cwd=made).code == 0
    )
    ours, theirs = (json.loads(run("info", f"{name}{ending}", "--json", cwd=made).out) for name in ("out", "one"))
    assert {**ours, "path": 0, "bytes": 0} == {**theirs, "path": 0, "bytes": 0}


def test_export_takes_complete_stores_only(folder: Path) -> None:
    assert embed(folder, "-q", "--shard", "0/2").code == 0
    fails(run("export", "store", "-o", "o.npz", cwd=folder), "'store' is not complete", "wordstates verify store")
    assert not (folder / "o.npz").exists()


def test_info_of_a_store(made: Path) -> None:
    told = json.loads(run("info", "store", "--json", cwd=made).out)
    assert (told["format"], told["complete"], told["rows"]) == ("store", True, 540)
    assert told["provenance"]["model"] == "bert"
    assert "complete         yes" in run("info", "store", cwd=made).out


def test_tables_of_a_store(made: Path) -> None:
    store = open_store(made / "store")
    assert sum(table.num_rows for table in store) == 540
    assert {name for table in store.tables(["word"]) for name in table.column_names} == {"word"}
    with pytest.raises(ValueError, match=r"has no column 'wrd': it has document, position, word"):
        list(store.tables(["wrd"]))
    spoil(store.shards[0])
    store.shards[0].write_bytes(b"PAR1")
    with pytest.raises(ValueError, match=r"is broken: it has 4 bytes.*`wordstates verify .*` looks at all of them"):
        list(store)
    assert repr(store).endswith(" shards)")
