"""A recipe as a file, with the post-processing that goes with it in a second file beside it."""

from __future__ import annotations

import json
from pathlib import Path

from wordstates.errors import InputError, RecipeError
from wordstates.files.atomic import write_text_whole
from wordstates.json_text import read_json
from wordstates.postprocess.post_processing import ENDING, PostProcessing
from wordstates.recipe import Recipe

_KEY = "post_processing"


def fitted_path(path: Path) -> Path:
    """Give the file for the post-processing of a recipe's file.

    Examples:
        >>> fitted_path(Path("wic.json")).name
        'wic.post.safetensors'
    """
    return path.with_name(f"{path.stem}.post{ENDING}")


def save_recipe(path: Path, recipe: Recipe, fitted: PostProcessing | None = None) -> list[Path]:
    """Write a recipe as JSON, and what is done to its vectors afterwards beside it; files that are there are replaced.

    Args:
        path: The file for the recipe.
        recipe: The recipe.
        fitted: Post-processing of its vectors; None: there is none.

    Returns:
        The files written.

    Raises:
        OutputError: If one cannot be written.
    """
    parts: dict[str, object] = dict(recipe.to_dict())
    beside = [] if fitted is None else [fitted_path(path)]
    if fitted is not None:
        fitted.save(beside[0], overwrite=True)
        parts[_KEY] = {"file": beside[0].name, "steps": [*fitted.steps], "fingerprint": fitted.fingerprint()}
    write_text_whole(path, json.dumps(parts, ensure_ascii=False) + "\n")
    return [path, *beside]


def read_recipe(given: str) -> tuple[Recipe, PostProcessing | None]:
    """Read a recipe with its post-processing, as `save_recipe` wrote it, or one without.

    Args:
        given: A file, or the JSON itself; then the file of the post-processing is looked for in the current folder.

    Returns:
        The recipe, and what is done to its vectors afterwards; None if nothing is.

    Raises:
        RecipeError: If it is neither, or its post-processing is not there, or is another one by now.
    """
    inline = given.lstrip().startswith("{")
    try:
        text = given if inline else Path(given).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"Recipe {given!r} is neither JSON nor a file that can be read: {error}") from error
    try:
        parts = read_json(text)
        about = parts.pop(_KEY)
        name, steps, fingerprint = about["file"], "+".join(about["steps"]), about["fingerprint"]
    except (ValueError, KeyError, TypeError, AttributeError):
        return _recipe_of(text, given, inline=inline), None  # without post-processing, or it says what is wrong
    recipe = _recipe_of(json.dumps(parts), given, inline=inline)
    file = (Path() if inline else Path(given).parent) / name
    try:
        fitted = PostProcessing.load(file)
    except InputError as error:
        raise RecipeError(
            f"Recipe {given!r} has post-processing ({steps}), which is in {str(file)!r}: keep the two files "
            f"together. {error}"
        ) from error
    if fitted.fingerprint() != fingerprint:
        raise RecipeError(
            f"Recipe {given!r} was saved with other post-processing than {str(file)!r} holds now "
            f"({'+'.join(fitted.steps)}): save both again."
        )
    return recipe, fitted


def _recipe_of(text: str, given: str, *, inline: bool) -> Recipe:
    try:
        return Recipe.from_json(text)
    except RecipeError as error:
        if inline or error.__cause__ is None:
            raise
        raise RecipeError(  # what the file holds is not shown: it may be any file
            f"{given!r} holds no recipe: expected JSON such as {Recipe('-4:').to_json()}; {error.__cause__}"
        ) from error
