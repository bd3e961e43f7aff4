"""What `encode` gives: the vectors of words, aligned with the words, their spans, statuses and texts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from wordstates.errors import MissingExtraError, NoVectorError, RecipeError
from wordstates.result.column import Column
from wordstates.result.selecting import indices_of, is_whole_number, one_text, some_texts, take_words, words_of
from wordstates.result.similarity import unit
from wordstates.text.align import HAS_VECTOR, STATUSES, Status, count_statuses
from wordstates.text.words import Spans

if TYPE_CHECKING:
    import pandas
    import pyarrow
    import torch

Number = int | np.integer[Any]
Selector = Number | str | slice | tuple[Number, Number | slice | str]


@dataclass(frozen=True, repr=False, eq=False)
class WordEmbeddings:
    """Vectors of the words of one or many texts, ragged: word i of the flat lists belongs to one text.

    Invariants: ``texts[t][start:end] == word`` for every word; words stand in the order they were asked for; a word
    that got no vector has a status that says why, a row of NaN in arrays and a null in Arrow and pandas.

    Indexing keeps the type. Several texts behave like a list of texts: ``emb[2]`` is text 2, ``emb[2:4]`` texts 2 and
    3, ``len(emb)`` counts texts. One text behaves like a list of its words: what `encode` gives for a single string,
    ``emb[2]`` of several, and every selection of words. So ``emb[2][0]`` is the first word of text 2, and
    ``len(emb[2])`` counts its words. On both, ``emb[2, 0]`` is the first word of text 2, ``emb[2, 1:3]`` its next two,
    and ``emb["fox"]`` every word that is spelled *fox*.

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

    def recipe(self, name: str) -> WordEmbeddings:
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
                f"These vectors come from {len(self.columns)} recipes: choose one, as "
                f"emb.recipe({next(iter(self.columns))!r}); there are {', '.join(map(repr, self.columns))}."
            )
        return next(iter(self.columns.values()))

    @property
    def vectors(self) -> Float[np.ndarray, "rows ..."]:
        """All vectors of the one recipe, float32, a row a word (or a subword if `subword_pooling` is ``none``).

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

    # -- selecting ---------------------------------------------------------------------------------------------------

    def __getitem__(self, selector: Selector) -> WordEmbeddings:
        """Select texts or words (int, slice), words of a text (pair), or every word of one spelling (str).

        Raises:
            IndexError: If there is no such text or word.
            NoVectorError: If no word is spelled so.
        """
        if isinstance(selector, tuple) and len(selector) == 2:
            return words_of(one_text(self, selector[0]), selector[1])
        if self.of_words or isinstance(selector, str):
            return words_of(self, selector)
        if isinstance(selector, slice):
            return some_texts(self, range(len(self.texts))[selector])
        if not is_whole_number(selector):
            raise TypeError(
                f"emb[{selector!r}]: an int or a slice is texts, a pair is words of a text, a string is a word."
            )
        return one_text(self, selector)

    def __contains__(self, word: object) -> bool:
        """Tell whether a word is spelled so: ``"fox" in emb``."""
        return word in self.words

    def __iter__(self) -> Iterator[WordEmbeddings]:
        """Go through the texts, or the words."""
        return (self[index] for index in range(len(self)))

    def take(
        self, word_indices: Sequence[int] | Int[np.ndarray, " taken"] | Bool[np.ndarray, " words"]
    ) -> WordEmbeddings:
        """Give some of the words, by flat index or by mask; all texts stay.

        Args:
            word_indices: Indices in the order wanted, or a mask.

        Returns:
            These words, in the order asked for; ``len``, iteration and indices of the result are of words.

        Raises:
            IndexError: If there is no such word.
        """
        return take_words(self, indices_of(word_indices, len(self.words)))

    def normalized(self) -> WordEmbeddings:
        """Give the same words with vectors of unit length; the vectors here stay as they are."""
        columns = {name: replace(column, values=unit(column.values)) for name, column in self.columns.items()}
        return replace(self, columns=columns, provenance={**self.provenance, "unit_length": True})

    # -- to other libraries ------------------------------------------------------------------------------------------

    def to_numpy(self) -> Float[np.ndarray, "rows ..."]:
        """Give the vectors as float32; a word without a vector is a row of NaN. Same as `vectors`."""
        return self.vectors

    def to_torch(self) -> torch.Tensor:
        """Give the vectors as a float32 tensor on the CPU that shares memory with `vectors`."""
        import torch

        return torch.from_numpy(self.vectors)

    def to_arrow(self) -> pyarrow.Table:
        """Give one row a word (or subword), in the columns that files have; see `wordstates.result.rows`.

        Returns:
            A table with fixed-size lists of float32, null where a word has no vector. Column `document` is the index of
            the text; provenance is in the metadata of the schema, as JSON under ``wordstates``.
        """
        return self.table()

    def table(
        self, *, context: int | None = None, extra: Mapping[str, Sequence[str | None]] | None = None
    ) -> pyarrow.Table:
        """Give the table of `to_arrow` with more columns.

        Args:
            context: Characters of context on each side; None: no such columns.
            extra: A text of each word, by the name of the column.
        """
        from wordstates.result.rows import make_rows, to_table

        rows = make_rows([str(index) for index in range(len(self.texts))], self, context=context, extra=extra)
        return to_table(rows).replace_schema_metadata({"wordstates": json.dumps(self.provenance)})

    def to_pandas(self) -> pandas.DataFrame:
        """Give the table of `to_arrow` as a data frame; the vectors are arrays, None where a word has none.

        Raises:
            MissingExtraError: If pandas is not installed.
        """
        try:
            return self.to_arrow().to_pandas()
        except ImportError as error:
            raise MissingExtraError.of("pandas", "to_pandas()") from error

    def save(self, path: str | Path, *, overwrite: bool = False) -> int:
        """Write a file that `wordstates.load` reads back, by its ending: .parquet, .npz, .safetensors, .jsonl.

        Args:
            path: The file.
            overwrite: Whether to replace one that is there.

        Returns:
            Its bytes on disk.

        Raises:
            OutputError: If the ending is another, the file is there, or it cannot be written.
        """
        from wordstates.files.save import save_embeddings

        return save_embeddings(self, path, overwrite=overwrite)

    # -- to look at --------------------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        from wordstates.result.display import as_text

        return as_text(self)

    def _repr_html_(self) -> str:
        from wordstates.result.display import as_html

        return as_html(self)
