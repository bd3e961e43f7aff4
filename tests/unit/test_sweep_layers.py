"""One pass gives what `WordEmbedder` gives for every recipe of the grid; random weights; what could not be read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from families import CORPUS, build
from wordstates import Recipe, WordEmbedder
from wordstates.errors import InputError, RecipeError
from wordstates.evaluate.data.task import UsageTable
from wordstates.evaluate.sweep import layers
from wordstates.evaluate.sweep.grid import make_grid
from wordstates.evaluate.sweep.layers import LayerVectors, read_layers
from wordstates.evaluate.sweep.models import maker_of, model_names
from wordstates.options import SubwordPooling
from wordstates.text.words import unicode_words

TEXTS = [*CORPUS["en"], *CORPUS["fi"]]
POOLINGS: tuple[SubwordPooling, ...] = ("mean", "first", "last", "max", "sum")


def bert(recipes: Sequence[Recipe], **options: object) -> WordEmbedder:
    model, tokenizer = build("bert")
    return WordEmbedder(model, tokenizer, recipes=recipes, **options)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def table() -> UsageTable:
    """Give usages in an order that is not that of the texts, some texts with several, one without any."""
    found = UsageTable()
    for place in (3, 1, 4):
        for text in TEXTS[::-1]:
            found.add(text, tuple(unicode_words(text)[place].tolist()), "a:1")
    return found


@pytest.fixture(scope="module")
def vectors(table: UsageTable) -> LayerVectors:
    return read_layers(bert, table, POOLINGS)


def test_every_recipe_of_the_grid_is_that_of_the_embedder(table: UsageTable, vectors: LayerVectors) -> None:
    recipes = [each.recipe for each in make_grid(4, POOLINGS, ["none"], "full")]
    recipes.append(Recipe("1,3", "sum", "first"))
    embedder = bert(recipes)
    assert len(recipes) > 80
    texts, spans = zip(*[(table.texts[text], [span]) for text, span in table.places], strict=True)
    emb = embedder.encode(list(texts), spans=list(spans))
    assert emb.words == [table.word(number) for number in range(len(table))]
    for recipe in recipes:
        np.testing.assert_allclose(vectors.of(recipe), emb.column(recipe.name), atol=1e-5, err_msg=recipe.name)


def test_files_hold_what_memory_does_not(
    table: UsageTable, vectors: LayerVectors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layers, "_MOST_IN_MEMORY", 0)
    on_disk = read_layers(bert, table, ["first"])
    assert isinstance(on_disk.values["first"], np.memmap)
    np.testing.assert_array_equal(
        on_disk.of(Recipe(2, subword_pooling="first")), vectors.of(Recipe(2, "mean", "first"))
    )


def test_recipes_that_do_not_follow_from_the_pass(vectors: LayerVectors, table: UsageTable) -> None:
    with pytest.raises(RecipeError, match="the maximum of a mean is made from subwords"):
        vectors.of(Recipe("-4:", "mean", "max"))
    with pytest.raises(RecipeError, match="the pass kept first of the subwords"):
        read_layers(bert, table, ["first"]).of(Recipe(1))


def test_texts_that_fail_are_counted_and_have_no_vector(table: UsageTable) -> None:
    longest = max(table.texts, key=len)

    def strict(recipes: Sequence[Recipe]) -> WordEmbedder:
        return bert(recipes, window=len(longest) // 3, long_texts="error")

    found = read_layers(strict, table, ["mean"])
    failed = found.statuses["failed"]
    assert 0 < failed < len(table)
    assert (~found.has_vector).sum() == failed
    assert np.isnan(found.of(Recipe(1))[~found.has_vector]).all()
    assert np.isfinite(found.of(Recipe(1))[found.has_vector]).all()


@pytest.mark.long
def test_random_weights_are_drawn_from_the_seed_and_are_not_the_trained_ones(table: UsageTable) -> None:
    recipe = Recipe(2)
    trained, first, again, other = (
        read_layers(maker_of(name, seed=seed), table, ["mean"]).of(recipe)
        for name, seed in (("minilm", 0), ("random:minilm", 0), ("random:minilm", 0), ("random:minilm", 1))
    )
    np.testing.assert_array_equal(first, again)
    assert first.shape == trained.shape
    for one, two in ((first, trained), (first, other)):
        assert np.abs(one - two).max() > 0.1


def test_names_of_models() -> None:
    assert model_names(["a", "b", "random"]) == ["a", "b", "random:a"]
    assert model_names(["random:b", "random:a"]) == ["random:b", "random:a"]
    with pytest.raises(InputError, match="name that too, or write random:NAME"):
        model_names(["random"])
    with pytest.raises(InputError, match="random:a more often"):
        model_names(["a", "random", "random:a"])
