"""Merging stores: parts of one corpus, made on machines that share no disk, become one store."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from wordstates.errors import InputError, OutputError
from wordstates.files.atomic import PartialFile, told_as_output_errors, write_text_whole
from wordstates.progress import Progress
from wordstates.store.checksums import checksums_of
from wordstates.store.folder import StoreFolder, existing_store, is_store
from wordstates.store.locks import guarded, working_as
from wordstates.store.manifest import Ending, Manifest
from wordstates.store.reading import check_shard
from wordstates.store.record import ShardRecord, totals
from wordstates.store.shards import Part, shard_name
from wordstates.store.write_shard import KEPT


def merge_stores(paths: Sequence[str | Path], output: str | Path, progress: Progress | None = None) -> StoreFolder:
    """Put the shards of several stores of one corpus into one.

    Shards are linked where the disk allows it, else copied; each is checked against its checksum on the way. A merge
    that ends early is done again by the same call, and a shard that is in several stores is taken once.

    Args:
        paths: Stores that were begun with the same settings and the same input.
        output: Folder of the store to make, or of one to add to.
        progress: Hears of each shard.

    Returns:
        The store.

    Raises:
        InputError: If a path is no store.
        OutputError: If the stores do not belong together, a shard is broken, or the output cannot be written.
    """
    stores = [existing_store(path) for path in paths]
    if not stores:
        raise InputError("There is nothing to merge: give two stores or more.")
    target = StoreFolder(output)
    manifests = [manifest for _, manifest in stores]
    if is_store(output):
        manifests.insert(0, Manifest.read(target.manifest))
    for (folder, _), manifest in zip([(target, None), *stores][-len(manifests) :], manifests, strict=True):
        _check_together(manifests[0], manifest, str(folder))
    sources = _shards_of([folder for folder, _ in stores], target)
    target.prepare()
    with working_as(target.locks, Part(), str(target)):
        with guarded(target.locks):
            target.remove_leftovers(Part())
            endings = [manifest.ending for manifest in manifests if manifest.ending is not None]
            manifest = replace(manifests[0], ending=endings[0] if endings else None, complete=None)
            manifest.write(target.manifest)
        there = target.finished()
        progress = progress or Progress()
        progress.total(len(there) + len(sources))
        for number, id in there.items():
            check_shard(target, number, id)
            progress(1)
        for (number, id), folder in sources.items():
            _take(folder, target, number, id)
            progress(1)
        _close(target, manifest)
    return target


def _check_together(first: Manifest, other: Manifest, name: str) -> None:
    differences = first.differences(other)
    if (first.shapes, first.dtypes) != (other.shapes, other.dtypes) and not differences:
        differences = [f"columns: {first.dtypes} and {other.dtypes}"]
    if first.ending is not None and other.ending is not None and first.ending != other.ending:
        differences.append("the input")
    if differences:
        raise OutputError(
            f"{name!r} does not belong to the stores before it: {'; '.join(differences)}. Only parts of one corpus, "
            "made with the same settings, can be merged."
        )


def _shards_of(folders: list[StoreFolder], target: StoreFolder) -> dict[tuple[int, str], StoreFolder]:
    """Say where each shard is taken from: shards that the target has already are left alone."""
    there = target.finished() if target.shards.is_dir() else {}
    found: dict[int, tuple[str, StoreFolder]] = {number: (id, target) for number, id in there.items()}
    for folder in folders:
        for number, id in folder.finished().items():
            known, where = found.setdefault(number, (id, folder))
            if known != id:
                raise OutputError(
                    f"Shard {number} of {str(folder)!r} is of other texts than that of {str(where)!r}: the stores were "
                    "made of different inputs."
                )
    return {(number, id): folder for number, (id, folder) in sorted(found.items()) if folder is not target}


def _take(source: StoreFolder, target: StoreFolder, number: int, id: str) -> ShardRecord:
    record = source.record(number, id)
    path = source.shard(number, id)
    file = PartialFile(target.shard(number, id), overwrite=True, kept=KEPT, sweeps=False)
    with told_as_output_errors(file, file.remove):
        try:
            os.link(path, file.path)
        except OSError:  # another disk, or one without links
            shutil.copyfile(path, file.path)
        if checksums_of(file.path)["sha256"] != record.sha256:
            file.remove()
            raise OutputError(
                f"{str(path)!r} is not what was written: its checksum differs from that in its record. Remove it and "
                "its record, have it computed again, and merge again."
            )
        write_text_whole(target.records / f"{shard_name(number, id)}.json", record.to_json() + "\n")
        file.publish()
    return record


def _close(target: StoreFolder, manifest: Manifest) -> None:
    """Write down whether the store is complete now."""
    records = list(target.all_records())
    ending: Ending | None = manifest.ending
    complete = totals(records) if ending is not None and len(records) == ending.shards else None
    target.write_rejects([reject for record in records for reject in record.rejects])
    with guarded(target.locks), contextlib.suppress(FileNotFoundError):
        replace(manifest, complete=complete).write(target.manifest)
