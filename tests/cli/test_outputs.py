"""What a run writes never harms what is there: nor what stands beside its output, nor what it reads, nor a store."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli_runner import files_in, run
from wordstates.errors import OutputError
from wordstates.files.open_writer import open_writer
from wordstates.files.outputs import written_with


@pytest.fixture
def folder(tmp_path: Path, bert: Path) -> Path:
    (tmp_path / "bert").symlink_to(bert)
    (tmp_path / "in.txt").write_text("the river runs past the old mill\n", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("output", "beside"),
    [
        ("w.txt", "w.txt.vocab"),
        ("w.txt", "w.txt.provenance.json"),
        ("w.bin", "w.bin.vocab"),
        ("w.parquet", "w.parquet.rejects.jsonl"),
    ],
)
def test_what_stands_beside_an_output_is_an_output(folder: Path, output: str, beside: str) -> None:
    (folder / beside).write_text("precious", encoding="utf-8")
    done = run("static", "in.txt", "-m", "bert", "-o", output, cwd=folder)
    assert done.code == 1
    assert f"{beside!r} exists, and belongs to {output!r}: choose another name, or pass --overwrite" in done.err
    assert (folder / beside).read_text(encoding="utf-8") == "precious"
    assert not (folder / output).exists()


@pytest.mark.parametrize("output", ["o.jsonl", "o.csv", "o.tsv"])
def test_provenance_of_another_file_is_not_replaced(folder: Path, output: str) -> None:
    (folder / f"{output}.provenance.json").write_text("{}", encoding="utf-8")
    done = run("embed", "in.txt", "-m", "bert", "-o", output, cwd=folder)
    assert "provenance.json' exists" in done.err
    with pytest.raises(OutputError, match="exists, and belongs to"):
        open_writer(folder / output)


def test_an_input_is_never_overwritten(folder: Path) -> None:
    (folder / "w2.txt.vocab").write_text("the river runs\n", encoding="utf-8")
    options = ("--format", "txt", "-o", "w2.txt", "-m", "bert", "--overwrite")
    done = run("static", "w2.txt.vocab", *options, cwd=folder)
    assert done.code == 1
    assert "'w2.txt.vocab' is one of the inputs, and would be lost" in done.err
    (folder / "words.txt").write_text("river\n", encoding="utf-8")
    for given in ("words.txt", "@words.txt"):
        done = run(
            "static", "in.txt", "--vocabulary", given, "-o", "words.txt", "-m", "bert", "--overwrite", cwd=folder
        )
        assert "'words.txt' is one of the inputs" in done.err
    assert (folder / "words.txt").read_text(encoding="utf-8") == "river\n"


def test_post_processing_is_no_output(folder: Path) -> None:
    assert run("fit", "center", "in.txt", "-o", "p.safetensors", "-m", "bert", "-q", cwd=folder).code == 0
    before = (folder / "p.safetensors").read_bytes()
    given = ("--post-process", "p.safetensors", "-o", "p.safetensors", "--overwrite", "-m", "bert")
    assert "'p.safetensors' is one of the inputs" in run("embed", "in.txt", *given, cwd=folder).err
    assert (folder / "p.safetensors").read_bytes() == before


def test_nothing_is_exported_into_a_store(folder: Path) -> None:
    assert run("embed", "in.txt", "-m", "bert", "-o", "ref", "-q", cwd=folder).code == 0
    before = files_in(folder / "ref")
    (shard,) = (folder / "ref" / "shards").iterdir()
    content = shard.read_bytes()
    for output in ("ref/shards/x.parquet", "ref/x.parquet", f"ref/shards/{shard.name}"):
        for more in ([], ["--overwrite"]):
            done = run("export", "ref", "-o", output, *more, cwd=folder)
            assert "lies in the store" in done.err, done
            assert run("embed", "in.txt", "-m", "bert", "-o", output, *more, cwd=folder).code == 1
    assert files_in(folder / "ref") == before
    assert shard.read_bytes() == content


def test_an_old_list_of_rejects_does_not_stay_beside_a_new_file(folder: Path) -> None:
    (folder / "o.parquet.rejects.jsonl").write_text(json.dumps({"document": "x", "reason": "y"}), encoding="utf-8")
    (folder / "o.parquet").write_text("old", encoding="utf-8")
    assert run("embed", "in.txt", "-m", "bert", "-o", "o.parquet", "-q", "--dry-run", cwd=folder).code == 0
    assert (folder / "o.parquet.rejects.jsonl").exists()
    assert run("embed", "in.txt", "-m", "bert", "-o", "o.parquet", "-q", "--overwrite", cwd=folder).code == 0
    assert not (folder / "o.parquet.rejects.jsonl").exists()


def test_what_is_written_with_a_file() -> None:
    names = [path.name for path in written_with(Path("a/w.txt"))]
    assert names == ["w.txt.provenance.json", "w.txt.vocab", "w.txt.rejects.jsonl"]
    assert [path.name for path in written_with(Path("v.parquet"))] == ["v.parquet.rejects.jsonl"]
