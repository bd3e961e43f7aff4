"""Words slice back to themselves, whatever the text."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from texts import texts
from wordstates.text.words import join_words, locate_words, unicode_words, whitespace_words, word_splitter


@pytest.mark.parametrize("splitter", [unicode_words, whitespace_words])
@given(text=texts)
def test_words_are_disjoint_and_ordered_and_have_no_white_space_at_their_edges(splitter, text: str) -> None:  # type: ignore[no-untyped-def]
    end_before = 0
    for start, end in splitter(text).tolist():
        assert end_before <= start < end <= len(text)
        word = text[start:end]
        assert word == word.strip()
        end_before = end


@given(text=texts)
def test_every_letter_digit_and_sign_is_in_a_unicode_word(text: str) -> None:
    covered = {position for start, end in unicode_words(text).tolist() for position in range(start, end)}
    visible = {position for position, char in enumerate(text) if unicodedata.category(char)[0] in "LNPSM"}
    assert visible <= covered


@given(text=texts)
def test_words_without_punctuation_are_some_of_the_words(text: str) -> None:
    everything = set(map(tuple, unicode_words(text).tolist()))
    kept = set(map(tuple, unicode_words(text, punctuation=False).tolist()))
    assert kept <= everything
    assert all(any(char.isalnum() for char in text[start:end]) for start, end in kept if text[start:end].isascii())
    assert not any(any(char.isalnum() for char in text[start:end]) for start, end in everything - kept)


@given(words=st.lists(texts, max_size=8))
def test_given_words_slice_back_from_the_joined_text(words: list[str]) -> None:
    text, spans = join_words(words)
    assert [text[start:end] for start, end in spans.tolist()] == words


@given(text=texts)
@example(text="fox\u200d \u00adfox")
def test_words_of_a_text_are_found_again_in_it(text: str) -> None:
    spans = unicode_words(text)
    words = [text[start:end] for start, end in spans.tolist()]
    assert [text[start:end] for start, end in locate_words(text, words).tolist()] == words


@given(text=st.text(st.characters(max_codepoint=127), max_size=12))
def test_the_fast_way_for_ascii_finds_the_words_that_unicode_rules_find(text: str) -> None:
    among_others = unicode_words(f"é {text} é")  # not in ASCII, so the general rules find them
    assert unicode_words(text).tolist() == (among_others[1:-1] - 2).tolist()


def test_what_may_look_anywhere_is_given_a_long_text_whole() -> None:
    text, seen = "the old mill " * 50, list[str]()

    def split(given: str) -> list[str]:
        seen.append(given)
        return given.split()

    assert len(list(word_splitter(split).in_stretches(text, 100))) == len(seen) == 1
    assert seen == [text]
    assert len(list(word_splitter("unicode").in_stretches(text, 100))) > 3
