"""Verifying a store: is all there, is it what was written, and is nothing there twice."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from wordstates.errors import InputError
from wordstates.files.parquet import open_parquet
from wordstates.progress import Progress
from wordstates.store.checksums import checksums_of
from wordstates.store.folder import StoreFolder, existing_store
from wordstates.store.locks import at_work
from wordstates.store.manifest import Manifest
from wordstates.store.reading import what_differs, what_is_missing
from wordstates.store.record import ShardRecord, totals
from wordstates.store.shards import read_shard_name, shard_name
from wordstates.wording import counted, said


@dataclass
class Verification:
    """What a look at a whole store found.

    Args:
        store: The folder.
        complete: True if every shard of the input is there.
        shards: Shards that are there.
        documents: Documents with rows.
        rows: Rows.
        bytes: Size of all shards.
        rejects: Documents that could not be embedded.
        problems: What is wrong, a sentence each; empty: nothing.
    """

    store: str
    complete: bool = False
    shards: int = 0
    documents: int = 0
    rows: int = 0
    bytes: int = 0
    rejects: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """True if nothing is wrong."""
        return not self.problems

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain JSON data."""
        return {**asdict(self), "ok": self.ok}


def verify_store(path: str | Path, progress: Progress | None = None) -> Verification:
    """Check a store: every shard there, whole, as it was written, and no word in it twice.

    Memory holds eight bytes per document and no vectors.

    Args:
        path: Its folder.
        progress: Hears of each shard.

    Returns:
        What was found; a store that another run is still working on is simply not complete.

    Raises:
        InputError: If there is no store, or its manifest is broken.
    """
    folder, manifest = existing_store(path)
    progress = progress or Progress()
    found = Verification(str(path))
    try:
        finished = folder.finished()
    except InputError as error:
        found.problems.append(str(error))
        return found
    documents: list[npt.NDArray[np.uint64]] = []
    records: list[ShardRecord] = []
    progress.total(len(finished))
    for number, id in finished.items():
        record = _verify_shard(folder, manifest, number, id, documents, found)
        if record is not None:
            records.append(record)
        progress(1)
    found.shards = len(finished)
    found.documents = sum(map(len, documents))
    found.rejects = sum(len(record.rejects) for record in records)
    _verify_duplicates(folder, finished, documents, found)
    working = at_work(folder.locks)
    _verify_completeness(folder, manifest, finished, records, found, working=working)
    _verify_rejects(folder, records, found)
    _verify_strangers(folder, finished, found, working=working)
    return found


def _verify_shard(
    folder: StoreFolder,
    manifest: Manifest,
    number: int,
    id: str,
    documents: list[npt.NDArray[np.uint64]],
    found: Verification,
) -> ShardRecord | None:
    """Look at one shard; a broken one is reported once and looked at no further."""
    path = folder.shard(number, id)
    try:
        record = folder.record(number, id)
    except InputError as error:
        found.problems.append(str(error))
        return None
    if checksums_of(path)["sha256"] != record.sha256:
        found.problems.append(f"{path.name} is not what was written: its checksum differs from that in its record.")
        return record
    try:
        with open_parquet(path) as file:
            problem = what_differs(file, manifest, record)
            names = ["document", "position", *(["subword"] if manifest.by_subword else [])]
            table = file.read(columns=names) if set(names) <= set(file.schema_arrow.names) else None
    except (InputError, OSError, pa.ArrowException) as error:
        found.problems.append(f"{path.name} cannot be read: {said(error)}")
        return record
    found.rows += record.rows
    found.bytes += record.bytes
    if problem:
        found.problems.append(f"{path.name} {problem}.")
    if table is None:
        return record
    _verify_positions(path.name, table, documents, found)
    return record


