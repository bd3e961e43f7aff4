"""A table for people, and the vectors of the same rows in a file beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from wordstates.documents.document import Document
from wordstates.files.writer import FileWriter
from wordstates.result.embedded_words import EmbeddedWords
from wordstates.result.rows import Rows


class WithVectorsBeside:
    """Writes every row to both files: the row of `id` n in the table is the nth of the vectors.

    Args:
        table: Writes the table.
        vectors: Writes the vectors.
    """

    def __init__(self, table: FileWriter, vectors: FileWriter) -> None:
        self._table = table
        self._vectors = vectors
        self.in_pieces = table.in_pieces and vectors.in_pieces

    def write(self, documents: Sequence[Document], embeddings: EmbeddedWords, first: int = 0) -> None:
        """Add documents, or the words of one from its `first` on; the texts of `embeddings` are theirs, in order."""
        self._table.write(documents, embeddings, first)
        self._vectors.write(documents, embeddings, first)

    def write_rows(self, rows: Rows) -> None:
        """Add rows whose vectors are in the precision of the files."""
        self._table.write_rows(rows)
        self._vectors.write_rows(rows)

    def commit(self, provenance: Mapping[str, object]) -> int:
        """Finish both files, the table last: where it is, its vectors are too. Returns the bytes of both."""
        size = self._vectors.commit(provenance)
        return size + self._table.commit(provenance)

    def abort(self) -> None:
        """Remove what was written; does nothing after `commit`."""
        self._vectors.abort()
        self._table.abort()
