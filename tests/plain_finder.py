"""The finder as it was first written: each target tried on each text. Slow and plain, so an oracle for the fast one."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

import regex

from wordstates.text.words import is_word_edge

Target = str | re.Pattern[str]
_CLUSTER = regex.compile(r"\P{M}?\p{M}*", flags=regex.DOTALL)


def find_plainly(targets: Sequence[Target], text: str, *, ignore_case: bool = True) -> list[tuple[int, int, int]]:
    """Give what `TargetFinder(targets, ignore_case=ignore_case).find(text)` must give."""
    found = []
    folded, origins = fold_by_cluster(text, ignore_case=ignore_case)
    for index, target in enumerate(targets):
        if not isinstance(target, str):
            found += [(*match.span(), index) for match in target.finditer(text) if match.end() > match.start()]
            continue
        words = fold_by_cluster(target, ignore_case=ignore_case)[0].split()
        for match in regex.finditer(r"\s+".join(map(regex.escape, words)), folded, overlapped=True):
            start, end = match.span()
            if not (splits_a_character(origins, start) or splits_a_character(origins, end)):
                start, end = origins[start][0], origins[end - 1][1]
                if is_word_edge(text, start) and is_word_edge(text, end):
                    found.append((start, end, index))
    return sorted(set(found))


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
