"""The vectors of samples by any recipe: texts are read once, and what was read serves the recipes that follow.

Of each sample a small table is kept: for each way of pooling subwords, the mean over its words at every layer. Means
and sums over layers and over words may be taken in any order, so the vector of any recipe is made of its rows. Where
that is not so, the maximum over subwords or words of a mean of several layers, the recipe has a pass of its own.
"""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from jaxtyping import Float, Int

from wordstates.encode.window_cache import row_starts
from wordstates.errors import InputError, RecipeError
from wordstates.integrations.sklearn.samples import Sample, spans_of_samples
from wordstates.integrations.sklearn.shared import EMBEDDERS, VECTORS, SharedEmbedder
from wordstates.options import CHARACTERS_OF_A_SUBWORD
from wordstates.recipe import Recipe
from wordstates.result.word_embeddings import WordEmbeddings
from wordstates.runs.groups import GROUP_CHARACTERS
from wordstates.text.words import Spans
from wordstates.wording import counted

WORD_POOLINGS = ("mean", "max")
_SUBWORDS = ("mean", "first", "last", "sum", "max")  # rows of the table of a sample
_EVERY_LAYER = Recipe("0:", "none", "none")
_CHUNK_BYTES = 2**28  # of the states of all layers that are in memory at a time
_MISSING: npt.NDArray[np.float32] = np.zeros(0, dtype=np.float32)

Vectors = Float[np.ndarray, "samples dim"]


