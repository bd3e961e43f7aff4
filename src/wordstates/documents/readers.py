"""Readers: files, folders and standard input as a stream of documents.

A format is a function from a source to documents; what all sources share (opening, decompressing, decoding) is in
`sources`. Only a text that is one document is ever whole in memory.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast, get_args

import pyarrow as pa
import pyarrow.parquet as pq

from wordstates.documents.conllu import read_conllu
from wordstates.documents.document import Document
from wordstates.documents.input_meter import InputMeter
from wordstates.documents.sources import (
    Source,
    decoder_of,
    find_sources,
    read_lines,
    read_text,
    seekable,
    suggestion,
    without_terminator,
)
from wordstates.errors import InputError
from wordstates.options import TextUnit

_PARQUET_ROWS = 1024
_LONGEST_FIELD = 2**31 - 1  # csv's own limit is 128 KiB; more than this does not fit a C long everywhere


@dataclass(frozen=True, slots=True)
class _Options:
    """How to read, whatever the format."""

    text_unit: TextUnit
    text_column: str
    id_column: str | None
    encoding: str
    metadata: tuple[str, ...] = ()


def read_documents(
    inputs: Sequence[str | Path],
    *,
    format: str | None = None,
    text_unit: TextUnit = "line",
    text_column: str = "text",
    id_column: str | None = None,
    encoding: str = "utf-8",
    metadata: Sequence[str] = (),
    meter: InputMeter | None = None,
) -> Iterator[Document]:
    """Stream the documents of files, folders and standard input, in the order given.

    Paths and options are checked at the call, contents while they are read.

    Args:
        inputs: Files, folders (every file with a known ending below them, sorted), or ``-`` for standard input.
        format: ``txt``, ``jsonl``, ``csv``, ``tsv``, ``parquet`` or ``conllu``; None: by ending, ``txt`` for ``-``.
        text_unit: What is one document in plain text: a line, a paragraph (ended by a blank line), the file.
        text_column: Column or key that holds the text (jsonl: or a list of words), in formats that have columns.
        id_column: Column or key that names the document; None: ``file:line`` or ``file:row``.
        encoding: Encoding of everything but Parquet.
        metadata: Columns or keys to keep with each document; CoNLL-U: its comments. Plain text has none.
        meter: Follows how much has been read.

    Returns:
        Documents, read as they are asked for. Ids of `id_column` are not checked to be unique.

    Raises:
        InputError: If an input is missing, empty, broken, or not in the encoding; with file and line.
    """
    units = get_args(TextUnit)
    if text_unit not in units:
        raise InputError(f"Text unit {text_unit!r} does not exist: it is one of {', '.join(units)}.")
    decoder_of(encoding)
    options = _Options(text_unit, text_column, id_column, encoding, tuple(metadata))
    sources = find_sources(inputs, format)
    for source in sources:
        if metadata and source.format == "txt":
            raise InputError(
                f"{source.name!r} is plain text, which has no column {metadata[0]!r}: give jsonl, csv, tsv, parquet or "
                "CoNLL-U."
            )
    if meter is not None:
        meter.begin([source.path for source in sources])
        sources = [replace(source, meter=meter) for source in sources]
    return _stream(sources, options)


def _stream(sources: list[Source], options: _Options) -> Iterator[Document]:
    for source in sources:
        count, blank = 0, True
        for document in _READERS[source.format](source, options):
            count += 1
            blank = blank and not document.text.strip()
            yield document
        if source.meter is not None:
            source.meter.finished(source.path)
        if blank:
            holds = "holds only white space" if count or source.format == "txt" else "has no documents"
            raise InputError(f"{source.name!r} {holds}: there is nothing to embed in it.")


# ── plain text ──


def _read_txt(source: Source, options: _Options) -> Iterator[Document]:
    if options.text_unit == "file":
        yield Document(source.name, "".join(read_text(source, options.encoding)))
        return
    lines = read_lines(source, options.encoding)
    if options.text_unit == "paragraph":
        yield from _paragraphs(source, lines)
        return
    above = ""
    for number, line in lines:
        if line.strip():
            yield Document(f"{source.name}:{number}", without_terminator(line), continues=bool(above.strip()))
        above = line


def _paragraphs(source: Source, lines: Iterator[tuple[int, str]]) -> Iterator[Document]:
    first, begun = 0, list[str]()
    for number, line in lines:
        if line.strip():
            first = first if begun else number
            begun.append(line)
        elif begun:
            yield Document(f"{source.name}:{first}", without_terminator("".join(begun)))
            begun = []
    if begun:
        yield Document(f"{source.name}:{first}", without_terminator("".join(begun)))


# ── formats with columns ──


def _read_jsonl(source: Source, options: _Options) -> Iterator[Document]:
    for number, line in read_lines(source, options.encoding):
        if not line.strip():
            continue
        place = f"{source.name}:{number}"
        try:
            row = json.loads(line)
        except (json.JSONDecodeError, RecursionError) as error:
            raise InputError(f"{place}: not valid JSON ({error}); each line is one JSON object.") from error
        if not isinstance(row, dict):
            raise InputError(f"{place}: each line is one JSON object, but this one is a {type(row).__name__}.")
        _check_columns(place, options, list(row))
        yield _document(place, options, row)


def _read_csv(source: Source, options: _Options) -> Iterator[Document]:
    csv.field_size_limit(_LONGEST_FIELD)
    lines = (line for _, line in read_lines(source, options.encoding))
    # strict: without it, text after a closing quote and a quote that never closes are glued together in silence
    rows = csv.reader(lines, dialect="excel-tab" if source.format == "tsv" else "excel", strict=True)
    header: list[str] | None = None
    while True:
        place = f"{source.name}:{rows.line_num + 1}"  # where the row begins; quoted fields may go on for lines
        try:
            cells = next(rows, None)
        except csv.Error as error:
            advice = "a field with quotes in it is quoted as a whole, each inner quote written twice"
            raise InputError(f"{place}: not valid {source.format.upper()} ({error}): {advice}.") from error
        if cells is None:
            return
        if not cells:
            continue
        if header is None:
            header = cells
            _check_columns(place, options, header, " The first line names the columns.")
        elif len(cells) != len(header):
            raise InputError(f"{place}: the row has {len(cells)} fields, but the header names {len(header)}.")
        else:
            yield _document(place, options, dict(zip(header, cells, strict=True)))


def _read_parquet(source: Source, options: _Options) -> Iterator[Document]:
    wanted = [options.text_column, *([options.id_column] if options.id_column is not None else []), *options.metadata]
    with seekable(source) as file:
        row = 0
        for batch in _parquet_batches(source, file, options, list(dict.fromkeys(wanted))):
            for cells in _checked_rows(source, batch, row):
                row += 1
                yield _document(f"{source.name}:{row}", options, cells)


def _parquet_batches(source: Source, file: object, options: _Options, wanted: list[str]) -> Iterator[pa.RecordBatch]:
    try:
        parquet = pq.ParquetFile(file)
        schema = parquet.schema_arrow
        _check_columns(source.name, options, schema.names)
        kind = schema.field(options.text_column).type
        if not _holds_text(kind):
            raise InputError(
                f"{source.name!r}: column {options.text_column!r} holds {kind}, not text or lists of words."
            )
        yield from parquet.iter_batches(batch_size=_PARQUET_ROWS, columns=wanted)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{source.name!r}: not a Parquet file, or a broken one ({error})") from error


def _checked_rows(source: Source, batch: pa.RecordBatch, before: int) -> list[dict[str, object]]:
    """Decode a batch; Parquet does not see to it that its strings are UTF-8."""
    try:
        return cast(list[dict[str, object]], batch.to_pylist())
    except UnicodeDecodeError as error:
        rows = f"rows {before + 1} to {before + batch.num_rows}"
        raise InputError(f"{source.name!r}: {rows}: not valid UTF-8 ({error.reason}): write the file anew.") from error


def _holds_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind) or pa.types.is_list(kind) or pa.types.is_large_list(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _check_columns(place: str, options: _Options, columns: list[str], advice: str = "") -> None:
    wanted = [("--text-column", options.text_column), ("--id-column", options.id_column)]
    for option, column in [*wanted, *(("--metadata", column) for column in options.metadata)]:
        if column is not None and column not in columns:
            there = ", ".join(map(repr, columns)) or "none"
            raise InputError(
                f"{place}: there is no column {column!r} (columns: {there}){suggestion(column, columns) or '.'} "
                f"Name it with {option}.{advice}"
            )


def _document(place: str, options: _Options, row: dict[str, object]) -> Document:
    """Make a document of one row whose columns are known to be there."""
    name = place
    if options.id_column is not None:
        value = row[options.id_column]
        if value is None or isinstance(value, (dict, list)) or value == "":
            raise InputError(
                f"{place}: the id in column {options.id_column!r} is {value!r}: each document needs a name."
            )
        name = str(value)
    value = row[options.text_column]
    if isinstance(value, list) and all(isinstance(word, str) for word in value):
        return _given_words(place, name, options, value, _metadata(place, options, row))
    if not isinstance(value, str):
        kind = "null" if value is None else f"a {type(value).__name__}"
        kind += " of other things than words" if isinstance(value, list) else ""
        raise InputError(f"{place}: column {options.text_column!r} is {kind}: it must be a text or a list of words.")
    _check_encodable(place, options.text_column, value)
    return Document(name, value, metadata=_metadata(place, options, row))


def _metadata(place: str, options: _Options, row: dict[str, object]) -> dict[str, str | None]:
    """Keep what was asked for as text: what a stream's first rows hold says nothing of the type of its last."""
    kept: dict[str, str | None] = {}
    for column in options.metadata:
        value = row[column]
        if value is not None and not isinstance(value, str):
            value = json.dumps(value, ensure_ascii=False, default=str)
        _check_encodable(place, column, value or "")
        kept[column] = value
    return kept


