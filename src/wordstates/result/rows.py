"""Vectors as a table: one row a word, the same columns in `to_arrow()` and in every file.

============  ==========================  =====================================================================
column        type                        meaning
============  ==========================  =====================================================================
document      string                      id of the document
position      int32                       index of the word in its document
word          string                      the word as it stands in the text
start, end    int32                       char span in the document's text, half-open, code points
status        string                      ``ok``, or why there is no vector of its own
subwords      int32                       how many subwords the word has
key           string                      only where the input names its words: the CoNLL-U id
subword       int32                       only with ``subword_pooling="none"``: one row a subword, its index in the word
surprisal     float32                     only on request, of causal models: bits; null where nothing stands before
left_subwords int32                       only on request: subwords of text before the word in its window
left, right   string                      only on request: the characters before and after the word
...           string                      only on request: what the input says of the document or the word
vector        float32 or float16 [size]   null, never NaN or zeros, where the word has no vector
============  ==========================  =====================================================================

Several recipes give ``vector_<recipe>`` columns (see `column_names`). A kept layer axis is flattened; the true shape is
in the field's metadata as ``shape``. With one row a subword, a word that has no subword still has its row, `subword`
and vector null.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from wordstates.errors import NonFiniteError, OutputError
from wordstates.options import VectorDtype

if TYPE_CHECKING:
    from wordstates.result.word_embeddings import WordEmbeddings

Ints = npt.NDArray[np.int64]
T = TypeVar("T")

NUMBERS = {"surprisal": "float32", "left_subwords": "int32"}  # columns of numbers beside the vectors, on request
LARGEST_FLOAT16 = 65504.0


def numbers_in(shapes: Mapping[str, tuple[int, ...]]) -> int:
    """Count the numbers of a row whose vectors have these shapes.

    Example:
        >>> numbers_in({"vector_a": (384,), "vector_b": (7, 384)})
        3072
    """
    return sum(map(math.prod, shapes.values()))


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """The rows of some documents, column by column, checked and in the output's precision.

    Args:
        documents: Ids of the documents.
        document_starts: Row at which each document begins, and the number of rows: (documents+1,).
        words: Word of each row, and so on for the columns that have the names of the file's.
        subword: Index of the subword in its word, -1 for a word that has none; None: one row a word.
        has_vector: Whether a row has a vector.
        vectors: Column name to vectors, (rows, dim) or (rows, layers, dim); rows without a vector hold NaN.
        extra: More columns of text, by name: context; of usages also the target, and what the document says of itself.
        numbers: More columns of numbers, by name: float32, NaN where there is none; int32, -1 where there is none.
    """

    documents: tuple[str, ...]
    document_starts: Ints
    position: Ints
    words: list[str]
    spans: Ints
    statuses: list[str]
    subwords: Ints
    keys: list[str | None] | None
    subword: Ints | None
    has_vector: npt.NDArray[np.bool_]
    vectors: dict[str, npt.NDArray[Any]]
    extra: dict[str, list[str | None]] = field(default_factory=dict)
    numbers: dict[str, npt.NDArray[Any]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.words)

    @property
    def document_index(self) -> Ints:
        """Index of the document of each row."""
        return np.repeat(np.arange(len(self.documents)), np.diff(self.document_starts))

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of one vector of each vector column."""
        return {name: vectors.shape[1:] for name, vectors in self.vectors.items()}


