"""Embedding a stream of documents: group by group, one computed while another is written; what fails is left out."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from wordstates.documents.document import Document
from wordstates.errors import InputError, ModelError
from wordstates.options import CHARACTERS_OF_A_WORD
from wordstates.progress import Progress
from wordstates.result.rows import numbers_in
from wordstates.runs.counts import Counts
from wordstates.runs.fitting import hint_of

if TYPE_CHECKING:
    from wordstates.encode.inputs import Inputs
    from wordstates.encode.protocols import Embedder, EmbeddingSession, Pending
    from wordstates.result.word_embeddings import WordEmbeddings

# Documents are read, embedded and written in groups of about this many characters: enough to sort by length, little
# enough to keep memory flat. Where vectors are large, a group has fewer: so many that it still feeds all threads.
GROUP_CHARACTERS, _FEWEST_CHARACTERS = 200_000, 20_000
_GROUP_BYTES = 1 << 27  # of the vectors of a group; three groups are in memory at a time, a fourth while it is written
# Vectors of one document that are in memory at a time, and characters of it; a larger one is embedded in pieces.
_PIECE_BYTES, PIECE_CHARACTERS = 1 << 28, 500_000


class WithText(Protocol):
    """A document, or a document with the words in it that are to get vectors."""

    @property
    def id(self) -> str:
        """Id of the document."""
        ...

    @property
    def text(self) -> str:
        """Its text."""
        ...

    @property
    def spans(self) -> Any:
        """Char spans that get a vector; None: those of the words that the text is split into."""
        ...

    @property
    def fault(self) -> str:
        """Why there is no text; empty: it is sound."""
        ...


T = TypeVar("T", bound=WithText)


@dataclass(frozen=True)
class DocumentPart:
    """A document with some of its words.

    Args:
        document: The document.
    """

    document: Document

    @property
    def id(self) -> str:
        """Id of the document."""
        return self.document.id

    @property
    def text(self) -> str:
        """Its text."""
        return self.document.text

    @property
    def fault(self) -> str:
        """Why there is no text; empty: it is sound."""
        return self.document.fault


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


@dataclass(frozen=True)
class Piece(Generic[T]):
    """Some documents with their vectors, or a part of one large document.

    Args:
        documents: The documents.
        embeddings: Their words, or some of them.
        first: Position of the first of these words in its document.
        last: Whether the words of the last document end here.
    """

    documents: Sequence[T]
    embeddings: WordEmbeddings
    first: int = 0
    last: bool = True

    @property
    def counts(self) -> Counts:
        """What is counted of it; a document counts with its last piece."""
        counts = Counts.of(self.embeddings)
        counts.texts *= self.last
        counts.long_texts *= self.last
        return counts


class BrokenOffError(ModelError):
    """A large document that fails in its middle, when some of its vectors are given already.

    Args:
        document: Its id.
        error: Why it failed.
    """

    def __init__(self, document: str, error: InputError | ModelError) -> None:
        super().__init__(f"Document {document!r} failed when a part of its words was written: {error} Leave it out.")
        self.document, self.error = document, error


def affordable_words(embedder: Embedder, most_bytes: int) -> int:
    """Say how many words have vectors of so many bytes, in float32; at least one."""
    return max(most_bytes // (4 * numbers_in(embedder.vector_shapes)), 1)


def group_characters(embedder: Embedder) -> int:
    """Give the characters of a group whose words all get vectors."""
    affordable = affordable_words(embedder, _GROUP_BYTES) * CHARACTERS_OF_A_WORD
    return min(GROUP_CHARACTERS, max(affordable, _FEWEST_CHARACTERS))


def in_groups(
    items: Iterable[T], most: int | None = None, alone: Callable[[T], bool] = lambda _: False
) -> Iterator[list[T]]:
    """Put documents together to groups of so many characters.

    Args:
        items: The documents.
        most: Characters with which a group is full; None: as many as one call of `encode` should get at most.
        alone: Says which documents are a group of their own.
    """
    most = GROUP_CHARACTERS if most is None else most
    group: list[T] = []
    characters = 0
    for item in items:
        if group and alone(item):
            yield group
            group, characters = [], 0
        group.append(item)
        characters += len(item.text)
        if characters >= most or alone(item):
            yield group
            group, characters = [], 0
    if group:
        yield group


def sound(items: Iterable[T], rejects: list[Reject]) -> Iterator[T]:
    """Leave out, as rejects, the documents that the reader could not read."""
    for item in items:
        if item.fault:
            rejects.append(Reject(item.id, InputError(item.fault)))
        else:
            yield item


def is_long(item: WithText) -> bool:
    """Tell whether the text of a document is one that is planned piece by piece."""
    return len(item.text) > PIECE_CHARACTERS


def run_characters(first: Sequence[WithText], most: int) -> float:
    """Say how long a run is by its first group: if that is full, more may come, and the fastest engine pays."""
    characters = sum(len(item.text) for item in first)
    return characters if characters < most else math.inf


def read_group(session: EmbeddingSession, group: Sequence[WithText]) -> Inputs:
    """Check the texts and words of documents, and split those that bring no words."""
    return session.read([item.text for item in group], [item.spans for item in group])


class GroupRun:
    """Embeds a stream of documents in groups; while the caller writes one, the next is computed.

    A group that fails is tried in halves, down to the single documents that fail: those are rejected. All groups have
    one engine.

    Args:
        embedder: Gives the vectors.
        on_progress: Called after each batch with the number of words it gave; a `Progress` also hears what is to come.
        session: Whose engine computes; None: one that is chosen by the first group.
        splitter: What the provenance says found the words, if they are neither given nor split: ``targets``.
        most: Characters of a group; None: as many as memory affords if every word gets a vector.
        all_may_fail: Go on also where every document of the first group fails.
        in_pieces: Give the words of a large document some at a time.
    """

    def __init__(
        self,
        embedder: Embedder,
        on_progress: Callable[[int], object] = lambda _: None,
        *,
        session: EmbeddingSession | None = None,
        splitter: str | None = None,
        most: int | None = None,
        all_may_fail: bool = False,
        in_pieces: bool = False,
    ) -> None:
        self._embedder = embedder
        self._on_progress = on_progress
        self._session = session
        self._splitter = splitter
        self._most = group_characters(embedder) if most is None else most
        self._all_may_fail = all_may_fail
        self._in_pieces = in_pieces
        self._most_words = affordable_words(embedder, _PIECE_BYTES)
        self.rejects: list[Reject] = []
        self.counts = Counts()
        self.first = ""  # id of the first document
        self.hint = ""
        self._failed: WithText | None = None  # a large document that is rejected: its other pieces are dropped

    @property
    def provenance(self) -> dict[str, Any]:
        """Where the vectors come from; empty if no document came."""
        return {} if self._session is None else self._session.provenance

    def over(self, items: Iterable[T]) -> Iterator[Piece[T]]:
        """Embed documents.

        Yields:
            A group or a part of it, or some words of a large document, with the embeddings; in order.

        Raises:
            InputError: If every document of the first group fails: then the cause is not in single documents.
            ModelError: Likewise.
            BrokenOffError: If a large document fails after some of its pieces were given.
        """
        waiting: deque[_Waiting[T]] = deque()
        try:
            for next_one in self._begun(items, waiting):
                waiting.append(next_one)
                if isinstance(self._on_progress, Progress) and not isinstance(next_one.pending, Exception):
                    self._on_progress.expect(next_one.pending.n_words)
                if len(waiting) > 1:
                    yield from self._finish(waiting.popleft())
                    self._check_some()
            while waiting:
                yield from self._finish(waiting.popleft())
            self._check_some()
        finally:
            for left in waiting:
                if not isinstance(left.pending, Exception):
                    left.pending.abandon()

    def _begun(self, items: Iterable[T], waiting: Sequence[_Waiting[T]]) -> Iterator[_Waiting[T]]:
        """Begin group after group; a large document piece by piece."""
        for group in in_groups(sound(items, self.rejects), self._most, self._is_large):
            self.first = self.first or group[0].id
            self._session = self._session or self._embedder.session(run_characters(group, self._most))
            if self._is_large(group[0]):
                yield from self._pieces_of(group[0], self._session)
            else:
                yield _Waiting(group, self._begin(group, idle=not waiting))

    def _is_large(self, item: T) -> bool:
        return self._in_pieces and len(item.text) > min(PIECE_CHARACTERS, self._most_words * CHARACTERS_OF_A_WORD)

    def _pieces_of(self, item: T, session: EmbeddingSession) -> Iterator[_Waiting[T]]:
        first = 0
        try:
            for part in session.parts(item.text, item.spans, most=self._most_words, splitter=self._splitter):
                first = part.first + part.pending.n_words
                yield _Waiting([item], part.pending, part.first, part.last)
                if self._failed is item:
                    return
        except (InputError, ModelError) as error:
            yield _Waiting([item], error, first)

    def _begin(self, group: Sequence[T], *, idle: bool = True) -> Pending | InputError | ModelError:
        if self._session is None:
            raise RuntimeError("a session comes before the first group")
        try:
            inputs = read_group(self._session, group)
            return self._session.begin(replace(inputs, splitter=self._splitter or inputs.splitter), idle=idle)
        except (InputError, ModelError) as error:
            return error

    def _finish(self, waiting: _Waiting[T]) -> Iterator[Piece[T]]:
        told: list[int] = []

        def tell(words: int) -> None:
            told.append(words)
            self._on_progress(words)

        group, pending = waiting.group, waiting.pending
        if group[0] is self._failed:
            if not isinstance(pending, Exception):
                pending.abandon()
            return
        try:
            if isinstance(pending, Exception):
                raise pending
            embeddings = pending.result(tell)
        except (InputError, ModelError) as error:
            self._on_progress(-sum(told))  # they are computed again, and told again
            if waiting.first:
                raise BrokenOffError(group[0].id, error) from error
            if len(group) == 1:
                self._failed = group[0]
                self.rejects.append(Reject(group[0].id, error))
                return
            middle = len(group) // 2
            for half in (group[:middle], group[middle:]):
                yield from self._finish(_Waiting(half, self._begin(half)))
        else:
            if self._splitter is None and not self.counts.texts and not self.counts.words:
                self.hint = hint_of(embeddings, embeddings.words, embeddings.vocabulary)
            piece = Piece(group, embeddings, waiting.first, waiting.last)
            self.counts.add(piece.counts)
            del embeddings  # or its vectors are there until the next are
            yield piece

    def _check_some(self) -> None:
        if not self.counts.words and not self.counts.texts and self.rejects and not self._all_may_fail:
            raise self.rejects[0].error


@dataclass(frozen=True)
class _Waiting(Generic[T]):
    """A group, or some words of a large document, on its way; or why it cannot be.

    Args:
        group: The documents.
        pending: Their vectors, which are being computed.
        first: Position of the first word in its document.
        last: Whether the words of the last document end here.
    """

    group: Sequence[T]
    pending: Pending | InputError | ModelError
    first: int = 0
    last: bool = True
