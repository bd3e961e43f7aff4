"""The embedder: ways to say what the words are, targets, options, and what it refuses."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from itertools import islice, permutations
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import regex
import torch

from families import build
from wordstates import Recipe, WordEmbedder
from wordstates.encode import prepare, window_reader
from wordstates.errors import (
    ArgumentError,
    InputError,
    ModelError,
    NonFiniteError,
    NoVectorError,
    RecipeError,
    SpanError,
    TargetNotFoundError,
)

TEXT = "The old mill, near the lake."


@pytest.fixture(scope="module")
def bert() -> WordEmbedder:
    return WordEmbedder(*build("bert"))


def words(**options: Any) -> list[str]:
    return WordEmbedder(*build("bert"), **options).encode(TEXT).words


def test_raw_text_is_split_at_unicode_word_boundaries() -> None:
    assert words() == ["The", "old", "mill", ",", "near", "the", "lake", "."]
    assert words(punctuation=False) == ["The", "old", "mill", "near", "the", "lake"]


def test_raw_text_is_split_at_white_space() -> None:
    assert words(splitter="whitespace") == ["The", "old", "mill,", "near", "the", "lake."]


def test_a_callable_gives_words_or_spans() -> None:
    assert words(splitter=str.split) == words(splitter="whitespace")
    assert words(splitter=lambda text: [match.span() for match in re.finditer("[a-z]+", text)])[0] == "he"


def test_a_spacy_language_splits() -> None:
    import spacy

    assert words(splitter="spacy:en") == ["The", "old", "mill", ",", "near", "the", "lake", "."]
    pipeline = spacy.blank("en")
    assert words(splitter=pipeline) == words(splitter="spacy:en")
    assert WordEmbedder(*build("bert"), splitter=pipeline).provenance["splitter"].startswith("spacy:en")
    emb = WordEmbedder(*build("bert"), splitter="spacy:en").encode("I don't,  well.")
    assert emb.words == ["I", "do", "n't", ",", "well", "."]
    with pytest.raises(InputError, match="no installed spaCy pipeline and no language"):
        words(splitter="spacy:klingon")


def test_words_that_are_given_alone_are_joined_by_a_space(bert: WordEmbedder) -> None:
    emb = bert.encode([["old", "", "mill"], []])
    assert emb.texts == ("old mill", "")
    assert emb.words == ["old", "", "mill"]
    assert emb.statuses == ["ok", "no_subwords", "ok"]


def test_words_that_are_given_with_their_text_are_found_in_it(bert: WordEmbedder) -> None:
    emb = bert.encode(TEXT, words=["old mill", "the", "lake"])
    assert emb.spans.tolist() == [[4, 12], [19, 22], [23, 27]]
    with pytest.raises(SpanError, match=r"Word 1 \('old'\) is not in text 0 after character 12"):
        bert.encode([TEXT], words=[["mill", "old"]])


def test_phrases_are_given_by_span_and_may_overlap(bert: WordEmbedder) -> None:
    emb = bert.encode(TEXT, spans=[(4, 12), (8, 12), (4, 7)])
    assert emb.words == ["old mill", "mill", "old"]
    assert emb.statuses == ["ok"] * 3
    pieces = bert.encode(TEXT, spans=[(4, 12)]).subword_counts[0]
    assert pieces == emb.subword_counts[1] + emb.subword_counts[2]


def test_which_words_are_asked_for_changes_no_vector(bert: WordEmbedder) -> None:
    everything = bert.encode(TEXT)
    one = bert.encode(TEXT, spans=[(8, 12)])
    assert np.allclose(one.vector, everything["mill"].vector, atol=1e-5)
    long = TEXT + " the river runs past it" * 30
    everything = bert.encode(long)
    for word in (0, 50, 100):
        one = bert.encode(long, spans=[everything.spans[word].tolist()])
        assert np.allclose(one.vector, everything[0, word].vector, atol=1e-5)
        assert one.reading["windows"] == 1 < everything.reading["windows"]


def test_a_phrase_longer_than_the_overlap_gets_a_window_of_its_own() -> None:
    long = "the river runs past the mill " * 20
    embedder = WordEmbedder(*build("bert"), window=40, overlap=2)
    everything = embedder.encode(long)
    ends = everything.spans[:, 1]
    for first in range(0, 60, 7):
        phrase = (int(everything.spans[first, 0]), int(ends[first + 15]))
        assert embedder.encode(long, spans=[phrase]).statuses == ["ok"]
    assert embedder.encode(long, spans=[(0, len(long))]).statuses == ["too_long"]


def test_a_part_of_a_subword_is_shared(bert: WordEmbedder) -> None:
    emb = bert.encode("the mill", spans=[(0, 2), (0, 3)])
    assert emb.statuses == ["shared_subword", "ok"]
    assert np.array_equal(emb.vectors[0], emb.vectors[1])


def test_a_word_that_the_tokenizer_does_not_know_says_so(bert: WordEmbedder) -> None:
    emb = bert.encode("the ☃ mill")
    assert emb.statuses == ["ok", "unknown", "ok"]
    assert emb.subwords[1] == ("[UNK]",)
    assert emb.has_vector.all()


def test_empty_texts_are_texts(bert: WordEmbedder) -> None:
    assert len(bert.encode([])) == 0
    emb = bert.encode(["", "  \n", "mill"])
    assert np.diff(emb.text_starts).tolist() == [0, 0, 1]
    assert bert.encode("").words == []


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (b"mill", "Texts are a string, a list of strings"),
        (7, "Texts are a string, a list of strings"),
        (None, "Texts are a string, a list of strings"),
        ({"text": "mill"}, "Texts are a string, a list of strings"),
        (["mill", b"lake"], "Text 1 is of type bytes: decode it first"),
        (["mill", None], "Text 1 is of type NoneType: it is missing"),
        (["mill", ["lake"]], "Text 1 is of type list"),
        ([["mill", 3]], "Word 1 of the given words is 3, not a string"),
        ("half \ud83d pair", "Text 0 holds half a character"),
    ],
)
def test_what_is_no_text_is_refused(bert: WordEmbedder, texts: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        bert.encode(texts)


@pytest.mark.parametrize("span", [(3, 1), (-1, 2), (0, 99), ("a", "b"), (1,), 5])
def test_spans_outside_the_text_are_refused(bert: WordEmbedder, span: Any) -> None:
    with pytest.raises(SpanError, match="Span 0 of text 0 is"):
        bert.encode(["mill"], spans=[[span]])


def test_lists_of_words_and_spans_must_fit_the_texts(bert: WordEmbedder) -> None:
    with pytest.raises(InputError, match="2 texts but 1 list of spans"):
        bert.encode(["a", "b"], spans=[[(0, 1)]])
    with pytest.raises(InputError, match="not both"):
        bert.encode(["a"], spans=[[(0, 1)]], words=[["a"]])
    with pytest.raises(InputError, match="lists of given words already"):
        bert.encode([["a"]], words=[["a"]])


def test_usages_have_their_text_span_and_context(bert: WordEmbedder) -> None:
    texts = ["A lazy  dog and a LAZY\ndog.", "Nothing here.", "The lazydog; lazy dogs"]
    usages = bert.find(texts, ["lazy dog", re.compile(r"N\w+"), regex.compile("here")])
    assert [(usage.target, usage.word, usage.text_index) for usage in usages] == [
        ("lazy dog", "lazy  dog", 0),
        ("lazy dog", "LAZY\ndog", 0),
        (r"N\w+", "Nothing", 1),
        ("here", "here", 1),
    ]
    assert usages[0].left + usages[0].word + usages[0].right == texts[0]
    assert usages.vectors.shape == (4, 32)
    assert len(usages.of("here")) == 1
    assert usages.of("here")[0].word == "here"
    assert usages[-1].word == "here"
    with pytest.raises(IndexError, match="Usage 4 does not exist"):
        usages[4]
    with pytest.raises(NoVectorError, match="was not a target"):
        usages.of("cat")
    table = usages.to_arrow(context=4)
    assert table["left"].to_pylist() == ["A ", "d a ", "", "ing "]
    assert table["target"].to_pylist()[0] == "lazy dog"
    assert usages.to_pandas()["word"].tolist() == [usage.word for usage in usages]
    assert "[lazy dog]" in repr(usages)
    assert repr(usages[0]) == "<Usage of 'lazy dog' in text 0: A [lazy dog] and a LAZY dog.>"


def test_a_usage_has_the_vector_that_encode_gives(bert: WordEmbedder) -> None:
    usages = bert.find([TEXT, "a mill"], ["mill"])
    emb = bert.encode([TEXT, "a mill"])
    assert np.allclose(usages.vectors, emb["mill"].vectors, atol=1e-5)


def test_a_row_a_subword_has_its_usage_beside_it(bert: WordEmbedder) -> None:
    texts = ["The lazy dog.", "A dog."]
    by_subword = WordEmbedder(*build("bert"), subword_pooling="none").find(texts, ["lazy dog", "dog"])
    rows = by_subword.to_arrow(context=4).to_pylist()
    assert [row["target"] for row in rows] == [
        by_subword.targets[number]
        for number, count in zip(by_subword.target_index, by_subword.embeddings.subword_counts, strict=True)
        for _ in range(count)
    ]
    assert {(row["word"], row["left"], row["right"]) for row in rows} == {
        ("lazy dog", "The ", "."), ("dog", "azy ", "."), ("dog", "A ", ".")
    }  # fmt: skip
    means = [usage.vector.mean(axis=0) for usage in by_subword]
    np.testing.assert_allclose(means, bert.find(texts, ["lazy dog", "dog"]).vectors, atol=1e-5)


def test_the_vector_of_a_usage_does_not_cost_all_of_them(bert: WordEmbedder, monkeypatch: pytest.MonkeyPatch) -> None:
    usages = bert.find(["The lazy dog.", "A dog."] * 3, ["dog", "lazy dog"])

    def too_much(*_: object) -> None:
        raise AssertionError("all words were gone through")

    monkeypatch.setattr(type(usages.embeddings), "take", too_much)
    np.testing.assert_array_equal(np.stack([usage.vector for usage in usages]), usages.vectors)


def test_texts_without_a_target_are_not_run(bert: WordEmbedder, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    honest = bert._model.tokenizer.encode
    monkeypatch.setattr(bert._model.tokenizer, "encode", lambda texts: read.extend(texts) or honest(texts))
    usages = bert.find(["no", "the mill", "nothing"] * 50, ["mill"])
    assert read == ["the mill"] * 50
    assert usages.embeddings.reading["windows"] == 50


@pytest.mark.parametrize(
    ("target", "text", "found"),
    [
        ("Straße", "die STRASSE", ["STRASSE"]),
        ("café", "un cafe\u0301 noir", ["cafe\u0301"]),
        ("cafe", "un café", []),
        ("bank", "bank's e-bank banker BANK", ["bank", "bank", "BANK"]),
        ("东京", "在东京大学", ["东京"]),
        ("C++", "C++, C and c++", ["C++", "c++"]),
        ("new york", "New\u00a0York, New\n York", ["New\u00a0York", "New\n York"]),
        ("😀", "a😀b", ["😀"]),
        ("aa aa", "aa aa aa", ["aa aa", "aa aa"]),
        ("ΣΊΣΥΦΟΣ", "σίσυφος", ["σίσυφος"]),
    ],
)
def test_targets_are_matched_as_a_person_means_them(
    bert: WordEmbedder, target: str, text: str, found: list[str]
) -> None:
    usages = bert.find(text, [target], missing="ignore")
    assert [usage.word for usage in usages] == found


def test_case_counts_if_asked(bert: WordEmbedder) -> None:
    assert [usage.word for usage in bert.find("Bank bank", ["bank"], ignore_case=False)] == ["bank"]


def test_a_target_that_is_nowhere_is_an_error_that_helps(bert: WordEmbedder) -> None:
    with pytest.raises(TargetNotFoundError, match=r"'mil' does not occur in the text.*Near it: 'mill'") as caught:
        bert.find("the mill", ["mil"])
    assert isinstance(caught.value, LookupError)
    assert len(bert.find("the mill", ["mil"], missing="ignore")) == 0
    with pytest.raises(InputError, match="missing='no' does not exist"):
        bert.find("the mill", ["mill"], missing="no")


@pytest.mark.parametrize("targets", [[], "mill", [" "], [3], [re.compile(b"x")]])
def test_what_is_no_target_is_refused(bert: WordEmbedder, targets: Any) -> None:
    with pytest.raises(InputError):
        bert.find("the mill", targets)


def test_an_empty_match_is_no_usage(bert: WordEmbedder) -> None:
    assert [usage.word for usage in bert.find("aab", [re.compile("b*")])] == ["b"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"precision": "int4"}, "precision='int4' does not exist: choose one of float32, bfloat16, float16"),
        ({"device": "cpu"}, "stays where it is"),
        ({"window": 65}, "window=65 is more than 'BertModel' can read at once: at most 64"),
        ({"window": 2}, "window=2 holds no text: 2 of it are special tokens; give 3 or more"),
        ({"overlap": 62}, "overlap=62 does not fit: windows hold 62 subwords"),
        ({"overlap": -1}, "overlap=-1 does not fit"),
        ({"long_texts": "cut"}, "long_texts='cut' does not exist: choose one of window, truncate, error"),
        ({"bos": "maybe"}, "bos='maybe' does not exist"),
        ({"bos": "never"}, "bos='never' is for causal models"),
        ({"splitter": "sentences"}, "splitter='sentences' is no way to split a text"),
        ({"batch_subwords": 0}, "batch_subwords=0 is no budget"),
    ],
)
def test_options_that_do_not_exist_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        WordEmbedder(*build("bert"), **options)


def test_layers_that_do_not_exist_are_refused() -> None:
    with pytest.raises(
        RecipeError,
        match=r"Layer 13 does not exist in 'BertModel': it has 4 blocks, so layers run from 0 \(embedding output\)",
    ):
        WordEmbedder(*build("bert"), layers=13)
    with pytest.raises(RecipeError, match=r"Give either recipes=\[\.\.\.\] or layers"):
        WordEmbedder(*build("bert"), layers=2, recipes=[Recipe(1)])
    with pytest.raises(RecipeError, match="No recipe given"):
        WordEmbedder(*build("bert"), recipes=[])
    with pytest.raises(RecipeError, match="has no state for each subword"):
        WordEmbedder(*build("canine"), layers=4)


def test_a_model_in_memory_needs_its_tokenizer_and_stays_as_it_was() -> None:
    model, tokenizer = build("gpt2")
    with pytest.raises(InputError, match="needs its tokenizer"):
        WordEmbedder(model)
    model.train()
    try:
        before = {name: weight.clone() for name, weight in model.state_dict().items()}
        first = WordEmbedder(model, tokenizer, precision="bfloat16").encode(TEXT)
        exact = WordEmbedder(model, tokenizer, layers=2).encode(TEXT)
        assert model.training
        assert np.array_equal(exact.vectors, WordEmbedder(model, tokenizer, layers=2).encode(TEXT).vectors)
    finally:
        model.eval()
    assert all(torch.equal(before[name], weight) for name, weight in model.state_dict().items())
    assert not any(module._forward_pre_hooks for module in model.modules())
    assert first.provenance["precision"] == "bfloat16"


@pytest.mark.parametrize(("precision", "largest"), [("bfloat16", 0.05), ("float16", 0.01)])
def test_reduced_precision_reports_its_measured_error(precision: Any, largest: float) -> None:
    model, tokenizer = build("bert")
    rounded = WordEmbedder(model, tokenizer, precision=precision)
    exact = WordEmbedder(model, tokenizer).encode(TEXT).vectors
    error = rounded.provenance["precision_error"]
    assert 0 < error < largest
    got = rounded.encode(TEXT).vectors
    assert got.dtype == np.float32
    assert np.linalg.norm(got - exact) / np.linalg.norm(exact) < 3 * error


def test_the_beginning_of_sequence_token_follows_the_policy() -> None:
    model, tokenizer = build("gpt2")
    plain, always = WordEmbedder(model, tokenizer), WordEmbedder(model, tokenizer, bos="always")
    assert plain.provenance["special_tokens"]["before"] == []
    assert always.provenance["special_tokens"]["before"] == [tokenizer.bos_token]
    ids = tokenizer("mill")["input_ids"]
    with torch.no_grad():
        expected = model(torch.tensor([[tokenizer.bos_token_id, *ids]])).last_hidden_state[0, 1:].mean(0).numpy()
    assert np.allclose(always.encode("mill").vector, expected, atol=1e-5)
    llama = build("llama")
    assert WordEmbedder(*llama).provenance["special_tokens"]["before"] == ["<s>"]
    assert WordEmbedder(*llama, bos="never").provenance["special_tokens"]["before"] == []
    assert WordEmbedder(*llama, bos="always").provenance["special_tokens"]["before"] == ["<s>"]


def test_a_folder_a_tokenizer_by_name_and_an_object_give_the_same(tmp_path: Any) -> None:
    model, tokenizer = build("roberta")
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    expected = WordEmbedder(model, tokenizer).encode(TEXT).vectors
    for embedder in (
        WordEmbedder(tmp_path),
        WordEmbedder(str(tmp_path), tokenizer=str(tmp_path)),
        WordEmbedder(tmp_path, tokenizer=tokenizer),
        WordEmbedder(model, tmp_path),
    ):
        assert np.allclose(embedder.encode(TEXT).vectors, expected, atol=1e-5)


def test_a_model_with_a_head_gives_the_vectors_of_its_base() -> None:
    from transformers import BertForMaskedLM

    model, tokenizer = build("bert")
    headed = BertForMaskedLM(model.config).eval()
    headed.bert.load_state_dict(model.state_dict(), strict=False)
    expected = WordEmbedder(model, tokenizer).encode(TEXT).vectors
    assert np.allclose(WordEmbedder(headed, tokenizer).encode(TEXT).vectors, expected, atol=1e-5)


def test_a_model_that_fails_while_reading_is_an_error_that_says_so() -> None:
    with pytest.raises(ModelError, match="failed while reading"):
        WordEmbedder(*build("canine")).encode("x")


def test_progress_counts_the_words(bert: WordEmbedder, capsys: pytest.CaptureFixture[str]) -> None:
    counts: list[int] = []
    texts = [" ".join(order) for order in islice(permutations(TEXT.split()), 200)]
    emb = bert.encode(texts, on_progress=counts.append)
    assert sum(counts) == len(emb.words)
    assert len(counts) > 1
    bert.encode(TEXT, show_progress=True)
    assert "words" in capsys.readouterr().err


def test_a_text_that_occurs_again_is_read_once_and_has_the_same_vectors(bert: WordEmbedder) -> None:
    emb = bert.encode([TEXT, "The old mill.", TEXT, TEXT])
    assert emb.reading["windows"] == 4
    assert emb.reading["repeated_windows"] == 2
    assert np.array_equal(emb[0].vectors, emb[2].vectors)
    assert np.array_equal(emb[0].vectors, emb[3].vectors)
    assert np.allclose(emb[0].vectors, bert.encode(TEXT).vectors, atol=1e-5)


def test_a_call_that_is_interrupted_drops_all_that_it_began(
    bert: WordEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    pending = bert.submit([f"{number} " + "mill " * 300 for number in range(40)])  # read in more than one stretch
    finish, dropped = window_reader.Reading.finish, list[window_reader.Reading]()

    def interrupted(self: window_reader.Reading, advance: Callable[[int], object]) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(window_reader.Reading, "abandon", lambda self: dropped.append(self))
    monkeypatch.setattr(window_reader.Reading, "finish", interrupted)
    with pytest.raises(KeyboardInterrupt):
        pending.result()
    assert len(dropped) > 1
    monkeypatch.setattr(window_reader.Reading, "finish", finish)
    assert len(pending.result().words) == 40 * 301  # what is not dropped, here, is still right


def test_repr_names_the_model_and_the_recipes(bert: WordEmbedder) -> None:
    assert repr(bert) == "WordEmbedder('BertModel', 4 blocks, recipes: -1.mean.mean, window 64)"


def test_several_threads_may_share_an_embedder() -> None:
    from concurrent.futures import ThreadPoolExecutor

    model, tokenizer = build("bert")
    first, second = WordEmbedder(model, tokenizer, layers="1,3"), WordEmbedder(model, tokenizer, layers=2)
    texts = [f"the {'old ' * (number % 7)}mill by the lake {number}" for number in range(24)]
    expected = [(first.encode(text).vectors, second.encode(text).vectors) for text in texts]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda text: (first.encode(text).vectors, second.encode(text).vectors), texts))
    for (one, two), (other_one, other_two) in zip(expected, found, strict=True):
        assert np.allclose(one, other_one, atol=1e-5)
        assert np.allclose(two, other_two, atol=1e-5)


def test_given_words_are_not_found_inside_other_words(bert: WordEmbedder) -> None:
    emb = bert.encode("I saw an art exhibition at a museum", words=["saw", "a", "museum"])
    assert emb.spans.tolist() == [[2, 5], [27, 28], [29, 35]]
    assert bert.encode("I don't", words=["I", "do", "n't"]).spans.tolist() == [[0, 1], [2, 4], [4, 7]]
    assert words(splitter=lambda text: [word for word in text.split() if word != "The"])[0] == "old"


def test_what_was_read_before_changes_no_alignment() -> None:
    model, tokenizer = build("xlm-roberta")
    text = "ﬂ ▁v café ½ ▁"
    cold = WordEmbedder(model, tokenizer, splitter="whitespace")
    warm = WordEmbedder(model, tokenizer, splitter="whitespace")
    warm.encode([part for part in text.split() if part] * 2)
    one, other = cold.encode(text), warm.encode(text)
    assert one.subwords == other.subwords
    assert one.statuses == other.statuses
    assert one.statuses[-1] == "no_subwords"  # to SentencePiece ▁ is a space
    assert np.allclose(one.vectors, other.vectors, equal_nan=True)


def test_a_padding_token_without_a_row_in_the_model_does_no_harm() -> None:
    import copy

    model, tokenizer = build("gpt2")
    padded = copy.deepcopy(tokenizer)
    padded.add_special_tokens({"pad_token": "[PAD]"})
    expected = WordEmbedder(model, tokenizer).encode([TEXT, "mill"]).vectors
    assert np.allclose(WordEmbedder(model, padded).encode([TEXT, "mill"]).vectors, expected, atol=1e-5)


def test_the_settings_of_a_tokenizer_are_left_alone() -> None:
    import copy

    model, tokenizer = build("bert")
    mine = copy.deepcopy(tokenizer)
    mine.backend_tokenizer.enable_truncation(5)
    mine.backend_tokenizer.enable_padding(length=10)
    emb = WordEmbedder(model, mine).encode(TEXT)
    assert emb.status_counts == {"ok": 8}
    assert mine.backend_tokenizer.truncation["max_length"] == 5
    assert mine.backend_tokenizer.padding["length"] == 10


def test_positions_that_scale_with_the_batch_are_read_in_equal_lengths() -> None:
    from transformers import Phi3Config, Phi3Model

    _, tokenizer = build("llama")
    scaled = {"short_factor": [1.0] * 4, "long_factor": [4.0, 5.0, 6.0, 8.0], "original_max_position_embeddings": 32}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = Phi3Model(
            Phi3Config(
                vocab_size=len(tokenizer),
                pad_token_id=0,
                bos_token_id=1,
                eos_token_id=2,
                hidden_size=32,
                num_hidden_layers=2,
                num_attention_heads=4,
                num_key_value_heads=2,
                intermediate_size=64,
                initializer_range=0.2,
                max_position_embeddings=256,
                original_max_position_embeddings=32,
                rope_parameters={"rope_type": "longrope", "rope_theta": 1e4, **scaled},
            )
        ).eval()
    embedder = WordEmbedder(model, tokenizer, batch_subwords=100_000)
    texts = ["the mill", TEXT * 5]
    assert np.allclose(embedder.encode(texts)[0].vectors, embedder.encode(texts[0]).vectors, atol=1e-5)


def test_what_cannot_be_a_model_is_refused() -> None:
    from transformers import BigBirdConfig, BigBirdModel

    model, tokenizer = build("bert")
    assert WordEmbedder(torch.nn.DataParallel(model), tokenizer).n_blocks == 4
    with pytest.raises(ModelError, match="Linear is no model of transformers"):
        WordEmbedder(torch.nn.Linear(2, 2), tokenizer)
    with pytest.raises(ModelError, match="block-sparse attention"):
        WordEmbedder(
            BigBirdModel(BigBirdConfig(vocab_size=99, hidden_size=8, num_hidden_layers=1, num_attention_heads=1)),
            tokenizer,
        )
    with pytest.raises(InputError, match="no name, folder or module"):
        WordEmbedder(3, tokenizer)  # type: ignore[arg-type]


def test_a_text_of_a_hundred_thousand_words_is_read_whole() -> None:
    model, tokenizer = build("t5")
    embedder = WordEmbedder(model, tokenizer, splitter="whitespace", layers=1)
    emb = embedder.encode("the old mill by the lake " * 16_667)
    assert len(emb.words) == 100_002
    assert emb.status_counts == {"ok": 100_002}
    assert np.isfinite(emb.vectors).all()
    # Far from the seams of windows, words in like surroundings have like vectors.
    assert emb["lake"].vectors.shape[0] == 16_667


def test_marks_in_another_order_are_the_same_text(bert: WordEmbedder) -> None:
    assert [usage.word for usage in bert.find("a q\u0307\u0323 b", ["q\u0323\u0307"])] == ["q\u0307\u0323"]


def test_a_word_is_in_a_result_if_it_is_spelled_so(bert: WordEmbedder) -> None:
    emb = bert.encode(TEXT)
    assert "mill" in emb
    assert "Mill" not in emb
    assert emb != bert.encode(TEXT)


@pytest.mark.filterwarnings("ignore:This sequence already has")
def test_a_text_that_ends_in_the_special_token_gets_no_second_one() -> None:
    import by_hand

    model, tokenizer = build("byt5")
    text = "hello</s>"
    emb = WordEmbedder(model, tokenizer).encode([text, "mill"], spans=[[(0, 5)], [(0, 4)]])
    for found, span in zip(emb, [(0, 5), (0, 4)], strict=True):
        [expected] = by_hand.vectors(model, tokenizer, found.texts[0], [span], [-1], "mean", "mean")
        assert expected is not None
        assert np.allclose(found.vector, expected.numpy(), atol=1e-5)


@pytest.mark.parametrize("kind", ["pandas", "polars", "arrow", "dict"])
def test_a_table_of_words_has_a_word_a_row(bert: WordEmbedder, kind: str) -> None:
    words: list[Any] = ["The", "river", None, "A", "bank", "A"]
    columns = {"word": words, "story": [1, None, 1, 1, 1, 1], "sentence": ["1", "1", "1", "2", "2", "1"]}
    if kind == "pandas":
        table: Any = pd.DataFrame(columns)
    else:
        table = {"polars": pl.DataFrame, "arrow": pa.table, "dict": dict}[kind](columns)
    found = bert.encode(table, word="word", group=["story", "sentence"])
    assert found.words == ["The", "river", "", "A", "bank", "A"]
    assert found.texts == ("The river", "A bank", "A")
    assert found.statuses[2] == "no_subwords"
    given = bert.encode([["The", "river"], ["A", "bank"], ["A"]])
    np.testing.assert_allclose(found.vectors[[0, 1, 3, 4, 5]], given.vectors, atol=1e-6)
    assert bert.encode(table, word="word").texts == ("The river A bank A",)


def test_what_is_wrong_with_a_table_is_told(bert: WordEmbedder) -> None:
    frame = pd.DataFrame({"word": ["A", 3], "text": ["A fox", "B"]})
    for arguments, says in [
        ({}, "Of a table, give the column of texts"),
        ({"group": "word"}, "give word=... too"),
        ({"word": "wrod"}, "There is no column 'wrod' in the table: there are word, text"),
        ({"word": "word"}, "Row 1 of the column 'word' is 3: a word is a string"),
        ({"word": "text", "words": [["A"]]}, "leave words=... and spans=... out"),
        ({"word": "text", "group": "none"}, "There is no column 'none'"),
    ]:
        with pytest.raises(InputError, match=says):
            bert.encode(frame, **arguments)  # type: ignore[arg-type]


# ---------------------------------------------------------------- what people guess


def test_dim_tokenizer_and_device_are_there() -> None:
    network, tokenizer = build("bert")
    embedder = WordEmbedder(network, tokenizer, layers="-2:", layer_pooling="concat")
    assert (embedder.dim, embedder.tokenizer, str(embedder.device)) == (64, tokenizer, "cpu")
    several = WordEmbedder(network, tokenizer, recipes=[Recipe(-1), Recipe("-2:", "concat")])
    with pytest.raises(RecipeError, match=r"vectors of \[32, 64\] dimensions: see vector_shapes"):
        _ = several.dim
    assert embedder.to("cpu") is embedder
    with pytest.raises(InputError, match="stays where it is"):
        embedder.to("meta")
    assert embedder.encode("mill").vectors.shape == (1, 64)


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("show_progress_bar", "show_progress=True"),
        ("batch_size", "batch_subwords"),
        ("convert_to_tensor", r"\.to_torch\(\)"),
        ("convert_to_numpy", r"\.vectors"),
        ("normalize_embeddings", r"\.normalized\(\)"),
        ("output_value", "subword_pooling='none'"),
        ("layers", r"WordEmbedder\(\.\.\., layers=\.\.\.\)"),
        ("use_auth_token", "HF_TOKEN"),
        ("spanz", r"write spans=\.\.\."),
        ("xyzzy", "its arguments are texts, words, spans"),
    ],
)
def test_arguments_of_other_libraries_are_answered_with_ours(name: str, ours: str) -> None:
    embedder = WordEmbedder(*build("bert"))
    with pytest.raises(ArgumentError, match=rf"WordEmbedder.encode has no argument '{name}': .*{ours}") as caught:
        embedder.encode("mill", **{name: True})  # type: ignore[arg-type]
    assert isinstance(caught.value, TypeError)
    assert isinstance(caught.value, InputError)
    if name != "layers":
        with pytest.raises(ArgumentError, match=rf"WordEmbedder has no argument '{name}'"):
            WordEmbedder("minilm", **{name: True})  # type: ignore[arg-type]


def test_numpy_numbers_stand_where_ints_do() -> None:
    network, tokenizer = build("bert")
    plain = WordEmbedder(network, tokenizer, layers=[1, 2], window=16, overlap=4, batch_subwords=64)
    numbers = {"window": np.int64(16), "overlap": np.int32(4), "batch_subwords": np.int64(64)}
    for layers in ([np.int64(1), np.int64(2)], np.array([1, 2]), slice(np.int64(1), np.int64(3)), (1, np.int8(2))):
        embedder = WordEmbedder(network, tokenizer, layers=layers, **numbers)  # type: ignore[arg-type]
        assert np.array_equal(embedder.encode("a mill").vectors, plain.encode("a mill").vectors)
        json.dumps(embedder.provenance)
    assert Recipe(np.int64(-1)) == Recipe(-1)
    with pytest.raises(RecipeError, match="are not layers"):
        Recipe(np.array([0.5]))  # type: ignore[arg-type]


@pytest.mark.parametrize("texts", [2, 3])
def test_texts_planned_in_stretches_are_those_planned_at_once(
    bert: WordEmbedder, monkeypatch: pytest.MonkeyPatch, texts: int
) -> None:
    given = [f"The old mill number {number}." for number in range(texts)]
    whole = bert.encode(given)
    monkeypatch.setattr(prepare, "_FIRST_STRETCH", 1)
    monkeypatch.setattr(prepare, "_LONGEST_STRETCH", 1)
    parts = bert.encode(given)
    assert (parts.words, parts.text_starts.tolist()) == (whole.words, whole.text_starts.tolist())
    np.testing.assert_allclose(parts.vectors, whole.vectors, atol=1e-5)


def test_a_vector_that_is_no_number_is_an_error_that_names_its_text(
    bert: WordEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = window_reader.run_pass

    def damaged(*arguments: Any, **options: Any) -> list[np.ndarray]:
        vectors = real(*arguments, **options)
        vectors[0][-1, 0] = np.nan
        return vectors

    monkeypatch.setattr(window_reader, "run_pass", damaged)
    with pytest.raises(NonFiniteError, match=r"gives NaN or infinity for a word of text 0 .'The old mill"):
        bert.encode([TEXT])
