"""The folder of a store, and what lies where in it.

::

    store/
    ├── manifest.json                       what it is made of; complete or not
    ├── shards/part-000000-<id>.parquet     the rows, and nothing else: for any reader of Parquet folders
    ├── records/part-000000-<id>.json       what is known of each shard, its checksum among it
    ├── rejects.jsonl                       documents that could not be embedded, if there are any
    ├── incoming/                           what the nodes of a cluster are writing; gone when a run has ended
    └── locks/                              who is at work
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from wordstates.errors import InputError, OutputError
from wordstates.files.atomic import check_name, sync_folder, write_text_whole
from wordstates.store.manifest import FORMAT, Manifest
from wordstates.store.record import ShardRecord
from wordstates.store.shards import Part, read_shard_name, shard_name
from wordstates.wording import said

INCOMING = "incoming"
_OURS = {"manifest.json", "shards", "records", "locks", "rejects.jsonl", "index", INCOMING}


class StoreFolder:
    """Paths and small files of a store.

    Args:
        path: The folder; it need not be there.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.manifest = self.path / "manifest.json"
        self.shards = self.path / "shards"
        self.records = self.path / "records"
        self.locks = self.path / "locks"
        self.incoming = self.path / INCOMING
        self.rejects = self.path / "rejects.jsonl"

    def __str__(self) -> str:
        return str(self.path)

    def prepare(self) -> None:
        """Make the folders, in a folder that is a store, or empty, or not there.

        Raises:
            OutputError: If it holds something else, or cannot be made.
        """
        check_name(self.path)
        try:
            if self.path.exists() and not self.path.is_dir():
                raise OutputError(f"{str(self)!r} is a file: name a folder for the store.")
            there = sorted(path.name for path in self.path.iterdir()) if self.path.is_dir() else []
            foreign = [name for name in there if name not in _OURS and not _is_unfinished(name)]
            if foreign and not self.manifest.exists():
                raise OutputError(
                    f"{str(self)!r} is a folder that is no store, and holds {foreign[0]!r}: name a new or an empty "
                    "one, or a file with a known ending, as vectors.parquet."
                )
            self._check_ours()
            for folder in (self.path, self.shards, self.records, self.locks):
                folder.mkdir(exist_ok=True)
        except FileNotFoundError as error:
            raise OutputError(f"The folder of {str(self)!r} does not exist: make it first (mkdir -p).") from error
        except OutputError:
            raise
        except OSError as error:
            raise OutputError(f"{str(self)!r} cannot be written to ({error.strerror}).") from error

    def _check_ours(self) -> None:
        """See that what is there is a store of ours, or the beginning of one.

        Raises:
            OutputError: If not.
        """
        for folder in (self.shards, self.records, self.locks):
            if folder.is_symlink():
                raise OutputError(f"{str(folder)!r} is a symbolic link: a store's folders are folders of its own.")
        inner = [path for folder in (self.shards, self.records) if folder.is_dir() for path in folder.iterdir()]
        ours = [path for path in inner if _is_of_a_shard(path)]
        text = self.manifest.read_text(encoding="utf-8", errors="replace") if self.manifest.is_file() else ""
        if ours or FORMAT in text or not (inner or text.strip("{}[] \n")):
            return
        raise OutputError(
            f"{str(self)!r} is a folder that is no store of wordstates, and holds "
            f"{str((inner or [self.manifest])[0].relative_to(self.path))!r}: name a new or an empty one."
        )

    def remove_if_nothing_began(self) -> None:
        """Leave no folder behind if a run ended before it wrote a manifest."""
        if not self.manifest.exists() and not self.finished():
            shutil.rmtree(self.path, ignore_errors=True)

    def clear(self) -> None:
        """Remove all that a store holds; the manifest first, so that a kill leaves no store that looks whole."""
        try:
            self.manifest.unlink(missing_ok=True)
            self.rejects.unlink(missing_ok=True)
            for folder in (self.shards, self.records):
                for path in folder.iterdir():
                    if _is_of_a_shard(path):  # what another program put there stays
                        path.unlink()
        except OSError as error:
            raise OutputError(f"{str(self)!r} cannot be cleared ({error.strerror}).") from error

    def remove_leftovers(self, part: Part) -> None:
        """Remove the unfinished files of a part whose lock is held: what a killed run left behind; call it guarded."""
        for folder in self.incoming.glob("*"):
            if not _is_of_another(part, folder.name):
                shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(OSError):  # it is not there, or other parts are at work in it
            self.incoming.rmdir()
        for path in self.leftovers():
            if self.incoming in path.parents:
                continue
            found = read_shard_name(path.name.removeprefix(".").partition(".")[0])
            if found is None or part.has(found[0]):  # what is no shard's is written by who is guarded only
                path.unlink(missing_ok=True)

    def leftovers(self) -> list[Path]:
        """List unfinished files."""
        folders = (self.path, self.shards, self.records)
        partial = [path for folder in folders for path in folder.glob(".*.partial")]
        return sorted([*partial, *(path for path in self.incoming.rglob("*") if path.is_file())])

    def finished(self) -> dict[int, str]:
        """Give number and id of every shard that is there, in order.

        Raises:
            InputError: If there are two of one number, or the folder cannot be read.
        """
        found: dict[int, str] = {}
        try:
            there = sorted(os.listdir(self.shards))  # not `glob`, to which an unreadable folder is an empty one
        except FileNotFoundError:
            return found
        except OSError as error:
            raise InputError(f"{str(self.shards)!r} cannot be read ({error.strerror}).") from error
        for stem, ending in map(os.path.splitext, there):
            name = read_shard_name(stem) if ending == ".parquet" else None
            if name is None:
                continue
            if name[0] in found:
                raise InputError(
                    f"{str(self)!r} has shard {name[0]} twice, {found[name[0]]} and {name[1]}: remove the one that is "
                    "not of this input, with its record."
                )
            found[name[0]] = name[1]
        return dict(sorted(found.items()))

    def shard(self, number: int, id: str) -> Path:
        """Give the path of a shard."""
        return self.shards / f"{shard_name(number, id)}.parquet"

    def record(self, number: int, id: str) -> ShardRecord:
        """Read what is known of a finished shard, and see that its file still has its size.

        Raises:
            InputError: If the record is not there or broken, or the file is none or has another size.
        """
        path, shard = self.record_path(number, id), self.shard(number, id)
        name, advice = f"Shard {number} of {str(self)!r}", self.advice(number, id)
        try:
            record = ShardRecord.read(path)
        except (OSError, ValueError) as error:
            raise InputError(f"{name} has no readable record ({said(error)}): {advice}") from error
        if (record.number, record.id) != (number, id):
            raise InputError(f"{name} has the record of shard {record.number}, {record.id}: {advice}")
        if not shard.is_file():
            there = shard.exists()
            raise InputError(f"{name} is {'no regular file' if there else 'not there any more'}: {advice}")
        size = shard.stat().st_size
        if size != record.bytes:
            raise InputError(
                f"{name} is broken: it has {size:,} bytes, and was written with {record.bytes:,}: {advice}"
            )
        return record

    def record_path(self, number: int, id: str) -> Path:
        """Give the path of the record of a shard."""
        return self.records / f"{shard_name(number, id)}.json"

    def advice(self, number: int, id: str) -> str:
        """Say what to do about a broken shard."""
        return (
            f"remove {shard_name(number, id)}.parquet and its record, and run again to have it computed again; "
            f"`wordstates verify {self}` looks at all of them."
        )

    def all_records(self) -> Iterator[ShardRecord]:
        """Read the records of all finished shards, in order."""
        for number, id in self.finished().items():
            yield self.record(number, id)

    def write_rejects(self, rejects: list[dict[str, str]]) -> None:
        """Write the list of rejects, or see that there is none."""
        if rejects:
            lines = [json.dumps(reject, ensure_ascii=False) for reject in rejects]
            write_text_whole(self.rejects, "\n".join(lines) + "\n")
        elif self.rejects.exists():
            self.rejects.unlink()
            sync_folder(self.path)


