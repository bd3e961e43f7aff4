"""What a request asks for, read from its JSON and checked."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from wordstates.encode.inputs import Inputs
from wordstates.errors import InputError, RecipeError
from wordstates.options import LayerPooling, SubwordPooling
from wordstates.recipe import Recipe, check_names
from wordstates.serve.refused import RefusedError
from wordstates.wording import counted

T = TypeVar("T")
_ITEM = re.compile(r"\b[Tt]ext (\d+)\b")
PARTS = ("name", "layers", "layer_pooling", "subword_pooling", "post_processing")


@dataclass(frozen=True)
class AskedRecipe:
    """A recipe of a request.

    Args:
        recipe: The recipe, by the name that the request gives it.
        post_processing: Name of the post-processing of the server that its vectors go through; None: of none.
    """

    recipe: Recipe
    post_processing: str | None = None

    @property
    def key(self) -> tuple[str, LayerPooling, SubwordPooling, str | None]:
        """What decides the vectors: all but the name."""
        recipe = self.recipe
        return recipe.layers, recipe.layer_pooling, recipe.subword_pooling, self.post_processing


@dataclass(frozen=True, eq=False)
class Asked:
    """Words whose vectors a request asks for.

    Args:
        inputs: The texts and their words.
        recipes: What is taken of them.
        truncate: Whether texts longer than a window are cut off; else they are read through several.
        targets: The targets as asked for, where these were looked for.
        target_index: Which target each word is a usage of.
    """

    inputs: Inputs
    recipes: tuple[AskedRecipe, ...]
    truncate: bool = False
    targets: tuple[str, ...] = ()
    target_index: tuple[int, ...] = ()


class Fields:
    """The fields of a JSON object, each taken once; one that is not taken is refused.

    Args:
        body: What the request holds.
        known: The fields there are.

    Raises:
        RefusedError: If the body is no object, or has another field.
    """

    def __init__(self, body: object, known: Sequence[str]) -> None:
        if not isinstance(body, dict):
            raise RefusedError(400, f"The request is a JSON object with the fields {', '.join(known)}.")
        for name in body:
            if name not in known:
                raise RefusedError(
                    422, f"There is no field {str(name)[:60]!r}: there are {', '.join(known)}.", str(name)[:60]
                )
        self._body = body

    def get(self, name: str) -> Any:
        """Give a field; None if it is missing or null."""
        return self._body.get(name)

    def text(self, name: str, default: str | None = None) -> str:
        """Give a field that is a text."""
        return self._of(name, str, "a string", default)

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Give a field that is true or false."""
        return self._of(name, bool, "true or false", default)

    def items(self, name: str, default: list[Any] | None = None) -> list[Any]:
        """Give a field that is a list."""
        return self._of(name, list, "a list", default)

    def choice(self, name: str, *allowed: str) -> str:
        """Give a field that is one of some texts; the first is the default."""
        given = self.text(name, allowed[0])
        if given not in allowed:
            raise RefusedError(422, f"{name} is {given[:60]!r}: choose one of {', '.join(allowed)}.", name)
        return given

    def _of(self, name: str, kind: type[T], what: str, default: T | None) -> T:
        value = self._body.get(name)
        if value is None:
            if default is None:
                raise RefusedError(422, f"The request needs {name!r}, {what}.", name)
            return default
        if not isinstance(value, kind):
            raise RefusedError(422, f"{name!r} is {what}; got {_kind(value)}.", name)
        return value


def _kind(value: object) -> str:
    """Name the type of a value of JSON."""
    names: dict[type, str] = {
        **{bool: "true or false", int: "a number", float: "a number", str: "a string"},
        **{list: "a list", dict: "an object"},
    }
    return names.get(type(value), "null")


