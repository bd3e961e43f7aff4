"""What `encode` gives: the vectors of words, aligned with the words, their spans, statuses and texts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float, Int

from wordstates.errors import ArgumentError, MissingExtraError, without_foreign_errors
from wordstates.result.embedded_words import EmbeddedWords
from wordstates.result.selecting import indices_of, is_whole_number, one_text, some_texts, take_words, words_of
from wordstates.result.similarity import unit

if TYPE_CHECKING:
    import pandas
    import pyarrow
    import torch

Number = int | np.integer[Any]
Selector = Number | str | slice | tuple[Number, Number | slice | str]


@dataclass(frozen=True, repr=False, eq=False)
class WordEmbeddings(EmbeddedWords):
    """Vectors of the words of one or many texts, ragged: word i of the flat lists belongs to one text.

    Invariants: ``texts[t][start:end] == word`` for every word; words stand in the order they were asked for; a word
    that got no vector has a status that says why, a row of NaN in arrays and a null in Arrow and pandas.

    Indexing keeps the type. Several texts behave like a list of texts: ``emb[2]`` is text 2, ``emb[2:4]`` texts 2 and
    3, ``len(emb)`` counts texts. One text behaves like a list of its words: what `encode` gives for a single string,
    ``emb[2]`` of several, and every selection of words. So ``emb[2][0]`` is the first word of text 2, and
    ``len(emb[2])`` counts its words. On both, ``emb[2, 0]`` is the first word of text 2, ``emb[2, 1:3]`` its next two,
    and ``emb["fox"]`` every word that is spelled *fox*.

    Its fields are those of `EmbeddedWords`.
    """

    # -- selecting ---------------------------------------------------------------------------------------------------

    def __getitem__(self, selector: Selector) -> WordEmbeddings:
        """Select texts or words (int, slice), words of a text (pair), or every word of one spelling (str).

        Raises:
            ItemError: If there is no such text or word.
            NoVectorError: If no word is spelled so.
        """
        if isinstance(selector, tuple) and len(selector) == 2:
            return words_of(one_text(self, selector[0]), selector[1])
        if self.of_words or isinstance(selector, str):
            return words_of(self, selector)
        if isinstance(selector, slice):
            return some_texts(self, range(len(self.texts))[selector])
        if not is_whole_number(selector):
            raise ArgumentError(
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
        self, word_indices: Sequence[int] | slice | Int[np.ndarray, " taken"] | Bool[np.ndarray, " words"]
    ) -> WordEmbeddings:
        """Give some of the words, by flat index, a slice or a mask; all texts stay.

        Args:
            word_indices: Indices in the order wanted, a slice, or a mask.

        Returns:
            These words, in the order asked for; ``len``, iteration and indices of the result are of words.

        Raises:
            ItemError: If there is no such word.
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

    @without_foreign_errors
    def to_arrow(self) -> pyarrow.Table:
        """Give one row per word (or subword), in the columns that files have; see `wordstates.result.rows`.

        Returns:
            A table with fixed-size lists of float32, null where a word has no vector. Column `document` is the index of
            the text; provenance is in the metadata of the schema, as JSON under ``wordstates``.
        """
        return self.table()

    @without_foreign_errors
    def table(
        self, *, context: int | None = None, extra: Mapping[str, Sequence[str | None]] | None = None
    ) -> pyarrow.Table:
        """Give the table of `to_arrow` with more columns.

        Args:
            context: Characters of context on each side; None: no such columns.
            extra: A text of each word, by the name of the column.
        """
        from wordstates.result.rows import make_rows

        rows = make_rows([str(index) for index in range(len(self.texts))], self, context=context, extra=extra)
        return rows.to_arrow().replace_schema_metadata({"wordstates": json.dumps(self.provenance)})

    @without_foreign_errors
    def by_text(self, table: Any = None) -> pyarrow.Table:
        """Give one row per text, in order, its words as lists: in the columns of `to_arrow`, all but `document`.

        Args:
            table: The table whose column was embedded, of Arrow, pandas, polars or datasets: its columns come first.

        Raises:
            InputError: If the table has another number of rows, or columns of the same names.

        Examples:
            >>> from wordstates import WordEmbedder
            >>> emb = WordEmbedder("minilm").encode(["A bank.", "The bank lends."])
            >>> emb.by_text({"id": ["a", "b"]}).select(["id", "word"]).to_pylist()[0]
            {'id': 'a', 'word': ['A', 'bank', '.']}
        """
        from wordstates.result.by_text import rows_of_texts

        return rows_of_texts(self.to_arrow(), len(self.texts), table)

    @without_foreign_errors
    def to_pandas(self) -> pandas.DataFrame:
        """Give the table of `to_arrow` as a data frame; the vectors are arrays, None where a word has none.

        Raises:
            MissingExtraError: If pandas is not installed.
        """
        try:
            return self.to_arrow().to_pandas()
        except ImportError as error:
            raise MissingExtraError.of("pandas", "to_pandas()") from error

    @without_foreign_errors
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

    @without_foreign_errors
    def to_spreadsheet(
        self,
        path: str | Path,
        *,
        vectors: bool = False,
        vectors_file: str | Path | None = None,
        bom: bool = False,
        overwrite: bool = False,
    ) -> int:
        """Write a table for people, one row per word, by its ending: .csv, .tsv, .xlsx; formulas are kept texts.

        Args:
            path: The file.
            vectors: Whether it has the vectors, a column a number.
            vectors_file: A second file for the vectors, whose row n belongs to the `id` n: .npz, .parquet,
                .safetensors or .jsonl.
            bom: Whether .csv and .tsv begin with a byte order mark, by which Excel tells UTF-8.
            overwrite: Whether to replace files that are there.

        Returns:
            Bytes on disk.

        Raises:
            OutputError: If an ending is another, a file is there, or it cannot be written.
            MissingExtraError: If .xlsx is asked for and openpyxl is not installed.
        """
        from wordstates.files.save import save_table

        return save_table(self, path, vectors=vectors, vectors_file=vectors_file, bom=bom, overwrite=overwrite)

    # -- to look at --------------------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        from wordstates.result.display import as_text

        return as_text(self)

    def _repr_html_(self) -> str:
        from wordstates.result.display import as_html

        return as_html(self)
