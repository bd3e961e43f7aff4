"""From documents to a file of usages: the run behind `wordstates find`, and what it reports."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from wordstates.documents.document import Document
from wordstates.documents.output_columns import value_at, word_columns
from wordstates.errors import OutputError, TargetNotFoundError
from wordstates.files.formats import SPREADSHEETS, output_format
from wordstates.files.open_writer import Writer, open_writer
from wordstates.options import CONTEXT, VectorDtype
from wordstates.result.rows import Rows, make_rows, rows_without_vectors
from wordstates.runs.groups import GROUP_CHARACTERS, GroupRun, in_groups, sound
from wordstates.runs.report import FileReport, aligned, files_read, found_rows, tally
from wordstates.runs.searchers import Searcher, Seen
from wordstates.text.targets import Match
from wordstates.text.words import as_spans
from wordstates.wording import counted

if TYPE_CHECKING:
    from wordstates.encode.protocols import Embedder


@dataclass
class FindReport(FileReport):
    """What a search did, or (dry) would do.

    Args:
        texts_with_usages: Documents with a usage: those that are run through the model.
        usages: Usages found.
        targets: Usages of each target.
        dry_run: True if nothing was written.
    """

    texts_with_usages: int = 0
    usages: int = 0
    targets: dict[str, int] = field(default_factory=dict)
    dry_run: bool = False

    def to_text(self) -> str:
        """Write the report as a few aligned lines."""
        rows = [*files_read(self.files), *found_rows(self.texts, self.texts_with_usages, self.usages, self.targets)]
        if self.rejects:
            rows.append(("rejected", f"{len(self.rejects):,}"))
        if not self.dry_run:
            rows.append(("statuses", tally(self.statuses)) if self.statuses else ("vectors", "none asked for"))
        rows.append(("seconds", f"{self.seconds:,.1f}"))
        if not self.dry_run:
            rows.append(("bytes", f"{self.bytes:,}"))
        rows += self.how()
        if self.output:
            rows.append(("would write" if self.dry_run else "wrote", self.output))
        return aligned(rows)


def needs_model(path: str | Path, *, asked: bool) -> bool:
    """Tell whether a file of usages needs a model: those for people only where something is asked of it."""
    return asked or output_format(Path(path)) not in SPREADSHEETS


def open_usages_writer(
    path: str | Path,
    *,
    dtype: VectorDtype = "float32",
    overwrite: bool = False,
    vectors: bool = False,
    vectors_file: str | Path | None = None,
    bom: bool = False,
) -> Writer:
    """Choose the writer of a file of usages; see `open_writer`.

    Raises:
        OutputError: As `open_writer`, and for HDF5.
    """
    if output_format(Path(path)) == "hdf5":
        raise OutputError(f"{str(path)!r}: HDF5 in ELMo's layout holds whole sentences, not usages: write .parquet.")
    return open_writer(path, dtype=dtype, overwrite=overwrite, vectors=vectors, vectors_file=vectors_file, bom=bom)


def find_usages(
    embedder: Embedder,
    documents: Iterable[Document],
    searcher: Searcher,
    writer: Writer,
    *,
    context: int = CONTEXT,
    dtype: VectorDtype = "float32",
    missing: str = "error",
    on_progress: Callable[[int], object] = lambda _: None,
) -> FindReport:
    """Write every usage of the targets with its vector, its context and the metadata of its document.

    A document without a usage is searched and no more.

    Args:
        embedder: Gives the vectors.
        documents: The documents, as a stream.
        searcher: Finds the usages.
        writer: Takes them; committed at the end, aborted when anything fails.
        context: Characters of text on each side of a usage.
        dtype: Precision of the vectors, that of the writer.
        missing: ``error`` if a target without any usage is one, ``ignore`` if not.
        on_progress: Called after each batch with the number of usages it gave.

    Returns:
        What was done; `output` is left empty.

    Raises:
        TargetNotFoundError: If a target occurs nowhere, or none does.
        InputError: If the first documents with usages cannot be embedded.
        ModelError: Likewise.
    """
    report = FindReport()
    # Few of the words get vectors: groups are as long as may be.
    run = GroupRun(embedder, on_progress, splitter="targets", most=GROUP_CHARACTERS, in_pieces=writer.in_pieces)
    began = time.perf_counter()
    found = usage_documents(sound(documents, report.rejects), searcher, report, context=context, missing=missing)
    try:
        for piece in run.over(found):
            documents_found, embeddings = piece.documents, piece.embeddings
            extra = word_columns(documents_found, np.diff(embeddings.text_starts).tolist(), piece.first)
            ids = [document.id for document in documents_found]
            writer.write_rows(make_rows(ids, embeddings, dtype, extra=extra, first=piece.first))
            del piece, embeddings  # or its vectors are there until the next are
        report.take(run)
        report.bytes = writer.commit(report.provenance)
    except BaseException:
        writer.abort()
        raise
    report.seconds = round(time.perf_counter() - began, 3)
    return report


def list_usages(
    documents: Iterable[Document],
    searcher: Searcher,
    writer: Writer,
    *,
    context: int = CONTEXT,
    missing: str = "error",
    on_progress: Callable[[int], object] = lambda _: None,
) -> FindReport:
    """Write every usage with its context and the metadata of its document, without a model and without vectors.

    Args:
        documents: The documents, as a stream.
        searcher: Finds the usages.
        writer: As in `find_usages`.
        context: As in `find_usages`.
        missing: As in `find_usages`.
        on_progress: Called now and then with the number of usages written.

    Returns:
        What was done; `output` is left empty.

    Raises:
        TargetNotFoundError: If a target occurs nowhere, or none does.
    """
    report = FindReport()
    began = time.perf_counter()
    found = usage_documents(sound(documents, report.rejects), searcher, report, context=context, missing=missing)
    try:
        for part in in_groups(found):
            writer.write_rows(_bare_rows(part))
            on_progress(sum(len(document.spans or ()) for document in part))
        report.bytes = writer.commit({"wordstates": version("wordstates"), "splitter": "targets"})
    except BaseException:
        writer.abort()
        raise
    report.seconds = round(time.perf_counter() - began, 3)
    return report


def count_usages(documents: Iterable[Document], searcher: Searcher, *, missing: str = "error") -> FindReport:
    """Count the usages without a model.

    Raises:
        TargetNotFoundError: If a target occurs nowhere, or none does.
    """
    report = FindReport(dry_run=True)
    began = time.perf_counter()
    found = usage_documents(sound(documents, report.rejects), searcher, report, context=0, missing=missing)
    deque(found, maxlen=0)  # they are only counted
    report.seconds = round(time.perf_counter() - began, 3)
    return report


def check_every_target(documents: Iterable[Document], searcher: Searcher) -> None:
    """Read until each target has been seen, so that a typing error is found before anything is computed.

    Raises:
        TargetNotFoundError: If a target occurs nowhere.
    """
    seen = Seen(searcher)
    for document in documents:
        seen.add(document, searcher.find(document))
        if seen.all:
            return
    seen.check()


def usage_documents(
    documents: Iterable[Document], searcher: Searcher, report: FindReport, *, context: int, missing: str
) -> Iterator[Document]:
    """Give the documents with a usage, their usages as their words, and those that could not be read.

    Args:
        documents: The documents, as a stream.
        searcher: Finds the usages.
        report: Counts texts, usages and, at the end, the usages of each target.
        context: Characters of text on each side of a usage.
        missing: ``error`` if a target without any usage is one, ``ignore`` if not.

    Raises:
        TargetNotFoundError: At the end, if a target occurs nowhere, or none does.
    """
    seen = Seen(searcher, checked=missing == "error")
    for document, before, after in in_running_text(documents, context):
        if document.fault:
            yield document
            continue
        matches = searcher.find(document)
        seen.add(document, matches)
        report.texts += 1
        if matches:
            report.texts_with_usages += 1
            report.usages += len(matches)
            yield _with_usages(document, matches, searcher.names, _sides(document, matches, before, after, context))
    if missing == "error":
        seen.check()
    if not report.usages:
        raise TargetNotFoundError(
            f"No usage found of {counted(len(seen.counts), 'target')} in {counted(report.texts, 'text')}: there is "
            "nothing to write."
        )
    report.targets = seen.by_name


def _with_usages(
    document: Document, matches: Sequence[Match], names: Sequence[str], sides: Sequence[tuple[str, str]]
) -> Document:
    """Give a document whose words are its usages, with what is written of each."""
    return Document(
        document.id,
        document.text,
        spans=tuple((start, end) for start, end, _ in matches),
        metadata=document.metadata,
        columns={
            name: tuple(value_at(document, name, start, end) for start, end, _ in matches) for name in document.columns
        },
        place=document.place,
        usages={
            "target": tuple(names[index] for *_, index in matches),
            "left": tuple(left for left, _ in sides),
            "right": tuple(right for _, right in sides),
        },
    )


def _sides(
    document: Document, matches: Sequence[Match], before: str, after: str, characters: int
) -> list[tuple[str, str]]:
    """Give so many characters to the left and to the right of each usage."""
    text = before + document.text + after
    places = [(start + len(before), end + len(before)) for start, end, _ in matches]
    return [(text[max(start - characters, 0) : start], text[end : end + characters]) for start, end in places]


def in_running_text(documents: Iterable[Document], characters: int) -> Iterator[tuple[Document, str, str]]:
    """Give each document with what stands before and after it, where it is a line of a longer text.

    Args:
        documents: The documents.
        characters: How much to give on each side, at least, if there is so much.

    Yields:
        A document; what stands before it, with the line end; what stands after it, with the line end.
    """
    before = ""
    waiting: deque[tuple[Document, str, str]] = deque()  # for what stands after them
    for document in documents:
        if not (document.continues and characters):
            yield from waiting
            waiting.clear()
            before = ""
        else:
            line = "\n" + document.text
            waiting = deque((one, left, right + line) for one, left, right in waiting)
            while waiting and len(waiting[0][2]) > characters:
                yield waiting.popleft()
        waiting.append((document, before, ""))
        before = (before + document.text)[-characters:] + "\n" if characters else ""
    yield from waiting


def _bare_rows(documents: Sequence[Document]) -> Rows:
    """Lay out usages as rows that no model has seen."""
    counts = [len(document.spans or ()) for document in documents]
    spans = [span for document in documents for span in document.spans or ()]
    words = [document.text[start:end] for document in documents for start, end in document.spans or ()]
    starts = np.cumsum([0, *counts])
    return rows_without_vectors(
        [document.id for document in documents], starts, words, as_spans(spans), word_columns(documents, counts)
    )
