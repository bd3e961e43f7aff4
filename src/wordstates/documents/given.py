"""What a function of the library is given as a corpus: paths, or documents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from wordstates.documents.document import Document
from wordstates.documents.readers import read_documents
from wordstates.errors import InputError, each_of_the_caller

Corpus = str | Path | Iterable[str | Path] | Iterable[Document]


def open_corpus(corpus: Corpus, reading: dict[str, Any]) -> tuple[Iterator[Document], bool]:
    """Give a corpus as documents, and whether its words have names of their own, as in CoNLL-U.

    Args:
        corpus: A file, a folder, several, or documents as `read_documents` gives them.
        reading: Options of `read_documents`, for paths.

    Raises:
        InputError: If it is neither, an option does not exist, or a path cannot be read.
    """
    if isinstance(corpus, (str, Path)):
        corpus = [corpus]
    if not hasattr(corpus, "__iter__"):
        raise InputError(f"A corpus is a path, a list of paths, or documents; got {type(corpus).__name__}.")
    items = each_of_the_caller(corpus)
    first = next(items, None)
    if isinstance(first, (str, Path)):
        paths = [first, *items]
        documents = read_documents(paths, **reading)  # type: ignore[arg-type]  # it says what is no path
        return documents, documents.keyed
    if first is not None and not isinstance(first, Document):
        raise InputError(
            f"A corpus is a path, a list of paths, or documents; got {type(first).__name__}. Texts in memory are "
            "Document(id, text), or go to encode()."
        )
    if reading:
        raise InputError(f"{next(iter(reading))}=... says how files are read, and these are documents: leave it out.")
    if first is None:
        return iter(()), False
    return chain([first], items), first.keys is not None  # type: ignore[arg-type]  # the rest is as the first is
