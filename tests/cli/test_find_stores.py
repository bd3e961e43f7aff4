"""`wordstates find -o usages/`: the rows of the file, in a store that resumes and that all that reads stores reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cli_runner import Result, run
from wordstates.errors import OutputError
from wordstates.files.describe import read_provenance
from wordstates.store.store import open_store
from wordstates.store.workers import local
from wordstates.store.write_shard import write_shard

LINES = [
    "They sat on the river bank,",
    "and the old mill ran.",
    "",
    "The bank lends money; the other bank does not.",
    "A BANK by the mill.",
    "Nothing of the kind is here.",
] * 6


@pytest.fixture
def folder(tmp_path: Path, bert: Path) -> Path:
    (tmp_path / "bert").symlink_to(bert)
    (tmp_path / "texts.txt").write_text("\n".join(LINES) + "\n", encoding="utf-8")
    rows = [{"target": f"t{number}", "text": line} for number, line in enumerate(LINES)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return tmp_path


def find(folder: Path, *options: str, source: str = "texts.txt", output: str = "usages/", **how: Any) -> Result:
    small = () if "." in output else ("--shard-characters", "100")
    return run("find", "bank", source, "-m", "bert", "-o", output, *small, *options, cwd=folder, **how)


def shards(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((folder / "usages" / "shards").glob("*.parquet"))}


@pytest.mark.parametrize(
    ("source", "options"),
    [
        ("texts.txt", ["-t", "the  other", "--context", "30"]),
        ("rows.jsonl", ["--metadata", "target", "--left-subwords"]),
        ("texts.txt", ["-t", "mill", "--dtype", "float16", "--layers", "0:", "--layer-pooling", "none"]),
    ],
)
def test_a_store_holds_the_rows_of_the_file(folder: Path, source: str, options: list[str]) -> None:
    assert find(folder, *options, "-q", source=source, output="one.parquet").code == 0
    assert find(folder, *options, "-q", source=source).code == 0
    one, many = pq.read_table(folder / "one.parquet"), pq.read_table(folder / "usages" / "shards")
    assert many.schema.names == one.schema.names
    assert many.drop(["vector"]).equals(one.drop(["vector"]))
    vectors = [np.array(table["vector"].to_pylist()) for table in (one, many)]
    np.testing.assert_allclose(*vectors, atol=1e-5 if "float16" not in options else 2e-3)
    assert len(shards(folder)) > 3
    assert read_provenance(folder / "one.parquet")["splitter"] == "targets"
    assert open_store(folder / "usages").provenance["splitter"] == "targets"


def test_given_words_are_found_as_usages_too(folder: Path) -> None:
    rows = [("1", "The", "the"), ("2", "banks", "bank"), ("3", "ran", "run")]
    table = "\n".join("\t".join([key, form, lemma, "X", *"_" * 6]) for key, form, lemma in rows)
    (folder / "t.conllu").write_text(f"# sent_id = s1\n{table}\n\n")
    options = ["--lemma", "--metadata", "upos", "-q"]
    assert find(folder, *options, source="t.conllu").code == 0
    [row] = pq.read_table(folder / "usages" / "shards").drop(["vector"]).to_pylist()
    assert (row["word"], row["target"], row["upos"], row["left"], row["right"]) == (
        "banks",
        "bank",
        "X",
        "The ",
        " ran",
    )
    assert "key" not in row
    assert open_store(folder / "usages").provenance["splitter"] == "targets"


def test_what_it_says(folder: Path) -> None:
    done = find(folder, "-t", "mill")
    lines = dict(line.split(None, 1) for line in done.err.splitlines() if not line.startswith("usages a"))
    assert (done.code, lines["texts"], lines["targets"]) == (0, "30 (24 with a usage)", "bank 24, mill 12")
    assert lines["usages"] == "36"
    assert "words" not in lines
    again = json.loads(find(folder, "-t", "mill", "--json").out)
    assert (again["computed"], again["skipped"]) == (0, len(shards(folder)))
    assert (again["searched"], again["targets"]) == (30, {"bank": 24, "mill": 12})
    dry = find(folder, "--dry-run", output="other/")
    assert (dry.code, (folder / "other").exists()) == (0, False)
    assert "would write     other/" in dry.err


def test_a_run_that_was_stopped_goes_on(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find(folder, "-q").code == 0
    whole = shards(folder)
    assert find(folder, "-q", "--overwrite", output="usages").code == 0
    assert shards(folder) == whole
    computed: list[int] = []
    failed: list[bool] = []

    def write(embedder: Any, shard: Any, *rest: Any) -> Any:
        if shard.number == 3 and not failed:
            failed.append(True)
            raise OutputError("The disk is full: make room.")
        computed.append(shard.number)
        return write_shard(embedder, shard, *rest)

    monkeypatch.setattr(local, "write_shard", write)
    done = find(folder, "--overwrite")
    assert done.code == 1
    assert "kept in usages: the same command without --overwrite continues from there" in done.err
    assert 0 < len(shards(folder)) < len(whole)
    assert find(folder, "-q").code == 0
    assert shards(folder) == whole
    assert sorted(computed) == [*range(len(whole))]  # each once


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["-t", "Mühle", "--missing", "ignore"], 'targets: ["bank"] in the store, ["bank", "Mühle"] now'),
        (["--context", "10"], "characters around a usage: 60 in the store, 10 now"),
        (["--match-case"], "found in any case: true in the store, false now"),
        (["--match-exactly"], "matched exactly: false in the store, true now"),
        (["--regex"], "kind of targets: text in the store, regex now"),
    ],
)
def test_another_search_is_refused(folder: Path, options: list[str], told: str) -> None:
    assert find(folder, "-q").code == 0
    before = shards(folder)
    done = find(folder, *options)
    assert done.code == 1
    assert told in done.err
    assert shards(folder) == before


def test_all_words_and_usages_do_not_mix(folder: Path) -> None:
    assert find(folder, "-q").code == 0
    done = run("embed", "texts.txt", "-m", "bert", "-o", "usages/", "--shard-characters", "100", cwd=folder)
    assert done.code == 1
    assert "splitter: targets in the store, unicode now" in done.err
    assert "null" not in done.err


def test_a_target_that_is_nowhere_makes_no_store(folder: Path) -> None:
    done = find(folder, "-t", "bnak")
    assert (done.code, (folder / "usages").exists()) == (1, False)
    assert "Target 'bnak' does not occur" in done.err
    piped = find(folder, "--regex", "-t", "bnak", "--missing", "ignore", source="-", stdin="Nothing.\n")
    assert (piped.code, (folder / "usages").exists()) == (1, False)
    assert "No usage found of 2 targets in 1 text" in piped.err


def test_a_document_that_cannot_be_read_is_a_reject(folder: Path) -> None:
    corpus = folder / "corpus"
    corpus.mkdir()
    (corpus / "a.txt").write_text("A river bank.\n")
    (corpus / "b.txt").write_text("")
    done = find(folder, source="corpus")
    assert done.code == 3
    assert open_store(folder / "usages").verify().rejects == 1
    assert "b.txt" in (folder / "usages" / "rejects.jsonl").read_text()


@pytest.mark.parametrize("command", ["find", "embed"])
@pytest.mark.parametrize("option", ["--vectors", "--vectors-file=v.npz", "--bom"])
def test_options_of_tables_for_people_are_refused(folder: Path, command: str, option: str) -> None:
    target = ["bank"] if command == "find" else []
    done = run(command, *target, "texts.txt", "-m", "bert", "-o", "usages/", option, cwd=folder)
    assert (done.code, (folder / "usages").exists()) == (2, False)
    assert f"{option.partition('=')[0]} is for .csv and .tsv, and 'usages/' is a store" in done.err


def test_options_of_stores_are_refused_for_a_file(folder: Path) -> None:
    done = find(folder, "--workers", "2", output="one.parquet")
    assert done.code == 2
    assert "--workers is for stores, and 'one.parquet' is a single file" in done.err


def test_all_that_reads_stores_reads_it(folder: Path) -> None:
    assert find(folder, "-t", "mill", "-q").code == 0
    assert run("verify", "usages", cwd=folder).code == 0
    assert "targets" in run("info", "usages", cwd=folder).out
    assert run("export", "usages", "-o", "one.parquet", cwd=folder).code == 0
    exported = pq.read_table(folder / "one.parquet")
    assert exported.equals(pa.concat_tables(open_store(folder / "usages")))
    assert run("index", "usages", "-q", cwd=folder).code == 0
    lines = run("kwic", "bank", "usages", cwd=folder).out.splitlines()
    assert len(lines) == 24
    assert "the other  bank  does not" in "\n".join(lines)
    near = run("near", "usages", "the river [bank]", "--format", "json", cwd=folder)
    assert (near.code, json.loads(near.out)[0]["word"]) == (0, "bank")
    senses = run("senses", "bank", "usages", cwd=folder)
    assert (senses.code, "24 usages" in senses.out) == (0, True)
    page = run("explore", "usages", "--word", "bank", "--export", "page.html", "--no-model", cwd=folder)
    assert (page.code, (folder / "page.html").stat().st_size > 10_000) == (0, True)
