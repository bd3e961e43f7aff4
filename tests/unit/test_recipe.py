"""Recipes: one numbering rule for layers, Python's own, and errors that say what to write instead."""

from __future__ import annotations

import dataclasses
import json
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordstates.errors import RecipeError
from wordstates.options import LayerPooling, LayersLike, SubwordPooling
from wordstates.recipe import Recipe, canonical_layers, check_names, resolve_layers

FORMS = "give an int (-1), a list ('4,8,12') or a slice ('-4:' = last four, '0:' = all, '1:7')."


# ---------------------------------------------------------------- the one text form


@pytest.mark.parametrize(
    ("layers", "text"),
    [
        pytest.param(-1, "-1", id="int"),
        pytest.param(0, "0", id="zero"),
        pytest.param("-1", "-1", id="int as text"),
        pytest.param("+3", "3", id="plus sign"),
        pytest.param("007", "7", id="leading zeros"),
        pytest.param([4, 8, 12], "4,8,12", id="list"),
        pytest.param((8, -1, 0), "8,-1,0", id="tuple, order kept"),
        pytest.param(range(1, 4), "1,2,3", id="range"),
        pytest.param([-1], "-1", id="list of one"),
        pytest.param("4,8,12", "4,8,12", id="list as text"),
        pytest.param(" 4, 8 ,12 ", "4,8,12", id="spaces around numbers"),
        pytest.param("-04,+2", "-4,2", id="signs and zeros in a list"),
        pytest.param(slice(-4, None), "-4:", id="slice, open end"),
        pytest.param(slice(None, 3), ":3", id="slice, open start"),
        pytest.param(slice(1, 7), "1:7", id="slice"),
        pytest.param(slice(1, 7, 1), "1:7", id="slice, step of one"),
        pytest.param(slice(None), ":", id="slice, all"),
        pytest.param("-4:", "-4:", id="slice as text"),
        pytest.param(" 1 : 7 ", "1:7", id="spaces around a slice"),
        pytest.param("+1:07", "1:7", id="signs and zeros in a slice"),
    ],
)
def test_any_form_has_one_text(layers: LayersLike, text: str) -> None:
    assert canonical_layers(layers) == text


@pytest.mark.parametrize(
    "layers",
    [
        pytest.param("", id="empty text"),
        pytest.param(" ", id="a space"),
        pytest.param("last", id="a word"),
        pytest.param("all", id="the word all"),
        pytest.param("1,,2", id="a hole"),
        pytest.param("1,", id="a comma at the end"),
        pytest.param("1.5", id="a fraction"),
        pytest.param("1:7:2", id="a step"),
        pytest.param("1-7", id="a dash"),
        pytest.param("4,1:7", id="list and slice"),
        pytest.param("1 2", id="a space for a comma"),
        pytest.param("- 1", id="a space inside a number"),
        pytest.param([], id="empty list"),
        pytest.param([1, 2.0], id="a float in a list"),
        pytest.param([1, "2"], id="text in a list"),
        pytest.param([True], id="a bool in a list"),
        pytest.param(True, id="a bool"),
        pytest.param(1.0, id="a float"),
        pytest.param(None, id="None"),
        pytest.param({1, 2}, id="a set, which has no order"),
        pytest.param(b"12", id="bytes"),
        pytest.param(slice("a", None), id="a slice of text"),
        pytest.param(slice(1.5, None), id="a slice of floats"),
        pytest.param(slice(True, None), id="a slice of bools"),
    ],
)
def test_what_is_not_layers_is_refused_with_the_forms_that_are(layers: Any) -> None:
    with pytest.raises(RecipeError) as caught:
        canonical_layers(layers)
    assert str(caught.value) == f"Layers {layers!r} are not layers: {FORMS}"


def test_a_slice_with_a_step_is_refused_with_the_way_to_write_it() -> None:
    with pytest.raises(RecipeError) as caught:
        canonical_layers(slice(0, 6, 2))
    assert str(caught.value) == (
        "Layers slice(0, 6, 2): a slice of layers has no step; list the layers instead, as '0,2,4'."
    )


# ---------------------------------------------------------------- the numbering rule


