"""`wordstates info`: what is in a file, and where it comes from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cli_runner import SENTENCES, run
from wordstates import WordEmbedder


@pytest.fixture
def folder(tmp_path: Path, bert: Path) -> Path:
    """Give a folder with the sentences, and the encoder as ``tiny``: a name that is the same in every run."""
    (tmp_path / "tiny").symlink_to(bert)
    (tmp_path / "texts.txt").write_text("\n".join(SENTENCES), encoding="utf-8")
    return tmp_path


def test_the_whole_output(folder: Path) -> None:
    assert run("embed", "texts.txt", "-m", "tiny", "-o", "out.parquet", "--layers", "-2:", "-q", cwd=folder).code == 0
    done = run("info", "out.parquet", cwd=folder)
    provenance = WordEmbedder(folder / "tiny").provenance
    versions = ", ".join(f"{name} {number}" for name, number in provenance["versions"].items())
    assert (done.code, done.err) == (0, "")
    assert done.out == (
        "path             out.parquet\n"
        "format           parquet\n"
        "rows             19\n"
        "columns          document string, position int32, word string, start int32, end int32, status string, "
        "subwords int32, vector fixed_size_list<element: float>[32]\n"
        "dtype            float32\n"
        "vectors          vector 32\n"
        f"bytes            {(folder / 'out.parquet').stat().st_size:,}\n"
        f"wordstates       {provenance['wordstates']}\n"
        "model            tiny\n"
        "revision         -\n"
        f"weights          {provenance['weights']}\n"
        f"tokenizer        {provenance['tokenizer']}\n"
        "recipes          name -2:.mean.mean, layers -2:, layer_pooling mean, subword_pooling mean, "
        "layer_numbers 3; 4\n"
        "precision        float32\n"
        "precision_error  -\n"
        "engine           torch\n"
        "device           cpu\n"
        "window           64\n"
        "overlap          15\n"
        "long_texts       window\n"
        "context          both\n"
        "special_tokens   before [CLS], after [SEP]\n"
        f"versions         {versions}\n"
        "splitter         unicode\n"
    )


@pytest.mark.parametrize("ending", [".parquet", ".npz", ".safetensors", ".jsonl", ".h5"])
def test_json_of_every_format(folder: Path, ending: str) -> None:
    name = f"out{ending}"
    written = run("embed", "texts.txt", "-m", "tiny", "-o", name, "--dtype", "float16", "--json", cwd=folder)
    done = run("info", name, "--json", cwd=folder)
    assert (written.code, done.code, done.err) == (0, 0, "")
    found, report = json.loads(done.out), json.loads(written.out)
    assert found.pop("columns")["vector"]
    assert found == {
        "path": name,
        "format": {".h5": "hdf5"}.get(ending, ending[1:]),
        "rows": 19,
        "dtype": "json" if ending == ".jsonl" else "float16",
        "vectors": {"vector": [32]},
        "bytes": report["bytes"],
        "provenance": report["provenance"],
    }


def test_files_that_have_no_metadata_of_their_own(tmp_path: Path) -> None:
    for name, content in {
        "v.txt": "2 3\na 1 2 3\nb 1 2 3\n",
        "v.bin": "2 3\n...",
        "v.txt.provenance.json": '{"model": "tiny"}',
        "v.bin.provenance.json": '{"model": "tiny"}',
        "v.txt.vocab": "a 1\nb 1\n",
        "r.json": '{"layers": "-4:", "layer_pooling": "mean", "subword_pooling": "mean", "name": "x"}',
        "s.json": '{"recipes": [1, 2, 3], "provenance": {"model": "tiny"}}',
        "o.parquet.rejects.jsonl": '{"document": "d", "reason": "no word"}\n',
        "p.html": "<html></html>",
        "own.txt": "some text\n",
        "own.json": '{"scripts": {"test": "pytest"}}',
        "rejects.jsonl": '{"document": "d", "reason": "no word"}\n',
        "manifest.json": '{"format": "wordstates store", "version": 2}',
        "record.json": '{"number": 0, "id": "a", "sha256": "", "xxh3": ""}',
        "dry.json": '{"texts": 2, "rejects": [], "words": 9}',
        "one.json": '{"recipes": [1], "provenance": {}}',
        "broken.json": "{",
    }.items():
        (tmp_path / name).write_text(content)

    def told(name: str) -> dict[str, Any]:
        return dict(json.loads(run("info", name, "--json", cwd=tmp_path).out))

    for name, kind in (("v.txt", "word2vec, text"), ("v.bin", "word2vec, binary")):
        about = told(name)
        assert (about["format"], about["rows"], about["vectors"]) == (kind, 2, {"vector": [3]})
        assert about["provenance"] == {"model": "tiny"}
    assert (told("r.json")["format"], told("r.json")["layers"]) == ("recipe", "-4:")
    assert (told("s.json")["format"], told("s.json")["recipes"]) == ("report", "3 entries")
    assert told("s.json")["provenance"] == {"model": "tiny"}
    assert told("o.parquet.rejects.jsonl")["first"] == {"document": "d", "reason": "no word"}
    assert told("rejects.jsonl")["format"] == "rejects"
    assert (told("dry.json")["format"], told("one.json")["recipes"]) == ("report", "1 entry")
    assert told("p.html")["format"] == "page, to be opened in a browser"
    for name, says in (
        ("v.txt.vocab", "belongs to 'v.txt': give 'v.txt'"),
        ("own.json", "'own.json' is none of the JSON files of wordstates"),
        ("manifest.json", "'manifest.json' belongs to the store '.': give that"),
        ("record.json", "'record.json' belongs to the store '.': give that"),
        ("own.txt", "was not written by wordstates"),
        ("broken.json", "cannot be read as .json: it is broken"),
        ("gone.txt", "is not a file"),
    ):
        done = run("info", name, cwd=tmp_path)
        assert (done.code, says in done.err) == (1, True), done.err
