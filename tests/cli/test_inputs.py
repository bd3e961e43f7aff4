"""What people hand in, through the command: tables of words, folders, labels, blank files, repeated ids."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from cli_runner import run
from wordstates import WordEmbedder
from wordstates.documents.document import Document
from wordstates.documents.readers import read_documents
from wordstates.store.run import embed_to_store
from wordstates.store.settings import StoreSettings
from wordstates.store.store import open_store

STORY = "word,start,sentence\nThe,0.1,1\nriver,0.3,1\n,0.5,1\nA,0.7,2\nbank,0.9,2\n"
WORDS = ["The", "river", "", "A", "bank"]
CONLLU = "# sent_id = n1\n1\tThe\tthe\tDET\t_\t_\t_\t_\t_\t_\n2\tbank\tbank\tNOUN\t_\t_\t_\t_\t_\t_\n"


def rows(path: Path) -> list[dict[str, object]]:
    return pq.read_table(path).drop_columns(["vector"]).to_pylist()  # type: ignore[no-any-return]


@pytest.mark.parametrize("output", ["out.parquet", "store/"])
def test_a_table_of_words_comes_back_row_by_row(
    tmp_path: Path, bert: Path, embedder: WordEmbedder, output: str
) -> None:
    (tmp_path / "story.csv").write_text(STORY)
    options = ["--word-column", "word", "--group-column", "sentence"]
    done = run("embed", "story.csv", *options, "-m", bert, "-o", output, "-q", cwd=tmp_path)
    assert (done.code, done.err) == (0, "")
    if output == "store/":
        assert run("export", "store", "-o", "out.parquet", "-q", cwd=tmp_path).code == 0
    found = rows(tmp_path / "out.parquet")
    assert [row["word"] for row in found] == WORDS
    assert [row["key"] for row in found] == ["2", "3", "4", "5", "6"]
    assert [row["input_start"] for row in found] == ["0.1", "0.3", "0.5", "0.7", "0.9"]
    assert [row["document"] for row in found] == [row["sentence"] for row in found] == ["1", "1", "1", "2", "2"]
    assert [row["status"] for row in found] == ["ok", "ok", "no_subwords", "ok", "ok"]
    table = pq.read_table(tmp_path / "out.parquet")
    expected = embedder.encode([["The", "river"], ["A", "bank"]]).vectors
    vectors = [row for row in table["vector"].to_pylist() if row is not None]
    assert len(vectors) == 4
    assert vectors == [pytest.approx(vector, abs=1e-5) for vector in expected.tolist()]


def test_rows_that_are_words_of_a_text_are_noticed(tmp_path: Path, bert: Path) -> None:
    (tmp_path / "story.csv").write_text("word\n" + "river\n" * 12)
    for more in (["--dry-run"], [], ["-o", "store/"]):
        output = [] if "-o" in more else ["-o", "out.npz"]
        done = run("embed", "story.csv", "--text-column", "word", "-m", bert, *output, *more, cwd=tmp_path)
        assert done.code == 0
        assert "note: nearly every text is one word (12 words in 12 texts), read without any context" in done.err
        assert "--word-column and --group-column" in done.err


def test_a_folder_with_blank_files_is_embedded_but_for_them(tmp_path: Path, bert: Path) -> None:
    for name, text in {"1.txt": "", "2.txt": "The bank.\n", "3.txt": " \n"}.items():
        (tmp_path / "in").mkdir(exist_ok=True)
        (tmp_path / "in" / name).write_text(text)
    done = run("embed", "in", "-m", bert, "-o", "out.jsonl", cwd=tmp_path)
    assert done.code == 3
    assert "files           3: in/1.txt, in/2.txt, in/3.txt\n" in done.err
    assert "rejected        2\n" in done.err
    rejects = [json.loads(line) for line in (tmp_path / "out.jsonl.rejects.jsonl").read_text().splitlines()]
    assert [reject["document"] for reject in rejects] == ["in/1.txt", "in/3.txt"]
    assert "is empty" in rejects[0]["reason"]
    assert run("embed", "in", "-m", bert, "-o", "s/", "-q", cwd=tmp_path).code == 3
    assert len((tmp_path / "s" / "rejects.jsonl").read_text().splitlines()) == 2
    assert run("verify", "s", cwd=tmp_path).code == 0
    assert run("find", "bank", "in", "-m", bert, "-o", "find.parquet", "-q", cwd=tmp_path).code == 3
    assert run("find", "bank", "in", "-m", bert, "-o", "find2.parquet", "--dry-run", cwd=tmp_path).code == 3
    assert run("static", "in", "-m", bert, "-o", "static.parquet", "-q", cwd=tmp_path).code == 3
    assert run("static", "in", "-m", bert, "-o", "static2.parquet", "--dry-run", cwd=tmp_path).code == 3
    with pytest.warns(UserWarning, match="left out: 'in/.*there is nothing|left out: 'in/1.txt' is empty"):
        assert run("kwic", "bank", "in", cwd=tmp_path).code == 0


def test_dry_run_says_what_is_read_and_what_is_not(tmp_path: Path, bert: Path) -> None:
    folder = tmp_path / "UD"
    folder.mkdir()
    (folder / "LICENSE.txt").write_text("You may.")
    (folder / "en.conllu").write_text(CONLLU)
    (folder / "en.txt").write_text("The bank.")
    with pytest.warns(UserWarning, match="read") as told:
        done = run("embed", "UD", "-m", bert, "-o", "out.parquet", "--dry-run", cwd=tmp_path)
    assert done.code == 0
    assert "files           2: UD/en.conllu, UD/en.txt\n" in done.err
    assert [str(warning.message).partition(".")[0] for warning in told] == [
        "'UD' has files of several formats, and all are read: 1 conllu, 1 txt",
        "not read, because it is about the corpus: UD/LICENSE",
    ]
    done = run("embed", "UD", "-m", bert, "-o", "out.parquet", "--include", "*.conllu", "-q", cwd=tmp_path)
    assert (done.code, done.err) == (0, "")


@pytest.mark.parametrize("output", ["out.parquet", "store/"])
def test_labels_pass_through(tmp_path: Path, bert: Path, output: str) -> None:
    (tmp_path / "a.conllu").write_text(CONLLU)
    done = run("embed", "a.conllu", "-m", bert, "-o", output, "--metadata", "upos,lemma,xpos", "-q", cwd=tmp_path)
    assert (done.code, done.err) == (0, "")
    path = tmp_path / "out.parquet"
    if output == "store/":
        (path,) = (tmp_path / "store" / "shards").iterdir()
        assert run("verify", "store", cwd=tmp_path).code == 0
    assert [[row[name] for name in ("upos", "lemma", "xpos")] for row in rows(path)] == [
        ["DET", "the", None],
        ["NOUN", "bank", None],
    ]
    again = run("embed", "a.conllu", "-m", bert, "-o", "store/", "--metadata", "upos", "-q", cwd=tmp_path)
    if output == "store/":
        assert again.code == 1
        assert "metadata: " in again.err


def test_find_gives_the_labels_of_a_usage(tmp_path: Path, bert: Path) -> None:
    (tmp_path / "ner.conll").write_text("The\tO\nRiver\tB-loc\nBank\tI-loc\n")
    options = ["-m", bert, "-o", "out.parquet", "--metadata", "label", "-q"]
    assert run("find", "river bank", "ner.conll", *options, cwd=tmp_path).code == 0
    (usage,) = rows(tmp_path / "out.parquet")
    assert (usage["word"], usage["label"]) == ("River Bank", "B-loc I-loc")


def test_lines_have_the_labels_of_their_words(tmp_path: Path) -> None:
    (tmp_path / "a.conll").write_text("bank\tN\n\nthey\tP\nbank\tV\n")
    done = run("kwic", "bank", "a.conll", "--metadata", "label", "--json", cwd=tmp_path)
    assert [line["label"] for line in json.loads(done.out)] == [
        "N",
        "V",
    ]


def test_lines_as_json_lines_are_json(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("The bank.\nA bank!\n")
    done = run("kwic", "bank", "a.txt", "--within", "-o", "-", cwd=tmp_path)
    assert [json.loads(line)["left"] for line in done.out.splitlines()] == ["The ", "A "]
    assert done.err == "2 usages in 2 texts: 500,000.0 in a million of 4 words\n"
    assert run("kwic", "bank", "a.txt", "--within", "-o", "a.jsonl", cwd=tmp_path).code == 0
    assert (tmp_path / "a.jsonl").read_text() == done.out
    done = run("kwic", "bank", "a.txt", "--count-by", "id", "-o", "c.csv", cwd=tmp_path)
    assert (done.code, "--output is for lines" in done.err) == (2, True), done
    for output in ("store/", "a.h5", "a.npz", "a"):
        done = run("kwic", "bank", "a.txt", "-o", output, cwd=tmp_path)
        assert (done.code, "lines are written as .csv, .tsv, .xlsx, .jsonl, .parquet" in done.err) == (1, True), done


def test_labels_and_semicolons_go_through_embed(tmp_path: Path, bert: Path) -> None:
    (tmp_path / "a.conll").write_text("bank\tN\n\nthey\tP\nbank\tV\n")
    assert run("embed", "a.conll", "-m", bert, "--metadata", "label", "-o", "a.parquet", "-q", cwd=tmp_path).code == 0
    assert [(row["word"], row["label"]) for row in rows(tmp_path / "a.parquet")] == [
        ("bank", "N"),
        ("they", "P"),
        ("bank", "V"),
    ]
    (tmp_path / "b.csv").write_text('text;year\nA "river bank.;1900\n')
    options = ["--delimiter", ";", "--quoting", "none", "--metadata", "year", "-q"]
    assert run("find", "bank", "b.csv", "-m", bert, *options, "-o", "b.parquet", cwd=tmp_path).code == 0
    assert [(row["word"], row["year"]) for row in rows(tmp_path / "b.parquet")] == [("bank", "1900")]
    (tmp_path / "c.csv").write_text('text;year\n"A river bank.;1900\nThe bank.;1901\n')
    done = run("find", "bank", "c.csv", "-m", bert, "--delimiter", ";", "-o", "c.parquet", cwd=tmp_path)
    assert (done.code, "c.csv:2: " in done.err, "--quoting none" in done.err) == (1, True, True), done.err
    (tmp_path / "c.txt").write_text("We don’t.\n")
    found = ["find", "don't", "c.txt", "-m", bert, "-o", "c.jsonl", "-q"]
    assert run(*found, cwd=tmp_path).code == 0
    done = run(*found, "--match-exactly", "--overwrite", cwd=tmp_path)
    assert (done.code, '"don\'t" does not occur in' in done.err) == (1, True), done.err


def test_types_by_label(tmp_path: Path, bert: Path) -> None:
    (tmp_path / "a.conll").write_text("bank\tN\nbank\tV\nbank\tN\n")
    assert run("static", "a.conll", "-m", bert, "-o", "out.parquet", "--by", "label", "-q", cwd=tmp_path).code == 0
    found = pq.read_table(tmp_path / "out.parquet").to_pylist()
    assert sorted((row["label"], row["occurrences"]) for row in found) == [("N", 2), ("V", 1)]


def test_metadata_from_names(tmp_path: Path, bert: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "1851-02_moby_dick.txt").write_text("The bank.\n")
    options = ["-m", bert, "--metadata-from-name", "{year}-{nr}_{title}.txt", "-q"]
    assert run("embed", "in", "-o", "out.parquet", *options, cwd=tmp_path).code == 0
    assert rows(tmp_path / "out.parquet")[0]["title"] == "moby_dick"
    assert run("static", "in", "-o", "static.parquet", "--by", "year", *options, cwd=tmp_path).code == 0
    assert pq.read_table(tmp_path / "static.parquet")["year"].to_pylist() == ["1851"] * 3


@pytest.mark.parametrize("command", [["embed"], ["find", "bank"]])
@pytest.mark.parametrize("output", ["out.parquet", "store/"])
def test_an_id_names_one_text_everywhere(tmp_path: Path, bert: Path, command: Sequence[str], output: str) -> None:
    (tmp_path / "a.csv").write_text("author,text\nAnn,A bank.\nBob,A bank.\nAnn,A bank.\n")
    done = run(*command, "a.csv", "--id-column", "author", "-m", bert, "-o", output, cwd=tmp_path)
    assert done.code == 1
    assert "a.csv:4: the id 'Ann' names the text at a.csv:2 already." in done.err


def test_stores_with_an_id_twice_are_refused(tmp_path: Path, bert: Path) -> None:
    """As only a program can make them, that does not read with our readers."""
    embedder = WordEmbedder(bert)  # its own: a store settles its engine
    for name, ids in {"beside": "aab", "apart": "aba", "shards": "a" * 3}.items():
        documents = [Document(id, "The bank.") for id in ids]
        settings = StoreSettings(shard_characters=1 if name == "shards" else 1000)
        embed_to_store(embedder, documents, tmp_path / name, settings)
        done = run("verify", name, cwd=tmp_path)
        assert done.code == 1
        assert "'a'" in done.err + done.out
        assert "twice" in done.err + done.out
        done = run("export", name, "-o", "out.parquet", cwd=tmp_path)
        assert done.code == 1
        assert "document 'a' is there twice" in done.err
        assert not (tmp_path / "out.parquet").exists()
    assert open_store(tmp_path / "beside").complete


def test_a_store_with_metadata_goes_on(tmp_path: Path, bert: Path) -> None:
    embedder = WordEmbedder(bert)
    (tmp_path / "a.csv").write_text("text,year\nThe bank.,1900\n")
    documents = [*read_documents([tmp_path / "a.csv"], metadata=["year"])]
    embed_to_store(embedder, documents, tmp_path / "s")
    assert embed_to_store(embedder, documents, tmp_path / "s").skipped == 1
