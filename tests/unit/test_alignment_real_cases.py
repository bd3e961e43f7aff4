"""What real tokenizers did to real text, in the smallest tokenizer that does the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tokenizers import Tokenizer as Backend
from tokenizers import decoders, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from wordstates.model.tokenizer import Tokenizer
from wordstates.text.align import STATUSES, align
from wordstates.text.pieces import without_unwritten
from wordstates.text.words import unicode_words

PIECES = ["<unk>", "▁", "▁the", "▁fox", "▁runs", "▁Fox", "fox", "runs", "x", "'", '"', ".", "▁."]


def unigram(*replaced: tuple[str, str], **special: Any) -> Tokenizer:
    """Build a unigram tokenizer with the normalizer's replacements."""
    backend = Backend(models.Unigram([(piece, -1.0 - rank / 100) for rank, piece in enumerate(PIECES)], unk_id=0))
    backend.normalizer = normalizers.Sequence([normalizers.Replace(old, new) for old, new in replaced])
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    backend.decoder = decoders.Metaspace()
    return Tokenizer(PreTrainedTokenizerFast(tokenizer_object=backend, **special), "unigram")


def statuses(tokenizer: Tokenizer, text: str) -> list[tuple[str, str, list[str]]]:
    """Give each word with its status and its pieces."""
    [found] = tokenizer.encode([text])
    words = unicode_words(text)
    alignment = align(words, found.spans, found.ids == tokenizer.unknown_id)
    pieces = tokenizer.pieces(found.ids.tolist())
    return [
        (
            text[start:end],
            STATUSES[alignment.statuses[word]],
            [pieces[place] for place in alignment.subword_index[alignment.word_index == word]],
        )
        for word, (start, end) in enumerate(words.tolist())
    ]


@pytest.mark.parametrize("mark", ["\u200f", "\u200d", "\u200b", "\ufeff"])
def test_an_invisible_character_read_as_a_space_does_not_make_the_next_word_shared(mark: str) -> None:
    """XLM-R: ``▁runs`` claims the direction mark before *runs*."""
    tokenizer = unigram((f" {mark}", " "))
    assert statuses(tokenizer, f"the fox {mark}runs") == [
        ("the", "ok", ["▁the"]),
        ("fox", "ok", ["▁fox"]),
        ("runs", "ok", ["▁runs"]),
    ]


def test_a_deleted_character_does_not_get_the_vector_of_the_next_word() -> None:
    """XLM-R: in "fox �runs" the piece ``▁runs`` claims the replacement character, which the tokenizer deletes."""
    tokenizer = unigram((" \ufffd", " "))
    tokenizer.encode(["the fox runs"])  # pieces are held against text once; this must hold for a piece seen before
    assert statuses(tokenizer, "the fox \ufffdruns") == [
        ("the", "ok", ["▁the"]),
        ("fox", "ok", ["▁fox"]),
        ("\ufffd", "no_subwords", []),
        ("runs", "ok", ["▁runs"]),
    ]


def test_two_signs_that_become_one_share_it() -> None:
    """XLNet writes two apostrophes as one quotation mark, but its offsets give that to the second alone."""
    tokenizer = unigram(("''", '"'))
    assert statuses(tokenizer, "the ''fox") == [
        ("the", "ok", ["▁the"]),
        ("'", "shared_subword", ['"']),
        ("'", "shared_subword", ['"']),
        ("fox", "ok", ["fox"]),
    ]


def test_the_unknown_piece_is_known_without_a_config() -> None:
    """XLM-R's `tokenizer.json` alone does not say which special token is the unknown one; its model does."""
    assert unigram().tokenizer.unk_token_id is None
    assert unigram().unknown_id == unigram(unk_token="<unk>").unknown_id == 0
    assert statuses(unigram(), "the 狐") == [("the", "ok", ["▁the"]), ("狐", "unknown", ["<unk>"])]


@pytest.mark.parametrize("word", ["สวัสดีครับ", "狐犬", "ខ្មែរ"])
def test_a_word_of_unknown_pieces_alone_is_unknown_also_where_a_piece_covers_its_neighbours(word: str) -> None:
    """T5: one ``<unk>`` for the whole Thai greeting, in which Unicode sees seven words."""
    found = statuses(unigram(), f"the {word}")
    assert found[0] == ("the", "ok", ["▁the"])
    assert len(found) > 2
    assert {status for _, status, _ in found[1:]} == {"unknown"}
    assert {tuple(pieces) for _, _, pieces in found[1:]} == {("<unk>",)}


def test_a_word_with_one_known_piece_is_shared_and_not_unknown() -> None:
    words, subwords = np.array([[0, 2], [2, 4], [4, 6]]), np.array([[0, 1], [1, 4], [4, 6]])
    codes = align(words, subwords, np.array([False, True, False])).statuses
    assert [STATUSES[code] for code in codes] == ["shared_subword", "unknown", "ok"]


@pytest.mark.parametrize(
    ("text", "span", "surface", "expected"),
    [
        ("a\u200fb", (1, 3), " b", (2, 3)),
        ("ab\u200f", (1, 3), "b", (1, 2)),
        ("\u200d\u200eb", (0, 3), "b", (2, 3)),
        ("a\u200fb", (1, 3), "\u200fb", (1, 3)),
        ("a\u200f", (1, 2), "", (1, 2)),
        ("a\u200f", (1, 2), "\u200f", (1, 2)),
        ("a\u200fb", (1, 3), None, (1, 3)),
        ("a\u200fb", (1, 3), b"\xe2", (1, 3)),
        ("a\u200fb", (0, 3), "ab", (0, 3)),
    ],
)
def test_only_what_a_piece_does_not_write_is_taken_off(
    text: str, span: tuple[int, int], surface: str | bytes | None, expected: tuple[int, int]
) -> None:
    found = without_unwritten(text, np.array([span]), lambda _: surface)
    assert tuple(found[0].tolist()) == expected
