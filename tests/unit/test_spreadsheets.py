"""Tables for people: what they read, what a spreadsheet may not compute, and what the formats cannot hold."""

from __future__ import annotations

import csv
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pyarrow as pa
import pytest

from families import build
from wordstates import WordEmbedder, load
from wordstates.documents import tables
from wordstates.documents.readers import read_documents
from wordstates.errors import InputError, OutputError
from wordstates.files import spreadsheets
from wordstates.files.describe import describe, read_provenance
from wordstates.files.open_writer import open_writer
from wordstates.result.rows import Rows, place_columns

PROVENANCE = {"model": "tiny"}


EXTRA = {"target": ["x", "y", "z"], "left": ["a\n  b\u2028c ", "@home", ""], "right": ["\t+x", None, "\x07bell"]}


def rows(extra: dict[str, list[Any]] = EXTRA, **changes: Any) -> Rows:
    vectors = np.array([[0.5, -1.0], [np.nan, np.nan], [2.0, 3.0]], dtype=np.float32)
    starts = np.array([0, 2, 3])
    words = ["=1+1", "river\r\n bank", "-"]
    columns = place_columns(["a", "b"], starts, words, np.array([[0, 4], [5, 17], [3, 4]]))
    columns |= {"status": pa.array(["ok", "no_subwords", "ok"]), "subwords": pa.array([2, 0, 1], pa.int32())}
    given = Rows(
        documents=("a", "b"),
        document_starts=starts,
        scalars=pa.table(columns | extra),
        has_vector=np.array([True, False, True]),
        vectors={"vector": vectors},
    )
    return replace(given, **changes)


def written(path: Path, *parts: Rows, **options: Any) -> list[list[Any]]:
    writer = open_writer(path, **options)
    try:
        for part in parts:
            writer.write_rows(part)
    except OutputError:
        writer.abort()
        assert not [*path.parent.glob(".*")]
        raise
    files = [path, *([options["vectors_file"]] if "vectors_file" in options else [])]
    assert writer.commit(PROVENANCE) == sum(file.stat().st_size for file in files)
    if path.suffix == ".xlsx":
        return [[*line] for line in openpyxl.load_workbook(path).active.iter_rows(values_only=True)]
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file, delimiter="\t" if path.suffix == ".tsv" else ","))


HEADER = ["id", "document", "target", "left", "word", "right", "position", "start", "end", "status", "subwords"]


@pytest.mark.parametrize("ending", [".csv", ".tsv"])
def test_text_is_on_one_line_and_nothing_is_a_formula(tmp_path: Path, ending: str) -> None:
    assert written(tmp_path / f"a{ending}", rows()) == [
        HEADER,
        ["1", "a", "x", "a b c", "'=1+1", "'+x", "0", "0", "4", "ok", "2"],
        ["2", "a", "y", "'@home", "river bank", "", "1", "5", "17", "no_subwords", "0"],
        ["3", "b", "z", "", "'-", "\x07bell", "0", "3", "4", "ok", "1"],
    ]


def test_excel_has_numbers_as_numbers_and_texts_as_texts(tmp_path: Path) -> None:
    lines = written(tmp_path / "a.xlsx", rows())
    assert lines[0] == HEADER
    assert lines[1] == [1, "a", "x", "a b c", "=1+1", "+x", 0, 0, 4, "ok", 2]
    assert lines[3][5] == "\ufffdbell"
    sheet = openpyxl.load_workbook(tmp_path / "a.xlsx").active
    assert (sheet["E2"].data_type, sheet["G2"].data_type, sheet.freeze_panes) == ("s", "n", "A2")


@pytest.mark.parametrize("ending", [".csv", ".xlsx"])
def test_vectors_on_request_a_column_a_number(tmp_path: Path, ending: str) -> None:
    header, first, second, third = written(tmp_path / f"a{ending}", rows(), vectors=True)
    assert header == [*HEADER, "vector_0", "vector_1"]
    assert [float(cell) for cell in first[-2:] + third[-2:]] == [0.5, -1.0, 2.0, 3.0]
    assert set(second[-2:]) <= {"", None}
    about = describe(tmp_path / f"a{ending}")
    assert (about.rows, about.vectors, about.columns["vector"]) == (3, {"vector": (2,)}, "vector")


def test_layers_that_are_kept_are_one_after_the_other(tmp_path: Path) -> None:
    layers = {"vector_low": np.arange(12, dtype=np.float32).reshape(3, 2, 2)}
    header, first, *_ = written(tmp_path / "a.csv", rows(vectors=layers), vectors=True)
    assert header[-4:] == ["vector_low_0", "vector_low_1", "vector_low_2", "vector_low_3"]
    assert first[-4:] == ["0.0", "1.0", "2.0", "3.0"]
    assert describe(tmp_path / "a.csv").vectors == {"vector_low": (4,)}


def test_rows_are_numbered_through(tmp_path: Path) -> None:
    assert [line[0] for line in written(tmp_path / "a.csv", rows(), rows())] == ["id", *"123456"]


