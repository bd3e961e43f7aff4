"""Some words or some texts of a `WordEmbeddings`, in the order asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from operator import index as index_of
from typing import Any, TypeVar

import numpy as np

from wordstates.errors import ArgumentError, ItemError, NoVectorError
from wordstates.result.column import ranges, slice_rows, take_rows
from wordstates.result.embedded_words import EmbeddedWords
from wordstates.wording import counted

E = TypeVar("E", bound=EmbeddedWords)


def is_whole_number(value: object) -> bool:
    """Tell whether a value is an int, also one of NumPy's or PyTorch's; True and False are none."""
    if isinstance(value, (bool, np.bool_)) or getattr(value, "shape", ()) != ():
        return False
    try:
        index_of(value)  # type: ignore[arg-type]  # which is what is asked
    except TypeError:
        return False
    return True


def indices_of(asked: Any, count: int) -> np.ndarray:
    """Give indices 0, 1, ... for indices, a slice or a mask; negative ones count from the end.

    Args:
        asked: Indices in the order wanted, a slice, or a mask.
        count: How many there are to choose from.

    Raises:
        ItemError: If one does not exist, or the mask has another length.
        ArgumentError: If they are neither whole numbers nor a mask.
    """
    try:
        indices = np.arange(count)[asked] if isinstance(asked, slice) else np.asarray(asked)
    except (TypeError, ValueError) as error:
        raise _no_indices(asked) from error
    if indices.ndim != 1:
        raise _no_indices(asked)
    if indices.dtype == bool:
        if len(indices) != count:
            raise ItemError(
                f"The mask has {counted(len(indices), 'value')} for {counted(count, 'word')}: give one per word."
            )
        return np.flatnonzero(indices)
    if len(indices) and not np.issubdtype(indices.dtype, np.integer):
        raise _no_indices(asked)
    indices = indices.astype(np.int64)
    wrong = indices[(indices < -count) | (indices >= count)]
    if len(wrong):
        raise ItemError(f"Words {wrong.tolist()[:5]} do not exist: there are {count}, 0 to {count - 1}.")
    return np.where(indices < 0, indices + count, indices)


def _no_indices(asked: object) -> ArgumentError:
    return ArgumentError(f"take({asked!r:.60}): words are taken by a list of whole numbers, a slice or a mask.")


def runs_of(of_text: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray | None]:
    """Give where each text begins; or, where words do not stand in text order, each run of one text, and its text.

    Args:
        of_text: Text of each word.
        count: How many texts there are.
    """
    if not (np.diff(of_text) < 0).any():
        return np.searchsorted(of_text, np.arange(count + 1)), None
    first = np.flatnonzero(np.append(True, np.diff(of_text) != 0))
    return np.append(first, len(of_text)), of_text[first]


def take_words(embeddings: E, indices: np.ndarray) -> E:
    """Give words by flat index, in this order; all texts stay, and the result is of words."""
    starts, runs = runs_of(embeddings.text_index[indices], len(embeddings.texts))
    counts = embeddings.subword_counts[indices]
    return replace(
        embeddings,
        words=[embeddings.words[index] for index in indices.tolist()],
        spans=embeddings.spans[indices],
        status_codes=embeddings.status_codes[indices],
        text_starts=starts,
        run_texts=runs,
        subword_ids=embeddings.subword_ids[ranges(embeddings.subword_starts[indices], counts)],
        subword_starts=np.append(0, np.cumsum(counts)),
        columns={name: take_rows(column, indices) for name, column in embeddings.columns.items()},
        numbers={name: values[indices] for name, values in embeddings.numbers.items()},
        of_words=True,
    )


def one_text(embeddings: E, index: Any) -> E:
    """Give one text, as words.

    Raises:
        ItemError: If there is no such text.
    """
    count = len(embeddings.texts)
    if not is_whole_number(index):
        raise ArgumentError(f"emb[{index!r}, ...]: the first of a pair is the number of a text.")
    if not -count <= index < count:
        raise ItemError(f"Text {index} does not exist: of {counted(count, 'text')} the last is {count - 1}.")
    return replace(some_texts(embeddings, [int(index) % count]), of_words=True)


def some_texts(embeddings: E, texts: Sequence[int]) -> E:
    """Give whole texts, in the order asked for."""
    if embeddings.run_texts is not None:  # the words of a text do not stand together
        of_text = embeddings.text_index
        found = [np.flatnonzero(of_text == text) for text in texts]
        counts = np.array([len(part) for part in found], dtype=np.int64)
        kept = take_words(embeddings, np.concatenate(found) if found else np.zeros(0, dtype=np.int64))
    else:
        positions = np.asarray(texts, dtype=np.int64)
        counts = np.diff(embeddings.text_starts)[positions]
        if len(positions) == 1:
            kept = _together(embeddings, *embeddings.text_starts[positions[0] : positions[0] + 2].tolist())
        else:
            kept = take_words(embeddings, ranges(embeddings.text_starts[positions], counts))
    return replace(
        kept,
        texts=tuple(embeddings.texts[text] for text in texts),
        text_starts=np.append(0, np.cumsum(counts)),
        run_texts=None,
        of_words=embeddings.of_words,
    )


def _together(embeddings: E, first: int, last: int) -> E:
    """Give words that stand together by plain slices: nothing else is looked at, and nothing copied."""
    starts = embeddings.subword_starts[first : last + 1]
    return replace(
        embeddings,
        words=embeddings.words[first:last],
        spans=embeddings.spans[first:last],
        status_codes=embeddings.status_codes[first:last],
        subword_ids=embeddings.subword_ids[starts[0] : starts[-1]],
        subword_starts=starts - starts[0],
        columns={name: slice_rows(column, first, last) for name, column in embeddings.columns.items()},
        numbers={name: values[first:last] for name, values in embeddings.numbers.items()},
    )


def words_of(embeddings: E, asked: Any) -> E:
    """Give words by their number among these, by a slice of them, or every one that is spelled so.

    Raises:
        ItemError: If there is no such word.
        NoVectorError: If no word is spelled so.
    """
    count = len(embeddings.words)
    if isinstance(asked, str):
        found = [index for index, word in enumerate(embeddings.words) if word == asked]
        if not found:
            shown = ", ".join(map(repr, embeddings.words[:5]))
            examples = f"the first are {shown}" if shown else "and there are no words"
            raise NoVectorError(f"No word here is {asked!r}: words are matched exactly, {examples}.")
        return take_words(embeddings, np.array(found))
    if isinstance(asked, slice):
        return take_words(embeddings, np.arange(count)[asked])
    if not is_whole_number(asked):
        raise ArgumentError(f"emb[{asked!r}]: words are an int, a slice of ints, or a string; see take() for several.")
    if not -count <= asked < count:
        raise ItemError(f"Word {asked} does not exist: the text has {counted(count, 'word')}.")
    return take_words(embeddings, np.array([int(asked) % count]))
