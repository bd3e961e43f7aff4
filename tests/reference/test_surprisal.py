"""Surprisal equals the logits of `transformers` by hand: one text, one window, one subword after the other."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from transformers import AutoModelForCausalLM, GPT2LMHeadModel

import by_hand
from families import FAMILIES, build, build_tokenizer
from wordstates import WordEmbedder
from wordstates.documents.document import Document
from wordstates.errors import InputError, ModelError, NoVectorError
from wordstates.files.describe import read_provenance
from wordstates.model.surprisal import OutputHead, word_surprisals
from wordstates.store.run import embed_to_store

TEXT = "Unbelievably, the old mill  near\nthe lake\u00a0closed; it wasn't 3.14 metres wide."
CAUSAL = [name for name, family in FAMILIES.items() if family.kind == "decoder"]


@pytest.fixture(scope="module")
def gpt2() -> tuple[Any, Any]:
    return with_head("gpt2")


def with_head(name: str) -> tuple[Any, Any]:
    """Build a causal model with an output head of its own, around the weights of a family."""
    base, tokenizer = build(name)
    with torch.random.fork_rng():
        torch.manual_seed(7)
        model = AutoModelForCausalLM.from_config(base.config).eval()
    return model, tokenizer


def bits_of(model: Any, ids: list[int]) -> list[float]:
    """Give the surprisal of each subword but the first, NaN for that one."""
    with torch.no_grad():
        logits = model(input_ids=torch.tensor([ids])).logits[0].double()
    found = [math.nan]
    for place in range(1, len(ids)):
        found.append(-float(torch.log_softmax(logits[place - 1], dim=0)[ids[place]]) / math.log(2))
    return found


def by_word(model: Any, tokenizer: Any, text: str, words: list[tuple[int, int]], bos: bool = False) -> list[float]:
    """Sum the subwords of each word, and pieces of white space before it, by hand."""
    ids = tokenizer(text, verbose=False)["input_ids"]
    spans = by_hand.subword_spans(tokenizer, text)
    if bos:
        ids, spans = [tokenizer.bos_token_id, *ids], [(0, 0), *spans]
    bits = bits_of(model, ids)
    special = set(tokenizer.all_special_ids)
    sums = []
    for word in words:
        mine = by_hand.subwords_of(word, spans)
        first = mine[0]
        while first > 0 and ids[first - 1] not in special and spans[first - 1][0] == spans[first - 1][1]:
            first -= 1
        sums.append(sum(bits[first : mine[0]]) + sum(bits[place] for place in mine))
    return sums


@pytest.mark.parametrize("name", CAUSAL)
def test_every_causal_family_by_hand(name: str) -> None:
    model, tokenizer = with_head(name)
    embedder = WordEmbedder(model, tokenizer, surprisal=True)
    emb = embedder.encode(TEXT)
    kept = [index for index, count in enumerate(emb.subword_counts.tolist()) if count]
    expected = by_word(model, tokenizer, TEXT, [tuple(emb.spans[index].tolist()) for index in kept])
    np.testing.assert_allclose(emb.surprisal[kept], expected, atol=1e-4, rtol=1e-5)
    assert np.isfinite(emb.surprisal[kept[1:]]).all()


def test_company_and_order_change_nothing(gpt2: tuple[Any, Any]) -> None:
    texts = ["The old mill.", TEXT, "A", "", "It closed near the lake, near the lake."]
    embedder = WordEmbedder(*gpt2, surprisal=True)
    together = embedder.encode(texts)
    for number, text in enumerate(texts):
        np.testing.assert_allclose(together[number].surprisal, embedder.encode(text).surprisal, atol=1e-4)


def test_only_the_first_word_has_none_and_a_bos_gives_it_one(gpt2: tuple[Any, Any]) -> None:
    model, tokenizer = gpt2
    plain = WordEmbedder(model, tokenizer, surprisal=True).encode("The old mill.")
    assert np.isnan(plain.surprisal).tolist() == [True, False, False, False]
    begun = WordEmbedder(model, tokenizer, surprisal=True, bos="always").encode("The old mill.")
    spans = [tuple(span) for span in begun.spans.tolist()]
    np.testing.assert_allclose(begun.surprisal, by_word(model, tokenizer, "The old mill.", spans, bos=True), atol=1e-4)


def test_the_space_belongs_to_the_word_that_follows(gpt2: tuple[Any, Any]) -> None:
    """All words of a text add up to the text, whatever white space is in it."""
    model, tokenizer = gpt2
    text = "The  old\n\n mill \t near  it."
    emb = WordEmbedder(model, tokenizer, surprisal=True).encode(text)
    total = sum(bits_of(model, tokenizer(text)["input_ids"])[1:])
    assert math.isclose(float(np.nansum(emb.surprisal)), total, rel_tol=1e-5)


def test_a_word_of_a_long_text_has_that_of_the_window_that_owns_it(gpt2: tuple[Any, Any]) -> None:
    model, tokenizer = gpt2
    text = "The old mill near the lake closed, and nobody minds. " * 3
    embedder = WordEmbedder(model, tokenizer, surprisal=True, left_subwords=True, window=16, overlap=6)
    emb = embedder.encode(text)
    ids = tokenizer(text)["input_ids"]
    spans = by_hand.subword_spans(tokenizer, text)
    assert emb.reading["windows"] > 3
    for number, (span, left) in enumerate(zip(emb.spans.tolist(), emb.left_subwords.tolist(), strict=True)):
        places = by_hand.subwords_of(tuple(span), spans)
        begin = places[0] - left
        bits = bits_of(model, ids[begin : begin + 16])
        first = places[0]
        while first > begin and spans[first - 1][0] == spans[first - 1][1]:  # white space alone
            first -= 1
        expected = sum(bits[place - begin] for place in [*range(first, places[0]), *places])
        assert math.isclose(emb.surprisal[number], expected, abs_tol=1e-4) or (math.isnan(expected) and number == 0)
    assert emb.left_subwords.max() < 16
    assert emb.left_subwords[1:].min() > 0


@pytest.mark.parametrize("engine", ["openvino", "packed"])
def test_every_engine_gives_the_same(gpt2: tuple[Any, Any], engine: Any, tmp_path: Path) -> None:
    save(gpt2, tmp_path)
    texts = [TEXT, "The old mill.", "It closed."] * 2
    expected = WordEmbedder(tmp_path, surprisal=True, engine="torch").encode(texts)
    found = WordEmbedder(tmp_path, surprisal=True, engine=engine).encode(texts)
    assert found.provenance["engine"].startswith(engine)
    np.testing.assert_allclose(found.surprisal, expected.surprisal, atol=1e-3)


def save(model_and_tokenizer: tuple[Any, Any], folder: Path) -> Path:
    for part in model_and_tokenizer:
        part.save_pretrained(folder)
    return folder


def test_a_folder_is_loaded_with_its_head_only_where_it_is_asked_for(gpt2: tuple[Any, Any], tmp_path: Path) -> None:
    folder = save(gpt2, tmp_path)
    expected = WordEmbedder(*gpt2, surprisal=True).encode(TEXT)
    found = WordEmbedder(folder, surprisal=True).encode(TEXT)
    np.testing.assert_allclose(found.surprisal, expected.surprisal, atol=1e-4)
    np.testing.assert_allclose(found.vectors, expected.vectors, atol=1e-5)
    without = WordEmbedder(folder)
    assert without._model.head is None
    assert found.provenance["surprisal"] == "bits"
    assert "surprisal" not in without.provenance
    assert without.provenance["weights"] == found.provenance["weights"]
    with pytest.raises(NoVectorError, match=r"no surprisal here: ask for it by WordEmbedder\(\.\.\., surprisal=True\)"):
        _ = without.encode("The mill.").surprisal


def test_logits_that_a_family_rewrites_are_rewritten(gpt2: tuple[Any, Any]) -> None:
    """Gemma 2 caps its logits: a head that is a matrix product alone would be wrong."""
    from transformers import Gemma2Config, Gemma2ForCausalLM

    tokenizer = build_tokenizer(FAMILIES["gemma3"].tokenizer)
    config = Gemma2Config(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, head_dim=16, max_position_embeddings=64, final_logit_softcapping=0.5,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(7)
        model = Gemma2ForCausalLM(config).eval()
    emb = WordEmbedder(model, tokenizer, surprisal=True).encode("The old mill near the lake.")
    spans = [tuple(span) for span in emb.spans.tolist()]
    expected = by_word(model, tokenizer, "The old mill near the lake.", spans)
    np.testing.assert_allclose(emb.surprisal, expected, atol=1e-4)


def test_why_there_is_none(gpt2: tuple[Any, Any], tmp_path: Path) -> None:
    for masked in ("bert", "t5"):
        with pytest.raises(InputError, match=r"Surprisal is for causal models: .* reads both sides of a word"):
            WordEmbedder(*build(masked), surprisal=True)
    with pytest.raises(InputError, match="Surprisal is for causal models: 'minilm' reads both sides"):
        WordEmbedder("minilm", surprisal=True)
    with pytest.raises(InputError, match=r"comes without its output head.*AutoModelForCausalLM"):
        WordEmbedder(*build("gpt2"), surprisal=True)
    with pytest.raises(InputError, match="repeat=True reads each word before"):
        WordEmbedder(*gpt2, surprisal=True, repeat=True)

    class Twisted(GPT2LMHeadModel):
        def forward(self, *args: Any, **more: Any) -> Any:
            output = super().forward(*args, **more)
            output.logits = output.logits * output.logits.shape[1] + self.transformer.wte.weight.sum()
            return output

    twisted = Twisted(gpt2[0].config).eval()
    with pytest.raises(ModelError, match=r"Surprisal is not available for .*: its output head cannot be run alone"):
        WordEmbedder(twisted, gpt2[1], surprisal=True)


def test_a_head_that_is_not_in_the_checkpoint_is_not_made_up(gpt2: tuple[Any, Any], tmp_path: Path) -> None:
    model, tokenizer = gpt2
    model.transformer.save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text()) | {"tie_word_embeddings": False}
    (tmp_path / "config.json").write_text(json.dumps(config))
    tokenizer.save_pretrained(tmp_path)
    with pytest.raises(InputError, match="comes without its output head"):
        WordEmbedder(tmp_path, surprisal=True)


def test_in_tables_and_stores(gpt2: tuple[Any, Any], tmp_path: Path) -> None:
    embedder = WordEmbedder(*gpt2, surprisal=True, left_subwords=True)
    emb = embedder.encode(["The old mill.", "It closed."])
    rows = emb.to_arrow().to_pylist()
    assert [row["surprisal"] for row in rows] == [None if math.isnan(bits) else bits for bits in emb.surprisal.tolist()]
    assert [row["left_subwords"] for row in rows] == emb.left_subwords.tolist()
    assert emb.to_pandas()["surprisal"].isna().tolist() == np.isnan(emb.surprisal).tolist()
    np.testing.assert_array_equal(emb["mill"].surprisal, emb.surprisal[[2]])
    np.testing.assert_array_equal(emb[1].left_subwords, emb.left_subwords[4:])
    usages = embedder.find("The old mill.", ["mill"])
    np.testing.assert_allclose(usages.to_arrow()["surprisal"].to_pylist(), emb.surprisal[2], atol=1e-4)

    embed_to_store(embedder, [Document("a", "The old mill."), Document("b", "It closed.")], tmp_path / "store")
    (shard,) = (tmp_path / "store" / "shards").glob("*.parquet")
    stored = pq.read_table(shard)
    np.testing.assert_allclose(np.asarray(stored["surprisal"]), emb.surprisal, atol=1e-4)
    assert stored["left_subwords"].to_pylist() == emb.left_subwords.tolist()
    assert read_provenance(shard)["surprisal"] == "bits"


def test_white_space_before_the_first_subword_counts_with_it() -> None:
    class Head(OutputHead):
        def __init__(self) -> None:
            pass

        def bits(self, last: torch.Tensor, ids: np.ndarray) -> np.ndarray:
            return ids.astype(np.float64)

    windows = [np.array([1, 20, 30, 4])]  # 20 and 30 are blank
    found = word_surprisals(
        Head(), torch.zeros(8, 1), windows, [2], 1, [np.array([0, 3])], np.array([0, 1]), [windows[0] >= 20]
    )  # fmt: skip
    assert found.tolist() == [1.0, 54.0]
