"""Writers: the same rows in every format, files that are whole or not there, and what files say of themselves."""

from __future__ import annotations

import errno
import io
import json
import os
import re
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import h5py
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from safetensors import safe_open

from patience import A_HANG, wait_until
from wordstates.documents.document import Document
from wordstates.errors import InputError, MissingExtraError, NonFiniteError, OutputError
from wordstates.files import tables
from wordstates.files.describe import describe, read_provenance
from wordstates.files.open_writer import open_writer
from wordstates.options import VectorDtype
from wordstates.result.rows import Rows
from wordstates.text.align import STATUSES

PROVENANCE = {"model": "tiny-änderung", "layers": [0, 1], "revision": None}
ENDINGS = [".parquet", ".npz", ".safetensors", ".jsonl", ".h5", ".hdf5"]
DIM = 3


@dataclass
class Embeddings:
    """Stand-in for WordEmbeddings: the attributes that writers use."""

    texts: tuple[str, ...]
    words: list[str]
    spans: npt.NDArray[np.int64]
    statuses: list[str]
    subword_counts: npt.NDArray[np.int64]
    text_starts: npt.NDArray[np.int64]
    columns: dict[str, npt.NDArray[np.float32]]
    of_row: dict[str, npt.NDArray[np.int64]] = field(default_factory=dict)
    numbers: dict[str, npt.NDArray[Any]] = field(default_factory=dict)
    run_texts: None = None

    @property
    def status_codes(self) -> npt.NDArray[np.uint8]:
        return np.array([STATUSES.index(status) for status in self.statuses], dtype=np.uint8)

    @property
    def has_vector(self) -> npt.NDArray[np.bool_]:
        return np.array([status in ("ok", "shared_subword") for status in self.statuses], dtype=bool)

    @property
    def recipe_names(self) -> tuple[str, ...]:
        return tuple(self.columns)

    def column(self, name: str) -> npt.NDArray[np.float32]:
        return self.columns[name]

    def row_words(self, name: str) -> npt.NDArray[np.int64] | None:
        return self.of_row.get(name)


def embed(
    texts: Sequence[str], *, shapes: dict[str, tuple[int, ...]] | None = None, lost: Sequence[str] = ("\u200b",)
) -> Embeddings:
    """Embed texts with random vectors; words in `lost` get no subword, and so no vector."""
    found = [[(match.start(), match.end()) for match in re.finditer(r"\S+", text)] for text in texts]
    words = [text[start:end] for text, spans in zip(texts, found, strict=True) for start, end in spans]
    statuses = ["no_subwords" if word in lost else "ok" for word in words]
    random = np.random.default_rng(len(words))
    columns = {}
    for name, shape in (shapes or {"last": (DIM,)}).items():
        columns[name] = random.normal(size=(len(words), *shape)).astype(np.float32)
        columns[name][[status != "ok" for status in statuses]] = np.nan
    return Embeddings(
        tuple(texts),
        words,
        np.array([span for spans in found for span in spans], dtype=np.int64).reshape(-1, 2),
        statuses,
        np.array([0 if word in lost else len(word) for word in words], dtype=np.int64),
        np.cumsum([0, *map(len, found)]),
        columns,
    )


def by_subword(embeddings: Embeddings) -> Embeddings:
    """Give each word as many rows as it has subwords."""
    rows = np.repeat(np.arange(len(embeddings.words)), embeddings.subword_counts)
    for name in embeddings.columns:
        embeddings.columns[name] = np.arange(len(rows) * DIM, dtype=np.float32).reshape(-1, DIM)
        embeddings.of_row[name] = rows
    return embeddings


def documents(texts: Sequence[str], first: int = 0, *, keys: bool = False) -> list[Document]:
    return [
        Document(f"d{index}", text, None, tuple(f"k{n}" for n in range(len(text.split()))) if keys else None)
        for index, text in enumerate(texts, first)
    ]


def save(path: Path, *parts: Embeddings, dtype: VectorDtype = "float32", keys: bool = False) -> int:
    writer = open_writer(path, dtype=dtype)
    first = 0
    try:
        for part in parts:
            writer.write(documents(part.texts, first, keys=keys), cast(Any, part))
            first += len(part.texts)
        return writer.commit(PROVENANCE)
    finally:
        writer.abort()