class SampleVectors:
    """Gives one vector a sample.

    Args:
        options: Arguments of `WordEmbedder`, but for the recipes.
        recipe: How each word's vector is made.
        word_pooling: ``mean`` or ``max`` of the words that a sample asks for.
        cache_bytes: What all samples of this process may keep; 0 keeps nothing, and reads the wanted layers only.

    Raises:
        RecipeError: If the recipe gives several vectors a word, or does not fit the model.
        ModelError: If the model is not available.
    """

    def __init__(self, options: Mapping[str, Any], recipe: Recipe, word_pooling: str, cache_bytes: int) -> None:
        if "none" in (recipe.layer_pooling, recipe.subword_pooling):
            raise RecipeError(
                f"Recipe {recipe.name!r} gives several vectors a word, and a row of features is one: pool subwords and "
                "layers (mean, or concat for layers)."
            )
        self._recipe = recipe
        self._word_pooling = word_pooling
        self._cache_bytes = cache_bytes
        self._every_layer = True
        self._shared = self._load(options)
        embedder = self._shared.embedder
        self.layers = recipe.resolve(embedder.n_blocks, str(options["model"]))
        widest = next(iter(embedder.vector_shapes.values()))[-1]
        self.size = recipe.vector_shape(embedder.n_blocks, widest)[0] if self._every_layer else widest
        parts = (recipe.layer_pooling, recipe.subword_pooling, self.layers)
        self._of_layers = self._every_layer and (
            len(self.layers) == 1 or recipe.layer_pooling == "concat" or "max" not in (parts[1], word_pooling)
        )
        self._kind: Hashable = (word_pooling, self._shared.identity, () if self._of_layers else parts)

    @property
    def weights(self) -> str:
        """Fingerprint of the model and its tokenizer."""
        return self._shared.weights

    def of(self, samples: Sequence[Sample], *, missing: str = "error") -> Vectors:
        """Give the vectors of samples.

        Args:
            samples: The samples.
            missing: ``error``, or ``nan`` for a row of NaN where a sample has no word with a vector.

        Raises:
            InputError: If a sample has none, and that is an error.
        """
        distinct = dict.fromkeys(samples)
        found = {sample: VECTORS.get((sample, self._kind)) for sample in distinct} if self._cache_bytes else {}
        known = {sample: array for sample, array in found.items() if array is not None}
        to_read, read_bytes = [sample for sample in distinct if sample not in known], 0
        vectors = {sample: self._vector(array) for sample, array in known.items()}
        for sample, array in self._read(to_read, missing):
            vectors[sample] = self._vector(array)
            read_bytes += array.nbytes
            if self._cache_bytes:
                VECTORS.put((sample, self._kind), array, self._cache_bytes)
        if 0 < self._cache_bytes < read_bytes:
            warnings.warn(
                f"What was read of {counted(len(to_read), 'sample')} takes {read_bytes:,} bytes, and cache_bytes is "
                f"{self._cache_bytes:,}: another recipe will read texts again; raise it if memory allows.",
                stacklevel=4,
            )
        if missing == "error":
            self._check_all_there(samples, vectors)
        nothing = np.full(self.size, np.nan, dtype=np.float32)
        return np.stack([vectors[sample] if len(vectors[sample]) else nothing for sample in samples])

    def _load(self, options: Mapping[str, Any]) -> SharedEmbedder:
        if self._cache_bytes:
            try:
                return EMBEDDERS.get(options, _EVERY_LAYER)
            except RecipeError:  # layers of several widths, or without a state for each subword
                pass
        self._every_layer = False
        return EMBEDDERS.get(options, self._recipe)

    def _vector(self, array: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Make the vector of a sample of what is kept of it."""
        if not self._of_layers or not len(array):
            return array
        rows = array[_SUBWORDS.index(self._recipe.subword_pooling)][list(self.layers)]  # (layers, dim)
        vector: npt.NDArray[np.float32] = _pool_layers(rows[None], self._recipe)[0]
        return vector

    def _read(self, samples: Sequence[Sample], missing: str) -> Iterator[tuple[Sample, npt.NDArray[np.float32]]]:
        """Read samples, some at a time, and give what is kept of each."""
        if not samples:
            return
        embedder = self._shared.embedder
        whole = [sample.text for sample in samples if sample.target is None]
        spans = spans_of_samples(samples, embedder.split(whole), missing=missing)
        session = embedder.session(sum(len(sample.text) for sample in samples))
        for chunk in self._chunks(samples, spans):
            emb = session.encode([samples[index].text for index in chunk], spans=[spans[index] for index in chunk])
            tables = self._tables(emb)
            for place, index in enumerate(chunk):
                yield samples[index], tables.get(place, _MISSING)

    def _chunks(self, samples: Sequence[Sample], spans: Sequence[Spans]) -> Iterator[list[int]]:
        numbers = int(np.prod(next(iter(self._shared.embedder.vector_shapes.values()))))
        most = max(_CHUNK_BYTES // (4 * numbers), 1) * CHARACTERS_OF_A_SUBWORD
        chunk: list[int] = []
        characters = wanted = 0
        for index, (sample, mine) in enumerate(zip(samples, spans, strict=True)):
            chunk.append(index)
            characters += len(sample.text)
            wanted += int((mine[:, 1] - mine[:, 0]).sum())
            if characters >= GROUP_CHARACTERS or wanted >= most:
                yield chunk
                chunk, characters, wanted = [], 0, 0
        if chunk:
            yield chunk

    def _tables(self, emb: WordEmbeddings) -> dict[int, npt.NDArray[np.float32]]:
        """Pool subwords to words and words to samples; samples without a vector are not there."""
        (column,) = emb.columns.values()
        words = np.arange(len(emb.words)) if column.row_words is None else column.row_words
        there = emb.has_vector[words]
        words, values = words[there], column.values[there]
        if not len(words):
            return {}
        starts = row_starts(words)
        sample_of_word = emb.text_index[words[starts]]
        sample_starts = row_starts(sample_of_word)

        def pooled(rows: np.ndarray, subwords: str) -> np.ndarray:
            return _pool(_pool(rows, starts, subwords), sample_starts, self._word_pooling)

        if self._of_layers:
            kept = np.stack([pooled(values, subwords) for subwords in _SUBWORDS], axis=1)
        elif self._every_layer:
            kept = pooled(_pool_layers(values[:, list(self.layers)], self._recipe), self._recipe.subword_pooling)
        else:  # one row per word, as wanted
            kept = pooled(values, "first")
        return dict(zip(sample_of_word[sample_starts].tolist(), kept, strict=True))

    def _check_all_there(self, samples: Sequence[Sample], vectors: Mapping[Sample, np.ndarray]) -> None:
        for index, sample in enumerate(samples):
            if not len(vectors[sample]):
                what = "no word" if sample.target is None else f"no usage of {sample.target!r}"
                raise InputError(
                    f"Sample {index} ({sample.text[:60]!r}) has {what} with a vector: leave it out, or pass "
                    "missing='nan' for a row of NaN."
                )


def _pool(
    rows: Float[np.ndarray, "rows ..."], starts: Int[np.ndarray, " groups"], how: str
) -> Float[np.ndarray, "groups ..."]:
    """Pool rows that stand together."""
    if how in ("first", "last"):
        one: np.ndarray = rows[starts if how == "first" else np.append(starts[1:], len(rows)) - 1]
        return one
    if how == "max":
        largest: np.ndarray = np.maximum.reduceat(rows, starts, axis=0)
        return largest
    total: np.ndarray = np.add.reduceat(rows, starts, axis=0)
    if how == "sum":
        return total
    counts = np.diff(starts, append=len(rows)).astype(np.float32)
    total /= counts.reshape(-1, *[1] * (rows.ndim - 1))
    return total


def _pool_layers(rows: Float[np.ndarray, "rows layers dim"], recipe: Recipe) -> Float[np.ndarray, "rows size"]:
    if recipe.layer_pooling == "concat":
        return rows.reshape(len(rows), -1)
    total: np.ndarray = rows.sum(axis=1)
    if recipe.layer_pooling == "mean":
        total /= np.float32(rows.shape[1])
    return total
