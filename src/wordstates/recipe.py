"""Recipes: which layers, how they are put together, and how the subwords of a word are.

One numbering rule, used in Python, on the command line and in files: layer 0 is the embedding output, layers 1 to L are
the outputs of the L blocks, negative numbers count from the end, so -1 is the last layer. This is the index into
``hidden_states`` of Hugging Face transformers and ``repr_layers`` of ESM.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from numbers import Integral

from wordstates.errors import RecipeError
from wordstates.json_text import read_json
from wordstates.options import LayerPooling, LayersLike, SubwordPooling, check_choice
from wordstates.wording import counted

_INT = re.compile(r"\s*[+-]?\d{1,9}\s*")
_SLICE = re.compile(r"\s*([+-]?\d{1,9})?\s*:\s*([+-]?\d{1,9})?\s*")


def canonical_layers(layers: LayersLike) -> str:
    """Write any way of naming layers as the one text form.

    Args:
        layers: An int (``-1``), ints in the order wanted (``[4, 8]``, ``"4,8"``), or a slice (``"-4:"``,
            ``slice(1, 7)``).

    Returns:
        ``"-1"``, ``"4,8"`` or ``"-4:"``: what files and the command line carry.

    Raises:
        RecipeError: If the text is none of these forms, or empty.

    Examples:
        >>> canonical_layers(-1), canonical_layers([4, 8]), canonical_layers(slice(-4, None))
        ('-1', '4,8', '-4:')
    """
    if hasattr(layers, "tolist"):  # an array of NumPy, or one of its numbers
        layers = layers.tolist()
    if isinstance(layers, slice):
        if layers.step not in (None, 1):
            raise RecipeError(f"Layers {layers!r}: a slice of layers has no step; list the layers instead, as '0,2,4'.")
        return _slice_text(layers, layers.start, layers.stop)
    if isinstance(layers, str):
        match = _SLICE.fullmatch(layers)
        if match:
            return _slice_text(layers, *(int(edge) if edge else None for edge in match.groups()))
        parts = layers.split(",")
        if not all(_INT.fullmatch(part) for part in parts):
            raise RecipeError(f"Layers {layers[:60]!r} are not layers: {_FORMS}")
        return ",".join(str(int(part)) for part in parts)
    if _is_number(layers):
        return str(layers)
    if isinstance(layers, bytes) or not isinstance(layers, Sequence) or not layers or not all(map(_is_number, layers)):
        raise RecipeError(f"Layers {layers!r} are not layers: {_FORMS}")
    return ",".join(map(str, layers))


def _slice_text(layers: LayersLike, start: object, stop: object) -> str:
    """Write a slice with its edges as plain ints, so that equal slices have equal text."""
    if not all(edge is None or _is_number(edge) for edge in (start, stop)):
        raise RecipeError(f"Layers {layers!r} are not layers: {_FORMS}")
    return f"{'' if start is None else start}:{'' if stop is None else stop}"


def _is_number(layer: object) -> bool:
    return isinstance(layer, Integral) and not isinstance(layer, bool)  # NumPy's too


_FORMS = "give an int (-1), a list ('4,8,12') or a slice ('-4:' = last four, '0:' = all, '1:7')."


def resolve_layers(layers: LayersLike, n_blocks: int, model_name: str = "this model") -> tuple[int, ...]:
    """Turn layers into absolute numbers 0..n_blocks, in the order asked for.

    Args:
        layers: Any form that `canonical_layers` takes.
        n_blocks: Number of blocks L of the model; layers run from 0 (embedding output) to L.
        model_name: For the error message.

    Returns:
        Absolute layer numbers, no number twice.

    Raises:
        RecipeError: If a layer does not exist, is named twice, or nothing is left.

    Examples:
        >>> resolve_layers("-4:", 12), resolve_layers("0:", 3), resolve_layers([8, -1, 0], 12)
        ((9, 10, 11, 12), (0, 1, 2, 3), (8, 12, 0))
    """
    text = canonical_layers(layers)
    match = _SLICE.fullmatch(text)
    if match:
        start, stop = (int(part) if part else None for part in match.groups())
        for edge in (start, stop):
            if edge is not None:
                _check_layer(edge, n_blocks, model_name, allow_end=True)
        numbers = tuple(range(n_blocks + 1))[slice(start, stop)]
        if not numbers:
            raise RecipeError(f"Layers {text!r} select no layer of {model_name!r}, which has layers 0 to {n_blocks}.")
        return numbers
    absolute = []
    for number in map(int, text.split(",")):
        _check_layer(number, n_blocks, model_name)
        absolute.append(number % (n_blocks + 1))
    if len(set(absolute)) < len(absolute):
        raise RecipeError(f"Layers {text!r} name a layer of {model_name!r} twice: {absolute}. Name each layer once.")
    return tuple(absolute)


def _check_layer(number: int, n_blocks: int, model_name: str, *, allow_end: bool = False) -> None:
    highest = n_blocks + 1 if allow_end else n_blocks
    if not -n_blocks - 1 <= number <= highest:
        raise RecipeError(
            f"Layer {number} does not exist in {model_name!r}: it has {counted(n_blocks, 'block')}, so layers run "
            "from 0 "
            f"(embedding output) to {n_blocks}, or -{n_blocks + 1} to -1."
        )


class _MadeName(str):
    """A name made of a recipe's parts, not given by anybody."""

    __slots__ = ()


