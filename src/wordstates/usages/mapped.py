"""The files of an index, mapped into memory; each is compared with its checksum when something of it is first read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from wordstates.errors import InputError
from wordstates.store.checksums import fast_checksum_of, is_as_written
from wordstates.usages.manifest import NAME, IndexedPart, IndexManifest
from wordstates.wording import said

VECTORS, ROWS, TEXTS = "vectors.npy", "rows.arrow", "texts.arrow"
_KINDS = (VECTORS, ROWS, TEXTS)


def checksums_of_part(folder: Path, name: str) -> dict[str, str]:
    """Give the checksums of the files of a part."""
    return {kind: fast_checksum_of(folder / f"{name}.{kind}") for kind in _KINDS}


def part_is_whole(folder: Path, part: IndexedPart, *, verify: bool) -> bool:
    """Tell whether the files of a part are there, and, if they are to be verified, what was written."""
    try:
        return all(
            path.is_file() and (not verify or is_as_written(path, xxh3=part.checksums.get(kind, "")))
            for kind in _KINDS
            for path in [folder / f"{part.name}.{kind}"]
        )
    except OSError:
        return False


class MappedParts:
    """The parts of an index.

    Args:
        folder: Folder of the index.
        manifest: What it is made of.
        verify: Whether to compare each file with its checksum when it is first read.

    Raises:
        InputError: If a file cannot be read, or is not what was written.
    """

    def __init__(self, folder: Path, manifest: IndexManifest, *, verify: bool = True) -> None:
        self._folder = folder
        self._parts = manifest.parts
        self._verify = verify
        for part in self._parts:
            for kind in _KINDS:
                if not self._path(part, kind).is_file():  # a pipe would be waited for
                    raise InputError(
                        f"{self._path(part, kind).name} of {str(folder)!r} is missing, or no regular file. Run "
                        "`wordstates index` again, which makes what is damaged anew."
                    )
        try:
            self._blocks = [np.lib.format.open_memmap(self._path(part, VECTORS), mode="r") for part in self._parts]
            self._texts = [self._table(part, TEXTS).column("text") for part in self._parts]
            for part in self._parts:
                self._check(part, ROWS)
            tables = [self._table(part, ROWS) for part in self._parts]
            self.rows: pa.Table = pa.concat_tables(tables).unify_dictionaries()
            self.rows.validate(full=True)  # or a word that is no UTF-8 would be met later
        except InputError:
            raise
        except Exception as error:  # NumPy lets whatever its reader of headers raises come through
            raise self._broken(error) from error
        counts = [part.usages for part in self._parts]
        found = [(block.shape, table.num_rows) for block, table in zip(self._blocks, tables, strict=True)]
        if found != [((count, manifest.dim), count) for count in counts]:
            raise InputError(
                f"{str(folder)!r} is not whole: its files hold other numbers of usages than {NAME} says: make the "
                "index again with `wordstates index --overwrite`."
            )
        self.starts = np.cumsum([0, *counts])

    def blocks(self, parts: Sequence[int] | None = None) -> list[np.ndarray]:
        """Give the vectors of some parts, or of all."""
        chosen = range(len(self._parts)) if parts is None else parts
        for number in chosen:
            self._check(self._parts[number], VECTORS)
        return [self._blocks[number] for number in chosen]

    def text(self, part: int, number: int) -> str | None:
        """Give a text of a part; None: it stands beside its usages."""
        self._check(self._parts[part], TEXTS)
        try:
            text: str | None = self._texts[part][number].as_py()
        except (IndexError, UnicodeDecodeError) as error:  # of an index that nobody verifies
            raise self._broken(error) from error
        return text

    def check(self) -> None:
        """Compare all files with their checksums now."""
        for part in self._parts:
            for kind in _KINDS:
                self._check(part, kind)

    def _check(self, part: IndexedPart, kind: str) -> None:
        path = self._path(part, kind)
        try:
            same = not self._verify or is_as_written(path, xxh3=part.checksums.get(kind, ""))
        except OSError as error:
            raise self._broken(error) from error
        if not same:
            raise InputError(
                f"{path.name} of {str(self._folder)!r} is not what was written: its checksum differs from that in "
                f"{NAME}. Run `wordstates index` again, which makes what is damaged anew."
            )

    def _table(self, part: IndexedPart, kind: str) -> pa.Table:
        with pa.memory_map(str(self._path(part, kind))) as file:
            return pa.ipc.open_file(file).read_all()

    def _path(self, part: IndexedPart, kind: str) -> Path:
        return self._folder / f"{part.name}.{kind}"

    def _broken(self, error: Exception) -> InputError:
        return InputError(
            f"{str(self._folder)!r} cannot be read ({said(error)}): make the index again with `wordstates index "
            "--overwrite`."
        )
