"""Runs the windows of a plan through an engine and puts every row where it belongs.

Batches are read in threads, as many as the engine is best asked for at once, while the caller's thread plans what comes
next and writes what is done.
"""

from __future__ import annotations

import copy
import itertools
import operator
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, wait

import numpy as np
from jaxtyping import Float, Int

from wordstates.encode.plan import Plan, WindowWork
from wordstates.encode.provenance import context_of
from wordstates.encode.resolved import GivenPostProcessing, ResolvedRecipe, resolve_recipes
from wordstates.encode.window_cache import Destination, WindowCache, row_starts
from wordstates.errors import ModelError, NonFiniteError
from wordstates.model.batching import Budget, is_out_of_memory, make_batches
from wordstates.model.engine import Engine
from wordstates.model.forked import USE_SPAWN
from wordstates.model.forward import Take, run_pass
from wordstates.model.loaded import LoadedModel
from wordstates.recipe import SURPRISAL, Recipe, check_names
from wordstates.text.align import HAS_VECTOR
from wordstates.wording import counted


class Reading:
    """Windows on their way through the engine.

    Args:
        batches: One task per batch; each gives the number of words it gave a vector.
        repeated: Windows that are the same as another of the run, and not read again.
        words: Words that had their vectors at once, from cached windows.
    """

    def __init__(self, batches: Sequence[Future[int]], repeated: int, words: int) -> None:
        self._batches = batches
        self.repeated = repeated
        self._words = words
        self._process = os.getpid()

    def finish(self, advance: Callable[[int], object]) -> None:
        """Wait until every row is in its place.

        Args:
            advance: Called after each batch with the number of words it gave.

        Raises:
            ModelError: If the model failed; NonFiniteError if a vector holds NaN or infinity.
        """
        if self._process != os.getpid():
            raise ModelError(
                "These embeddings are computed in the process that this one was forked from: wait for them there, or "
                f"{USE_SPAWN}."
            )
        if self._words:
            advance(self._words)
        try:
            for batch in self._batches:
                advance(batch.result())
        except CancelledError as error:
            raise ModelError("These embeddings were abandoned before they were computed: submit again.") from error
        except BaseException:
            self.abandon()
            raise

    def abandon(self) -> None:
        """Drop the batches that nobody has begun, and wait for the others, if they are in this process."""
        if self._process == os.getpid():
            wait([batch for batch in self._batches if not batch.cancel()])


