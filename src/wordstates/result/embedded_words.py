"""Words with their vectors: the data that `encode` gives, and what selections, rows, files and displays are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, Self

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from wordstates.errors import NoVectorError, RecipeError
from wordstates.result.column import Column
from wordstates.text.align import HAS_VECTOR, STATUSES, Status, count_statuses
from wordstates.text.words import Spans
from wordstates.wording import counted


@dataclass(frozen=True, repr=False, eq=False)
class EmbeddedWords:
    """The words of texts and their vectors; see `WordEmbeddings`.

    Args:
        texts: The texts as given (given words joined by a space).
        words: The words.
        spans: Char span of each word in its own text, code points, shape (words, 2).
        status_codes: Index into `STATUSES` of each word, shape (words,).
        text_starts: Word at which each text begins, shape (texts + 1,); with `run_texts`, at which each run does.
        subword_ids: Vocabulary ids of the subwords of all words, one after the other.
        subword_starts: Where each word's subwords begin in `subword_ids`, shape (words + 1,).
        columns: One per recipe, by name.
        numbers: A number of each word, by name, if asked for: ``surprisal`` (float32, NaN where there is none) and
            ``left_subwords`` (int32, -1 where there is none).
        provenance: Where the vectors come from: model, tokenizer, recipes, precision, windows, versions.
        vocabulary: Piece of each vocabulary id in `subword_ids`.
        reading: What `encode` had to do: windows, subwords read, texts whose pieces were aligned as strings.
        run_texts: Text of each run of words, where `take` left words in another order than their texts; else None.
        of_words: Whether ``len``, iteration, ints and slices are words: of one text, and of words that were selected.
    """

    texts: tuple[str, ...]
    words: list[str]
    spans: Spans
    status_codes: UInt8[np.ndarray, " words"]
    text_starts: Int[np.ndarray, " starts"]
    subword_ids: Int[np.ndarray, " pairs"]
    subword_starts: Int[np.ndarray, " bounds"]
    columns: dict[str, Column]
    provenance: Mapping[str, Any]
    numbers: Mapping[str, np.ndarray] = field(default_factory=dict)
    vocabulary: Mapping[int, str] = field(default_factory=dict)
    reading: Mapping[str, int] = field(default_factory=dict)
    run_texts: Int[np.ndarray, " runs"] | None = None
    of_words: bool = False

    # -- the words ---------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        """Count the texts; of one text, or of words that were selected, the words."""
        return len(self.words) if self.of_words else len(self.texts)

    @property
    def statuses(self) -> list[Status]:
        """Status of each word: ``ok``, ``shared_subword``, or why it has no vector."""
        return [STATUSES[code] for code in self.status_codes.tolist()]

    @property
    def status_counts(self) -> dict[str, int]:
        """How many words have each status; statuses that do not occur are left out."""
        return count_statuses(self.status_codes)

    @property
    def has_vector(self) -> Bool[np.ndarray, " words"]:
        """True for each word that has a vector."""
        known: np.ndarray = HAS_VECTOR[self.status_codes]
        return known

    @property
    def subword_counts(self) -> Int[np.ndarray, " words"]:
        """Number of subwords of each word; 0 for a word that got none."""
        return np.diff(self.subword_starts)

    @property
    def subwords(self) -> list[tuple[str, ...]]:
        """The subwords of each word, as the vocabulary spells them."""
        pieces = [self.vocabulary[index] for index in self.subword_ids.tolist()]
        starts = self.subword_starts.tolist()
        return [tuple(pieces[start:stop]) for start, stop in pairwise(starts)]

    @property
    def text_index(self) -> Int[np.ndarray, " words"]:
        """Index of each word's text."""
        runs = np.arange(len(self.texts)) if self.run_texts is None else self.run_texts
        return np.repeat(runs, np.diff(self.text_starts))

    @property
    def surprisal(self) -> Float[np.ndarray, " words"]:
        """Surprisal of each word in bits, NaN where it has none.

        Raises:
            NoVectorError: If it was not asked for.
        """
        return self._number("surprisal")

    @property
    def left_subwords(self) -> Int[np.ndarray, " words"]:
        """How many subwords of text before each word it was read with, -1 for a word without subwords.

        Raises:
            NoVectorError: If it was not asked for.
        """
        return self._number("left_subwords")

    def _number(self, name: str) -> np.ndarray:
        if name not in self.numbers:
            raise NoVectorError(f"There is no {name} here: ask for it by WordEmbedder(..., {name}=True).")
        return self.numbers[name]

    @property
    def reads_left_only(self) -> bool:
        """True if the model is causal and read each text once: a vector then knows its left context alone."""
        return self.provenance.get("context") == "left"

    # -- the vectors -------------------------------------------------------------------------------------------------

    @property
    def recipe_names(self) -> tuple[str, ...]:
        """Names of the recipes, in the order they were asked for."""
        return tuple(self.columns)

    def recipe(self, name: str) -> Self:
        """Give the same words with the vectors of one recipe only.

        Raises:
            RecipeError: If there is no such recipe.
        """
        return replace(self, columns={name: self._named(name)})

    def column(self, name: str) -> Float[np.ndarray, "rows ..."]:
        """Give the vectors of one recipe, float32; see `Column` for the shape."""
        return self._named(name).values

    def row_words(self, name: str) -> Int[np.ndarray, " rows"] | None:
        """Give the word of each row of a recipe whose rows are subwords, else None."""
        return self._named(name).row_words

    def _named(self, name: str) -> Column:
        if name not in self.columns:
            raise RecipeError(f"No recipe {name!r} here: there are {', '.join(map(repr, self.columns))}.")
        return self.columns[name]

    @property
    def _only(self) -> Column:
        if len(self.columns) != 1:
            raise RecipeError(
                f"These vectors come from {counted(len(self.columns), 'recipe')}: choose one, as "
                f"emb.recipe({next(iter(self.columns))!r}); there are {', '.join(map(repr, self.columns))}."
            )
        return next(iter(self.columns.values()))

    @property
    def vectors(self) -> Float[np.ndarray, "rows ..."]:
        """All vectors of the one recipe, float32, one row per word (or per subword if `subword_pooling` is ``none``).

        Raises:
            RecipeError: If there are several recipes: choose with `recipe`.
        """
        return self._only.values

    @property
    def vector(self) -> Float[np.ndarray, " ..."]:
        """The vector of the only word, float32.

        Raises:
            NoVectorError: If there is not exactly one word, or it has no vector.
        """
        if len(self.words) != 1:
            raise NoVectorError(
                f".vector is for one word, here are {len(self.words)}: take .vectors for all of them, or choose one, "
                "as emb['fox'][0] or emb[0, 3]."
            )
        return self.vector_of(0)

    def vector_of(self, word: int) -> Float[np.ndarray, " ..."]:
        """Give the vector of one word, by its flat index; it costs the same however many words there are.

        Raises:
            NoVectorError: If it has none.
        """
        status = STATUSES[int(self.status_codes[word])]
        if not HAS_VECTOR[self.status_codes[word]]:
            raise NoVectorError(f"{self.words[word]!r} has no vector: its status is {status!r}.")
        only = self._only
        if only.row_words is None:
            return only.values[word]  # type: ignore[no-any-return]
        first, last = np.searchsorted(only.row_words, [word, word + 1])
        return only.values[first:last]
