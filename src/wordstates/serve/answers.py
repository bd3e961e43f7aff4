"""Words and their vectors as the body of an answer: JSON, or a stream of Arrow."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import BytesIO
from itertools import pairwise
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
from starlette.responses import Response

from wordstates.result.embedded_words import EmbeddedWords
from wordstates.serve.asked import Asked
from wordstates.serve.utf16 import to_utf16

_NUMPY = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS  # names of recipes are more than strings


def json_answer(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Write JSON; arrays of float32 with as many digits as tell them apart."""
    try:
        body = orjson.dumps(content, option=_NUMPY)
    except TypeError:  # half a character of the request, told in an error
        body = json.dumps(content).encode()
    return Response(body, status, headers, "application/json")


def vector_as(vector: np.ndarray, encoding: str) -> Any:
    """Give numbers as JSON writes them: a list, or base64 of little-endian float32."""
    if encoding == "base64":
        return base64.b64encode(vector.astype("<f4", copy=False).tobytes()).decode("ascii")
    return np.ascontiguousarray(vector)


def words_as_json(
    parts: Iterable[EmbeddedWords], asked: Asked, *, encoding: str, utf16: bool, context: int | None = None
) -> list[list[dict[str, Any]]]:
    """Give a list for each text, with an object for each word.

    Args:
        parts: The words of the texts, one part after the other.
        asked: What was asked.
        encoding: ``float`` or ``base64``.
        utf16: Whether spans count UTF-16 units.
        context: Characters before and after each word that are given too; None: none.
    """
    texts: list[list[dict[str, Any]]] = []
    number = 0
    for part in parts:
        spans = part.spans.tolist()
        statuses, pieces, has_vector = part.statuses, part.subwords, part.has_vector.tolist()
        vectors = {name: _rows(part, name) for name in part.recipe_names}
        starts = part.text_starts.tolist()
        for index, text in enumerate(part.texts):
            first, last = starts[index], starts[index + 1]
            shown = to_utf16(text, part.spans[first:last]).tolist() if utf16 else spans[first:last]
            words = []
            for word in range(first, last):
                row: dict[str, Any] = {
                    "word": part.words[word],
                    "start": shown[word - first][0],
                    "end": shown[word - first][1],
                    "status": statuses[word],
                    "subwords": pieces[word],
                    "vectors": {
                        name: vector_as(rows[word], encoding) if has_vector[word] else None
                        for name, rows in vectors.items()
                    },
                }
                if asked.targets:
                    row["target"] = asked.targets[asked.target_index[number]]
                if context is not None:
                    start, end = spans[word]
                    row["left"], row["right"] = text[max(0, start - context) : start], text[end : end + context]
                words.append(row)
                number += 1
            texts.append(words)
    return texts


def _rows(part: EmbeddedWords, name: str) -> Sequence[np.ndarray]:
    """Give the vector of each word, or the vectors of its subwords."""
    values, of_row = part.column(name), part.row_words(name)
    if of_row is None:
        return [*values]
    bounds = np.searchsorted(of_row, np.arange(len(part.words) + 1)).tolist()
    return [values[first:last] for first, last in pairwise(bounds)]


def recipes_as_json(provenance: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]]) -> list[dict[str, Any]]:
    """Say of each recipe which layers it has, and the shape of a vector."""
    return [{**recipe, "shape": [*shapes[recipe["name"]]]} for recipe in provenance["recipes"]]


def words_as_arrow(
    parts: Sequence[Any], asked: Asked, provenance: Mapping[str, Any], *, utf16: bool, context: int | None = None
) -> Iterator[bytes]:
    """Give a stream of Arrow with the columns of our files, and two more: the subwords and their ids.

    It comes in pieces, one a part, so that a large answer is never whole in memory a second time.

    Args:
        parts: The words of the texts, one part after the other.
        asked: What was asked.
        provenance: Where the vectors come from; it stands in the metadata of the schema.
        utf16: Whether spans count UTF-16 units.
        context: Characters before and after each word that are given too; None: none.
    """
    sink, writer, first_text, first_word = BytesIO(), None, 0, 0
    reading = {name: sum(part.reading[name] for part in parts) for name in ("windows", "long_texts")}
    metadata = {"wordstates": json.dumps(provenance), "wordstates_reading": json.dumps(reading)}
    for part in parts:
        last_word = first_word + len(part.words)
        extra = None
        if asked.targets:
            extra = {"target": [asked.targets[index] for index in asked.target_index[first_word:last_word]]}
        table = part.table(context=context, extra=extra)
        documents = [str(first_text + int(index)) for index in table["document"].to_pylist()]
        table = table.set_column(0, "document", pa.array(documents, pa.string()))
        table = _with_subwords(_in_units(table, part) if utf16 else table, part).replace_schema_metadata(metadata)
        writer = writer or pa.ipc.new_stream(sink, table.schema)
        writer.write_table(table)
        yield _taken(sink)
        first_text, first_word = first_text + len(part.texts), last_word
    if writer is not None:
        writer.close()
        yield _taken(sink)


def _taken(sink: BytesIO) -> bytes:
    written = sink.getvalue()
    sink.seek(0)
    sink.truncate()
    return written


def _word_of_row(table: pa.Table) -> np.ndarray:
    if "subword" not in table.column_names:
        return np.arange(len(table))
    first: np.ndarray = table["subword"].fill_null(0).to_numpy() == 0
    return np.cumsum(first) - 1


def _with_subwords(table: pa.Table, part: EmbeddedWords) -> pa.Table:
    of_row = pa.array(_word_of_row(table))
    pieces = pa.array(part.subwords, pa.list_(pa.string())).take(of_row)
    starts = pa.array(part.subword_starts, pa.int32())
    ids = pa.ListArray.from_arrays(starts, pa.array(part.subword_ids, pa.int32())).take(of_row)
    return table.append_column("pieces", pieces).append_column("subword_ids", ids)


def _in_units(table: pa.Table, part: EmbeddedWords) -> pa.Table:
    starts = part.text_starts.tolist()
    spans = np.concatenate(
        [np.zeros((0, 2), dtype=np.int64)]
        + [to_utf16(text, part.spans[starts[index] : starts[index + 1]]) for index, text in enumerate(part.texts)]
    )[_word_of_row(table)]
    for place, name in enumerate(("start", "end")):
        column = table.column_names.index(name)
        table = table.set_column(column, name, pa.array(spans[:, place], pa.int32()))
    return table
