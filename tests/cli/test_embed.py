"""`wordstates embed`: all that goes in, all that comes out, what it says, and how it ends."""

from __future__ import annotations

import gzip
import json
import signal
import warnings
from collections.abc import Callable
from itertools import islice, permutations
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from safetensors import safe_open

from cli_runner import SENTENCES, files_in, masked, run, start
from patience import A_HANG, ended, wait_until
from wordstates import Recipe, WordEmbedder, WordEmbeddings
from wordstates.cli import embed_store
from wordstates.cli.groups import ComputeOptions
from wordstates.encode.session import Session
from wordstates.files.describe import read_provenance

TEXT = "".join(f"{sentence}\n" for sentence in SENTENCES)
LINES = [f"texts.txt:{number}" for number in (1, 2, 3)]
LONG = " ".join(["the river and the bank of the river near the mill"] * 12)  # does not fit the 64 subwords of a window


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder that holds the sentences as texts.txt."""
    (tmp_path / "texts.txt").write_text(TEXT, encoding="utf-8")
    return tmp_path


def columns_of(embeddings: WordEmbeddings, ids: list[str]) -> dict[str, list[Any]]:
    """Give the columns that a file of these embeddings has, but for the vectors."""
    lengths = np.diff(embeddings.text_starts).tolist()
    return {
        "document": [name for name, length in zip(ids, lengths, strict=True) for _ in range(length)],
        "position": [position for length in lengths for position in range(length)],
        "word": list(embeddings.words),
        "start": embeddings.spans[:, 0].tolist(),
        "end": embeddings.spans[:, 1].tolist(),
        "status": list(embeddings.statuses),
        "subwords": embeddings.subword_counts.tolist(),
    }


def vectors_of(column: pa.ChunkedArray) -> np.ndarray:
    """Give a column of vectors as float32, NaN where there is none."""
    empty = [np.nan] * column.type.list_size
    return np.array([empty if row is None else row for row in column.to_pylist()], dtype=np.float32)


def assert_close(found: Any, expected: np.ndarray, tolerance: float = 1e-5) -> None:
    np.testing.assert_allclose(np.asarray(found, dtype=np.float32), expected, atol=tolerance, rtol=tolerance)


def assert_holds(path: Path, embeddings: WordEmbeddings, ids: list[str]) -> pa.Table:
    """Hold a whole Parquet file against what the library gives."""
    table = pq.read_table(path)
    expected = columns_of(embeddings, ids)
    assert {name: table.column(name).to_pylist() for name in expected} == expected
    assert_close(vectors_of(table.column("vector")), embeddings.vectors)
    return table


# ---------------------------------------------------------------- what goes in


def as_jsonl() -> bytes:
    return "".join(
        f'{{"name": "t{index}", "text": {json.dumps(text)}}}\n' for index, text in enumerate(SENTENCES)
    ).encode()


def as_separated(separator: str) -> bytes:
    rows = [("name", "text"), *((f"t{index}", text) for index, text in enumerate(SENTENCES))]
    return "".join(separator.join(f'"{cell}"' for cell in row) + "\n" for row in rows).encode()


def as_parquet() -> bytes:
    sink = pa.BufferOutputStream()
    names = [f"t{index}" for index in range(len(SENTENCES))]
    pq.write_table(pa.table({"name": names, "text": list(SENTENCES)}), sink)
    return sink.getvalue().to_pybytes()  # type: ignore[no-any-return]


def as_zstd(content: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(content)
    return sink.getvalue().to_pybytes()  # type: ignore[no-any-return]


INPUTS: dict[str, tuple[Callable[[], bytes], int]] = {
    "texts.txt": (TEXT.encode, 1),
    "texts.txt.gz": (lambda: gzip.compress(TEXT.encode()), 1),
    "texts.txt.zst": (lambda: as_zstd(TEXT.encode()), 1),
    "texts.jsonl": (as_jsonl, 1),
    "texts.jsonl.gz": (lambda: gzip.compress(as_jsonl()), 1),
    "texts.csv": (lambda: as_separated(","), 2),
    "texts.tsv": (lambda: as_separated("\t"), 2),
    "texts.tsv.zst": (lambda: as_zstd(as_separated("\t")), 2),
    "texts.parquet": (as_parquet, 1),
}
"""Every input but CoNLL-U: the same three texts, and the line or row of the first."""


@pytest.mark.parametrize("name", INPUTS)
def test_every_input_gives_the_vectors_of_the_library(
    tmp_path: Path, bert: Path, embedder: WordEmbedder, name: str
) -> None:
    make, first = INPUTS[name]
    (tmp_path / name).write_bytes(make())
    done = run("embed", name, "-m", bert, "-o", "out.parquet", "-q", cwd=tmp_path)
    assert (done.code, done.out, done.err) == (0, "", "")
    assert_holds(tmp_path / "out.parquet", embedder.encode(SENTENCES), [f"{name}:{first + n}" for n in range(3)])
    assert files_in(tmp_path) == sorted([name, "out.parquet"])


@pytest.mark.parametrize("name", ["texts.txt", "texts.jsonl", "texts.csv", "texts.parquet"])
def test_standard_input(tmp_path: Path, bert: Path, embedder: WordEmbedder, name: str) -> None:
    make, first = INPUTS[name]
    format = [] if name == "texts.txt" else ["--format", name.partition(".")[2]]
    done = run("embed", "-", *format, "-m", bert, "-o", "out.parquet", "-q", stdin=make(), cwd=tmp_path)
    assert (done.code, done.out, done.err) == (0, "", "")
    assert_holds(tmp_path / "out.parquet", embedder.encode(SENTENCES), [f"-:{first + n}" for n in range(3)])


def test_several_inputs_and_a_folder(tmp_path: Path, bert: Path, embedder: WordEmbedder) -> None:
    (tmp_path / "corpus" / "deep").mkdir(parents=True)
    (tmp_path / "corpus" / "b.txt").write_text(SENTENCES[0])
    (tmp_path / "corpus" / "deep" / "c.jsonl").write_text(json.dumps({"text": SENTENCES[1]}))
    (tmp_path / "corpus" / "read.me").write_text("not a text")
    (tmp_path / "a.txt").write_text(SENTENCES[2], encoding="utf-8")
    with pytest.warns(UserWarning, match="'corpus' has files of several formats, and all are read: 1 jsonl, 1 txt"):
        done = run("embed", "corpus", "a.txt", "-m", bert, "-o", "out.parquet", "-q", cwd=tmp_path)
    assert (done.code, done.err) == (0, "")
    ids = ["corpus/b.txt:1", "corpus/deep/c.jsonl:1", "a.txt:1"]
    assert_holds(tmp_path / "out.parquet", embedder.encode(SENTENCES), ids)


def test_the_columns_of_text_and_id(tmp_path: Path, bert: Path, embedder: WordEmbedder) -> None:
    (tmp_path / "t.csv").write_bytes(as_separated(",").replace(b"text", b"body"))
    columns = ["--text-column", "body", "--id-column", "name"]
    done = run("embed", "t.csv", "-m", bert, "-o", "out.parquet", "-q", *columns, cwd=tmp_path)
    assert (done.code, done.err) == (0, "")
    assert_holds(tmp_path / "out.parquet", embedder.encode(SENTENCES), ["t0", "t1", "t2"])


def test_given_words_in_json_lines(tmp_path: Path, bert: Path, embedder: WordEmbedder) -> None:
    given = [["New York", "is", "far", "."], ["wouldn't"]]
    (tmp_path / "w.jsonl").write_text("".join(json.dumps({"text": words}) + "\n" for words in given))
    done = run("embed", "w.jsonl", "-m", bert, "-o", "out.parquet", "-q", cwd=tmp_path)
    assert (done.code, done.err) == (0, "")
    assert_holds(tmp_path / "out.parquet", embedder.encode(given), ["w.jsonl:1", "w.jsonl:2"])


def test_conllu(tmp_path: Path, bert: Path, embedder: WordEmbedder) -> None:
    """The words are those of the treebank, their spans those of its text, and its own ids come along."""
    rows = [("1-2", "can't"), ("1", "ca"), ("2", "n't"), ("3", "swim"), ("3.1", "_"), ("4", "."), ("5-6", "im")]
    rows += [("5", "in"), ("6", "dem")]
    lines = ["# sent_id = s1", "# text = can't swim. im"]
    lines += ["\t".join([key, form, *"_" * 7, "SpaceAfter=No" if key == "3" else "_"]) for key, form in rows]
    (tmp_path / "t.conllu").write_text("\n".join(lines) + "\n\n")
    done = run("embed", "t.conllu", "-m", bert, "-o", "out.parquet", "-q", cwd=tmp_path)
    assert (done.code, done.err) == (0, "")
    spans = [(0, 2), (2, 5), (6, 10), (10, 11), (12, 14)]
    expected = embedder.encode(["can't swim. im"], spans=[spans])
    table = assert_holds(tmp_path / "out.parquet", expected, ["s1"])
    assert table.column("key").to_pylist() == ["1", "2", "3", "4", "5-6"]
    assert table.column("word").to_pylist() == ["ca", "n't", "swim", ".", "im"]


@pytest.mark.parametrize(
    ("unit", "texts", "ids"),
    [
        ("line", ["The river", "runs.", "A bank."], ["t.txt:1", "t.txt:2", "t.txt:4"]),
        ("paragraph", ["The river\nruns.", "A bank."], ["t.txt:1", "t.txt:4"]),
        ("file", ["The river\nruns.\n\nA bank.\n"], ["t.txt"]),
    ],
)
def test_text_units(
    tmp_path: Path, bert: Path, embedder: WordEmbedder, unit: str, texts: list[str], ids: list[str]
) -> None:
    (tmp_path / "t.txt").write_text("The river\nruns.\n\nA bank.\n")
    done = run("embed", "t.txt", "-m", bert, "-o", "out.parquet", "-q", "--text-unit", unit, cwd=tmp_path)
    assert (done.code, done.err) == (0, "")
    assert_holds(tmp_path / "out.parquet", embedder.encode(texts), ids)


def test_another_encoding(tmp_path: Path, bert: Path, embedder: WordEmbedder) -> None:
    (tmp_path / "t.txt").write_bytes("Straßenbahn für Äpfel".encode("latin-1"))
    done = run("embed", "t.txt", "-m", bert, "-o", "out.parquet", "-q", "--encoding", "latin-1", cwd=tmp_path)
    assert (done.code, done.err) == (0, "")
    assert_holds(tmp_path / "out.parquet", embedder.encode(["Straßenbahn für Äpfel"]), ["t.txt:1"])


# ---------------------------------------------------------------- what comes out

READ_BACK: dict[str, Callable[[Path], np.ndarray]] = {
    ".parquet": lambda path: vectors_of(pq.read_table(path).column("vector")),
    ".npz": lambda path: np.load(path)["vector"],
    ".safetensors": lambda path: safe_open(path, framework="numpy").__enter__().get_tensor("vector"),
    ".jsonl": lambda path: np.array([json.loads(line)["vector"] for line in path.read_text().splitlines()]),
    ".h5": lambda path: np.concatenate([h5py.File(path)[str(index)][:] for index in range(len(SENTENCES))]),
}


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("ending", READ_BACK)
def test_every_output_holds_the_vectors_of_the_library(
    folder: Path, bert: Path, embedder: WordEmbedder, ending: str, dtype: str
) -> None:
    out = folder / f"out{ending}"
    done = run("embed", "texts.txt", "-m", bert, "-o", out.name, "-q", "--dtype", dtype, cwd=folder)
    assert (done.code, done.out, done.err) == (0, "", "")
    beside = [f"{out.name}.provenance.json"] if ending == ".jsonl" else []
    assert files_in(folder) == sorted([out.name, "texts.txt", *beside])
    vectors = READ_BACK[ending](out)
    expected = embedder.encode(SENTENCES).vectors
    assert vectors.shape == expected.shape
    assert_close(vectors, expected, 1e-5 if dtype == "float32" else 1e-3)
    assert read_provenance(out) == json.loads(json.dumps(embedder.provenance))


def test_json_lines_on_standard_output(folder: Path, bert: Path, embedder: WordEmbedder) -> None:
    """The data alone is on standard output; what is said goes to standard error; no file appears."""
    done = run("embed", "texts.txt", "-m", bert, "-o", "-", cwd=folder)
    rows = [json.loads(line) for line in done.out.splitlines()]
    embeddings = embedder.encode(SENTENCES)
    expected = columns_of(embeddings, LINES)
    assert {name: [row[name] for row in rows] for name in expected} == expected
    assert_close([row["vector"] for row in rows], embeddings.vectors)
    assert done.code == 0
    assert [line.split()[0] for line in done.err.splitlines()][-1] == "wrote"
    assert files_in(folder) == ["texts.txt"]


def test_a_word_without_a_subword_has_no_vector(tmp_path: Path, bert: Path) -> None:
    done = run("embed", "-", "-m", bert, "-o", "-", "--splitter", "whitespace", stdin="river \x01 mill", cwd=tmp_path)
    rows = [json.loads(line) for line in done.out.splitlines()]
    assert [(row["word"], row["status"], row["vector"] is None) for row in rows] == [
        ("river", "ok", False),
        ("\x01", "no_subwords", True),
        ("mill", "ok", False),
    ]
    assert "statuses        no_subwords 1, ok 2\n" in done.err


@pytest.mark.parametrize("as_file", [False, True])
def test_several_recipes(folder: Path, bert: Path, as_file: bool) -> None:
    recipes = [
        Recipe("-2:", "concat", name="two"),
        Recipe(0, subword_pooling="first"),
        Recipe("1,3", "none", name="kept"),
    ]
    given: list[str] = []
    for index, recipe in enumerate(recipes):
        (folder / f"r{index}.json").write_text(recipe.to_json())
        given += ["--recipe", f"r{index}.json" if as_file else recipe.to_json()]
    done = run("embed", "texts.txt", "-m", bert, "-o", "out.npz", "-q", *given, cwd=folder)
    assert (done.code, done.err) == (0, "")
    arrays = np.load(folder / "out.npz")
    expected = WordEmbedder(bert, recipes=recipes).encode(SENTENCES)
    vectors = {name for name in arrays.files if name.startswith("vector")}
    assert vectors == {"vector_0_mean_first", "vector_kept", "vector_two"}
    for recipe in recipes:
        assert_close(arrays[f"vector_{recipe.name.replace('.', '_')}"], expected.column(recipe.name))


def test_layers_and_poolings(folder: Path, bert: Path) -> None:
    settings = ["--layers", "-3:", "--layer-pooling", "sum", "--subword-pooling", "last"]
    done = run("embed", "texts.txt", "-m", bert, "-o", "out.parquet", "-q", *settings, cwd=folder)
    assert (done.code, done.err) == (0, "")
    expected = WordEmbedder(bert, layers="-3:", layer_pooling="sum", subword_pooling="last").encode(SENTENCES)
    assert_holds(folder / "out.parquet", expected, LINES)


def test_a_row_a_subword(folder: Path, bert: Path) -> None:
    done = run("embed", "texts.txt", "-m", bert, "-o", "out.npz", "-q", "--subword-pooling", "none", cwd=folder)
    assert (done.code, done.err) == (0, "")
    expected = WordEmbedder(bert, subword_pooling="none").encode(SENTENCES)
    assert_close(np.load(folder / "out.npz")["vector"], expected.vectors)


def test_long_texts_are_read_through_windows(tmp_path: Path, bert: Path) -> None:
    settings = ["--window", "24", "--overlap", "10", "--batch-subwords", "100"]
    done = run("embed", "-", "-m", bert, "-o", "out.parquet", *settings, stdin=LONG, cwd=tmp_path)
    assert done.code == 0
    assert "texts           1 (1 longer than a window)\n" in done.err
    assert_holds(tmp_path / "out.parquet", WordEmbedder(bert, window=24, overlap=10).encode([LONG]), ["-:1"])


def test_long_texts_are_cut_only_on_request_and_counted(tmp_path: Path, bert: Path) -> None:
    given = ["embed", "-", "-m", bert, "-o", "out.parquet", "--long-texts", "truncate"]
    done = run(*given, stdin=LONG, cwd=tmp_path)
    assert done.code == 0
    expected = WordEmbedder(bert, long_texts="truncate").encode([LONG])
    cut = expected.status_counts["truncated"]
    assert cut > 0
    assert f"statuses        ok {len(expected.words) - cut}, truncated {cut}\n" in done.err
    assert_holds(tmp_path / "out.parquet", expected, ["-:1"])


def test_reduced_precision_tells_its_error(folder: Path, bert: Path) -> None:
    given = ["embed", "texts.txt", "-m", bert, "--precision", "bfloat16"]
    done = run(*given, "-o", "out.npz", "--json", cwd=folder)
    provenance = json.loads(done.out)["provenance"]
    assert provenance["precision"] == "bfloat16"
    assert 0 < provenance["precision_error"] < 0.1
    told = f"precision       bfloat16 ({provenance['precision_error']:.1%} from float32, on a sample)\n"
    assert told in run(*given, "-o", "text.npz", cwd=folder).err
    store = run(*given, "-o", "store/", "--engine", "torch", cwd=folder)
    assert f"engine          torch\n{told}wrote           store\n" in store.err


def test_a_worker_warns_in_a_line_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warnings, "formatwarning", warnings.formatwarning)
    seen = embed_store._made(lambda **given: (given, warnings.formatwarning("slow", UserWarning, "a.py", 1)), window=64)
    assert seen == ({"window": 64}, "wordstates: slow\n")


@pytest.mark.long
def test_a_slow_precision_is_told_in_a_line(folder: Path, bert: Path) -> None:
    slow = "from wordstates.model import examined; examined.slowness = lambda dtype: 7.0"
    given = ["embed", "texts.txt", "-m", bert, "-o", "out.npz", "-q", "--precision", "bfloat16"]
    with start(*given, cwd=folder, before=slow) as command:
        code, out, err = ended(command)
    assert (code, out) == (0, b"")
    assert err.decode() == (
        "wordstates: On this processor PyTorch takes 7 times as long in bfloat16 as in float32. With "
        "--precision float32 vectors are exact and come sooner.\n"
    )


# ---------------------------------------------------------------- what it says


def test_the_closing_report(folder: Path, bert: Path) -> None:
    done = run("embed", "texts.txt", "-m", bert, "-o", "out.parquet", cwd=folder)
    assert (done.code, done.out) == (0, "")
    assert masked(done.err) == (
        "texts           3\n"
        "words           19\n"
        "subwords        29\n"
        "windows         3\n"
        "statuses        ok 18, unknown 1\n"
        "seconds         #\n"
        "words a second  #\n"
        "bytes           #\n"
        "engine          torch\n"
        "wrote           out.parquet\n"
    )
    size = (folder / "out.parquet").stat().st_size
    assert f"bytes           {size:,}\n" in done.err


def test_json_for_programs(folder: Path, bert: Path, embedder: WordEmbedder) -> None:
    done = run("embed", "texts.txt", "-m", bert, "-o", "out.parquet", "--json", cwd=folder)
    assert (done.code, done.err) == (0, "")
    report = json.loads(done.out)
    assert report.pop("seconds") > 0
    assert report.pop("words_per_second") > 0
    assert report == {
        "texts": 3,
        "words": 19,
        "subwords": 29,
        "windows": 3,
        "long_texts": 0,
        "statuses": {"ok": 18, "unknown": 1},
        "bytes": (folder / "out.parquet").stat().st_size,
        "engine": "torch",
        "output": "out.parquet",
        "dry_run": False,
        "rejects": [],
        "provenance": json.loads(json.dumps(embedder.provenance)),
    }


def test_quiet_says_nothing(folder: Path, bert: Path) -> None:
    done = run("embed", "texts.txt", "-m", bert, "-o", "out.parquet", "-q", cwd=folder, terminal=True)
    assert (done.code, done.out, done.err) == (0, "", "")


def test_progress_is_for_terminals(folder: Path, bert: Path) -> None:
    given = ["embed", "texts.txt", "-m", bert, "-o", "out.parquet", "--overwrite"]
    shown = run(*given, cwd=folder, terminal=True).err
    assert shown.lstrip("\r").startswith("loading model ...")
    assert "embedding: 100%" in shown
    assert "embedding" not in run(*given, cwd=folder).err
    assert "embedding" not in run(*given, "--json", cwd=folder, terminal=True).err


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_a_dry_run_counts_what_the_run_does(folder: Path, bert: Path, dtype: str) -> None:
    (folder / "long.txt").write_text(LONG)
    given = ["embed", "texts.txt", "long.txt", "-m", bert, "-o", "out.parquet", "--dtype", dtype, "--json"]
    dry = run(*given, "--dry-run", cwd=folder)
    assert (dry.code, dry.err) == (0, "")
    assert files_in(folder) == ["long.txt", "texts.txt"]
    real = run(*given, cwd=folder)
    planned, done = json.loads(dry.out), json.loads(real.out)
    assert (planned.pop("dry_run"), done.pop("dry_run")) == (True, False)
    estimates = {name: planned.pop(name) / done.pop(name) for name in ("bytes", "seconds", "words_per_second")}
    assert planned == done
    assert 0.5 < estimates["bytes"] < 2  # a small file is mostly header
    assert estimates["seconds"] > 0


def test_the_report_of_a_dry_run(folder: Path, bert: Path) -> None:
    done = run("embed", "texts.txt", "-m", bert, "-o", "out.parquet", "--dry-run", cwd=folder)
    assert (done.code, done.out) == (0, "")
    assert masked(done.err) == (
        "texts           3\n"
        "words           19\n"
        "subwords        29\n"
        "windows         3\n"
        "statuses        ok 18, unknown 1\n"
        "seconds         about #\n"
        "words a second  about #\n"
        "bytes           about #\n"
        "engine          torch\n"
        "would write     out.parquet\n"
    )
    assert files_in(folder) == ["texts.txt"]


NOTE = "note: this model is causal: each vector knows its left context only (--repeat reads twice)\n"


def test_causal_models_say_so(folder: Path, models: Path) -> None:
    done = run("embed", "texts.txt", "-m", models / "gpt2", "-o", "out.parquet", cwd=folder)
    assert done.code == 0
    assert done.err.endswith(f"wrote           out.parquet\n{NOTE}")
    assert_holds(folder / "out.parquet", WordEmbedder(models / "gpt2").encode(SENTENCES), LINES)


def test_surprisals_stand_in_a_column(folder: Path, models: Path) -> None:
    given = ["embed", "texts.txt", "-m", models / "gpt2", "-o", "out.parquet", "--surprisal", "--left-subwords", "-q"]
    assert run(*given, cwd=folder).code == 0
    table = pq.read_table(folder / "out.parquet")
    expected = WordEmbedder(models / "gpt2", surprisal=True, left_subwords=True).encode(SENTENCES)
    found = table["surprisal"].to_numpy().astype(np.float32)
    np.testing.assert_allclose(found, expected.surprisal, atol=1e-4)
    assert np.isfinite(found).sum() > 10
    assert table["left_subwords"].to_pylist() == expected.left_subwords.tolist()
    done = run("embed", "texts.txt", "-m", models / "bert", "-o", "b.parquet", "--surprisal", cwd=folder)
    assert (done.code, "Surprisal is for causal models" in done.err, files_in(folder)) == (
        2,
        True,
        ["out.parquet", "texts.txt"],
    )


def test_causal_models_that_read_twice_have_nothing_to_say(folder: Path, models: Path) -> None:
    settings = ["--repeat", "--bos", "always"]
    done = run("embed", "texts.txt", "-m", models / "gpt2", "-o", "out.parquet", *settings, cwd=folder)
    assert done.code == 0
    assert NOTE not in done.err
    expected = WordEmbedder(models / "gpt2", repeat=True, bos="always")
    assert_holds(folder / "out.parquet", expected.encode(SENTENCES), LINES)


def test_the_encoder_of_an_encoder_decoder(folder: Path, models: Path) -> None:
    done = run("embed", "texts.txt", "-m", models / "t5", "-o", "out.parquet", cwd=folder)
    assert done.code == 0
    assert NOTE not in done.err
    assert_holds(folder / "out.parquet", WordEmbedder(models / "t5").encode(SENTENCES), LINES)


# ---------------------------------------------------------------- what is there already


def test_an_output_that_exists_is_replaced_only_on_request(folder: Path, bert: Path) -> None:
    (folder / "out.npz").write_bytes(b"mine")
    given = ["embed", "texts.txt", "-m", bert, "-o", "out.npz"]
    done = run(*given, cwd=folder)
    assert (done.code, done.out) == (1, "")
    assert done.err == "wordstates: 'out.npz' exists: choose another name, or pass --overwrite to replace it.\n"
    assert (folder / "out.npz").read_bytes() == b"mine"
    assert run(*given, "--overwrite", cwd=folder).code == 0
    assert np.load(folder / "out.npz")["vector"].shape == (19, 32)
    assert files_in(folder) == ["out.npz", "texts.txt"]


def test_an_input_is_never_replaced(tmp_path: Path, bert: Path) -> None:
    (tmp_path / "t.jsonl").write_bytes(as_jsonl())
    (tmp_path / "other").symlink_to(tmp_path)
    done = run("embed", "t.jsonl", "-m", bert, "-o", "other/t.jsonl", "--overwrite", cwd=tmp_path)
    assert (done.code, done.out) == (1, "")
    assert done.err == ("wordstates: 'other/t.jsonl' is one of the inputs, and would be lost: write to another file.\n")
    assert (tmp_path / "t.jsonl").read_bytes() == as_jsonl()


def test_a_failed_run_leaves_the_file_that_was_there(folder: Path, bert: Path) -> None:
    (folder / "out.jsonl").write_bytes(b"mine")
    (folder / "z.txt").write_bytes(b"\xff\xfe\xff")
    done = run("embed", "texts.txt", "z.txt", "-m", bert, "-o", "out.jsonl", "--overwrite", cwd=folder)
    assert done.code == 1
    assert (folder / "out.jsonl").read_bytes() == b"mine"
    assert files_in(folder) == ["out.jsonl", "texts.txt", "z.txt"]


# ---------------------------------------------------------------- how it ends: a process of its own

SMALL_GROUPS = "import wordstates.runs.groups as attempts; attempts.GROUP_CHARACTERS = 2_000"


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """Give a folder with a text that takes the tiny model many seconds, read in many small groups."""
    # Every line is another: a text that comes twice would be read once.
    orders = permutations(["the", "river", "runs", "past", "the", "bank", "and", "the", "old", "mill"])
    (tmp_path / "large.txt").write_text("\n".join(map(" ".join, islice(orders, 40_000))))
    return tmp_path


@pytest.mark.long
def test_an_interrupt_in_the_middle_leaves_nothing(large: Path, bert: Path) -> None:
    with start("embed", "large.txt", "-", "-m", bert, "-o", "out.parquet", cwd=large, before=SMALL_GROUPS) as process:
        wait_until(lambda: list(large.glob(".*.partial")), process)
        process.send_signal(signal.SIGINT)
        code, out, err = ended(process)
    assert (code, out) == (130, b"")
    assert err == b"\nwordstates: interrupted; no unfinished file was left behind.\n"
    assert files_in(large) == ["large.txt"]


@pytest.mark.long
def test_the_next_run_removes_what_a_killed_one_left(large: Path, bert: Path) -> None:
    given = ["-m", bert, "-o", "out.parquet"]
    with start("embed", "large.txt", "-", *given, cwd=large, before=SMALL_GROUPS) as process:
        wait_until(lambda: any(path.stat().st_size for path in large.glob(".*.partial")), process)
        process.kill()
        ended(process)
    assert len(list(large.glob(".*.partial"))) == 1
    assert run("embed", "-", *given, stdin=LONG, cwd=large).code == 0
    assert files_in(large) == ["large.txt", "out.parquet"]


@pytest.mark.parametrize(
    ("number", "code", "how"),
    [
        (signal.SIGINT, 130, "interrupted"),
        (signal.SIGTERM, 143, "stopped by SIGTERM"),
        (signal.SIGHUP, 129, "stopped by SIGHUP"),
    ],
)
def test_the_exit_code_names_the_signal(
    folder: Path, bert: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals, code: int, how: str
) -> None:
    before = {stop: signal.getsignal(stop) for stop in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    monkeypatch.setattr(Session, "begin", lambda *_, **__: signal.raise_signal(number))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        done = run("embed", "texts.txt", "-m", bert, "-o", "out.parquet", cwd=folder)
    finally:
        for stop, handler in before.items():
            signal.signal(stop, handler)
    assert (done.code, done.out) == (code, "")
    assert done.err == f"\nwordstates: {how}; no unfinished file was left behind.\n"
    assert files_in(folder) == ["texts.txt"]


def test_a_reader_that_leaves_is_no_error_to_tell(large: Path, bert: Path) -> None:
    """``wordstates embed ... -o - | head -1``."""
    with start("embed", "large.txt", "-m", bert, "-o", "-", cwd=large, before=SMALL_GROUPS) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert json.loads(process.stdout.readline())["word"] == "the"
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(A_HANG) == 1


def test_a_disk_that_fills_up(large: Path, bert: Path) -> None:
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))"
    given = ["embed", "large.txt", "-m", bert, "-o", "out.jsonl"]
    with start(*given, cwd=large, before=f"{SMALL_GROUPS}\n{limit}") as process:
        code, out, err = ended(process)
    assert (code, out) == (1, b"")
    assert err.startswith(b"wordstates: Disk full while writing 'out.jsonl': free more than the ")
    assert err.endswith(b"then run again; nothing was left behind.\n")
    assert err.count(b"\n") == 1
    assert files_in(large) == ["large.txt"]


# ---------------------------------------------------------------- rejects


def test_documents_that_fail_are_rejected_and_the_others_done(models: Path, tmp_path: Path) -> None:
    """Exit code 3: the file holds what could be done, and another lists what could not, and why."""
    texts = ["the mill", "the lake " * 80, "a river", "the old mill " * 60]
    (tmp_path / "mixed.txt").write_text("\n".join(texts) + "\n", encoding="utf-8")
    output = tmp_path / "out.parquet"
    done = run("embed", tmp_path / "mixed.txt", "-m", models / "bert", "-o", output, "--long-texts", "error")
    assert done.code == 3
    assert "rejected        2" in done.err
    assert f"2 of the documents could not be embedded; they are in {output}.rejects.jsonl" in done.err
    rows = pq.read_table(output)
    assert set(rows["document"].to_pylist()) == {f"{tmp_path}/mixed.txt:1", f"{tmp_path}/mixed.txt:3"}
    rejects = [json.loads(line) for line in Path(f"{output}.rejects.jsonl").read_text().splitlines()]
    assert [reject["document"] for reject in rejects] == [f"{tmp_path}/mixed.txt:2", f"{tmp_path}/mixed.txt:4"]
    assert "subwords, the window holds" in rejects[0]["reason"]


def test_a_folder_with_and_without_keys_has_a_column_of_keys(models: Path, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("the mill\n" * 3, encoding="utf-8")
    (tmp_path / "b.conllu").write_text("1\tmill\t" + "\t".join("_" * 8) + "\n\n", encoding="utf-8")
    output = tmp_path.parent / f"{tmp_path.name}.parquet"
    with pytest.warns(UserWarning, match="several formats"):
        assert run("embed", tmp_path, "-m", models / "bert", "-o", output, "-q").code == 0
    assert pq.read_table(output)["key"].to_pylist() == [None] * 6 + ["1"]


def test_a_text_in_another_language_gets_a_note(models: Path, tmp_path: Path) -> None:
    (tmp_path / "ogham.txt").write_text("᚛ ᚑᚌᚐᚋ ᚜ mill\n", encoding="utf-8")
    done = run("embed", tmp_path / "ogham.txt", "-m", models / "bert", "-o", tmp_path / "out.npz")
    assert "note: the tokenizer does not know" in done.err


@pytest.mark.parametrize(
    ("config", "says"),
    [
        (["hidden_act"], "--config 'hidden_act' is no KEY=VALUE"),
        (["=relu"], "--config '=relu' is no KEY=VALUE"),
        (["a=1", "a=2"], "--config: 'a' is given twice"),
        (["hidden_akt=relu"], "has no key 'hidden_akt' in its config. Near it are 'hidden_act'"),
    ],
)
def test_a_wrong_key_of_the_config_is_a_wrong_option(folder: Path, bert: Path, config: list[str], says: str) -> None:
    options = [part for each in config for part in ("--config", each)]
    done = run("embed", "texts.txt", "-m", bert, "-o", "notes.parquet", *options, cwd=folder)
    assert (done.code, says in " ".join(done.err.split())) == (2, True), done.err
    assert not (folder / "notes.parquet").exists()


def test_values_of_the_config_are_json_or_text() -> None:
    given = ["a=1", "b=true", "c=relu", "d=[1, 2]", "e=x=y", 'f="1"', "g="]
    read = {"a": 1, "b": True, "c": "relu", "d": [1, 2], "e": "x=y", "f": "1", "g": ""}
    assert ComputeOptions(config=given).for_embedder()["config"] == read
    assert ComputeOptions().for_embedder()["config"] is None