class WindowReader:
    """Reads windows in batches; several recipes come from one pass, and windows of equal ids from one row.

    Args:
        model: The model.
        recipes: What to take from each pass.
        budget: Most subwords in a batch, padding included; halved from then on when memory runs out.
        repeat: Read each window twice and take the second reading.
    """

    def __init__(self, model: LoadedModel, recipes: Sequence[ResolvedRecipe], *, budget: int, repeat: bool) -> None:
        self._model = model
        self.recipes = recipes
        self._budget = Budget(budget)
        self._repeat = repeat
        self._threads: dict[tuple[str, int], ThreadPoolExecutor] = {}
        self._at_once = False

    def taking(self, recipes: Sequence[ResolvedRecipe], *, at_once: bool) -> WindowReader:
        """Give a reader that takes something else from each pass; model, threads and budget are shared.

        Args:
            recipes: What it takes.
            at_once: Read a few short windows in a row as narrow as they are: sooner, by vectors that differ in the
                last digits from those in the company of others.
        """
        other = copy.copy(self)
        other.recipes, other._at_once = recipes, at_once
        return other

    def resolve(self, recipes: Sequence[Recipe], post_processing: GivenPostProcessing) -> tuple[ResolvedRecipe, ...]:
        """Find the layers of recipes in the model, and the post-processing of each; see `resolve_recipes`."""
        context = context_of(self._model, repeat=self._repeat)
        return resolve_recipes(check_names(recipes), self._model, post_processing, context)

    def start(
        self,
        plan: Plan,
        texts: Sequence[str],
        engine: Engine,
        destinations: Mapping[str, Destination],
        *,
        at_once: bool,
        cache: WindowCache | None = None,
    ) -> Reading:
        """Begin to read every window of a plan.

        Args:
            plan: The windows, and what is taken from each.
            texts: All texts, as the plan numbers them, for errors.
            engine: Reads them.
            destinations: Where the vectors of each recipe go, by name; all rows are set, to NaN for words without a
                vector.
            at_once: Nothing else is read meanwhile: have all cores read these, and a single batch here and now, in
                this thread.
            cache: Windows whose vectors it has are not read again.

        Raises:
            ModelError: If a subword is not in the model's vocabulary.
        """
        self._check_ids(plan, texts)
        lost = np.flatnonzero(~HAS_VECTOR[plan.status_codes]) + (plan.after.word - len(plan.status_codes))
        for mine in destinations.values():
            mine.values[slice(None) if mine.by_subword else lost - mine.first] = np.nan
        known = [False] * len(plan.windows) if cache is None else list(cache.take(plan.windows, destinations))
        unique: dict[bytes, list[WindowWork]] = {}
        for window in itertools.compress(plan.windows, map(operator.not_, known)):
            unique.setdefault(window.ids.tobytes(), []).append(window)
        at_hand = sum(len(row_starts(window.words)) for window in itertools.compress(plan.windows, known))
        same = list(unique.values())
        repeated = len(plan.windows) - len(same)
        lengths = [self._length(windows[0], engine) for windows in same]
        batches = self._batches(lengths, engine, engine.streams if at_once else 1)
        if alone := at_once and 2 * len(batches) <= engine.streams:  # more cores for each than it would have
            batches = self._batches(lengths, engine)

        def read(batch: Sequence[int]) -> int:
            held = [lengths[index] for index in batch]
            rows, width = engine.layout.shape(held, self._budget.subwords)
            shape = (rows, engine.layout.alone(held, width) if self._at_once else width)
            return self._read([same[index] for index in batch], engine, texts, destinations, shape, alone=alone)

        def task(batch: Sequence[int]) -> int:
            given: list[int] = []
            try:
                self._budget.run(batch, lengths, lambda part: given.append(read(part)), is_out_of_memory, engine.layout)
            except ModelError:
                raise
            except (RuntimeError, MemoryError) as error:
                raise self._explained(error) from error
            return sum(given)

        if at_once and len(batches) == 1:
            done: Future[int] = Future()
            done.set_result(task(batches[0]))
            return Reading([done], repeated, at_hand)
        started: list[Future[int]] = []
        reading = Reading(started, repeated, at_hand)
        try:
            for batch in batches:
                started.append(self._pool(engine).submit(task, batch))
        except BaseException:  # Ctrl-C
            reading.abandon()
            raise
        return reading

    def _pool(self, engine: Engine) -> ThreadPoolExecutor:
        mine = (engine.name, os.getpid())  # threads do not survive a fork
        if mine not in self._threads:
            self._threads[mine] = ThreadPoolExecutor(engine.in_flight, f"wordstates-{engine.name}")
        return self._threads[mine]

    def _batches(self, lengths: Sequence[int], engine: Engine, parts: int = 1) -> list[list[int]]:
        """Group windows into batches: any of them, or only those of one length if padding is not safe.

        Args:
            lengths: Subwords of each window.
            engine: Reads them.
            parts: Batches that are to be made at least, about.
        """
        if self._model.anatomy.padding_safe:
            return make_batches(lengths, self._budget.subwords, engine.layout, parts)
        batches: list[list[int]] = []
        for length in sorted(set(lengths)):
            equal = [index for index, found in enumerate(lengths) if found == length]
            grouped = make_batches([length] * len(equal), self._budget.subwords, parts=parts)
            batches += [[equal[index] for index in batch] for batch in grouped]
        return batches

    def _length(self, window: WindowWork, engine: Engine) -> int:
        length = len(window.ids) * (2 if self._repeat else 1) + len(self._model.template)
        if not self._model.anatomy.padding_safe:
            return length
        return engine.layout.length(length, self._model.limit or self._model.default_window)

    def _read(
        self,
        same: Sequence[list[WindowWork]],
        engine: Engine,
        texts: Sequence[str],
        destinations: Mapping[str, Destination],
        shape: tuple[int, int],
        *,
        alone: bool,
    ) -> int:
        """Read one batch, put its rows where they belong, and count the words it gave.

        Args:
            same: Windows of equal ids, which are read once.
            engine: Reads them.
            texts: All texts, for errors.
            destinations: Where the vectors go.
            shape: Rows that the batch has at least, and the width of its rows.
            alone: Whether nothing else is read meanwhile.
        """
        windows = [window for equals in same for window in equals]
        words = np.concatenate([window.words for window in windows])
        pairs = np.concatenate([window.pairs for window in windows])
        first_pairs = row_starts(words)
        every_pair = np.arange(len(pairs))
        pooled = run_pass(
            self._model,
            engine,
            [self._subwords(equals[0]) for equals in same],
            [self._positions(equals) for equals in same],
            [
                Take(recipe.recipe, recipe.layers, every_pair if recipe.by_subword else first_pairs)
                for recipe in self.recipes
            ],
            shape,
            [equals[0].blank for equals in same],
            alone=alone,
        )
        for recipe, vectors in zip(self.recipes, pooled, strict=True):
            row_pairs = every_pair if recipe.by_subword else first_pairs
            if recipe.recipe is not SURPRISAL:  # whose NaN is a word with nothing before it
                self._check_finite(recipe, vectors, windows, row_pairs, texts)
            if recipe.post_processing is not None:
                vectors = recipe.post_processing.apply(vectors)
            mine = destinations[recipe.name]
            mine.values[mine.places(words, pairs)] = vectors
        return len(first_pairs)

    def _subwords(self, window: WindowWork) -> Int[np.ndarray, " subwords"]:
        return np.tile(window.ids, 2) if self._repeat else window.ids

    def _positions(self, equals: Sequence[WindowWork]) -> Int[np.ndarray, " pairs"]:
        """Give the subwords that windows of equal ids want, of the second reading if there are two."""
        wanted = equals[0].positions if len(equals) == 1 else np.concatenate([window.positions for window in equals])
        return wanted + len(equals[0].ids) if self._repeat else wanted

    def _explained(self, error: RuntimeError | MemoryError) -> ModelError:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        if is_out_of_memory(error):
            return ModelError(
                f"There is not enough memory for a single window of {self._model.name!r} ({reason}): give a smaller "
                "window, as window=256, or fewer recipes at once."
            )
        return ModelError(
            f"Model {self._model.name!r} failed while reading ({reason}); a text may be too short or too long for it."
        )

    def _check_ids(self, plan: Plan, texts: Sequence[str]) -> None:
        rows = self._model.vocabulary_rows
        every = np.concatenate([np.zeros(0, dtype=np.int64), *(window.ids for window in plan.windows)])
        if not rows or every.max(initial=0) < rows:
            return
        for window in plan.windows:
            if len(window.ids) and int(window.ids.max()) >= rows:
                raise ModelError(
                    f"The tokenizer gives subword {int(window.ids.max())} for text {window.text} "
                    f"({texts[window.text][:40]!r}...), but {self._model.name!r} has {counted(rows, 'subword')}: the "
                    "tokenizer is not the model's own, or subwords were added without training them."
                )

    def _check_finite(
        self,
        recipe: ResolvedRecipe,
        vectors: Float[np.ndarray, "rows ..."],
        windows: Sequence[WindowWork],
        row_pairs: Int[np.ndarray, " rows"],
        texts: Sequence[str],
    ) -> None:
        # A sum of finite numbers is finite unless it overflows: a hint that costs little and misses nothing.
        with np.errstate(all="ignore"):
            if np.isfinite(vectors.sum()):
                return
        finite = np.isfinite(vectors).all(axis=tuple(range(1, vectors.ndim)))
        if finite.all():
            return
        ends = np.cumsum([len(window.words) for window in windows])
        window = int(np.searchsorted(ends, row_pairs[int(np.argmin(finite))], side="right"))
        text = windows[window].text
        raise NonFiniteError(
            f"Model {self._model.name!r} gives NaN or infinity for a word of text {text} "
            f"({texts[text][:40]!r}...), recipe {recipe.name!r}: its weights are damaged, or overflow "
            f"{self._model.precision}. Try precision='float32' or 'bfloat16', or fetch the model again."
        )
