"""Embeddings that are being computed: what `submit` gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wordstates.encode.inputs import Inputs
from wordstates.encode.plan import Plan, join_plans
from wordstates.encode.prepare import Prepared
from wordstates.encode.resolved import ResolvedRecipe
from wordstates.encode.reused_memory import ReusedMemory
from wordstates.encode.window_cache import Destination, WindowCache, row_starts
from wordstates.encode.window_reader import Reading, WindowReader
from wordstates.errors import without_foreign_errors
from wordstates.model.engine import Engine
from wordstates.model.tokenizer import Tokenizer
from wordstates.recipe import SURPRISAL
from wordstates.result.column import Column
from wordstates.result.word_embeddings import WordEmbeddings
from wordstates.text.words import as_spans


@without_foreign_errors
class PendingEmbeddings:
    """Embeddings that the engine is computing; `result` waits for them.

    Args:
        inputs: The texts and their words.
        reader: Reads the windows.
        engine: Computes.
        tokenizer: Spells the subwords.
        provenance: Where the vectors come from.
        cache: Vectors of windows that come again; learns from these.
        memory: Gives the memory of the vectors; None: it is not used again.
    """

    def __init__(
        self,
        inputs: Inputs,
        reader: WindowReader,
        engine: Engine,
        tokenizer: Tokenizer,
        provenance: dict[str, Any],
        cache: WindowCache | None = None,
        memory: ReusedMemory | None = None,
    ) -> None:
        self._inputs = inputs
        self._reader = reader
        self._engine = engine
        self._tokenizer = tokenizer
        self._provenance = provenance
        self._cache = cache
        self._started: list[tuple[Prepared, Reading, dict[str, Destination]]] = []
        # A page is not touched before a thread writes to it.
        self._values = {
            recipe.name: (
                np.empty((inputs.n_words, *recipe.shape), dtype=np.float32)
                if memory is None
                else memory.empty(inputs.n_words, recipe.shape)
            )
            for recipe in reader.recipes
            if not recipe.by_subword
        }

    @property
    def n_words(self) -> int:
        """Number of words of all texts, those not yet computed included."""
        return self._inputs.n_words

    @property
    def texts_of_windows(self) -> list[int]:
        """The number of the text that each window is of."""
        return [window.text for prepared, _, _ in self._started for window in prepared.plan.windows]

    def start(self, prepared: Prepared, *, at_once: bool = False) -> None:
        """Hand over the next stretch of the texts.

        Args:
            prepared: It begins where the one before it ends.
            at_once: Read it here and now if it is a single batch: an answer without a change of threads.
        """
        destinations = {recipe.name: self._destination(recipe, prepared) for recipe in self._reader.recipes}
        reading = self._reader.start(
            prepared.plan, self._inputs.texts, self._engine, destinations, at_once=at_once, cache=self._cache
        )
        self._started.append((prepared, reading, destinations))

    def abandon(self) -> None:
        """Stop as soon as the current batches are done."""
        for _, reading, _ in self._started:
            reading.abandon()

    def result(self, advance: Callable[[int], object] = lambda _: None) -> WordEmbeddings:
        """Wait for the embeddings.

        Args:
            advance: Called after each batch with the number of words it gave a vector.

        Raises:
            ModelError: If the model failed; NonFiniteError if it gave NaN or infinity.
        """
        try:
            for _, reading, _ in self._started:
                reading.finish(advance)
        except BaseException:
            self.abandon()
            raise
        if self._cache is not None:
            for prepared, _, destinations in self._started:
                self._cache.learn(prepared.plan.windows, destinations)
        plan = join_plans([prepared.plan for prepared, _, _ in self._started])
        vocabulary = np.unique(plan.subword_ids).tolist()
        return WordEmbeddings(
            texts=tuple(self._inputs.texts),
            words=[
                text[start:end]
                for text, spans in zip(self._inputs.texts, self._inputs.spans, strict=True)
                for start, end in spans.tolist()
            ],
            spans=np.concatenate([as_spans([]), *self._inputs.spans]),
            status_codes=plan.status_codes,
            text_starts=plan.text_starts,
            subword_ids=plan.subword_ids,
            subword_starts=plan.subword_starts,
            columns={
                recipe.name: self._column(recipe, plan.subword_starts)
                for recipe in self._reader.recipes
                if recipe.recipe is not SURPRISAL
            },
            numbers=self._numbers(plan),
            of_words=self._inputs.single,
            provenance=self._provenance,
            vocabulary=dict(zip(vocabulary, self._tokenizer.pieces(vocabulary), strict=True)),
            reading={
                "windows": len(plan.windows),
                "repeated_windows": sum(reading.repeated for _, reading, _ in self._started),
                "long_texts": plan.long_texts,
                "subwords_read": sum(len(window.ids) for window in plan.windows),
                "texts_aligned_by_strings": sum(prepared.by_strings for prepared, _, _ in self._started),
            },
        )

    def _numbers(self, plan: Plan) -> dict[str, np.ndarray]:
        """Give the columns of numbers beside the vectors."""
        numbers: dict[str, np.ndarray] = {}
        if SURPRISAL.name in self._values:
            numbers["surprisal"] = self._values[SURPRISAL.name]
        if "left_subwords" in self._provenance:
            numbers["left_subwords"] = np.full(len(plan.status_codes), -1, dtype=np.int32)
            for window in plan.windows:
                firsts = row_starts(window.words)
                numbers["left_subwords"][window.words[firsts]] = window.positions[firsts]
        return numbers

    def _destination(self, recipe: ResolvedRecipe, prepared: Prepared) -> Destination:
        if not recipe.by_subword:
            return Destination(self._values[recipe.name], 0, by_subword=False)
        n_pairs = len(prepared.plan.subword_ids)
        values = np.empty((n_pairs, *recipe.shape), dtype=np.float32)
        return Destination(values, prepared.plan.after.pair - n_pairs, by_subword=True)

    def _column(self, recipe: ResolvedRecipe, subword_starts: np.ndarray) -> Column:
        if not recipe.by_subword:
            return Column(recipe.recipe, recipe.layers, self._values[recipe.name])
        values = np.concatenate([destinations[recipe.name].values for _, _, destinations in self._started])
        row_words = np.repeat(np.arange(len(subword_starts) - 1), np.diff(subword_starts))
        return Column(recipe.recipe, recipe.layers, values, row_words)
