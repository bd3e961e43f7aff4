"""Promise 1: every vector equals `transformers` run by hand, for every family, layer and pooling."""

from __future__ import annotations

import copy
from functools import cache
from itertools import product
from typing import Any, get_args

import numpy as np
import pytest
import torch

import by_hand
from families import FAMILIES, build
from wordstates import Recipe, WordEmbedder
from wordstates.encode.session import Session
from wordstates.errors import ModelError
from wordstates.model import compared
from wordstates.model.engine import Batch
from wordstates.model.openvino_engine import OpenVinoEngine
from wordstates.model.packing import RowsEngine
from wordstates.options import LayerPooling, SubwordPooling

TOLERANCE = 1e-5
LAYERS = ("0", "1", "-2", "-1", "0:", "1:3", "3,1", "-2:")
TEXTS = [
    "The quick foxes jumped, unbelievable!",
    "Die Straßenbahn fährt.",
    "river",
    "The children run past the old mill and the lake; nobody was reading it.",
]
# An encoder, two decoders, a bias of attention; `make test-long` makes the graphs of the others.
FEW = ("bert", "gpt2", "llama", "t5")
# CANINE shortens the text inside: only its outer layers have a state for each character.
READABLE = {"canine": ("0", "1", "-2", "-1")}


def recipes(family: str) -> list[Recipe]:
    """Make every combination of layers, layer pooling and subword pooling."""
    layers = READABLE.get(family, LAYERS)
    return [Recipe(*parts) for parts in product(layers, get_args(LayerPooling), get_args(SubwordPooling))]  # type: ignore[arg-type]


@cache
def states_and_spans(family: str, text: str) -> tuple[Any, Any]:
    """Read a text by hand, once for all engines: the states of every layer, and the char spans of its subwords."""
    model, tokenizer = build(family)
    return by_hand.hidden_states(model, tokenizer, text), by_hand.subword_spans(tokenizer, text)


def largest_difference(family: str, embedder: WordEmbedder | Session, chosen: list[Recipe]) -> float:
    """Compare all texts in one batch with each text by hand; a sum by its share of each addend."""
    embeddings = embedder.encode(TEXTS)
    worst = 0.0
    for text, found in zip(TEXTS, embeddings, strict=True):
        words = [(start, end) for start, end in found.spans.tolist()]
        states, spans = states_and_spans(family, text)
        members = [by_hand.subwords_of(word, spans) for word in words]
        for recipe in chosen:
            layers = recipe.resolve(len(states) - 1)
            pooled = by_hand.pool_layers([states[layer] for layer in layers], recipe.layer_pooling)
            expected = [by_hand.pool_subwords(pooled[rows], recipe.subword_pooling) for rows in members if rows]
            got = found.column(recipe.name)
            if recipe.subword_pooling == "none":
                stacked = torch.cat(expected)
            else:
                stacked = torch.stack(expected)
                got = got[found.has_vector]
            assert got.shape == tuple(stacked.shape), recipe
            addends = len(layers) if recipe.layer_pooling == "sum" else 1
            addends *= max(map(len, members)) if recipe.subword_pooling == "sum" else 1
            worst = max(worst, float(np.abs(got - stacked.numpy()).max()) / addends)
        assert found.has_vector.tolist() == [bool(rows) for rows in members]
    return worst


@pytest.mark.parametrize("family", FAMILIES)
def test_every_layer_and_pooling_equals_transformers_by_hand(family: str) -> None:
    model, tokenizer = build(family)
    chosen = recipes(family)
    embedder = WordEmbedder(model, tokenizer, recipes=chosen)
    assert largest_difference(family, embedder, chosen) < TOLERANCE


@pytest.mark.parametrize(
    "family", [family if family in FEW else pytest.param(family, marks=pytest.mark.long) for family in FAMILIES]
)
def test_openvino_equals_transformers_by_hand(family: str) -> None:
    model, tokenizer = build(family)
    if family == "canine":  # what shortens the text inside is not traced as it is; that is noticed
        with pytest.raises(ModelError, match="cannot run on engine='openvino' here: its layer 1 differs by"):
            WordEmbedder(model, tokenizer, layers=0, engine="openvino")
        return
    chosen = recipes(family)
    embedder = WordEmbedder(model, tokenizer, recipes=chosen, engine="openvino")
    assert embedder.provenance["engine"] == "openvino"
    assert embedder._model.engines.fastest().layout.packed is (family not in NOT_IN_ROWS)
    assert largest_difference(family, embedder, chosen) < TOLERANCE


