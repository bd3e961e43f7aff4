"""Runs of many calls whose vectors belong together: one engine, and windows that come again are read once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from wordstates.encode.inputs import GIVEN, Inputs, Texts, as_texts, read_inputs
from wordstates.encode.long_plan import LongPlanner, PlannedPart, words_in_stretches
from wordstates.encode.pending import PendingEmbeddings
from wordstates.encode.plan import Plan
from wordstates.encode.prepare import Preparer
from wordstates.encode.protocols import TextPart
from wordstates.encode.provenance import provenance_of_recipes
from wordstates.encode.resolved import GivenPostProcessing
from wordstates.encode.reused_memory import ReusedMemory
from wordstates.encode.window_cache import WindowCache
from wordstates.encode.window_reader import WindowReader
from wordstates.errors import without_foreign_errors
from wordstates.model.engine import Engine
from wordstates.model.long_texts import STRETCH
from wordstates.model.tokenizer import Tokenizer
from wordstates.options import LongTexts
from wordstates.recipe import Recipe
from wordstates.result.word_embeddings import WordEmbeddings
from wordstates.text.words import WordSplitter, as_spans


@without_foreign_errors
class Session:
    """Calls that share an engine; made by `WordEmbedder.session`.

    Args:
        splitter: Finds the words of raw texts.
        preparer: Plans texts.
        reader: Reads their windows.
        engine: Gives what computes: the same each time, unless the process was forked.
        provenance: Says where the vectors of an engine come from, but for what found the words.
        cache: Keeps the vectors of windows that come again; None: windows are read anew in each call, into memory of
            their own.
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
        self._memory = None if cache is None else ReusedMemory()
        self._splitters: set[str] = set()

    @property
    def engine(self) -> str:
        """Name of the engine: ``torch``, ``openvino`` or ``packed``."""
        return self._engine().name

    @property
    def provenance(self) -> dict[str, Any]:
        """Where the vectors of all calls so far come from; words that were given for some texts only are not told."""
        (splitter,) = self._splitters if len(self._splitters) == 1 else [self._splitter.name]
        return self._provenance(self._engine()) | {"splitter": splitter}

    def taking(
        self,
        recipes: Sequence[Recipe],
        post_processing: GivenPostProcessing = None,
        *,
        long_texts: LongTexts | None = None,
        at_once: bool,
    ) -> Session:
        """Give a session of other recipes that shares model and engine with this one, and caches no window.

        Args:
            recipes: What it takes.
            post_processing: What is done to the vectors, as `WordEmbedder` takes it.
            long_texts: How it reads texts longer than a window; default as this one.
            at_once: Whether few short texts are to be read sooner; see `WindowReader.taking`.

        Raises:
            RecipeError: If a layer or a pooling does not exist.
            InputError: If post-processing does not go with a recipe.
        """
        resolved = self._reader.resolve(recipes, post_processing)
        settings = self._preparer.settings
        settings = replace(settings, long_texts=long_texts or settings.long_texts)

        def provenance(engine: Engine) -> dict[str, Any]:
            told = self._provenance(engine)
            told.pop("post_processing", None)
            return {**told, **provenance_of_recipes(resolved), "long_texts": settings.long_texts}

        preparer = replace(self._preparer, settings=settings)
        return Session(
            self._splitter, preparer, self._reader.taking(resolved, at_once=at_once), self._engine, provenance
        )

    @property
    def vector_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of one vector of each recipe, after post-processing."""
        return {recipe.name: recipe.shape for recipe in self._reader.recipes}

    @property
    def capacity(self) -> int:
        """Subwords of text that one window holds."""
        return self._preparer.settings.capacity

    @property
    def tokenizer(self) -> Tokenizer:
        """What splits texts into subwords."""
        return self._preparer.tokenizer

    def encode(self, texts: Texts, *, spans: Sequence[Any] | None = None) -> WordEmbeddings:
        """Give the vectors of the words of texts, as `WordEmbedder.encode` does."""
        return self.submit(texts, spans=spans).result()

    def submit(self, texts: Texts, *, spans: Sequence[Any] | None = None) -> PendingEmbeddings:
        """Begin to embed, as `WordEmbedder.submit` does."""
        return self.begin(self.read(texts, spans))

    # -- for runs, which check texts once and plan them as well ------------------------------------------------------

    def read(self, texts: Texts, spans: Sequence[Any] | None = None, words: Sequence[Any] | None = None) -> Inputs:
        """Check texts, and spans or words of them; split the texts for which these are None."""
        return read_inputs(texts, words, spans, self._splitter)

    def plan(self, inputs: Inputs) -> Plan:
        """Align and cut texts without running the model."""
        return self._preparer.prepare(inputs.texts, inputs.spans).plan

    def begin(self, inputs: Inputs, *, idle: bool = True) -> PendingEmbeddings:
        """Plan texts stretch by stretch and hand each to the engine.

        Args:
            inputs: The texts.
            idle: Whether the engine has nothing to do: then the first stretches are short, and a single batch is read
                here and now. While another call computes, more texts are planned together, which wastes less on
                padding, and this thread is free for what comes next.

        Raises:
            ModelError: If the model fails on what was computed at once.
        """
        pending = self._pending(inputs)
        try:
            for prepared in self._preparer.stretches(inputs.texts, inputs.spans, idle=idle):
                whole = len(prepared.plan.text_starts) == len(inputs.texts) + 1
                pending.start(prepared, at_once=idle and whole)
        except BaseException:
            pending.abandon()
            raise
        return pending

    def parts(self, text: str, spans: Any = None, *, most: int, splitter: str | None = None) -> Iterator[TextPart]:
        """Begin to embed a long text, some of its words at a time; its subwords are never all in memory.

        The vectors are those that all words together would give. A part is begun when it is asked for.

        Args:
            text: The text.
            spans: Char spans of its words; None: it is split.
            most: Words at a time, at most.
            splitter: What the provenance says found the words; None: the splitter that did, or ``given``.

        Raises:
            InputError: As `read`, and if the text is too long where that is to be an error.
            ModelError: If the tokenizer fails.
        """
        for part in self.plan_parts(text, spans, most=most):
            inputs = Inputs([text], [part.spans], splitter or (self._splitter.name if spans is None else GIVEN))
            pending = self._pending(inputs)
            try:
                pending.start(part.prepared)
            except BaseException:
                pending.abandon()
                raise
            yield TextPart(part.first, part.last, pending)

    def plan_parts(self, text: str, spans: Any = None, *, most: int) -> Iterator[PlannedPart]:
        """Plan a long text as `parts` does, without running the model."""
        (text,) = as_texts(text)
        given = None if spans is None else as_spans(self.read([text], [spans]).spans[0])
        tokenizer = self._preparer.tokenizer
        found = words_in_stretches(text, given, self._splitter, STRETCH)
        settings, unknown = self._preparer.settings, tokenizer.unknown_id
        return LongPlanner(text, found, tokenizer.stretches(text), settings, unknown).parts(most)

    def _pending(self, inputs: Inputs) -> PendingEmbeddings:
        engine = self._engine()
        self._splitters.add(inputs.splitter)
        provenance = self._provenance(engine) | {"splitter": inputs.splitter}
        tokenizer = self._preparer.tokenizer
        return PendingEmbeddings(inputs, self._reader, engine, tokenizer, provenance, self._cache, self._memory)
