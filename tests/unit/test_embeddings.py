"""The result: indexing by text, word and slice, nulls, other libraries, and how it looks."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

import wordstates
from families import build
from wordstates import Recipe, WordEmbedder, WordEmbeddings
from wordstates.errors import ArgumentError, InputError, NoVectorError, RecipeError
from wordstates.result.selecting import indices_of

TEXTS = ["The old mill, the lake.", "", "river <b>mill</b> \u200b mill"]


@pytest.fixture(scope="module")
def emb() -> WordEmbeddings:
    return WordEmbedder(*build("bert"), splitter="whitespace").encode(TEXTS)


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
    with pytest.raises(IndexError, match="Text 3 does not exist: of 3 texts the last is 2"):
        emb[3]


def test_a_slice_is_texts(emb: WordEmbeddings) -> None:
    assert emb[1:].words == emb[-1].words
    assert emb[1:].texts == tuple(TEXTS[1:])
    assert emb[0:3:2].texts == (TEXTS[0], TEXTS[2])
    assert len(emb[5:]) == 0
    assert emb[::-1].texts == tuple(TEXTS[::-1])
    assert emb[::-1].words == [*emb[2].words, *emb[0].words]
    assert emb[::-1][0].words == emb[2].words


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


def test_taken_words_keep_the_order_asked_for_and_everything_aligned(emb: WordEmbeddings) -> None:
    asked = [7, 0, 5, 1, 8]
    taken = emb.take(asked)
    assert taken.words == [emb.words[index] for index in asked]
    assert taken.statuses == [emb.statuses[index] for index in asked]
    assert taken.subwords == [emb.subwords[index] for index in asked]
    assert taken.spans.tolist() == emb.spans[asked].tolist()
    assert taken.text_index.tolist() == [2, 0, 2, 0, 2]
    assert np.array_equal(taken.vectors, emb.vectors[asked], equal_nan=True)
    assert [taken.texts[text][start:end] for text, (start, end) in zip(taken.text_index, taken.spans, strict=True)] == (
        taken.words
    )
    assert taken[1:3].words == ["The", "river"]
    assert taken[2, :].words == [emb.words[7], emb.words[5], emb.words[8]]
    assert taken.take([4, 0]).words == [emb.words[8], emb.words[7]]
    rows = taken.to_arrow().select(["document", "position", "word"]).to_pylist()
    assert [(row["document"], row["position"]) for row in rows] == [
        ("2", 0),
        ("0", 0),
        ("2", 1),
        ("0", 1),
        ("2", 2),
    ]
    assert emb.take([-1, 0]).words == [emb.words[-1], emb.words[0]]
    kept = emb.take(emb.has_vector)
    assert len(kept) == 8
    assert not np.isnan(kept.vectors).any()
    for wrong in ([9], [-10], [0, 99]):
        with pytest.raises(IndexError, match="do not exist: there are 9, 0 to 8"):
            emb.take(wrong)
    assert emb.take(slice(-1, None, -4)).words == [emb.words[index] for index in (8, 4, 0)]
    for no_words in ("mill", 1, None, [0.5], [[1, 0]], [[1], [1, 0]], slice("a", None), {1}):
        with pytest.raises(ArgumentError, match="a list of whole numbers, a slice or a mask"):
            indices_of(no_words, 9)


def test_a_text_behaves_like_its_words(emb: WordEmbeddings) -> None:
    text = emb[0]
    assert len(text) == 5
    assert [word.words for word in text] == [[word] for word in text.words]
    assert np.array_equal(text[3].vector, emb.vectors[3])
    assert text[-1].words == ["lake."]
    assert text[1:3].words == ["old", "mill,"]
    assert text[::-1].words == text.words[::-1]
    assert text["old"][0].words == emb[0, "old"].words == ["old"]
    assert len(emb[1]) == len(emb[0:0]) == 0
    assert len(emb["mill"]) == 1
    assert emb[2, "mill"].text_index.tolist() == emb[2]["mill"].text_index.tolist() == [0]
    with pytest.raises(IndexError, match="Word 5 does not exist: the text has 5 words"):
        text[5]
    with pytest.raises(NoVectorError, match="No word here is 'river'"):
        emb[0, "river"]


def test_a_single_text_is_a_list_of_words_and_a_list_of_one_is_not() -> None:
    embedder = WordEmbedder(*build("bert"), splitter="whitespace")
    single, listed = embedder.encode(TEXTS[0]), embedder.encode([TEXTS[0]])
    assert (len(single), len(listed)) == (5, 1)
    assert single[3].words == listed[0][3].words == single[0, 3].words == listed[0, 3].words == ["the"]
    assert repr(single).startswith("WordEmbeddings: 1 text, 5 words")
    assert embedder.encode("mill")[0].vector.shape == (32,)
    table = {"word": ["The", "mill", ""], "text": [1, 1, 2]}
    assert len(embedder.encode(table, word="word")) == 3
    assert len(embedder.encode(table, word="word", group="text")) == 2


def test_numpy_ints_select_and_booleans_do_not(emb: WordEmbeddings) -> None:
    assert emb[np.int64(0)][np.int32(1)].words == emb[np.uint8(0), np.int16(1)].words == ["old"]
    with pytest.raises(TypeError, match="an int or a slice is texts, a pair is words of a text"):
        emb[True]
    with pytest.raises(TypeError, match="words are an int, a slice of ints, or a string"):
        emb[0][True]
    with pytest.raises(TypeError, match="the first of a pair is the number of a text"):
        emb[True, 0]


def test_usages_keep_the_order_asked_for_and_know_their_texts() -> None:
    texts = ["a mill", "the lake", "river mill lake"]
    usages = WordEmbedder(*build("bert")).find(texts, ["mill", "lake"])
    asked = [3, 0, 2, 1]
    taken = usages.take(asked)
    assert [(usage.target, usage.text_index, usage.span) for usage in taken] == [
        (usages[index].target, usages[index].text_index, usages[index].span) for index in asked
    ]
    assert [usage.left for usage in taken] == [usages[index].left for index in asked]
    assert np.array_equal(taken.vectors, usages.vectors[asked])
    assert taken.to_arrow(context=3)["left"].to_pylist() == usages.to_arrow(context=3)["left"].take(asked).to_pylist()
    assert [usage.text_index for usage in taken.of("mill")] == [0, 2]
    assert usages[np.int64(1)].target == usages[torch.tensor(1)].target == "lake"


def test_unit_length_needs_no_fitting(emb: WordEmbeddings) -> None:
    before = emb.vectors.copy()
    length = np.linalg.norm(emb.normalized().vectors, axis=1)
    assert np.allclose(length[emb.has_vector], 1)
    assert np.isnan(length[~emb.has_vector]).all()
    assert np.array_equal(emb.vectors, before, equal_nan=True)
    assert emb.normalized().provenance["unit_length"] is True
    assert "unit_length" not in emb.provenance


def test_similarity_is_the_cosine_of_whatever_has_vectors(emb: WordEmbeddings) -> None:
    text, word = emb[0], emb[0][3]
    by_hand = unit_rows(text.vectors) @ unit_rows(text.vectors).T
    assert np.allclose(wordstates.similarity(text, text), by_hand, atol=1e-6)
    assert np.allclose(wordstates.similarity(text), by_hand, atol=1e-6)
    assert np.allclose(wordstates.similarity(word, text), by_hand[3], atol=1e-6)
    assert wordstates.similarity(word, word.vector).shape == ()
    assert wordstates.similarity(text.to_torch(), text[:2]).shape == (5, 2)
    assert np.isnan(wordstates.similarity(emb[0][0], emb[2])).tolist() == (~emb[2].has_vector).tolist()
    usages = WordEmbedder(*build("bert")).find(["a mill", "mill lake"], ["mill"])
    assert wordstates.similarity(usages[0], usages).shape == (2,)
    assert wordstates.similarity(usages[0], usages)[0] == pytest.approx(1)
    with pytest.raises(InputError, match="Vectors of 32 and 3 dimensions have no cosine"):
        wordstates.similarity(text, [1, 2, 3])
    with pytest.raises(InputError, match="str has no vectors to compare"):
        wordstates.similarity("mill", text)
    with pytest.raises(InputError, match="have no cosine: give"):
        wordstates.similarity(np.zeros((1, 2, 3)))


def unit_rows(vectors: np.ndarray) -> np.ndarray:
    return np.array([vector / np.sqrt((vector * vector).sum()) for vector in vectors])


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