# What cannot be packed in a single row is noticed, not listed; this list is for the reader.
NOT_IN_ONE_ROW = {
    **dict.fromkeys(
        ("deberta-v2", "deberta-v2-conv", "xlnet", "mpnet"),
        r"its windows cannot be packed \(its attention cannot be replaced",
    ),
    **dict.fromkeys(
        ("t5", "mt5", "byt5", "gemma2"), r"its windows cannot be packed \(its attention has a bias of its own"
    ),
    "bart": r".*its layer 0 differs by",  # positions cannot be given to it
    "canine": "it reads windows of one length only",
}


@pytest.mark.usefixtures("one_row")
@pytest.mark.parametrize("family", FAMILIES)
def test_windows_packed_in_one_row_equal_transformers_by_hand(family: str) -> None:
    model, tokenizer = build(family)
    if family in NOT_IN_ONE_ROW:
        with pytest.raises(ModelError, match=f"cannot run on engine='packed' here: {NOT_IN_ONE_ROW[family]}"):
            WordEmbedder(model, tokenizer, layers=0, engine="packed")
        return
    chosen = recipes(family)
    embedder = WordEmbedder(model, tokenizer, recipes=chosen, engine="packed")
    assert embedder.provenance["engine"] == "packed-varlen"
    assert largest_difference(family, embedder, chosen) < TOLERANCE


NOT_IN_ROWS = ("deberta-v2", "deberta-v2-conv", "xlnet", "bart", "canine")


@pytest.mark.parametrize("family", [family for family in FAMILIES if family not in NOT_IN_ROWS])
def test_windows_packed_in_rows_equal_transformers_by_hand(family: str) -> None:
    model, tokenizer = build(family)
    chosen = recipes(family)
    embedder = WordEmbedder(model, tokenizer, recipes=chosen, engine="packed")
    assert isinstance(embedder._model.engines.fastest(), RowsEngine)
    assert largest_difference(family, embedder, chosen) < TOLERANCE


@pytest.mark.parametrize(
    ("family", "engine"),
    [
        *((family, "packed") for family in ("modernbert", "llama", "mistral", "gemma3", "t5")),
        pytest.param("modernbert", "openvino", marks=pytest.mark.long),
        pytest.param("gemma3", "openvino", marks=pytest.mark.long),
    ],
)
def test_windows_longer_than_packed_rows_equal_transformers_by_hand(
    family: str, engine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Short ones share rows, in the same call, by the same graph; both see no further than the network says."""
    monkeypatch.setattr(compared, "LONG_PROBE", 22)
    shapes: list[tuple[int, int]] = []
    kind = RowsEngine if engine == "packed" else OpenVinoEngine
    right = kind.hidden_states

    def watched(self: Any, batch: Batch, layers: Any) -> Any:
        shapes.append((len(batch.lengths), batch.ids.shape[1]))
        return right(self, batch, layers)

    monkeypatch.setattr(kind, "hidden_states", watched)
    chosen = [Recipe("0:", "none")]
    embedder = WordEmbedder(*build(family), recipes=chosen, engine=engine)
    shapes.clear()
    assert largest_difference(family, embedder, chosen) < TOLERANCE
    windows, width = max(shapes)
    assert windows > 1
    assert width <= 22 < max(width for _, width in shapes)


@pytest.mark.usefixtures("one_row")
@pytest.mark.parametrize("family", NOT_IN_ONE_ROW)
def test_rounding_does_not_hide_windows_that_see_each_other(family: str) -> None:
    """With small weights the influence of a neighbour is within the rounding of half precision."""
    model, tokenizer = build(family)
    quiet = copy.deepcopy(model)
    for name, weight in quiet.named_parameters():
        if weight.ndim == 2 and "embed" not in name:
            weight.data *= 0.5
    with pytest.raises(ModelError, match=f"cannot run on engine='packed' here: {NOT_IN_ONE_ROW[family]}"):
        WordEmbedder(quiet, tokenizer, layers=0, engine="packed", precision="bfloat16")


@pytest.mark.parametrize("family", [name for name in FAMILIES if name != "canine"])  # which cannot stop early
def test_a_pass_that_stops_early_gives_the_same_layer(family: str) -> None:
    session = WordEmbedder(*build(family)).session()
    for layer in range(5):
        alone = [Recipe(layer)]
        assert largest_difference(family, session.taking(alone, at_once=False), alone) < TOLERANCE
