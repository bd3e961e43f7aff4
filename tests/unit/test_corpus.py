"""The calls of the top level that take a corpus: paths or documents, with plain messages for everything else."""

from __future__ import annotations

from pathlib import Path

import pytest

import wordstates
from families import build
from wordstates import Document, Recipe, WordEmbedder, embed_corpus, geometry, open_store
from wordstates.errors import InputError, RecipeError

TEXTS = ["The old mill.", "A lake, a mill."]
DOCUMENTS = [Document(f"d{number}", text) for number, text in enumerate(TEXTS)]


@pytest.fixture(scope="module")
def embedder() -> WordEmbedder:
    return WordEmbedder(*build("bert"))


def words_in(store: Path) -> list[tuple[str, str]]:
    return [(row["document"], row["word"]) for table in open_store(store) for row in table.to_pylist()]


def test_paths_and_documents_give_the_same_store(embedder: WordEmbedder, tmp_path: Path) -> None:
    (tmp_path / "notes.csv").write_text("id,note\n" + "".join(f'd{n},"{text}"\n' for n, text in enumerate(TEXTS)))
    for name, inputs in {"path": tmp_path / "notes.csv", "paths": [str(tmp_path / "notes.csv")]}.items():
        report = embed_corpus(inputs, tmp_path / name, embedder, text_column="note", id_column="id")
        assert (report.words, report.rejects) == (10, [])
    told = list[int]()
    embed_corpus(iter(DOCUMENTS), tmp_path / "documents", embedder, on_progress=told.append)
    assert sum(told) == 10
    assert words_in(tmp_path / "path") == words_in(tmp_path / "paths") == words_in(tmp_path / "documents")


def test_settings_of_a_store_reach_it_and_it_goes_on(embedder: WordEmbedder, tmp_path: Path) -> None:
    more = {"dtype": "float16", "context": 5, "shard_characters": 10}
    embed_corpus(DOCUMENTS, tmp_path / "s", embedder, part="1/2", **more)  # type: ignore[arg-type]
    assert not open_store(tmp_path / "s").complete
    report = embed_corpus(DOCUMENTS, tmp_path / "s", embedder, **more)  # type: ignore[arg-type]
    assert (report.skipped, report.computed, report.rows, report.words) == (1, 1, 10, 10)
    assert report.bytes == sum(path.stat().st_size for path in (tmp_path / "s" / "shards").iterdir())
    store = open_store(tmp_path / "s")
    assert (store.complete, len(store.shards), store.describe().dtype) == (True, 2, "float16")
    assert {"left", "right"} <= set(store.describe().columns)


def test_words_with_names_of_their_own_keep_them(embedder: WordEmbedder, tmp_path: Path) -> None:
    (tmp_path / "a.conll").write_text("The\tD\nmill\tN\n")
    embed_corpus([tmp_path / "a.conll"], tmp_path / "s", embedder)
    assert "key" in open_store(tmp_path / "s").describe().columns


@pytest.mark.parametrize(
    ("inputs", "options", "message"),
    [
        (TEXTS, {}, "'The old mill.'"),
        (7, {}, "A corpus is a path, a list of paths, or documents; got int"),
        ([7], {}, "A corpus is a path, a list of paths, or documents; got int"),
        ([["a", "b"]], {}, r"Texts in memory are Document\(id, text\)"),
        (DOCUMENTS, {"text_column": "x"}, r"text_column=... says how files are read, and these are documents"),
        (__file__, {"batch_size": 3}, "read_documents has no argument 'batch_size'"),
        ([], {}, "no document|no text|has no|no word"),
        (DOCUMENTS, {"part": "x"}, "x"),
        (DOCUMENTS, {"dtype": "float61"}, "dtype='float61' does not exist: choose one of float32, float16"),
        (DOCUMENTS, {"workers": 0}, "workers=0 compute nothing: give 1 or more"),
        (__file__, {"quoting": "maybe"}, "quoting='maybe' does not exist: choose one of auto, csv, none"),
    ],
)
def test_what_is_no_corpus_is_told(
    embedder: WordEmbedder, tmp_path: Path, inputs: object, options: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        embed_corpus(inputs, tmp_path / "s", embedder, **options)  # type: ignore[arg-type]


def test_geometry_measures_layers_and_recipes() -> None:
    network, tokenizer = build("bert")
    measured = geometry(DOCUMENTS, network, tokenizer=tokenizer, layers="1:", recipes=[Recipe("-2:", name="two")])
    assert [layer.name for layer in measured.layers] == [str(number + 1) for number in range(len(measured.layers))]
    assert [recipe.name for recipe in measured.recipes] == ["two"]
    with pytest.raises(RecipeError, match="several vectors a word"):
        geometry(DOCUMENTS, network, tokenizer=tokenizer, recipes=[Recipe(-1, "none")])


def test_a_sweep_needs_splits_that_can_be_scored(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="The splits are train, dev: give a file"):
        wordstates.sweep({"train": tmp_path, "dev": tmp_path})
    with pytest.raises(InputError, match="The splits are test, valid"):
        wordstates.sweep({"test": tmp_path, "valid": tmp_path})  # type: ignore[dict-item]
    with pytest.raises(InputError, match="no-such-file"):
        wordstates.sweep("no-such-file")
