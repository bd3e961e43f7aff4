"""A long text is read a stretch at a time, and all is as if it had been read at once: words, subwords, windows."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from families import CORPUS, TOKENIZERS, build_tokenizer
from wordstates.encode.long_plan import LongPlanner, words_in_stretches
from wordstates.encode.plan import Plan, WindowSettings, make_plan, places_to_cut
from wordstates.errors import InputError
from wordstates.model.long_texts import subwords_in_stretches
from wordstates.model.subwords import Subwords, joined
from wordstates.model.tokenizer import Tokenizer
from wordstates.text.stretches import safe_after, safe_before, stretches_of
from wordstates.text.words import Spans, as_spans, unicode_words, word_splitter

SENTENCES = [sentence for language in CORPUS.values() for sentence in language]
ODD = [
    "\u00a0",
    "\t\t",
    "\n\n\n",
    "  ",
    " \u200d ",
    "x" * 150,
    "<s>",
    "[MASK]",
    "▁",
    "\ufeff",
    "e\u0301",
    "🇫🇮🇫🇮",
    "'all",
    "3.14",
]
# What the rules for words tell apart: letters, ideographs, kana, marks, joiners, numbers, signs, flags, white space.
ALPHABET = st.sampled_from(
    [*"aB1 _.,:;'\"-\n\r\t", *"漢字かナーกé", "\u0301", "\u200d", "\u00ad", "\u2028", "🇫", "👩", "א"]
)


def a_text(seed: int, characters: int) -> str:
    """Real sentences of all scripts in any order, with what is rare between them."""
    chance, parts = random.Random(seed), list[str]()
    while sum(map(len, parts)) < characters:
        parts += [chance.choice(SENTENCES), chance.choice([" ", " ", "\n", chance.choice(ODD), ""])]
    return "".join(parts)


@pytest.mark.filterwarnings("ignore:The texts are written in")
@given(text=st.text(ALPHABET, max_size=80), characters=st.integers(1, 12))
@settings(max_examples=5 * settings.default.max_examples)
def test_words_of_stretches_are_the_words_of_the_text(text: str, characters: int) -> None:
    for words, punctuation in (("unicode", True), ("unicode", False), ("whitespace", True)):
        splitter = word_splitter(words, punctuation=punctuation).keeping(["[MASK]", "<漢字>"])
        parts = list(splitter.in_stretches(text, characters))
        assert np.concatenate([as_spans([]), *parts]).tolist() == splitter.split([text])[0].tolist()
    stretches = list(stretches_of(text, characters))
    assert "".join(text[start:end] for start, end in stretches) == text
    parts = [unicode_words(text[start:end]) + start for start, end in stretches]
    assert np.concatenate([as_spans([]), *parts]).tolist() == unicode_words(text).tolist()


@given(text=st.text(ALPHABET, max_size=80), position=st.integers(0, 80))
def test_safe_places_before_and_after_are_the_nearest(text: str, position: int) -> None:
    position = min(position, len(text))
    safe = [place for place in range(1, len(text)) if safe_after(text, place) == place]
    assert safe_before(text, position) == max([place for place in safe if place <= position], default=0)
    assert safe_after(text, position) == min([place for place in safe if place >= position], default=len(text))


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_subwords_of_stretches_are_the_subwords_of_the_text(kind: str) -> None:
    tokenizer = Tokenizer(build_tokenizer(kind), kind)
    for seed in range(2):
        text, read = a_text(seed, 3_000), list[int]()

        def encode(part: str, read: list[int] = read) -> Subwords:
            read.append(len(part))
            return tokenizer.encode([part])[0]

        parts = list(subwords_in_stretches(text, encode, stretch=400, context=150))
        together, whole = joined(parts), tokenizer.encode([text])[0]
        assert together.ids.tolist() == whole.ids.tolist()
        solid = whole.spans[:, 0] < whole.spans[:, 1]  # the others stand for no text, wherever they are said to be
        assert np.array_equal(solid, together.spans[:, 0] < together.spans[:, 1])
        assert np.array_equal(together.spans[solid], whole.spans[solid])
        # Each stretch with the subword before it, as they are planned.
        ends = np.cumsum([len(part.ids) for part in parts]).tolist()
        cuts = [
            [places[bool(start) :] for places in places_to_cut(text, together.spans[max(start - 1, 0) : end])]
            for start, end in itertools.pairwise([0, *ends])
        ]
        for index, expected in enumerate(places_to_cut(text, whole.spans)):
            assert np.array_equal(np.concatenate([each[index] for each in cuts]), expected)
        assert len(parts) > 3, "the text was never cut"
        assert sum(read) < 4 * len(text), "most of the text was read again and again"


def test_a_text_that_cannot_be_cut_is_read_at_once() -> None:
    """One word of many pieces, which differ with where the word begins: no two stretches of it agree."""
    text = "a" * 3_000

    def in_threes(part: str) -> Subwords:
        starts = np.arange(0, len(part), 3)
        return Subwords(starts * 0, np.stack([starts, np.minimum(starts + 3, len(part))], axis=1), "offsets")

    (only,) = subwords_in_stretches(text, in_threes, stretch=100, context=10)
    assert only.spans.tolist() == in_threes(text).spans.tolist()


def test_stretches_that_do_not_agree_are_read_as_one() -> None:
    """What is made of a word depends on the number of words before it: nothing can be cut."""
    text = "ab " * 1_000
    read: list[int] = []

    def alternating(part: str) -> Subwords:
        read.append(len(part))
        spans = unicode_words(part)
        return Subwords(np.arange(len(spans)) % 7, spans, "offsets")

    found = joined(list(subwords_in_stretches(text, alternating, stretch=100, context=20)))
    assert found.ids.tolist() == alternating(text).ids.tolist()
    assert sum(read) < 6 * len(text)


# ---------------------------------------------------------------- plans


def taken(plan: Plan, first_word: int = 0) -> Iterator[tuple[Any, ...]]:
    """Say of each word of which windows its rows are, and where in them."""
    for window in plan.windows:
        for position, word in zip(window.positions.tolist(), window.words.tolist(), strict=True):
            yield word + first_word, position, window.ids.tobytes(), window.blank.tobytes(), window.text


@st.composite
def long_texts(draw: st.DrawFn) -> tuple[str, Subwords, list[int], Spans | None]:
    """A text of words of one to five subwords each, cut into stretches anywhere, with words, spans or phrases."""
    lengths = draw(st.lists(st.integers(1, 5), min_size=1, max_size=60))
    text = "".join("漢" if length == 5 else "abcd"[:length] + " " for length in lengths)
    places = [place for place, character in enumerate(text) if character != " "]
    spans = np.array([[place, place + 1] for place in places])
    ids = np.arange(len(spans)) % 50
    for lone in draw(st.lists(st.integers(0, len(spans) - 1), max_size=3)):
        spans[lone, 1] = spans[lone, 0]  # a subword that stands for nothing
    cuts = sorted(draw(st.sets(st.integers(1, max(len(spans) - 1, 1)), max_size=8)))
    kind = draw(st.sampled_from(["split", "phrases", "sorted phrases"]))
    if kind == "split":
        return text, Subwords(ids, spans, "offsets"), cuts, None
    edge = st.integers(0, len(text))
    phrases = draw(st.lists(st.tuples(edge, st.integers(0, 40)), min_size=1, max_size=20))
    given = [(start, min(start + length, len(text))) for start, length in phrases]
    return text, Subwords(ids, spans, "offsets"), cuts, as_spans(sorted(given) if kind != "phrases" else given)


@pytest.mark.filterwarnings("ignore:The texts are written in")
@given(
    drawn=long_texts(),
    capacity=st.integers(1, 30),
    data=st.data(),
    causal=st.booleans(),
    truncate=st.booleans(),
    most=st.integers(1, 40),
)
@settings(max_examples=7 * settings.default.max_examples)
def test_parts_of_a_plan_are_the_plan(
    drawn: tuple[str, Subwords, list[int], Spans | None],
    capacity: int,
    data: st.DataObject,
    causal: bool,
    truncate: bool,
    most: int,
) -> None:
    text, subwords, cuts, given = drawn
    overlap = data.draw(st.integers(0, capacity - 1))
    rules = WindowSettings(capacity, overlap, "truncate" if truncate else "window", causal=causal)
    splitter = word_splitter()
    words = splitter.split([text])[0] if given is None else given
    whole = make_plan([text], [words], subwords.ids, subwords.spans, np.array([0, len(subwords.ids)]), rules, 7)
    edges = [0, *cuts, len(subwords.ids)]
    stretches = [Subwords(subwords.ids[a:b], subwords.spans[a:b], "offsets") for a, b in itertools.pairwise(edges)]
    planner = LongPlanner(text, words_in_stretches(text, given, splitter, 20), stretches, rules, 7)
    parts = list(planner.parts(most))
    plans = [part.prepared.plan for part in parts]
    assert np.concatenate([part.spans for part in parts]).tolist() == words.tolist()
    assert [part.first for part in parts] == np.cumsum([0, *(len(part.spans) for part in parts[:-1])]).tolist()
    assert [part.last for part in parts] == [*[False] * (len(parts) - 1), True]
    assert max(len(part.spans) for part in parts) <= most
    assert np.concatenate([plan.status_codes for plan in plans]).tolist() == whole.status_codes.tolist()
    assert np.concatenate([plan.subword_ids for plan in plans]).tolist() == whole.subword_ids.tolist()
    counts = np.concatenate([np.diff(plan.subword_starts) for plan in plans])
    assert counts.tolist() == np.diff(whole.subword_starts).tolist()
    assert plans[-1].long_texts == whole.long_texts
    found = [row for part in parts for row in taken(part.prepared.plan, part.first)]
    assert sorted(found) == sorted(taken(whole))


def test_a_long_text_where_that_is_an_error() -> None:
    rules = WindowSettings(10, 2, "error", causal=False)
    spans = unicode_words("ab " * 40)
    stretches = iter([Subwords(np.zeros(len(spans), dtype=np.int64), spans, "offsets")])
    planner = LongPlanner("ab " * 40, [spans], stretches, rules, None)
    with pytest.raises(InputError, match="has more than 10 subwords, the window holds 10: leave long_texts='window'"):
        next(planner.parts(100))


def test_what_is_kept_of_a_long_text_does_not_grow_with_it() -> None:
    rules, text = WindowSettings(30, 7, "window", causal=False), "ab " * 20_000
    splitter = word_splitter()

    def stretches() -> Iterator[Subwords]:
        for start, end in stretches_of(text, 300):
            spans = unicode_words(text[start:end]) + start
            yield Subwords(np.zeros(len(spans), dtype=np.int64), spans, "offsets")

    planner = LongPlanner(text, splitter.in_stretches(text, 300), stretches(), rules, None)
    kept = [len(planner._ids) for _ in planner.parts(50)]
    assert sum(kept) > 0
    assert max(kept) < 400
