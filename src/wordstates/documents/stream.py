"""The documents of files as they are read, and what is known of the files before that."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from wordstates.documents.document import Document
from wordstates.documents.sources import Source
from wordstates.errors import without_foreign_errors


@without_foreign_errors
class DocumentStream(Iterator[Document]):
    """Documents in the order of their files, each read when it is asked for.

    Args:
        inputs: Paths, as they were given.
        sources: The files that they name.
        read: Reads files.
        of_words: Whether the rows of tables are words.
    """

    def __init__(
        self,
        inputs: Sequence[str | Path],
        sources: Sequence[Source],
        read: Callable[[Sequence[Source]], Iterator[Document]],
        *,
        of_words: bool,
    ) -> None:
        self._inputs, self._sources, self._read, self._of_words = inputs, sources, read, of_words
        self._reading = read(sources)

    def __iter__(self) -> Iterator[Document]:
        return self._reading

    def __next__(self) -> Document:
        return next(self._reading)

    @property
    def keyed(self) -> bool:
        """Whether words have names of their own, as in CoNLL-U."""
        return self._of_words or any(source.format in ("conllu", "conll") for source in self._sources)

    @property
    def files(self) -> list[str]:
        """Names of the files that are read; none where they are the inputs as given."""
        names = [source.name for source in self._sources if not source.fault]
        return [] if names == [*self._inputs] else names

    def again(self) -> Iterator[Document] | None:
        """Begin to read the files once more, beside this stream; None if one of them is a pipe."""
        if not all(source.path is not None and source.path.is_file() for source in self._sources):
            return None
        return self._read([replace(source, meter=None) for source in self._sources])
