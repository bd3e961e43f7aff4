"""A model that answers many requests: what they ask is checked, waits, and is read together."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from wordstates.embedder import WordEmbedder
from wordstates.encode.inputs import Inputs
from wordstates.encode.session import Session
from wordstates.options import LayerPooling, SubwordPooling
from wordstates.postprocess.post_processing import PostProcessing
from wordstates.recipe import Recipe
from wordstates.result.selecting import some_texts
from wordstates.result.word_embeddings import WordEmbeddings
from wordstates.serve.asked import Asked, AskedRecipe, wrong_input_is_refused
from wordstates.serve.limits import Limits
from wordstates.serve.queue import FairQueue, Job, RequestPart
from wordstates.serve.refused import RefusedError
from wordstates.serve.worker import Worker
from wordstates.text.words import Spans
from wordstates.wording import counted

_PIECES_OF_A_TURN = 4  # of a long request, so that short ones find room beside it
_Key = tuple[str, LayerPooling, SubwordPooling, str | None]


@dataclass(frozen=True)
class _Part:
    """Some texts of a request, and how many of them are longer than a window."""

    texts: Sequence[str]
    spans: Sequence[Spans]
    long_texts: int


class ServedModel:
    """A model, the queue before it, and the thread that has it.

    Args:
        name: What requests call it.
        embedder: The model.
        limits: What is taken at most.
        post_processing: What vectors can go through, by name.
        on_turn: Called after each turn with its subwords and its seconds.
    """

    def __init__(
        self,
        name: str,
        embedder: WordEmbedder,
        limits: Limits,
        post_processing: Mapping[str, PostProcessing] | None = None,
        on_turn: Callable[[int, float], object] = lambda *_: None,
    ) -> None:
        self.name = name
        self.embedder = embedder
        self.post_processing = dict(post_processing or {})
        self._limits = limits
        self._session = embedder.session()
        self.queue = FairQueue(limits.queue_subwords, limits.turn_subwords)
        self._on_turn = on_turn
        self._worker = Worker(self.queue, self._begin, self._turn_is_over)
        self._session_for = lru_cache(maxsize=64)(self._make_session)
        self.subwords_per_second = 0.0

    def start(self) -> None:
        """Have the thread begin; what was asked before waits for it."""
        self._worker.start()

    def close(self, seconds: float | None = None) -> None:
        """Finish what waits, and end the thread."""
        self.queue.close()
        if self._worker.is_alive():
            self._worker.join(seconds)

    @property
    def session(self) -> Session:
        """What reads and plans texts."""
        return self._session

    def session_for(self, recipes: Sequence[AskedRecipe], *, truncate: bool = False) -> Session:
        """Give a session of some recipes.

        Raises:
            RefusedError: If a recipe is not for this model.
        """
        with wrong_input_is_refused("recipes"):
            return self._session_for(tuple((each.recipe.name, each.key) for each in recipes), truncate)

    def _make_session(self, named: tuple[tuple[str, _Key], ...], truncate: bool) -> Session:
        recipes = [Recipe(key[0], key[1], key[2], name=name) for name, key in named]
        post = {name: self.post_processing[key[3]] for name, key in named if key[3] is not None}
        return self._session.taking(recipes, post or None, long_texts="truncate" if truncate else None, at_once=True)

    def ask(self, asked: Asked, field: str = "texts") -> Job:
        """Check what a request asks against the limits, and make it ready to wait.

        Args:
            asked: What it asks.
            field: Where its texts stand.

        Raises:
            RefusedError: If it is too large, or a recipe is not for this model.
        """
        inputs, limits = asked.inputs, self._limits
        session = self.session_for(asked.recipes)
        read = [index for index, spans in enumerate(inputs.spans) if len(spans)]
        counts = np.zeros(len(inputs.texts), dtype=np.int64)
        counts[read] = np.diff(session.tokenizer.encode([inputs.texts[index] for index in read]).starts)
        longest = int(counts.argmax())
        if counts[longest] > limits.text_subwords:
            raise RefusedError(
                413,
                f"A text has {counted(int(counts[longest]), 'subword')}: at most {limits.text_subwords:,} are taken; "
                "split it.",
                f"{field}[{longest}]",
            )
        total = int(counts.sum())
        if total > limits.request_subwords:
            raise RefusedError(
                413,
                f"{counted(total, 'subword')}: a request has at most {limits.request_subwords:,}; send fewer texts.",
                field,
            )
        self._check_answer(asked, total, session, field)
        job = Job("truncate" if asked.truncate else "window", asked.recipes)
        for first, last in _stretches(counts.tolist(), max(1, limits.turn_subwords // _PIECES_OF_A_TURN)):
            long_texts = int((counts[first:last] > session.capacity).sum())
            part = _Part(inputs.texts[first:last], inputs.spans[first:last], long_texts)
            job.add(part, max(1, int(counts[first:last].sum())))
        return job

    def _check_answer(self, asked: Asked, subwords: int, session: Session, field: str) -> None:
        numbers = 0
        for each in asked.recipes:
            rows = asked.inputs.n_words if each.recipe.subword_pooling != "none" else subwords + asked.inputs.n_words
            numbers += rows * math.prod(session.vector_shapes[each.recipe.name])
        if numbers > self._limits.answer_numbers:
            raise RefusedError(
                413,
                f"The answer would have {counted(numbers, 'number')}: at most {self._limits.answer_numbers:,} are "
                "given; ask for fewer texts, words or layers at once.",
                field,
            )

    def provenance(self, asked: Asked) -> dict[str, Any]:
        """Say where the vectors of a request come from."""
        session = self.session_for(asked.recipes, truncate=asked.truncate)
        return session.provenance | {"splitter": asked.inputs.splitter}

    def seconds_to_wait(self) -> int:
        """Guess in how many seconds there is room again."""
        return max(1, min(60, math.ceil(self.queue.subwords / max(self.subwords_per_second, 1_000.0))))

    # -- in the thread that has the model ----------------------------------------------------------------------------

    def _begin(self, pieces: Sequence[RequestPart], *, idle: bool) -> Callable[[], list[WordEmbeddings]]:
        """Read pieces of several requests in one pass that takes the recipes of all of them.

        Args:
            pieces: The pieces.
            idle: Whether no other turn is computed meanwhile: then a short one has all cores.
        """
        keys = list(dict.fromkeys(each.key for piece in pieces for each in piece.job.recipes))
        names = {key: str(number) for number, key in enumerate(keys)}
        truncate = pieces[0].job.kind == "truncate"
        session = self._session_for(tuple((name, key) for key, name in names.items()), truncate)
        pending = session.begin(
            Inputs(
                [text for piece in pieces for text in piece.content.texts],
                [spans for piece in pieces for spans in piece.content.spans],
                "served",
            ),
            idle=idle,
        )

        def results() -> list[WordEmbeddings]:
            together, found, first = pending.result(), [], 0
            windows = Counter(pending.texts_of_windows)
            for piece in pieces:
                last = first + len(piece.content.texts)
                own = together if len(pieces) == 1 else some_texts(together, range(first, last))
                reading = {
                    "windows": sum(windows[text] for text in range(first, last)),
                    "long_texts": piece.content.long_texts,
                }
                found.append(replace(_as_asked(own, piece.job.recipes, names), reading=reading))
                first = last
            return found

        return results

    def _turn_is_over(self, subwords: int, seconds: float) -> None:
        rate = subwords / max(seconds, 1e-9)
        self.subwords_per_second = rate if not self.subwords_per_second else 0.8 * self.subwords_per_second + 0.2 * rate
        self._on_turn(subwords, seconds)


def _as_asked(part: WordEmbeddings, recipes: Sequence[AskedRecipe], names: Mapping[_Key, str]) -> WordEmbeddings:
    """Give words the recipes of one request, by the names that it gave them, and no subword of another."""
    columns = {
        each.recipe.name: replace(part.columns[names[each.key]], recipe=each.recipe)  # its layers are absolute
        for each in recipes
    }
    vocabulary = {index: part.vocabulary[index] for index in np.unique(part.subword_ids).tolist()}
    return replace(part, columns=columns, vocabulary=vocabulary)


def _stretches(counts: Sequence[int], most: int) -> list[tuple[int, int]]:
    """Cut texts into stretches of at most so many subwords; a longer text is one by itself.

    Examples:
        >>> _stretches([3, 3, 9, 1, 1], 6)
        [(0, 2), (2, 3), (3, 5)]
    """
    cut, first, held = [], 0, 0
    for index, count in enumerate(counts):
        if index > first and held + count > most:
            cut.append((first, index))
            first, held = index, 0
        held += count
    return [*cut, (first, len(counts))]
