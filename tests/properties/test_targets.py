"""The fast finder finds what the plain one finds, for any targets in any text."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from plain_finder import find_plainly, fold_by_cluster, type_by_char
from texts import FRAGMENTS, characters, texts
from wordstates.text.folding import Typed, fold
from wordstates.text.phrases import RUN
from wordstates.text.targets import TargetFinder
from wordstates.text.words import is_word_edge

# A small alphabet, so that targets are in texts: letters whose case and marks are delicate, and what may join them.
DELICATE = [
    "a", "A", "b", "s", "ss", "ß", "ſ", "K", "\u212a", "k", "é", "e", "\u0301", "\u0323",
    "\u0345", "ι", "İ", "i", "\u0307", "ﬁ", "f", "ŉ", "_", "1", "²", "'", "-", ".", "+",
    " ", "  ", "\n", "\u00a0", "\x1c", "\u200d", "\u00ad", "東", "京", "カ", "ka", "ก", "ข",
    "’", "‑", "…", "Ａ", "ﾞ", "\u200b", "\u200c", "ﷲ", "“", '"',
    "א", "ב", "و", "क", "्", "ष", "가", "각", "👩", "👩\u200d👧", "🇩", "🇪", "#",
]  # fmt: skip
delicate = st.lists(st.sampled_from(DELICATE), min_size=1, max_size=14).map("".join)
any_text = st.one_of(delicate, texts)


@st.composite
def text_and_targets(draw: st.DrawFn) -> tuple[str, list[str]]:
    """Draw a text, and targets of which most are cut from it."""
    text = draw(any_text)
    targets = draw(st.lists(st.one_of(delicate, st.sampled_from(FRAGMENTS)), min_size=0, max_size=20))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        part = text[start : start + draw(st.integers(1, 6))]
        targets += [part, part.swapcase(), unicodedata.normalize("NFC", part), " ".join(part)]
    return text, [target for target in targets if type_by_char(target)[0].split()] or ["a"]


@given(text_and_targets(), st.booleans(), st.booleans())
@example(("a a a", ["a a", "a", "a  a a"]), True, False)
@example(("Straße STRASSE strasse", ["straße", "s", "STRASSE"]), True, False)
@example(("\u0301a a\u0301", ["\u0301", "a", "\u0301a"]), True, False)
@example(("+\u0345a", ["a"] * 9 + ["b", "c", "d", "e1", "f1", "g", "h", "i1", "j"]), True, False)
@example(("ab" * 300 + " é " + "\u0301" * 600 + " é", ["é", "e", "ab" * 300]), True, False)
@example(
    ("co\u00adop don’t \ufb01x \ufb01 \u200bco\u00ad …", ["coop", "don't", "fix", "f", ".", "...", "co"]), True, False
)
def test_every_target_is_found_as_by_the_plain_finder(
    drawn: tuple[str, list[str]], ignore_case: bool, match_exactly: bool
) -> None:
    text, targets = drawn
    found = TargetFinder(targets, ignore_case=ignore_case, match_exactly=match_exactly).find(text)
    assert found == find_plainly(targets, text, ignore_case=ignore_case, match_exactly=match_exactly)


@given(any_text)
def test_a_text_is_typed_as_its_characters_are(text: str) -> None:
    assert Typed(text).text == type_by_char(text)[0]


@given(st.lists(any_text, max_size=6).map(" ".join), st.lists(any_text, min_size=1, max_size=40))
def test_many_targets_in_a_long_text(text: str, targets: list[str]) -> None:
    targets = [target for target in targets + text.split() if type_by_char(target)[0].split()] or ["a"]
    assert TargetFinder(targets).find(text) == find_plainly(targets, text)


def test_words_of_a_text_with_patterns_among_them() -> None:
    targets = ["fox", re.compile("q.*?k"), "lazy dog", re.compile("x*")]
    text = "The quick Fox, the lazy\ndog."
    assert TargetFinder(targets).find(text) == find_plainly(targets, text) == [(4, 9, 1), (10, 13, 0), (12, 13, 3),
                                                                               (19, 27, 2)]  # fmt: skip


@given(st.lists(st.one_of(st.sampled_from(DELICATE), characters), max_size=20).map("".join), st.booleans())
def test_a_text_folds_as_its_characters_do(text: str, ignore_case: bool) -> None:
    assert fold(text, ignore_case=ignore_case) == fold_by_cluster(text, ignore_case=ignore_case)[0]


@pytest.mark.parametrize("ignore_case", [True, False])
def test_no_word_begins_or_ends_inside_a_run(ignore_case: bool) -> None:
    """What the index of phrases rests on, for every character of Unicode beside one of each kind that runs hold."""
    kinds = "a1_א"
    for code in range(0x110000):
        char = chr(code)
        folded = fold(char, ignore_case=ignore_case)
        if unicodedata.category(char).startswith("M"):  # it may follow anything, so a run must not hold it
            assert not RUN.search(folded), hex(code)
        if RUN.match(folded[0]):
            assert not any(is_word_edge(kind + char, 1) for kind in kinds), hex(code)
        if RUN.match(folded[-1]):
            assert not any(is_word_edge(char + kind, 1) for kind in kinds), hex(code)
    assert all(RUN.fullmatch(kind + other) for kind in kinds for other in kinds)
    assert not any(is_word_edge(kind + other, 1) for kind in kinds for other in kinds)
