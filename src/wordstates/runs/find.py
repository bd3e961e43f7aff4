"""From documents to a file of usages: the run behind `wordstates find`, and what it reports."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from wordstates.documents.document import Document
from wordstates.errors import InputError, OutputError, TargetNotFoundError
from wordstates.files.formats import output_format
from wordstates.files.open_writer import Writer, open_writer
from wordstates.options import VectorDtype
from wordstates.result.rows import Rows, make_rows
from wordstates.runs.groups import GROUP_CHARACTERS, embed_groups
from wordstates.runs.report import FileReport, aligned, how_computed, tally
from wordstates.runs.searchers import Searcher, Seen
from wordstates.text.targets import Match
from wordstates.text.words import Spans, as_spans

if TYPE_CHECKING:
    from wordstates.embedder import WordEmbedder
    from wordstates.result.word_embeddings import WordEmbeddings

_OWN_COLUMNS = {"document", "position", "word", "start", "end", "status", "subwords", "key", "subword"}
_OWN_COLUMNS |= {"target", "left", "right", "vector"}
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
            ("texts", f"{self.texts:,} ({self.texts_with_usages:,} with a usage)"),
            ("usages", f"{self.usages:,}"),
            ("targets", targets),
        ]
        if self.rejects:
            rows.append(("rejected", f"{len(self.rejects):,}"))
        if not self.dry_run:
            rows.append(("statuses", tally(self.statuses)))
        rows.append(("seconds", f"{self.seconds:,.1f}"))
        if not self.dry_run:
            rows.append(("bytes", f"{self.bytes:,}"))
        rows += how_computed(self.provenance)
        if self.output:
            rows.append(("would write" if self.dry_run else "wrote", self.output))
        return aligned(rows)


@dataclass(frozen=True)
class _Hit:
    """A document with the usages in it."""

    document: Document
    matches: Sequence[Match]

    @property
    def spans(self) -> Spans:
        return as_spans([match[:2] for match in self.matches])


def open_usages_writer(path: str | Path, *, dtype: VectorDtype = "float32", overwrite: bool = False) -> Writer:
    """Choose the writer of a file of usages; see `open_writer`.

    Raises:
        OutputError: As `open_writer`, and for HDF5.
    """
    if output_format(Path(path)) == "hdf5":
        raise OutputError(f"{str(path)!r}: HDF5 in ELMo's layout holds whole sentences, not usages: write .parquet.")
    return open_writer(path, dtype=dtype, overwrite=overwrite)


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
    report, statuses = FindReport(), Counter[str]()
    seen = Seen(searcher, checked=missing == "error")
    began = time.perf_counter()
    try:
        for part, embeddings in embed_groups(
            embedder,
            _search(documents, searcher, seen, report),
            lambda hit: hit.document,
            lambda hits: [hit.spans for hit in hits],
            report.rejects,
            on_progress,
            most=GROUP_CHARACTERS,  # few of the words get vectors
        ):
            report.provenance = {**embeddings.provenance, "words": "targets"}
            writer.write_rows(_rows(part, embeddings, searcher.names, context, dtype))
            statuses.update(embeddings.status_counts)
            del embeddings  # or its vectors are there until the next are
        _finish(report, seen, missing)
        report.bytes = writer.commit(report.provenance)
    except BaseException:
        writer.abort()
        raise
    report.statuses = dict(statuses)
    report.seconds = round(time.perf_counter() - began, 3)
    return report


def count_usages(documents: Iterable[Document], searcher: Searcher, *, missing: str = "error") -> FindReport:
    """Count the usages without a model.

    Raises:
        TargetNotFoundError: If a target occurs nowhere, or none does.
    """
    report, seen = FindReport(dry_run=True), Seen(searcher, checked=missing == "error")
    began = time.perf_counter()
    for _ in _search(documents, searcher, seen, report):
        pass
    _finish(report, seen, missing)
    report.seconds = round(time.perf_counter() - began, 3)
    return report


def check_every_target(documents: Iterable[Document], searcher: Searcher) -> None:
    """Read until each target has been seen, so that a typing error comes to light before anything is computed.

    Raises:
        TargetNotFoundError: If a target occurs nowhere.
    """
    seen = Seen(searcher)
    for document in documents:
        seen.add(document, searcher.find(document))
        if seen.all:
            return
    seen.check()


def check_metadata(columns: Sequence[str]) -> None:
    """Check that no column of metadata has the name of a column that every file of usages has.

    Raises:
        InputError: If one has.
    """
    for column in columns:
        if column in _OWN_COLUMNS or column.startswith("vector_"):
            raise InputError(
                f"Metadata {column!r} would share its name with a column of the usages; those are "
                f"{', '.join(sorted(_OWN_COLUMNS))} and vector_...: rename it in the input."
            )


def _search(documents: Iterable[Document], searcher: Searcher, seen: Seen, report: FindReport) -> Iterator[_Hit]:
    for document in documents:
        matches = searcher.find(document)
        seen.add(document, matches)
        report.texts += 1
        if matches:
            report.texts_with_usages += 1
            report.usages += len(matches)
            yield _Hit(document, matches)


def _finish(report: FindReport, seen: Seen, missing: str) -> None:
    if missing == "error":
        seen.check()
    if not report.usages:
        raise TargetNotFoundError(
            f"None of the {len(seen.counts):,} targets occurs in any of the {report.texts:,} texts: there is "
            "nothing to write."
        )
    report.targets = seen.by_name


def _rows(
    hits: Sequence[_Hit], embeddings: WordEmbeddings, names: Sequence[str], context: int, dtype: VectorDtype
) -> Rows:
    """Lay out usages as rows, with the columns that only usages have."""
    usages = [(hit.document, *match) for hit in hits for match in hit.matches]
    extra: dict[str, list[str | None]] = {
        "target": [names[index] for *_, index in usages],
        "left": [document.text[max(start - context, 0) : start] for document, start, _, _ in usages],
        "right": [document.text[end : end + context] for document, _, end, _ in usages],
    }
    for column in hits[0].document.metadata:
        extra[column] = [document.metadata.get(column) for document, *_ in usages]
    return make_rows([hit.document.id for hit in hits], embeddings, dtype, extra=extra)
