"""Readers: what becomes a document, with which id and spans, and every way an input can be wrong."""

from __future__ import annotations

import gzip
import io
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from wordstates.documents.document import Document
from wordstates.documents.readers import read_documents
from wordstates.errors import InputError


def read(inputs: str | Path | Sequence[str | Path], **options: Any) -> list[Document]:
    return list(read_documents([inputs] if isinstance(inputs, (str, Path)) else inputs, **options))


def put(path: Path, content: str | bytes) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


def zstd(content: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(content)
    return bytes(sink.getvalue())


def feed_stdin(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


def pairs(documents: list[Document]) -> list[tuple[str, str]]:
    return [(document.id, document.text) for document in documents]


def words(document: Document) -> list[str]:
    assert document.spans is not None
    return [document.text[start:end] for start, end in document.spans]


# ── plain text ──


def test_a_line_loses_its_terminator_and_nothing_else(tmp_path: Path) -> None:
    """Only newline ends a line: not form feed, next line or line separator, and trailing spaces stay."""
    name = put(tmp_path / "a.txt", "one \r\n\n \t\r\n\u2028two\x0b\x85\x0c\r\r\nthree\r")
    assert pairs(read(name)) == [
        (f"{name}:1", "one "),
        (f"{name}:4", "\u2028two\x0b\x85\x0c\r"),
        (f"{name}:5", "three\r"),
    ]


def test_a_paragraph_keeps_its_inner_newlines(tmp_path: Path) -> None:
    name = put(tmp_path / "a.text", "\n\nA rose\r\nis a rose.\r\n  \n\nIs it?\n")
    assert pairs(read(name, text_unit="paragraph")) == [(f"{name}:3", "A rose\r\nis a rose."), (f"{name}:7", "Is it?")]


def test_a_file_is_kept_exactly_but_for_its_byte_order_mark(tmp_path: Path) -> None:
    content = " A\r\nB\n\n\ufeffC\n"
    name = put(tmp_path / "a.txt", "\ufeff" + content)
    assert pairs(read(name, text_unit="file")) == [(name, content)]


def test_lines_and_characters_across_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bytes are read in pieces, which may cut a character or a line terminator in two."""
    name = put(tmp_path / "a.txt", "äöü\r\n🦊 fox\n\nend")
    whole = read(name)
    for size in range(1, 8):
        monkeypatch.setattr("wordstates.documents.decode._CHUNK", size)
        assert read(name) == whole
    assert [document.text for document in whole] == ["äöü", "🦊 fox", "end"]


def test_another_encoding(tmp_path: Path) -> None:
    assert [d.text for d in read(put(tmp_path / "a.txt", "né\n".encode("latin-1")), encoding="latin-1")] == ["né"]
    assert [d.text for d in read(put(tmp_path / "b.txt", "né\nü".encode("utf-16")), encoding="utf-16")] == ["né", "ü"]


# ── inputs ──


def test_a_folder_gives_its_known_files_sorted(tmp_path: Path) -> None:
    put(tmp_path / "b" / "2.txt", "two")
    put(tmp_path / "a.JSONL", '{"text": "one"}')
    put(tmp_path / "c.txt.gz", gzip.compress(b"three"))
    put(tmp_path / "notes.pdf", b"\xff")
    put(tmp_path / ".hidden" / "h.txt", "hidden")
    with pytest.warns(UserWarning, match=r"files of several formats, and all are read: 1 jsonl, 2 txt\. .*include="):
        documents = read(tmp_path)
    assert [document.text for document in documents] == ["one", "two", "three"]
    assert [document.text for document in read(tmp_path, format="txt")] == ["two", "three"]
    assert documents[1].id == f"{tmp_path}/b/2.txt:1"


def test_inputs_keep_their_order_and_one_path_is_one_input(tmp_path: Path) -> None:
    first, second = put(tmp_path / "b.txt", "b"), put(tmp_path / "a.txt", "a")
    assert [document.text for document in read([first, Path(second)])] == ["b", "a"]
    assert [document.text for document in read_documents(first)] == ["b"]


def test_stdin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    feed_stdin(monkeypatch, b"one\ntwo\n")
    assert pairs(read("-")) == [("-:1", "one"), ("-:2", "two")]
    assert not sys.stdin.buffer.closed
    feed_stdin(monkeypatch, b'{"text": "one"}\n')
    assert pairs(read("-", format="jsonl")) == [("-:1", "one")]
    pq.write_table(pa.table({"text": ["one"]}), tmp_path / "a.parquet")
    feed_stdin(monkeypatch, (tmp_path / "a.parquet").read_bytes())
    assert pairs(read("-", format="parquet")) == [("-:1", "one")]


@pytest.mark.parametrize("ending", [".gz", ".zst"])
def test_every_format_may_be_compressed(tmp_path: Path, ending: str) -> None:
    compress = gzip.compress if ending == ".gz" else zstd
    pq.write_table(pa.table({"text": ["one"]}), tmp_path / "plain")
    contents = {
        "txt": b"one\n",
        "ndjson": b'{"text": "one"}',
        "csv": b"text\none\n",
        "conllu": ("1\tone" + "\t_" * 8 + "\n").encode(),
        "parquet": (tmp_path / "plain").read_bytes(),
    }
    for name, content in contents.items():
        documents = read(put(tmp_path / f"a.{name}{ending}", compress(content)))
        assert [document.text for document in documents] == ["one"]


def test_frames_one_after_the_other_are_one_file(tmp_path: Path) -> None:
    frames = {"gz": gzip.compress(b"one\ntw") + gzip.compress(b"o\n"), "zst": zstd(b"one\ntw") + zstd(b"o\n")}
    for ending, content in frames.items():
        name = put(tmp_path / f"a.txt.{ending}", content)
        assert [document.text for document in read(name)] == ["one", "two"]


@pytest.mark.parametrize("name", ["a.txt", "a.txt.gz", "a.txt.zst", "a.jsonl", "a.csv", "a.parquet", "a.conllu"])
def test_an_empty_file_is_an_error(tmp_path: Path, name: str) -> None:
    content = {"gz": gzip.compress(b""), "zst": zstd(b"")}.get(name.rpartition(".")[2], b"")
    path = put(tmp_path / name, content)
    with pytest.raises(InputError, match=re.escape(f"{path!r} is empty: it has 0 bytes")):
        read(path)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.txt", " \n\r\n", "holds only white space"),
        ("a.jsonl", '{"text": " "}\n', "holds only white space"),
        ("a.csv", "text,n\n", "has no documents"),
        ("a.conllu", "# global.columns = ID FORM\n\n", "has no documents"),
    ],
)
def test_a_file_without_words_is_an_error(tmp_path: Path, name: str, content: str, says: str) -> None:
    path = put(tmp_path / name, content)
    for unit in ["line", "paragraph", "file"] if name == "a.txt" else ["line"]:
        with pytest.raises(InputError, match=re.escape(f"{path!r} {says}: there is nothing to embed in it.")):
            read(path, text_unit=unit)


def test_paths_and_options_are_checked_at_the_call(tmp_path: Path) -> None:
    """Before a model is loaded, not when the first document is asked for."""
    unknown = put(tmp_path / "a.docx", "x")
    empty = tmp_path / "empty"
    empty.mkdir()
    cases: list[tuple[dict[str, Any], str]] = [
        ({"inputs": []}, "no input: give files, folders, or '-'"),
        ({"inputs": [tmp_path / "nowhere.txt"]}, r"nowhere\.txt' does not exist"),
        ({"inputs": [unknown]}, r"a\.docx'.*Known endings: \.txt, .*\.conllu.*\.gz or \.zst.*format='txt'"),
        ({"inputs": [empty]}, "empty' is a folder without a file that has a known ending.*format="),
        ({"inputs": [tmp_path], "format": "csv"}, "folder without a file that has an ending of the format 'csv'"),
        ({"inputs": ["-"], "format": "jsnl"}, "Format 'jsnl' does not exist.*did you mean 'jsonl'"),
        (
            {"inputs": ["-"], "text_unit": "page"},
            "text_unit='page' does not exist: choose.*line, paragraph, file",
        ),
        ({"inputs": ["-"], "encoding": "utf-88"}, "Encoding 'utf-88' does not exist"),
    ]
    for arguments, says in cases:
        with pytest.raises(InputError, match=says):
            read_documents(**arguments)
    assert [document.text for document in read(unknown, format="txt")] == ["x"]


def test_bytes_that_are_not_in_the_encoding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line and the byte are told, wherever the pieces of the file end."""
    content = "äh\n🦊\n".encode() + b"caf\xe9 noir\n"
    name = put(tmp_path / "a.txt", content)
    offset = content.index(b"\xe9")
    for size in (1, 2, 3, 5, 100):
        monkeypatch.setattr("wordstates.documents.decode._CHUNK", size)
        with pytest.raises(InputError, match=rf"a\.txt:3: not valid utf-8 at byte offset {offset} .*latin-1.*iconv"):
            read(name)
    half = put(tmp_path / "b.txt", "ok\nä".encode()[:-1])
    with pytest.raises(InputError, match=r"b\.txt:2: not valid utf-8 at byte offset 3"):
        read(half)
    with pytest.raises(InputError, match=r"b\.txt.*utf-16"):
        read(half, encoding="utf-16")


@pytest.mark.parametrize("ending", [".gz", ".zst"])
def test_broken_compression(tmp_path: Path, ending: str) -> None:
    whole = (gzip.compress if ending == ".gz" else zstd)(b"some words " * 100)
    for broken in (whole[:-6], b"no archive at all", whole[:4] + b"\xff" * 8 + whole[12:]):
        path = put(tmp_path / f"a.txt{ending}", broken)
        with pytest.raises(InputError, match=rf"a\.txt{ending}': not a whole {ending} file"):
            read(path)


def test_a_file_that_cannot_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = put(tmp_path / "a.txt", "x")

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(InputError, match=r"a\.txt': cannot be read .*Permission denied"):
        read(path)


def test_a_name_that_is_not_utf8_becomes_an_id_that_can_be_stored(tmp_path: Path) -> None:
    path = tmp_path / "caf\udce9.txt"
    try:
        path.write_text("x")
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    assert read(path)[0].id == f"{tmp_path}/caf\ufffd.txt:1"


# ── jsonl, csv, parquet ──


def test_jsonl(tmp_path: Path) -> None:
    lines = [{"n": 7, "body": "A\nfox"}, None, {"n": "b", "body": ["New York", "is", "ä"]}, {"n": 1.5, "body": ""}]
    name = put(tmp_path / "a.jsonl", "".join((json.dumps(line) if line else "") + "\r\n" for line in lines))
    documents = read(name, text_column="body", id_column="n")
    assert pairs(documents) == [("7", "A\nfox"), ("b", "New York is ä"), ("1.5", "")]
    assert documents[0].spans is None
    assert documents[1].spans == ((0, 8), (9, 11), (12, 13))
    assert documents[1].keys is None
    assert [document.id for document in read(name, text_column="body")] == [f"{name}:{n}" for n in (1, 3, 4)]


def test_csv_and_tsv(tmp_path: Path) -> None:
    csv_file = put(tmp_path / "a.csv", '\ufefftext,id\r\n"He said ""no"",\r\nthen",x\r\n\r\nbye,y\r\n')
    assert pairs(read(csv_file)) == [(f"{csv_file}:2", 'He said "no",\r\nthen'), (f"{csv_file}:5", "bye")]
    assert [document.id for document in read(csv_file, id_column="id")] == ["x", "y"]
    tsv_file = put(tmp_path / "a.tsv", 'id\ttext\nx\tHe said "no", then\n')
    assert pairs(read(tsv_file, id_column="id")) == [("x", 'He said "no", then')]


def test_a_csv_field_may_be_long(tmp_path: Path) -> None:
    name = put(tmp_path / "a.csv", "text\n" + "word " * 100_000 + "\n")
    assert len(read(name)[0].text) == 500_000


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())])
def test_parquet_text(tmp_path: Path, kind: pa.DataType) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"n": [5, 6, 7], "text": pa.array(["a", "ä", "a"]).cast(kind)}), path, row_group_size=2)
    assert pairs(read(path)) == [(f"{path}:1", "a"), (f"{path}:2", "ä"), (f"{path}:3", "a")]
    assert [document.id for document in read(path, id_column="n")] == ["5", "6", "7"]


