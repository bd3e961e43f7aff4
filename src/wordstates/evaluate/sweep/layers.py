"""One pass: every layer and every subword pooling of all usages; all recipes are computed from these."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from wordstates.documents.document import Document
from wordstates.encode.protocols import Embedder
from wordstates.errors import RecipeError
from wordstates.evaluate.data.task import UsageTable
from wordstates.options import SubwordPooling
from wordstates.recipe import Recipe
from wordstates.result.rows import numbers_in
from wordstates.runs.groups import GroupRun

ALL_LAYERS = "0:"
_MOST_IN_MEMORY = 2 * 2**30  # bytes


@dataclass(frozen=True, eq=False)
class LayerVectors:
    """Vectors of usages in all layers.

    Args:
        model: Name of the model.
        values: For each subword pooling float32, shape (usages, layers, dim); NaN for a usage without a vector.
        has_vector: Whether each usage has one.
        statuses: Number of usages of each status; ``failed`` for those of texts that could not be read.
        provenance: Where the vectors come from.
        seconds: What the pass took, the model's loading aside.
    """

    model: str
    values: Mapping[SubwordPooling, Float[np.ndarray, "usages layers dim"]]
    has_vector: Bool[np.ndarray, " usages"]
    statuses: Mapping[str, int]
    provenance: Mapping[str, Any]
    seconds: float

    @property
    def n_blocks(self) -> int:
        """Number of blocks: layers run from 0 to this."""
        return int(next(iter(self.values.values())).shape[1]) - 1

    def of(self, recipe: Recipe) -> Float[np.ndarray, "usages size"]:
        """Give the vectors of a recipe, float32, as `WordEmbedder` would.

        Raises:
            RecipeError: If they do not follow from what the pass kept.
        """
        if recipe.subword_pooling not in self.values:
            raise RecipeError(f"Recipe {recipe.name!r}: the pass kept {', '.join(self.values)} of the subwords.")
        layers = recipe.resolve(self.n_blocks, self.model)
        if recipe.subword_pooling == "max" and recipe.layer_pooling != "concat" and len(layers) > 1:
            raise RecipeError(f"Recipe {recipe.name!r}: the maximum of a {recipe.layer_pooling} is made from subwords.")
        values = self.values[recipe.subword_pooling][:, list(layers)]
        if recipe.layer_pooling == "mean":
            pooled: np.ndarray = values.mean(axis=1)
            return pooled
        return values.sum(axis=1) if recipe.layer_pooling == "sum" else values.reshape(len(values), -1)


def read_layers(
    make_embedder: Callable[[Sequence[Recipe]], Embedder],
    usages: UsageTable,
    poolings: Sequence[SubwordPooling],
    on_progress: Callable[[int], object] = lambda _: None,
) -> LayerVectors:
    """Read the texts once, and keep every layer of the usages.

    Args:
        make_embedder: Loads the model for some recipes.
        usages: What to read.
        poolings: How subwords are pooled, each way beside the others.
        on_progress: Called after each batch with the number of usages it gave a vector.

    Raises:
        InputError: If every one of the first texts fails.
        ModelError: Likewise.
    """
    recipes = [Recipe(ALL_LAYERS, "none", pooling, name=pooling) for pooling in poolings]
    embedder = make_embedder(recipes)
    began = time.perf_counter()
    shapes = embedder.vector_shapes
    on_disk = numbers_in(shapes) * len(usages) * 4 > _MOST_IN_MEMORY
    values: dict[SubwordPooling, np.ndarray] = {
        pooling: _room((len(usages), *shapes[pooling]), on_disk=on_disk) for pooling in poolings
    }
    has_vector = np.zeros(len(usages), dtype=bool)
    documents = (
        Document(str(number), text, tuple(spans))
        for number, (text, spans) in enumerate(zip(usages.texts, usages.spans, strict=True))
    )
    run = GroupRun(embedder, on_progress)
    for piece in run.over(documents):
        embeddings = piece.embeddings
        rows = np.array(
            [row for document in piece.documents for row in usages.numbers[int(document.id)]], dtype=np.int64
        )
        has_vector[rows] = embeddings.has_vector
        for pooling in poolings:
            values[pooling][rows] = embeddings.column(pooling)
    statuses, rejects = Counter(run.counts.statuses), run.rejects
    provenance = run.provenance or embedder.provenance
    failed = sum(len(usages.numbers[int(reject.document)]) for reject in rejects)
    if failed:
        statuses["failed"] += failed
    for reject in rejects:
        for array in values.values():
            array[usages.numbers[int(reject.document)]] = np.nan
    seconds = time.perf_counter() - began
    return LayerVectors(str(provenance["model"]), values, has_vector, dict(statuses), provenance, seconds)


def _room(shape: tuple[int, ...], *, on_disk: bool) -> np.ndarray:
    """Make an array in memory, or in a file without a name that is gone with the array."""
    if not on_disk:
        return np.empty(shape, dtype=np.float32)
    with tempfile.TemporaryFile(prefix="wordstates-sweep-") as file:
        return np.memmap(file, mode="w+", dtype=np.float32, shape=shape)
