"""`Explorer`: what the page asks for, answered from an index and the model that made it."""

from __future__ import annotations

import base64
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wordstates.errors import InputError
from wordstates.explore.crowd import Box, Crowd, Wanted, gather
from wordstates.explore.labels import NAME, Labels
from wordstates.explore.page import page
from wordstates.explore.word_view import MOST_USAGES, LayerReader, WordView, packed_view, view_word
from wordstates.options import Projection, check_choice
from wordstates.recipe import Recipe
from wordstates.usages.hits import hit_as_dict
from wordstates.usages.index import UsageIndex
from wordstates.usages.senses import Senses
from wordstates.usages.usage import IndexedUsage
from wordstates.wording import counted

if TYPE_CHECKING:
    from wordstates.encode.protocols import Embedder

_SUGGESTED = 300
_LONGEST_SENTENCE = 20_000  # characters
_BASELINE_WORDS = 300
_VIEWS_KEPT, _CROWDS_KEPT = 32, 2
_LAYERS = "all layers"
_HITS = 10
_SIDE = 200


class Explorer:
    """Answers for a page about the usages of an index.

    Args:
        index: The usages.
        title: Title of the page; default the name of what was indexed.
        model: Whether to load the model, which gives every layer and reads sentences; without it a page has the
            picture of the index's own vectors.
        projection: How usages come into two dimensions: ``pca``; or ``tsne``, for words whose usages are all read.
        connect: Makes, with ``recipes=[...]``, what reads; default the embedder that made the index.
        options: More arguments of that embedder, as ``device``.
    """

    def __init__(
        self,
        index: UsageIndex,
        *,
        title: str | None = None,
        model: bool = True,
        projection: Projection = "pca",
        connect: Callable[..., Embedder] | None = None,
        **options: Any,
    ) -> None:
        self.index = index
        self.title = title or (index.path / index.manifest.source).resolve().name
        check_choice("projection", projection, Projection)
        self._projection: Projection = projection
        self.labels = Labels(index.path / NAME)
        self._views: OrderedDict[str, WordView] = OrderedDict()
        self._crowds: OrderedDict[str, Crowd] = OrderedDict()
        self._lock = Lock()
        self._embedder: Embedder | None = None
        self._reader: LayerReader | None = None
        if model:
            recipe = index.recipe()
            layers = Recipe("0:", "none", recipe.subword_pooling, name=_LAYERS)
            make = connect or partial(index.embedder, **options)
            self._embedder = make(recipes=[recipe, layers])
            index.check(self._embedder, recipe.name)
            self._reader = LayerReader(self._embedder, _LAYERS, self._sample())

    # -- what the page asks for --------------------------------------------------------------------------------------

    def words(self) -> list[tuple[str, int]]:
        """Give the most frequent words, with their counts."""
        counted = pc.value_counts(self.index.rows.column("word").combine_chunks())
        values, counts = counted.field("values"), counted.field("counts")
        if pa.types.is_dictionary(values.type):
            values = values.dictionary_decode()
        pairs = zip(values.to_pylist(), counts.to_pylist(), strict=True)
        named = [(word, count) for word, count in pairs if any(character.isalpha() for character in word)]
        return sorted(named, key=lambda pair: (-pair[1], pair[0]))[:_SUGGESTED]

    def first_word(self) -> str:
        """Give a word to begin with: the most frequent one that is not among the shortest."""
        words = self.words()
        if not words:
            raise InputError(f"{str(self.index.path)!r} holds no word with letters.")
        return next((word for word, _ in words if len(word) > 3), words[0][0])

    def word(self, word: str, *, all_usages: bool = False) -> dict[str, Any]:
        """Give all that is shown of a word, and the names of its senses.

        Args:
            word: The word.
            all_usages: Whether to give all of its usages, in the layer of the index alone, where there are too many
                to read them in every layer; else an even sample of them.

        Raises:
            InputError: If it has no usage.
        """
        if all_usages and (crowd := self.crowd(word)) is not None:
            packed, senses = crowd.packed(), crowd.senses
        else:
            view = self.view(word)
            packed, senses = packed_view(view), view.senses
        return {**packed, "layered": self._reader is not None, "labels": self._names(senses)}

    def seen(self, word: str, box: Box, cells: tuple[int, int], colour: str, wanted: Wanted) -> dict[str, Any]:
        """Give what is in a part of the picture of a word that has too many usages to show them all; see `Crowd.seen`.

        Raises:
            InputError: If the word has few usages, or what is asked for cannot be.
        """
        return self._crowded(word).seen(box, cells, colour, wanted)

    def like(self, word: str, place: int) -> dict[str, Any]:
        """Give the cosines of a usage with all others of a word that has many; see `Crowd.like`.

        Raises:
            InputError: If the word has few usages, or none at this place.
        """
        return self._crowded(word).like(place)

    def _crowded(self, word: str) -> Crowd:
        crowd = self.crowd(word)
        if crowd is None:
            raise InputError(f"{word!r} has few usages: all that is known of them is in the page already.")
        return crowd

    def crowd(self, word: str) -> Crowd | None:
        """Give all usages of a word that has more than are read in every layer; the last ones are cached."""
        with self._lock:
            if word in self._crowds:
                self._crowds.move_to_end(word)
                return self._crowds[word]
        if len(self.index.numbers(word=word)) <= MOST_USAGES:
            return None
        crowd = gather(self.index, word)
        with self._lock:
            self._crowds[word] = crowd
            if len(self._crowds) > _CROWDS_KEPT:
                self._crowds.popitem(last=False)
        return crowd

    def view(self, word: str) -> WordView:
        """Give the view of a word; the last ones are cached."""
        with self._lock:
            if word in self._views:
                self._views.move_to_end(word)
                return self._views[word]
        view = view_word(self.index, word, self._reader, most=MOST_USAGES, projection=self._projection)
        with self._lock:
            self._views[word] = view
            if len(self._views) > _VIEWS_KEPT:
                self._views.popitem(last=False)
        return view

    def names(self, view: WordView) -> dict[str, str]:
        """Give the names that people gave to the senses of a word, as the page has them."""
        return self._names(view.senses)

    def _names(self, senses: Senses) -> dict[str, str]:
        return {str(sense): name for sense, name in self.labels.of(senses).items()}

    def sentence(self, text: str) -> dict[str, Any]:
        """Read a sentence: its words, their subwords, and how like they are in each layer.

        Raises:
            InputError: If there is no model, or the sentence is empty or too long.
        """
        if self._embedder is None or self._reader is None:
            raise InputError("This page was opened without a model: open it with one to read sentences.")
        _check_sentence(text)
        read = self._embedder.encode(text).recipe(_LAYERS)
        vectors = read.vectors
        lengths = np.linalg.norm(vectors, axis=2, keepdims=True)
        unit = np.moveaxis(vectors / np.where(lengths == 0, 1, lengths), 1, 0)  # (layers, words, dim)
        likeness = np.clip(unit @ unit.transpose(0, 2, 1), -1, 1).astype("<f4")
        words = zip(read.words, read.spans.tolist(), read.statuses, read.subwords, strict=True)
        return {
            "text": text,
            "words": [
                {"word": word, "start": start, "end": end, "status": status, "subwords": list(subwords)}
                for word, (start, end), status, subwords in words
            ],
            "layers": self._reader.layers,
            "similarity": base64.b64encode(likeness.tobytes()).decode("ascii"),
            "baseline": self._reader.baseline(),
        }

    def near(self, text: str, start: int, end: int) -> dict[str, Any]:
        """Find the usages that are most like a word of a sentence.

        Raises:
            InputError: If there is no model, or the sentence or the span cannot be used.
        """
        if self._embedder is None:
            raise InputError("This page was opened without a model: open it with one to look for usages.")
        _check_sentence(text)
        read = self._embedder.encode(text, spans=[(start, end)])
        hits = self.index.near(read.recipe(self.index.recipe().name).vector, k=_HITS, once_per_text=True)
        return {"hits": [hit_as_dict(hit, _SIDE) for hit in hits]}

    def label(self, word: str, sense: int, name: str) -> None:
        """Name a sense; an empty name takes it away."""
        crowd = self._crowds.get(word)  # its senses are those of the view, whatever is shown
        senses = self.view(word).senses if crowd is None else crowd.senses
        with self._lock:
            self.labels.give(senses, sense, name)

    # -- pages -------------------------------------------------------------------------------------------------------

    def live_page(self, word: str | None = None) -> str:
        """Write the page that a server stands behind."""
        words = self.words()
        first = word or self.first_word()
        ordered = [(first, dict(words).get(first, 0)), *(pair for pair in words if pair[0] != first)]
        return page(
            title=self.title,
            model=self._model,
            note=self._note,
            live=True,
            words=ordered,
            labels={view.word: self.names(view) for view in self._views.values()},
        )

    def exported_page(self, words: Sequence[str]) -> str:
        """Write a page of some words that needs no server and no network.

        Raises:
            InputError: If a word has no usage.
        """
        views = [self.view(word) for word in words]
        return page(
            title=", ".join(words),
            model=self._model,
            note=self._note,
            live=False,
            pages=[packed_view(view) for view in views],
            labels={view.word: self.names(view) for view in views},
        )

    @property
    def _model(self) -> str:
        return str(self.index.manifest.provenance.get("model", "the model"))

    @property
    def _note(self) -> str:
        recipe = self.index.manifest.recipe
        steps = [step for step in self.index.manifest.steps if step != "unit"]
        texts = "; spaces between words are rebuilt" if self.index.manifest.texts == "rebuilt" else ""
        done = f", {'+'.join(steps)}" if steps else ""
        return f"{self.title}: {counted(len(self.index), 'usage')}, {self._model}, recipe {recipe['name']}{done}{texts}"

    def _sample(self) -> list[IndexedUsage]:
        """Take one usage of each of some hundred different words, evenly over the index."""
        words = self.index.rows.column("word").combine_chunks()
        codes = (words if pa.types.is_dictionary(words.type) else words.dictionary_encode()).indices.to_numpy()
        firsts = np.sort(np.unique(codes, return_index=True)[1])
        chosen = firsts[np.linspace(0, len(firsts) - 1, min(len(firsts), _BASELINE_WORDS)).astype(np.int64)]
        return list(self.index.usages(chosen))


def _check_sentence(text: str) -> None:
    if not text.strip():
        raise InputError("There is no sentence: type one.")
    if len(text) > _LONGEST_SENTENCE:
        raise InputError(f"A sentence has at most {_LONGEST_SENTENCE:,} characters here, and this one {len(text):,}.")
