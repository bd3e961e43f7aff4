"""One long line: its vectors come in pieces, and are those of the whole."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from cli_runner import run
from wordstates import WordEmbedder
from wordstates.documents.document import Document
from wordstates.documents.readers import read_documents
from wordstates.encode.window_reader import Reading
from wordstates.errors import InputError, ModelError, NonFiniteError
from wordstates.files.open_writer import open_writer
from wordstates.options import TextUnit
from wordstates.runs import groups
from wordstates.runs.embed import embed_documents

LINE = "the old mill and the river " * 100


@pytest.fixture
def folder(tmp_path: Path, bert: Path) -> Path:
    """Give a folder with a model, and a long line between two short ones."""
    (tmp_path / "bert").symlink_to(bert)
    (tmp_path / "t.txt").write_text(f"a mill\n{LINE}\nthe bank\n", encoding="utf-8")
    return tmp_path


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have lines come in pieces of seventy words."""
    monkeypatch.setattr(groups, "_PIECE_BYTES", 32 * 4 * 70)


@pytest.mark.parametrize("command", ["embed", "find"])
def test_a_long_line_in_pieces_is_the_line_as_a_whole(
    command: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ("embed", "t.txt") if command == "embed" else ("find", "mill", "t.txt", "--context", "5")
    assert run(*arguments, "-m", "bert", "-o", "whole.parquet", "-q", cwd=folder).code == 0
    monkeypatch.setattr(groups, "_PIECE_BYTES", 32 * 4 * 70)
    for output in ("pieces.parquet", "pieces.jsonl", "pieces.npz"):
        assert run(*arguments, "-m", "bert", "-o", output, "-q", cwd=folder).code == 0
    whole, pieces = (pq.read_table(folder / f"{name}.parquet") for name in ("whole", "pieces"))
    assert pieces.drop(["vector"]).equals(whole.drop(["vector"]))
    vectors = [np.stack(table["vector"].to_pylist()) for table in (whole, pieces)]
    np.testing.assert_allclose(*vectors, atol=1e-5)
    rows = [json.loads(line) for line in (folder / "pieces.jsonl").read_text().splitlines()]
    assert [row["position"] for row in rows] == whole["position"].to_pylist()
    assert np.load(folder / "pieces.npz")["text_starts"].tolist() == (
        [0, 2, 602, 604] if command == "embed" else [0, 1, 101]
    )


def test_counts_of_pieces_are_those_of_the_line(folder: Path, small_pieces: None) -> None:
    reports = [
        json.loads(run("embed", "t.txt", "-m", "bert", "-o", "o.parquet", "--json", *more, cwd=folder).out)
        for more in ((), ("--dry-run", "--overwrite"))
    ]
    for name in ("texts", "words", "subwords", "long_texts", "statuses"):
        assert reports[0][name] == reports[1][name]
    assert (reports[0]["texts"], reports[0]["words"], reports[0]["long_texts"]) == (3, 604, 1)


def test_a_line_that_fails_before_any_of_it_is_written_is_rejected(folder: Path, small_pieces: None) -> None:
    done = run("embed", "t.txt", "-m", "bert", "-o", "o.parquet", "--long-texts", "error", cwd=folder)
    assert done.code == 3
    assert pq.read_table(folder / "o.parquet")["word"].to_pylist() == ["a", "mill", "the", "bank"]


def test_the_rejects_of_a_store_name_options_as_well(folder: Path) -> None:
    assert run("embed", "t.txt", "-m", "bert", "-o", "s", "--max-text", "100", cwd=folder).code == 3
    listed = (folder / "s" / "rejects.jsonl").read_text()
    assert "--max-text" in json.loads(listed)["reason"]
    assert run("merge", "s", "-o", "merged", cwd=folder).code == 0
    assert (folder / "merged" / "rejects.jsonl").read_text() == listed


def test_a_line_that_fails_in_its_middle_is_told_and_no_file_is_left(
    tmp_path: Path, bert: Path, small_pieces: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish, calls = Reading.finish, list[int]()

    def third_fails(self: Reading, advance: Callable[[int], object]) -> None:
        calls.append(1)
        if len(calls) == 3:
            raise NonFiniteError("NaN.")
        finish(self, advance)

    monkeypatch.setattr(Reading, "finish", third_fails)
    embedder, output = WordEmbedder(bert, engine="torch"), tmp_path / "o.parquet"
    with pytest.raises(ModelError, match=r"^Document 'long' failed when a part of its words was written: NaN. Leave"):
        embed_documents(embedder, [Document("long", LINE)], open_writer(output))
    assert not list(tmp_path.iterdir())


# ---------------------------------------------------------------- the longest text, and blanks


def test_a_text_beyond_the_longest_is_rejected_with_a_reason(folder: Path) -> None:
    done = run("embed", "t.txt", "-m", "bert", "-o", "o.parquet", "--max-text", "100", cwd=folder)
    assert done.code == 3
    (rejected,) = map(json.loads, (folder / "o.parquet.rejects.jsonl").read_text().splitlines())
    assert rejected["document"] == "t.txt:2"
    assert "more than 100 characters" in rejected["reason"]
    assert "--max-text" in rejected["reason"]
    assert pq.read_table(folder / "o.parquet")["word"].to_pylist() == ["a", "mill", "the", "bank"]


@pytest.mark.parametrize(
    ("name", "content", "unit"),
    [
        ("t.txt", "a b\n" + "x" * 60 + "\nc\n", "line"),
        ("t.txt", "a b\n\nxx\n" + "x" * 60 + "\n\nc\n", "paragraph"),
        ("t.txt", "x" * 60 + "\nc\n", "file"),
        ("t.jsonl", '{"text": "a b"}\n{"text": "' + "x" * 26 + '"}\n{"text": "c"}\n', "line"),
        ("t.jsonl", '{"text": "a b"}\n{"text": ["' + "x" * 12 + '", "xxxxxxxxxx"]}\n{"text": "c"}\n', "line"),
        ("t.csv", "text\na b\n" + "x" * 26 + "\nc\n", "line"),
        ("t.conllu", "1\tab" + "\t_" * 8 + "\n\n1\t" + "x" * 26 + "\t_" * 8 + "\n\n1\tc" + "\t_" * 8 + "\n", "line"),
    ],
)
def test_the_longest_text_holds_for_every_format(name: str, content: str, unit: TextUnit, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content)
    documents = list(read_documents([tmp_path / name], max_text=20, text_unit=unit))
    faults = [document.fault for document in documents if document.fault]
    assert len(documents) == (1 if unit == "file" else 3)
    assert len(faults) == 1
    assert "the text has more than 20 characters: is it one text? Cut it, or pass max_text=..." in faults[0]


def test_a_line_of_a_table_beyond_the_longest_text_names_it(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text('{"text": "a", "more": "' + "x" * 500 + '"}\n')
    with pytest.raises(InputError, match=r"t.jsonl:1: the line has more than 160 characters.*max_text"):
        list(read_documents([tmp_path / "t.jsonl"], max_text=20))


@pytest.mark.parametrize("blank", ["\n", "\r\n", "  \n"])
def test_blank_lines_cost_nothing_and_are_counted(blank: str, tmp_path: Path) -> None:
    """Ten million of them: each by itself would take ten seconds."""
    with gzip.open(tmp_path / "t.txt.gz", "wb", compresslevel=1) as file:
        file.write(b"a\n")
        for _ in range(10):
            file.write(blank.encode() * 1_000_000)
        file.write(b"b\nc\n")
    found = [
        (each.id.rpartition(":")[2], each.text, each.continues) for each in read_documents([tmp_path / "t.txt.gz"])
    ]
    assert found == [("1", "a", False), ("10000002", "b", False), ("10000003", "c", True)]
