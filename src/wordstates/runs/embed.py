"""From documents to a file: the run behind `wordstates embed`, and what it reports."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from wordstates.documents.document import Document
from wordstates.embedder import WordEmbedder
from wordstates.errors import InputError
from wordstates.files.open_writer import Writer
from wordstates.result.rows import numbers_in
from wordstates.runs.groups import characters_to_come, embed_groups, group_characters, in_groups, sound, spans_of
from wordstates.runs.report import FileReport, aligned, files_read, how_computed, tally, texts_read
from wordstates.text.words import Spans

# A dry run times the model on this many words, this often, before it promises anything.
_SAMPLE_WORDS, _SAMPLE_RUNS = 1000, 3
_BYTES_OF_A_ROW = 12  # what the columns beside the vectors take in a compressed file, measured on running text


@dataclass
class Report(FileReport):
    """What a run did, or (dry) would do.

    Args:
        words: Words found.
        subwords: Subwords of those words.
        windows: Windows read by the model.
        long_texts: Texts longer than one window.
        dry_run: True if nothing was written.
    """

    words: int = 0
    subwords: int = 0
    windows: int = 0
    long_texts: int = 0
    dry_run: bool = False

    @property
    def engine(self) -> str:
        """What computed, and why it was no faster engine if one was looked for."""
        return dict(how_computed(self.provenance)).get("engine", "")

    @property
    def words_per_second(self) -> float:
        """Words a second, over the whole run."""
        return self.words / self.seconds if self.seconds else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Give all figures as plain JSON data."""
        return {**super().to_dict(), "engine": self.engine, "words_per_second": round(self.words_per_second, 1)}

    def to_text(self) -> str:
        """Write the report as a few aligned lines."""
        about = "about " if self.dry_run else ""
        rows = [
            *files_read(self.files),
            ("texts", texts_read(self.texts, self.long_texts)),
            ("words", f"{self.words:,}"),
            ("subwords", f"{self.subwords:,}"),
            ("windows", f"{self.windows:,}"),
            ("statuses", tally(self.statuses)),
            ("seconds", f"{about}{self.seconds:,.1f}"),
            ("words a second", f"{about}{self.words_per_second:,.0f}"),
            ("bytes", f"{about}{self.bytes:,}"),
        ]
        rows += how_computed(self.provenance)
        if self.rejects:
            rows.insert(1 + bool(self.files), ("rejected", f"{len(self.rejects):,}"))
        if self.output:
            rows.append(("would write" if self.dry_run else "wrote", self.output))
        return aligned(rows)


def embed_documents(
    embedder: WordEmbedder,
    documents: Iterable[Document],
    writer: Writer,
    *,
    on_progress: Callable[[int], object] = lambda _: None,
) -> Report:
    """Write the vectors of every word of every document.

    Args:
        embedder: Gives the vectors.
        documents: The documents, as a stream.
        writer: Takes them; committed at the end, aborted when anything fails.
        on_progress: Called after each batch with the number of words it gave.

    Returns:
        What was done; `output` is left empty.

    A document that fails is rejected and the run goes on; the report lists it.

    Raises:
        InputError: If there is no word in any document, or what made the first of them fail if nearly all do.
        ModelError: Likewise.
    """
    report = Report()
    statuses: Counter[str] = Counter()
    first, given = "", True
    began = time.perf_counter()

    def noted_spans(group: Sequence[Document]) -> list[Spans]:
        nonlocal first, given
        first = first or group[0].id
        given = given and all(document.spans is not None for document in group)
        return spans_of(embedder, group)

    try:
        for part, embeddings in embed_groups(
            embedder, documents, lambda document: document, noted_spans, report.rejects, on_progress
        ):
            writer.write(part, embeddings)
            report.texts += len(part)
            report.words += len(embeddings.words)
            report.subwords += len(embeddings.subword_ids)
            report.windows += embeddings.reading["windows"]
            report.long_texts += embeddings.reading["long_texts"]
            report.provenance = dict(embeddings.provenance) | {"words": embedder.provenance["words"]}
            statuses.update(embeddings.status_counts)
            del embeddings  # or its vectors are there until the next are
        _check_words(report, first)
        report.provenance |= {"words": "given"} if given else {}
        report.bytes = writer.commit(report.provenance)
    except BaseException:
        writer.abort()
        raise
    report.statuses = dict(statuses)
    report.seconds = round(time.perf_counter() - began, 3)
    return report


def dry_run(embedder: WordEmbedder, documents: Iterable[Document], *, bytes_per_number: int) -> Report:
    """Count what a run would do, and estimate its time and its file from a sample.

    Args:
        embedder: Would give the vectors.
        documents: The documents, as a stream.
        bytes_per_number: 2 for float16, 4 for float32.

    Raises:
        InputError: If there is no word in any document.
    """
    report = Report(dry_run=True)
    statuses: Counter[str] = Counter()
    first, engine = "", ""
    rate = 0.0
    most = group_characters(embedder)
    for group in in_groups(sound(documents, lambda document: document, report.rejects), lambda each: each.text, most):
        engine = engine or embedder.engine_for(characters_to_come((document.text for document in group), most))
        first = first or group[0].id
        texts, spans = [document.text for document in group], spans_of(embedder, group)
        plan = embedder.plan(texts, spans)
        report.texts += len(group)
        report.words += len(plan.status_codes)
        report.subwords += len(plan.subword_ids)
        report.windows += len(plan.windows)
        report.long_texts += plan.long_texts
        statuses.update(plan.status_counts)
        if not rate:
            rate, report.provenance = _timed(embedder, texts, spans, engine)
    _check_words(report, first)
    report.provenance |= {"words": embedder.provenance["words"]}
    numbers = numbers_in(embedder.vector_shapes)
    rows = report.subwords if embedder.recipes[0].subword_pooling == "none" else report.words
    report.statuses = dict(statuses)
    report.bytes = rows * (numbers * bytes_per_number + _BYTES_OF_A_ROW)
    report.seconds = round(report.words / rate, 3) if rate else 0.0
    return report


def _timed(embedder: WordEmbedder, texts: list[str], spans: list[Spans], engine: str) -> tuple[float, dict[str, Any]]:
    """Give words a second on the first words of some texts, after a warm-up, and where their vectors came from."""
    sample, counted = [], 0
    for text_spans in spans:
        sample.append(text_spans[: max(_SAMPLE_WORDS - counted, 0)])
        counted += len(sample[-1])
    if not counted:
        return 0.0, {}
    cut = [text[: int(found[-1, 1]) if len(found) else 0] for text, found in zip(texts, sample, strict=True)]
    used = [index for index, found in enumerate(sample) if len(found)]
    cut, sample = [cut[index] for index in used], [sample[index] for index in used]
    seconds = []
    for _ in range(1 + _SAMPLE_RUNS):
        began = time.perf_counter()
        embeddings = embedder.submit(cut, spans=sample, engine=engine).result()
        seconds.append(time.perf_counter() - began)
    return counted / median(seconds[1:]), dict(embeddings.provenance)  # the first one warms up


def _check_words(report: Report, first: str) -> None:
    if not report.words:
        where = (
            repr(first) if report.texts == 1 else f"any of the {report.texts:,} texts, the first of which is {first!r}"
        )
        raise InputError(
            f"There is no word in {where}: nothing but white space, or punctuation where that is left out. Check the "
            "input."
        )
