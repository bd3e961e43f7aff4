"""What is saved comes back: every part, in every format that holds it; other files are refused with the reason."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import save_file

import wordstates
from families import build
from wordstates import Recipe, StaticVectors, WordEmbedder, WordEmbeddings
from wordstates.documents.document import Document
from wordstates.errors import InputError, OutputError
from wordstates.files.describe import describe
from wordstates.files.open_writer import open_writer
from wordstates.files.tensors import read_tensors

TEXTS = ["The old mill, the lake.", "", "river <b>mill</b> \u200b 東京"]
ENDINGS = ("parquet", "npz", "safetensors", "jsonl")


def results() -> dict[str, WordEmbeddings]:
    bert = WordEmbedder(*build("bert"), splitter="whitespace", left_subwords=True)
    several = [Recipe(-1, name="last"), Recipe("0:2", "none", "first", name="kept layers")]
    plain = bert.encode(TEXTS)
    bits = np.linspace(0.1, 7, len(plain.words)).astype(np.float32)
    bits[3] = np.nan
    return {
        "plain": plain,
        "a text": bert.encode(TEXTS[0]),
        "own order": plain.take([7, 0, 5, 1]),
        "nothing": plain.take([]),
        "no vector": plain.take(~plain.has_vector),
        "several recipes": WordEmbedder(*build("bert"), recipes=several, splitter="whitespace").encode(TEXTS),
        "one of several": WordEmbedder(*build("bert"), recipes=several).encode(TEXTS).recipe("kept layers"),
        "subwords": WordEmbedder(*build("bert"), subword_pooling="none", splitter="whitespace").encode(TEXTS),
        "surprisal": dataclasses.replace(plain, numbers={**plain.numbers, "surprisal": bits}),
        "unit length": plain.normalized(),
    }


RESULTS = results()


def parts(value: object) -> object:
    """Give a result as plain data: arrays with their type, shape and bytes of numbers."""
    if dataclasses.is_dataclass(value) and not isinstance(value, (Recipe, type)):
        return {field.name: parts(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, np.ndarray):
        kind = value.dtype.kind.replace("u", "i")
        return (kind, value.shape, np.nan_to_num(value.astype(np.float64), nan=-7.5).tolist())
    if isinstance(value, dict):
        return {key: parts(each) for key, each in value.items()}
    return list(value) if isinstance(value, tuple) else value


@pytest.mark.parametrize("change", [{"vocabulary": {"24": "a"}}, {"subword_ids": [24]}, {"subword_ids": None}])
def test_subwords_that_are_not_there_are_told(tmp_path: Path, change: dict[str, object]) -> None:
    RESULTS["plain"].save(tmp_path / "x.jsonl")
    beside = tmp_path / "x.jsonl.provenance.json"
    provenance = json.loads(beside.read_text())
    provenance["saved"] |= change
    beside.write_text(json.dumps({**provenance, "saved": {k: v for k, v in provenance["saved"].items() if v}}))
    with pytest.raises(InputError, match="is broken"):
        wordstates.load(tmp_path / "x.jsonl")


def test_a_file_that_calls_its_splitter_words_is_read(tmp_path: Path) -> None:
    RESULTS["plain"].save(tmp_path / "x.jsonl")
    beside = tmp_path / "x.jsonl.provenance.json"
    beside.write_text(beside.read_text().replace('"splitter":', '"words":'))
    assert wordstates.load(tmp_path / "x.jsonl").provenance == RESULTS["plain"].provenance


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("name", RESULTS)
def test_a_result_comes_back(name: str, ending: str, tmp_path: Path) -> None:
    given, path = RESULTS[name], tmp_path / f"x.{ending}"
    assert given.save(path) == path.stat().st_size
    back = wordstates.load(path)
    wanted, got = parts(given), parts(back)
    assert isinstance(wanted, dict)
    assert isinstance(got, dict)
    wanted["provenance"] = {**json.loads(json.dumps(dict(given.provenance))), "recipes": got["provenance"]["recipes"]}
    assert got == wanted
    assert [recipe["name"] for recipe in got["provenance"]["recipes"]] == list(given.recipe_names)
    assert (back.statuses, back.subwords, len(back)) == (given.statuses, given.subwords, len(given))


def test_a_saved_file_is_described_and_replaced_only_if_asked(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    RESULTS["plain"].save(path)
    assert "saved" not in describe(path).provenance
    assert pq.read_table(path).column_names == RESULTS["plain"].to_arrow().column_names
    with pytest.raises(OutputError, match="exists"):
        RESULTS["a text"].save(path)
    RESULTS["a text"].save(path, overwrite=True)
    assert wordstates.load(path).words == RESULTS["a text"].words


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_a_file_of_the_command_is_loaded_without_its_texts(ending: str, dtype: str, tmp_path: Path) -> None:
    given, path = RESULTS["plain"], tmp_path / f"x.{ending}"
    writer = open_writer(path, dtype=dtype)  # type: ignore[arg-type]
    writer.write([Document(f"d{number}", text) for number, text in enumerate(TEXTS)], given)
    writer.commit(given.provenance)
    back = wordstates.load(path)
    assert (back.words, back.statuses) == (given.words, given.statuses)
    assert back.provenance["documents"] == ["d0", "d2"]  # d1 has no words
    assert back.texts == ("The old mill, the lake.", "river <b>mill</b> \u200b 東京")
    assert np.allclose(back.vectors, given.vectors, atol=1e-2 if dtype == "float16" else 0, equal_nan=True)
    assert back.subword_counts.tolist() == given.subword_counts.tolist()
    assert set(sum(back.subwords, ())) == {"?"}
    assert all(back.texts[t][s:e] == w for w, t, (s, e) in zip(back.words, back.text_index, back.spans, strict=True))


@pytest.mark.parametrize("ending", ["h5", "csv", "tsv", "xlsx"])
def test_formats_that_do_not_hold_a_result_are_refused(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"x.{ending}"
    with pytest.raises(OutputError, match=r"does not hold all that is here, and cannot be read back"):
        RESULTS["plain"].save(path)
    path.write_bytes(b"x")
    with pytest.raises(InputError, match=r"cannot be loaded: it does not hold all of a result"):
        wordstates.load(path)


def test_what_is_no_result_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"is a folder: wordstates\.open_store reads a store"):
        wordstates.load(tmp_path)
    with pytest.raises(InputError, match="is not a file"):
        wordstates.load(tmp_path / "no.parquet")
    (tmp_path / "broken.npz").write_bytes(b"PK")
    with pytest.raises(InputError, match="it is broken"):
        wordstates.load(tmp_path / "broken.npz")
    with pytest.raises(OutputError, match="its ending names no output format"):
        RESULTS["plain"].save(tmp_path / "x.foo")
    for name in ("static.parquet", "static.safetensors"):
        StaticVectors.from_embeddings(RESULTS["plain"]).save(tmp_path / name)
        with pytest.raises(InputError, match=r"static vectors are read by StaticVectors\.load"):
            wordstates.load(tmp_path / name)
    RESULTS["plain"].save(tmp_path / "x.parquet")
    with pytest.raises(InputError, match=r"word embeddings are read by wordstates\.load"):
        StaticVectors.load(tmp_path / "x.parquet")
    StaticVectors.from_embeddings(RESULTS["plain"]).save(tmp_path / "static.txt")
    with pytest.raises(InputError, match=r"gensim's KeyedVectors"):
        StaticVectors.load(tmp_path / "static.txt")


@pytest.mark.parametrize("read", [wordstates.load, StaticVectors.load])
def test_a_changed_number_in_safetensors_is_told(read: Callable[[Path], object], tmp_path: Path) -> None:
    """The format has no checksum, so ours is in the metadata; files without it are read as before."""
    path = tmp_path / "x.safetensors"
    result = RESULTS["plain"]
    (result if read is wordstates.load else StaticVectors.from_embeddings(result)).save(path)
    sound = path.read_bytes()
    path.write_bytes(sound[:-3] + bytes([sound[-3] ^ 1]) + sound[-2:])
    with pytest.raises(InputError, match="is not what was written: its checksum differs"):
        read(path)
    path.write_bytes(sound)
    tensors, metadata = read_tensors(path)
    save_file(tensors, path, metadata)
    read(path)


@pytest.mark.parametrize("ending", ["parquet", "safetensors"])
def test_static_vectors_come_back(ending: str, tmp_path: Path) -> None:
    both = [Recipe(-1, name="last"), Recipe("0:2", "concat", name="low")]
    embeddings = WordEmbedder(*build("bert"), recipes=both).encode(["a mill, a lake", "the mill"])
    plain = StaticVectors.from_embeddings(embeddings)
    grouped = dataclasses.replace(
        plain, groups=["1990s", None] * (len(plain) // 2) + ["x"] * (len(plain) % 2), by="decade"
    )
    for name, given in {"plain": plain, "grouped": grouped}.items():
        path = tmp_path / f"{name}.{ending}"
        given.save(path)
        back, wanted = parts(StaticVectors.load(path)), parts(given)
        assert isinstance(wanted, dict)
        wanted["provenance"] = json.loads(json.dumps(given.provenance))
        assert back == wanted