@pytest.mark.parametrize(
    ("layers", "numbers"),
    [
        pytest.param(0, (0,), id="0 is the embedding output"),
        pytest.param(12, (12,), id="12 is the last of 12 blocks"),
        pytest.param(-1, (12,), id="-1 is the last"),
        pytest.param(-13, (0,), id="-13 is the embedding output"),
        pytest.param("-4:", (9, 10, 11, 12), id="last four"),
        pytest.param("0:", tuple(range(13)), id="all"),
        pytest.param(":", tuple(range(13)), id="all, without a number"),
        pytest.param("1:7", (1, 2, 3, 4, 5, 6), id="the end is not included"),
        pytest.param("1:-1", tuple(range(1, 12)), id="from the first block to the last but one"),
        pytest.param("1:13", tuple(range(1, 13)), id="one past the last ends a slice"),
        pytest.param("4,8,12", (4, 8, 12), id="list"),
        pytest.param([8, -1, 0], (8, 12, 0), id="the order asked for"),
        pytest.param([12, 11, 10], (12, 11, 10), id="downwards"),
    ],
)
def test_layers_of_a_model_with_twelve_blocks(layers: LayersLike, numbers: tuple[int, ...]) -> None:
    assert resolve_layers(layers, 12) == numbers


def test_a_model_without_blocks_has_its_embedding_output() -> None:
    assert resolve_layers("0:", 0) == resolve_layers(-1, 0) == resolve_layers(0, 0) == (0,)


@pytest.mark.parametrize(
    ("layers", "missing"),
    [(13, 13), (-14, -14), ([0, 13], 13), ("4,-20", -20), ("14:", 14), (":14", 14), ("-14:", -14), (slice(2, 99), 99)],
)
def test_a_layer_that_does_not_exist(layers: LayersLike, missing: int) -> None:
    """A slice is not clamped to the model, unlike Python's: fewer layers than asked for would be a silent cut."""
    with pytest.raises(RecipeError) as caught:
        resolve_layers(layers, 12, "bert-base-cased")
    assert str(caught.value) == (
        f"Layer {missing} does not exist in 'bert-base-cased': it has 12 blocks, so layers run from 0 "
        "(embedding output) to 12, or -13 to -1."
    )


@pytest.mark.parametrize(
    ("layers", "text", "absolute"),
    [([1, 1], "1,1", "[1, 1]"), ("12,-1", "12,-1", "[12, 12]"), ((0, 5, -13), "0,5,-13", "[0, 5, 0]")],
)
def test_a_layer_named_twice(layers: LayersLike, text: str, absolute: str) -> None:
    with pytest.raises(RecipeError) as caught:
        resolve_layers(layers, 12, "bert-base-cased")
    assert str(caught.value) == (
        f"Layers {text!r} name a layer of 'bert-base-cased' twice: {absolute}. Name each layer once."
    )


@pytest.mark.parametrize("layers", ["7:7", "7:1", "-1:0", "13:", ":0", ":-13"])
def test_a_slice_that_selects_nothing(layers: str) -> None:
    with pytest.raises(RecipeError) as caught:
        resolve_layers(layers, 12, "bert-base-cased")
    assert str(caught.value) == f"Layers {layers!r} select no layer of 'bert-base-cased', which has layers 0 to 12."


# ---------------------------------------------------------------- against Python's own indexing


@st.composite
def layer_lists(draw: st.DrawFn) -> tuple[int, list[int]]:
    """Give a number of blocks, and layers of such a model, no layer twice, each counted from either end."""
    n_blocks = draw(st.integers(0, 96))
    absolute = draw(st.lists(st.integers(0, n_blocks), min_size=1, unique=True))
    return n_blocks, [draw(st.sampled_from([number, number - n_blocks - 1])) for number in absolute]


@st.composite
def layer_slices(draw: st.DrawFn) -> tuple[int, slice]:
    """Give a number of blocks, and a slice whose edges are within such a model."""
    n_blocks = draw(st.integers(0, 96))
    edge = st.none() | st.integers(-n_blocks - 1, n_blocks + 1)
    return n_blocks, slice(draw(edge), draw(edge))


def spellings(layers: list[int] | slice) -> list[LayersLike]:
    """Give every way to write the same layers."""
    if isinstance(layers, slice):
        start, stop = ("" if edge is None else edge for edge in (layers.start, layers.stop))
        return [layers, f"{start}:{stop}", f" {start} : {stop} "]
    texts = [",".join(map(str, layers)), " , ".join(f"{number:+03d}" for number in layers)]
    return [layers, tuple(layers), *texts, *(layers if len(layers) == 1 else [])]


