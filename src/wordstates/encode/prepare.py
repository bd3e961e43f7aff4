"""What comes before the model: texts and word spans to plans, a stretch of texts at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from numbers import Integral

import numpy as np

from wordstates.encode.plan import Place, Plan, WindowSettings, make_plan
from wordstates.errors import InputError
from wordstates.model.batching import FULL
from wordstates.model.loaded import LoadedModel
from wordstates.model.tokenizer import Tokenizer
from wordstates.options import LongTexts, check_choice
from wordstates.text.words import Spans
from wordstates.wording import counted

# Characters of the first stretch that is planned, and of the longest: the engine has work at once, and later stretches,
# each four times as long as the one before, have enough windows to sort by length.
_FIRST_STRETCH, _LONGEST_STRETCH, _GROWTH = 8_000, 256_000, 4


@dataclass(frozen=True, eq=False)
class Prepared:
    """Texts that are ready to be read.

    Args:
        plan: What to read.
        by_strings: Texts that were aligned as strings, because the tokenizer's offsets do not explain them.
    """

    plan: Plan
    by_strings: int


@dataclass(frozen=True)
class Preparer:
    """Plans texts for one model.

    Args:
        tokenizer: Its tokenizer.
        settings: How long texts are read.
    """

    tokenizer: Tokenizer
    settings: WindowSettings

    def prepare(self, texts: Sequence[str], word_spans: Sequence[Spans], first: Place | None = None) -> Prepared:
        """Tokenize, align and cut texts; a text without a word is not even tokenized.

        Args:
            texts: The texts.
            word_spans: Char spans of the words of each.
            first: What comes before them.
        """
        wanted = np.flatnonzero([len(spans) > 0 for spans in word_spans])
        encoded = self.tokenizer.encode([texts[index] for index in wanted.tolist()])
        counts = np.zeros(len(texts), dtype=np.int64)
        counts[wanted] = np.diff(encoded.starts)
        plan = make_plan(
            texts,
            word_spans,
            encoded.ids,
            encoded.spans,
            np.append(0, np.cumsum(counts)),
            self.settings,
            self.tokenizer.unknown_id,
            first or Place(),
        )
        return Prepared(plan, int(encoded.by_strings.sum()))

    def stretches(self, texts: Sequence[str], word_spans: Sequence[Spans], *, idle: bool = True) -> Iterator[Prepared]:
        """Prepare many texts stretch by stretch, so that the first can be read while the next is planned.

        Args:
            texts: The texts.
            word_spans: Char spans of the words of each.
            idle: Whether the engine has nothing to do: then the first stretches are short.
        """
        begin, place, longest = 0, Place(), _FIRST_STRETCH if idle else _LONGEST_STRETCH
        while begin < len(texts) or not begin:
            end, characters = begin, 0
            while end < len(texts) and (end == begin or characters < longest):
                characters += len(texts[end])
                end += 1
            prepared = self.prepare(texts[begin:end], word_spans[begin:end], place)
            yield prepared
            begin, place, longest = end, prepared.plan.after, min(_GROWTH * longest, _LONGEST_STRETCH)
            if not texts:
                return


def check_window(model: LoadedModel, window: int | None) -> int:
    """Give the subwords one pass reads: those asked for, or what the model can.

    Raises:
        InputError: If the model cannot read so many, or they hold no text.
    """
    window = check_whole("window", window)
    limit, special = model.limit, len(model.template)
    if window is None:
        return model.default_window
    if limit is not None and window > limit:
        raise InputError(
            f"window={window} is more than {model.name!r} can read at once: at most {counted(limit, 'subword')}."
        )
    if window <= special:
        raise InputError(
            f"window={window} holds no text: {special} of it are special tokens; give {special + 1} or more."
        )
    return window


def window_settings(
    model: LoadedModel, window: int, overlap: int | None, long_texts: LongTexts, *, repeat: bool
) -> WindowSettings:
    """Say how long texts are read.

    Args:
        model: The model.
        window: Subwords one pass reads, special tokens included.
        overlap: Subwords that neighbouring windows share; default a quarter of what they hold.
        long_texts: ``window``, ``truncate`` or ``error``.
        repeat: Each window is read twice in one pass.

    Raises:
        InputError: If these do not go together.
    """
    check_choice("long_texts", long_texts, LongTexts)
    capacity = (window - len(model.template)) // (2 if repeat else 1)
    if capacity < 1:
        raise InputError(f"window={window} is too small to read a text twice; give a larger one.")
    overlap = check_whole("overlap", overlap)
    chosen = capacity // 4 if overlap is None else overlap
    if not 0 <= chosen < capacity:
        raise InputError(
            f"overlap={overlap} does not fit: windows hold {counted(capacity, 'subword')} of text, share "
            "fewer than that."
        )
    return WindowSettings(capacity, chosen, long_texts, causal=model.anatomy.causal and not repeat)


def check_budget(model: LoadedModel, batch_subwords: int | None) -> int:
    """Give the subwords of a batch: those asked for, or few on a CPU, whose caches they fit, and many on a GPU.

    Raises:
        InputError: If they are no number of subwords.
    """
    batch_subwords = check_whole("batch_subwords", batch_subwords)
    if batch_subwords is None:
        return FULL if str(model.engines.device).startswith("cpu") else 16_384
    if batch_subwords < 1:
        raise InputError(f"batch_subwords={batch_subwords} is no budget: give at least 1.")
    return batch_subwords


def check_whole(name: str, value: object) -> int | None:
    """Give an option as an int, also where it is one of NumPy's; None where it is left out.

    Raises:
        InputError: If it is something else.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise InputError(f"{name}={value!r} is no whole number: give an int, or leave it out.")
    return int(value)


def check_repeat(model: LoadedModel, *, repeat: bool, surprisal: bool) -> None:
    """Check that a model that reads each text twice may.

    Raises:
        InputError: If it reads both sides anyway, or surprisal is asked for.
    """
    if repeat and not model.anatomy.causal:
        raise InputError(f"repeat=True is for causal models: {model.name!r} reads both sides already.")
    if repeat and surprisal:
        raise InputError("repeat=True reads each word before, so its surprisal would say nothing: give one of the two.")
