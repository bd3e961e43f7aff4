"""`wordstates find`: what goes in, the rows that come out, what it says, and how it ends."""

from __future__ import annotations

import csv
import json
import resource
import subprocess
import sys
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from safetensors import safe_open

from cli_runner import files_in, masked, run
from wordstates import WordEmbedder, load
from wordstates.documents.document import Document
from wordstates.encode.session import Session
from wordstates.files.describe import describe, read_provenance
from wordstates.runs.find import find_usages, in_running_text, open_usages_writer
from wordstates.runs.searchers import make_searcher

TEXTS = ["The river bank, the other bank.", "A mill.", "The BANK\nof the river.", "Near the lake."]
ROWS = [{"name": f"t{number}", "year": 1900 + number, "text": text} for number, text in enumerate(TEXTS)]


class Text(str):
    """A text that can be watched."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "texts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    return tmp_path


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [{**row, "vector": np.array(row["vector"], dtype=np.float32)} for row in pq.read_table(path).to_pylist()]


def test_every_usage_with_its_context_its_metadata_and_its_vector(
    folder: Path, bert: Path, embedder: WordEmbedder
) -> None:
    given = ["find", "bank", "texts.jsonl", "-t", "the  river", "-m", bert, "-o", "out.parquet"]
    done = run(*given, "--metadata", "year, name", "--context", "8", "--id-column", "name", cwd=folder)
    assert (done.code, done.out) == (0, "")
    assert masked(done.err) == (
        "texts           4 (2 with a usage)\n"
        "usages          5\n"
        "targets         bank 3, the  river 2\n"
        "statuses        ok 5\n"
        "seconds         #\n"
        "bytes           #\n"
        "engine          torch\n"
        "wrote           out.parquet\n"
    )
    rows = rows_of(folder / "out.parquet")
    expected = embedder.find(TEXTS, ["bank", "the  river"])
    np.testing.assert_allclose([row.pop("vector") for row in rows], expected.vectors, atol=1e-5, rtol=1e-5)
    assert rows == [
        {
            "document": f"t{usage.text_index}",
            "position": position,
            "word": usage.word,
            "start": usage.span[0],
            "end": usage.span[1],
            "status": usage.status,
            "subwords": int(expected.embeddings.subword_counts[usage.number]),
            "target": usage.target,
            "left": usage.context(8)[0],
            "right": usage.context(8)[1],
            "year": str(1900 + usage.text_index),
            "name": f"t{usage.text_index}",
        }
        for usage, position in zip(expected, [0, 1, 2, 0, 1], strict=True)
    ]
    provenance = read_provenance(folder / "out.parquet")
    assert provenance == json.loads(json.dumps(embedder.provenance | {"splitter": "targets"}))
    assert describe(folder / "out.parquet").rows == 5
    assert files_in(folder) == ["out.parquet", "texts.jsonl"]


def test_texts_without_a_usage_never_reach_the_model(folder: Path, bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encoded: list[str] = []
    begin = Session.begin
    monkeypatch.setattr(
        Session, "begin", lambda self, inputs, **more: encoded.extend(inputs.texts) or begin(self, inputs, **more)
    )
    assert run("find", "mill", "texts.jsonl", "-m", bert, "-o", "out.npz", "-q", cwd=folder).code == 0
    assert encoded == ["A mill."]


@pytest.mark.parametrize("output", ["out.jsonl", "-", "out.npz", "out.safetensors"])
def test_every_format_has_the_same_usages(folder: Path, bert: Path, output: str) -> None:
    given = ["find", "bank", "texts.jsonl", "-m", bert, "--metadata", "year", "-q", "-o"]
    assert run(*given, "out.parquet", cwd=folder).code == 0
    done = run(*given, output, cwd=folder)
    assert (done.code, done.err) == (0, "")
    expected = pq.read_table(folder / "out.parquet")
    if output.endswith(("jsonl", "-")):
        lines = done.out if output == "-" else (folder / output).read_text(encoding="utf-8")
        rows = [json.loads(line) for line in lines.splitlines()]
        strings = {name: [row[name] for row in rows] for name in ("target", "left", "right", "year")}
        vectors = [row["vector"] for row in rows]
    elif output.endswith("npz"):
        with np.load(folder / output) as arrays:
            strings = {name: arrays[name].tolist() for name in ("target", "left", "right", "year")}
            vectors = arrays["vector"]
    else:
        with safe_open(folder / output, framework="numpy") as file:
            strings = {name: json.loads(file.metadata()[name]) for name in ("target", "left", "right", "year")}
            vectors = file.get_tensor("vector")
    assert strings == {name: expected[name].to_pylist() for name in strings}
    np.testing.assert_allclose(vectors, expected["vector"].to_pylist(), rtol=1e-6)


WRAPPED = "It was by the\nriver bank that\nthey met.\n\nBanks lend\r\nmoney to the old\nmill.\n"


def test_a_table_for_people_needs_no_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(WordEmbedder, "__init__", None)
    (tmp_path / "a.txt").write_bytes(WRAPPED.encode())
    done = run("find", "bank", "a.txt", "-t", "banks", "-o", "a.csv", "--context", "24", cwd=tmp_path)
    assert (done.code, done.out) == (0, "")
    assert masked(done.err) == (
        "texts           6 (2 with a usage)\n"
        "usages          2\n"
        "targets         bank 1, banks 1\n"
        "vectors         none asked for\n"
        "seconds         #\n"
        "bytes           #\n"
        "wrote           a.csv\n"
    )
    assert (tmp_path / "a.csv").read_text() == (
        "id,document,target,left,word,right,position,start,end\n"
        "1,a.txt:2,bank,It was by the river,bank,that they met.,0,6,10\n"
        "2,a.txt:5,banks,,Banks,lend money to the old m,0,0,5\n"
    )
    assert read_provenance(tmp_path / "a.csv")["splitter"] == "targets"


def test_context_goes_beyond_a_wrapped_line_in_every_format(tmp_path: Path, bert: Path) -> None:
    (tmp_path / "a.txt").write_bytes(WRAPPED.encode())
    assert run("find", "bank", "a.txt", "-m", bert, "-o", "a.parquet", "-q", cwd=tmp_path).code == 0
    (row,) = pq.read_table(tmp_path / "a.parquet").to_pylist()
    assert (row["left"], row["right"]) == ("It was by the\nriver ", " that\nthey met.")


@pytest.mark.parametrize("characters", [0, 1, 5, 12, 1000])
def test_what_stands_around_a_line(characters: int) -> None:
    texts = ["a b", "c", "d e f", "g", "h", "i j k l m n"]
    documents = [Document(str(number), text, continues=number not in (0, 4)) for number, text in enumerate(texts)]
    around = [(left, right) for _, left, right in in_running_text(documents, characters)]
    for first, last in ((0, 4), (4, 6)):
        for number in range(first, last):
            before = "".join(f"{text}\n" for text in texts[first:number])
            after = "".join(f"\n{text}" for text in texts[number + 1 : last])
            left, right = around[number]
            assert before.endswith(left)
            assert after.startswith(right)
            if characters:
                assert left[-characters:] == before[-characters:]
                assert right[:characters] == after[:characters]


def test_vectors_in_a_table_for_people(folder: Path, bert: Path, embedder: WordEmbedder) -> None:
    given = ["find", "mill", "texts.jsonl", "-m", bert, "-o", "a.csv", "--vectors", "--metadata", "year"]
    given += ["--vectors-file", "a.npz"]
    assert run(*given, "-q", cwd=folder).code == 0
    with (folder / "a.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    vector = [float(row[f"vector_{number}"]) for number in range(32)]
    np.testing.assert_allclose(vector, embedder.find(TEXTS, ["mill"]).vectors[0], atol=1e-5)
    np.testing.assert_array_equal(np.float32(vector), load(folder / "a.npz").vectors[0])
    done = run(*given, "--overwrite", "-q", cwd=folder)
    assert done.code == 0, done.err
    done = run(*given[:-1], "texts.jsonl", "--overwrite", cwd=folder)
    assert (done.code, "is one of the inputs" in done.err) == (1, True)
    assert (row["year"], row["status"], row["left"], row["right"]) == ("1901", "ok", "A", ".")


def test_what_a_table_for_people_cannot_hold(folder: Path) -> None:
    (folder / "own.jsonl").write_text('{"id": "a", "text": "A mill."}\n')
    assert run("find", "mill", "own.jsonl", "-o", "own.csv", "--metadata", "id", "-q", cwd=folder).code == 0
    with (folder / "own.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["id"], row["input_id"]) == ("1", "a")
    done = run("find", "mill", "texts.jsonl", "-o", "a.jsonl", "--bom", cwd=folder)
    assert (done.code, "--bom is for .csv and .tsv" in done.err) == (1, True)
    assert files_in(folder) == ["own.csv", "own.csv.provenance.json", "own.jsonl", "texts.jsonl"]


def test_a_list_of_targets_in_any_case_or_not(folder: Path, bert: Path) -> None:
    (folder / "list.txt").write_text("Bank\n\nlake\n")
    given = ["find", "@list.txt", "texts.jsonl", "-m", bert, "-q", "-o"]
    assert run(*given, "a.parquet", cwd=folder).code == 0
    assert pq.read_table(folder / "a.parquet")["word"].to_pylist() == ["bank", "bank", "BANK", "lake"]
    assert run(*given, "b.parquet", "--match-case", "--missing", "ignore", cwd=folder).code == 0
    assert pq.read_table(folder / "b.parquet")["word"].to_pylist() == ["lake"]


def test_regular_expressions(folder: Path, bert: Path) -> None:
    done = run("find", r"\b[rl]\w+", "texts.jsonl", "--regex", "-m", bert, "-o", "a.parquet", "-q", cwd=folder)
    assert (done.code, done.err) == (0, "")
    assert pq.read_table(folder / "a.parquet")["word"].to_pylist() == ["river", "river", "lake"]


def test_lemmas(tmp_path: Path, bert: Path) -> None:
    rows = [("1", "Runs", "run"), ("2", "ran", "run"), ("3", "past", "past")]
    lines = "".join("\t".join([*row, *"_______"]) + "\n" for row in rows)
    (tmp_path / "a.conllu").write_text(f"# genre = novel\n{lines}\n")
    given = ["find", "run", "a.conllu", "--lemma", "-t", "run past", "-m", bert, "-o", "a.parquet", "-q"]
    done = run(*given, "--metadata", "genre", cwd=tmp_path)
    assert (done.code, done.err) == (0, "")
    table = pq.read_table(tmp_path / "a.parquet")
    assert table["word"].to_pylist() == ["Runs", "ran", "ran past"]
    assert table["target"].to_pylist() == ["run", "run", "run past"]
    assert table["genre"].to_pylist() == ["novel"] * 3


def test_a_row_a_subword_keeps_the_columns_of_its_usage(folder: Path, bert: Path) -> None:
    given = ["find", "river", "texts.jsonl", "-t", "bank", "-m", bert, "--subword-pooling", "none", "-o", "a.parquet"]
    assert run(*given, "-q", cwd=folder).code == 0
    table = pq.read_table(folder / "a.parquet")
    pairs = zip(table["word"].to_pylist(), table["target"].to_pylist(), strict=True)
    assert all(word.lower() == target for word, target in pairs)
    first = [row for row in table.to_pylist() if row["subword"] == 0]
    assert (len(first), len(table)) == (5, sum(row["subwords"] for row in first))


def test_standard_input_is_searched_once(folder: Path, bert: Path) -> None:
    given = ["find", "bank", "-", "-m", bert, "-o", "-"]
    done = run(*given, stdin="A bank.\n", cwd=folder)
    assert json.loads(done.out)["document"] == "-:1"
    done = run(*given, "-t", "hen", stdin="A bank.\n", cwd=folder)
    assert (done.code, done.err) == (
        1,
        "wordstates: Target 'hen' does not occur in '-:1': whole words are matched. "
        "Pass --missing ignore to go on without.\n",
    )


def test_a_lost_target_comes_to_light_before_a_model_is_loaded(
    folder: Path, bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wordstates.embedder.load_model", None)
    done = run("find", "bank", "texts.jsonl", "-t", "rivers", "-m", bert, "-o", "out.npz", cwd=folder)
    assert (done.code, done.out) == (1, "")
    assert done.err == (
        "wordstates: Target 'rivers' does not occur in any of the 4 texts: whole words are matched. "
        "Near it: 'river', 'river.'. Pass --missing ignore to go on without.\n"
    )
    assert files_in(folder) == ["texts.jsonl"]


def test_a_dry_run_counts_without_a_model(folder: Path) -> None:
    given = ["find", "bank", "texts.jsonl", "-t", "hen", "-m", "nobody/nothing", "-o", "out.parquet", "--dry-run"]
    done = run(*given, "--missing", "ignore", cwd=folder)
    assert (done.code, done.out) == (0, "")
    assert masked(done.err) == (
        "texts           4 (2 with a usage)\n"
        "usages          3\n"
        "targets         bank 3, hen 0\n"
        "seconds         #\n"
        "would write     out.parquet\n"
    )
    report = json.loads(run(*given, "--missing", "ignore", "--json", cwd=folder).out)
    assert report == {
        "texts": 4,
        "texts_with_usages": 2,
        "usages": 3,
        "targets": {"bank": 3, "hen": 0},
        "statuses": {},
        "seconds": report["seconds"],
        "bytes": 0,
        "output": "out.parquet",
        "dry_run": True,
        "rejects": [],
    }
    assert files_in(folder) == ["texts.jsonl"]


def test_a_dry_run_loads_no_torch(folder: Path) -> None:
    code = (
        "import sys; from wordstates.cli import main\n"
        "sys.argv = ['wordstates', 'find', 'bank', 'texts.jsonl', '-o', 'out.npz', '--dry-run']\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=folder, check=False, capture_output=True).returncode == 0


def test_a_report_for_programs(folder: Path, bert: Path) -> None:
    done = run("find", "bank", "texts.jsonl", "-m", bert, "-o", "out.parquet", "--json", cwd=folder)
    report = json.loads(done.out)
    assert (done.code, done.err) == (0, "")
    assert (report["usages"], report["targets"], report["statuses"]) == (3, {"bank": 3}, {"ok": 3})
    assert report["provenance"]["model"] == str(bert)


def test_many_targets_are_counted_shortly(folder: Path) -> None:
    words = [f"-t{word}" for word in ("river", "other", "a", "mill", "of", "near", "lake", "bank", "hen", "cat")]
    done = run("find", "the", "texts.jsonl", *words, "-o", "a.npz", "--dry-run", "--missing", "ignore", cwd=folder)
    assert "targets         the 5, bank 3, river 2, other 1, a 1, mill 1, of 1, near 1, lake 1, hen 0 and 1 more\n" in (
        done.err
    )


def test_documents_that_fail_are_rejected(folder: Path, bert: Path) -> None:
    long = {"text": "the bank " * 200}
    with (folder / "texts.jsonl").open("a") as file:
        file.write(json.dumps(long) + "\n")
    given = ["find", "bank", "texts.jsonl", "-m", bert, "-o", "out.parquet", "--long-texts", "error"]
    done = run(*given, cwd=folder)
    assert done.code == 3
    assert "rejected        1\n" in done.err
    assert "1 of the documents could not be embedded; they are in out.parquet.rejects.jsonl" in done.err
    assert len(pq.read_table(folder / "out.parquet")) == 3
    (reject,) = [json.loads(line) for line in (folder / "out.parquet.rejects.jsonl").read_text().splitlines()]
    assert reject["document"] == "texts.jsonl:5"
    (folder / "long.jsonl").write_text(json.dumps(long) + "\n")
    done = run("find", "bank", "long.jsonl", "-m", bert, "-o", "b.parquet", "--long-texts", "error", cwd=folder)
    assert done.code == 1
    assert "subwords, the window holds" in done.err
    assert "b.parquet" not in files_in(folder)


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        ("bank texts.jsonl -o out.h5", 1, "'out.h5': HDF5 in ELMo's layout holds whole sentences, not usages"),
        ("bank texts.jsonl -o out.doc", 1, "'out.doc': its ending names no output format"),
        ("bank texts.jsonl -o texts.jsonl", 1, "'texts.jsonl' is one of the inputs, and would be lost"),
        ("bank texts.jsonl -o out.npz --metadata yaer", 1, "there is no column 'yaer'"),
        ("( texts.jsonl -o out.npz --regex", 2, "Target '(' is no regular expression"),
        ("a texts.jsonl -o out.npz --regex --lemma", 2, "--regex and --lemma exclude each other"),
        ("@gone.txt texts.jsonl -o out.npz", 2, "'gone.txt' does not exist"),
        ("bank texts.jsonl -o out.npz --missing maybe", 2, "'maybe' is not one of 'error', 'ignore'."),
        ("bank texts.jsonl -o out.npz --lemma", 1, "has a lemma: --lemma needs CoNLL-U"),
        ("bank texts.jsonl -o out.npz -m nobody/nothing", 4, "'nobody/nothing'"),
        ("bank texts.jsonl -o out.npz --layers 99 -m BERT", 2, "Layer 99 does not exist"),
        ("bank texts.jsonl -o out.npz --window 9999 -m BERT", 2, "--window 9999 is more than"),
        ("hen texts.jsonl -o out.npz --missing ignore -m BERT", 1, "No usage found of 1 target in 4 texts"),
    ],
)
def test_errors(folder: Path, bert: Path, arguments: str, code: int, says: str) -> None:
    done = run("find", *(str(bert) if part == "BERT" else part for part in arguments.split()), cwd=folder)
    assert (done.code, done.out) == (code, "")
    assert says in " ".join(done.err.replace("│", " ").split())
    assert files_in(folder) == ["texts.jsonl"]


def test_an_interrupt_leaves_nothing_behind(folder: Path, bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Session, "begin", interrupted)
    for command in ("find bank texts.jsonl -o out.parquet", "static texts.jsonl -o out.txt"):
        done = run(*command.split(), "-m", bert, cwd=folder)
        assert (done.code, done.err) == (130, "\nwordstates: interrupted; no unfinished file was left behind.\n")
        assert files_in(folder) == ["texts.jsonl"]


@pytest.mark.parametrize("command", ["find bank texts.jsonl -o out.parquet", "static texts.jsonl -o out.bin"])
def test_a_disk_that_is_full(folder: Path, bert: Path, command: str) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, hard))
    try:
        done = run(*command.split(), "-m", bert, cwd=folder)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    assert (done.code, done.out) == (1, "")
    assert "Disk full while writing 'out." in done.err
    assert files_in(folder) == ["texts.jsonl"]


def test_documents_are_read_as_they_are_needed(bert: Path, tmp_path: Path) -> None:
    """Memory is flat: no more documents are held than those of one group, and those without a usage are let go."""
    embedder = WordEmbedder(bert)
    alive: weakref.WeakSet[Text] = weakref.WeakSet()
    most = 0

    def documents() -> Iterator[Document]:
        nonlocal most
        for number in range(3000):
            text = Text("the bank " if number % 100 == 0 else "the mill ")
            alive.add(text)
            most = max(most, len(alive))
            yield Document(str(number), text)

    writer = open_usages_writer(tmp_path / "out.parquet")
    report = find_usages(embedder, documents(), make_searcher(["bank"]), writer)
    assert (report.texts, report.usages) == (3000, 30)
    assert most < 40  # the 30 with a usage, which are one group, and the one that is being read