def load(path: Path) -> pd.DataFrame:
    """Read the table of any format but HDF5 by the format's own library; a vector that is not there is None."""
    if path.suffix == ".parquet":
        return pq.read_table(path).to_pandas()
    if path.suffix == ".jsonl":
        frame = pd.DataFrame([json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()])
        for name in frame.columns:
            if name.startswith("vector"):
                frame[name] = [None if value is None else np.array(value, dtype=np.float32) for value in frame[name]]
        return frame
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as file:
            arrays = dict(file)
        strings = {name: arrays[name].tolist() for name in ("words", "statuses", "documents")}
    else:
        with safe_open(path, framework="numpy") as file:
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            strings = {name: json.loads(file.metadata()[name]) for name in ("words", "statuses", "documents")}
    starts = arrays["text_starts"]
    assert np.array_equal(np.repeat(np.arange(len(starts) - 1), np.diff(starts)), arrays["document_index"])
    columns: dict[str, Any] = {
        "document": [strings["documents"][index] for index in arrays["document_index"]],
        "position": arrays["position"],
        "word": strings["words"],
        "start": arrays["start"],
        "end": arrays["end"],
        "status": strings["statuses"],
        "subwords": arrays["subwords"],
    }
    for name, values in arrays.items():
        if name.startswith("vector"):
            assert np.isnan(values[~arrays["has_vector"]]).all()
            columns[name] = [v if has else None for v, has in zip(values, arrays["has_vector"], strict=True)]
    return pd.DataFrame(columns)


def assert_vectors(found: pd.Series, expected: Embeddings, name: str = "last", *, exact: bool = True) -> None:
    assert len(found) == len(expected.words)
    for value, vector, has in zip(found, expected.column(name), expected.has_vector, strict=True):
        assert (value is not None) == has
        if has:
            np.testing.assert_allclose(np.ravel(value), vector.ravel(), rtol=0 if exact else 1e-3, atol=0)


# ── the rows ──


@pytest.mark.parametrize("ending", [".parquet", ".npz", ".safetensors", ".jsonl"])
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_every_format_has_the_same_rows(tmp_path: Path, ending: str, dtype: VectorDtype) -> None:
    """Over several writes, with an empty document among them and a word without a vector."""
    parts = [embed(["The fox 🦊 \u200b jumps", ""]), embed(["Über\u00e4ll"]), embed(["日本 語"])]
    path = tmp_path / f"out{ending}"
    size = save(path, *parts, dtype=dtype)
    assert size == path.stat().st_size
    frame = load(path)
    assert frame["document"].tolist() == ["d0"] * 5 + ["d2"] + ["d3"] * 2
    assert frame["position"].tolist() == [0, 1, 2, 3, 4, 0, 0, 1]
    assert frame["word"].tolist() == ["The", "fox", "🦊", "\u200b", "jumps", "Über\u00e4ll", "日本", "語"]
    assert list(zip(frame["start"], frame["end"], strict=True))[2:5] == [(8, 9), (10, 11), (12, 17)]
    assert frame["status"].tolist() == ["ok"] * 3 + ["no_subwords"] + ["ok"] * 4
    assert frame["subwords"].tolist() == [3, 3, 1, 0, 5, 7, 2, 1]
    assert "key" not in frame.columns
    assert "subword" not in frame.columns
    start = 0
    for part in parts:
        assert_vectors(frame["vector"].iloc[start : start + len(part.words)], part, exact=dtype == "float32")
        start += len(part.words)
    assert [found.name for found in tmp_path.iterdir() if found.name.startswith(".")] == []


def test_parquet_schema(tmp_path: Path) -> None:
    """Plain types that any tool reads, nulls that are nulls, and the true shape of a kept layer axis beside them."""
    part = embed(["a \u200b c"], shapes={"last": (DIM,), "all": (4, DIM)})
    save(tmp_path / "out.parquet", part, dtype="float16")
    table = pq.read_table(tmp_path / "out.parquet")
    strings = ("document", "word", "status")
    assert table.column_names == [
        *("document", "position", "word", "start", "end", "status", "subwords"),
        *("vector_last", "vector_all"),
    ]
    for name in table.column_names[:7]:
        assert table.schema.field(name).type == (pa.string() if name in strings else pa.int32())
    field = table.schema.field("vector_all")
    assert pa.types.is_fixed_size_list(field.type)
    assert (field.type.list_size, field.type.value_type) == (4 * DIM, pa.float16())
    assert field.metadata[b"shape"] == b"[4, 3]"
    assert table.schema.field("vector_last").metadata[b"shape"] == b"[3]"
    assert table["vector_all"].null_count == table["vector_last"].null_count == 1
    values = np.stack(table["vector_all"].drop_null().to_numpy()).reshape(-1, 4, DIM)
    np.testing.assert_array_equal(values, part.columns["all"][[0, 2]].astype(np.float16))
    group = pq.read_metadata(tmp_path / "out.parquet").row_group(0)
    columns = [group.column(index) for index in range(group.num_columns)]
    compression = {column.path_in_schema.partition(".")[0]: column.compression for column in columns}
    assert (compression["word"], compression["vector_all"]) == ("ZSTD", "UNCOMPRESSED")


