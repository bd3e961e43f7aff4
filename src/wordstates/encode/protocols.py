"""What runs ask of whatever gives vectors: a `WordEmbedder`, or a server that is asked over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from wordstates.text.words import Spans, WordSplitter

if TYPE_CHECKING:
    from wordstates.encode.inputs import Inputs
    from wordstates.recipe import Recipe
    from wordstates.result.word_embeddings import WordEmbeddings


class Pending(Protocol):
    """Embeddings that are being computed."""

    @property
    def n_words(self) -> int:
        """Number of words, those not yet computed included."""
        ...

    def result(self, advance: Callable[[int], object] = ...) -> WordEmbeddings:
        """Wait for the embeddings; `advance` is told how many words have their vectors."""
        ...

    def abandon(self) -> None:
        """Stop as soon as may be."""


@dataclass(frozen=True)
class TextPart:
    """Some words of a long text, on their way.

    Args:
        first: Index of the first of them in the text.
        last: Whether the text ends with them.
        pending: Their vectors, which are being computed.
    """

    first: int
    last: bool
    pending: Pending


class EmbeddingSession(Protocol):
    """Many calls whose vectors belong together."""

    @property
    def provenance(self) -> dict[str, Any]:
        """Where the vectors of all calls so far come from."""
        ...

    def read(self, texts: Sequence[str], spans: Sequence[Any] | None = None) -> Inputs:
        """Check texts and spans of their words; split the texts for which these are None."""
        ...

    def begin(self, inputs: Inputs, *, idle: bool = True) -> Pending:
        """Begin to embed; `idle`: nothing else is on its way."""
        ...

    def parts(self, text: str, spans: Any = None, *, most: int, splitter: str | None = None) -> Iterator[TextPart]:
        """Begin to embed a long text, some of its words at a time: `most`, where they are not too many anyway."""
        ...


class Embedder(Protocol):
    """What gives the vectors of words."""

    @property
    def recipes(self) -> Sequence[Recipe]:
        """What is taken of each pass."""
        ...

    @property
    def splitter(self) -> WordSplitter:
        """Finds the words of raw texts."""
        ...

    @property
    def n_blocks(self) -> int:
        """Number of blocks of the model."""
        ...

    @property
    def causal(self) -> bool:
        """True if the model reads left to right."""
        ...

    @property
    def vector_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of one vector of each recipe."""
        ...

    @property
    def provenance(self) -> dict[str, Any]:
        """Where the vectors come from."""
        ...

    def split(self, texts: Sequence[str]) -> list[Spans]:
        """Find the words of raw texts."""
        ...

    def session(self, characters: float = ...) -> EmbeddingSession:
        """Begin many calls of so many characters together."""
        ...

    def encode(
        self,
        texts: Any,
        *,
        spans: Sequence[Any] | None = None,
        on_progress: Callable[[int], object] | None = None,
    ) -> WordEmbeddings:
        """Give the vectors of the words of texts."""
        ...
