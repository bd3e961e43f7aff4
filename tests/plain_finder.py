"""The finder as it was first written: each target tried on each text. Slow and plain, so an oracle for the fast one."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

import regex

from wordstates.text.folding import TYPED
from wordstates.text.words import is_word_edge

Target = str | re.Pattern[str]
_HIDDEN = regex.compile(r"[\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
_JOINER_IN_WORD = regex.compile(r"(?<=[\p{L}\p{M}])[\u200c\u200d]+(?=\p{L})")
_CLUSTER = regex.compile(r"\P{M}?\p{M}*", flags=regex.DOTALL)


def find_plainly(
    targets: Sequence[Target], text: str, *, ignore_case: bool = True, match_exactly: bool = False
) -> list[tuple[int, int, int]]:
    """Give what `TargetFinder(targets, ignore_case=ignore_case, match_exactly=match_exactly).find(text)` must give."""
    found = []
    ignore_case = ignore_case and not match_exactly
    here, places = (text, list(range(len(text)))) if match_exactly else type_by_char(text)
    folded, origins = fold_by_cluster(here, ignore_case=ignore_case)
    for index, target in enumerate(targets):
        if not isinstance(target, str):
            found += [(*match.span(), index) for match in target.finditer(text) if match.end() > match.start()]
            continue
        target = target if match_exactly else type_by_char(target)[0]
        words = fold_by_cluster(target, ignore_case=ignore_case)[0].split()
        for match in regex.finditer(r"\s+".join(map(regex.escape, words)), folded, overlapped=True):
            start, end = match.span()
            if not (splits_a_character(origins, start) or splits_a_character(origins, end)):
                start, end = origins[start][0], origins[end - 1][1]
                if is_word_edge(here, start) and is_word_edge(here, end):
                    split = places[start] in places[:start] or places[end - 1] in places[end:]
                    found += [] if split else [(places[start], places[end - 1] + 1, index)]
    return sorted(set(found))


def type_by_char(text: str) -> tuple[str, list[int]]:
    """Write each character as a keyboard does, and give the original place of each character of the result."""
    hidden = {place for match in _JOINER_IN_WORD.finditer(text) for place in range(*match.span())}
    hidden |= {match.start() for match in _HIDDEN.finditer(text)}
    typed, places = [], list[int]()
    for place, char in enumerate(text):
        written = "" if place in hidden else TYPED.get(char, char)
        typed.append(written)
        places += [place] * len(written)
    return "".join(typed), places


def fold_by_cluster(text: str, *, ignore_case: bool) -> tuple[str, list[tuple[int, int]]]:
    """Fold each character with its marks alone, and give the original span of each character of the result."""
    folded, origins = [], list[tuple[int, int]]()
    for match in _CLUSTER.finditer(text):
        written = unicodedata.normalize("NFD", match.group())
        written = unicodedata.normalize("NFD", written.casefold()) if ignore_case else written
        folded.append(written)
        origins += [match.span()] * len(written)
    return "".join(folded), origins


def splits_a_character(origins: list[tuple[int, int]], position: int) -> bool:
    return 0 < position < len(origins) and origins[position - 1] == origins[position]
