"""Special tokens that a text writes: read as the token or as text, one word, and part of what decides vectors."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tokenizers import AddedToken

import families
from cli_runner import run
from families import TOKENIZERS, build, build_tokenizer
from wordstates import WordEmbedder
from wordstates.errors import InputError, TokenizerError
from wordstates.model.tokenizer import Tokenizer
from wordstates.text.words import word_splitter

# A token of each kind of tokenizer, of both sorts: around a text, and in one.
TOKENS = {kind: sorted({str(token) for token in build_tokenizer(kind).all_special_tokens}) for kind in TOKENIZERS}
WRITTEN = [
    (kind, token)
    for kind, tokens in TOKENS.items()
    for token in tokens
    if token.isprintable() and (not token.startswith("<extra_id_") or token == "<extra_id_7>")
]


@pytest.mark.parametrize(("kind", "token"), WRITTEN)
def test_a_special_token_is_one_word_read_as_the_tokenizer_reads_it(kind: str, token: str) -> None:
    tokenizer = build_tokenizer(kind)
    reader = Tokenizer(tokenizer, kind)
    text = f"the {token} mill{token}, runs"
    [found] = reader.encode([text])
    assert found.ids.tolist() == tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
    splitter = word_splitter().keeping(reader.read_whole())
    words = [text[start:end] for start, end in splitter.split([text])[0].tolist()]
    assert words == ["the", token, "mill", token, ",", "runs"]
    assert found.ids.tolist().count(tokenizer.convert_tokens_to_ids(token)) == 2


@pytest.mark.parametrize(("kind", "token"), WRITTEN)
def test_a_special_token_is_text_where_that_is_asked_for(kind: str, token: str) -> None:
    tokenizer = build_tokenizer(kind)
    reader = Tokenizer(tokenizer, kind, special_tokens="text")
    text = f"the {token} mill"
    index = tokenizer.convert_tokens_to_ids(token)
    is_piece = kind.startswith("unigram") and (
        kind != "unigram-albert" or token.islower()
    )  # ALBERT reads small letters
    if is_piece and index != reader.unknown_id:
        with pytest.raises(TokenizerError, match=f"reads '{re.escape(token)}' as the special token even where"):
            reader.encode([text])
        return
    [found] = reader.encode([text])
    if index != reader.unknown_id:  # the letters of a token may be unknown
        assert index not in found.ids.tolist()
    if tokenizer.is_fast:
        by_hand = tokenizer(text, add_special_tokens=False, split_special_tokens=True, verbose=False)["input_ids"]
        assert found.ids.tolist() == by_hand
    assert token not in reader.read_whole()
    # What one call asked for does not stay with the tokenizer.
    assert Tokenizer(tokenizer, kind).encode([text])[0].ids.tolist().count(index) >= 1


def states(model: Any, tokenizer: Any, text: str, **options: Any) -> np.ndarray:
    with torch.no_grad():
        given = tokenizer(text, return_tensors="pt", **options)
        return model(**given).last_hidden_state[0].numpy()


@pytest.mark.parametrize("how", ["auto", "token"])
def test_the_vector_of_a_mask_is_that_of_the_token(how: Any) -> None:
    model, tokenizer = build("bert")
    emb = WordEmbedder(model, tokenizer, special_tokens=how).encode("The river [MASK] past the mill.")
    assert emb.words == ["The", "river", "[MASK]", "past", "the", "mill", "."]
    assert emb.statuses == ["ok"] * 7
    ids = tokenizer("The river [MASK] past the mill.")["input_ids"]
    by_hand = states(model, tokenizer, "The river [MASK] past the mill.")
    np.testing.assert_allclose(emb["[MASK]"].vector, by_hand[ids.index(tokenizer.mask_token_id)], atol=1e-5)
    given = WordEmbedder(model, tokenizer).encode([["The", "river", "[MASK]", "past", "the", "mill", "."]])
    assert given.statuses == ["ok"] * 7


def test_read_as_text_the_vectors_are_those_of_its_letters() -> None:
    model, tokenizer = build("roberta")
    text = "The river </s> past the mill."
    embedder = WordEmbedder(model, tokenizer, special_tokens="text")
    emb = embedder.encode(text)
    assert emb.words[2:6] == ["<", "/", "s", ">"]
    by_hand = states(model, tokenizer, text, split_special_tokens=True)
    assert len(emb.subwords[0]) == 1
    np.testing.assert_allclose(emb["The"].vector, by_hand[1], atol=1e-5)
    assert embedder.provenance["special_tokens_in_texts"] == "text"
    assert "special_tokens_in_texts" not in WordEmbedder(model, tokenizer).provenance
    assert not np.allclose(emb["mill"].vector, WordEmbedder(model, tokenizer).encode(text)["mill"].vector, atol=1e-3)


def test_find_finds_special_tokens_and_marked_phrases() -> None:
    usages = WordEmbedder(*build("bert")).find("The [MASK] runs. A [MASK]!", ["[MASK]"])
    assert [usage.word for usage in usages] == ["[MASK]", "[MASK]"]
    assert usages.embeddings.statuses == ["ok", "ok"]


@pytest.mark.parametrize("special", [True, False])
def test_added_marks_of_entities_are_words(special: bool) -> None:
    tokenizer = families.TOKENIZERS["wordpiece"]()
    tokenizer.add_tokens([AddedToken("<e1>", special=special), AddedToken("</e1>", special=special)])
    tokenizer.add_tokens(["  ", "mill"])  # letters and white space alone make no word
    reader = Tokenizer(tokenizer, "marked")
    text = "the <e1>river</e1> mills"
    splitter = word_splitter().keeping(reader.read_whole())
    assert [text[start:end] for start, end in splitter.split([text])[0].tolist()] == [
        "the",
        "<e1>",
        "river",
        "</e1>",
        "mills",
    ]


def test_long_texts_with_special_tokens_are_read_in_windows() -> None:
    model, tokenizer = build("bert")
    text = " ".join(["the river [MASK] runs past"] * 20)
    emb = WordEmbedder(model, tokenizer, window=24).encode(text)
    assert emb.words.count("[MASK]") == 20
    assert set(emb.statuses) == {"ok"}
    assert emb.reading["windows"] > 4


def test_words_that_the_user_cut_stay_as_they_are() -> None:
    for words in ("whitespace", str.split):
        splitter = word_splitter(words).keeping(["[MASK]"])
        text = "the [MASK]. x"
        assert [text[start:end] for start, end in splitter.split([text])[0].tolist()] == ["the", "[MASK].", "x"]


def test_an_unknown_way_of_reading_is_refused() -> None:
    with pytest.raises(InputError, match="special_tokens='maybe' does not exist: choose one of auto, token, text"):
        WordEmbedder(*build("bert"), special_tokens="maybe")  # type: ignore[arg-type]


def test_the_command_reads_special_tokens_as_it_is_told(tmp_path: Path) -> None:
    build("bert")[0].save_pretrained(tmp_path / "bert")
    build("bert")[1].save_pretrained(tmp_path / "bert")
    model = ("-m", tmp_path / "bert")
    assert "[MASK]  4-10  ok" in run("subwords", "the [MASK]", *model).out
    assert "[MASK]  4-10" not in run("subwords", "the [MASK]", "--special-tokens", "text", *model).out
    (tmp_path / "a.txt").write_text("the river [MASK] runs\n", encoding="utf-8")
    store = ("-o", f"{tmp_path}/store/")
    assert run("embed", tmp_path / "a.txt", *model, *store).code == 0
    again = run("embed", tmp_path / "a.txt", *model, *store, "--special-tokens", "text")
    assert again.code == 1
    assert "begun with other settings: special_tokens_in_texts" in again.err