def test_a_byte_order_mark_for_excel(tmp_path: Path) -> None:
    written(tmp_path / "a.csv", rows(), bom=True)
    written(tmp_path / "b.csv", rows())
    assert (tmp_path / "a.csv").read_bytes() == b"\xef\xbb\xbf" + (tmp_path / "b.csv").read_bytes()
    assert describe(tmp_path / "a.csv").columns == describe(tmp_path / "b.csv").columns
    with pytest.raises(OutputError, match=r"a\.xlsx' takes no byte order mark: bom=True is for \.csv and \.tsv"):
        open_writer(tmp_path / "a.xlsx", bom=True)


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".xlsx"])
def test_where_a_file_comes_from(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a{ending}"
    written(path, rows())
    assert read_provenance(path) == PROVENANCE
    assert (describe(path).rows, list(describe(path).columns)) == (3, HEADER)
    if ending == ".xlsx":
        openpyxl.Workbook().save(path)
    else:
        (tmp_path / f"a{ending}.provenance.json").unlink()
    with pytest.raises(InputError, match="was not written by wordstates"):
        read_provenance(path)


def test_what_excel_cannot_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OutputError, match=r"a cell of \.xlsx holds 32,767 characters, and 'x+'\.\.\. has 40,000"):
        written(tmp_path / "a.xlsx", rows(extra={"left": ["x" * 40_000] * 3}))
    monkeypatch.setattr(spreadsheets, "_MOST_ROWS", 5)
    with pytest.raises(OutputError, match=r"\.xlsx holds 4 rows, and there are more: write \.csv"):
        written(tmp_path / "b.xlsx", rows(), rows())
    monkeypatch.setattr(spreadsheets, "_MOST_COLUMNS", 12)
    with pytest.raises(OutputError, match=r"\.xlsx holds 12 columns, not 13: write \.csv"):
        written(tmp_path / "c.xlsx", rows(), vectors=True)


def test_a_missing_extra_is_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "openpyxl", None)
    with pytest.raises(ImportError, match=r'writing \.xlsx needs an extra .* "wordstates\[xlsx\]"'):
        open_writer(tmp_path / "a.xlsx")


def test_vectors_in_a_file_beside(tmp_path: Path) -> None:
    """Row by row, and whole or not there: neither file without the other."""
    lines = written(tmp_path / "a.csv", rows(), rows(), vectors_file=tmp_path / "v.npz")
    assert lines[0] == HEADER
    with np.load(tmp_path / "v.npz") as arrays:
        assert [line[4].lstrip("'") for line in lines[1:]] == [" ".join(word.split()) for word in arrays["words"]]
        assert np.array_equal(arrays["vector"][3:], rows().vectors["vector"], equal_nan=True)
    with pytest.raises(OutputError, match=r"v\.npz' exists"):
        open_writer(tmp_path / "b.csv", vectors_file=tmp_path / "v.npz")
    writer = open_writer(tmp_path / "b.csv", vectors_file=tmp_path / "v.npz", overwrite=True)
    writer.write_rows(rows())
    writer.abort()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "a.csv.provenance.json", "v.npz"]


@pytest.mark.parametrize(
    ("table", "vectors", "message"),
    [
        ("a.parquet", "v.npz", r"'a\.parquet' has its vectors: vectors_file='v\.npz' is for \.csv, \.tsv and \.xlsx"),
        ("a.csv", "v.xlsx", r"'v\.xlsx': vectors beside a table are written as \.parquet, \.npz"),
    ],
)
def test_files_beside_that_make_no_sense(table: str, vectors: str, message: str) -> None:
    with pytest.raises(OutputError, match=message):
        open_writer(table, vectors_file=vectors)


def test_spreadsheets_from_python(tmp_path: Path) -> None:
    embedder = WordEmbedder(*build("bert"), engine="torch")
    usages = embedder.find(["=The river\n bank.", "A bank."], ["bank"])
    usages.to_spreadsheet(tmp_path / "u.csv", context=8, vectors_file=tmp_path / "u.npz", bom=True)
    assert (tmp_path / "u.csv").read_text("utf-8-sig").splitlines()[:2] == [
        "id,document,target,left,word,right,position,start,end,status,subwords",
        "1,0,bank,river,bank,.,0,12,16,ok,1",
    ]
    assert np.array_equal(load(tmp_path / "u.npz").vectors, usages.vectors)
    emb = embedder.encode("=The bank")
    emb.to_spreadsheet(tmp_path / "e.xlsx")
    cells = [*openpyxl.load_workbook(tmp_path / "e.xlsx").active.iter_rows(values_only=True)]
    assert [row[2] for row in cells] == ["word", *emb.words]
    with pytest.raises(OutputError, match=r"e\.npz' is no table for people: \.csv, \.tsv or \.xlsx"):
        emb.to_spreadsheet(tmp_path / "e.npz")
    with pytest.raises(OutputError, match=r"written by to_spreadsheet\(\)"):
        emb.save(tmp_path / "e.csv")


def test_a_row_of_an_impossible_number_is_not_counted_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Openpyxl gives an empty row for each number that is left out."""
    monkeypatch.setattr(tables, "_MOST_ROWS", 100)
    written(tmp_path / "a.xlsx", rows())
    with zipfile.ZipFile(tmp_path / "a.xlsx") as sound, zipfile.ZipFile(tmp_path / "b.xlsx", "w") as damaged:
        for name in sound.namelist():
            damaged.writestr(name, sound.read(name).replace(b'<row r="2"', b'<row r="22222222222222"'))
    path = tmp_path / "b.xlsx"
    for read in (lambda: list(read_documents([path], text_column="word")), lambda: describe(path)):
        with pytest.raises(InputError, match="a row has a number beyond 100"):
            read()
