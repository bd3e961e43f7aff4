"""Word embeddings from a file: one of `WordEmbeddings.save`, or of `wordstates embed` and `find`."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from wordstates.errors import InputError, without_foreign_errors
from wordstates.files.describe import broken_is_told, open_npz, read_contents
from wordstates.files.formats import LOADABLE, output_format
from wordstates.files.parquet import open_parquet
from wordstates.files.tensors import read_tensors
from wordstates.json_text import read_json
from wordstates.options import MAX_TEXT
from wordstates.recipe import Recipe
from wordstates.result.column import Column
from wordstates.result.rows import NUMBERS, column_names
from wordstates.result.selecting import runs_of
from wordstates.result.word_embeddings import WordEmbeddings
from wordstates.text.align import STATUSES

_Columns = dict[str, Any]  # by the names of Parquet; vectors are float32, NaN where there is none
_MOST_SUBWORDS = 64  # of a character: there are some that a tokenizer writes out
_UNKNOWN = "?"  # stands for a subword whose spelling is not in the file


@without_foreign_errors
def load(path: str | Path) -> WordEmbeddings:
    """Read word embeddings that `WordEmbeddings.save`, `wordstates embed` or `wordstates find` wrote.

    Files of the commands hold neither texts nor the spelling of subwords: a text is then its words at their spans, with
    spaces between them, a subword is ``?``, and ``provenance["documents"]`` has the ids of the documents. Columns of
    metadata are left out.

    Args:
        path: A .parquet, .npz, .safetensors or .jsonl file.

    Returns:
        What was saved, float32.

    Raises:
        InputError: If it is no such file, or broken.

    Examples:
        >>> import tempfile
        >>> from wordstates import WordEmbedder
        >>> path = tempfile.mkdtemp() + "/banks.parquet"
        >>> written = WordEmbedder("minilm").encode(["A bank.", "The bank lends."])["bank"].save(path)
        >>> load(path).vectors.shape
        (2, 384)
    """
    path = Path(path)
    if path.is_dir():
        raise InputError(f"{str(path)!r} is a folder: wordstates.open_store reads a store.")
    chosen = output_format(path)
    if path.is_file() and chosen not in LOADABLE:
        raise InputError(
            f"{str(path)!r} cannot be loaded: it does not hold all of a result. Files that do are "
            f"{', '.join(f'.{name}' for name in LOADABLE)}."
        )
    provenance, saved = read_contents(path)
    with broken_is_told(path):
        recipes = provenance.get("recipes")
        columns = {} if chosen is None else _READERS[chosen](path)
        if "start" not in columns or not isinstance(recipes, list):
            raise InputError(f"{str(path)!r} has no word embeddings: static vectors are read by StaticVectors.load.")
        return _embeddings(columns, recipes, provenance, saved)


def from_table(table: pa.Table, provenance: dict[str, Any], saved: Mapping[str, Any]) -> WordEmbeddings:
    """Make embeddings of a table in memory.

    Args:
        table: The columns of a file.
        provenance: Where the vectors come from.
        saved: What is in no column, as `save_embeddings` writes it.

    Raises:
        KeyError: If a column is missing.
    """
    return _embeddings(_of_table(table), provenance["recipes"], provenance, saved)


def _embeddings(
    columns: _Columns, recipes: list[dict[str, Any]], provenance: dict[str, Any], saved: Mapping[str, Any]
) -> WordEmbeddings:
    names = [recipe["name"] for recipe in recipes]
    subword = columns.get("subword")
    first = np.arange(len(columns["word"])) if subword is None else np.flatnonzero(np.asarray(subword) <= 0)
    row_words = None
    if subword is not None:
        there = np.asarray(subword) >= 0
        row_words = (np.cumsum(np.asarray(subword) <= 0) - 1)[there]
    words = [columns["word"][row] for row in first.tolist()]
    spans = np.stack([columns["start"], columns["end"]], axis=1).astype(np.int64)[first]
    counts = np.asarray(columns["subwords"], dtype=np.int64)[first]
    _check_places(words, spans, counts)
    documents = [columns["document"][row] for row in first.tolist()]
    ids = list(dict.fromkeys(documents))
    if saved:
        of_text = np.array([int(document) for document in documents], dtype=np.int64)
        texts = tuple(saved["texts"])
    else:
        numbers = {document: number for number, document in enumerate(ids)}
        of_text = np.array([numbers[document] for document in documents], dtype=np.int64)
        texts = _texts(words, spans, of_text, len(ids))
        provenance = {**provenance, "documents": ids}
    starts, runs = runs_of(of_text, len(texts))
    subword_ids = np.array(saved.get("subword_ids", [-1] * int(counts.sum())), dtype=np.int64)
    vocabulary = {int(index): piece for index, piece in saved.get("vocabulary", {"-1": _UNKNOWN}).items()}
    if len(subword_ids) != counts.sum() or not vocabulary.keys() >= set(np.unique(subword_ids).tolist()):
        raise ValueError("words have other subwords than are there")
    shapes = saved.get("shapes", {})
    vectors = {
        name: _shaped(columns.get(column), len(columns["word"]), shapes.get(name))
        for name, column in zip(names, column_names(names), strict=True)
    }
    return WordEmbeddings(
        texts=texts,
        words=words,
        spans=spans,
        status_codes=np.array([STATUSES.index(columns["status"][row]) for row in first.tolist()], dtype=np.uint8),
        text_starts=starts,
        run_texts=runs,
        subword_ids=subword_ids,
        subword_starts=np.append(0, np.cumsum(counts)),
        columns={
            recipe["name"]: Column(
                Recipe(recipe["layers"], recipe["layer_pooling"], recipe["subword_pooling"], name=recipe["name"]),
                tuple(recipe["layer_numbers"]),
                vectors[recipe["name"]] if row_words is None else vectors[recipe["name"]][there],
                row_words,
            )
            for recipe in recipes
        },
        provenance=provenance,
        numbers={
            name: columns[name][first] if name in columns else np.zeros(0, dtype=kind)
            for name, kind in NUMBERS.items()
            if name in columns or name in saved.get("numbers", ())
        },
        vocabulary=vocabulary,
        reading=saved.get("reading", {}),
        of_words=saved.get("of_words", False),
    )


def _shaped(values: npt.NDArray[Any] | None, rows: int, shape: list[int] | None) -> npt.NDArray[Any]:
    """Give vectors their true shape; JSON lines without any vector do not say it."""
    if values is None or (shape is not None and values.size != rows * math.prod(shape)):
        return np.full((rows, *(shape or [0])), np.nan, dtype=np.float32)
    return values if shape is None else values.reshape(rows, *shape)


def _texts(words: list[str], spans: np.ndarray, of_text: np.ndarray, count: int) -> tuple[str, ...]:
    """Put the words of each text at their spans, with spaces between them."""
    if spans[:, 1].max(initial=0) > MAX_TEXT:
        raise ValueError(f"a word stands beyond the {MAX_TEXT:,} characters of the longest text that is put together")
    texts: list[list[str]] = [[] for _ in range(count)]
    ends = [0] * count
    order = np.lexsort((spans[:, 1], spans[:, 0]))
    for index in order.tolist():
        (start, end), text = spans[index].tolist(), int(of_text[index])
        texts[text].append(" " * (start - ends[text]))
        texts[text].append(words[index][max(ends[text] - start, 0) :])  # words may overlap: phrases do
        ends[text] = max(ends[text], end)
    return tuple(map("".join, texts))


def _check_places(words: list[str], spans: np.ndarray, counts: np.ndarray) -> None:
    """See that words and their spans go together, before anything as large as they say is made."""
    lengths = np.array([len(word) for word in words], dtype=np.int64)
    if ((spans[:, 0] < 0) | (spans[:, 1] - spans[:, 0] != lengths)).any():
        raise ValueError("a word and its span are of different lengths")
    if ((counts < 0) | (counts > _MOST_SUBWORDS * (lengths + 1))).any():
        raise ValueError("a word has more subwords than it can have")


# ── the formats ──


def _numbers(name: str, values: list[Any]) -> npt.NDArray[Any]:
    """Give a column of numbers; None is NaN, or -1 where it counts something."""
    kind = NUMBERS[name]
    missing = np.nan if kind == "float32" else -1
    return np.array([missing if value is None else value for value in values], dtype=kind)


def _parquet(path: Path) -> _Columns:
    with open_parquet(path) as file:
        return _of_table(file.read())


def _of_table(table: pa.Table) -> _Columns:
    columns: _Columns = {}
    for field in table.schema:
        column = table[field.name].combine_chunks()
        if pa.types.is_fixed_size_list(field.type):
            shape = read_json(field.metadata[b"shape"])
            columns[field.name] = np.full((len(table), *shape), np.nan, dtype=np.float32)
            there = column.is_valid().to_numpy(zero_copy_only=False)
            columns[field.name][there] = column.flatten().to_numpy(zero_copy_only=False).reshape(-1, *shape)
        elif field.name in NUMBERS:
            columns[field.name] = _numbers(field.name, column.to_pylist())
        elif field.name == "subword":
            columns[field.name] = column.fill_null(-1).to_numpy()
        else:
            columns[field.name] = column.to_pylist()
    return columns


def _jsonl(path: Path) -> _Columns:
    with path.open("rb") as file:
        lines = [read_json(line) for line in file]
    columns: _Columns = {name: [line[name] for line in lines] for name in (lines[0] if lines else _SCALARS)}
    for name, values in columns.items():
        if name == "vector" or name.startswith("vector_"):
            shape = next((np.shape(value) for value in values if value is not None), (0,))
            columns[name] = np.array(
                [np.full(shape, np.nan) if value is None else value for value in values], dtype=np.float32
            )
        elif name in NUMBERS:
            columns[name] = _numbers(name, values)
        elif name == "subword":
            columns[name] = np.array([-1 if value is None else value for value in values])
    return columns


_SCALARS = ("document", "word", "start", "end", "status", "subwords")


def _npz(path: Path) -> _Columns:
    with open_npz(path) as arrays:
        found = {name: arrays[name] for name in arrays.files}
    if "words" not in found:
        return {}
    return _of_arrays(found, {name: found[name].tolist() for name in ("words", "statuses", "documents")})


def _safetensors(path: Path) -> _Columns:
    found, metadata = read_tensors(path)
    if "start" not in found:
        return {}
    strings = {name: read_json(metadata[name]) for name in ("words", "statuses", "documents")}
    return _of_arrays(found, strings)


def _of_arrays(arrays: dict[str, npt.NDArray[Any]], strings: dict[str, list[str]]) -> _Columns:
    """Give arrays the names and the shape that tables have."""
    vectors = {name: values.astype(np.float32) for name, values in arrays.items() if name.startswith("vector")}
    documents = [strings["documents"][index] for index in arrays["document_index"].tolist()]
    return {**arrays, **vectors, "word": strings["words"], "status": strings["statuses"], "document": documents}


_READERS: dict[str, Callable[[Path], _Columns]] = {
    "parquet": _parquet,
    "npz": _npz,
    "safetensors": _safetensors,
    "jsonl": _jsonl,
}