def incoming_name(part: Part, run: str) -> str:
    """Name the folder in `incoming` of one run of a part."""
    return f"{part.index}-of-{part.of}-{run}"


def _is_of_another(part: Part, name: str) -> bool:
    """Tell whether a folder in `incoming` is of a part that may be at work now: as the locks have it, one of the N."""
    index, _, of = name.rpartition("-")[0].partition("-of-")
    return of == str(part.of) and index != str(part.index)


def _is_of_a_shard(path: Path) -> bool:
    """Tell whether a file is named as a shard, a record, or one that is being written."""
    return path.name.startswith(".part-") or read_shard_name(path.name.partition(".")[0]) is not None


def _is_unfinished(name: str) -> bool:
    return name.startswith((".manifest.json.", ".rejects.jsonl.")) and name.endswith(".partial")


def is_store(path: str | Path) -> bool:
    """Tell whether a folder is a store."""
    return (Path(path) / "manifest.json").is_file()


def existing_store(path: str | Path) -> tuple[StoreFolder, Manifest]:
    """Find a store that is there.

    Raises:
        InputError: If there is none, or its manifest is broken.
    """
    folder = StoreFolder(path)
    if not folder.path.is_dir():
        raise InputError(f"{str(path)!r} is no folder: give a store, as `wordstates embed ... -o store/` makes it.")
    if not folder.manifest.is_file():
        raise InputError(f"{str(path)!r} is no store: it has no manifest.json.")
    return folder, Manifest.read(folder.manifest)