@given(layer_lists())
def test_listed_layers_are_those_of_a_python_list(case: tuple[int, list[int]]) -> None:
    n_blocks, layers = case
    hidden_states = list(range(n_blocks + 1))
    expected = tuple(hidden_states[layer] for layer in layers)
    for spelling in spellings(layers):
        assert resolve_layers(spelling, n_blocks) == expected


@given(layer_slices())
def test_sliced_layers_are_those_of_a_python_list(case: tuple[int, slice]) -> None:
    n_blocks, layers = case
    expected = tuple(range(n_blocks + 1))[layers]
    for spelling in spellings(layers):
        if expected:
            assert resolve_layers(spelling, n_blocks) == expected
        else:
            with pytest.raises(RecipeError, match="select no layer"):
                resolve_layers(spelling, n_blocks)


@given(st.integers(0, 96), st.integers(-300, 300))
def test_a_layer_exists_exactly_when_a_python_list_has_it(n_blocks: int, layer: int) -> None:
    try:
        expected = list(range(n_blocks + 1))[layer]
    except IndexError:
        with pytest.raises(RecipeError, match=f"Layer {layer} does not exist"):
            resolve_layers(layer, n_blocks)
    else:
        assert resolve_layers(layer, n_blocks) == (expected,)


@given(layer_lists() | layer_slices())
def test_the_text_form_reads_back_and_is_one_for_all_spellings(case: tuple[int, list[int] | slice]) -> None:
    _, layers = case
    texts = {canonical_layers(spelling) for spelling in spellings(layers)}
    assert len(texts) == 1
    assert {canonical_layers(text) for text in texts} == texts


@given(st.text(alphabet="0123456789-+:, ", max_size=12))
def test_text_is_either_layers_or_a_recipe_error(text: str) -> None:
    """Whatever is typed, the answer is layers in their one form, or the error that says how to write them."""
    try:
        canonical = canonical_layers(text)
    except RecipeError:
        with pytest.raises(RecipeError, match=r"are not layers: give an int"):
            resolve_layers(text, 12)
    else:
        assert canonical_layers(canonical) == canonical


# ---------------------------------------------------------------- Recipe


def test_the_default_is_the_mean_of_the_subwords_in_the_last_layer() -> None:
    assert Recipe().to_dict() == {
        "name": "-1.mean.mean",
        "layers": "-1",
        "layer_pooling": "mean",
        "subword_pooling": "mean",
    }


def test_the_name_is_made_of_the_parts_unless_given() -> None:
    assert Recipe([4, 8], "concat", "first").name == "4,8.concat.first"
    assert Recipe("-4:", "none", name="top four").name == "top four"


def test_recipes_are_equal_however_the_layers_are_written() -> None:
    same = {Recipe("-4:"), Recipe(slice(-4, None)), Recipe(" -4 : "), Recipe("-04:")}
    assert same == {Recipe("-4:", "mean", "mean")}
    assert Recipe("-4:") != Recipe("-4:", "sum")


def test_a_recipe_does_not_change() -> None:
    recipe = Recipe("-4:")
    with pytest.raises(dataclasses.FrozenInstanceError):
        recipe.layers = "0:"  # type: ignore[misc]
    assert recipe == Recipe("-4:")


def test_a_recipe_resolves_by_the_numbering_rule_and_names_the_model() -> None:
    assert Recipe([8, -1, 0]).resolve(12) == (8, 12, 0)
    with pytest.raises(RecipeError, match=r"^Layer 7 does not exist in 'tiny': it has 6 blocks"):
        Recipe(7).resolve(6, "tiny")


@pytest.mark.parametrize(
    ("pooling", "shape"), [("mean", (768,)), ("sum", (768,)), ("concat", (3072,)), ("none", (4, 768))]
)
def test_the_shape_of_a_vector_is_that_of_numpy(pooling: Any, shape: tuple[int, ...]) -> None:
    """The shape promised is the shape that pooling an array (layers, dim) in NumPy gives."""
    layers = np.zeros((4, 768))  # (layers, dim)
    by_hand = {"mean": layers.mean(0), "sum": layers.sum(0), "concat": layers.reshape(-1), "none": layers}
    assert Recipe("-4:", pooling).vector_shape(12, 768) == shape == by_hand[pooling].shape


