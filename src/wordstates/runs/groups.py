"""Embedding a stream of documents: group by group, one computed while another is written; what fails is left out."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from wordstates.documents.document import Document
from wordstates.errors import InputError, ModelError
from wordstates.progress import Progress
from wordstates.result.rows import numbers_in
from wordstates.runs.counts import Counts
from wordstates.runs.fitting import hint_of

if TYPE_CHECKING:
    from wordstates.embedder import WordEmbedder
    from wordstates.encode.inputs import Inputs
    from wordstates.encode.pending import PendingEmbeddings
    from wordstates.encode.session import Session
    from wordstates.result.word_embeddings import WordEmbeddings

# Documents are read, embedded and written in groups of about this many characters: enough to sort by length, little
# enough to keep memory flat. Where vectors are large, a group has fewer: so many that it still feeds all threads.
GROUP_CHARACTERS, _FEWEST_CHARACTERS = 200_000, 20_000
_GROUP_BYTES = 1 << 27  # of the vectors of a group; three groups are in memory at a time
_CHARACTERS_OF_A_WORD = (
    5  # 4 to 5 of English, spaces included (scripts/measure_constants.py); of shorter words groups take more
)


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


def affordable_words(embedder: WordEmbedder, most_bytes: int) -> int:
    """Say how many words have vectors of so many bytes, in float32; at least one."""
    return max(most_bytes // (4 * numbers_in(embedder.vector_shapes)), 1)


def group_characters(embedder: WordEmbedder) -> int:
    """Give the characters of a group whose words all get vectors."""
    affordable = affordable_words(embedder, _GROUP_BYTES) * _CHARACTERS_OF_A_WORD
    return min(GROUP_CHARACTERS, max(affordable, _FEWEST_CHARACTERS))


def in_groups(items: Iterable[T], most: int | None = None) -> Iterator[list[T]]:
    """Put documents together to groups of so many characters.

    Args:
        items: The documents.
        most: Characters with which a group is full; None: as many as one call of `encode` should get at most.
    """
    most = GROUP_CHARACTERS if most is None else most
    group: list[T] = []
    characters = 0
    for item in items:
        group.append(item)
        characters += len(item.text)
        if characters >= most:
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


def session_for(embedder: WordEmbedder, first: Sequence[WithText], most: int) -> Session:
    """Begin a run by the length of its first group: if that is full, more may come, and the fastest engine pays."""
    characters = sum(len(item.text) for item in first)
    return embedder.session(characters if characters < most else math.inf)


def read_group(session: Session, group: Sequence[WithText]) -> Inputs:
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
        words: Where the words come from, if neither from the documents nor from splitting: ``targets``.
        most: Characters of a group; None: as many as memory affords if every word gets a vector.
        all_may_fail: Go on also where every document of the first group fails.
    """

    def __init__(
        self,
        embedder: WordEmbedder,
        on_progress: Callable[[int], object] = lambda _: None,
        *,
        session: Session | None = None,
        words: str | None = None,
        most: int | None = None,
        all_may_fail: bool = False,
    ) -> None:
        self._embedder = embedder
        self._on_progress = on_progress
        self._session = session
        self._words = words
        self._most = group_characters(embedder) if most is None else most
        self._all_may_fail = all_may_fail
        self.rejects: list[Reject] = []
        self.counts = Counts()
        self.first = ""  # id of the first document
        self.hint = ""

    @property
    def provenance(self) -> dict[str, Any]:
        """Where the vectors come from; empty if no document came."""
        return {} if self._session is None else self._session.provenance

    def over(self, items: Iterable[T]) -> Iterator[tuple[Sequence[T], WordEmbeddings]]:
        """Embed documents.

        Yields:
            A group or a part of it, and its embeddings; in order.

        Raises:
            InputError: If every document of the first group fails: then it is no matter of single documents.
            ModelError: Likewise.
        """
        waiting: deque[tuple[Sequence[T], PendingEmbeddings | InputError | ModelError]] = deque()
        try:
            for group in in_groups(sound(items, self.rejects), self._most):
                self.first = self.first or group[0].id
                self._session = self._session or session_for(self._embedder, group, self._most)
                pending = self._begin(group, idle=not waiting)
                waiting.append((group, pending))
                if isinstance(self._on_progress, Progress) and not isinstance(pending, Exception):
                    self._on_progress.expect(pending.n_words)
                if len(waiting) > 1:
                    yield from self._finish(*waiting.popleft())
                    self._check_some()
            while waiting:
                yield from self._finish(*waiting.popleft())
            self._check_some()
        finally:
            for _, pending in waiting:
                if not isinstance(pending, Exception):
                    pending.abandon()

    def _begin(self, group: Sequence[T], *, idle: bool = True) -> PendingEmbeddings | InputError | ModelError:
        if self._session is None:
            raise RuntimeError("a session comes before the first group")
        try:
            inputs = read_group(self._session, group)
            return self._session.begin(replace(inputs, words=self._words or inputs.words), idle=idle)
        except (InputError, ModelError) as error:
            return error

    def _finish(
        self, group: Sequence[T], pending: PendingEmbeddings | InputError | ModelError
    ) -> Iterator[tuple[Sequence[T], WordEmbeddings]]:
        told: list[int] = []

        def tell(words: int) -> None:
            told.append(words)
            self._on_progress(words)

        try:
            if isinstance(pending, Exception):
                raise pending
            embeddings = pending.result(tell)
        except (InputError, ModelError) as error:
            self._on_progress(-sum(told))  # they are computed again, and told again
            if len(group) == 1:
                self.rejects.append(Reject(group[0].id, error))
                return
            middle = len(group) // 2
            for half in (group[:middle], group[middle:]):
                yield from self._finish(half, self._begin(half))
        else:
            if self._words is None and not self.counts.texts:
                self.hint = hint_of(embeddings, embeddings.words, embeddings.vocabulary)
            self.counts.add(Counts.of(embeddings))
            yield group, embeddings
            del embeddings  # or its vectors are there until the next are

    def _check_some(self) -> None:
        if not self.counts.texts and self.rejects and not self._all_may_fail:
            raise self.rejects[0].error
