"""Embedding given spans of documents, and leaving out the documents that fail."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

from wordstates.corpus.document import Document
from wordstates.errors import InputError, ModelError
from wordstates.text.words import as_spans

if TYPE_CHECKING:
    from wordstates.corpus.run import Reject
    from wordstates.embedder import WordEmbedder
    from wordstates.embeddings import WordEmbeddings

# Documents are embedded in groups of about this many characters: enough to sort by length, little enough to keep
# memory flat.
_GROUP_CHARACTERS = 200_000

T = TypeVar("T")


def in_groups(items: Iterable[T], text_of: Callable[[T], str]) -> Iterator[list[T]]:
    """Put things with a text together to groups of about as many characters as one call of `encode` should get."""
    group: list[T] = []
    characters = 0
    for item in items:
        group.append(item)
        characters += len(text_of(item))
        if characters >= _GROUP_CHARACTERS:
            yield group
            group, characters = [], 0
    if group:
        yield group


def embed_or_reject(
    embedder: WordEmbedder,
    group: Sequence[tuple[Document, Sequence[tuple[int, int]]]],
    rejects: list[Reject],
    on_progress: Callable[[int], object] = lambda _: None,
) -> Iterator[tuple[slice, WordEmbeddings]]:
    """Embed spans of documents; where that fails, of each half, down to the single documents that fail.

    Args:
        embedder: Gives the vectors.
        group: Documents, each with the char spans that get a vector.
        rejects: Takes the documents that fail, with the reason.
        on_progress: Called after each batch with the number of words it gave.

    Yields:
        Which part of the group, and its embeddings.
    """
    yield from _attempts(embedder, group, 0, len(group), rejects, on_progress)


def _attempts(
    embedder: WordEmbedder,
    group: Sequence[tuple[Document, Sequence[tuple[int, int]]]],
    start: int,
    end: int,
    rejects: list[Reject],
    on_progress: Callable[[int], object],
) -> Iterator[tuple[slice, WordEmbeddings]]:
    try:
        embeddings = embedder.encode(
            [document.text for document, _ in group[start:end]],
            spans=[as_spans(spans) for _, spans in group[start:end]],
            on_progress=on_progress,
        )
    except (InputError, ModelError) as error:
        if end - start == 1:
            from wordstates.corpus.run import Reject  # late: it loads torch, and who only counts has no use for that

            rejects.append(Reject(group[start][0].id, error))
            return
        middle = (start + end) // 2
        yield from _attempts(embedder, group, start, middle, rejects, on_progress)
        yield from _attempts(embedder, group, middle, end, rejects, on_progress)
    else:
        yield slice(start, end), embeddings