def test_parquet_row_groups_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However the rows come, and however few are encoded at a time: small writes fill a group, a large one is cut."""
    monkeypatch.setattr(tables, "_GROUP_ROWS", 4)
    monkeypatch.setattr(tables, "_BATCH_NUMBERS", 3 * DIM)
    parts = [embed(["a b c"]), embed([" ".join("defghijkl")]), embed(["m"])]
    save(tmp_path / "out.parquet", *parts)
    metadata = pq.read_metadata(tmp_path / "out.parquet")
    assert [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)] == [4, 4, 4, 1]
    frame = load(tmp_path / "out.parquet")
    assert "".join(frame["word"]) == "abcdefghijklm"
    assert_vectors(frame["vector"].iloc[3:12], parts[1])
    monkeypatch.setattr(tables, "_GROUP_BYTES", 2 * DIM * 4)
    save(tmp_path / "small.parquet", *parts)
    assert pq.read_metadata(tmp_path / "small.parquet").row_group(0).num_rows == 2


@pytest.mark.parametrize("ending", [".parquet", ".npz", ".safetensors", ".jsonl"])
def test_several_recipes(tmp_path: Path, ending: str) -> None:
    part = embed(["a fox \u200b"], shapes={"last": (DIM,), "all": (2, DIM)})
    path = tmp_path / f"out{ending}"
    save(path, part)
    frame = load(path)
    assert "vector" not in frame.columns
    assert_vectors(frame["vector_last"], part)
    assert_vectors(frame["vector_all"], part, "all")
    if ending != ".parquet":
        assert np.shape(frame["vector_all"][0]) == (2, DIM)


def test_keys_of_the_input(tmp_path: Path) -> None:
    texts = ["a fox", "is"]
    for ending in (".parquet", ".jsonl"):
        save(tmp_path / f"out{ending}", embed(texts), keys=True)
        assert load(tmp_path / f"out{ending}")["key"].tolist() == ["k0", "k1", "k0"]
    save(tmp_path / "out.npz", embed(texts), keys=True)
    with np.load(tmp_path / "out.npz") as arrays:
        assert arrays["keys"].tolist() == ["k0", "k1", "k0"]
    save(tmp_path / "out.safetensors", embed(texts), keys=True)
    with safe_open(tmp_path / "out.safetensors", framework="numpy") as file:
        assert json.loads(file.metadata()["keys"]) == ["k0", "k1", "k0"]


def test_documents_without_keys_among_others(tmp_path: Path) -> None:
    writer = open_writer(tmp_path / "out.parquet")
    writer.write(documents(["a fox"], keys=True) + documents(["is"], 1), cast(Any, embed(["a fox", "is"])))
    writer.write(documents(["here"], 2), cast(Any, embed(["here"])))
    writer.commit(PROVENANCE)
    assert pq.read_table(tmp_path / "out.parquet")["key"].to_pylist() == ["k0", "k1", None, None]


@pytest.mark.parametrize("ending", [".parquet", ".jsonl"])
def test_rows_of_subwords(tmp_path: Path, ending: str) -> None:
    """A word without subwords keeps its row, at its place."""
    part = by_subword(embed(["ab \u200b c", "\u200b"]))
    save(tmp_path / f"out{ending}", part, keys=True)
    frame = load(tmp_path / f"out{ending}")
    assert frame["word"].tolist() == ["ab", "ab", "\u200b", "c", "\u200b"]
    assert frame["document"].tolist() == ["d0"] * 4 + ["d1"]
    assert frame["position"].tolist() == [0, 0, 1, 2, 0]
    assert frame["key"].tolist() == ["k0", "k0", "k1", "k2", "k0"]
    assert [None if pd.isna(value) else int(value) for value in frame["subword"]] == [0, 1, None, 0, None]
    assert [None if value is None else value[0] for value in frame["vector"]] == [0, 3, None, 6, None]


def test_rows_of_subwords_in_arrays(tmp_path: Path) -> None:
    save(tmp_path / "out.npz", by_subword(embed(["ab \u200b", "c"])))
    with np.load(tmp_path / "out.npz") as arrays:
        assert arrays["subword"].tolist() == [0, 1, -1, 0]
        assert arrays["has_vector"].tolist() == [True, True, False, True]
        assert arrays["text_starts"].tolist() == [0, 3, 4]


def test_a_word_out_of_reach_is_null_even_where_its_subwords_have_rows(tmp_path: Path) -> None:
    part = by_subword(embed(["ab cd"]))
    part.statuses[1] = "truncated"
    save(tmp_path / "out.parquet", part)
    assert pq.read_table(tmp_path / "out.parquet")["vector"].is_null().to_pylist() == [False, False, True, True]


def test_what_is_written_does_not_change_what_was_given(tmp_path: Path) -> None:
    part = embed(["a \u200b"])
    part.columns["last"][1] = 7.0  # contract says NaN; the file must have none of it either way
    save(tmp_path / "out.npz", part)
    assert part.columns["last"][1, 0] == 7.0
    with np.load(tmp_path / "out.npz") as arrays:
        assert np.isnan(arrays["vector"][1]).all()


def test_documents_without_words_make_a_file_without_rows(tmp_path: Path) -> None:
    for ending in (".parquet", ".npz", ".safetensors", ".jsonl"):
        save(tmp_path / f"out{ending}", embed(["", " "]))
        assert len(load(tmp_path / f"out{ending}")) == 0


# ── jsonl and HDF5 ──


def test_jsonl_lines(tmp_path: Path) -> None:
    """One object per word, the shortest numbers that are exact, layers nested, null where there is no vector."""
    part = embed(["fox \u200b"], shapes={"all": (2, 2)})
    part.columns["all"][0] = [[0.1, -2.5], [1e-20, 3.0]]
    save(tmp_path / "out.jsonl", part)
    assert (tmp_path / "out.jsonl").read_text(encoding="utf-8") == (
        '{"document": "d0", "position": 0, "word": "fox", "start": 0, "end": 3, "status": "ok", "subwords": 3, '
        '"vector": [[0.100000001, -2.5], [9.99999968e-21, 3]]}\n'
        '{"document": "d0", "position": 1, "word": "\u200b", "start": 4, "end": 5, "status": "no_subwords", '
        '"subwords": 0, "vector": null}\n'
    )
    assert json.loads((tmp_path / "out.jsonl.provenance.json").read_text(encoding="utf-8")) == PROVENANCE


def test_jsonl_numbers_are_exact(tmp_path: Path) -> None:
    numbers = np.random.default_rng(0).integers(0, 2**32, 3000, dtype=np.uint64).astype(np.uint32).view(np.float32)
    numbers = numbers[np.isfinite(numbers)]
    part = embed(["fox"], shapes={"last": numbers.shape})
    part.columns["last"][0] = numbers
    save(tmp_path / "out.jsonl", part)
    np.testing.assert_array_equal(load(tmp_path / "out.jsonl")["vector"][0], numbers)
    halves = np.arange(2**16, dtype=np.uint16).view(np.float16)
    halves = halves[np.isfinite(halves)].astype(np.float32)
    part = embed(["fox"], shapes={"last": halves.shape})
    part.columns["last"][0] = halves
    save(tmp_path / "half.jsonl", part, dtype="float16")
    np.testing.assert_array_equal(load(tmp_path / "half.jsonl")["vector"][0].astype(np.float16), halves)


def test_stdout_is_jsonl_without_provenance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    out = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(out))
    writer = open_writer("-")
    writer.write(documents(["Ä b"]), cast(Any, embed(["Ä b"])))
    size = writer.commit(PROVENANCE)
    writer.abort()
    assert size == len(out.getvalue())
    assert [json.loads(line)["word"] for line in out.getvalue().decode().splitlines()] == ["Ä", "b"]
    assert list(tmp_path.iterdir()) == []


def test_a_pipe_that_nobody_reads_is_left_to_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    class Closed(io.RawIOBase):
        def writable(self) -> bool:
            return True

        def write(self, _: object) -> int:
            raise BrokenPipeError

    class Stdout:
        buffer = Closed()

    monkeypatch.setattr(sys, "stdout", Stdout())
    with pytest.raises(BrokenPipeError):
        open_writer("-").write(documents(["a"]), cast(Any, embed(["a"])))


@pytest.mark.parametrize(("shape", "dtype"), [((2, DIM), "float32"), ((DIM,), "float32"), ((DIM,), "float16")])
def test_hdf5_is_laid_out_as_elmo_did(tmp_path: Path, shape: tuple[int, ...], dtype: VectorDtype) -> None:
    parts = [embed(["A  fox \u200b", ""], shapes={"all": shape}), embed(["Über"], shapes={"all": shape})]
    save(tmp_path / "out.h5", *parts, dtype=dtype)
    with h5py.File(tmp_path / "out.h5") as file:
        assert sorted(file) == ["0", "1", "2", "sentence_to_index"]
        index = file["sentence_to_index"]
        assert index.shape == (1,)
        assert json.loads(index[0]) == {"A fox \u200b": "0", "": "1", "Über": "2"}
        assert file["0"].shape == (*shape[:-1], 3, DIM)
        assert file["1"].shape == (*shape[:-1], 0, DIM)
        assert file["0"].dtype == dtype
        expected = parts[0].columns["all"].astype(dtype)
        np.testing.assert_array_equal(file["0"][...], np.moveaxis(expected, 0, -2))
        assert file["2"].attrs["document"] == "d2"
        assert json.loads(file.attrs["wordstates"]) == PROVENANCE


def test_hdf5_holds_one_recipe_of_words(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"out\.h5': HDF5 in ELMo's layout holds one recipe, and there are 2"):
        save(tmp_path / "out.h5", embed(["a"], shapes={"x": (DIM,), "y": (DIM,)}))
    with pytest.raises(OutputError, match="holds words, not subwords"):
        save(tmp_path / "out.h5", by_subword(embed(["a"])))


def test_hdf5_needs_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path / "there.h5", embed(["a"]))
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(MissingExtraError, match=r'writing HDF5 needs .*: pip install "wordstates\[hdf5\]"'):
        open_writer(tmp_path / "out.h5")
    with pytest.raises(MissingExtraError, match="reading HDF5 needs"):
        describe(tmp_path / "there.h5")


def test_numbers_beside_the_vectors_in_every_format(tmp_path: Path) -> None:
    embeddings = embed(["a \u200b c"])
    embeddings.numbers = {
        "surprisal": np.array([np.nan, np.nan, 2.5], dtype=np.float32),
        "left_subwords": np.array([0, -1, 3], dtype=np.int32),
    }
    for ending in (".parquet", ".jsonl", ".npz", ".safetensors", ".csv"):
        writer = open_writer(tmp_path / f"out{ending}")
        writer.write(documents(["a"]), cast(Any, embeddings))
        writer.commit(PROVENANCE)
    expected = {"surprisal": [None, None, 2.5], "left_subwords": [0, None, 3]}
    table = pq.read_table(tmp_path / "out.parquet")
    assert {name: table[name].to_pylist() for name in expected} == expected
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert {name: [line[name] for line in lines] for name in expected} == expected
    with np.load(tmp_path / "out.npz") as arrays, safe_open(tmp_path / "out.safetensors", framework="numpy") as tensors:
        for name, values in embeddings.numbers.items():
            np.testing.assert_array_equal(arrays[name], values)
            np.testing.assert_array_equal(tensors.get_tensor(name), values)
    frame = pd.read_csv(tmp_path / "out.csv")
    assert frame["left_subwords"].tolist()[::2] == [0, 3]
    assert frame["surprisal"].isna().tolist() == [True, True, False]
    with pytest.raises(OutputError, match="holds vectors alone, and no column 'surprisal'"):
        open_writer(tmp_path / "out.h5").write(documents(["a"]), cast(Any, embeddings))


# ── what cannot be written ──


def test_where_nothing_can_be_written_is_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "there.npz").write_text("mine")
    (tmp_path / "folder.npz").mkdir()
    cases = [
        ("out.docx", r"out\.docx': its ending names no output format.*\.parquet, \.npz, \.safetensors.*or '-'"),
        ("there.npz", r"there\.npz' exists: .*overwrite=True"),
        ("folder.npz", r"folder\.npz' is a folder"),
        ("nowhere/out.npz", r"The folder of .*out\.npz' does not exist.*mkdir -p"),
    ]
    for name, says in cases:
        with pytest.raises(OutputError, match=says):
            open_writer(tmp_path / name)
    with pytest.raises(OutputError, match="dtype='bfloat16' does not exist: choose one of float32, float16"):
        open_writer(tmp_path / "out.npz", dtype=cast(Any, "bfloat16"))

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(OutputError, match=r"out\.npz' cannot be written in its folder \(Permission denied\)"):
        open_writer(tmp_path / "out.npz")


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_file_is_as_readable_as_any_other(tmp_path: Path, ending: str) -> None:
    """The rights are those that the umask leaves; safetensors makes files for their owner alone."""
    before = os.umask(0o027)
    try:
        writer = open_writer(tmp_path / f"out{ending}")
        writer.write(documents(["a"]), cast(Any, embed(["a"])))
        writer.commit({})
    finally:
        os.umask(before)
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o640}


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_file_is_there_whole_or_not_at_all(tmp_path: Path, ending: str) -> None:
    """What was there before stays until the new file is whole."""
    path = tmp_path / f"out{ending}"
    path.write_text("before")
    for end in ("abort", "commit"):
        writer = open_writer(path, overwrite=True)
        writer.write(documents(["a fox"]), cast(Any, embed(["a fox"])))
        assert path.read_text() == "before"
        if end == "commit":
            writer.commit(PROVENANCE)
        writer.abort()
        writer.abort()
        assert sorted(found.name for found in tmp_path.iterdir() if "provenance" not in found.name) == [path.name]
    assert read_provenance(path) == PROVENANCE


@pytest.mark.parametrize("ending", ENDINGS)
def test_nothing_written_is_an_error(tmp_path: Path, ending: str) -> None:
    writer = open_writer(tmp_path / f"out{ending}")
    writer.write([], cast(Any, embed([])))
    with pytest.raises(OutputError, match=rf"There is nothing to write to .*out{ending}': no document came"):
        writer.commit(PROVENANCE)
    assert list(tmp_path.iterdir()) == []


def test_beyond_float16(tmp_path: Path) -> None:
    part = embed(["a fox \u200b"])
    part.columns["last"][1, 2] = -70_000
    says = r"Column 'vector' has values up to 70000, and float16 ends at 65504: write dtype='float32'"
    with pytest.raises(OutputError, match=says):
        save(tmp_path / "out.parquet", part, dtype="float16")
    save(tmp_path / "out.parquet", part)
    part.columns["last"][1, 2] = -65_504
    save(tmp_path / "half.parquet", part, dtype="float16")
    assert load(tmp_path / "half.parquet")["vector"][1][2] == -65_504


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_vector_that_is_not_finite_is_not_written(tmp_path: Path, value: float) -> None:
    part = embed(["a", "\u200b fox"])
    part.columns["last"][2, 0] = value
    with pytest.raises(NonFiniteError, match=r"'vector' has NaN or infinity .* 'fox' \(document 'd1', position 1\)"):
        save(tmp_path / "out.jsonl", part)


def test_what_does_not_fit_one_file(tmp_path: Path) -> None:
    mixed = by_subword(embed(["ab"], shapes={"x": (DIM,), "y": (DIM,)}))
    del mixed.of_row["y"]
    with pytest.raises(OutputError, match=r"one row per subword.*write them to two files"):
        save(tmp_path / "out.parquet", mixed)
    mixed.of_row["y"] = mixed.of_row["x"] * 0 - 1
    with pytest.raises(OutputError, match="must have the same subwords"):
        save(tmp_path / "out.parquet", mixed)
    with pytest.raises(OutputError, match=r"began with the vectors \{'vector': \(3,\)\}, and then came .*\(2,\)"):
        save(tmp_path / "out.parquet", embed(["a"]), embed(["a"], shapes={"last": (2,)}))
    writer = open_writer(tmp_path / "out.parquet")
    writer.write(documents(["a"]), cast(Any, embed(["a"])))
    with pytest.raises(OutputError, match=r"no keys, and 'd1' comes with keys \(CoNLL-U\): write them to two files"):
        writer.write(documents(["a"], 1, keys=True), cast(Any, embed(["a"])))
    with pytest.raises(OutputError, match="2 documents for 1 embedded text: give one per text"):
        writer.write(documents(["a", "b"]), cast(Any, embed(["a"])))
    with pytest.raises(OutputError, match="Document 'd0' has 1 key for 2 words"):
        writer.write(documents(["a"], keys=True), cast(Any, embed(["a b"])))
    writer.abort()
    assert list(tmp_path.iterdir()) == []


def test_words_beyond_what_an_array_format_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wordstates.files.arrays._LARGEST_STRINGS", 10)
    monkeypatch.setattr("wordstates.files.arrays._LARGEST_HEADER", 10)
    with pytest.raises(
        OutputError, match=r"NumPy array of 1 words of up to 5 characters is too large: write \.parquet"
    ):
        save(tmp_path / "out.npz", embed(["zebra"]))
    with pytest.raises(OutputError, match=r"the header of safetensors holds 10: write \.parquet"):
        save(tmp_path / "out.safetensors", embed(["zebra"]))


FULL_DISK = """
import resource, sys, os
sys.path[:0] = [sys.argv[2], os.path.dirname(sys.argv[2])]
import test_writers as t
from wordstates.files.open_writer import open_writer
from wordstates.errors import OutputError
part = t.embed(["word " * 4000], shapes={"last": (50,)})
resource.setrlimit(resource.RLIMIT_FSIZE, (200000, 200000))
for path in sys.argv[3:]:
    writer = open_writer(path)
    try:
        for number in range(3):
            writer.write(t.documents(part.texts), part)
        writer.commit(t.PROVENANCE)
    except OutputError as error:
        print(os.listdir(sys.argv[1]), error)
