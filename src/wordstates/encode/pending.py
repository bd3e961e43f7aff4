"""Embeddings in the making: planned, and on their way through the engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from wordstates.encode.plan import Plan, join_plans
from wordstates.encode.prepare import Prepared
from wordstates.encode.window_cache import Rows, SeenWindows, row_starts
from wordstates.encode.window_reader import Reading, WindowReader
from wordstates.errors import without_foreign_errors
from wordstates.model.engine import Engine
from wordstates.model.surprisal import SURPRISAL
from wordstates.model.tokenizer import Tokenizer
from wordstates.recipe import Recipe
from wordstates.result.column import Column
from wordstates.result.word_embeddings import WordEmbeddings
from wordstates.text.words import Spans, as_spans


@without_foreign_errors
class PendingEmbeddings:
    """Embeddings that the engine is computing; `result` waits for them.

    Args:
        texts: The texts.
        word_spans: Char spans of the words of each.
        reader: Reads the windows.
        recipes: What to make of them.
        layers: Absolute layer numbers of each recipe, by its name.
        engine: Computes.
        tokenizer: Spells the subwords.
        provenance: Where the vectors come from.
        left_subwords: Whether to count the subwords before each word in its window.
        seen: What the run remembers, and learns from these.
    """

    def __init__(
        self,
        texts: Sequence[str],
        word_spans: Sequence[Spans],
        *,
        reader: WindowReader,
        recipes: Sequence[Recipe],
        layers: Mapping[str, tuple[int, ...]],
        engine: Engine,
        tokenizer: Tokenizer,
        provenance: dict[str, Any],
        left_subwords: bool = False,
        seen: SeenWindows | None = None,
    ) -> None:
        self._texts = texts
        self._word_spans = word_spans
        self._reader = reader
        self._recipes = recipes
        self._layers = layers
        self._engine = engine
        self._tokenizer = tokenizer
        self._provenance = provenance
        self._left_subwords = left_subwords
        self._seen = seen
        self._started: list[tuple[Prepared, Reading, dict[str, Rows]]] = []
        n_words = sum(map(len, word_spans))
        # A page is not touched before a thread writes to it.
        self._values = {
            recipe.name: np.empty((n_words, *reader.vector_shape(recipe)), dtype=np.float32)
            for recipe in recipes
            if recipe.subword_pooling != "none"
        }

    @property
    def n_words(self) -> int:
        """Number of words of all texts, those not yet computed included."""
        return sum(map(len, self._word_spans))

    def start(self, prepared: Prepared, *, at_once: bool = False) -> None:
        """Hand over the next stretch of the texts.

        Args:
            prepared: It begins where the one before it ends.
            at_once: Read it here and now if it is a single batch: an answer without a change of threads.
        """
        rows = {recipe.name: self._rows(recipe, prepared) for recipe in self._recipes}
        reading = self._reader.start(prepared.plan, self._texts, self._engine, rows, at_once=at_once, seen=self._seen)
        self._started.append((prepared, reading, rows))

    def abandon(self) -> None:
        """Stop as soon as the batches in hand are done."""
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
        if self._seen is not None:
            for prepared, _, rows in self._started:
                self._seen.learn(prepared.plan.windows, rows)
        plan = join_plans([prepared.plan for prepared, _, _ in self._started])
        vocabulary = np.unique(plan.subword_ids).tolist()
        return WordEmbeddings(
            texts=tuple(self._texts),
            words=[
                text[start:end]
                for text, spans in zip(self._texts, self._word_spans, strict=True)
                for start, end in spans.tolist()
            ],
            spans=np.concatenate([as_spans([]), *self._word_spans]),
            status_codes=plan.status_codes,
            text_starts=plan.text_starts,
            subword_ids=plan.subword_ids,
            subword_starts=plan.subword_starts,
            columns={
                recipe.name: self._column(recipe, plan.subword_starts)
                for recipe in self._recipes
                if recipe is not SURPRISAL
            },
            numbers=self._numbers(plan),
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
        if self._left_subwords:
            numbers["left_subwords"] = np.full(len(plan.status_codes), -1, dtype=np.int32)
            for window in plan.windows:
                firsts = row_starts(window.words)
                numbers["left_subwords"][window.words[firsts]] = window.positions[firsts]
        return numbers

    def _rows(self, recipe: Recipe, prepared: Prepared) -> Rows:
        if recipe.subword_pooling != "none":
            return Rows(recipe, self._values[recipe.name], 0)
        n_pairs = len(prepared.plan.subword_ids)
        values = np.empty((n_pairs, *self._reader.vector_shape(recipe)), dtype=np.float32)
        return Rows(recipe, values, prepared.plan.after.pair - n_pairs)

    def _column(self, recipe: Recipe, subword_starts: np.ndarray) -> Column:
        layers = self._layers[recipe.name]
        if recipe.subword_pooling != "none":
            return Column(recipe, layers, self._values[recipe.name])
        values = np.concatenate([rows[recipe.name].values for _, _, rows in self._started])
        return Column(recipe, layers, values, np.repeat(np.arange(len(subword_starts) - 1), np.diff(subword_starts)))
