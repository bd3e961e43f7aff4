"""Readers: files, folders and standard input as a stream of documents.

A format is a function from a source to documents; which files are read is in `sources`, what all share (opening,
decompressing, decoding) in `decode`, tables in `tables`. Only a text that is one document is ever whole in memory.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, groupby
from pathlib import Path

from wordstates.documents.conll import read_conll
from wordstates.documents.conllu import read_conllu
from wordstates.documents.decode import (
    NothingToReadError,
    decoder_of,
    read_lines,
    read_text,
    without_terminator,
)
from wordstates.documents.document import Document
from wordstates.documents.file_names import NamePattern
from wordstates.documents.input_meter import InputMeter
from wordstates.documents.sources import FoundSources, Source, find_sources
from wordstates.documents.stream import DocumentStream
from wordstates.documents.table_documents import Columns, documents_of
from wordstates.documents.tables import Cells, Row, read_csv, read_jsonl, read_parquet, read_xlsx
from wordstates.errors import InputError, without_foreign_errors
from wordstates.options import MAX_TEXT, Quoting, TextUnit, check_choice

TABLES = ("jsonl", "csv", "tsv", "parquet", "xlsx")


@dataclass(frozen=True, slots=True)
class _Options:
    """How to read, whatever the format."""

    text_unit: TextUnit
    encoding: str
    columns: Columns
    cells: Cells
    names: NamePattern | None
    ids_by_file: bool
    max_text: int


@without_foreign_errors
def read_documents(
    inputs: Sequence[str | Path],
    *,
    format: str | None = None,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    text_unit: TextUnit = "line",
    text_column: str = "text",
    id_column: str | None = None,
    word_column: str | None = None,
    group_column: Sequence[str] = (),
    delimiter: str | None = None,
    quoting: Quoting = "auto",
    encoding: str = "utf-8",
    metadata: Sequence[str] | None = None,
    metadata_from_name: str | None = None,
    ids_by_file: bool = False,
    ids_must_differ: bool = True,
    max_text: int = MAX_TEXT,
    meter: InputMeter | None = None,
) -> DocumentStream:
    """Stream the documents of files, folders and standard input, in the order given.

    Paths and options are checked at the call, contents while they are read.

    Args:
        inputs: Files, folders (every file with a known ending below them, sorted), or ``-`` for standard input.
        format: ``txt``, ``jsonl``, ``csv``, ``tsv``, ``parquet``, ``xlsx``, ``conllu`` or ``conll``; None: by ending,
            ``txt`` for ``-``.
        include: Patterns of files below folders to read; none: all but those about the corpus, as ``README.txt``.
        exclude: Patterns of files below folders to leave out.
        text_unit: What is one document in plain text: a line, a paragraph (ended by a blank line), the file.
        text_column: Column or key that holds the text (jsonl, parquet: or a list of words), in tables.
        id_column: Column or key that names the document; None: ``file:line`` or ``file:row``.
        word_column: Column or key that holds a word: the rows of a table are words, as given.
        group_column: Columns that say which consecutive rows of a table of words are one text, and name it; none: all
            rows of a file are.
        delimiter: Character between the fields of csv and tsv, or ``tab``, ``semicolon``, ...; None: by the ending.
        quoting: What quotes in csv and tsv are; see `Cells`.
        encoding: Encoding of everything but Parquet and Excel; a byte order mark overrides it.
        metadata: Columns or keys to keep with each document or word; CoNLL-U: its columns and comments; CoNLL:
            ``label``. None: of tables of words all other columns, else nothing.
        metadata_from_name: Pattern of the names of files, whose fields are kept with each document.
        ids_by_file: Begin ids that the input gives with the name of the file.
        ids_must_differ: Refuse an id that two documents have. It takes 80 bytes for each id that the input gives.
        max_text: Characters of the longest text that is read; a longer one is a document with a `fault`.
        meter: Follows how much has been read.

    Returns:
        Documents, read as they are asked for. A file that is blank or may not be read is a document with a `fault`, if
        there are other files.

    Raises:
        InputError: If an input is missing, empty, broken, or not in the encoding; with file and line. Also if two
            documents have one id.

    Warns:
        UserWarning: If files of a folder are left out, or are of several formats.
    """
    check_choice("text_unit", text_unit, TextUnit)
    check_choice("quoting", quoting, Quoting)
    decoder_of(encoding)
    if max_text < 1:
        raise InputError(f"max_text={max_text} lets no text through: give the characters of the longest one.")
    if group_column and word_column is None:
        raise InputError(
            "group_column=... says which words are one text: name the column of the words, word_column=..."
        )
    if word_column is not None and (id_column is not None or text_column != "text"):
        raise InputError(
            "word_column=... does not go with text_column=... or id_column=...: group_column=... names the texts."
        )
    names = None if metadata_from_name is None else NamePattern(metadata_from_name)
    for field in names.fields if names is not None else ():
        if field in (metadata or ()):
            raise InputError(
                f"{field!r} is in metadata=... and in metadata_from_name=...: what names say is "
                "written by itself, so leave it out of metadata=..., or call it otherwise in the pattern."
            )
    kept = metadata if word_column is not None or metadata is not None else ()
    columns = Columns(text_column, id_column, None if kept is None else tuple(kept), word_column, tuple(group_column))
    options = _Options(text_unit, encoding, columns, Cells(delimiter, quoting), names, ids_by_file, max_text)
    found = find_sources(inputs, format, include=include, exclude=exclude)
    _check_options(found.sources, options)
    _warn_of(found)
    sources = found.sources
    if meter is not None:
        meter.begin([source.path for source in sources if not source.fault])
        sources = [replace(source, meter=meter) for source in sources]

    @without_foreign_errors
    def read(sources: Sequence[Source]) -> Iterator[Document]:
        documents = _stream(sources, options)
        yield from _unique(documents, sources, options) if ids_must_differ else documents

    return DocumentStream(inputs, sources, read, of_words=word_column is not None)


# ── options that do not go with the files ──


def _check_options(sources: Sequence[Source], options: _Options) -> None:
    """Refuse options that would do nothing for a file: whoever gave them believes otherwise."""
    columns = options.columns
    for_tables = {
        "text_column=...": columns.text != "text",
        "id_column=...": columns.id is not None,
        "word_column=...": columns.word is not None,
    }
    for source in sources:
        if options.names is not None and not source.fault:
            options.names.fields_of(source.path)
        if source.format in TABLES or source.fault:
            continue
        given = [option for option, is_given in for_tables.items() if is_given]
        if source.format == "txt" and columns.metadata:
            given.append(f"metadata={columns.metadata[0]!r}")
        if given:
            kind = "plain text" if source.format == "txt" else source.format
            raise InputError(
                f"{source.name!r} is {kind}, which has no column for {given[0]}: leave the option out, or the file "
                "(exclude=..., format=...)."
            )
    formats = {source.format for source in sources if not source.fault}
    if options.text_unit != "line" and formats and "txt" not in formats:
        raise InputError(
            f"text_unit={options.text_unit!r} is for plain text, and the input is {', '.join(sorted(formats))}."
        )
    if options.cells != Cells() and formats and not formats & {"csv", "tsv"}:
        raise InputError(
            f"delimiter=... and quoting=... are for csv and tsv, and the input is {', '.join(sorted(formats))}."
        )
    for source in sources:
        options.cells.between(source)


def _warn_of(found: FoundSources) -> None:
    for folder, formats in found.mixed.items():
        counts = ", ".join(f"{count:,} {name}" for name, count in sorted(formats.items()))
        warnings.warn(
            f"{folder!r} has files of several formats, and all are read: {counts}. Choose with format=..., "
            "include=... or exclude=..., or a text may be there twice.",
            stacklevel=5,
        )
    if found.left_out:
        more = f" and {len(found.left_out) - 3:,} more" if len(found.left_out) > 3 else ""
        warnings.warn(
            f"not read, because {'they are' if len(found.left_out) > 1 else 'it is'} about the corpus: "
            f"{', '.join(found.left_out[:3])}{more}. To read such files, name them or pass include=...",
            stacklevel=5,
        )


# ── the stream ──


def _stream(sources: Sequence[Source], options: _Options) -> Iterator[Document]:
    for source in sources:
        fields = options.names.fields_of(source.path) if options.names is not None and not source.fault else {}
        try:
            for document in _sound(source, options):
                if len(document.text) > options.max_text:
                    document = Document(document.id, "", place=document.place, fault=_too_long(document, options))
                if fields:
                    document = replace(document, metadata=fields | dict(document.metadata))
                if options.ids_by_file and document.place:
                    document = replace(document, id=f"{source.name}:{document.id}")
                yield document
        except NothingToReadError as error:
            if len(sources) == 1:
                raise
            yield Document(source.name, "", metadata=fields, fault=str(error))


def _too_long(document: Document, options: _Options) -> str:
    return (
        f"{document.place or document.id}: the text has more than {options.max_text:,} characters: is it one text? "
        "Cut it, or pass max_text=... for longer ones."
    )


def _sound(source: Source, options: _Options) -> Iterator[Document]:
    """Read a source, and see that there is something to embed in it."""
    if source.fault:
        raise NothingToReadError(source.fault)
    count, blank = 0, True
    for document in _READERS[source.format](source, options):
        count += 1
        blank = blank and not document.text.strip()
        yield document
    if source.meter is not None:
        source.meter.finished(source.path)
    if blank:
        holds = "holds only white space" if count or source.format == "txt" else "has no documents"
        raise NothingToReadError(f"{source.name!r} {holds}: there is nothing to embed in it.")


def _unique(documents: Iterator[Document], sources: Sequence[Source], options: _Options) -> Iterator[Document]:
    """See that no two documents have the same id, of those that the input gives: places differ by themselves."""
    seen = set[int]()  # hashes, a few bytes each; where two are the same, the files are read again up to the first
    for document in documents:
        known = hash(document.id)
        if document.place and known in seen:
            first = _first_place(document.id, sources, options)
            if first != document.place:
                raise InputError(_twice(document, first))
        elif document.place:
            seen.add(known)
        yield document


def _first_place(id: str, sources: Sequence[Source], options: _Options) -> str:
    """Read again until an id comes; empty if it is in what cannot be read twice."""
    again = [replace(source, meter=None) for source in sources if source.path is not None and source.path.is_file()]
    return next((document.place for document in _stream(again, options) if document.id == id), "")


def _twice(document: Document, first: str) -> str:
    before = f"names the text at {first} already" if first else "comes a second time"
    files = {place.rpartition(":")[0] for place in (first, document.place)}
    if len(files) > 1 and first:
        advice = "pass ids_by_file=True, which begins each id with the name of its file"
    else:
        advice = (
            "give a column whose values differ (of a table of words, all the columns that tell its texts apart, as "
            "group_column=['story', 'sentence']), or none and keep this one with metadata=..."
        )
    return f"{document.place}: the id {document.id!r} {before}. An id names one text: {advice}."


# ── formats ──


def _read_txt(source: Source, options: _Options) -> Iterator[Document]:
    if options.text_unit == "file":
        yield Document(source.name, _joined(read_text(source, options.encoding), options.max_text))
        return
    lines = _lines(source, options)
    if options.text_unit == "paragraph":
        yield from _paragraphs(source, lines, options.max_text)
        return
    above = ""
    for number, line in lines:
        if line.strip():
            yield Document(f"{source.name}:{number}", without_terminator(line), continues=bool(above.strip()))
        above = line


def _lines(source: Source, options: _Options) -> Iterator[tuple[int, str]]:
    return read_lines(source, options.encoding, longest=options.max_text, runs_of_blanks=True)


def _joined(parts: Iterable[str], longest: int) -> str:
    """Join parts of a text, no more of them than make it too long."""
    kept, length = list[str](), 0
    for part in parts:
        kept.append(part)
        length += len(part)
        if length > longest + len("\r\n"):
            break
    return "".join(kept)


def _paragraphs(source: Source, lines: Iterator[tuple[int, str]], longest: int) -> Iterator[Document]:
    for blank, group in groupby(lines, lambda numbered: not numbered[1].strip()):
        if not blank:
            number, line = next(group)
            text = _joined(chain([line], (line for _, line in group)), longest)
            yield Document(f"{source.name}:{number}", without_terminator(text))


def _read_table(source: Source, options: _Options) -> Iterator[Document]:
    columns, encoding = options.columns, options.encoding
    rows: Iterator[Row]
    if source.format == "jsonl":
        rows = read_jsonl(source, encoding, columns.check, options.max_text)
    elif source.format == "parquet":
        rows = read_parquet(source, columns.check, columns.wanted(), columns.word or columns.text)
    elif source.format == "xlsx":
        rows = read_xlsx(source, columns.check)
    else:
        rows = read_csv(source, encoding, columns.check, options.cells, options.max_text)
    return documents_of(source, rows, columns)


def _read_conllu(source: Source, options: _Options) -> Iterator[Document]:
    return read_conllu(source.name, _lines(source, options), options.columns.metadata or ())


def _read_conll(source: Source, options: _Options) -> Iterator[Document]:
    return read_conll(source.name, _lines(source, options), options.columns.metadata or ())


_READERS: dict[str, Callable[[Source, _Options], Iterator[Document]]] = {
    "txt": _read_txt,
    **dict.fromkeys(TABLES, _read_table),
    "conllu": _read_conllu,
    "conll": _read_conll,
}