@contextmanager
def wrong_input_is_refused(field: str | None = None) -> Iterator[None]:
    """Turn what is wrong with texts and recipes into a refusal that names the item.

    Args:
        field: The field that holds the texts.
    """
    try:
        yield
    except (InputError, RecipeError) as error:
        found = _ITEM.search(str(error))
        item = f"{field}[{found[1]}]" if found and field else field
        raise RefusedError(422, str(error), item, code=type(error).__name__) from error


def read_recipes(given: Sequence[Any], post_processing: Mapping[str, Any], most: int) -> tuple[AskedRecipe, ...]:
    """Read the recipes of a request.

    Args:
        given: Objects with the parts of a recipe, and the name of a post-processing.
        post_processing: What the server has, by name.
        most: How many may be asked for.

    Raises:
        RefusedError: If one is no recipe, two share a name, or there is no such post-processing.
    """
    if len(given) > most:
        raise RefusedError(413, f"{counted(len(given), 'recipe')}: a request has at most {most}.", "recipes")
    recipes = []
    for index, parts in enumerate(given or [{}]):
        item = f"recipes[{index}]"
        if not isinstance(parts, dict) or not set(parts) <= set(PARTS):
            raise RefusedError(422, f"A recipe is an object with some of the fields {', '.join(PARTS)}.", item)
        parts = {name: value for name, value in parts.items() if value is not None}
        post = parts.pop("post_processing", None)
        if post is not None and (not isinstance(post, str) or post not in post_processing):
            there = ", ".join(map(repr, post_processing)) or "none"
            raise RefusedError(422, f"There is no such post-processing: this server has {there}.", item)
        with wrong_input_is_refused(item):
            for name in ("layer_pooling", "subword_pooling"):
                if not isinstance(parts.get(name, ""), str):
                    raise RefusedError(422, f"{name} is a string.", item)
            if not isinstance(parts.get("layers", -1), int | str | list) or len(str(parts.get("layers"))) > 2_000:
                raise RefusedError(422, "layers are a number, a list of numbers, or a text as '-4:'.", item)
            recipes.append(AskedRecipe(Recipe(**parts), post))
    with wrong_input_is_refused("recipes"):
        check_names([asked.recipe for asked in recipes])
    return tuple(recipes)


def read_texts(given: object, field: str, most: int, *, words: bool = False) -> list[Any]:
    """Read the texts of a request.

    Args:
        given: A string, a list of strings, or a list of lists of words.
        field: Where they stand.
        most: How many there may be.
        words: Whether lists of words are allowed.

    Raises:
        RefusedError: If they are something else, or too many.
    """
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not texts:
        raise RefusedError(422, f"{field!r} is a text or a list of texts; at least one.", field)
    if len(texts) > most:
        raise RefusedError(413, f"{counted(len(texts), 'text')}: a request has at most {most:,}.", field)
    lists = words and isinstance(texts[0], list)
    for index, text in enumerate(texts):
        item = f"{field}[{index}]"
        if lists and not (isinstance(text, list) and all(isinstance(word, str) for word in text)):
            raise RefusedError(422, "The first text is a list of words, so every text is: a list of strings.", item)
        if not lists and not isinstance(text, str):
            raise RefusedError(422, f"A text is a string; got {_kind(text)}.", item)
    return texts


def per_text(fields: Fields, name: str, texts: Sequence[Any], check: Callable[[object], bool], what: str) -> Any:
    """Give a field with a list for each text, or null for a text; None if it is missing.

    Args:
        fields: The request.
        name: The field.
        texts: The texts.
        check: Tells whether a member of a list is as it should be.
        what: What the members are, for the error.
    """
    given = fields.get(name)
    if given is None:
        return None
    if not isinstance(given, list) or len(given) != len(texts):
        raise RefusedError(422, f"{name!r} is a list with one list of {what} for each text, or null for a text.", name)
    for index, part in enumerate(given):
        if part is not None and not (isinstance(part, list) and all(map(check, part))):
            raise RefusedError(422, f"Give a list of {what} for the text, or null.", f"{name}[{index}]")
    return given
