"""Recipes for one model: absolute layers, the shape of a vector, and the post-processing that goes with each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from wordstates.errors import InputError, RecipeError
from wordstates.model.loaded import LoadedModel
from wordstates.postprocess.post_processing import PostProcessing
from wordstates.recipe import Recipe
from wordstates.wording import counted

PostProcessingLike = PostProcessing | str | Path
GivenPostProcessing = PostProcessingLike | Sequence[PostProcessingLike] | Mapping[str, PostProcessingLike] | None
_PARTS = ("layer_numbers", "layer_pooling", "subword_pooling")


@dataclass(frozen=True, eq=False)
class ResolvedRecipe:
    """A recipe for one model.

    Args:
        recipe: The recipe as asked for.
        layers: Absolute layer numbers, in the order of the recipe.
        pooled_shape: Shape of one vector before post-processing.
        post_processing: What is done to its vectors; None: nothing.
    """

    recipe: Recipe
    layers: tuple[int, ...]
    pooled_shape: tuple[int, ...]
    post_processing: PostProcessing | None = None

    @property
    def name(self) -> str:
        """Name of the recipe."""
        return self.recipe.name

    @property
    def by_subword(self) -> bool:
        """Whether it gives one row per subword, not one row per word."""
        return self.recipe.subword_pooling == "none"

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one vector."""
        return self.pooled_shape if self.post_processing is None else (self.post_processing.dim_out,)

    def to_dict(self) -> dict[str, Any]:
        """Give the recipe and its layer numbers as plain JSON data."""
        return {**self.recipe.to_dict(), "layer_numbers": [*self.layers]}


def resolve_recipes(
    recipes: Sequence[Recipe], model: LoadedModel, given: GivenPostProcessing, context: str
) -> tuple[ResolvedRecipe, ...]:
    """Find the layers of recipes in a model, and the post-processing of each.

    Args:
        recipes: The recipes.
        model: The model.
        given: Post-processing, or a file of it, for all recipes; or several, each for the recipe it was fitted with; or
            by the name of the recipe: then recipes that are not named stay as they are.
        context: What a vector knows of the text around its word.

    Raises:
        RecipeError: If layers do not exist, have no state for each subword, or differ in width.
        InputError: If a recipe has none or several of the post-processing, or one was fitted with another model, recipe
            or dimension.
    """
    resolved = [_resolve(recipe, model) for recipe in recipes]
    if given is None:
        return tuple(resolved)
    if isinstance(given, Mapping):
        named = {name: _loaded(each) for name, each in given.items()}
        names = [recipe.name for recipe in recipes]
        strange = [name for name in named if name not in names]
        if strange:
            raise InputError(
                f"Post-processing is given for recipe {strange[0]!r}, and there is none of this name: there are "
                f"{', '.join(map(repr, names))}."
            )
    else:
        several = [_loaded(each) for each in ([given] if isinstance(given, PostProcessing | str | Path) else given)]
        named = {recipe.name: _the_one_for(recipe, several) for recipe in resolved}
        idle = [each for each in several if not any(each is used for used in named.values())]
        if idle:
            raise InputError(f"{idle[0]!r} goes with no recipe: {_other(idle[0], resolved[0])}")
    for recipe in resolved:
        if recipe.name in named:
            _check(named[recipe.name], recipe, model, context)
    return tuple(replace(recipe, post_processing=named.get(recipe.name)) for recipe in resolved)


def _resolve(recipe: Recipe, model: LoadedModel) -> ResolvedRecipe:
    anatomy = model.anatomy
    layers = recipe.resolve(anatomy.n_blocks, model.name)
    unreadable = [layer for layer in layers if layer not in anatomy.readable]
    if unreadable:
        raise RecipeError(
            f"Layer {unreadable[0]} of {model.name!r} has no state for each subword (it shortens the "
            f"text inside); the layers that have one are {sorted(anatomy.readable)}."
        )
    dims = [anatomy.dims[layer] for layer in layers]
    if len(set(dims)) > 1:
        raise RecipeError(
            f"Layers {recipe.layers!r} of {model.name!r} differ in width ({dims}), so they cannot be pooled: choose "
            "layers of one width."
        )
    return ResolvedRecipe(recipe, layers, recipe.vector_shape(anatomy.n_blocks, dims[0]))


def _loaded(given: PostProcessingLike) -> PostProcessing:
    return given if isinstance(given, PostProcessing) else PostProcessing.load(given)


def _the_one_for(recipe: ResolvedRecipe, several: Sequence[PostProcessing]) -> PostProcessing:
    found = [each for each in several if not _differences(each, recipe)]
    if len(found) == 1:
        return found[0]
    if found:
        raise InputError(
            f"Recipe {recipe.name!r} has several post-processings, {', '.join(map(repr, found))}: give one of them, or "
            "name the recipes differently and give a mapping from names to post-processings."
        )
    if not several:
        raise InputError("No post-processing given: leave post_processing out to keep the vectors as they are.")
    raise InputError(f"Recipe {recipe.name!r} has no post-processing: {_other(several[0], recipe)}")


def _check(post_processing: PostProcessing, recipe: ResolvedRecipe, model: LoadedModel, context: str) -> None:
    """Check that vectors are of the kind that a post-processing was fitted on, as far as that is known."""
    if _differences(post_processing, recipe):
        raise InputError(
            f"Recipe {recipe.name!r} does not go with its post-processing: {_other(post_processing, recipe)}"
        )
    fitted, differences = post_processing.provenance, []
    if fitted.get("weights", model.weights) != model.weights:
        differences.append(
            f"model {fitted.get('model')} with weights {fitted['weights']}, and this is {model.name} with "
            f"weights {model.weights}"
        )
    if "weights" in fitted and fitted.get("config", {}) != dict(model.config):
        differences.append(f"config {fitted.get('config', {})}, and this is {dict(model.config)}")
    if fitted.get("context", context) != context:
        differences.append(f"context {fitted['context']!r}, and this is {context!r}")
    shape = recipe.pooled_shape
    if len(shape) > 1:
        raise InputError(
            f"Recipe {recipe.name!r} keeps a layer axis, and post-processing is fitted for one vector per word: pool "
            "the layers, or give one recipe per layer."
        )
    if shape != (post_processing.dim_in,):
        differences.append(f"{counted(post_processing.dim_in, 'dimension')}, and these vectors have {shape[0]}")
    if differences:
        raise InputError(
            f"{post_processing!r} was fitted on other vectors than those of recipe {recipe.name!r}: "
            f"{'; '.join(differences)}. Fit it again with `wordstates fit`."
        )


def _differences(post_processing: PostProcessing, recipe: ResolvedRecipe) -> list[str]:
    fitted = post_processing.recipe
    if fitted is None:
        return []
    here = recipe.to_dict()
    return [f"{part} {fitted[part]} there, {here[part]} here" for part in _PARTS if fitted[part] != here[part]]


def _other(post_processing: PostProcessing, recipe: ResolvedRecipe) -> str:
    fitted = (post_processing.recipe or {}).get("name")
    differences = "; ".join(_differences(post_processing, recipe))
    return (
        f"{post_processing!r} was fitted with recipe {fitted!r} ({differences}). Give that recipe, or fit again with "
        "`wordstates fit`."
    )
