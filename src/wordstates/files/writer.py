"""What the writers of all formats share: rows of one layout, failures reported, nothing left behind."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa

from wordstates.documents.document import Document
from wordstates.documents.output_columns import keys_of, word_columns
from wordstates.errors import OutputError
from wordstates.files.atomic import PartialFile, told_as_output_errors
from wordstates.files.formats import provenance_json, provenance_path
from wordstates.options import VectorDtype
from wordstates.result.embedded_words import EmbeddedWords
from wordstates.result.rows import NUMBERS, Rows, make_rows

STDOUT = "-"


class FileWriter(ABC):
    """A writer but for its format.

    Args:
        partial: The file that is being written; None: standard output.
        dtype: Precision of the vectors in the file.
        keyed: Have a column of keys from the first row on, though only later documents may bring some.
    """

    in_pieces = True  # whether the words of one document may come in several calls

    def __init__(self, partial: PartialFile | None, dtype: VectorDtype, *, keyed: bool = False) -> None:
        self._partial = partial
        self._keyed = keyed
        self._dtype: VectorDtype = dtype
        self._names: list[str] = []  # of the columns of the first rows
        self._shapes: dict[str, tuple[int, ...]] | None = None

    def write(self, documents: Sequence[Document], embeddings: EmbeddedWords, first: int = 0) -> None:
        """Add documents, or the words of one from its `first` on; the texts of `embeddings` are theirs, in order."""
        if not documents:
            return
        counts = np.diff(embeddings.text_starts).tolist()
        self.write_rows(
            make_rows(
                [document.id for document in documents],
                embeddings,
                self._dtype,
                keys_of(documents, counts, first),
                extra=word_columns(documents, counts, first),
                first=first,
            )
        )

    def write_rows(self, rows: Rows) -> None:
        """Add rows whose vectors are in the precision of the file."""
        rows = self._checked(rows)
        with told_as_output_errors(self._partial, self.abort):
            self._append(rows)

    def commit(self, provenance: Mapping[str, object]) -> int:
        """Finish the file with where it came from, give it its name, and return its bytes on disk."""
        if self._shapes is None:
            self.abort()
            raise OutputError(f"There is nothing to write to {self._name!r}: no document came.")
        with told_as_output_errors(self._partial, self.abort):
            return self._finish(provenance_json(provenance))

    def abort(self) -> None:
        """Remove what was written; a file that was there before stays. Does nothing after `commit`."""
        try:
            self._close()
        finally:  # also where Ctrl-C comes a second time
            if self._partial is not None:
                self._partial.remove()

    @property
    def _name(self) -> str:
        return STDOUT if self._partial is None else str(self._partial.target)

    @property
    def _file(self) -> PartialFile:
        if self._partial is None:
            raise OutputError("Only JSON lines go to standard output.")
        return self._partial

    def _write_beside(self, provenance: str) -> None:
        """Write where the file came from beside it, before it is there itself: a file that is there has it."""
        sidecar = PartialFile(provenance_path(self._file.target), overwrite=True)
        try:
            sidecar.path.write_text(provenance + "\n", encoding="utf-8")
            sidecar.publish()
        finally:
            sidecar.remove()

    def _checked(self, rows: Rows) -> Rows:
        """See that rows have the columns of the first ones, which the file has by now."""
        if self._keyed and "key" not in rows.names:
            rows = rows.with_column("key", pa.nulls(len(rows), pa.string()))
        if self._shapes is None:
            self._names, self._shapes = rows.names, rows.shapes
        if "key" in rows.names and "key" not in self._names:
            raise OutputError(
                f"{self._name!r} began with documents whose words have no keys, and {rows.documents[0]!r} comes with "
                "keys (CoNLL-U): write them to two files."
            )
        if rows.shapes != self._shapes or ("subword" in rows.names) != ("subword" in self._names):
            raise OutputError(f"{self._name!r} began with the vectors {self._shapes}, and then came {rows.shapes}.")
        new = [name for name in rows.names if name not in self._names]
        if new:
            raise OutputError(
                f"{self._name!r} began without the column {new[0]!r}, with which {rows.documents[0]!r} comes: write "
                "them to two files."
            )
        for name in self._names:
            if name not in rows.names:
                rows = rows.with_column(name, pa.nulls(len(rows), pa.type_for_alias(NUMBERS.get(name, "string"))))
        return replace(rows, scalars=rows.scalars.select(self._names))

    @abstractmethod
    def _append(self, rows: Rows) -> None:
        """Write rows, or keep them for `_finish`."""

    @abstractmethod
    def _finish(self, provenance: str) -> int:
        """Write what is left, close, publish, and return the size."""

    @abstractmethod
    def _close(self) -> None:
        """Let go of the partial file, whatever state it is in; never raises."""
