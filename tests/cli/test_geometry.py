"""`wordstates geometry`: the table, JSON, the page, the warning, and how it ends."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from cli_runner import files_in, run
from wordstates import Recipe, WordEmbedder
from wordstates.documents.document import Document
from wordstates.evaluate.geometry import figures
from wordstates.evaluate.geometry.run import layer_recipe, measure_geometry

TEXTS = ["The river, the bank.", "A bank near the mill.", "Banks of New York", "The mill near the river."]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "texts.txt").write_text("\n".join(TEXTS) + "\n", encoding="utf-8")
    return tmp_path


@pytest.fixture
def everything_is_high(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "_NOTABLE", -1.0)
    monkeypatch.setattr(figures, "_HIGH", -1.0)


def test_a_table_of_all_layers_and_the_recipe(folder: Path, bert: Path) -> None:
    done = run("geometry", "texts.txt", "-m", bert, "--layers", "1:3", cwd=folder)
    assert done.code == 0
    head, *rows = done.out.splitlines()
    assert head.split() == [
        *("layer", "anisotropy", "self", "corrected", "intra", "corrected", "half", "largest", "first", "ten", "for"),
        "90%",
    ]
    assert [row.split()[0] for row in rows] == ["0", "1", "2", "3", "4", "1:3.mean.mean"]
    assert done.err.splitlines()[0] == (
        "22 words of 4 texts; pairs of words are from a sample of 13 types, 7 of them in two texts or more"
    )
    assert files_in(folder) == ["texts.txt"]
    quiet = run("geometry", "texts.txt", "-m", bert, "--layers", "1:3", "-q", cwd=folder)
    assert (quiet.out, [line for line in quiet.err.splitlines() if not line.startswith("warning: ")]) == (done.out, [])


def test_the_figures_are_those_of_the_library(folder: Path, bert: Path) -> None:
    given = ["geometry", "texts.txt", "-m", bert, "--measure", "0,2", "--seed", "7", "--sample", "10", "--json"]
    found = json.loads(run(*given, "--subword-pooling", "first", "--no-punctuation", cwd=folder).out)
    recipes = [layer_recipe("0,2", "first"), Recipe(-1, "mean", "first")]
    embedder = WordEmbedder(bert, recipes=recipes, punctuation=False)
    documents = [Document(str(number), text) for number, text in enumerate(TEXTS)]
    wanted = measure_geometry(embedder, documents, sample=10, seed=7)
    assert [layer["name"] for layer in found["layers"]] == ["0", "2"]
    assert found["types"] == 10
    for mine, theirs in zip(found["layers"] + found["recipes"], [*wanted.layers, *wanted.recipes], strict=True):
        assert mine["anisotropy"] == pytest.approx(theirs.anisotropy, abs=1e-5)
        assert mine["after"] == pytest.approx(theirs.after, abs=1e-4)
        assert mine["corrected_self_similarity"] == pytest.approx(theirs.corrected_self_similarity, abs=1e-5)
    assert found["provenance"]["splitter"] == "unicode without punctuation"
    assert found["rejects"] == []


@pytest.mark.usefixtures("everything_is_high")
def test_a_warning_says_what_helps(folder: Path, bert: Path) -> None:
    done = run("geometry", "texts.txt", "-m", bert, "--layers", "2", "-q", cwd=folder)
    assert done.err.startswith(
        "warning: cosines of 2.mean.mean mean little: two words taken at random have a cosine of"
    )
    assert "post-process before comparing" in done.err
    assert "(standardize)" in done.err
    found = json.loads(run("geometry", "texts.txt", "-m", bert, "--layers", "2", "--json", cwd=folder).out)
    assert done.err == "".join(f"warning: {warning}\n" for warning in found["warnings"])


def test_a_recipe_is_measured_as_it_is_post_processed(folder: Path, bert: Path) -> None:
    fitted = run("fit", "center", "texts.txt", "-m", bert, "--layers", "2", "-o", "post.safetensors", "-q", cwd=folder)
    assert fitted.code == 0
    given = ("geometry", "texts.txt", "-m", bert, "--measure", "2", "--json")
    plain = json.loads(run(*given, "--layers", "2", cwd=folder).out)
    centred = json.loads(run(*given, "--post-process", "post.safetensors", cwd=folder).out)
    assert centred["layers"] == plain["layers"]
    assert centred["recipes"][0]["anisotropy"] == pytest.approx(plain["recipes"][0]["after"]["center"], abs=1e-4)
    assert centred["recipes"][0]["anisotropy"] != pytest.approx(plain["recipes"][0]["anisotropy"], abs=1e-3)
    two = run(*given, "--layers", "2", *["--post-process", "post.safetensors"] * 2, cwd=folder)
    assert two.code == 2
    assert "give one for each of the 1 recipe" in two.err


@pytest.mark.long
def test_a_page_with_plots(folder: Path, bert: Path) -> None:
    done = run("geometry", "texts.txt", "-m", bert, "-o", "report.html", cwd=folder)
    assert done.code == 0
    assert done.err.endswith("wrote report.html\n")
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert f"<title>Geometry of {bert.name}</title>" in page  # and not of its path
    assert page.count("<svg") == 5
    assert files_in(folder) == ["report.html", "texts.txt"]
    again = run("geometry", "texts.txt", "-m", bert, "-o", "report.html", cwd=folder)
    assert (again.code, again.out) == (1, "")
    assert "'report.html' exists" in again.err
    assert run("geometry", "texts.txt", "-m", bert, "-o", "report.html", "--overwrite", cwd=folder).code == 0
    assert (folder / "report.html").read_text(encoding="utf-8") == page


def test_without_matplotlib_the_page_is_refused_before_the_model_is_loaded(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    done = run("geometry", "texts.txt", "-m", "nobody/nothing", "-o", "report.html", cwd=folder)
    assert (done.code, done.out) == (1, "")
    assert done.err == (
        'wordstates: a report with plots needs an extra that is not installed: pip install "wordstates[evaluate]"\n'
    )


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["-o", "report.pdf"], 1, "'report.pdf' would hold a page for a browser"),
        (["-o", "no/report.html"], 1, "does not exist: make it first"),
        (["--layers", "99"], 2, "Layer 99 does not exist"),
        (["--measure", "99"], 2, "Layer 99 does not exist"),
        (["--subword-pooling", "none"], 2, "gives several vectors a word"),
        (["--layer-pooling", "none", "--layers", "0:"], 2, "gives several vectors a word"),
        (["--sample", "1"], 2, "--sample"),
        (["--text-unit", "file"], 1, "1 text with a word came: give more"),
    ],
)
def test_what_cannot_be_done_is_told(folder: Path, bert: Path, options: list[str], code: int, message: str) -> None:
    done = run("geometry", "texts.txt", "-m", bert, *options, cwd=folder)
    assert (done.code, done.out) == (code, "")
    assert message in done.err
    assert files_in(folder) == ["texts.txt"]


@pytest.mark.parametrize("output", [[], ["-o", "report.html"]])
def test_documents_that_fail_are_listed(folder: Path, bert: Path, output: list[str]) -> None:
    with (folder / "texts.txt").open("a", encoding="utf-8") as file:
        file.write("mill " * 200 + "\n")
    done = run("geometry", "texts.txt", "-m", bert, "--long-texts", "error", *output, cwd=folder)
    assert done.code == 3
    assert done.out.splitlines()[0].startswith("layer")
    listed = (folder / "report.html.rejects.jsonl").read_text() if output else done.err.splitlines()[-1]
    assert json.loads(listed)["document"] == "texts.txt:5"
