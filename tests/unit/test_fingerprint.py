"""What tells checkpoints and their vectors apart: every number counts, and is read once."""

from __future__ import annotations

import importlib.metadata
from typing import Any

import pytest
import torch
from torch import nn

from families import build
from wordstates import PostProcessing, WordEmbedder
from wordstates.encode import provenance
from wordstates.model.fingerprint import fingerprint


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_every_number_of_every_weight_counts(dtype: torch.dtype) -> None:
    network = nn.Sequential(nn.Embedding(500, 7), nn.LayerNorm(7)).to(dtype)
    network.register_buffer("step", torch.tensor(3))
    before, seen = fingerprint(network), set()
    assert before == fingerprint(network)
    for weight, place in ((network[0].weight, (123, 4)), (network[0].weight, (499, 6)), (network[1].bias, 0)):
        kept = weight.data[place].clone()
        weight.data[place] += 1
        seen.add(fingerprint(network))
        weight.data[place] = kept
    network.step += 1
    seen.add(fingerprint(network))
    assert len(seen | {before}) == 5
    assert fingerprint(nn.Embedding.from_pretrained(torch.zeros(2, 3))) != fingerprint(
        nn.Embedding.from_pretrained(torch.zeros(3, 2))
    )


def test_weights_are_hashed_as_they_are_read_whatever_their_strides() -> None:
    one, other = nn.Linear(3, 5), nn.Linear(3, 5)
    other.load_state_dict(one.state_dict())
    other.weight.data = one.weight.data.t().contiguous().t()
    assert not other.weight.is_contiguous()
    assert fingerprint(one) == fingerprint(other)


def test_calls_hash_and_look_up_nothing_again(monkeypatch: pytest.MonkeyPatch) -> None:
    model, tokenizer = build("bert")
    plain = WordEmbedder(model, tokenizer)
    fitted = PostProcessing.fit("center", [plain.encode("The old mill near the lake.").vectors])
    embedder = WordEmbedder(model, tokenizer, post_processing=fitted)
    embedder.encode("A lake.")

    def again(*_: Any) -> str:
        raise AssertionError("read once more")

    monkeypatch.setattr(importlib.metadata, "version", again)
    monkeypatch.setattr(provenance, "version", again)
    monkeypatch.setattr("wordstates.postprocess.post_processing.hashlib.sha256", again)
    assert embedder.encode("A lake.").provenance["post_processing"]["-1.mean.mean"]["fingerprint"]