@dataclass(frozen=True, init=False)
class Recipe:
    """Layers, how they are pooled, how subwords are pooled, and a name.

    Invariant: two recipes with the same three parts give the same vectors; the name only labels columns.

    Args:
        layers: Layers by the one numbering rule; default the last.
        layer_pooling: ``mean`` or ``sum`` over the layers, ``concat`` in the order asked, or ``none`` to keep a layer
            axis.
        subword_pooling: ``mean``, ``first``, ``last``, ``max`` or ``sum`` of a word's subwords, or ``none`` for a row a
            subword.
        name: Name of the column; default is made of the parts, such as ``"-4:.concat.mean"``.

    Raises:
        RecipeError: If a part is not one of the allowed.

    Source:
        Devlin et al. 2019, section 5.3 (layers); Ács et al. 2021 (subword pooling).

    Examples:
        >>> Recipe("-4:", "concat").name
        '-4:.concat.mean'
    """

    layers: str
    layer_pooling: LayerPooling
    subword_pooling: SubwordPooling
    name: str

    def __init__(
        self,
        layers: LayersLike = -1,
        layer_pooling: LayerPooling = "mean",
        subword_pooling: SubwordPooling = "mean",
        *,
        name: str = "",
    ) -> None:
        check_choice("layer_pooling", layer_pooling, LayerPooling, RecipeError)
        check_choice("subword_pooling", subword_pooling, SubwordPooling, RecipeError)
        if not isinstance(name, str):
            raise RecipeError(f"A recipe's name is a string, got {name!r}.")
        if not name.isascii() and any("\ud800" <= character <= "\udfff" for character in name):
            raise RecipeError(f"A recipe's name has half a surrogate pair, which is no Unicode text: {name[:60]!r}.")
        text = canonical_layers(layers)
        if not name or isinstance(name, _MadeName):  # made anew when `dataclasses.replace` hands it over
            name = _MadeName(f"{text}.{layer_pooling}.{subword_pooling}")
        vars(self).update(layers=text, layer_pooling=layer_pooling, subword_pooling=subword_pooling, name=name)

    def resolve(self, n_blocks: int, model_name: str = "this model") -> tuple[int, ...]:
        """Give the absolute layer numbers for one model, in the order asked for.

        Args:
            n_blocks: Number of blocks L of the model; layers run from 0 (embedding output) to L.
            model_name: For the error message.

        Raises:
            RecipeError: If a layer does not exist, or is named twice.
        """
        return resolve_layers(self.layers, n_blocks, model_name)

    def vector_shape(self, n_blocks: int, dim: int) -> tuple[int, ...]:
        """Give the shape of one vector: ``(dim,)``, ``(layers * dim,)`` for concat, ``(layers, dim)`` for none.

        Args:
            n_blocks: Number of blocks L of the model.
            dim: Dimensions of one layer of it.
        """
        n_layers = len(self.resolve(n_blocks))
        if self.layer_pooling == "concat":
            return (n_layers * dim,)
        return (n_layers, dim) if self.layer_pooling == "none" else (dim,)

    def to_json(self) -> str:
        """Write the recipe as one line of JSON, which `from_json` reads back."""
        return json.dumps(self.to_dict())

    def to_dict(self) -> dict[str, str]:
        """Give the four parts as plain text, for files and reports."""
        return {
            "name": self.name,
            "layers": self.layers,
            "layer_pooling": self.layer_pooling,
            "subword_pooling": self.subword_pooling,
        }

    @classmethod
    def from_json(cls, text: str) -> Recipe:
        """Read a recipe from JSON, as `to_json` writes it.

        Raises:
            RecipeError: If it is not JSON, or has other keys than a recipe.
        """
        try:
            parts = read_json(text)
            if isinstance(parts, dict) and "post_processing" in parts:
                raise TypeError(
                    "it has post-processing, which is no part of a Recipe: leave it out, and give its file as "
                    "post_processing=..."
                )
            return cls(**parts)
        except (ValueError, TypeError) as error:
            raise RecipeError(
                f"{text[:200]!r} is not a recipe: expected JSON such as {cls('-4:').to_json()}; {error}"
            ) from error


def check_names(recipes: Iterable[Recipe]) -> tuple[Recipe, ...]:
    """Check that there is a recipe, and that no two share a name.

    Raises:
        RecipeError: If there is none, or a name occurs twice.
    """
    if isinstance(recipes, Recipe):
        raise RecipeError("recipes is a list: write recipes=[Recipe(...)].")
    checked = tuple(recipes)
    if not checked:
        raise RecipeError("No recipe given: recipes=[] would compute nothing; leave it out for the last layer.")
    for recipe in checked:
        if not isinstance(recipe, Recipe):
            raise RecipeError(f"{recipe!r} is not a Recipe: write Recipe('-4:', 'concat').")
    names = [recipe.name for recipe in checked]
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise RecipeError(f"Recipe names must differ, {doubled} occur more than once: give each a name of its own.")
    return checked


# Taken from a pass beside the vectors: of the last layer, one number per word.
SURPRISAL = Recipe(-1, subword_pooling="sum", name="surprisal, in bits")
