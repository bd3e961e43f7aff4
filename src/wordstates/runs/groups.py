"""Embedding a stream of documents: group by group, one computed while another is written; what fails is left out."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from wordstates.documents.document import Document
from wordstates.encode.window_cache import SeenWindows
from wordstates.errors import InputError, ModelError
from wordstates.progress import Progress
from wordstates.result.rows import numbers_in
from wordstates.text.words import as_spans

if TYPE_CHECKING:
    from wordstates.embedder import WordEmbedder
    from wordstates.encode.pending import PendingEmbeddings
    from wordstates.result.word_embeddings import WordEmbeddings
    from wordstates.text.words import Spans

# Documents are read, embedded and written in groups of about this many characters: enough to sort by length, little
# enough to keep memory flat. Where vectors are large, a group has fewer: so many that it still feeds all threads.
GROUP_CHARACTERS, _FEWEST_CHARACTERS = 200_000, 20_000
_GROUP_BYTES = 1 << 27  # of the vectors of a group; three groups are in memory at a time
_CHARACTERS_OF_A_WORD = 5  # of English, its spaces included; where words are shorter, groups take more

T = TypeVar("T")


@dataclass(frozen=True)
class Reject:
    """A document that could not be embedded.

    Args:
        document: Its id.
        error: Why.
    """

    document: str
    error: InputError | ModelError

    def to_dict(self) -> dict[str, str]:
        """Give it as plain JSON data."""
        return {"document": self.document, "reason": str(self.error)}


def affordable_words(embedder: WordEmbedder, most_bytes: int) -> int:
    """Say how many words have vectors of so many bytes, in float32; at least one."""
    return max(most_bytes // (4 * numbers_in(embedder.vector_shapes)), 1)


def group_characters(embedder: WordEmbedder) -> int:
    """Give the characters of a group whose words all get vectors."""
    affordable = affordable_words(embedder, _GROUP_BYTES) * _CHARACTERS_OF_A_WORD
    return min(GROUP_CHARACTERS, max(affordable, _FEWEST_CHARACTERS))


def in_groups(items: Iterable[T], text_of: Callable[[T], str], most: int | None = None) -> Iterator[list[T]]:
    """Put things with a text together to groups of so many characters.

    Args:
        items: The things.
        text_of: The text of each.
        most: Characters with which a group is full; None: as many as one call of `encode` should get at most.
    """
    most = GROUP_CHARACTERS if most is None else most
    group: list[T] = []
    characters = 0
    for item in items:
        group.append(item)
        characters += len(text_of(item))
        if characters >= most:
            yield group
            group, characters = [], 0
    if group:
        yield group


def embed_groups(
    embedder: WordEmbedder,
    items: Iterable[T],
    document_of: Callable[[T], Document],
    spans_of: Callable[[Sequence[T]], Sequence[Spans]],
    rejects: list[Reject],
    on_progress: Callable[[int], object] = lambda _: None,
    *,
    all_may_fail: bool = False,
    most: int | None = None,
) -> Iterator[tuple[Sequence[T], WordEmbeddings]]:
    """Embed things in groups; while the caller writes one, the next is computed.

    A group that fails is tried in halves, down to the single documents that fail: those are rejected. All have one
    engine, chosen by the first group; if that is full, more may come, and it is the fastest.

    Args:
        embedder: Gives the vectors.
        items: Things that belong to documents, as a stream.
        document_of: The document of each.
        spans_of: Char spans that get a vector, for the things of a group.
        rejects: Takes the documents that fail, with the reason.
        on_progress: Called after each batch with the number of words it gave; a `Progress` also hears what is to come.
        all_may_fail: Go on also where every document of the first group fails.
        most: Characters of a group; None: as many as memory affords if every word gets a vector.

    Yields:
        A group or a part of it, and its embeddings; in order.

    Raises:
        InputError: If every document of the first group fails: then it is no matter of single documents.
        ModelError: Likewise.
    """
    items = sound(items, document_of, rejects)
    attempts = _Attempts(embedder, document_of, spans_of, rejects, on_progress, SeenWindows())
    waiting: deque[tuple[Sequence[T], PendingEmbeddings | InputError | ModelError]] = deque()
    some = all_may_fail
    most = group_characters(embedder) if most is None else most
    try:
        for number, group in enumerate(in_groups(items, lambda item: document_of(item).text, most)):
            if not number:
                texts = (document_of(item).text for item in group)
                attempts.engine = embedder.engine_for(characters_to_come(texts, most))
            pending = attempts.submit(group, hurry=not number)
            waiting.append((group, pending))
            if isinstance(on_progress, Progress) and not isinstance(pending, Exception):
                on_progress.expect(pending.n_words)
            if len(waiting) > 1:
                for done in attempts.finish(*waiting.popleft()):
                    some = True
                    yield done
                    del done  # or its vectors are there until the next are
                _check_some(some, rejects)
        while waiting:
            for done in attempts.finish(*waiting.popleft()):
                some = True
                yield done
        _check_some(some, rejects)
    finally:
        for _, pending in waiting:
            if not isinstance(pending, Exception):
                pending.abandon()


def spans_of(embedder: WordEmbedder, documents: Sequence[Document]) -> list[Spans]:
    """Take the words that documents bring, and split the text of those that bring none."""
    raw = [document.text for document in documents if document.spans is None]
    split = iter(embedder.split(raw))
    return [next(split) if document.spans is None else as_spans(document.spans) for document in documents]


def sound(items: Iterable[T], document_of: Callable[[T], Document], rejects: list[Reject]) -> Iterator[T]:
    """Leave out, as rejects, the documents that the reader could not read."""
    for item in items:
        document = document_of(item)
        if document.fault:
            rejects.append(Reject(document.id, InputError(document.fault)))
        else:
            yield item


def _check_some(some: bool, rejects: Sequence[Reject]) -> None:
    if not some and rejects:
        raise rejects[0].error


def characters_to_come(first: Iterable[str], most: int) -> float:
    """Say how much there is to embed, by the texts of the first group: without end if it has as many as a group has."""
    characters = sum(map(len, first))
    return characters if characters < most else math.inf


@dataclass
class _Attempts(Generic[T]):
    embedder: WordEmbedder
    document_of: Callable[[T], Document]
    spans_of: Callable[[Sequence[T]], Sequence[Spans]]
    rejects: list[Reject]
    on_progress: Callable[[int], object]
    seen: SeenWindows
    engine: str | None = None

    def submit(self, group: Sequence[T], *, hurry: bool = True) -> PendingEmbeddings | InputError | ModelError:
        try:
            texts, spans = [self.document_of(item).text for item in group], self.spans_of(group)
            return self.embedder.submit(texts, spans=spans, engine=self.engine, seen=self.seen, hurry=hurry)
        except (InputError, ModelError) as error:
            return error

    def finish(
        self, group: Sequence[T], pending: PendingEmbeddings | InputError | ModelError
    ) -> Iterator[tuple[Sequence[T], WordEmbeddings]]:
        told: list[int] = []

        def tell(words: int) -> None:
            told.append(words)
            self.on_progress(words)

        try:
            if isinstance(pending, Exception):
                raise pending
            embeddings = pending.result(tell)
        except (InputError, ModelError) as error:
            self.on_progress(-sum(told))  # they are computed again, and told again
            if len(group) == 1:
                self.rejects.append(Reject(self.document_of(group[0]).id, error))
                return
            middle = len(group) // 2
            for half in (group[:middle], group[middle:]):
                yield from self.finish(half, self.submit(half))
        else:
            yield group, embeddings
