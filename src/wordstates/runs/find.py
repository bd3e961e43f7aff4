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
from wordstates.documents.output_columns import names_of, output_name, value_at
from wordstates.errors import OutputError, TargetNotFoundError
from wordstates.files.formats import SPREADSHEETS, output_format
from wordstates.files.open_writer import Writer, open_writer
from wordstates.options import VectorDtype
from wordstates.result.rows import Rows, make_rows, rows_without_vectors
from wordstates.runs.groups import GROUP_CHARACTERS, DocumentPart, GroupRun, in_groups, sound
from wordstates.runs.report import FileReport, aligned, files_read, how_computed, tally
from wordstates.runs.searchers import Searcher, Seen
from wordstates.text.targets import Match
from wordstates.text.words import Spans, as_spans
from wordstates.wording import counted

if TYPE_CHECKING:
    from wordstates.embedder import WordEmbedder
    from wordstates.result.word_embeddings import WordEmbeddings

_SHOWN_TARGETS = 10


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
        most = sorted(self.targets.items(), key=lambda item: -item[1])
        targets = ", ".join(f"{target} {count:,}" for target, count in most[:_SHOWN_TARGETS])
        if len(most) > _SHOWN_TARGETS:
            targets += f" and {len(most) - _SHOWN_TARGETS:,} more"
        rows = [
            *files_read(self.files),
            ("texts", f"{self.texts:,} ({self.texts_with_usages:,} with a usage)"),
            ("usages", f"{self.usages:,}"),
            ("targets", targets),
        ]
        if self.rejects:
            rows.append(("rejected", f"{len(self.rejects):,}"))
        if not self.dry_run:
            rows.append(("statuses", tally(self.statuses)) if self.statuses else ("vectors", "none asked for"))
        rows.append(("seconds", f"{self.seconds:,.1f}"))
        if not self.dry_run:
            rows.append(("bytes", f"{self.bytes:,}"))
        rows += how_computed(self.provenance)
        if self.output:
            rows.append(("would write" if self.dry_run else "wrote", self.output))
        return aligned(rows)


@dataclass(frozen=True)
class _Hit(DocumentPart):
    """A document with the usages in it.

    Args:
        document: The document.
        matches: The usages.
        before: The end of what it goes on from, if it does, with the line end.
        after: The beginning of what goes on from it.
    """

    document: Document
    matches: Sequence[Match]
    before: str = ""
    after: str = ""

    def context(self, characters: int) -> list[tuple[str, str]]:
        """Give so many characters to the left and to the right of each usage."""
        text = self.before + self.document.text + self.after
        places = [(start + len(self.before), end + len(self.before)) for start, end, _ in self.matches]
        return [(text[max(start - characters, 0) : start], text[end : end + characters]) for start, end in places]

    @property
    def spans(self) -> Spans:
        return as_spans([match[:2] for match in self.matches])


def needs_model(path: str | Path, *, asked: bool) -> bool:
    """Tell whether a file of usages needs a model: those for people only where something is asked of it."""
    return asked or output_format(Path(path)) not in SPREADSHEETS


def open_usages_writer(
    path: str | Path,
    *,
    dtype: VectorDtype = "float32",
    overwrite: bool = False,
    vectors: bool = False,
    bom: bool = False,
) -> Writer:
    """Choose the writer of a file of usages; see `open_writer`.

    Raises:
        OutputError: As `open_writer`, for HDF5, and for a folder.
    """
    if str(path) != "-" and (str(path).endswith("/") or Path(path).is_dir() or not Path(path).suffix):
        raise OutputError(
            f"{str(path)!r} names a store, as only `embed` writes them: usages go to one file, as usages.parquet."
        )
    if output_format(Path(path)) == "hdf5":
        raise OutputError(f"{str(path)!r}: HDF5 in ELMo's layout holds whole sentences, not usages: write .parquet.")
    return open_writer(path, dtype=dtype, overwrite=overwrite, vectors=vectors, bom=bom)


def find_usages(
    embedder: WordEmbedder,
    documents: Iterable[Document],
    searcher: Searcher,
    writer: Writer,
    *,
    context: int = 60,
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
    report, seen = FindReport(), Seen(searcher, checked=missing == "error")
    # Few of the words get vectors: groups are as long as may be.
    run = GroupRun(embedder, on_progress, words="targets", most=GROUP_CHARACTERS)
    began = time.perf_counter()
    try:
        for part, embeddings in run.over(_search(documents, searcher, seen, report, context)):
            writer.write_rows(_rows(part, embeddings, searcher.names, context, dtype))
            del embeddings  # or its vectors are there until the next are
        _finish(report, seen, missing)
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
    context: int = 60,
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
    report, seen = FindReport(), Seen(searcher, checked=missing == "error")
    began = time.perf_counter()
    try:
        for hits in in_groups(_search(documents, searcher, seen, report, context)):
            writer.write_rows(_bare_rows(hits, searcher.names, context))
            on_progress(sum(len(hit.matches) for hit in hits))
        _finish(report, seen, missing)
        report.bytes = writer.commit({"wordstates": version("wordstates"), "words": "targets"})
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
    report, seen = FindReport(dry_run=True), Seen(searcher, checked=missing == "error")
    began = time.perf_counter()
    for _ in _search(documents, searcher, seen, report, 0):
        pass
    _finish(report, seen, missing)
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


def _search(
    documents: Iterable[Document], searcher: Searcher, seen: Seen, report: FindReport, context: int
) -> Iterator[_Hit]:
    documents = sound(documents, report.rejects)
    for document, before, after in in_running_text(documents, context):
        matches = searcher.find(document)
        seen.add(document, matches)
        report.texts += 1
        if matches:
            report.texts_with_usages += 1
            report.usages += len(matches)
            yield _Hit(document, matches, before, after)


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


def _finish(report: FindReport, seen: Seen, missing: str) -> None:
    if missing == "error":
        seen.check()
    if not report.usages:
        raise TargetNotFoundError(
            f"No usage found of {counted(len(seen.counts), 'target')} in {counted(report.texts, 'text')}: there is "
            "nothing "
            "to write."
        )
    report.targets = seen.by_name


def _rows(
    hits: Sequence[_Hit], embeddings: WordEmbeddings, names: Sequence[str], context: int, dtype: VectorDtype
) -> Rows:
    """Lay out usages as rows, with the columns that only usages have."""
    return make_rows([hit.id for hit in hits], embeddings, dtype, extra=_columns(hits, names, context))


def _bare_rows(hits: Sequence[_Hit], names: Sequence[str], context: int) -> Rows:
    """Lay out usages as rows that no model has seen."""
    starts = np.cumsum([0, *(len(hit.matches) for hit in hits)])
    words = [hit.text[start:end] for hit in hits for start, end, _ in hit.matches]
    spans = np.concatenate([hit.spans for hit in hits])
    return rows_without_vectors([hit.id for hit in hits], starts, words, spans, _columns(hits, names, context))


def _columns(hits: Sequence[_Hit], names: Sequence[str], context: int) -> dict[str, list[str | None]]:
    sides = [side for hit in hits for side in hit.context(context)]
    columns: dict[str, list[str | None]] = {
        "target": [names[index] for hit in hits for *_, index in hit.matches],
        "left": [left for left, _ in sides],
        "right": [right for _, right in sides],
    }
    for name in names_of([hit.document for hit in hits]):
        columns[output_name(name)] = [
            value_at(hit.document, name, start, end) for hit in hits for start, end, _ in hit.matches
        ]
    return columns