def make_rows(
    documents: Sequence[str],
    embeddings: WordEmbeddings,
    dtype: VectorDtype = "float32",
    keys: Sequence[Sequence[str] | None] | None = None,
    *,
    context: int | None = None,
    extra: Mapping[str, Sequence[str | None]] | None = None,
) -> Rows:
    """Lay out the embeddings of some documents as rows.

    Args:
        documents: Ids of the documents, in the order of the texts of `embeddings`.
        embeddings: Their words and vectors.
        dtype: Precision of the vectors.
        keys: The input's own name of each word of each document, None for a document that names none.
        context: Characters of context on each side; None: no such columns.
        extra: More columns, before those of the context: a text of each word.

    Raises:
        OutputError: If texts and documents differ, recipes do not fit one table, or a value is beyond float16.
        NonFiniteError: If a vector holds NaN or infinity.
    """
    if len(documents) != len(embeddings.texts):
        raise OutputError(f"{len(documents)} documents do not fit {len(embeddings.texts)} embedded texts.")
    text_starts = np.asarray(embeddings.text_starts, dtype=np.int64)
    position = np.arange(len(embeddings.words)) - np.repeat(text_starts[:-1], np.diff(text_starts))
    if embeddings.run_texts is not None:  # words in another order than their texts
        documents = [documents[text] for text in embeddings.run_texts.tolist()]
        position = _place_in_text(embeddings.text_index)
    keys_of_rows = _keys(documents, keys or [None] * len(documents), text_starts)
    of_row = _row_words(embeddings)  # word of each vector row; None: they are the words
    has_vector = np.asarray(embeddings.has_vector, dtype=np.bool_)
    counts = np.asarray(embeddings.subword_counts, dtype=np.int64)
    vectors = {
        column: embeddings.column(name)
        for name, column in zip(embeddings.recipe_names, column_names(embeddings.recipe_names), strict=True)
    }
    rows = Rows(
        documents=tuple(documents),
        document_starts=text_starts,
        position=position,
        words=list(embeddings.words),
        spans=np.asarray(embeddings.spans, dtype=np.int64).reshape(-1, 2),
        statuses=list(embeddings.statuses),
        subwords=counts,
        keys=keys_of_rows,
        subword=None,
        has_vector=has_vector,
        vectors=vectors,
        extra={
            **{name: list(values) for name, values in (extra or {}).items()},
            **({} if context is None else _context(embeddings, context)),
        },
        numbers=dict(embeddings.numbers),
    )
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


def _context(embeddings: WordEmbeddings, characters: int) -> dict[str, list[str | None]]:
    left, right = list[str | None](), list[str | None]()
    for index, (start, end) in zip(embeddings.text_index.tolist(), embeddings.spans.tolist(), strict=True):
        text = embeddings.texts[index]
        left.append(text[max(0, start - characters) : start])
        right.append(text[end : end + characters])
    return {"left": left, "right": right}


def _keys(
    documents: Sequence[str], given: Sequence[Sequence[str] | None], text_starts: Ints
) -> list[str | None] | None:
    if all(names is None for names in given):
        return None
    keys: list[str | None] = []
    for document, names, words in zip(documents, given, np.diff(text_starts).tolist(), strict=True):
        if names is not None and len(names) != words:
            raise OutputError(f"Document {document!r} has {len(names)} keys for {words} words: give one a word.")
        keys.extend([None] * words if names is None else names)
    return keys


