"""Promise 2: batch, order, padding side and budget change no vector."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from families import FAMILIES, build
from texts import texts
from wordstates import WordEmbedder

TOLERANCE = 1e-5


@functools.cache
def embedder(family: str, budget: int) -> WordEmbedder:
    return WordEmbedder(*build(family), layers="-2:", window=40, overlap=8, batch_subwords=budget)


@pytest.mark.filterwarnings("ignore:The texts are written in")  # scripts without spaces are among them
@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=max(settings.default.max_examples // 8, 2))
@given(data=st.data())
def test_company_changes_no_vector(family: str, data: st.DataObject) -> None:
    # CANINE cannot read texts of fewer than four characters, with its special tokens.
    some = texts.filter(lambda text: len(text) > 2) if family == "canine" else texts
    together = data.draw(st.lists(some, min_size=1, max_size=5))
    order = data.draw(st.permutations(range(len(together))))
    batched = embedder(family, 400).encode(together)
    shuffled = embedder(family, 90).encode([together[index] for index in order])
    tokenizer = build(family)[1]
    side = tokenizer.padding_side
    tokenizer.padding_side = "left" if side == "right" else "right"
    try:
        alone = [embedder(family, 1).encode(text) for text in together]
    finally:
        tokenizer.padding_side = side
    scale = max([1.0, *(float(np.nanmax(np.abs(one.vectors))) for one in alone if one.has_vector.any())])
    for position, index in enumerate(order):
        for other in (batched[index], shuffled[position]):
            assert other.words == alone[index].words
            assert other.statuses == alone[index].statuses
            np.testing.assert_allclose(other.vectors, alone[index].vectors, rtol=0, atol=TOLERANCE * scale)
