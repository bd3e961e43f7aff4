"""Which post-processing goes with which recipe, and whether it was fitted on vectors of the same kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from wordstates.errors import InputError
from wordstates.model.loaded import LoadedModel
from wordstates.postprocess.post_processing import PostProcessing
from wordstates.recipe import Recipe

PostProcessingLike = PostProcessing | str | Path
_PARTS = ("layer_numbers", "layer_pooling", "subword_pooling")


def match_post_processing(
    given: PostProcessingLike | Sequence[PostProcessingLike] | Mapping[str, PostProcessingLike] | None,
    recipes: Sequence[Recipe],
    layers: Mapping[str, tuple[int, ...]],
    model: LoadedModel,
    context: str,
) -> dict[str, PostProcessing]:
    """Say what is done to the vectors of each recipe.

    Args:
        given: Post-processing, or a file of it, for all recipes; or several, each for the recipe it was fitted with; or
            by the name of the recipe: then recipes that are not named stay as they are.
        recipes: The recipes.
        layers: Absolute layer numbers of each recipe, by its name.
        model: What reads.
        context: What a vector knows of the text around its word.

    Returns:
        By the name of the recipe; a recipe that stays as it is has none.

    Raises:
        InputError: If a recipe has none or several, or one was fitted with another model, recipe or dimension.
    """
    if given is None:
        return {}
    if isinstance(given, Mapping):
        named = {name: _loaded(each) for name, each in given.items()}
        strange = [name for name in named if name not in layers]
        if strange:
            raise InputError(
                f"Post-processing is given for recipe {strange[0]!r}, and there is none of this name: there are "
                f"{', '.join(map(repr, layers))}."
            )
    else:
        several = [_loaded(each) for each in ([given] if isinstance(given, PostProcessing | str | Path) else given)]
        named = {recipe.name: _the_one_for(recipe, layers[recipe.name], several) for recipe in recipes}
        idle = [each for each in several if not any(each is used for used in named.values())]
        if idle:
            raise InputError(f"{idle[0]!r} goes with no recipe: {_other(idle[0], recipes[0], layers[recipes[0].name])}")
    for recipe in recipes:
        if recipe.name in named:
            _check(named[recipe.name], recipe, layers[recipe.name], model, context)
    return named


def _loaded(given: PostProcessingLike) -> PostProcessing:
    return given if isinstance(given, PostProcessing) else PostProcessing.load(given)


def _the_one_for(recipe: Recipe, layers: Sequence[int], several: Sequence[PostProcessing]) -> PostProcessing:
    found = [each for each in several if not _differences(each, recipe, layers)]
    if len(found) == 1:
        return found[0]
    if found:
        raise InputError(
            f"Recipe {recipe.name!r} has several post-processings, {', '.join(map(repr, found))}: give one of them, or "
            "name the recipes differently and give a mapping from names to post-processings."
        )
    if not several:
        raise InputError("No post-processing given: leave post_processing out to keep the vectors as they are.")
    raise InputError(f"Recipe {recipe.name!r} has no post-processing: {_other(several[0], recipe, layers)}")


def _check(
    post_processing: PostProcessing, recipe: Recipe, layers: Sequence[int], model: LoadedModel, context: str
) -> None:
    """Check that vectors are of the kind that a post-processing was fitted on, as far as that is known."""
    if _differences(post_processing, recipe, layers):
        raise InputError(
            f"Recipe {recipe.name!r} does not go with its post-processing: {_other(post_processing, recipe, layers)}"
        )
    fitted, differences = post_processing.provenance, []
    if fitted.get("weights", model.weights) != model.weights:
        differences.append(
            f"model {fitted.get('model')} with weights {fitted['weights']}, and this is {model.name} with "
            f"weights {model.weights}"
        )
    if fitted.get("context", context) != context:
        differences.append(f"context {fitted['context']!r}, and this is {context!r}")
    shape = model.vector_shape(recipe, layers)
    if len(shape) > 1:
        raise InputError(
            f"Recipe {recipe.name!r} keeps a layer axis, and post-processing is fitted for one vector a word: pool the "
            "layers, or give a recipe a layer."
        )
    if shape != (post_processing.dim_in,):
        differences.append(f"{post_processing.dim_in} dimensions, and these vectors have {shape[0]}")
    if differences:
        raise InputError(
            f"{post_processing!r} was fitted on other vectors than those of recipe {recipe.name!r}: "
            f"{'; '.join(differences)}. Fit it anew with `wordstates fit`."
        )


def _differences(post_processing: PostProcessing, recipe: Recipe, layers: Sequence[int]) -> list[str]:
    fitted = post_processing.recipe
    if fitted is None:
        return []
    here = {**recipe.to_dict(), "layer_numbers": [*layers]}
    return [f"{part} {fitted[part]} there, {here[part]} here" for part in _PARTS if fitted[part] != here[part]]


def _other(post_processing: PostProcessing, recipe: Recipe, layers: Sequence[int]) -> str:
    fitted = (post_processing.recipe or {}).get("name")
    differences = "; ".join(_differences(post_processing, recipe, layers))
    return (
        f"{post_processing!r} was fitted with recipe {fitted!r} ({differences}). Give that recipe, or fit anew with "
        "`wordstates fit`."
    )
