"""The char span of each subword from what the subwords write, where a tokenizer reports no offsets or wrong ones.

Pieces that write the text exactly are aligned with it character by character. A tokenizer may also rewrite text (a URL
becomes ``HTTPURL``, an emoji its name), leave some out, or show an unknown piece in its place. Then only what is
certain gets a span of its own, between what is explained from the left and what is explained from the right::

    text      good  https://x.co/a  😢             cry
    pieces    good  HTTPURL         :cry@@ing_face: cry
              left  ................................ right

Of what is left in between, a word that the tokenizer reads alone as just the pieces that stand there has those pieces.
All other pieces get the whole stretch, so that every word in it is marked as sharing them.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, groupby

import numpy as np
import regex
import spacy_alignments

from wordstates.text.align import SubwordSpans, trim_spans
from wordstates.text.pieces import Surface, mismatches, text_or_bytes

Keys = Sequence[Hashable]
ReadAlone = Callable[[str], Keys]

_WORD = regex.compile(r"\S+")
_MOST_PLACES = 50  # of a piece: a word that begins with one that occurs more often is not looked for
# First character, end of the characters, first unit, end of the units.
_Stretch = tuple[int, int, int, int]


def spans_from_strings(
    text: str, surfaces: Sequence[Surface], keys: Keys | None = None, read_alone: ReadAlone | None = None
) -> SubwordSpans:
    """Find the span of each piece by aligning what the pieces write with the text.

    Invariant: a piece whose place is not certain has a span that holds every place where it may be.

    Args:
        text: The text.
        surfaces: What each piece writes, in order; None for a piece that does not show it.
        keys: What tells the pieces apart, such as their ids; needed with `read_alone`.
        read_alone: From a word, between white space, to the keys of its pieces, those left out that write only space.

    Returns:
        Trimmed char spans, shape (subwords, 2); empty where a piece stands for no character.

    Source:
        The character alignment is `spacy_alignments` (Myers' diff after NFKD and lower case).
    """
    if not any(surface is None for surface in surfaces):
        spans = _by_characters(text, surfaces)
        if not mismatches(text, spans, surfaces):
            return spans
    return _Certain(text, surfaces, keys, read_alone).spans()


def _by_characters(text: str, surfaces: Sequence[Surface]) -> SubwordSpans:
    """Align what pieces write with the text, character by character; a character's bytes each get all of it."""
    chars, owners = _written_characters(surfaces)
    to_text = spacy_alignments.get_alignments([char.strip() for char in chars], [char.strip() for char in text])[0]
    starts = np.full(len(surfaces), len(text), dtype=np.int64)
    ends = np.zeros(len(surfaces), dtype=np.int64)
    for pieces, positions in zip(owners, to_text, strict=True):
        if positions:
            starts[pieces] = np.minimum(starts[pieces], positions[0])
            ends[pieces] = np.maximum(ends[pieces], positions[-1] + 1)
    return trim_spans(text, np.stack([np.minimum(starts, ends), ends], axis=1))


def _written_characters(surfaces: Sequence[Surface]) -> tuple[list[str], list[list[int]]]:
    """Give the characters that the pieces write together, and the pieces that wrote each."""
    chars: list[str] = []
    owners: list[list[int]] = []
    pending = b""
    pending_owners: list[int] = []
    for index, surface in enumerate(surfaces):
        if isinstance(surface, bytes):
            for byte in surface:
                if not 0x80 <= byte < 0xC0:  # a character begins here, so what is pending never became one
                    pending, pending_owners = b"", []
                pending, pending_owners = pending + bytes([byte]), [*pending_owners, index]
                decoded = text_or_bytes(pending)
                if isinstance(decoded, str):
                    chars.append(decoded)
                    owners.append(sorted(set(pending_owners)))
                    pending, pending_owners = b"", []
        else:
            pending, pending_owners = b"", []
            for char in surface or "":
                chars.append(char)
                owners.append([index])
    return chars, owners


@dataclass(frozen=True)
class _Unit:
    """One piece, or several that are the bytes of one character; `written` is None where they do not show it."""

    pieces: range
    written: str | None


def _units(surfaces: Sequence[Surface]) -> list[_Unit]:
    """Give what the pieces write, without white space; pieces that write nothing else are left out."""
    units: list[_Unit] = []
    raw, first = b"", 0
    for index, surface in enumerate([*surfaces, ""]):
        if isinstance(surface, bytes):
            first = index if not raw else first
            raw += surface
            decoded = text_or_bytes(raw)
            if isinstance(decoded, str):
                units.append(_Unit(range(first, index + 1), _spelled(decoded)))
                raw = b""
            continue
        if raw:
            units.append(_Unit(range(first, index), None))
            raw = b""
        units.append(_Unit(range(index, index + 1), None if surface is None else _spelled(surface)))
    return [unit for unit in units if unit.written != ""]


def _spelled(text: str) -> str:
    """Write compatibility forms and case one way, and white space not at all; marks stay, each by itself."""
    if text.isascii():
        return "".join(text.lower().split())
    return "".join(_spelled_character(char) for char in text)


@lru_cache(maxsize=20_000)
def _spelled_character(char: str) -> str:
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", char).casefold())
    return "".join(part for part in decomposed if not part.isspace())


@lru_cache(maxsize=20_000)
def _may_be_dropped(char: str) -> bool:
    """Tell what a tokenizer may leave out of a word: accents, controls, invisible characters."""
    return char == "\ufffd" or unicodedata.category(char) in ("Mn", "Mc", "Me", "Cc", "Cf")


class _Certain:
    """Places pieces in a text where that is certain.

    Places here are those of `ink`: the characters of the text as `_spelled` writes them. A stretch of ink and the units
    that stand for it begin and end between words, which are what stands between white space.
    """

    def __init__(self, text: str, surfaces: Sequence[Surface], keys: Keys | None, read_alone: ReadAlone | None) -> None:
        self.text, self.surfaces = text, surfaces
        self.keys, self.read_alone = keys or (), read_alone if keys is not None else None
        spelled = [(char, place) for place, letter in enumerate(text) for char in _spelled(letter)]
        self.ink = "".join(char for char, _ in spelled)
        self.place = [place for _, place in spelled]
        self.words = [
            (bisect_left(self.place, match.start()), bisect_left(self.place, match.end()))
            for match in _WORD.finditer(text)
        ]
        self.units = _units(surfaces)
        self.taken = [(0, 0)] * len(self.units)

    def spans(self) -> SubwordSpans:
        """Place every piece."""
        stretches = [(0, len(self.ink), 0, len(self.units))]
        while stretches:
            stretches += self._explain(stretches.pop())
        found = np.zeros((len(self.surfaces), 2), dtype=np.int64)
        for unit, (start, end) in zip(self.units, self.taken, strict=True):
            if end > start:
                found[unit.pieces] = self.place[start], self.place[end - 1] + 1
                self._part(unit, found)
        empty = found[:, 1] <= found[:, 0]
        found[empty] = np.maximum.accumulate(found[:, 1])[empty, None]
        return trim_spans(self.text, found)

    def _part(self, unit: _Unit, found: SubwordSpans) -> None:
        """Part a span among pieces that are bytes of the same characters, if it is just those characters."""
        if len(unit.pieces) > 1:
            start, end = found[unit.pieces[0]].tolist()
            surfaces = [self.surfaces[piece] for piece in unit.pieces]
            parts = _by_characters(self.text[start:end], surfaces)
            if not mismatches(self.text[start:end], parts, surfaces):
                found[unit.pieces] = parts + start

    def _explain(self, stretch: _Stretch) -> list[_Stretch]:
        """Place the units of a stretch; give the stretches within it that are still to be explained."""
        rest = self._from_both_ends(stretch)
        begin, end, first, last = rest
        if first >= last or begin >= end:
            return []
        within = self._by_words_alone(stretch, rest) if self.read_alone is not None else None
        if within is None:
            self._by_neighbours(rest)
        return within or []

    def _from_both_ends(self, stretch: _Stretch) -> _Stretch:
        """Place the units that write the text from the beginning on, or up to the end; give what is between.

        A unit that has one place from the left and another from the right gets both, and what is between.
        """
        low, high, first, last = stretch
        begin, after = low, first
        while after < last and (place := self._written_at(self.units[after].written, begin, high)) is not None:
            self.taken[after] = place
            begin, after = place[1], after + 1
        end, before = high, last
        while before > first and (place := self._written_before(self.units[before - 1].written, low, end)) is not None:
            before -= 1
            one = self.taken[before] if before < after else place
            self.taken[before] = min(one[0], place[0]), max(one[1], place[1])
            end = place[0]
        after_marks = begin  # an accent belongs to the letter before it, if there is more that the next unit can be
        while first < after and after_marks < end and unicodedata.combining(self.ink[after_marks]):
            after_marks += 1
        return after_marks if after_marks < end else begin, end, after, before

    def _written_at(self, written: str | None, low: int, high: int) -> tuple[int, int] | None:
        """Find what is written just here, but for marks and invisible characters of the text."""
        start = -1
        for char in written or "":
            while low < high and self.ink[low] != char and _may_be_dropped(self.ink[low]):
                low += 1
            if low >= high or self.ink[low] != char:
                return None
            start, low = low if start < 0 else start, low + 1
        return (start, low) if written else None

    def _written_before(self, written: str | None, low: int, high: int) -> tuple[int, int] | None:
        end = -1
        for char in reversed(written or ""):
            while low < high and self.ink[high - 1] != char and _may_be_dropped(self.ink[high - 1]):
                high -= 1
            if low >= high or self.ink[high - 1] != char:
                return None
            end, high = high if end < 0 else end, high - 1
        return (high, end) if written else None

    # -- words that the tokenizer reads alone as it reads them here --------------------------------------------------

    def _by_words_alone(self, stretch: _Stretch, rest: _Stretch) -> list[_Stretch] | None:
        """Give words the units that they are when read alone, at the ends of the rest or where there is one place.

        Returns:
            The stretches between those words; None if there is no such word.
        """
        begin, end, first, last = rest
        words = self.words[bisect_right(self.words, begin, key=lambda word: word[1]) :]
        words = words[: bisect_left(words, end, key=lambda word: word[0])]
        low, high = words[0][0], words[-1][1]
        while first > stretch[2] and self.taken[first - 1][1] > low:
            first -= 1
        while last < stretch[3] and self.taken[last][0] < high:
            last += 1
        if (
            self.taken[first][0] < low < self.taken[first][1]
            or self.taken[last - 1][0] < high < self.taken[last - 1][1]
        ):
            return None  # a piece reaches into a word that is explained
        alone = [self._alone(word) for word in words]
        left, right = 0, len(words)
        while left < right and (stop := self._stop(alone[left], first, last)) is not None:
            self._within(words[left], first, stop)
            left, first = left + 1, stop
        while left < right and (start := self._start(alone[right - 1], first, last)) is not None:
            self._within(words[right - 1], start, last)
            right, last = right - 1, start
        if right - left < len(words):
            return [(words[left][0], words[right - 1][1], first, last)] if left < right and first < last else []
        return self._by_single_places(words, alone, first, last)

    def _alone(self, word: tuple[int, int]) -> tuple[Hashable, ...]:
        text = self.text[self.place[word[0]] : self.place[word[1] - 1] + 1]
        return tuple(self.read_alone(text)) if self.read_alone is not None else ()

    def _keys(self, unit: int) -> tuple[Hashable, ...]:
        return tuple(self.keys[piece] for piece in self.units[unit].pieces)

    def _stop(self, alone: tuple[Hashable, ...], first: int, last: int) -> int | None:
        """Say where the units end that begin here and are those of a word alone, if there are such."""
        left = alone
        while left and first < last and left[: len(keys := self._keys(first))] == keys:
            left, first = left[len(keys) :], first + 1
        return None if left else first

    def _start(self, alone: tuple[Hashable, ...], first: int, last: int) -> int | None:
        left = alone
        while left and first < last and left[-len(keys := self._keys(last - 1)) :] == keys:
            left, last = left[: -len(keys)], last - 1
        return None if left else last

    def _by_single_places(
        self, words: Sequence[tuple[int, int]], alone: Sequence[tuple[Hashable, ...]], first: int, last: int
    ) -> list[_Stretch] | None:
        """Place the words that stand once in the text, and whose units stand once; give what is between them."""
        places: dict[Hashable, list[int]] = defaultdict(list)
        for unit in range(first, last):
            places[self._keys(unit)[0]].append(unit)
        often = Counter(alone)
        sure: list[tuple[int, int, int]] = []  # word, first unit, end of its units
        for word, keys in enumerate(alone):
            if keys and often[keys] == 1 and len(places[keys[0]]) <= _MOST_PLACES:
                stops = [(unit, self._stop(keys, unit, last)) for unit in places[keys[0]]]
                here = [(word, unit, stop) for unit, stop in stops if stop is not None]
                sure += here if len(here) == 1 else []
        # Words that cross, or that share units, are no longer sure.
        ends = [*accumulate((stop for _, _, stop in sure), max, initial=first)]
        starts = [*accumulate((start for _, start, _ in reversed(sure)), min, initial=last)][::-1]
        sure = [each for number, each in enumerate(sure) if ends[number] <= each[1] and each[2] <= starts[number + 1]]
        if not sure:
            return None
        rest = []
        low = words[0][0]
        for word, start, stop in sure:
            self._within(words[word], start, stop)
            rest.append((low, words[word][0], first, start))
            low, first = words[word][1], stop
        return [*rest, (low, words[-1][1], first, last)]

    def _within(self, word: tuple[int, int], first: int, last: int) -> None:
        """Place the units of a word in it."""
        rest = self._from_both_ends((*word, first, last))
        if rest[2] < rest[3] and rest[0] < rest[1]:
            self._by_neighbours(rest)

    # -- what is left ------------------------------------------------------------------------------------------------

    def _by_neighbours(self, rest: _Stretch) -> None:
        """Place known units between unknown ones where they can be, and unknown units between their neighbours.

        Units that write what is not in the text can be anywhere: they get all of it.
        """
        begin, end, first, last = rest
        places: dict[int, tuple[int, int]] | None = None
        if self.units[first].written is None and self.units[last - 1].written is None:
            places = self._between_unknown(rest)
        for unit in range(first, last):
            self.taken[unit] = (begin, end) if places is None else places[unit]

    def _between_unknown(self, rest: _Stretch) -> dict[int, tuple[int, int]] | None:
        """Give known units the places from the first to the last that they can have, and unknown ones what is between.

        Returns:
            The place of each unit; None if a known one has none.
        """
        begin, end, first, last = rest
        groups = [
            list(group) for _, group in groupby(range(first, last), lambda unit: self.units[unit].written is None)
        ]
        earliest: dict[int, tuple[int, int]] = {}
        latest: dict[int, tuple[int, int]] = {}
        low, high = begin, end
        for group in groups[1::2]:
            low = self._search(group, range(low + 1, end), end, earliest)
            if low < 0:
                return None
        for group in reversed(groups[1::2]):
            found = self._search(group, range(high - 2, begin, -1), high - 1, latest)
            if found < 0:
                return None
            high = latest[group[0]][0]
        places = {unit: (earliest[unit][0], latest[unit][1]) for unit in earliest}
        for number in range(0, len(groups), 2):
            low = earliest[groups[number - 1][-1]][1] if number else begin
            high = latest[groups[number + 1][0]][0] if number + 1 < len(groups) else end
            places |= dict.fromkeys(groups[number], (low, high))
        return places

    def _search(self, group: Sequence[int], starts: range, end: int, places: dict[int, tuple[int, int]]) -> int:
        """Find the first of some places at which units are written one after the other; give its end, -1 for none."""
        for start in starts:
            here, low = {}, start
            for unit in group:
                place = self._written_at(self.units[unit].written, low, end)
                if place is None:
                    break
                here[unit], low = place, place[1]
            else:
                places |= here
                return low
        return -1
