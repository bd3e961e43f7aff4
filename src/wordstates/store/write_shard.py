"""From a shard to its file: a function of the shard, the embedder and the job, and of nothing else.

Whoever has the three, in whichever process, on whichever machine, writes the same file. The order of the steps is what
makes a kill harmless: the rows go to a partial file, which is synced; then the record is written; then the file gets
its name. A file that has its name is whole and has its record.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from wordstates.documents.document import Document
from wordstates.documents.output_columns import keys_of, word_columns
from wordstates.encode.inputs import GIVEN
from wordstates.errors import InputError
from wordstates.files.atomic import PartialFile, write_text_whole
from wordstates.files.tables import ParquetWriter
from wordstates.result.rows import LARGEST_FLOAT16, in_dtypes, largest_values, make_rows, without_documents
from wordstates.runs.counts import Counts
from wordstates.runs.groups import BrokenOffError, GroupRun, Piece, Reject
from wordstates.store.checksums import checksums_of
from wordstates.store.manifest import Manifest
from wordstates.store.record import ShardRecord
from wordstates.store.shards import Shard

if TYPE_CHECKING:
    from wordstates.encode.protocols import Embedder

KEPT = "the finished shards are kept, and the same command continues from there"


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


class _ShardFile(PartialFile):
    """A shard that is being written; its record is written when its bytes are known."""

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
    embedder: Embedder, shard: Shard, job: ShardJob, on_progress: Callable[[int], object] = lambda _: None
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
    left, rejects = shard.documents, list[dict[str, str]]()
    while True:
        try:
            return _write(embedder, left, shard, job, on_progress, _Tally(rejects=[*rejects]))
        except BrokenOffError as failed:  # some of its rows are written: again, without it
            rejects.append(Reject(failed.document, failed.error).to_dict())
            left = tuple(document for document in left if document.id != failed.document)


def _write(
    embedder: Embedder,
    documents: Sequence[Document],
    shard: Shard,
    job: ShardJob,
    on_progress: Callable[[int], object],
    tally: _Tally,
) -> ShardRecord:
    file = _ShardFile(job, shard.name)
    writer = ParquetWriter(file, "float32", keyed=job.manifest.settings.keyed)
    run = shard_run(embedder, on_progress)
    try:
        writer.write_rows(job.manifest.no_rows())  # the schema is the store's, also where a shard has no word at all
        for piece in run.over(documents):
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
        writer.commit(job.manifest.provenance | ({"splitter": GIVEN} if given else {}) | own)
    except BaseException:
        writer.abort()
        raise
    return file.record


def _write_piece(writer: ParquetWriter, piece: Piece[Document], manifest: Manifest, tally: _Tally) -> None:
    """Write the rows of a piece, but for documents with a value that a column of the store cannot hold."""
    embeddings = piece.embeddings
    ids = [document.id for document in piece.documents]
    words = np.diff(embeddings.text_starts).tolist()
    keys, extra = keys_of(piece.documents, words, piece.first), word_columns(piece.documents, words, piece.first)
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
                raise BrokenOffError(piece.documents[0].id, InputError(reason))
            tally.rejects.extend({"document": rows.documents[index], "reason": reason} for index in beyond)
            kept &= ~np.isin(embeddings.text_index, documents[beyond])
            documents = np.delete(documents, beyond)
            rows = without_documents(rows, beyond)
    writer.write_rows(in_dtypes(rows, manifest.dtypes))
    counted = replace(piece, embeddings=embeddings if kept.all() else embeddings.take(kept)).counts
    counted.texts = len(documents) * piece.last
    tally.counts.add(counted)
    tally.rows += len(rows)


def shard_run(embedder: Embedder, on_progress: Callable[[int], object] = lambda _: None) -> GroupRun:
    """Give what embeds the documents of one shard: the one seam between stores and what computes.

    No batch holds documents of two shards, and nothing is cached from one to the next, so that a shard that is done
    again is the same to the byte.
    """
    return GroupRun(embedder, on_progress, session=embedder.session(), all_may_fail=True, in_pieces=True)
