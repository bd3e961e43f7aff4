"""From documents to a file: the run behind `wordstates embed`, and what it reports."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from wordstates.documents.document import Document
from wordstates.encode.inputs import Inputs
from wordstates.encode.plan import Plan
from wordstates.encode.protocols import Embedder
from wordstates.errors import InputError
from wordstates.files.open_writer import Writer
from wordstates.result.rows import numbers_in
from wordstates.runs.counts import Counts
from wordstates.runs.fitting import hint_of
from wordstates.runs.groups import GroupRun, group_characters, in_groups, is_long, read_group, run_characters, sound
from wordstates.runs.report import FileReport, aligned, files_read, how_computed, tally, texts_read
from wordstates.text.words import Spans
from wordstates.wording import counted

if TYPE_CHECKING:
    from wordstates.embedder import WordEmbedder
    from wordstates.encode.session import Session

# A dry run times the model on this many words, this often, before it promises anything.
_SAMPLE_WORDS, _SAMPLE_RUNS = 1000, 3
_WORDS_OF_A_PLAN = 100_000
# Beside its vectors, compressed: 4 of the texts of examples (benchmarks/constants.py), more of varied ones.
_BYTES_OF_A_ROW = 12


@dataclass
class Report(Counts, FileReport):
    """What a run did, or (dry) would do.

    Args:
        dry_run: True if nothing was written.
    """

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
        rows += self.how()
        if self.rejects:
            rows.insert(1 + bool(self.files), ("rejected", f"{len(self.rejects):,}"))
        if self.output:
            rows.append(("would write" if self.dry_run else "wrote", self.output))
        return aligned(rows)


def embed_documents(
    embedder: Embedder,
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
    report, run = Report(), GroupRun(embedder, on_progress, in_pieces=writer.in_pieces)
    began = time.perf_counter()
    try:
        for piece in run.over(documents):
            writer.write(piece.documents, piece.embeddings, piece.first)
            del piece  # or its vectors are there until the next are
        report.add(run.counts)
        report.take(run)
        _check_words(report, run.first)
        report.bytes = writer.commit(report.provenance)
    except BaseException:
        writer.abort()
        raise
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
    session: Session | None = None
    first, rate = "", 0.0
    most = group_characters(embedder)
    for group in in_groups(sound(documents, report.rejects), most, is_long):
        session = session or embedder.session(run_characters(group, most))
        first = first or group[0].id
        for inputs, plan, last in _planned(session, group):
            if not report.words and not report.texts:
                report.hint = _hint(session, inputs, plan)
            counts = Counts.of_plan(plan)
            counts.texts, counts.long_texts = counts.texts * last, counts.long_texts * last
            report.add(counts)
            rate = rate or _timed(session, inputs)
    _check_words(report, first)
    report.provenance = session.provenance if session is not None else {}
    numbers = numbers_in(embedder.vector_shapes)
    rows = report.subwords if embedder.recipes[0].subword_pooling == "none" else report.words
    report.bytes = rows * (numbers * bytes_per_number + _BYTES_OF_A_ROW)
    report.seconds = round(report.words / rate, 3) if rate else 0.0
    return report


def _planned(session: Session, group: Sequence[Document]) -> Iterator[tuple[Inputs, Plan, bool]]:
    """Plan a group, a long document piece by piece; also say whether its last document ends there."""
    if not is_long(group[0]):
        inputs = read_group(session, group)
        yield inputs, session.plan(inputs), True
        return
    for part in session.plan_parts(group[0].text, group[0].spans, most=_WORDS_OF_A_PLAN):
        yield Inputs([group[0].text], [part.spans], ""), part.prepared.plan, part.last


def _hint(session: Session, inputs: Inputs, plan: Plan) -> str:
    words = [
        text[start:end] for text, spans in zip(inputs.texts, inputs.spans, strict=True) for start, end in spans.tolist()
    ]
    ids = np.unique(plan.subword_ids).tolist()
    return hint_of(plan, words, dict(zip(ids, session.tokenizer.pieces(ids), strict=True)))


def _timed(session: Session, inputs: Inputs) -> float:
    """Give words a second on the first words of some texts, after a warm-up; 0 if there is no word."""
    texts, sample, taken = list[str](), list[Spans](), 0
    for text, spans in zip(inputs.texts, inputs.spans, strict=True):
        wanted = spans[: max(_SAMPLE_WORDS - taken, 0)]
        taken += len(wanted)
        if len(wanted):
            texts.append(text[: int(wanted[-1, 1])])
            sample.append(wanted)
    if not taken:
        return 0.0
    seconds = []
    for _ in range(1 + _SAMPLE_RUNS):
        began = time.perf_counter()
        session.begin(Inputs(texts, sample, inputs.splitter)).result()
        seconds.append(time.perf_counter() - began)
    return taken / median(seconds[1:])  # the first one warms up


def _check_words(report: Report, first: str) -> None:
    if not report.words:
        texts = counted(report.texts, "text")
        where = repr(first) if report.texts == 1 else f"any of the {texts}, the first of which is {first!r}"
        raise InputError(
            f"There is no word in {where}: nothing but white space, or punctuation where that is left out. Check the "
            "input."
        )
