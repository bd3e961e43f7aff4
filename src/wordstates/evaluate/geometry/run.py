"""The geometry of the vectors of each layer: how much of a cosine tells one word from another.

One reading of the corpus measures all layers, with memory that does not grow with it: running sums for what is over
all words, and a sample of types, each with one of its usages, for what is over pairs of words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from wordstates.documents.document import Document
from wordstates.errors import InputError, RecipeError
from wordstates.evaluate.geometry.figures import Geometry
from wordstates.evaluate.geometry.sums import GeometrySums
from wordstates.recipe import Recipe
from wordstates.runs.groups import GroupRun, Reject

if TYPE_CHECKING:
    from wordstates.encode.protocols import Embedder
    from wordstates.result.word_embeddings import WordEmbeddings


_LAYER, _RECIPE = "layer ", "recipe "  # before the names of vectors: a recipe may be called "3"


@dataclass
class Measured:
    """What a run measured.

    Args:
        layers: The layers, from the lowest.
        recipes: The recipes asked about.
        texts: Texts read.
        words: Words with a vector.
        types: Types in the sample.
        repeated_types: Those of them with usages in two texts or more.
        rejects: Documents that could not be embedded.
        provenance: Where the vectors come from.
    """

    layers: list[Geometry]
    recipes: list[Geometry]
    texts: int
    words: int
    types: int
    repeated_types: int
    rejects: list[Reject]
    provenance: Mapping[str, Any]


def layer_recipe(measure: str, subword_pooling: str) -> Recipe:
    """Give the recipe that keeps each of some layers."""
    return Recipe(measure, "none", subword_pooling, name="each layer")  # type: ignore[arg-type]  # checked by Recipe


def check_recipes(recipes: Sequence[Recipe], *, keeps_layers: bool = False) -> None:
    """Check that each recipe gives one vector per word.

    Args:
        recipes: The recipes.
        keeps_layers: Whether one may keep a layer axis.

    Raises:
        RecipeError: If one does not.
    """
    for recipe in recipes:
        if recipe.subword_pooling == "none" or (recipe.layer_pooling == "none" and not keeps_layers):
            raise RecipeError(
                f"Recipe {recipe.name!r} gives several vectors a word, and words are compared: pool subwords and "
                "layers."
            )


def measure_geometry(
    embedder: Embedder,
    documents: Iterable[Document],
    *,
    sample: int = 1000,
    seed: int = 0,
    on_progress: Callable[[int], object] = lambda _: None,
) -> Measured:
    """Measure every recipe of an embedder; one that keeps a layer axis is measured layer by layer.

    Args:
        embedder: Gives the vectors.
        documents: The documents, as a stream.
        sample: Types in the sample.
        seed: Decides the sample.
        on_progress: Called after each batch with the number of vectors it gave.

    Raises:
        RecipeError: If a recipe gives one row per subword.
        InputError: If there are no two words of different texts, or the first documents cannot be embedded.
        ModelError: If the first documents cannot be embedded.

    Source:
        Ethayarajh 2019, "How contextual are contextualized word representations?", sections 3.3 and 3.4; Timkey and van
        Schijndel 2021, "All bark and no bite", section 3.

    Examples:
        >>> from wordstates import WordEmbedder
        >>> texts = ["A river bank.", "The bank lends.", "A river runs."]
        >>> documents = [Document(str(number), text) for number, text in enumerate(texts)]
        >>> measured = measure_geometry(WordEmbedder("minilm", recipes=[layer_recipe("0:", "mean")]), documents)
        >>> [layer.name for layer in measured.layers], measured.words, measured.types
        (['0', '1', '2', '3', '4', '5', '6'], 12, 7)
    """
    check_recipes(embedder.recipes, keeps_layers=True)
    run = GroupRun(embedder, on_progress)
    sums: GeometrySums | None = None
    for embeddings in (piece.embeddings for piece in run.over(documents)):
        vectors = _by_name(embeddings)
        sums = sums or GeometrySums({name: rows.shape[1] for name, rows in vectors.items()}, sample, seed)
        sums.add(embeddings, vectors)
    if sums is None:
        raise InputError("There is no text in the input: nothing can be measured.")
    sums.check()
    layers, recipes = (
        [sums.geometry(key, key.removeprefix(kind)) for key in sums.names if key.startswith(kind)]
        for kind in (_LAYER, _RECIPE)
    )
    kept = sums.usages.means.usages[: len(sums.usages.types)]
    return Measured(
        layers=sorted(layers, key=lambda geometry: int(geometry.name)),
        recipes=recipes,
        texts=sums.texts,
        words=sums.words,
        types=len(sums.usages.types),
        repeated_types=int((kept > 1).sum()),
        rejects=run.rejects,
        provenance=run.provenance,
    )


def _by_name(embeddings: WordEmbeddings) -> dict[str, Float[np.ndarray, "words dim"]]:
    """Give the vectors of each recipe, and of each layer of a recipe that keeps them, of the words that have some."""
    there = embeddings.has_vector
    found: dict[str, np.ndarray] = {}
    for name, column in embeddings.columns.items():
        values = column.values[there]
        if column.recipe.layer_pooling != "none":
            found[_RECIPE + name] = values
            continue
        found |= {_LAYER + str(layer): values[:, place] for place, layer in enumerate(column.layers)}
    return found