def column_names(recipes: Sequence[str]) -> list[str]:
    """Name the vector columns so that no tool has to quote them: letters, digits and underscores.

    Args:
        recipes: Names of the recipes.

    Returns:
        ``vector`` for a single recipe, else ``vector_<recipe>``, with m for minus and to for a colon.

    Raises:
        OutputError: If two recipes would share a column.

    Example:
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


def _row_words(embeddings: WordEmbeddings) -> Ints | None:
    of_rows = [embeddings.row_words(name) for name in embeddings.recipe_names]
    first = of_rows[0]
    for of_row in of_rows[1:]:
        if (first is None) != (of_row is None):
            raise OutputError(
                "Recipes with subword_pooling='none' have one row a subword, the others one row a word: "
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
    return Rows(
        documents=rows.documents,
        document_starts=np.searchsorted(word, rows.document_starts),
        position=rows.position[word],
        words=_take(rows.words, word),
        spans=rows.spans[word],
        statuses=_take(rows.statuses, word),
        subwords=rows.subwords[word],
        keys=None if rows.keys is None else _take(rows.keys, word),
        subword=np.where(there, np.arange(len(word)) - first, -1),
        has_vector=rows.has_vector[word] & there,
        vectors=vectors,
        extra={name: _take(values, word) for name, values in rows.extra.items()},
        numbers={name: values[word] for name, values in rows.numbers.items()},
    )


def without_documents(rows: Rows, unwanted: Sequence[int]) -> Rows:
    """Leave out all rows of some documents, named by their index, and the documents."""
    stay = np.setdiff1d(np.arange(len(rows.documents)), unwanted)
    counts = np.diff(rows.document_starts)
    kept = np.flatnonzero(np.isin(rows.document_index, stay))
    return Rows(
        documents=tuple(rows.documents[index] for index in stay.tolist()),
        document_starts=np.append(0, np.cumsum(counts[stay])),
        position=rows.position[kept],
        words=_take(rows.words, kept),
        spans=rows.spans[kept],
        statuses=_take(rows.statuses, kept),
        subwords=rows.subwords[kept],
        keys=None if rows.keys is None else _take(rows.keys, kept),
        subword=None if rows.subword is None else rows.subword[kept],
        has_vector=rows.has_vector[kept],
        vectors={name: vectors[kept] for name, vectors in rows.vectors.items()},
        extra={name: _take(values, kept) for name, values in rows.extra.items()},
        numbers={name: values[kept] for name, values in rows.numbers.items()},
    )


def largest_values(rows: Rows, column: str) -> npt.NDArray[Any]:
    """Give the largest magnitude in the vectors of each row, 0 where there is none."""
    flat = rows.vectors[column].reshape(len(rows), -1) if len(rows) else rows.vectors[column].reshape(0, 1)
    return np.where(rows.has_vector, np.abs(flat).max(axis=1, initial=0.0), 0.0)


def in_dtypes(rows: Rows, dtypes: Mapping[str, VectorDtype]) -> Rows:
    """Round each vector column to its own precision; whether the values fit is known."""
    vectors = {name: values.astype(dtypes[name], copy=False) for name, values in rows.vectors.items()}
    return replace(rows, vectors=vectors)


def _take(values: list[T], indices: Ints) -> list[T]:
    return [values[index] for index in indices.tolist()]


def _in_precision(rows: Rows, dtype: VectorDtype) -> Rows:
    """Round the vectors to `dtype`, after a look at whether they fit; rows without a vector become NaN."""
    for name, vectors in rows.vectors.items():
        flat = vectors.reshape(len(rows), -1) if len(rows) else vectors.reshape(0, 1)
        bad = np.flatnonzero(rows.has_vector & ~np.isfinite(flat).all(axis=1))
        if len(bad):
            document = rows.documents[np.searchsorted(rows.document_starts, bad[0], side="right") - 1]
            raise NonFiniteError(
                f"Column {name!r} has NaN or infinity in the vector of {rows.words[bad[0]]!r} (document {document!r}, "
                f"position {rows.position[bad[0]]}) and {len(bad) - 1} more: compute in float32."
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


def has_no_number(values: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Tell which of some numbers are not there: NaN, or less than 0 where they count something."""
    missing: npt.NDArray[np.bool_] = np.isnan(values) if values.dtype.kind == "f" else values < 0
    return missing


def numbers_or_none(values: npt.NDArray[Any]) -> list[Any]:
    """Give numbers as a list, None where there is none."""
    return [None if missing else value for value, missing in zip(values.tolist(), has_no_number(values), strict=True)]


def to_table(rows: Rows) -> pa.Table:
    """Write rows as an Arrow table in the columns of the module's table."""
    columns: dict[str, pa.Array] = {
        "document": pa.array(rows.documents, pa.string()).take(pa.array(rows.document_index)),
        "position": pa.array(rows.position, pa.int32()),
        "word": pa.array(rows.words, pa.string()),
        "start": pa.array(rows.spans[:, 0], pa.int32()),
        "end": pa.array(rows.spans[:, 1], pa.int32()),
        "status": pa.array(rows.statuses, pa.string()),
        "subwords": pa.array(rows.subwords, pa.int32()),
    }
    if rows.keys is not None:
        columns["key"] = pa.array(rows.keys, pa.string())
    if rows.subword is not None:
        columns["subword"] = pa.array(rows.subword, pa.int32(), mask=rows.subword < 0)
    for name, numbers in rows.numbers.items():
        columns[name] = pa.array(numbers, mask=has_no_number(numbers))
    columns |= {name: pa.array(values, pa.string()) for name, values in rows.extra.items()}
    fields = [pa.field(name, column.type) for name, column in columns.items()]
    missing = pa.array(~rows.has_vector)
    for name, vectors in rows.vectors.items():
        shape = list(vectors.shape[1:])
        column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), int(np.prod(shape)), mask=missing)
        columns[name] = column
        fields.append(pa.field(name, column.type, metadata={"shape": json.dumps(shape)}))
    return pa.Table.from_arrays(list(columns.values()), schema=pa.schema(fields))
