"""Every subword belongs to exactly the words it overlaps: against a brute-force oracle, for every tokenizer family."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import by_hand
from families import TOKENIZERS, build_tokenizer
from texts import texts
from wordstates.model.tokenizer import Tokenizer
from wordstates.text.align import NO_SUBWORDS, OK, SHARED_SUBWORD, align
from wordstates.text.string_alignment import spans_from_strings
from wordstates.text.words import as_spans, unicode_words, whitespace_words

READERS = {kind: Tokenizer(build_tokenizer(kind), kind) for kind in TOKENIZERS}
FAST = [kind for kind in TOKENIZERS if build_tokenizer(kind).is_fast]

plain_texts = st.lists(
    st.sampled_from(
        ["the", "river", "Bank", "unbelievable", "mill", "news", "1984", "runs", " ", "  ", "\n", ", ", ". ", "'", "-"]
    ),
    max_size=12,
).map("".join)
spans_strategy = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)).map(sorted).map(tuple), max_size=8)


@given(words=spans_strategy, subwords=spans_strategy)
def test_alignment_of_any_spans_equals_brute_force(
    words: list[tuple[int, int]], subwords: list[tuple[int, int]]
) -> None:
    found = align(as_spans(words), as_spans(subwords))
    pairs = list(zip(found.word_index.tolist(), found.subword_index.tolist(), strict=True))
    expected = [
        (index, piece)
        for index, word in enumerate(words)
        for piece, subword in enumerate(subwords)
        if set(range(*word)) & set(range(*subword))
    ]
    assert pairs == expected
    for index, word in enumerate(words):
        mine = [set(range(*subwords[piece])) for of_word, piece in expected if of_word == index]
        inside = all(piece <= set(range(*word)) for piece in mine)
        status = NO_SUBWORDS if not mine else OK if inside else SHARED_SUBWORD
        assert found.statuses[index] == status


@pytest.mark.parametrize("kind", TOKENIZERS)
@given(text=texts)
def test_subword_spans_lie_in_the_text_and_have_no_white_space_at_their_edges(kind: str, text: str) -> None:
    [found] = READERS[kind].encode([text])
    for start, end in found.spans.tolist():
        assert 0 <= start <= end <= len(text)
        assert text[start:end] == text[start:end].strip()
    assert found.ids.tolist() == build_tokenizer(kind)(text, add_special_tokens=False, verbose=False)["input_ids"]


@pytest.mark.parametrize("kind", FAST)
@given(text=texts)
def test_words_have_the_subwords_that_the_offsets_give_by_hand(kind: str, text: str) -> None:
    tokenizer = build_tokenizer(kind)
    [found] = READERS[kind].encode([text])
    if found.aligned_by == "strings":  # the offsets did not explain the text: there is nothing to compare with
        return
    whole = tokenizer(text, verbose=False)["input_ids"]
    spans = by_hand.subword_spans(tokenizer, text)
    template = READERS[kind].template
    inside = range(len(template.prefix), len(whole) - len(template.suffix))
    for words in (unicode_words(text), whitespace_words(text)):
        alignment = align(words, found.spans)
        for index, word in enumerate(words.tolist()):
            mine = alignment.subword_index[alignment.word_index == index]
            expected = [piece for piece in by_hand.subwords_of(tuple(word), spans) if piece in inside]
            assert (mine + len(template.prefix)).tolist() == expected


@pytest.mark.parametrize("kind", ["bytes", "chars"])
@given(text=texts)
def test_byte_and_character_models_give_every_character_its_own_subwords(kind: str, text: str) -> None:
    if any(special in text for special in build_tokenizer(kind).all_special_tokens):
        return  # a special token written out in a text is one piece, not its characters
    [found] = READERS[kind].encode([text])
    expected = by_hand._slow_spans(build_tokenizer(kind), text, [])
    solid = [(start, end) for start, end in found.spans.tolist() if end > start]
    assert solid == [span for span in expected if span[1] > span[0]]


@pytest.mark.parametrize("kind", FAST)
@given(text=plain_texts)
def test_strings_give_the_words_that_offsets_give(kind: str, text: str) -> None:
    """What has no offsets is aligned by its strings: with known pieces that must lead to the same words."""
    reader = READERS[kind]
    [found] = reader.encode([text])
    surfaces = [reader._surface(index) for index in found.ids.tolist()]
    if None in surfaces:
        return
    words = whitespace_words(text)
    by_strings = align(words, spans_from_strings(text, surfaces))
    by_offsets = align(words, found.spans)
    assert by_strings.word_index.tolist() == by_offsets.word_index.tolist()
    assert by_strings.subword_index.tolist() == by_offsets.subword_index.tolist()


@given(text=plain_texts)
def test_a_slow_tokenizer_gives_the_words_that_its_fast_twin_gives(text: str) -> None:
    from families import build_tokenizer as built

    slow, fast = built("slow-wordpiece"), built("wordpiece")
    if slow.get_vocab() != fast.get_vocab():
        pytest.fail("the twins must share their vocabulary")
    [by_strings], [by_offsets] = READERS["slow-wordpiece"].encode([text]), READERS["wordpiece"].encode([text])
    unknown = slow.unk_token_id
    if by_strings.ids.tolist() != by_offsets.ids.tolist() or unknown in by_strings.ids:
        return
    words = whitespace_words(text)
    one, other = align(words, by_strings.spans), align(words, by_offsets.spans)
    assert np.array_equal(one.word_index, other.word_index)
    assert np.array_equal(one.subword_index, other.subword_index)
