"""Runs the windows of a plan through a model and puts every row where it belongs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from wordstates.batching import run_batches
from wordstates.embeddings import Column
from wordstates.errors import ModelError, NonFiniteError
from wordstates.model.loaded import LoadedModel
from wordstates.model.passes import Take, run_pass
from wordstates.model.torch_engine import is_out_of_memory
from wordstates.planning import Plan, WindowWork
from wordstates.recipe import Recipe
from wordstates.text.align import HAS_VECTOR


class WindowReader:
    """Reads windows in batches; several recipes come from one pass.

    Args:
        model: The model.
        recipes: What to take from each pass.
        layers: Absolute layer numbers of each recipe, by its name.
        budget: Most padded subwords in a batch; halved for good when memory runs out.
        repeat: Read each window twice and take the second reading.
    """

    def __init__(
        self,
        model: LoadedModel,
        recipes: Sequence[Recipe],
        layers: Mapping[str, tuple[int, ...]],
        *,
        budget: int,
        repeat: bool,
    ) -> None:
        self._model = model
        self._recipes = recipes
        self._layers = layers
        self._budget = budget
        self._repeat = repeat

    def vector_shape(self, recipe: Recipe) -> tuple[int, ...]:
        """Give the shape of one vector of a recipe."""
        anatomy = self._model.anatomy
        return recipe.vector_shape(anatomy.n_blocks, anatomy.dims[self._layers[recipe.name][0]])

    def read(self, plan: Plan, texts: Sequence[str], advance: Callable[[int], object]) -> dict[str, Column]:
        """Run every window of a plan.

        Args:
            plan: The windows, and what is taken from each.
            texts: The texts, for errors.
            advance: Called after each batch with the number of words it gave.

        Returns:
            The vectors of each recipe, by name; NaN for words without one.

        Raises:
            ModelError: If a subword is not in the model's vocabulary.
            NonFiniteError: If a vector holds NaN or infinity.
        """
        columns = {recipe.name: self._empty_column(plan, recipe) for recipe in self._recipes}
        self._check_ids(plan, texts)
        for group in self._groups(plan):
            windows = [plan.windows[index] for index in group]

            def step(batch: list[int], windows: list[WindowWork] = windows) -> None:
                advance(self._run([windows[index] for index in batch], columns))

            lengths = [self._length(window) for window in windows]
            try:
                self._budget = run_batches(lengths, self._budget, step, is_out_of_memory)
            except (RuntimeError, MemoryError) as error:
                raise self._explained(error) from error
        self._check_finite(plan, texts, columns)
        return columns

    def _groups(self, plan: Plan) -> list[list[int]]:
        """Give the windows that may share a batch: all of them, or those of one length if padding is not safe."""
        every = list(range(len(plan.windows)))
        if self._model.anatomy.padding_safe:
            return [every] if every else []
        lengths = [self._length(window) for window in plan.windows]
        return [[index for index in every if lengths[index] == length] for length in sorted(set(lengths))]

    def _length(self, window: WindowWork) -> int:
        return len(window.ids) * (2 if self._repeat else 1) + len(self._model.template)

    def _run(self, windows: Sequence[WindowWork], columns: dict[str, Column]) -> int:
        """Run one batch, put its rows where they belong, and count the words it gave."""
        words = np.concatenate([window.words for window in windows])
        pairs = np.concatenate([window.pairs for window in windows])
        # A word is whole in one window, so its pairs stand together: a row begins where the word changes.
        first_pairs = np.flatnonzero(np.append(True, words[1:] != words[:-1]))
        every_pair = np.arange(len(pairs))
        pooled = run_pass(
            self._model,
            [np.tile(window.ids, 2 if self._repeat else 1).tolist() for window in windows],
            [window.positions + (len(window.ids) if self._repeat else 0) for window in windows],
            [
                Take(recipe, self._layers[recipe.name], every_pair if recipe.subword_pooling == "none" else first_pairs)
                for recipe in self._recipes
            ],
        )
        for recipe, rows in zip(self._recipes, pooled, strict=True):
            columns[recipe.name].values[pairs if recipe.subword_pooling == "none" else words[first_pairs]] = rows
        return len(first_pairs)

    def _empty_column(self, plan: Plan, recipe: Recipe) -> Column:
        row_words = None
        n_rows = len(plan.status_codes)
        if recipe.subword_pooling == "none":
            row_words = np.repeat(np.arange(n_rows), np.diff(plan.subword_starts))
            n_rows = len(row_words)
        values = np.full((n_rows, *self.vector_shape(recipe)), np.nan, dtype=np.float32)
        return Column(recipe, self._layers[recipe.name], values, row_words)

    def _explained(self, error: RuntimeError | MemoryError) -> ModelError:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        if is_out_of_memory(error):
            return ModelError(
                f"Memory does not suffice for a single window of {self._model.name!r} ({reason}): give a smaller "
                "window, as window=256, or fewer recipes at once."
            )
        return ModelError(
            f"Model {self._model.name!r} failed while reading ({reason}); a text may be too short or too long for it."
        )

    def _check_ids(self, plan: Plan, texts: Sequence[str]) -> None:
        rows = self._model.vocabulary_rows
        for window in plan.windows:
            if rows and len(window.ids) and int(window.ids.max()) >= rows:
                raise ModelError(
                    f"The tokenizer gives subword {int(window.ids.max())} for text {window.text} "
                    f"({texts[window.text][:40]!r}...), but {self._model.name!r} has {rows} subwords: the tokenizer is "
                    "not the model's own, or subwords were added without training them."
                )

    def _check_finite(self, plan: Plan, texts: Sequence[str], columns: dict[str, Column]) -> None:
        for name, column in columns.items():
            words = np.flatnonzero(HAS_VECTOR[plan.status_codes])
            rows = words if column.row_words is None else np.flatnonzero(np.isin(column.row_words, words))
            finite = np.isfinite(column.values[rows]).all(axis=tuple(range(1, column.values.ndim)))
            if not finite.all():
                row = int(rows[~finite].min())
                word = row if column.row_words is None else int(column.row_words[row])
                text = int(np.searchsorted(plan.text_starts, word, side="right")) - 1
                raise NonFiniteError(
                    f"Model {self._model.name!r} gives NaN or infinity for a word of text {text} "
                    f"({texts[text][:40]!r}...), recipe {name!r}: its weights are damaged, or overflow "
                    f"{self._model.precision}. Try precision='float32' or 'bfloat16', or fetch the model again."
                )
