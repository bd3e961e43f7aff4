"""A window of more than 512 subwords, on which engines are not compared: equal to `transformers` by hand."""

from __future__ import annotations

import copy

import torch

import by_hand
from families import CORPUS, build
from wordstates import WordEmbedder


def test_a_window_longer_than_all_that_was_compared_beside_a_short_text() -> None:
    model, tokenizer = build("mistral")
    tokenizer = copy.deepcopy(tokenizer)
    tokenizer.model_max_length = 1024
    config = copy.deepcopy(model.config)
    # Subwords see 550 on their left, which no comparison on 512 shows.
    config.update({"max_position_embeddings": 1024, "sliding_window": 550, "num_hidden_layers": 2})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = type(model)(config).eval()
    texts = [" ".join(CORPUS["en"] * 4), CORPUS["en"][0]]
    emb = WordEmbedder(network, tokenizer, engine="openvino").encode(texts)
    assert emb.provenance["engine"] == "openvino"
    assert emb.reading["windows"] == 2
    assert 650 < emb.reading["subwords_read"] < 1024
    for text, found in zip(texts, emb, strict=True):
        spans = [(start, end) for start, end in found.spans.tolist()]
        expected = by_hand.vectors(network, tokenizer, text, spans, [2], "mean", "mean")
        for vector, by_hands in zip(torch.from_numpy(found.vectors), expected, strict=True):
            assert by_hands is not None
            torch.testing.assert_close(vector, by_hands, atol=1e-5, rtol=0)