def _verify_positions(name: str, table: pa.Table, documents: list[npt.NDArray[np.uint64]], found: Verification) -> None:
    """See that the rows of each document stand together, from position 0, one after the other."""
    codes = pc.dictionary_encode(table["document"].combine_chunks())
    document = np.asarray(codes.indices)
    position = table["position"].to_numpy()
    begins = np.flatnonzero(np.append(True, document[1:] != document[:-1])) if len(document) else document
    ids = codes.dictionary
    if len(begins) > len(ids):
        twice = np.flatnonzero(np.bincount(document[begins]) > 1)
        found.problems.append(f"{name} has document {ids[int(twice[0])].as_py()!r} twice.")
    step = np.diff(position)
    step[begins[1:] - 1] = 1
    wrong = np.flatnonzero((step != 1) & ~((step == 0) & ("subword" in table.column_names)))
    if (len(begins) and position[begins].any()) or len(wrong):
        row = int(wrong[0]) + 1 if len(wrong) else int(begins[np.flatnonzero(position[begins])[0]])
        which = ids[int(document[row])].as_py()
        again = len(wrong) and not position[row]  # its first word comes a second time
        found.problems.append(
            f"{name} has document {which!r} twice."
            if again
            else f"{name} has words out of order or twice, in document {which!r} at position {position[row]}."
        )
    documents.append(np.fromiter(map(_fingerprint, ids.to_pylist()), dtype=np.uint64, count=len(ids)))


def _fingerprint(document: str) -> int:
    return int.from_bytes(blake2b(document.encode(), digest_size=8).digest(), "little")


def _verify_duplicates(
    folder: StoreFolder, finished: dict[int, str], documents: list[npt.NDArray[np.uint64]], found: Verification
) -> None:
    """See that no two shards have a document of the same id."""
    if not documents:
        return
    every = np.sort(np.concatenate(documents))
    twice = set(every[1:][every[1:] == every[:-1]].tolist())
    if not twice:
        return
    places: dict[str, list[str]] = {}
    for number, id in finished.items():  # a second reading, only to say which they are
        with open_parquet(folder.shard(number, id)) as file:
            table = file.read(columns=["document"])
        for name in pc.unique(table["document"]).to_pylist():
            if _fingerprint(name) in twice:
                places.setdefault(name, []).append(shard_name(number, id))
    name, shards = next(iter(places.items()))
    found.problems.append(
        f"Ids occur twice ({len(places):,}), the first of them {name!r}, in {' and '.join(shards)}: ids must differ."
    )


def _verify_completeness(
    folder: StoreFolder,
    manifest: Manifest,
    finished: dict[int, str],
    records: list[ShardRecord],
    found: Verification,
    *,
    working: bool,
) -> None:
    ending = manifest.ending
    if ending is None:
        why = "a run is at work on it" if working else "no run has reached the end of the input yet"
        found.problems.append(f"The store is not complete: it has {counted(len(finished), 'shard')}, and {why}.")
        return
    missing = what_is_missing(folder, manifest)
    if missing:
        found.problems.append(f"The store is not complete: {missing}.")
    digest = blake2b(digest_size=8)
    for id in finished.values():
        digest.update(id.encode())
    if not missing and (len(finished) != ending.shards or digest.hexdigest() != ending.fingerprint):
        found.problems.append("The shards are not those of the input that the manifest is about.")
    if not missing and manifest.complete is None:
        found.problems.append("All shards are there, and no run has closed the store: run the same command once more.")
    if manifest.complete is not None and len(records) == len(finished) and totals(records) != manifest.complete:
        found.problems.append("The records do not add up to what the manifest says of the complete store.")
    found.complete = not missing and manifest.complete is not None


def _verify_rejects(folder: StoreFolder, records: list[ShardRecord], found: Verification) -> None:
    lines = folder.rejects.read_text(encoding="utf-8").split("\n")[:-1] if folder.rejects.is_file() else []
    wanted = sum(len(record.rejects) for record in records)
    if found.complete and len(lines) != wanted:
        found.problems.append(
            f"{folder.rejects.name} lists {counted(len(lines), 'document')}, and the records say {wanted:,}: run "
            "the same command once more."
        )


def _verify_strangers(folder: StoreFolder, finished: dict[int, str], found: Verification, *, working: bool) -> None:
    leftovers = folder.leftovers()
    for path in sorted(folder.shards.iterdir()):
        if read_shard_name(path.stem) is None and path not in leftovers:
            found.problems.append(f"shards/{path.name} is no shard.")
    if working:  # it has shards by now that were not there when this began, and files that are not finished
        return
    for path in leftovers:
        found.problems.append(f"{path.parent.name}/{path.name} was left behind by a run that was killed.")
    names = {shard_name(number, id) for number, id in finished.items()}
    for path in sorted(folder.records.glob("*.json")):
        if path.stem not in names:
            found.problems.append(f"records/{path.name} is of a shard that is not there.")