"""


def test_a_full_disk(tmp_path: Path) -> None:
    """A limit on the size of files stands for the disk's end: it fails in the same call."""
    paths = [str(tmp_path / f"out{ending}") for ending in (".parquet", ".npz", ".safetensors", ".jsonl", ".h5")]
    command = [sys.executable, "-c", FULL_DISK, str(tmp_path), str(Path(__file__).parent), *paths]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    for path, told in zip(paths, done.stdout.splitlines(), strict=True):
        assert re.match(rf"\[\] Disk full while writing '{path}': free more than .* nothing was left behind", told)


def test_a_full_disk_behind_stdout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Path("/dev/full").open("wb", buffering=0) as full:

        class Stdout:
            buffer = full

        monkeypatch.setattr(sys, "stdout", Stdout())
        with pytest.raises(OutputError, match=r"Standard output cannot be written .*No space left"):
            open_writer("-").write(documents(["a"]), cast(Any, embed(["a"])))


def test_another_failure_of_writing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> pa.Table:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Rows, "to_arrow", fail)
    with pytest.raises(
        OutputError, match=r"out\.parquet' cannot be written \(.*Input/output error\); nothing was left"
    ):
        save(tmp_path / "out.parquet", embed(["a"]))
    assert list(tmp_path.iterdir()) == []