def _given_words(
    place: str, name: str, options: _Options, words: list[str], metadata: dict[str, str | None]
) -> Document:
    """Join given words by one space; each keeps its own span."""
    spans, start = [], 0
    for index, word in enumerate(words):
        if not word.strip():
            raise InputError(f"{place}: word {index} in column {options.text_column!r} is empty: {word!r}.")
        spans.append((start, start + len(word)))
        start += len(word) + 1
    text = " ".join(words)
    _check_encodable(place, options.text_column, text)
    return Document(name, text, tuple(spans), metadata=metadata)


def _check_encodable(place: str, column: str, text: str) -> None:
    """Refuse half a surrogate pair: JSON can write one, but no tokenizer and no file format can take it."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"{place}: column {column!r} has half a surrogate pair ({text[error.start]!a}) at character "
            f"{error.start}, which is no Unicode text: write the character whole."
        ) from error


def _read_conllu(source: Source, options: _Options) -> Iterator[Document]:
    return read_conllu(source.name, read_lines(source, options.encoding), options.metadata)


_READERS: dict[str, Callable[[Source, _Options], Iterator[Document]]] = {
    "txt": _read_txt,
    "jsonl": _read_jsonl,
    "csv": _read_csv,
    "tsv": _read_csv,
    "parquet": _read_parquet,
    "conllu": _read_conllu,
}