@pytest.mark.parametrize("kind", [pa.list_(pa.string()), pa.large_list(pa.large_string())])
def test_parquet_given_words(tmp_path: Path, kind: pa.DataType) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"words": pa.array([["New York", "now"]], kind)}), path)
    (document,) = read(path, text_column="words")
    assert (document.text, words(document)) == ("New York now", ["New York", "now"])


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.parquet"])
@pytest.mark.parametrize("option", ["text_column", "id_column"])
def test_a_missing_column_is_named_with_those_there(tmp_path: Path, name: str, option: str) -> None:
    path = tmp_path / name
    if name == "a.parquet":
        pq.write_table(pa.table({"text": ["a"], "title": ["b"]}), path)
    else:
        put(path, '{"text": "a", "title": "b"}' if name == "a.jsonl" else "text,title\na,b\n")
    line = "" if name == "a.parquet" else ":1"
    says = (
        f"{path}{line}: there is no column 'titel' (columns: 'text', 'title'): did you mean 'title'? "
        f"Name it with {option}=..."
    )
    with pytest.raises(InputError, match=re.escape(says)):
        read(path, **{option: "titel"})


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.jsonl", '{"text": "a"}\n{"text": "b"\n', r"a\.jsonl:2: not valid JSON .*one JSON object"),
        ("a.jsonl", '["a"]\n', r"a\.jsonl:1: each line is one JSON object, but this one is a list"),
        ("a.jsonl", '{"text": null}\n', r"a\.jsonl:1: column 'text' is null: it must be a text or a list of words"),
        ("a.jsonl", '{"text": 3}\n', r"a\.jsonl:1: column 'text' is a int"),
        ("a.jsonl", '{"text": ["a", 3]}\n', r"a\.jsonl:1: column 'text' is a list of other things than words"),
        ("a.jsonl", '{"text": ["a", " "]}\n', r"a\.jsonl:1: word 1 in column 'text' is empty: ' '"),
        ("a.jsonl", '{"text": "a\\ud83e"}\n', r"a\.jsonl:1: .*half a surrogate pair \('\\ud83e'\) at character 1"),
        ("a.csv", 'text,n\na,1\nb\n"c', r"a\.csv:3: the row has 1 field, but the header names 2"),
        ("a.csv", 'text,n\n"a,1\nb\n', r"a\.csv:2: not valid CSV \(unexpected end of data\): .*twice"),
        ("a.tsv", 'text\n"a" b\n', r"a\.tsv:2: not valid TSV .*twice"),
        ("a.parquet", "PAR1 or not", r"a\.parquet': not a Parquet file, or a broken one"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, name: str, content: str, says: str) -> None:
    path = put(tmp_path / name, content)
    with pytest.raises(InputError, match=says):
        read(path)