def test_an_error_in_the_program_is_not_told_as_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> pa.Table:
        raise TypeError("a slip")

    monkeypatch.setattr(Rows, "to_arrow", fail)
    with pytest.raises(TypeError, match="a slip"):
        save(tmp_path / "out.parquet", embed(["a"]))


# ── what files say of themselves ──


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("shape", [(DIM,), (2, DIM)])
def test_describe(tmp_path: Path, ending: str, shape: tuple[int, ...]) -> None:
    path = tmp_path / f"out{ending}"
    size = save(path, embed(["\u200b", "a fox"], shapes={"all": shape}), dtype="float16")
    assert read_provenance(str(path)) == PROVENANCE
    found = describe(path)
    assert (found.path, found.rows, found.bytes, found.provenance) == (str(path), 3, size, PROVENANCE)
    assert found.format == {".h5": "hdf5", ".jsonl": "jsonl"}.get(ending, ending[1:])
    assert found.vectors == {"vector": shape}
    assert found.dtype == ("json" if ending == ".jsonl" else "float16")
    assert "vector" in found.columns
    if ending in (".parquet", ".jsonl"):
        assert list(found.columns)[:2] == ["document", "position"]


def test_provenance_takes_what_json_does_not_know(tmp_path: Path) -> None:
    """A finished run is not lost for a path in its provenance."""
    writer = open_writer(tmp_path / "out.npz")
    writer.write(documents(["a"]), cast(Any, embed(["a"])))
    writer.commit({"path": tmp_path, "dtype": np.dtype("float32")})
    assert read_provenance(tmp_path / "out.npz") == {"path": str(tmp_path), "dtype": "float32"}


