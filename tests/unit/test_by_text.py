"""Tables in, tables out: a column of texts from any table, and one row per text back."""

from __future__ import annotations

from typing import Any

import datasets
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from families import build
from wordstates import Recipe, WordEmbedder
from wordstates.errors import InputError

TEXTS = ["The river runs past.", "", "A \u200b bank"]
TABLES = {
    "pandas": pd.DataFrame({"id": [7, 8, 9], "text": TEXTS}, index=[3, 1, 2]),
    "polars": pl.DataFrame({"id": [7, 8, 9], "text": TEXTS}),
    "arrow": pa.table({"id": [7, 8, 9], "text": TEXTS}),
    "datasets": datasets.Dataset.from_dict({"id": [7, 8, 9], "text": TEXTS}),
}


@pytest.fixture(scope="module")
def embedder() -> WordEmbedder:
    return WordEmbedder(*build("bert"), splitter="whitespace", engine="torch")


@pytest.mark.parametrize("kind", TABLES)
def test_results_join_back_on_the_row(embedder: WordEmbedder, kind: str) -> None:
    table: Any = TABLES[kind]
    emb = embedder.encode(table["text"])
    back = emb.by_text(table)
    assert back["id"].to_pylist() == [7, 8, 9]
    assert back["word"].to_pylist() == [text.split() for text in TEXTS]
    assert [len(words) for words in back["vector"].to_pylist()] == [4, 0, 3]
    assert back["status"].to_pylist()[2] == ["ok", "no_subwords", "ok"]
    vectors = back["vector"].to_pylist()[2]
    assert vectors[1] is None
    assert np.array_equal(np.float32(vectors[0]), emb[2, 0].vector)


def test_rows_in_another_order_go_to_their_text(embedder: WordEmbedder) -> None:
    emb = embedder.encode(TEXTS)
    back = emb.take([5, 0, 4]).by_text()
    assert back["word"].to_pylist() == [["The"], [], ["\u200b", "A"]]
    assert emb.take([]).by_text()["word"].to_pylist() == [[], [], []]


def test_subwords_are_rows_too(embedder: WordEmbedder) -> None:
    emb = WordEmbedder(*build("bert"), recipes=[Recipe(subword_pooling="none")], engine="torch").encode(TEXTS)
    rows = emb.by_text()["vector"].to_pylist()
    assert len(rows[0]) == emb[0].subword_counts.sum()
    assert rows[1] == []


def add(embedder: WordEmbedder, form: str | None) -> Any:
    rows_of = (lambda table: table) if form == "arrow" else pa.Table.to_pydict
    return lambda rows: rows_of(embedder.encode(rows["text"]).by_text(rows))


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("form", ["arrow", None])
def test_a_dataset_is_mapped(embedder: WordEmbedder, streaming: bool, form: str | None) -> None:
    dataset: Any = datasets.Dataset.from_dict({"id": [7, 8, 9], "text": TEXTS})
    if streaming:
        dataset = dataset.to_iterable_dataset()
    # Two rows at a time, as a long one goes through; nothing is cached.
    options = {} if streaming else {"new_fingerprint": "x", "keep_in_memory": True}
    mapped = dataset.with_format(form).map(add(embedder, form), batched=True, batch_size=2, **options)
    found = list(mapped.with_format(None))
    assert [row["id"] for row in found] == [7, 8, 9]
    assert [row["word"] for row in found] == [text.split() for text in TEXTS]
    assert found[2]["vector"][1] is None
    assert len(found[0]["vector"][0]) == 32
    emb = embedder.encode(dataset["text"]) if not streaming else embedder.encode(TEXTS)
    assert np.allclose(np.float32(found[0]["vector"]), emb[0].vectors, atol=1e-5)


def test_a_table_that_does_not_fit_is_told(embedder: WordEmbedder) -> None:
    emb = embedder.encode(TEXTS)
    with pytest.raises(InputError, match="2 rows for 3 texts"):
        emb.by_text({"id": [1, 2]})
    with pytest.raises(InputError, match="columns called word already"):
        emb.by_text({"word": [1, 2, 3]})
    with pytest.raises(InputError, match="takes a table of Arrow, pandas, polars or datasets, got int"):
        emb.by_text(3)