def test_an_id_must_be_a_name(tmp_path: Path) -> None:
    for value in ("null", "[1]", '""'):
        path = put(tmp_path / "a.jsonl", f'{{"text": "a", "id": {value}}}\n')
        with pytest.raises(InputError, match=r"a\.jsonl:1: the id in column 'id' is .*: each document needs a name"):
            read(path, id_column="id")


def test_parquet_that_cannot_be_used(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": ["a", None]}), path)
    with pytest.raises(InputError, match=r"a\.parquet:2: column 'text' is null"):
        read(path)
    pq.write_table(pa.table({"text": [1, 2]}), path)
    with pytest.raises(InputError, match=r"a\.parquet': column 'text' holds int64, not text or lists of words"):
        read(path)
    pq.write_table(pa.table({"text": pa.array([], pa.string())}), path)
    with pytest.raises(InputError, match=r"a\.parquet' has no documents"):
        read(path)
    latin = pa.array([b"caf\xe9"], pa.binary())
    text = pa.StringArray.from_buffers(1, latin.buffers()[1], latin.buffers()[2])
    pq.write_table(pa.table({"text": text}), path)
    with pytest.raises(InputError, match=r"a\.parquet': rows 1 to 1: not valid UTF-8"):
        read(path)


def test_a_large_input_is_streamed(tmp_path: Path) -> None:
    """An error far down the file is met only there."""
    name = put(tmp_path / "a.jsonl", '{"text": "a"}\n' * 100 + "no\n")
    documents = read_documents([name])
    assert [next(documents).id for _ in range(100)][-1] == f"{name}:100"
    with pytest.raises(InputError, match=r":101: not valid JSON"):
        next(documents)


# ── CoNLL-U ──


def conllu(*rows: str, comments: Sequence[str] = ()) -> str:
    """Write a sentence of rows "id form" or "id form misc"; _ in a form stands for a space."""
    lines = [f"# {comment}" for comment in comments]
    for row in rows:
        key, form, misc = (*row.split(), "_")[:3]
        lines.append("\t".join([key, form.replace("_", " "), *"_______", misc]))
    return "\n".join(lines) + "\n\n"


def test_conllu_takes_the_text_and_the_name_of_the_sentence(tmp_path: Path) -> None:
    first = conllu("1 A", "2 fox", "3 .", comments=["newdoc", "sent_id = s-1", "text = A  fox.", "text_en = Other"])
    name = put(tmp_path / "a.conllu", "# global.columns = ID FORM\n\n" + first + conllu("1 Yes SpaceAfter=No", "2 ."))
    one, two = read(name)
    assert one == Document("s-1", "A  fox.", ((0, 1), (3, 6), (6, 7)), ("1", "2", "3"), ((), (), ()))
    assert two == Document(f"{name}:11", "Yes.", ((0, 3), (3, 4)), ("1", "2"), ((), ()))


def test_conllu_rebuilds_a_text_that_is_not_there(tmp_path: Path) -> None:
    rows = ("1-2 Don't", "1 Do", "2 n't", "3 go Gloss=x|SpaceAfter=No", "3.1 on", "4 . SpacesAfter=\\n")
    (document,) = read(put(tmp_path / "a.conllu", conllu(*rows).replace("\n", "\r\n")))
    assert document.text == "Don't go."
    assert words(document) == ["Do", "n't", "go", "."]
    assert document.keys == ("1", "2", "3", "4")


def test_conllu_token_whose_words_do_not_spell_it_is_one_word(tmp_path: Path) -> None:
    rows = ("1-2 Im", "1 In", "2 dem", "3 Haus")
    (document,) = read(put(tmp_path / "a.conllu", conllu(*rows)))
    assert (words(document), document.keys) == (["Im", "Haus"], ("1-2", "3"))


def with_lemmas(sentence: str, **lemmas: str) -> str:
    """Write lemmas into a sentence of `conllu`, by form."""
    rows = [line.split("\t") for line in sentence.splitlines()]
    return "\n".join("\t".join([*row[:2], lemmas.get(row[1], "_"), *row[3:]] if len(row) > 1 else row) for row in rows)


def test_conllu_lemmas(tmp_path: Path) -> None:
    """One a word; those of all its words where a token does not spell them; none where the column leaves it open."""
    split = conllu("1-2 Don't", "1 Do", "2 n't", "3-4 Im", "3 In", "4 dem", "5 went", "6 x")
    name = put(tmp_path / "a.conllu", with_lemmas(split, Do="do", **{"n't": "not"}, In="in", dem="der", went="go"))
    (document,) = read(name)
    assert words(document) == ["Do", "n't", "Im", "went", "x"]
    assert document.lemmas == (("do",), ("not",), ("in", "der"), ("go",), ())


def test_conllu_an_underscore_is_its_own_lemma(tmp_path: Path) -> None:
    name = put(tmp_path / "a.conllu", "\t".join(["1", "_", "_", *"_______"]) + "\n")
    assert read(name)[0].lemmas == (("_",),)


# ── metadata ──


def test_metadata_is_kept_as_text(tmp_path: Path) -> None:
    rows = [
        {"text": "a", "year": 1984, "by": "Ann", "tags": ["é"]},
        {"text": ["b"], "year": None, "by": "", "tags": {}},
    ]
    name = put(tmp_path / "a.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    kept = [document.metadata for document in read(name, metadata=["year", "by", "tags"])]
    assert kept == [{"year": "1984", "by": "Ann", "tags": '["é"]'}, {"year": None, "by": "", "tags": "{}"}]
    assert [document.metadata for document in read(name)] == [{}, {}]
    name = put(tmp_path / "a.csv", "year,text,by\n1984,a fox,\n")
    assert [document.metadata for document in read(name, metadata=["by", "year"])] == [{"by": "", "year": "1984"}]
    pq.write_table(pa.table({"year": [1984, None], "text": ["a", "b"]}), tmp_path / "a.parquet")
    assert [each.metadata for each in read(tmp_path / "a.parquet", metadata=["year"])] == [
        {"year": "1984"},
        {"year": None},
    ]


def test_metadata_of_conllu_are_its_comments(tmp_path: Path) -> None:
    content = conllu("1 A", comments=["genre = a = b ", "text = A"]) + conllu("1 B")
    kept = [document.metadata for document in read(put(tmp_path / "a.conllu", content), metadata=["genre", "sent_id"])]
    assert kept == [{"genre": "a = b", "sent_id": None}, {"genre": None, "sent_id": None}]


def test_metadata_errors(tmp_path: Path) -> None:
    name = put(tmp_path / "a.jsonl", '{"text": "a", "year": 1, "half": "\\ud800"}\n')
    with pytest.raises(
        InputError, match=r":1: there is no column 'yaer' .*did you mean 'year'\? Name it with metadata"
    ):
        read(name, metadata=["yaer"])
    with pytest.raises(InputError, match="column 'half' has half a surrogate pair"):
        read(name, metadata=["half"])
    with pytest.raises(InputError, match=r"a\.txt' is plain text, which has no column for metadata='year'"):
        read(put(tmp_path / "a.txt", "A fox."), metadata=["year"])


# ── CoNLL-U: spans ──


def test_conllu_white_space_may_differ(tmp_path: Path) -> None:
    """The no-break space of the text, the space in a form, or none: the span is that of the text."""
    rows = ("1 10_000", "2 20000", "3 kr", "4 .")
    (document,) = read(put(tmp_path / "a.conllu", conllu(*rows, comments=["text = 10\xa0000 20 000\u3000kr."])))
    assert words(document) == ["10\xa0000", "20 000", "kr", "."]


def test_conllu_does_not_search_further_on(tmp_path: Path) -> None:
    """Found anywhere to the right, "a" would be the letter in "cat"."""
    name = put(tmp_path / "a.conllu", conllu("1 the", "2 a", "3 cat", comments=["text = the cat"]))
    with pytest.raises(InputError, match=r"a\.conllu:3: the form 'a' is not in the text at character 3.*'the cat'"):
        read(name)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("1\tA\t_\n", r":1: a line of CoNLL-U has 10 columns separated by tabs, but this one has 3: '1\\tA"),
        (conllu("x A"), ":1: 'x' is no CoNLL-U id"),
        (conllu("1 A", "2 b").replace("\n\n", "\n") + conllu("1 C"), ":3: the id is 1 where 3 follows.*blank line"),
        (conllu("1-2 Im", "1 In"), ":1: the token 1-2 says that word 2 follows: it does not"),
        (conllu("1-2 Im", "1 In", "2-3 Am", "2 am", "3 Am"), ":3: the multiword token 2-3 holds no words of its own"),
        ("# text = A fox\n\n", ":1: a sentence with a text and without words: 'A fox'"),
        (conllu("1 _"), ":1: the form ' ' is not in the text"),
    ],
)
def test_conllu_errors(tmp_path: Path, content: str, says: str) -> None:
    name = put(tmp_path / "a.conllu", content)
    with pytest.raises(InputError, match=r"a\.conllu" + says):
        read(name)


def test_conllu_spans_are_true_whatever_the_spacing(tmp_path: Path) -> None:
    forms = ["«", "É", "e\u0301", "👩\u200d👩\u200d👧", "東京", "a", "a", "…"]
    for glue in ("", " ", "\u2003", "  "):
        text = glue.join(forms)
        rows = [f"{index} {form}" for index, form in enumerate(forms, 1)]
        (document,) = read(put(tmp_path / "a.conllu", conllu(*rows, comments=[f"text = {text}"])))
        assert document.text == text
        assert words(document) == forms