def test_files_of_others(tmp_path: Path) -> None:
    pq.write_table(pa.table({"vector": [1]}), tmp_path / "a.parquet")
    np.savez(tmp_path / "a.npz", vector=np.zeros(1))
    from safetensors.numpy import save_file

    save_file({"vector": np.zeros(1)}, tmp_path / "a.safetensors")
    h5py.File(tmp_path / "a.h5", "w").close()
    (tmp_path / "a.jsonl").write_text('{"vector": [1]}\n')
    for ending in (".parquet", ".npz", ".safetensors", ".h5", ".jsonl"):
        for read in (read_provenance, describe):
            with pytest.raises(InputError, match=rf"a{ending}' was not written by wordstates"):
                read(tmp_path / f"a{ending}")
    with pytest.raises(InputError, match=r"a\.jsonl\.provenance\.json' beside it"):
        describe(tmp_path / "a.jsonl")


def test_files_that_cannot_be_described(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no\.npz' is not a file"):
        describe(tmp_path / "no.npz")
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(InputError, match=r"a\.txt': wordstates writes no such file, only \.parquet"):
        read_provenance(tmp_path / "a.txt")
    for ending in (".parquet", ".npz", ".safetensors", ".h5"):
        (tmp_path / f"b{ending}").write_text("broken")
        with pytest.raises(InputError, match=rf"b{ending}' cannot be read as {ending}: it is broken"):
            read_provenance(tmp_path / f"b{ending}")
    (tmp_path / "b.jsonl").write_text("broken")
    (tmp_path / "b.jsonl.provenance.json").write_text("{}")
    with pytest.raises(InputError, match=r"b\.jsonl' cannot be read as \.jsonl: it is broken"):
        describe(tmp_path / "b.jsonl")


def test_only_json_lines_go_to_stdout() -> None:
    writer = tables.ParquetWriter(None, "float32")
    with pytest.raises(OutputError, match="Only JSON lines go to standard output"):
        writer.write(documents(["a"]), cast(Any, embed(["a"])))


def test_columns_of_several_recipes_need_no_quoting_and_are_never_shared() -> None:
    from wordstates.result.rows import column_names

    assert column_names(["-1.mean.mean", "1:3.none.max", "mine"]) == [
        "vector_m1_mean_mean",
        "vector_1to3_none_max",
        "vector_mine",
    ]
    with pytest.raises(OutputError, match="would share a column"):
        column_names(["a.b", "a b"])


# ── the thread that Parquet is written in ──


class Disk:
    """What row groups of two rows are written to: it hangs until it is told to go on, and may fail then."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.goes_on = threading.Event()
        self.error: Exception | None = None
        real = tables.ParquetWriter._write

        def write(writer: tables.ParquetWriter, file: pq.ParquetWriter, table: pa.Table) -> None:
            assert self.goes_on.wait(A_HANG)
            if self.error is not None:
                raise self.error
            real(writer, file, table)

        monkeypatch.setattr(tables.ParquetWriter, "_write", write)
        monkeypatch.setattr(tables, "_GROUP_ROWS", 2)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    before, disk = threading.active_count(), Disk(monkeypatch)
    yield disk
    disk.goes_on.set()
    wait_until(lambda: threading.active_count() == before)


def writing(path: Path, *, groups: int = 1) -> tables.ParquetWriter:
    """Give a writer that was handed so many row groups."""
    writer = cast(tables.ParquetWriter, open_writer(path))
    for number in range(groups):
        writer.write(documents(["a fox"], number), cast(Any, embed(["a fox"])))
    return writer


def interrupted(work: Callable[[], object]) -> None:
    """See that Ctrl-C ends some work that would go on without end."""
    key = threading.Timer(0.2, signal.pthread_kill, (threading.main_thread().ident, signal.SIGINT))

    def start() -> None:
        key.start()
        work()

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a suite in the background ignores Ctrl-C
    try:
        with pytest.raises(KeyboardInterrupt):
            start()
        key.join()
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_row_group_is_written_while_the_next_is_prepared(tmp_path: Path, disk: Disk) -> None:
    writer = writing(tmp_path / "a.parquet")
    disk.goes_on.set()
    for number in (1, 2):
        writer.write(documents(["a fox"], number), cast(Any, embed(["a fox"])))
    writer.commit(PROVENANCE)
    assert pq.read_table(tmp_path / "a.parquet")["document"].to_pylist() == ["d0", "d0", "d1", "d1", "d2", "d2"]
    assert pq.ParquetFile(tmp_path / "a.parquet").num_row_groups == 3


@pytest.mark.parametrize("end", ["write", "commit"])
def test_what_fails_in_the_thread_is_told_by_the_next_call(tmp_path: Path, disk: Disk, end: str) -> None:
    disk.error = OSError(errno.ENOSPC, "No space left on device")
    disk.goes_on.set()
    writer = writing(tmp_path / "a.parquet")
    with pytest.raises(OutputError, match=r"Disk full while writing '.*a\.parquet': .* nothing was left behind"):
        writer.commit(PROVENANCE) if end == "commit" else writer.write(documents(["a"]), cast(Any, embed(["a fox"])))
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_while_the_disk_hangs_leaves_nothing(
    tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the next row group nor the end of the file waits for the disk any longer, nor does giving it up."""
    monkeypatch.setattr(tables, "_PATIENCE", A_HANG)
    writer = writing(tmp_path / "a.parquet")
    interrupted(lambda: writer.write(documents(["a"]), cast(Any, embed(["a fox"]))))
    interrupted(lambda: writer.commit(PROVENANCE))
    interrupted(writer.abort)  # a second Ctrl-C
    assert list(tmp_path.iterdir()) == []
    writer = writing(tmp_path / "b.parquet")
    monkeypatch.setattr(tables, "_PATIENCE", 0.01)
    writer.abort()
    assert list(tmp_path.iterdir()) == []


def test_where_no_thread_is_to_be_had_the_caller_writes(
    tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_more(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    disk.goes_on.set()
    monkeypatch.setattr(threading.Thread, "start", no_more)
    writing(tmp_path / "a.parquet", groups=2).commit(PROVENANCE)
    assert len(pq.read_table(tmp_path / "a.parquet")) == 4
