"""Runs of many calls whose vectors belong together: one engine, and windows that come again are read once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from wordstates.encode.inputs import Inputs, Texts, read_inputs
from wordstates.encode.pending import PendingEmbeddings
from wordstates.encode.plan import Plan
from wordstates.encode.prepare import Preparer
from wordstates.encode.window_cache import WindowCache
from wordstates.encode.window_reader import WindowReader
from wordstates.errors import without_foreign_errors
from wordstates.model.engine import Engine
from wordstates.result.word_embeddings import WordEmbeddings
from wordstates.text.words import WordSplitter


@without_foreign_errors
class Session:
    """Calls that share an engine; made by `WordEmbedder.session`.

    Args:
        splitter: Finds the words of raw texts.
        preparer: Plans texts.
        reader: Reads their windows.
        engine: Gives what computes: the same each time, unless the process was forked.
        provenance: Says where the vectors of an engine come from, but for the words.
        cache: Keeps the vectors of windows that come again; None: windows are read anew in each call.
    """

    def __init__(
        self,
        splitter: WordSplitter,
        preparer: Preparer,
        reader: WindowReader,
        engine: Callable[[], Engine],
        provenance: Callable[[Engine], dict[str, Any]],
        cache: WindowCache | None = None,
    ) -> None:
        self._splitter = splitter
        self._preparer = preparer
        self._reader = reader
        self._engine = engine
        self._provenance = provenance
        self._cache = cache
        self._words: set[str] = set()

    @property
    def engine(self) -> str:
        """Name of the engine: ``torch``, ``openvino`` or ``packed``."""
        return self._engine().name

    @property
    def provenance(self) -> dict[str, Any]:
        """Where the vectors of all calls so far come from; words that were given for some texts only are not told."""
        (words,) = self._words if len(self._words) == 1 else [self._splitter.name]
        return self._provenance(self._engine()) | {"words": words}

    def encode(self, texts: Texts, *, spans: Sequence[Any] | None = None) -> WordEmbeddings:
        """Give the vectors of the words of texts, as `WordEmbedder.encode` does."""
        return self.submit(texts, spans=spans).result()

    def submit(self, texts: Texts, *, spans: Sequence[Any] | None = None) -> PendingEmbeddings:
        """Begin to embed, as `WordEmbedder.submit` does."""
        return self.begin(self.read(texts, spans))

    # -- for runs, which check texts once and plan them as well ------------------------------------------------------

    def read(self, texts: Texts, spans: Sequence[Any] | None = None) -> Inputs:
        """Check texts and spans, and split the texts whose spans are None."""
        return read_inputs(texts, None, spans, self._splitter)

    def plan(self, inputs: Inputs) -> Plan:
        """Align and cut texts without running the model."""
        return self._preparer.prepare(inputs.texts, inputs.spans).plan

    def begin(self, inputs: Inputs, *, idle: bool = True) -> PendingEmbeddings:
        """Plan texts stretch by stretch and hand each to the engine.

        Args:
            inputs: The texts.
            idle: Whether the engine has nothing to do: then the first stretches are short. While another call computes,
                more texts are planned together, which wastes less on padding.

        Raises:
            ModelError: If the model fails on what was computed at once.
        """
        engine = self._engine()
        self._words.add(inputs.words)
        pending = PendingEmbeddings(
            inputs,
            self._reader,
            engine,
            self._preparer.tokenizer,
            self._provenance(engine) | {"words": inputs.words},
            self._cache,
        )
        try:
            for prepared in self._preparer.stretches(inputs.texts, inputs.spans, idle=idle):
                pending.start(prepared, at_once=len(prepared.plan.text_starts) == len(inputs.texts) + 1)
        except BaseException:
            pending.abandon()
            raise
        return pending
