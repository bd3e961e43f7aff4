"""The subwords of a long text, a stretch at a time: the same as of the text as a whole, in memory that stays flat.

Each stretch is tokenized with some text around it. Where two of them meet, both know the text on either side, and what
they make of it has to be the same, subword by subword, or the two are tokenized again as one::

    text        .......................................................
    stretch 1   [--------------------+----)
    stretch 2                   [----+--------------------+----)
    compared                       ====                 ====
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from jaxtyping import Bool

from wordstates.model.subwords import Subwords
from wordstates.text.stretches import safe_after, safe_before

LONG_TEXT = 500_000  # characters; longer texts are tokenized in stretches
STRETCH, _CONTEXT = 250_000, 2_000
_COMPARED = 64  # subwords on either side


def subwords_in_stretches(
    text: str, encode: Callable[[str], Subwords], stretch: int = STRETCH, context: int = _CONTEXT
) -> Iterator[Subwords]:
    """Give the subwords of a text in order, stretch by stretch, with their spans in the whole text.

    Args:
        text: The text.
        encode: Gives the subwords of any part of it.
        stretch: Characters of a stretch.
        context: Characters around it that are tokenized with it, at least.
    """

    def read(start: int, end: int) -> Subwords:
        low = safe_before(text, safe_before(text, start - context) - 1)  # two words or more, however long
        high = safe_after(text, safe_after(text, end + context) + 1)
        found = encode(text[low:high])
        # Where strings are aligned, what has no place in the text is said to be at 0.
        placed = np.logical_or(found.spans.any(axis=1), found.aligned_by == "offsets")
        return Subwords(found.ids, found.spans + low * placed[:, None], found.aligned_by)

    start, end = 0, safe_after(text, stretch)
    this, length = read(start, end), stretch
    while end < len(text):
        further = safe_after(text, end + length)
        following = read(end, further)
        cut = _where_they_meet(this, following, end)
        if cut is None:
            length *= 2  # so that a text without any place to cut it is read four times over at most
            this = read(start, further)
        else:
            yield _part(this, _first_from(this, start), cut)
            start, this, length = end, following, stretch
        end = further
    yield _part(this, _first_from(this, start), len(this.ids))


def _where_they_meet(this: Subwords, following: Subwords, place: int) -> int | None:
    """Give the subword of the first stretch with which the second one goes on; None: they differ there."""
    mine, theirs = _first_from(this, place), _first_from(following, place)
    # The first subword of a stretch, and its last, may be others than in the middle of a text.
    before = min(theirs - 1, _COMPARED)
    after = min(len(this.ids) - 1 - mine, _COMPARED)
    if before < 1 or after < 1 or mine < before or len(following.ids) - theirs < after:
        return None
    here = _part(this, mine - before, mine + after)
    there = _part(following, theirs - before, theirs + after)
    same = np.array_equal(here.ids, there.ids) and np.array_equal(_solid(here), _solid(there))
    return mine if same and np.array_equal(here.spans[_solid(here)], there.spans[_solid(there)]) else None


def _first_from(subwords: Subwords, place: int) -> int:
    """Give the first subword that stands for text from a place on."""
    if not place:
        return 0
    there = (subwords.spans[:, 0] >= place) & _solid(subwords)
    return int(there.argmax()) if there.any() else len(there)


def _solid(subwords: Subwords) -> Bool[np.ndarray, " subwords"]:
    """Tell which subwords stand for text."""
    solid: np.ndarray = subwords.spans[:, 1] > subwords.spans[:, 0]
    return solid


def _part(subwords: Subwords, first: int, end: int) -> Subwords:
    return Subwords(subwords.ids[first:end], subwords.spans[first:end], subwords.aligned_by)
