"""The result: indexing by text, word and slice, nulls, other libraries, and how it looks."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from families import build
from wordstates import Recipe, WordEmbedder, WordEmbeddings
from wordstates.errors import NoVectorError, RecipeError

TEXTS = ["The old mill, the lake.", "", "river <b>mill</b> \u200b mill"]


@pytest.fixture(scope="module")
def emb() -> WordEmbeddings:
    return WordEmbedder(*build("bert"), words="whitespace").encode(TEXTS)


@pytest.fixture(scope="module")
def subword_rows() -> WordEmbeddings:
    return WordEmbedder(*build("bert"), subword_pooling="none").encode(["unbelievable mill", "the news"])


def test_texts_are_counted_and_gone_through(emb: WordEmbeddings) -> None:
    assert len(emb) == 3
    assert [one.texts for one in emb] == [(text,) for text in TEXTS]
    assert emb.text_index.tolist() == [0] * 5 + [2] * 4


def test_an_int_is_a_text_also_from_the_end(emb: WordEmbeddings) -> None:
    assert emb[0].words == ["The", "old", "mill,", "the", "lake."]
    assert emb[1].words == []
    assert emb[-1].words == ["river", "<b>mill</b>", "\u200b", "mill"]
    with pytest.raises(IndexError, match="Text 3 does not exist: there are 3 texts, 0 to 2"):
        emb[3]


def test_a_slice_is_texts(emb: WordEmbeddings) -> None:
    assert emb[1:].words == emb[-1].words
    assert emb[1:].texts == tuple(TEXTS[1:])
    assert emb[0:3:2].texts == (TEXTS[0], TEXTS[2])
    assert len(emb[5:]) == 0
    with pytest.raises(IndexError, match="runs forward"):
        emb[::-1]


def test_a_pair_is_words_of_a_text(emb: WordEmbeddings) -> None:
    assert emb[0, 1].words == ["old"]
    assert emb[0, -1].words == ["lake."]
    assert emb[0, 1:3].words == ["old", "mill,"]
    assert np.array_equal(emb[0, 1].vector, emb.vectors[1])
    with pytest.raises(IndexError, match="Word 9 does not exist: the text has 5 words"):
        emb[0, 9]


def test_a_string_is_every_word_spelled_so(emb: WordEmbeddings) -> None:
    assert emb["mill"].vectors.shape == (1, 32)
    assert emb["mill"].texts == emb.texts
    with pytest.raises(NoVectorError, match="No word here is 'Mill': words are matched exactly, the first are 'The'"):
        emb["Mill"]


def test_vector_is_for_one_word_that_has_one(emb: WordEmbeddings) -> None:
    assert emb["mill"].vector.shape == (32,)
    with pytest.raises(NoVectorError, match=r"\.vector is for one word, here are 5"):
        _ = emb[0].vector
    with pytest.raises(NoVectorError, match="has no vector: its status is 'no_subwords'"):
        _ = emb["\u200b"].vector


def test_taking_words_keeps_everything_aligned(emb: WordEmbeddings) -> None:
    taken = emb.take([7, 0, 5])
    assert taken.words == ["The", "river", "\u200b"]
    assert taken.statuses == ["ok", "ok", "no_subwords"]
    assert taken.subwords == [emb.subwords[index] for index in (0, 5, 7)]
    assert taken.spans.tolist() == emb.spans[[0, 5, 7]].tolist()
    assert taken.text_index.tolist() == [0, 2, 2]
    kept = emb.take(emb.has_vector)
    assert len(kept.words) == 8
    assert not np.isnan(kept.vectors).any()


def test_rows_of_subwords_follow_their_words(subword_rows: WordEmbeddings) -> None:
    name = subword_rows.recipe_names[0]
    rows = subword_rows.row_words(name)
    assert rows is not None
    assert np.bincount(rows).tolist() == subword_rows.subword_counts.tolist()
    second = subword_rows[1]
    assert second.vectors.shape[0] == second.subword_counts.sum()
    assert np.array_equal(second.vectors, subword_rows.vectors[rows >= subword_rows.text_starts[1]])
    assert subword_rows["mill"].vector.shape == (len(subword_rows["mill"].subwords[0]), 32)


def test_several_recipes_must_be_chosen_from() -> None:
    many = WordEmbedder(*build("bert"), recipes=[Recipe(-1, name="last"), Recipe("0:", "none", name="all")]).encode(
        "mill"
    )
    assert many.recipe_names == ("last", "all")
    assert many.recipe("all").vectors.shape == (1, 5, 32)
    assert np.array_equal(many.column("all")[:, -1], many.column("last"))
    with pytest.raises(RecipeError, match="come from 2 recipes: choose one, as emb"):
        _ = many.vectors
    with pytest.raises(RecipeError, match="No recipe 'best' here: there are 'last', 'all'"):
        many.recipe("best")


def test_numpy_and_torch_share_the_vectors(emb: WordEmbeddings) -> None:
    assert emb.to_numpy() is emb.vectors
    assert torch.equal(torch.nan_to_num(emb.to_torch()), torch.nan_to_num(torch.from_numpy(emb.vectors)))
    assert emb.vectors.dtype == np.float32


def test_arrow_has_nulls_and_provenance(emb: WordEmbeddings) -> None:
    table = emb.to_arrow()
    assert table.column_names == ["document", "position", "word", "start", "end", "status", "subwords", "vector"]
    assert table["vector"].null_count == 1
    assert table["document"].to_pylist() == ["0"] * 5 + ["2"] * 4
    assert json.loads(table.schema.metadata[b"wordstates"])["model"] == emb.provenance["model"]


def test_pandas_has_a_row_a_word(emb: WordEmbeddings) -> None:
    frame = emb.to_pandas()
    assert frame["word"].tolist() == emb.words
    assert frame["vector"].isna().sum() == 1
    assert np.array_equal(frame["vector"][0], emb.vectors[0])


def test_repr_says_what_is_there(emb: WordEmbeddings) -> None:
    assert repr(emb).splitlines() == [
        "WordEmbeddings: 3 texts, 9 words, 18 subwords, 1 without a vector",
        "  -1.mean.mean: 9 x 32 float32",
        "  model BertModel",
        f"  words {repr(emb).splitlines()[-1].removeprefix('  words ')}",
    ]
    assert "\u200b (no_subwords)" in repr(emb)
    assert repr(WordEmbedder(*build("bert")).encode([])).endswith("no words")


def test_html_escapes_and_stays_small(emb: WordEmbeddings) -> None:
    html = emb._repr_html_()
    assert "<b>mill" not in html
    assert "&lt;b&gt;mill&lt;/b&gt;" in html
    assert "no_subwords" in html
    long = WordEmbedder(*build("bert")).encode(["mill " * 500, "x" * 5000])._repr_html_()
    assert "... and 441 more words" in long
    assert len(long) < 30_000


def test_a_result_outlives_its_embedder(emb: WordEmbeddings) -> None:
    import pickle

    again = pickle.loads(pickle.dumps(emb))
    assert again.subwords == emb.subwords
    assert np.array_equal(again.vectors, emb.vectors, equal_nan=True)
