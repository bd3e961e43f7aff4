"""From a shard to its file: a function of the shard, the embedder and the job, and of nothing else.

Whoever has the three, in whichever process, on whichever machine, writes the same file. The order of the steps is what
makes a kill harmless: the rows go to a partial file, which is synced; then the record is written; then the file gets
its name. A file that has its name is whole and has its record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from wordstates.documents.document import Document
from wordstates.documents.output_columns import word_columns
from wordstates.encode.inputs import GIVEN, Inputs
from wordstates.errors import InputError, ModelError
from wordstates.files.atomic import PartialFile, write_text_whole
from wordstates.files.tables import ParquetWriter
from wordstates.result.rows import LARGEST_FLOAT16, in_dtypes, largest_values, make_rows, without_documents
from wordstates.runs.counts import Counts
from wordstates.runs.groups import GroupRun, Reject, affordable_words, read_group
from wordstates.store.checksums import checksums_of
from wordstates.store.manifest import Manifest
from wordstates.store.record import ShardRecord
from wordstates.store.shards import Shard

if TYPE_CHECKING:
    from wordstates.embedder import WordEmbedder
    from wordstates.result.word_embeddings import WordEmbeddings

KEPT = "the finished shards are kept, and the same command goes on from there"
# Vectors of one document that are in memory at a time; a larger document is embedded in pieces.
_PIECE_BYTES = 1 << 28


@dataclass(frozen=True, slots=True)
class ShardJob:
    """What all shards of a store have in common.

    Args:
        shards: Folder of the shards.
        records: Folder of their records.
        manifest: What the store is made of.
    """

    shards: Path
    records: Path
    manifest: Manifest


@dataclass(frozen=True, slots=True)
class Piece:
    """Some documents with their vectors, or a part of one large document.

    Args:
        documents: The documents.
        embeddings: Their words, or some of them.
        first: Position of the first of these words in its document.
        last: Whether the words of the last document end here.
    """

    documents: Sequence[Document]
    embeddings: WordEmbeddings
    first: int = 0
    last: bool = True


class _DocumentError(Exception):
    """A large document that fails in its middle, when some of its rows are written."""


class _ShardFile(PartialFile):
    """A shard in the making; its record is written when its bytes are known."""

    def __init__(self, job: ShardJob, name: str) -> None:
        super().__init__(job.shards / f"{name}.parquet", overwrite=True, kept=KEPT, sweeps=False)
        self._record = job.records / f"{name}.json"
        self.record: ShardRecord | None = None

    def before_it_is_there(self, size: int) -> None:
        if self.record is not None:
            sums = checksums_of(self.path)
            self.record = replace(self.record, bytes=size, sha256=sums["sha256"], xxh3=sums["xxh3"])
            write_text_whole(self._record, self.record.to_json() + "\n")


@dataclass
class _Tally:
    """What is counted while a shard is written."""

    counts: Counts = field(default_factory=Counts)
    rows: int = 0
    rejects: list[dict[str, str]] = field(default_factory=list)


def write_shard(
    embedder: WordEmbedder, shard: Shard, job: ShardJob, on_progress: Callable[[int], object] = lambda _: None
) -> ShardRecord:
    """Embed the documents of a shard and write its file.

    Args:
        embedder: Gives the vectors.
        shard: The documents.
        job: Where to, and in which columns.
        on_progress: Called after each batch with the number of words it gave.

    Returns:
        What is known of the shard, as it also stands beside it.

    Raises:
        OutputError: If it cannot be written; nothing of it is left then.
    """
    try:
        return _write(embedder, shard.documents, shard, job, on_progress, _Tally())
    except _DocumentError as failed:  # only where a document is a shard of its own: what is left is an empty shard
        rejected = _Tally(rejects=[{"document": shard.documents[0].id, "reason": str(failed)}])
        return _write(embedder, (), shard, job, on_progress, rejected)


def _write(
    embedder: WordEmbedder,
    documents: Sequence[Document],
    shard: Shard,
    job: ShardJob,
    on_progress: Callable[[int], object],
    tally: _Tally,
) -> ShardRecord:
    file = _ShardFile(job, shard.name)
    writer = ParquetWriter(file, "float32", keyed=job.manifest.settings.keyed)
    run = ShardRun(embedder, on_progress)
    try:
        writer.write_rows(job.manifest.no_rows())  # the schema is the store's, also where a shard has no word at all
        for piece in run.pieces(documents):
            _write_piece(writer, piece, job.manifest, tally)
            del piece  # or its vectors are there until the next are
        given = not job.manifest.settings.search and all(
            document.spans is not None for document in shard.documents if not document.fault
        )
        file.record = ShardRecord(
            **vars(tally.counts),
            number=shard.number,
            id=shard.id,
            first=shard.documents[0].id,
            last=shard.documents[-1].id,
            documents=len(shard.documents),
            rows=tally.rows,
            rejects=[*tally.rejects, *(reject.to_dict() for reject in run.rejects)],
            given=given,
        )
        own: dict[str, Any] = {"shard": {"number": shard.number, "id": shard.id}}
        writer.commit(job.manifest.provenance | ({"words": GIVEN} if given else {}) | own)
    except BaseException:
        writer.abort()
        raise
    return file.record


def _write_piece(writer: ParquetWriter, piece: Piece, manifest: Manifest, tally: _Tally) -> None:
    """Write the rows of a piece, but for documents with a value that a column of the store cannot hold."""
    embeddings = piece.embeddings
    keys = [
        None if document.keys is None else document.keys[piece.first : piece.first + len(embeddings.words)]
        for document in piece.documents
    ]
    ids = [document.id for document in piece.documents]
    extra = word_columns(piece.documents, np.diff(embeddings.text_starts).tolist(), piece.first)
    context = manifest.settings.context
    rows = make_rows(ids, embeddings, "float32", keys, context=context, extra=extra, first=piece.first)
    kept = np.ones(len(embeddings.words), dtype=np.bool_)
    documents = np.arange(len(piece.documents))  # which of the piece's documents are left in the rows
    for column in (name for name, dtype in manifest.dtypes.items() if dtype == "float16"):
        largest = largest_values(rows, column)
        beyond = np.unique(rows.document_index[largest > LARGEST_FLOAT16]).tolist()
        if beyond:
            reason = (
                f"Column {column!r} has values up to {largest.max():.6g}, and float16 ends at {LARGEST_FLOAT16:.0f}: "
                "make the store with dtype='float32'."
            )
            if len(piece.documents) == 1 and not (piece.last and piece.first == 0):
                raise _DocumentError(reason)
            tally.rejects.extend({"document": rows.documents[index], "reason": reason} for index in beyond)
            kept &= ~np.isin(embeddings.text_index, documents[beyond])
            documents = np.delete(documents, beyond)
            rows = without_documents(rows, beyond)
    writer.write_rows(in_dtypes(rows, manifest.dtypes))
    counts = Counts.of(embeddings if kept.all() else embeddings.take(kept))
    counts.texts = len(documents) if piece.last else 0
    counts.long_texts *= piece.last
    tally.counts.add(counts)
    tally.rows += len(rows)


class ShardRun:
    """Embeds the documents of one shard: the one seam between stores and what computes.

    No batch holds documents of two shards, and nothing is cached from one to the next, so that a shard that is done
    again is the same to the byte.

    Args:
        embedder: Gives the vectors.
        on_progress: Called after each batch with the number of words it gave.
    """

    def __init__(self, embedder: WordEmbedder, on_progress: Callable[[int], object] = lambda _: None) -> None:
        self._session = embedder.session()
        self._run = GroupRun(embedder, on_progress, session=self._session, all_may_fail=True)
        self._on_progress = on_progress
        self._most_words = affordable_words(embedder, _PIECE_BYTES)

    @property
    def rejects(self) -> list[Reject]:
        """Documents that failed."""
        return self._run.rejects

    def pieces(self, documents: Sequence[Document]) -> Iterator[Piece]:
        """Give documents with their vectors, in order; those that fail are not among them."""
        if len(documents) == 1 and len(documents[0].text) + len(documents[0].spans or ()) > self._most_words:
            inputs = read_group(self._session, documents)
            if len(inputs.spans[0]) > self._most_words:
                yield from self._parts(documents, inputs)
                return
        for done, embeddings in self._run.over(documents):
            yield Piece(done, embeddings)
            del embeddings  # or its vectors are there until the next are

    def _parts(self, documents: Sequence[Document], inputs: Inputs) -> Iterator[Piece]:
        """Embed a document whose vectors are too many for memory: some of its words at a time.

        Windows depend on the text only, and one that owns no wanted word is not read: so nothing is computed twice but
        the subwords of the text, and every vector is the one that all words together would give.
        """
        (spans,) = inputs.spans
        for first in range(0, len(spans), self._most_words):
            end = first + self._most_words
            try:
                part = replace(inputs, spans=[spans[first:end]])
                embeddings = self._session.begin(part).result(self._on_progress)
            except (InputError, ModelError) as error:
                raise _DocumentError(str(error)) from error
            yield Piece(documents, embeddings, first, end >= len(spans))
