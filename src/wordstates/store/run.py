"""Documents into a store: cut into shards, compute those that are missing, say what was done."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from hashlib import blake2b
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wordstates.documents.document import Document
from wordstates.documents.output_columns import columns_of
from wordstates.errors import InputError, OutputError
from wordstates.progress import Progress
from wordstates.result.rows import LARGEST_FLOAT16
from wordstates.store.disk import FreeSpace
from wordstates.store.folder import StoreFolder
from wordstates.store.locks import guarded, nobody_else_works, working_as
from wordstates.store.manifest import Ending, Manifest
from wordstates.store.reading import check_shard
from wordstates.store.record import ShardRecord, totals
from wordstates.store.report import StoreReport
from wordstates.store.settings import StoreSettings
from wordstates.store.shards import Shard, cut_shards
from wordstates.store.signals import NeverStops
from wordstates.store.workers.local import Crew, LocalCrew
from wordstates.store.write_shard import ShardJob
from wordstates.wording import counted

if TYPE_CHECKING:
    from wordstates.encode.protocols import Embedder
    from wordstates.store.workers.places import RayCluster

_HEADROOM = 4  # a column whose values come this near to the end of float16 in a sample will pass it in a corpus


def embed_to_store(
    embedder: Embedder | Callable[..., Embedder],
    documents: Iterable[Document],
    path: str | Path,
    settings: StoreSettings | None = None,
    *,
    workers: int = 1,
    devices: Sequence[str] = (),
    cluster: RayCluster | None = None,
    progress: Progress | None = None,
    share_read: Callable[[], float | None] = lambda: None,
    stop: NeverStops | None = None,
) -> StoreReport:
    """Write the vectors of every word of every document into a store, but for the shards that are there.

    A run that ends early, in whatever way, loses the current shards at most; the same call goes on from there.

    Args:
        embedder: Gives the vectors; or makes what does, for workers: a `functools.partial` of `WordEmbedder`.
        documents: The documents, as a stream.
        path: Folder of the store: a store, an empty folder, or not there.
        settings: How the store is made.
        workers: Processes that compute, besides this one which reads; 1: this one does both.
        devices: Given to the workers in turn; each has at least one.
        cluster: Compute on the nodes of a cluster, which says how many workers there are; None: on this machine.
        progress: Hears how far it has come.
        share_read: Gives how much of the input has been read, 0 to 1, for the time left.
        stop: Says when to stop; default never.

    Returns:
        What is in the store, and what this run did.

    Raises:
        InputError: If the input is not the one that the store was begun with, or has no words.
        OutputError: If settings differ from those of the store, another run writes it, or it cannot be written.
        WorkerError: If a worker is gone; on a cluster, if too many are.
    """
    settings, stop = settings or StoreSettings(), stop or NeverStops()
    settings.check()
    if workers < 1:
        raise InputError(f"workers={workers} compute nothing: give 1 or more.")
    run = _Run(StoreFolder(path), settings, progress or Progress(), share_read)
    alone_and_new = not run.folder.path.exists() and settings.part.of == 1
    run.folder.prepare()
    try:
        with (
            working_as(run.folder.locks, settings.part, str(path)),
            _crew(embedder, max(workers, len(devices)), devices, cluster, run, stop) as crew,
        ):
            return run.over(documents, crew)
    except BaseException:
        if alone_and_new:
            run.folder.remove_if_nothing_began()
        raise


@contextmanager
def _crew(
    embedder: Embedder | Callable[..., Embedder],
    workers: int,
    devices: Sequence[str],
    cluster: RayCluster | None,
    run: _Run,
    stop: NeverStops,
) -> Iterator[Crew]:
    crew: Crew
    made: Any = embedder
    is_one = hasattr(embedder, "encode")
    if is_one and (workers > 1 or cluster is not None):
        raise InputError("Workers make their own embedders: give functools.partial(WordEmbedder, ...), not one.")
    if cluster is not None:
        from wordstates.store.workers.ray import RayCrew

        progress = run.progress
        crew = RayCrew(made, cluster, run.settings.part, run.done, progress, progress.note, stop)
    elif workers > 1:
        from wordstates.store.workers.processes import WorkerCrew

        crew = WorkerCrew(made, workers, devices, run.done, run.progress, stop)
    else:
        if not is_one:
            made = made(device=devices[0]) if devices else made()
        crew = LocalCrew(made, run.done, run.progress, stop)
    try:
        yield crew
    finally:
        crew.close()
        with suppress(OutputError), guarded(run.folder.locks):
            run.folder.remove_leftovers(run.settings.part)  # of workers that were killed, in whatever way


class _Run:
    """One run into a store."""

    def __init__(
        self,
        folder: StoreFolder,
        settings: StoreSettings,
        progress: Progress,
        share_read: Callable[[], float | None],
    ) -> None:
        self.folder = folder
        self.settings = settings
        self.progress = progress
        self._share_read = share_read
        self._space = FreeSpace(folder.shards, 1)
        self._report = StoreReport(output=str(folder))
        self._foreseen = False

    def over(self, documents: Iterable[Document], crew: Crew) -> StoreReport:
        """Do it all."""
        began = time.perf_counter()
        self._space = FreeSpace(self.folder.shards, crew.at_once())
        shards = cut_shards(documents, self.settings.shard_characters)
        first = next(shards, None)
        if first is None:
            raise InputError("There is no document in the input: nothing to make a store of.")
        manifest = self._manifest(crew, first)
        crew.begin(ShardJob(self.folder.shards, self.folder.records, manifest))
        self.progress.begin(crew.processes)
        ending = self._each(chain([first], shards), crew, manifest)
        crew.drain()
        self._finish(ending)
        self._report.seconds = round(time.perf_counter() - began, 3)
        return self._report

    # ── the manifest ──

    def _manifest(self, crew: Crew, first: Shard) -> Manifest:
        """Read the manifest and see that it fits, or write it: the first of all parts does."""
        facts, settings = crew.facts(), self.settings
        provenance = facts.provenance | ({"splitter": "targets"} if settings.search else {})
        self._report.provenance, self._report.causal = provenance, facts.causal
        mine = Manifest(provenance, settings, facts.shapes, facts.by_subword, tuple(columns_of(first.documents)))
        with guarded(self.folder.locks):
            if settings.overwrite:
                nobody_else_works(self.folder.locks, settings.part, str(self.folder))
                self.folder.clear()
            self.folder.remove_leftovers(settings.part)
            if self.folder.manifest.exists():
                there = Manifest.read(self.folder.manifest)
                there.check_same(mine, str(self.folder))
            else:
                if self.folder.finished():
                    raise OutputError(
                        f"{str(self.folder)!r} has shards and no manifest.json: restore it, or pass overwrite=True to "
                        "start over."
                    )
                there = self._widened(mine, crew.largest(first.documents)) if settings.dtype == "float16" else mine
                there.write(self.folder.manifest)
        for column, largest in there.wider.items():
            self.progress.note(
                f"column {column!r} is float32: it has values up to {largest:.6g}, and float16 ends at "
                f"{LARGEST_FLOAT16:.0f}"
            )
        return there

    def _widened(self, manifest: Manifest, largest: Mapping[str, float]) -> Manifest:
        """Make float32 of the columns that float16 cannot hold, as far as the first documents show.

        All shards must have one schema, so this is settled before the first is written, and by the same documents in
        every run. A later document that goes beyond all the same is rejected, with its reason.
        """
        wider = {column: value for column, value in largest.items() if value * _HEADROOM > LARGEST_FLOAT16}
        return replace(manifest, wider=wider)

    # ── the shards ──

    def _each(self, shards: Iterable[Shard], crew: Crew, manifest: Manifest) -> Ending:
        """See to every shard of the input; the others of `finished` must not be there when it ends."""
        finished = self.folder.finished()
        digest, number = blake2b(digest_size=8), -1
        for shard in shards:
            number = shard.number
            digest.update(shard.id.encode())
            if manifest.ending is not None and number >= manifest.ending.shards:
                raise self._changed(
                    f"it ended after {counted(manifest.ending.shards, 'shard')}, and now goes on with {shard.span}"
                )
            there = finished.get(number)
            if there is not None and there != shard.id:
                raise self._changed(self._what_changed(shard, there))
            if not self.settings.part.has(number):
                continue
            self.progress.shard_read(sum(len(document.text) for document in shard.documents))
            if there is None:
                self._space.check()
                crew.submit(shard)
            else:
                self._skip(check_shard(self.folder, number, there, verify=self.settings.verify))
        ending = Ending(number + 1, digest.hexdigest())
        if manifest.ending is not None and manifest.ending != ending:
            raise self._changed(
                f"it had {counted(manifest.ending.shards, 'shard')}, and now has {ending.shards}, or others"
            )
        beyond = [each for each in finished if each >= ending.shards]
        if beyond:
            raise self._changed(f"it now ends after {counted(ending.shards, 'shard')}, and there is shard {beyond[0]}")
        return ending

    def _what_changed(self, shard: Shard, id: str) -> str:
        was = self.folder.record(shard.number, id)
        return (
            f"shard {shard.number}, now {shard.span}, was made of other texts, documents {was.first!r} to {was.last!r}"
        )

    def _changed(self, how: str) -> InputError:
        return InputError(
            f"The input is not the one that {str(self.folder)!r} was begun with: {how}. Give the input as it was, in "
            "its order, write to another store, or pass overwrite=True to start over."
        )

    def _skip(self, record: ShardRecord) -> None:
        self._report.skipped += 1
        self.progress.shard_done(record.words, len(record.rejects), skipped=True)

    def done(self, record: ShardRecord) -> None:
        """Take note of a shard that was computed."""
        self._report.computed += 1
        self._report.computed_words += record.words
        self.progress.shard_done(record.words, len(record.rejects))
        self._space.wrote(record.bytes)
        if not self._foreseen and self.settings.part.of == 1 and not self._report.skipped:
            self._foreseen = True
            warning = self._space.foresee(self._share_read() or 0.0)
            if warning is not None:
                self.progress.note(warning)

    # ── the end ──

    def _finish(self, ending: Ending) -> None:
        """Write down how many shards there are, and, if all are there, that the store is complete."""
        with guarded(self.folder.locks):
            records = list(self.folder.all_records())
            for record in records:
                self._report.add(record)
                self._report.rows += record.rows
                self._report.bytes += record.bytes
                self._report.rejects.extend(record.rejects)
            self._report.shards, self._report.finished = ending.shards, len(records)
            complete = None
            if len(records) == ending.shards:
                self._check_words()
                complete = totals(records)
                self._check_closed(complete)
            self._report.complete = complete is not None
            self.folder.write_rejects(self._report.rejects)
            manifest = replace(Manifest.read(self.folder.manifest), ending=ending, complete=complete)
            if manifest != Manifest.read(self.folder.manifest):
                manifest.write(self.folder.manifest)

    def _check_closed(self, totals: dict[str, Any]) -> None:
        """See that a store that was complete, and of which no shard was computed again, has the shards it had."""
        before = Manifest.read(self.folder.manifest).complete
        if before is not None and before != totals and not self._report.computed:
            raise InputError(
                f"{str(self.folder)!r} has other shards than it was completed with: their records do not add up to "
                "what its manifest says. Bring back those that were there, or pass overwrite=True to start over."
            )

    def _check_words(self) -> None:
        if not self._report.texts and self._report.rejects:
            reject = self._report.rejects[0]
            raise InputError(
                f"No document could be embedded ({counted(len(self._report.rejects), 'document')}). The first of them, "
                f"{reject['document']!r}: {reject['reason']}"
            )
        if not self._report.words:
            raise InputError(
                f"There is no word in the input ({counted(self._report.texts, 'text')}): nothing but white space, "
                "or punctuation "
                "where that is left out. Check the input."
            )
