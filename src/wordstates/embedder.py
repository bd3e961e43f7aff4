"""`WordEmbedder`: the vector of any word, in any text, from any pretrained transformer."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wordstates.encode.inputs import Inputs, Table, Texts, as_texts, find_inputs, read_inputs
from wordstates.encode.pending import PendingEmbeddings
from wordstates.encode.plan import Plan
from wordstates.encode.prepare import (
    Preparer,
    check_budget,
    check_repeat,
    check_window,
    window_settings,
)
from wordstates.encode.provenance import context_of, provenance_of
from wordstates.encode.remade import Remade
from wordstates.encode.resolved import GivenPostProcessing, ResolvedRecipe, resolve_recipes
from wordstates.encode.session import Session
from wordstates.encode.window_cache import WindowCache
from wordstates.encode.window_reader import WindowReader
from wordstates.errors import RecipeError, without_foreign_errors
from wordstates.model.engine import Engine
from wordstates.model.load import load_model
from wordstates.model.loaded import LoadOptions
from wordstates.options import (
    CHARACTERS_OF_A_SUBWORD,
    MODEL,
    BosPolicy,
    EmbedderOptions,
    EngineName,
    LayerPooling,
    LayersLike,
    LongTexts,
    Precision,
    SpecialTokens,
    SubwordPooling,
)
from wordstates.progress import progress
from wordstates.recipe import SURPRISAL, Recipe, check_names
from wordstates.result.found_usages import Usages
from wordstates.result.word_embeddings import WordEmbeddings
from wordstates.text.targets import Target, TargetFinder
from wordstates.text.words import Spans, word_splitter
from wordstates.wording import counted

if TYPE_CHECKING:
    import torch
    from torch import nn


@without_foreign_errors
class WordEmbedder(Remade):
    """Gives the vectors of words in their contexts.

    Invariant: in float32 each vector equals that of `transformers` run by hand on the one text, whatever else is in the
    batch; a word that cannot have a vector has a status instead. A copy, or what comes out of a pickle, loads it again.

    Args:
        model: Hub name, local folder, ``"minilm"`` (carried by the extra of this name), or a model in memory.
        tokenizer: The tokenizer of a model in memory; or another one (name, folder, object).
        layers: Layers by the one numbering rule: 0 = embedding output, 1..L = blocks, -1 = last; ``"-4:"``, ``"4,8"``.
        layer_pooling: ``mean`` (default), ``sum``, ``concat``, or ``none`` to keep a layer axis.
        subword_pooling: ``mean`` (default), ``first``, ``last``, ``max``, ``sum``, or ``none`` for one row per subword.
        recipes: Several recipes from one pass, instead of the three above.
        post_processing: What is done to the vectors: a `PostProcessing`, or a file of `wordstates fit`; several, each
            for the recipe it was fitted with; or by the name of the recipe. It has to be fitted with this model.
        splitter: How raw text is split into words: ``"unicode"``, ``"whitespace"``, ``"spacy:NAME"``, a spaCy pipeline,
            or a callable.
        punctuation: Keep punctuation as words of its own (``unicode`` and ``whitespace``).
        device: ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ...; default the GPU if there is one.
        precision: ``float32`` (default for models loaded by name), ``bfloat16``, ``float16``, or ``int8`` (OpenVINO on
            a CPU); the error against float32 is measured and is in the provenance.
        engine: ``"torch"``, ``"openvino"`` (CPU, the extra of this name), ``"packed"`` (PyTorch with
            little or no padding), or ``"auto"`` (default): PyTorch for short calls, for others the fastest that is
            installed, supports the model and agrees with PyTorch on a probe text.
        window: Subwords one pass reads, special tokens included; default what the model can read, at most 8,192 (512
            for models without a limit of their own).
        overlap: Subwords that neighbouring windows share; default a quarter of the window.
        long_texts: ``"window"`` reads texts longer than a window through overlapping windows; ``"truncate"`` cuts them,
            with a status for each word cut off; ``"error"`` refuses them.
        bos: Beginning-of-sequence token for causal models: ``auto`` as the tokenizer does, ``always``, ``never``.
        special_tokens: How ``[MASK]``, ``</s>`` and the like are read where a text writes them: as the ``token``, one
            word; as any other ``text``; or as the tokenizer does (``auto``), nearly always as the token.
        repeat: For causal models: read each text twice and take the second reading, which has seen all of it.
        batch_subwords: Most subwords in a batch, padding included; default 1,024 on a CPU, 16,384 elsewhere.
        revision: Branch, tag or commit of a model on the hub.
        trust_remote_code: Run code that comes with the model; off unless asked.
        unsafe_weights: Also load pickled weights, which can run code; off unless asked.
        config: Keys of the model's config in place of those in its ``config.json``, as
            ``{"attention_type": "original_full"}``; they are in the provenance.
        surprisal: Causal models: also give the surprisal of each word, in bits.
        left_subwords: Also give how many subwords of text each word was read after.

    Raises:
        ModelNotFoundError: If the model is not available.
        ModelError: If it cannot be used.
        RecipeError: If a layer or a pooling does not exist.
        InputError: If options do not exist or contradict each other.

    Warns:
        UserWarning: If the processor is slower in the precision asked for than in float32.

    Source:
        Repeating the text for causal models: Springer et al. 2024, "Repetition improves language model embeddings".

    Examples:
        >>> embedder = WordEmbedder("minilm", layers="-4:")
        >>> emb = embedder.encode("The quick brown fox jumps over the lazy dog.")
        >>> emb["fox"].vector.shape
        (384,)
    """

    def __init__(
        self,
        model: str | Path | nn.Module = MODEL,
        tokenizer: Any = None,
        *,
        layers: LayersLike = EmbedderOptions.layers,
        layer_pooling: LayerPooling = EmbedderOptions.layer_pooling,
        subword_pooling: SubwordPooling = EmbedderOptions.subword_pooling,
        recipes: Sequence[Recipe] | None = None,
        post_processing: GivenPostProcessing = None,
        splitter: object = EmbedderOptions.splitter,
        punctuation: bool = True,
        device: str | torch.device | None = None,
        precision: Precision | None = None,
        engine: EngineName = EmbedderOptions.engine,
        window: int | None = None,
        overlap: int | None = None,
        long_texts: LongTexts = EmbedderOptions.long_texts,
        bos: BosPolicy = EmbedderOptions.bos,
        special_tokens: SpecialTokens = EmbedderOptions.special_tokens,
        repeat: bool = False,
        batch_subwords: int | None = None,
        revision: str | None = None,
        trust_remote_code: bool = False,
        unsafe_weights: bool = False,
        config: Mapping[str, Any] | None = None,
        surprisal: bool = False,
        left_subwords: bool = False,
    ) -> None:
        if recipes is not None and (layers, layer_pooling, subword_pooling) != EmbedderOptions.default_recipe():
            raise RecipeError("Give either recipes=[...] or layers, layer_pooling and subword_pooling, not both.")
        self.recipes = check_names(recipes if recipes is not None else [Recipe(layers, layer_pooling, subword_pooling)])
        self.splitter = word_splitter(splitter, punctuation=punctuation)
        self._model = load_model(
            model,
            tokenizer,
            LoadOptions(
                device=device,
                precision=precision,
                engine=engine,
                bos=bos,
                special_tokens=special_tokens,
                revision=revision,
                trust_remote_code=trust_remote_code,
                unsafe_weights=unsafe_weights,
                surprisal=surprisal,
                config=config,
            ),
        )
        self.splitter = self.splitter.keeping(self._model.tokenizer.read_whole())
        anatomy = self._model.anatomy
        check_repeat(self._model, repeat=repeat, surprisal=surprisal)
        self._repeat, self._left_subwords = repeat, left_subwords
        context = context_of(self._model, repeat=repeat)
        self._resolved = resolve_recipes(self.recipes, self._model, post_processing, context)
        self._window = check_window(self._model, window)
        settings = window_settings(self._model, self._window, overlap, long_texts, repeat=repeat)
        self._preparer = Preparer(self._model.tokenizer, settings)
        budget = check_budget(self._model, batch_subwords)
        taken = [*self._resolved, *([ResolvedRecipe(SURPRISAL, (anatomy.n_blocks,), ())] if surprisal else [])]
        self._reader = WindowReader(self._model, taken, budget=budget, repeat=repeat)

    # -- what it is --------------------------------------------------------------------------------------------------
    @property
    def n_blocks(self) -> int:
        """Number of blocks L of the model: layers run from 0 to L."""
        return self._model.anatomy.n_blocks

    @property
    def causal(self) -> bool:
        """True if the model reads left to right, so that a word's vector knows only what stands before it."""
        return self._model.anatomy.causal

    @property
    def window(self) -> int:
        """Subwords one pass reads, special tokens included."""
        return self._window

    @property
    def dim(self) -> int:
        """Number of dimensions of a vector.

        Raises:
            RecipeError: If recipes have different ones: `vector_shapes` says which.
        """
        dims = {shape[-1] for shape in self.vector_shapes.values()}
        if len(dims) > 1:
            raise RecipeError(f"The recipes give vectors of {sorted(dims)} dimensions: see vector_shapes.")
        return dims.pop()

    @property
    def tokenizer(self) -> Any:
        """The tokenizer of transformers that splits words into subwords; it is shared, so leave its settings alone."""
        return self._model.tokenizer.of_transformers

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        import torch

        return torch.device(str(self._model.engines.device))

    def to(self, device: str | torch.device) -> WordEmbedder:
        """Move to another device, in place, by loading the model anew there.

        Returns:
            The same embedder.

        Raises:
            InputError: If there is no such device, or the model was given as an object: move that, and make another.
        """
        arguments, options = self._made_from
        if str(device) != str(self._model.engines.device):
            self.__dict__ = type(self)(*arguments, **{**options, "device": device}).__dict__
        return self

    @property
    def vector_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of one vector of each recipe, after post-processing."""
        return {recipe.name: recipe.shape for recipe in self._resolved}

    @property
    def provenance(self) -> dict[str, Any]:
        """Where the vectors come from: all that decides their values, as plain JSON data; of a short call."""
        return self._session(0.0).provenance

    def _provenance(self, engine: Engine) -> dict[str, Any]:
        return provenance_of(
            self._model,
            engine,
            self._resolved,
            self._preparer.settings,
            window=self._window,
            repeat=self._repeat,
            left_subwords=self._left_subwords,
        )

    def __repr__(self) -> str:
        names = ", ".join(recipe.name for recipe in self.recipes)
        blocks = counted(self.n_blocks, "block")
        return f"WordEmbedder({self._model.name!r}, {blocks}, recipes: {names}, window {self._window})"

    # -- what it does ------------------------------------------------------------------------------------------------

    def encode(
        self,
        texts: Texts | Table,
        *,
        words: Sequence[str] | Sequence[Sequence[str]] | None = None,
        spans: Sequence[Any] | None = None,
        word: str | None = None,
        group: str | Sequence[str] | None = None,
        show_progress: bool = False,
        on_progress: Callable[[int], object] | None = None,
    ) -> WordEmbeddings:
        """Give the vectors of the words of texts.

        Args:
            texts: A text, a list of them, a list of lists of given words (joined by a space), or a table of words.
            words: The words of each text, as written in it, instead of splitting; for a single text, its words.
            spans: Char spans of the words or phrases of each text, instead of splitting; for a single text, its spans.
            word: Column of a pandas, polars or Arrow table with one word per row; an empty cell keeps its place.
            group: Columns that say which consecutive rows are one text; default all rows are.
            show_progress: Show a bar on standard error.
            on_progress: Called after each batch with the number of words it gave a vector.

        Returns:
            All words in order, float32: a list of texts; of a string, or of a table without `group`, a list of words.

        Raises:
            InputError: If the texts are no texts.
            SpanError: If a span lies outside its text, or a given word is not in it.
            NonFiniteError: If the model gives NaN or infinity.

        Examples:
            >>> emb = WordEmbedder("minilm").encode(["A river bank.", "A bank account."])
            >>> emb["bank"].vectors.shape
            (2, 384)
        """
        inputs = read_inputs(texts, words, spans, self.splitter, word=word, group=group)
        with progress(show_progress, on_progress, inputs.n_words) as advance:
            return self._begin(inputs).result(advance)

    def find(
        self,
        texts: str | Sequence[str],
        targets: Sequence[Target],
        *,
        ignore_case: bool = True,
        match_exactly: bool = False,
        missing: str = "error",
        show_progress: bool = False,
        on_progress: Callable[[int], object] | None = None,
    ) -> Usages:
        """Give every usage of some words and phrases, with its vector and its context.

        A text without a usage is not run through the model.

        Args:
            texts: A text or a list of texts.
            targets: Words, phrases, or compiled regular expressions.
            ignore_case: Whether *Fox* is a usage of *fox*; for words and phrases.
            match_exactly: Also tell *don’t* from *don't*, and hidden characters in a word from none.
            missing: ``"error"`` if a target without any usage is an error (the default), ``"ignore"`` if not.
            show_progress: Show a bar on standard error.
            on_progress: Called after each batch with the number of usages it gave a vector.

        Returns:
            The usages in text order. Usages of different targets may overlap.

        Raises:
            InputError: If a target is empty, or the texts are no texts.
            TargetNotFoundError: If a target occurs nowhere.

        Examples:
            >>> usages = WordEmbedder("minilm").find(["The lazy dog.", "A cat."], ["lazy dog"])
            >>> usages[0].word, usages[0].left
            ('lazy dog', 'The ')
        """
        finder = TargetFinder(targets, ignore_case=ignore_case, match_exactly=match_exactly)
        inputs, target_index = find_inputs(texts, finder, missing)
        with progress(show_progress, on_progress, inputs.n_words, "usages") as advance:
            embeddings = self._begin(inputs).result(advance)
        return Usages(embeddings, tuple(finder.names), target_index)

    def split(self, texts: Sequence[str]) -> list[Spans]:
        """Find the words of raw texts as `encode` does: char spans, an array of shape (words, 2) for each text."""
        return self.splitter.split(as_texts(texts))

    def plan(self, texts: Texts, spans: Sequence[Any] | None = None) -> Plan:
        """Split, align and cut texts without running the model: what a dry run counts.

        Args:
            texts: As in `encode`.
            spans: As in `encode`.
        """
        inputs = read_inputs(texts, None, spans, self.splitter)
        return self._preparer.prepare(inputs.texts, inputs.spans).plan

    def submit(self, texts: Texts, *, spans: Sequence[Any] | None = None) -> PendingEmbeddings:
        """Begin to embed, and come back while the model computes; what fits a single batch is computed at once.

        Args:
            texts: As in `encode`.
            spans: As in `encode`.

        Returns:
            What `encode` would give, by its method ``result()``.

        Raises:
            InputError: If the texts are no texts.
            SpanError: If a span lies outside its text.
            ModelError: If the model fails on what was computed at once.
        """
        return self._begin(read_inputs(texts, None, spans, self.splitter))

    def session(self, characters: float = math.inf) -> Session:
        """Begin a run of many calls whose vectors belong together: one engine for all of them.

        Windows that come again and again are read twice at most.

        Args:
            characters: About how many the texts of all calls have together; default so many that the fastest engine
                pays. It is made and compared with PyTorch when it is first chosen, which takes seconds.

        Examples:
            >>> session = WordEmbedder("minilm", engine="torch").session()
            >>> [session.encode(text).vectors.shape for text in ("A river bank.", "A bank account.")]
            [(4, 384), (4, 384)]
        """
        return self._session(characters, WindowCache())

    def _session(self, characters: float, cache: WindowCache | None = None) -> Session:
        subwords = characters / CHARACTERS_OF_A_SUBWORD * (2 if self._repeat else 1)
        engine = partial(self._model.engines.for_work, subwords)
        engine()  # which may take seconds: now, not in the first call
        return Session(self.splitter, self._preparer, self._reader, engine, self._provenance, cache)

    def _begin(self, inputs: Inputs) -> PendingEmbeddings:
        return self._session(inputs.characters).begin(inputs)
