"""Vectors as a table: one row per word, the same columns in `to_arrow()` and in every file.

============  ==========================  =====================================================================
column        type                        meaning
============  ==========================  =====================================================================
document      string                      id of the document
position      int32                       index of the word in its document
word          string                      the word as it is written in the text
start, end    int32                       char span in the document's text, half-open, code points
status        string                      ``ok``, or why there is no vector of its own
subwords      int32                       how many subwords the word has
key           string                      only where the input names its words: the CoNLL-U id
subword       int32                       only with ``subword_pooling="none"``: its index in the word; one row each
surprisal     float32                     only on request, of causal models: bits; null where nothing stands before
left_subwords int32                       only on request: subwords of text before the word in its window
left, right   string                      only on request: the characters before and after the word
...           string                      only on request: what the input says of the document or the word
vector        float32 or float16 [size]   null, never NaN or zeros, where the word has no vector
============  ==========================  =====================================================================

Several recipes give ``vector_<recipe>`` columns (see `column_names`). A kept layer axis is flattened; the true shape is
in the field's metadata as ``shape``. With one row per subword, a word that has no subword still has its row, `subword`
and vector null.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from wordstates.errors import NonFiniteError, OutputError
from wordstates.options import VectorDtype
from wordstates.result.embedded_words import EmbeddedWords
from wordstates.text.align import STATUSES
from wordstates.wording import counted

Ints = npt.NDArray[np.int64]
COLUMNS = ("document", "position", "word", "start", "end", "status", "subwords")  # of all rows
_TEXTS = {"document", "word", "status"}

# Columns of numbers beside the vectors, on request; null where there is none.
NUMBERS = {"surprisal": "float32", "left_subwords": "int32"}
LARGEST_FLOAT16 = 65504.0


def numbers_in(shapes: Mapping[str, tuple[int, ...]]) -> int:
    """Count the numbers of a row whose vectors have these shapes.

    Examples:
        >>> numbers_in({"vector_a": (384,), "vector_b": (7, 384)})
        3072
    """
    return sum(map(math.prod, shapes.values()))


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of some documents, checked and in the output's precision: what every writer takes.

    Args:
        documents: Ids of the documents, also of those without a row.
        document_starts: Row at which each document begins, and the number of rows: (documents+1,).
        scalars: The columns beside the vectors, as in the file.
        has_vector: Whether a row has a vector.
        vectors: Column name to vectors, (rows, dim) or (rows, layers, dim); rows without a vector hold NaN.
    """

    documents: tuple[str, ...]
    document_starts: Ints
    scalars: pa.Table
    has_vector: npt.NDArray[np.bool_]
    vectors: dict[str, npt.NDArray[Any]]

    def __len__(self) -> int:
        return len(self.has_vector)

    @property
    def document_index(self) -> Ints:
        """Index of the document of each row."""
        return np.repeat(np.arange(len(self.documents)), np.diff(self.document_starts))

    @property
    def names(self) -> list[str]:
        """Names of the columns beside the vectors."""
        return self.scalars.column_names  # type: ignore[no-any-return]

    @property
    def extra(self) -> list[str]:
        """Names of the columns that not all outputs have: context, and what the input says."""
        return [name for name in self.names if name not in (*COLUMNS, *_PLACES)]

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of one vector of each vector column."""
        return {name: vectors.shape[1:] for name, vectors in self.vectors.items()}

    def with_column(self, name: str, values: pa.Array) -> Rows:
        """Add a column beside the vectors: `key` and `subword` in their place, any other at the end."""
        place = _PLACES.get(name, len(self.names)) - (name == "subword" and "key" not in self.names)
        return replace(self, scalars=self.scalars.add_column(place, pa.field(name, values.type), values))

    def to_arrow(self) -> pa.Table:
        """Give all columns as one table, vectors as lists of a fixed size, null where a row has none."""
        table, missing = self.scalars, pa.array(~self.has_vector)
        for name, vectors in self.vectors.items():
            table = table.append_column(*vector_column(name, vectors, missing))
        return table


# Where `key` and `subword` stand, if they are there.
_PLACES = {"key": 7, "subword": 8}


def vector_column(name: str, vectors: npt.NDArray[Any], missing: pa.Array) -> tuple[pa.Field, pa.Array]:
    """Make a column of vectors, with the shape of one in the metadata of its field."""
    shape = vectors.shape[1:]
    column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), math.prod(shape), mask=missing)
    return pa.field(name, column.type, metadata={"shape": json.dumps([*shape])}), column


def make_rows(
    documents: Sequence[str],
    embeddings: EmbeddedWords,
    dtype: VectorDtype = "float32",
    keys: Sequence[Sequence[str] | None] | None = None,
    *,
    context: int | None = None,
    extra: Mapping[str, Sequence[str | None]] | None = None,
    first: int = 0,
) -> Rows:
    """Lay out the embeddings of some documents as rows.

    Args:
        documents: Ids of the documents, in the order of the texts of `embeddings`.
        embeddings: Their words and vectors.
        dtype: Precision of the vectors.
        keys: The input's own name of each word of each document, None for a document that names none.
        context: Characters of context on each side; None: no such columns.
        extra: More columns, before those of the context: a text of each word.
        first: Position of the first word in its document.

    Raises:
        OutputError: If texts and documents differ, recipes do not fit one table, or a value is beyond float16.
        NonFiniteError: If a vector holds NaN or infinity.
    """
    if len(documents) != len(embeddings.texts):
        raise OutputError(
            f"{counted(len(documents), 'document')} for {counted(len(embeddings.texts), 'embedded text')}: "
            "give one per text."
        )
    starts = np.asarray(embeddings.text_starts, dtype=np.int64)
    if embeddings.run_texts is not None:  # words in another order than their texts
        documents = [documents[text] for text in embeddings.run_texts.tolist()]
    columns = place_columns(documents, starts, embeddings.words, embeddings.spans, first)
    if embeddings.run_texts is not None:
        columns["position"] = pa.array(_place_in_text(embeddings.text_index), pa.int32())
    columns["status"] = pa.array(STATUSES, pa.string()).take(pa.array(embeddings.status_codes))
    columns["subwords"] = pa.array(embeddings.subword_counts, pa.int32())
    names = column_names(embeddings.recipe_names)
    rows = Rows(
        documents=tuple(documents),
        document_starts=starts,
        scalars=pa.table(columns),
        has_vector=np.asarray(embeddings.has_vector, dtype=np.bool_),
        vectors={name: embeddings.column(recipe) for name, recipe in zip(names, embeddings.recipe_names, strict=True)},
    )
    if keys is not None and any(names is not None for names in keys):
        rows = rows.with_column("key", _keys(documents, keys, np.diff(starts).tolist()))
    for name, numbers in embeddings.numbers.items():
        missing = np.isnan(numbers) if numbers.dtype.kind == "f" else numbers < 0
        rows = rows.with_column(name, pa.array(numbers, mask=missing))
    for name, values in (extra or {}).items():
        rows = rows.with_column(name, pa.array(values, pa.string()))
    if context is not None:
        rows = _with_context(rows, embeddings, context)
    of_row = _row_words(embeddings)  # word of each vector row; None: they are the words
    if of_row is not None:
        rows = _by_subword(rows, np.asarray(of_row, dtype=np.int64))
    return _in_precision(rows, dtype)


def _place_in_text(of_text: Ints) -> Ints:
    """Count, for each word, the words of its text that stand before it."""
    order = np.argsort(of_text, kind="stable")
    first = np.searchsorted(of_text[order], of_text[order])
    place = np.empty(len(of_text), dtype=np.int64)
    place[order] = np.arange(len(of_text)) - first
    return place


def place_columns(
    documents: Sequence[str], starts: Ints, words: Sequence[str], spans: Ints, first: int = 0
) -> dict[str, pa.Array]:
    """Make the columns that say where each word stands.

    Args:
        documents: Ids of the documents.
        starts: Word at which each begins, and the number of words.
        words: The words.
        spans: Their char spans.
        first: Position of the first word in its document.
    """
    counts = np.diff(starts)
    return {
        "document": pa.array(documents, pa.string()).take(pa.array(np.repeat(np.arange(len(documents)), counts))),
        "position": pa.array(first + np.arange(len(words)) - np.repeat(starts[:-1], counts), pa.int32()),
        "word": pa.array(words, pa.string()),
        "start": pa.array(spans[:, 0], pa.int32()),
        "end": pa.array(spans[:, 1], pa.int32()),
    }


def rows_without_vectors(
    documents: Sequence[str],
    starts: Ints,
    words: Sequence[str],
    spans: Ints,
    extra: Mapping[str, Sequence[str | None]],
) -> Rows:
    """Lay out words that no model has read: where they stand, and the columns of `extra`."""
    columns = place_columns(documents, starts, words, spans)
    columns |= {name: pa.array(values, pa.string()) for name, values in extra.items()}
    return Rows(tuple(documents), starts, pa.table(columns), np.zeros(len(words), dtype=np.bool_), {})


def no_rows(
    shapes: Mapping[str, tuple[int, ...]],
    dtypes: Mapping[str, VectorDtype],
    *,
    keyed: bool = False,
    by_subword: bool = False,
    numbers: Sequence[str] = (),
    texts: Sequence[str] = (),
) -> Rows:
    """Give rows with these columns, `texts` at the end: none of them."""
    text, number = pa.array([], pa.string()), pa.array([], pa.int32())
    kinds = {"subword": "int32", **NUMBERS}
    rows = Rows(
        documents=(),
        document_starts=np.zeros(1, dtype=np.int64),
        scalars=pa.table({name: text if name in _TEXTS else number for name in COLUMNS}),
        has_vector=np.zeros(0, dtype=np.bool_),
        vectors={name: np.zeros((0, *shape), dtype=dtypes[name]) for name, shape in shapes.items()},
    )
    for name in [*(["key"] if keyed else []), *(["subword"] if by_subword else []), *numbers, *texts]:
        rows = rows.with_column(name, pa.array([], pa.type_for_alias(kinds.get(name, "string"))))
    return rows


def _with_context(rows: Rows, embeddings: EmbeddedWords, characters: int) -> Rows:
    left, right = list[str](), list[str]()
    for index, (start, end) in zip(embeddings.text_index.tolist(), embeddings.spans.tolist(), strict=True):
        text = embeddings.texts[index]
        left.append(text[max(0, start - characters) : start])
        right.append(text[end : end + characters])
    return rows.with_column("left", pa.array(left, pa.string())).with_column("right", pa.array(right, pa.string()))


def _keys(documents: Sequence[str], given: Sequence[Sequence[str] | None], counts: Sequence[int]) -> pa.Array:
    keys: list[str | None] = []
    for document, names, words in zip(documents, given, counts, strict=True):
        if names is not None and len(names) != words:
            raise OutputError(
                f"Document {document!r} has {counted(len(names), 'key')} for {counted(words, 'word')}: give one each."
            )
        keys.extend([None] * words if names is None else names)
    return pa.array(keys, pa.string())


def column_names(recipes: Sequence[str]) -> list[str]:
    """Name the vector columns so that no tool has to quote them: letters, digits and underscores.

    Args:
        recipes: Names of the recipes.

    Returns:
        ``vector`` for a single recipe, else ``vector_<recipe>``, with m for minus and to for a colon.

    Raises:
        OutputError: If two recipes would share a column.

    Examples:
        >>> column_names(["-4:.concat.mean", "last"])
        ['vector_m4to_concat_mean', 'vector_last']
    """
    if len(recipes) == 1:
        return ["vector"]
    spelled = [re.sub(r"\W+", "_", name.replace("-", "m").replace(":", "to"), flags=re.ASCII) for name in recipes]
    if len(set(spelled)) < len(spelled):
        raise OutputError(
            f"Recipes {list(recipes)} would share a column: give names of letters, digits and underscores."
        )
    return [f"vector_{name}" for name in spelled]


def _row_words(embeddings: EmbeddedWords) -> Ints | None:
    of_rows = [embeddings.row_words(name) for name in embeddings.recipe_names]
    first = of_rows[0]
    for of_row in of_rows[1:]:
        if (first is None) != (of_row is None):
            raise OutputError(
                "Recipes with subword_pooling='none' have one row per subword, the others one row per word: "
                "write them to two files."
            )
        if first is not None and of_row is not None and not np.array_equal(first, of_row):
            raise OutputError("Recipes of one file must have the same subwords: write them to two files.")
    return first


def _by_subword(rows: Rows, of_row: Ints) -> Rows:
    """Turn rows of words, whose vectors are those of subwords, into rows of subwords; no word is left out."""
    without = np.setdiff1d(np.arange(len(rows)), of_row)
    word = np.concatenate([of_row, without])
    source = np.concatenate([np.arange(len(of_row)), np.full(len(without), -1)])  # row of the vectors, -1: none
    order = np.argsort(word, kind="stable")
    word, source = word[order], source[order]
    first = np.searchsorted(word, word)  # row where the word of each row begins
    there = source >= 0
    vectors = {}
    for name, given in rows.vectors.items():
        vectors[name] = np.full((len(word), *given.shape[1:]), np.nan, dtype=given.dtype)
        vectors[name][there] = given[source[there]]
    taken = Rows(
        documents=rows.documents,
        document_starts=np.searchsorted(word, rows.document_starts),
        scalars=rows.scalars.take(pa.array(word)),
        has_vector=rows.has_vector[word] & there,
        vectors=vectors,
    )
    return taken.with_column("subword", pa.array(np.arange(len(word)) - first, pa.int32(), mask=~there))


def without_documents(rows: Rows, unwanted: Sequence[int]) -> Rows:
    """Leave out all rows of some documents, named by their index, and the documents."""
    stay = np.setdiff1d(np.arange(len(rows.documents)), unwanted)
    kept = np.isin(rows.document_index, stay)
    return Rows(
        documents=tuple(rows.documents[index] for index in stay.tolist()),
        document_starts=np.append(0, np.cumsum(np.diff(rows.document_starts)[stay])),
        scalars=rows.scalars.filter(pa.array(kept)),
        has_vector=rows.has_vector[kept],
        vectors={name: vectors[kept] for name, vectors in rows.vectors.items()},
    )


def largest_values(rows: Rows, column: str) -> npt.NDArray[Any]:
    """Give the largest magnitude in the vectors of each row, 0 where there is none."""
    flat = rows.vectors[column].reshape(len(rows), -1) if len(rows) else rows.vectors[column].reshape(0, 1)
    return np.where(rows.has_vector, np.abs(flat).max(axis=1, initial=0.0), 0.0)


def in_dtypes(rows: Rows, dtypes: Mapping[str, VectorDtype]) -> Rows:
    """Round each vector column to its own precision; whether the values fit is known."""
    vectors = {name: values.astype(dtypes[name], copy=False) for name, values in rows.vectors.items()}
    return replace(rows, vectors=vectors)


def _in_precision(rows: Rows, dtype: VectorDtype) -> Rows:
    """Round the vectors to `dtype`, after a look at whether they fit; rows without a vector become NaN."""
    for name, vectors in rows.vectors.items():
        flat = vectors.reshape(len(rows), -1) if len(rows) else vectors.reshape(0, 1)
        # A sum of finite numbers is finite unless it overflows: few rows are looked at number by number.
        with np.errstate(all="ignore"):
            suspect = np.flatnonzero(rows.has_vector & ~np.isfinite(flat.sum(axis=1)))
        bad = suspect[~np.isfinite(flat[suspect]).all(axis=1)]
        if len(bad):
            (row,) = rows.scalars.slice(int(bad[0]), 1).to_pylist()
            raise NonFiniteError(
                f"Column {name!r} has NaN or infinity in the vector of {row['word']!r} (document {row['document']!r}, "
                f"position {row['position']}) and {len(bad) - 1} more: compute in float32."
            )
        if dtype == "float16" and rows.has_vector.any():
            held = flat if rows.has_vector.all() else flat[rows.has_vector]
            largest = max(float(held.max()), -float(held.min()))
            if largest > LARGEST_FLOAT16:
                raise OutputError(
                    f"Column {name!r} has values up to {largest:.6g}, and float16 ends at {LARGEST_FLOAT16:.0f}: "
                    "write dtype='float32'."
                )
        if vectors.dtype != dtype or not np.isnan(vectors[~rows.has_vector]).all():
            rows.vectors[name] = vectors.astype(dtype)  # a copy: the caller's vectors stay as they are
            rows.vectors[name][~rows.has_vector] = np.nan
    return rows
