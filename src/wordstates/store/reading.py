"""The only code that reads shards: by `export`, `open_store`, datasets, `index` and a run that resumes.

What is read has to be what was written: the checksum of a file is compared with that in its record when the file is
first read in a process, its columns with those of the manifest, and the records of a complete store with its totals.
"""

from __future__ import annotations

from itertools import islice

import pyarrow.parquet as pq

from wordstates.errors import InputError
from wordstates.files.parquet import open_parquet
from wordstates.store.checksums import is_as_written
from wordstates.store.folder import StoreFolder
from wordstates.store.manifest import Manifest
from wordstates.store.record import ShardRecord, totals
from wordstates.wording import counted

_SHOWN = 10  # numbers of missing shards that a message lists


def is_whole(folder: StoreFolder, manifest: Manifest) -> bool:
    """Tell whether the store was complete, and every shard of its input is still there."""
    return manifest.complete is not None and not what_is_missing(folder, manifest)


def what_is_missing(folder: StoreFolder, manifest: Manifest) -> str:
    """Say which shards of the input are not there; empty: all are, or it is not known how many there will be."""
    if manifest.ending is None:
        return ""
    count = manifest.ending.shards
    there = [number for number in folder.finished() if number < count]
    if len(there) == count:
        return ""
    known = set(there)
    first = [str(each) for each in islice((each for each in range(count) if each not in known), _SHOWN + 1)]
    listed = ", ".join(first[:_SHOWN]) + (", ..." if len(first) > _SHOWN else "")
    verb = "is" if count - len(there) == 1 else "are"
    return f"{count - len(there):,} of {counted(count, 'shard')} {verb} missing ({listed})"


def check_records(folder: StoreFolder, manifest: Manifest) -> list[ShardRecord]:
    """Give the records of all shards, once a store that was complete is seen to be so still.

    Raises:
        InputError: If a shard is missing, or is not one that the store was closed with.
    """
    missing = what_is_missing(folder, manifest)
    if manifest.complete is not None and missing:
        raise InputError(
            f"{str(folder)!r} was complete, and now {missing}: run the command that made it again, which computes "
            f"what is missing; `wordstates verify {folder}` looks at all of it."
        )
    records = list(folder.all_records())
    if manifest.complete is not None and totals(records) != manifest.complete:
        raise InputError(
            f"{str(folder)!r} has other shards than it was completed with: their records do not add up to what its "
            f"manifest says. Bring back those that were there, or make the store again; `wordstates verify {folder}` "
            "looks at all of it."
        )
    return records


def check_shard(folder: StoreFolder, number: int, id: str, *, verify: bool = True) -> ShardRecord:
    """Give the record of a shard, once its file is seen to be what was written.

    Args:
        folder: The store.
        number: Number of the shard.
        id: Its id.
        verify: Whether to compare the checksum of the file, which reads all of it once in a process.

    Raises:
        InputError: If it is not.
    """
    record = folder.record(number, id)
    path = folder.shard(number, id)
    try:
        same = not verify or is_as_written(path, xxh3=record.xxh3, sha256=record.sha256)
    except OSError as error:
        raise InputError(f"{str(path)!r} cannot be read ({error.strerror}).") from error
    if not same:
        raise InputError(
            f"Shard {number} of {str(folder)!r} is not what was written: its checksum differs from that in its record: "
            f"{folder.advice(number, id)}"
        )
    return record


def open_shard(folder: StoreFolder, manifest: Manifest, number: int, id: str, *, verify: bool = True) -> pq.ParquetFile:
    """Open a shard to read, once it is seen to be what was written.

    Args:
        folder: The store.
        manifest: Its manifest, which says what columns a shard has.
        number: Number of the shard.
        id: Its id.
        verify: Whether to compare the checksum of the file.

    Raises:
        InputError: If it is not, or cannot be read.
    """
    record = check_shard(folder, number, id, verify=verify)
    path = folder.shard(number, id)
    try:
        file = open_parquet(path)
    except InputError as error:
        raise InputError(f"{str(error)[:-1]}: `wordstates verify {folder}` lists what is broken.") from error
    problem = what_differs(file, manifest, record)
    if problem:
        file.close()
        raise InputError(
            f"{path.name} of {str(folder)!r} {problem}: `wordstates verify {folder}` lists what is broken."
        )
    return file


def what_differs(file: pq.ParquetFile, manifest: Manifest, record: ShardRecord) -> str:
    """Say in what an open shard differs from the manifest and its record; empty: in nothing."""
    wanted, there = manifest.no_rows().to_arrow().schema, file.schema_arrow
    if not there.equals(wanted):
        return "has other columns than the manifest says"
    shapes = [
        ((each.metadata or {}).get(b"shape"), (there.field(each.name).metadata or {}).get(b"shape")) for each in wanted
    ]
    if any(one != other for one, other in shapes):
        return "has vectors of another shape than the manifest says"
    if file.metadata.num_rows != record.rows:
        return f"has {counted(file.metadata.num_rows, 'row')}, and its record says {record.rows:,}"
    return ""
