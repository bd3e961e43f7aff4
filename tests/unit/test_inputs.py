"""What people hand in: tables of words, folders as they lie about, quotes, ids, marks, labels, names of files."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from wordstates.documents.document import Document
from wordstates.documents.readers import read_documents
from wordstates.errors import InputError, MissingExtraError


def read(inputs: str | Path | Sequence[str | Path], **options: Any) -> list[Document]:
    return list(read_documents([inputs] if isinstance(inputs, (str, Path)) else inputs, **options))


def put(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def words(document: Document) -> list[str]:
    return [document.text[start:end] for start, end in document.spans or ()]


def sheet(path: Path, rows: Sequence[Sequence[object]]) -> Path:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.save(path)
    return path


# ── tables of words ──

STORY = [("Once", 0.1, 1), ("upon", 0.4, 1), ("", 0.5, 1), ("a", 0.6, 2), ("NA", 0.7, 2), ("New York", 0.9, 2)]


def story(folder: Path, kind: str) -> Path:
    path = folder / f"story.{kind}"
    columns = {name: [row[index] for row in STORY] for index, name in enumerate(["word", "onset", "sentence"])}
    if kind == "parquet":
        pq.write_table(pa.table(columns), path)
    elif kind == "jsonl":
        put(path, "".join(json.dumps(dict(zip(columns, row, strict=True))) + "\n" for row in STORY))
    elif kind == "xlsx":
        sheet(path, [[*columns], *([word or None, *rest] for word, *rest in STORY)])
    else:
        lines = [[*columns], *([str(cell) for cell in row] for row in STORY)]
        put(path, "".join(("," if kind == "csv" else "\t").join(line) + "\n" for line in lines))
    return path


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "parquet", "xlsx"])
def test_a_table_of_words_gives_a_word_a_row_and_keeps_the_other_columns(tmp_path: Path, kind: str) -> None:
    one, two = read(story(tmp_path, kind), word_column="word", group_column=["sentence"])
    assert (one.id, one.text, words(one)) == ("1", "Once upon", ["Once", "upon", ""])
    assert (two.id, two.text, words(two)) == ("2", "a NA New York", ["a", "NA", "New York"])
    assert one.columns == {"onset": ("0.1", "0.4", "0.5"), "sentence": ("1",) * 3}
    first = 1 if kind in ("parquet", "jsonl") else 2
    assert one.keys == tuple(str(first + index) for index in range(3))


def test_the_rows_of_a_file_are_one_text_without_groups_and_metadata_narrows(tmp_path: Path) -> None:
    path = story(tmp_path, "csv")
    (whole,) = read(path, word_column="word", metadata=["onset"])
    assert (whole.id, len(words(whole)), [*whole.columns]) == (str(path), 6, ["onset"])


def test_a_group_that_is_left_empty_goes_on(tmp_path: Path) -> None:
    """As NER tables have it that name the sentence in its first row only."""
    path = put(tmp_path / "ner.csv", "Sentence #,Word,Tag\nSentence: 1,Paris,B-geo\n,sleeps,O\nSentence: 2,No,O\n")
    documents = read(path, word_column="Word", group_column=["Sentence #"])
    assert [(each.id, each.text) for each in documents] == [("Sentence: 1", "Paris sleeps"), ("Sentence: 2", "No")]
    assert documents[0].columns == {"Sentence #": ("Sentence: 1", ""), "Tag": ("B-geo", "O")}
    path = put(tmp_path / "first.csv", "s,w\n,a\n1,b\n")
    with pytest.raises(InputError, match=r"first\.csv: the first row has no group"):
        read(path, word_column="w", group_column=["s"])


def test_several_columns_make_a_group(tmp_path: Path) -> None:
    path = put(tmp_path / "a.csv", "story,s,w\nA,1,one\nB,1,two\nA,1,three\n")
    with pytest.raises(InputError, match=r"a\.csv:4: the id 'A/1' names the text at .*a\.csv:2 already.*"):
        read(path, word_column="w", group_column=["story", "s"])
    put(path, "story,s,w\nA,1,one\nB,1,two\n")
    assert [each.id for each in read(path, word_column="w", group_column=["story", "s"])] == ["A/1", "B/1"]


def test_json_lines_of_words_may_lack_a_key_but_bring_no_new_one(tmp_path: Path) -> None:
    path = put(tmp_path / "a.jsonl", '{"w": "one", "onset": 1}\n{"w": "two"}\n')
    assert read(path, word_column="w")[0].columns == {"onset": ("1", None)}
    put(path, '{"w": "one"}\n{"w": "two", "onset": 1}\n')
    with pytest.raises(InputError, match=r"a\.jsonl:2: the column 'onset' was not there in the first row"):
        read(path, word_column="w")


def test_options_of_tables_of_words_that_make_no_sense(tmp_path: Path) -> None:
    path = story(tmp_path, "csv")
    with pytest.raises(InputError, match="name the column of the words, word_column="):
        read(path, group_column=["sentence"])
    with pytest.raises(InputError, match=r"word_column=.* does not go with text_column=.* or id_column="):
        read(path, word_column="word", id_column="sentence")
    with pytest.raises(InputError, match=r"no column 'wrod' .*did you mean 'word'\? Name it with word_column"):
        read(path, word_column="wrod")
    with pytest.raises(InputError, match=r"no column 'sent' .*Name it with group_column"):
        read(path, word_column="word", group_column=["sent"])


def test_excel_needs_its_extra_and_may_be_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = sheet(tmp_path / "a.xlsx", [["text", "n", None], ["A fox.", 7], [None, None], ["Is it?", True]])
    assert [(each.text, each.metadata) for each in read(path, metadata=["n"])] == [
        ("A fox.", {"n": "7"}),
        ("Is it?", {"n": "TRUE"}),
    ]
    with pytest.raises(InputError, match=r"b\.xlsx': not an Excel file"):
        read(put(tmp_path / "b.xlsx", b"PK no zip"))
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(MissingExtraError, match=r'pip install "wordstates\[xlsx\]"'):
        read(path)


# ── folders ──


def test_files_about_a_corpus_are_left_out_of_folders_and_said(tmp_path: Path) -> None:
    put(tmp_path / "en.conllu", "1\tone" + "\t_" * 8 + "\n")
    for name in ("LICENSE.txt", "README.txt", "licence-2.0.txt", "deep/Readme.md.txt"):
        put(tmp_path / name, "You may copy this.")
    put(tmp_path / "readmeister.conllu", "1\ttwo" + "\t_" * 8 + "\n")
    with pytest.warns(UserWarning, match=r"not read, because they are about the corpus: .*LICENSE.* and 1 more"):
        assert [each.text for each in read(tmp_path)] == ["one", "two"]
    assert len(read(tmp_path, include=["README.txt"])) == 1
    assert len(read(tmp_path / "README.txt")) == 1


def test_include_and_exclude(tmp_path: Path) -> None:
    for name in ("a/1.txt", "a/2.txt", "b/1.txt"):
        put(tmp_path / name, name)
    texts = [each.text for each in read(tmp_path, include=["a/*"], exclude=["2.*"])]
    assert texts == ["a/1.txt"]
    with pytest.raises(InputError, match=r"without a file that has a known ending and fits include=\.{3} and exclude="):
        read(tmp_path, include=["*.csv"])


def test_a_folder_that_cannot_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "a.txt", "one")
    put(tmp_path / "closed" / "b.txt", "two")
    really = os.scandir

    def refuse(path: Any) -> Any:
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return really(path)

    monkeypatch.setattr(os, "scandir", refuse)
    one, closed = read(tmp_path)
    assert one.text == "one"
    assert closed.fault.endswith("closed': this folder cannot be read (Permission denied).")


def test_a_blank_file_among_others_is_left_out_and_told(tmp_path: Path) -> None:
    put(tmp_path / "1.txt", "")
    put(tmp_path / "2.txt", " \n")
    put(tmp_path / "3.txt", "text")
    empty, blank, text = read(tmp_path)
    assert (empty.id, empty.text) == (f"{tmp_path}/1.txt", "")
    assert "is empty: it has 0 bytes" in empty.fault
    assert "holds only white space" in blank.fault
    assert (text.text, text.fault) == ("text", "")


def test_a_file_is_given_once(tmp_path: Path) -> None:
    path = put(tmp_path / "a.txt", "one")
    with pytest.raises(InputError, match=r"a\.txt' is given twice"):
        read([tmp_path, path])


# ── CSV and TSV ──


def test_a_quote_that_is_not_closed_joins_no_rows(tmp_path: Path) -> None:
    tsv = put(tmp_path / "a.tsv", 'id\ttext\n1\t"Hello\n2\tbye"\n')
    with pytest.raises(InputError, match=r"a\.tsv:2: a quote opens here .* for 2 lines.*quoting='none'"):
        read(tsv)
    assert [each.text for each in read(tsv, quoting="none")] == ['"Hello', 'bye"']
    assert [each.text for each in read(tsv, quoting="csv")] == ["Hello\n2\tbye"]
    comma = put(tmp_path / "a.csv", 'id,text\n1,"Hello\n2,bye"\n')
    with pytest.raises(InputError, match=r"a\.csv:2: a quote opens here"):
        read(comma)
    prose = put(tmp_path / "b.csv", 'id,text\n1,"Hello,\nfoo, bar"\n')
    assert [each.text for each in read(prose)] == ["Hello,\nfoo, bar"]


def test_delimiters(tmp_path: Path) -> None:
    path = put(tmp_path / "a.csv", "id;text\n1;Hello, you\n")
    assert [each.text for each in read(path, delimiter=";")] == ["Hello, you"]
    assert [each.text for each in read(path, delimiter="semicolon")] == ["Hello, you"]
    with pytest.raises(InputError, match="as if a semicolon stood between the fields: pass delimiter='semicolon'"):
        read(path)
    with pytest.raises(InputError, match="Delimiter ';;' is not valid: give one character, or one of tab, comma"):
        read(path, delimiter=";;")
    with pytest.raises(
        InputError, match=r"delimiter=\.{3} and quoting=\.{3} are for csv and tsv, and the input is txt"
    ):
        read(put(tmp_path / "a.txt", "x"), delimiter=";")


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.csv", "text,text\na,b\n", r":1: the column 'text' is there twice"),
        ("a.jsonl", '{"text": "a", "text": "b"}\n', r":1: the key 'text' is there twice"),
        ("a.jsonl", '{"text": "a", "n": ' + "9" * 5000 + "}\n", ":1: not valid JSON"),
        ("a.csv", "text\rone\r", r"a carriage return ends no line here"),
        ("a.conllu", "# sent_id = a\n# sent_id = b\n1\tA" + "\t_" * 8 + "\n", r":2: .*the comment 'sent_id' a second"),
    ],
)
def test_what_is_there_twice_or_cannot_be_read_is_told(tmp_path: Path, name: str, content: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        read(put(tmp_path / name, content))


def test_twice_in_parquet_and_excel(tmp_path: Path) -> None:
    table = pa.table([pa.array(["a"]), pa.array(["b"])], names=["text", "text"])
    pq.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(InputError, match="the column 'text' is there twice"):
        read(tmp_path / "a.parquet")
    with pytest.raises(InputError, match=r"b\.xlsx:1: the column 'text' is there twice"):
        read(sheet(tmp_path / "b.xlsx", [["text", "text"], ["a", "b"]]))


# ── ids ──


def test_an_id_names_one_text(tmp_path: Path) -> None:
    path = put(tmp_path / "a.csv", "author,text\nAnn,one\nBob,two\nAnn,three\n")
    says = r"a\.csv:4: the id 'Ann' names the text at .*a\.csv:2 already.*metadata="
    with pytest.raises(InputError, match=says):
        read(path, id_column="author")
    assert len(read(path, id_column="author", ids_must_differ=False)) == 3


def test_two_treebanks_with_the_same_sent_ids(tmp_path: Path) -> None:
    for name in ("de", "en"):
        put(tmp_path / f"{name}.conllu", f"# sent_id = n1\n1\t{name}" + "\t_" * 8 + "\n")
    with pytest.raises(InputError, match=r"en\.conllu:1: the id 'n1' names .*de\.conllu:1 already.*ids_by_file=True"):
        read(tmp_path)
    by_file = read(tmp_path, ids_by_file=True)
    assert [each.id for each in by_file] == [f"{tmp_path}/{name}.conllu:n1" for name in ("de", "en")]


def test_ids_that_are_none(tmp_path: Path) -> None:
    for values in (pa.array([b"x"]), pa.array([float("nan")])):
        pq.write_table(pa.table({"text": ["a"], "id": values}), tmp_path / "a.parquet")
        with pytest.raises(InputError, match=r"a\.parquet:1: the id in column 'id' is .*needs a name"):
            read(tmp_path / "a.parquet", id_column="id")
    with pytest.raises(InputError, match=r"a\.txt' is plain text, which has no column for id_column"):
        read(put(tmp_path / "a.txt", "x"), id_column="id")
    with pytest.raises(InputError, match=r"a\.conllu' is conllu, which has no column for text_column"):
        read(put(tmp_path / "a.conllu", "x"), text_column="form")


def test_bytes_and_nan_are_no_metadata(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["a"], "n": [float("nan")], "b": [b"x"]}), tmp_path / "a.parquet")
    assert read(tmp_path / "a.parquet", metadata=["n"])[0].metadata == {"n": None}
    with pytest.raises(InputError, match="column 'b' holds bytes"):
        read(tmp_path / "a.parquet", metadata=["b"])


# ── marks ──


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig"])
@pytest.mark.parametrize("told", ["utf-8", "latin-1"])
def test_a_byte_order_mark_says_the_encoding(tmp_path: Path, encoding: str, told: str) -> None:
    path = put(tmp_path / "a.txt", "né\nder Fluß\n".encode(encoding))
    assert [each.text for each in read(path, encoding=told)] == ["né", "der Fluß"]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_utf16_without_a_mark_is_named(tmp_path: Path, encoding: str) -> None:
    path = put(tmp_path / "a.txt", "The fox is né.\n".encode(encoding))
    with pytest.raises(InputError, match=rf"pass encoding='{encoding}'") as raised:
        read(path)
    assert "latin-1" not in str(raised.value)
    assert [each.text for each in read(path, encoding=encoding)] == ["The fox is né."]
    assert [each.text for each in read(put(path, "a\0b and a fox"))] == ["a\0b and a fox"]


# ── labels ──

WNUT = "@paul\tO\nIt\tO\nEmpire\tB-location\n\n-DOCSTART-\tO\n\nYes\tO\n"


def test_conll_with_two_columns(tmp_path: Path) -> None:
    one, two = read(put(tmp_path / "a.conll", WNUT), metadata=["label"])
    assert (one.text, one.keys) == ("@paul It Empire", ("1", "2", "3"))
    assert one.columns == {"label": ("O", "O", "B-location")}
    assert two.text == "Yes"
    four = put(tmp_path / "wikigold.conll.txt", "EU NNP B-NP B-ORG\n")
    assert read(four, metadata=["label", "column2"])[0].columns == {"label": ("B-ORG",), "column2": ("NNP",)}
    with pytest.raises(InputError, match=r"there is no column 'upos' \(columns: column1, .*label\): name"):
        read(four, metadata=["upos"])
    with pytest.raises(InputError, match=r"10 columns, .*CoNLL-U is format='conllu'"):
        read(put(tmp_path / "x.conll", "\t".join(["1", "A", "a", "_", "_", "_", "_", "_", "_", "_"])))


def test_columns_of_conllu(tmp_path: Path) -> None:
    rows = [
        "1-2\tIm\t_\t_\t_\t_\t_\t_\t_\t_",
        "1\tin\tin\tADP\t_\t_\t3\tcase\t_\t_",
        "2\tdem\tder\tDET\t_\tCase=Dat\t3\tdet\t_\t_",
    ]
    rows += ["3\tHaus\tHaus\tNOUN\t_\t_\t0\troot\t_\tGloss=house|SpaceAfter=No"]
    path = put(tmp_path / "a.conllu", "# genre = novel\n" + "\n".join(rows) + "\n")
    (document,) = read(path, metadata=["upos", "feats", "misc", "genre"])
    assert words(document) == ["Im", "Haus"]
    assert document.columns == {
        "upos": ("ADP+DET", "NOUN"),
        "feats": ("_+Case=Dat", None),
        "misc": (None, "Gloss=house|SpaceAfter=No"),
    }
    assert document.metadata == {"genre": "novel"}


def test_lists_beside_given_words_have_an_entry_a_word(tmp_path: Path) -> None:
    path = put(tmp_path / "a.jsonl", '{"tokens": ["New", "York"], "tags": [1, 2], "by": "Ann"}\n')
    (document,) = read(path, text_column="tokens", metadata=["tags", "by"])
    assert (document.columns, document.metadata) == ({"tags": ("1", "2")}, {"by": "Ann"})
    put(path, '{"tokens": ["New", "York"], "tags": [1]}\n')
    with pytest.raises(InputError, match=r"a\.jsonl:1: column 'tags' has 1 entry for 2 words"):
        read(path, text_column="tokens", metadata=["tags"])


# ── names of files ──


def test_metadata_from_the_names_of_files(tmp_path: Path) -> None:
    put(tmp_path / "novels" / "1851-02_moby_dick.txt", "Call me Ishmael.")
    (document,) = read(tmp_path, metadata_from_name="{year}-{nr}_{title}.txt")
    assert document.metadata == {"year": "1851", "nr": "02", "title": "moby_dick"}
    (document,) = read(tmp_path, metadata_from_name="{kind}/{rest}.txt")
    assert document.metadata == {"kind": "novels", "rest": "1851-02_moby_dick"}
    table = put(tmp_path / "tables" / "1920.csv", "text,by\nYes.,Edith\n")
    assert read(table, metadata_from_name="{year}.csv", metadata=["by"])[0].metadata == {"year": "1920", "by": "Edith"}
    for pattern in ("{year}{nr}.txt", "no field", "{}.txt", "{a}-{a}.txt"):
        with pytest.raises(InputError, match="is not valid: write fields in braces"):
            read(table, metadata_from_name=pattern)
    with pytest.raises(InputError, match=r"1920\.csv' does not fit the pattern of names .*exclude="):
        read(table, metadata_from_name="{year}.txt")
    with pytest.raises(
        InputError, match=r"'by' is in metadata=\.{3} and in metadata_from_name=\.{3}: what names say is wri"
    ):
        read(table, metadata_from_name="{by}.csv", metadata=["by"])
