"""`wordstates static`: what goes in, the vectors that come out, what it says, and how it ends."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import get_args

import numpy as np
import pyarrow.parquet as pq
import pytest

from cli_runner import files_in, masked, run
from wordstates import WordEmbedder
from wordstates.files.describe import read_provenance
from wordstates.options import StaticKind

TEXTS = ["The river, the bank.", "A bank near the mill.", "Banks of New York"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = [{"year": year, "text": text} for year, text in zip((1900, 2000, 2000), TEXTS, strict=True)]
    (tmp_path / "texts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return tmp_path


def read_text_file(path: Path) -> dict[str, np.ndarray]:
    header, *lines = path.read_text(encoding="utf-8").splitlines()
    rows = [line.split(" ") for line in lines]
    assert header == f"{len(rows)} {len(rows[0]) - 1}"
    return {word: np.array(numbers, dtype=np.float32) for word, *numbers in rows}


def test_one_vector_a_type(folder: Path, bert: Path, embedder: WordEmbedder) -> None:
    done = run("static", "texts.jsonl", "-m", bert, "-o", "v.txt", "--no-punctuation", "--lowercase", cwd=folder)
    assert (done.code, done.out) == (0, "")
    found = read_text_file(folder / "v.txt")
    assert list(found) == ["the", "bank", "river", "a", "near", "mill", "banks", "of", "new", "york"]
    emb = embedder.encode(TEXTS)
    np.testing.assert_allclose(found["bank"], emb["bank"].vectors.mean(axis=0), atol=1e-5)
    assert (folder / "v.txt.vocab").read_text() == (
        "the 3\nbank 2\nriver 1\na 1\nnear 1\nmill 1\nbanks 1\nof 1\nnew 1\nyork 1\n"
    )
    provenance = json.loads((folder / "v.txt.provenance.json").read_text())
    expected = json.loads(json.dumps(embedder.provenance)) | {
        "splitter": "unicode without punctuation",
        "static": {
            "kinds": ["usages"],
            "min_count": 1,
            "max_usages": None,
            "by": None,
            "lowercase": True,
            "vocabulary": None,
        },
    }
    assert provenance == expected
    lines = masked(done.err).splitlines()
    assert lines[4].startswith("self-similarity ")
    assert [*lines[:4], *lines[5:]] == [
        "texts           3",
        "words           13 of 10 types",
        "types kept      10",
        "usages          13 averaged (ok 13)",
        "seconds         #",
        "bytes           #",
        "engine          torch",
        "wrote           v.txt",
    ]
    assert files_in(folder) == ["texts.jsonl", "v.txt", "v.txt.provenance.json", "v.txt.vocab"]


def test_kinds_beside_each_other(folder: Path, bert: Path) -> None:
    given = ["static", "texts.jsonl", "-m", bert, "-q", "--layers", "1:3", "-o"]
    kinds = ["--kind", "usages", "--kind", "alone", "--kind", "input"]
    done = run(*given, "all.parquet", *kinds, cwd=folder)
    assert (done.code, done.err) == (0, "")
    table = pq.read_table(folder / "all.parquet")
    assert table.column_names[-3:] == ["vector_usages", "vector_alone", "vector_input"]
    for kind in get_args(StaticKind):
        assert run(*given, f"{kind}.txt", "--kind", kind, cwd=folder).code == 0
        one = read_text_file(folder / f"{kind}.txt")
        beside = dict(zip(table["word"].to_pylist(), table[f"vector_{kind}"].to_pylist(), strict=True))
        assert list(one) == list(beside)
        for word, vector in one.items():
            np.testing.assert_allclose(vector, beside[word], atol=1e-5)


def test_a_vector_a_word_and_year(folder: Path, bert: Path, embedder: WordEmbedder) -> None:
    done = run("static", "texts.jsonl", "-m", bert, "-o", "v.parquet", "--by", "year", "-q", cwd=folder)
    assert (done.code, done.err) == (0, "")
    rows = pq.read_table(folder / "v.parquet").to_pylist()
    (bank,) = [row for row in rows if (row["word"], row["year"]) == ("bank", "2000")]
    np.testing.assert_allclose(bank["vector"], embedder.encode(TEXTS[1])["bank"].vector, atol=1e-5)
    assert read_provenance(folder / "v.parquet")["static"]["by"] == "year"  # type: ignore[index]


def test_a_vocabulary(folder: Path, bert: Path) -> None:
    (folder / "list.txt").write_text("bank\nnew york\nhen\n")
    given = ["static", "texts.jsonl", "-m", bert, "-o", "v.txt", "--vocabulary", "list.txt"]
    done = run(*given, cwd=folder)
    assert done.code == 0
    assert "not met         1 of those looked for: hen\n" in done.err
    assert "usages          3 averaged (ok 3)\n" in done.err
    assert (folder / "v.txt.vocab").read_text() == "bank 2\nnew_york 1\n"
    report = json.loads(run(*given, "--json", "--overwrite", cwd=folder).out)
    assert (report["missing"], report["types"], report["usages"]) == (["hen"], 2, 3)
    assert report["provenance"]["splitter"] == "targets"


def test_a_vocabulary_is_matched_as_find_does(folder: Path, bert: Path) -> None:
    (folder / "list.txt").write_text("BANK\nNew\u00a0york\n")
    given = ["static", "texts.jsonl", "-m", bert, "-o", "v.txt", "--vocabulary", "@list.txt", "--dry-run"]
    told = run(*given, cwd=folder).err
    assert "words           3 of 2 types\n" in told
    told = run(*given, "--match-case", cwd=folder)
    assert (told.code, "There is no word of the vocabulary" in told.err) == (1, True)


def test_phrases_are_added_to_all_words(folder: Path, bert: Path, embedder: WordEmbedder) -> None:
    (folder / "list.txt").write_text("river bank\nthe\nhen\n")
    (folder / "a.txt").write_text("The river bank, the river.\n")
    done = run("static", "a.txt", "-m", bert, "-o", "v.parquet", "--phrases", "list.txt", cwd=folder)
    assert done.code == 0
    assert "not met         1 of those looked for: hen\n" in done.err
    rows = {row["word"]: row for row in pq.read_table(folder / "v.parquet").to_pylist()}
    assert {word: row["occurrences"] for word, row in rows.items()} == {
        "the": 2, "river": 2, "river bank": 1, "bank": 1, ",": 1, ".": 1
    }  # fmt: skip
    expected = embedder.find("The river bank, the river.", ["river bank"]).vectors[0]
    np.testing.assert_allclose(rows["river bank"]["vector"], expected, atol=1e-5)
    both = run("static", "a.txt", "-o", "w.txt", "--phrases", "list.txt", "--vocabulary", "list.txt", cwd=folder)
    assert (both.code, "put the phrases into it" in both.err) == (2, True)


def test_a_dry_run_counts_without_a_model(folder: Path) -> None:
    given = ["static", "texts.jsonl", "-m", "nobody/nothing", "-o", "v.txt", "--dry-run", "--min-count", "2"]
    done = run(*given, cwd=folder)
    assert (done.code, done.out) == (0, "")
    assert masked(done.err) == (
        "texts           3\n"
        "words           16 of 13 types\n"
        "types kept      3\n"
        "seconds         #\n"
        "would write     v.txt\n"
    )
    code = (
        "import sys; from wordstates.cli import main\n"
        "sys.argv = ['wordstates', 'static', 'texts.jsonl', '-o', 'out.txt', '--dry-run']\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=folder, check=False, capture_output=True).returncode == 0


def test_a_report_for_programs(folder: Path, bert: Path) -> None:
    done = run("static", "texts.jsonl", "-m", bert, "-o", "v.safetensors", "--json", cwd=folder)
    report = json.loads(done.out)
    assert (done.code, done.err) == (0, "")
    assert set(report) == {
        "texts", "occurrences", "types", "kept", "usages", "missing", "statuses", "self_similarity", "anisotropy",
        "seconds", "bytes", "output", "dry_run", "rejects", "provenance",
    }  # fmt: skip
    assert report["bytes"] == (folder / "v.safetensors").stat().st_size
    assert -1 <= report["self_similarity"]["usages"] <= 1


def test_one_word_alone_says_that_nothing_is_known(folder: Path, bert: Path) -> None:
    done = run("static", "-", "-m", bert, "-o", "v.txt", stdin="mill\n", cwd=folder)
    assert "self-similarity unknown on average, unknown between two words\n" in done.err


def test_documents_that_fail_are_rejected(folder: Path, bert: Path) -> None:
    with (folder / "texts.jsonl").open("a") as file:
        file.write(json.dumps({"year": 1, "text": "the bank " * 200}) + "\n")
    done = run("static", "texts.jsonl", "-m", bert, "-o", "v.txt", "--long-texts", "error", cwd=folder)
    assert done.code == 3
    assert "rejected        1\n" in done.err
    assert "they are in v.txt.rejects.jsonl" in done.err
    assert "bank" in read_text_file(folder / "v.txt")


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        ("-o v.kv", 1, "'v.kv': gensim's own files are pickles"),
        ("-o v.npz", 1, "'v.npz': its ending names no format of static vectors"),
        ("-o gone/v.txt", 1, "The folder of 'gone/v.txt' does not exist"),
        ("-o v.txt --kind usages --kind alone", 1, "a word2vec file holds one vector per word, and there are 2"),
        ("-o v.txt --kind usage", 2, "'usage' is not one of 'usages', 'alone', 'input'."),
        ("-o v.txt --subword-pooling none", 2, "Recipe '-1.mean.none' gives several vectors a word"),
        ("-o v.txt --by word", 2, "Groups cannot be by 'word'"),
        ("-o v.txt --by yaer", 1, "there is no column 'yaer'"),
        ("-o v.txt --min-count 9 -m BERT", 1, "No type occurs 9 times: the most frequent of the 13 occurs 2 times"),
        ("-o v.txt --vocabulary gone.txt", 1, "'gone.txt' does not exist"),
        ("-o v.txt -m nobody/nothing", 4, "'nobody/nothing'"),
        ("-o v.txt --layers 99 -m BERT", 2, "Layer 99 does not exist"),
    ],
)
def test_errors(folder: Path, bert: Path, arguments: str, code: int, says: str) -> None:
    given = [str(bert) if part == "BERT" else part for part in arguments.split()]
    done = run("static", "texts.jsonl", *given, cwd=folder)
    assert (done.code, done.out) == (code, "")
    assert says in " ".join(done.err.replace("│", " ").split())
    assert files_in(folder) == ["texts.jsonl"]