def test_one_layer_kept_apart_keeps_its_axis() -> None:
    assert Recipe(-1, "none").vector_shape(12, 768) == (1, 768)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"layer_pooling": "avg"},
            "layer_pooling='avg' does not exist: choose one of mean, sum, concat, none.",
        ),
        (
            {"subword_pooling": "concat"},
            "subword_pooling='concat' does not exist: choose one of mean, first, last, max, sum, none.",
        ),
        ({"layer_pooling": None}, "layer_pooling=None does not exist: choose one of mean, sum, concat, none."),
        ({"layers": "top"}, f"Layers 'top' are not layers: {FORMS}"),
    ],
)
def test_parts_that_do_not_exist(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError) as caught:
        Recipe(**arguments)
    assert str(caught.value) == message


recipes = st.builds(
    Recipe,
    (layer_lists() | layer_slices()).map(lambda case: case[1]),
    st.sampled_from(get_args(LayerPooling)),
    st.sampled_from(get_args(SubwordPooling)),
    name=st.text(),
)


@given(recipes)
def test_json_reads_back(recipe: Recipe) -> None:
    text = recipe.to_json()
    assert Recipe.from_json(text) == recipe
    assert json.loads(text) == recipe.to_dict()
    assert "\n" not in text


def test_json_may_leave_parts_out() -> None:
    assert Recipe.from_json('{"layers": "-4:"}') == Recipe("-4:")
    assert Recipe.from_json('{"layers": [4, 8], "layer_pooling": "sum"}') == Recipe("4,8", "sum")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("-4:", "Extra data", id="not JSON"),
        pytest.param("", "Expecting value", id="nothing"),
        pytest.param("[4, 8", "Expecting", id="cut off"),
        pytest.param('"-4:"', "", id="text"),
        pytest.param("null", "", id="null"),
        pytest.param('{"layer": 3}', "'layer'", id="another key"),
        pytest.param('{"layers": "top"}', "Layers 'top' are not layers", id="layers that are none"),
        pytest.param('{"subword_pooling": "avg"}', "subword_pooling='avg' does not exist", id="a pooling that is none"),
    ],
)
def test_json_that_is_not_a_recipe(text: str, reason: str) -> None:
    with pytest.raises(RecipeError) as caught:
        Recipe.from_json(text)
    example = '{"name": "-4:.mean.mean", "layers": "-4:", "layer_pooling": "mean", "subword_pooling": "mean"}'
    assert str(caught.value).startswith(f"{text!r} is not a recipe: expected JSON such as {example}; ")
    assert reason in str(caught.value)


# ---------------------------------------------------------------- several recipes


def test_recipes_with_names_of_their_own_are_kept_in_order() -> None:
    several = (Recipe("0:", "none"), Recipe("-1"), Recipe("-1", name="again"))
    assert check_names(iter(several)) == several


def test_no_recipe_is_refused() -> None:
    with pytest.raises(RecipeError) as caught:
        check_names([])
    assert str(caught.value) == ("No recipe given: recipes=[] would compute nothing; leave it out for the last layer.")


def test_recipes_that_share_a_name_are_refused() -> None:
    with pytest.raises(RecipeError) as caught:
        check_names([Recipe("-1"), Recipe("-4:", name="top"), Recipe(-1), Recipe("-2:", name="top"), Recipe(3)])
    assert str(caught.value) == (
        "Recipe names must differ, ['-1.mean.mean', 'top'] occur more than once: give each a name of its own."
    )


def test_layers_are_not_yet_a_recipe() -> None:
    with pytest.raises(RecipeError) as caught:
        check_names(["-4:"])  # type: ignore[list-item]
    assert str(caught.value) == "'-4:' is not a Recipe: write Recipe('-4:', 'concat')."


def test_a_recipe_with_a_part_replaced_is_named_anew_unless_it_was_given_a_name() -> None:
    from dataclasses import replace

    assert replace(Recipe(), layers="-4:").name == "-4:.mean.mean"
    assert replace(Recipe(name="mine"), layers="-4:").name == "mine"


def test_json_that_is_nested_too_deeply_is_no_recipe() -> None:
    with pytest.raises(RecipeError, match="is not a recipe") as told:
        Recipe.from_json('{"layers": ' + "[" * 100_000)
    assert len(str(told.value)) < 1000
