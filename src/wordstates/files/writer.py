"""What the writers of all formats share: rows of one layout, failures told, nothing left behind."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from wordstates.documents.document import Document
from wordstates.documents.output_columns import word_columns
from wordstates.errors import OutputError
from wordstates.files.atomic import PartialFile, told_as_output_errors
from wordstates.files.formats import provenance_json, provenance_path
from wordstates.options import VectorDtype
from wordstates.result.rows import Rows, make_rows

if TYPE_CHECKING:
    from wordstates.result.word_embeddings import WordEmbeddings

STDOUT = "-"


class FileWriter(ABC):
    """A writer but for its format.

    Args:
        partial: The file in the making; None: standard output.
        dtype: Precision of the vectors in the file.
        keyed: Have a column of keys from the first row on, though only later documents may bring some.
    """

    def __init__(self, partial: PartialFile | None, dtype: VectorDtype, *, keyed: bool = False) -> None:
        self._partial = partial
        self._keyed = keyed
        self._dtype: VectorDtype = dtype
        self._layout: tuple[bool, bool, dict[str, tuple[int, ...]]] | None = None
        self._extra: list[str] = []

    def write(self, documents: Sequence[Document], embeddings: WordEmbeddings) -> None:
        """Add documents; the texts of `embeddings` are theirs, in order."""
        if not documents:
            return
        self.write_rows(
            make_rows(
                [document.id for document in documents],
                embeddings,
                self._dtype,
                [document.keys for document in documents],
                extra=word_columns(documents, np.diff(embeddings.text_starts).tolist()),
            )
        )

    def write_rows(self, rows: Rows) -> None:
        """Add rows whose vectors are in the precision of the file."""
        rows = self._in_layout(rows)
        with told_as_output_errors(self._partial, self.abort):
            self._append(rows)

    def commit(self, provenance: Mapping[str, object]) -> int:
        """Finish the file with where it came from, give it its name, and return its bytes on disk."""
        if self._layout is None:
            self.abort()
            raise OutputError(f"There is nothing to write to {self._name!r}: no document came.")
        with told_as_output_errors(self._partial, self.abort):
            return self._finish(provenance_json(provenance))

    def abort(self) -> None:
        """Remove what was written; a file that was there before stays. Does nothing after `commit`."""
        self._close()
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

    def _in_layout(self, rows: Rows) -> Rows:
        """See that rows have the columns of the first ones, which the file has by now."""
        layout = (self._keyed or rows.keys is not None, rows.subword is not None, rows.shapes)
        if self._layout is None:
            self._layout, self._extra = layout, [*rows.extra]
        with_keys, *columns = self._layout
        if with_keys and rows.keys is None:
            rows = dataclasses.replace(rows, keys=[None] * len(rows))
        elif rows.keys is not None and not with_keys:
            raise OutputError(
                f"{self._name!r} began with documents whose words have no keys, and {rows.documents[0]!r} comes with "
                "keys (CoNLL-U): write them to two files."
            )
        if columns != [*layout[1:]]:
            raise OutputError(f"{self._name!r} began with the vectors {columns[1]}, and then came {layout[2]}.")
        new = [name for name in rows.extra if name not in self._extra]
        if new:
            raise OutputError(
                f"{self._name!r} began without the column {new[0]!r}, with which {rows.documents[0]!r} comes: write "
                "them to two files."
            )
        nothing: list[str | None] = [None] * len(rows)
        return dataclasses.replace(rows, extra={name: rows.extra.get(name, nothing) for name in self._extra})

    @abstractmethod
    def _append(self, rows: Rows) -> None:
        """Write rows, or keep them for `_finish`."""

    @abstractmethod
    def _finish(self, provenance: str) -> int:
        """Write what is left, close, publish, and return the size."""

    @abstractmethod
    def _close(self) -> None:
        """Let go of the partial file, whatever state it is in; never raises."""
