"""Spans from what pieces write: exact where it is certain, wide where it is not."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from wordstates.text.pieces import Surface
from wordstates.text.string_alignment import ReadAlone, spans_from_strings


def claims(text: str, surfaces: Sequence[Surface], alone: ReadAlone | None = None) -> list[str]:
    """Give the text that each piece gets; the pieces are told apart by what they write."""
    keys = ["?" if surface is None else surface for surface in surfaces]
    return [text[start:end] for start, end in spans_from_strings(text, surfaces, keys, alone).tolist()]


def reader(**words: str) -> ReadAlone:
    """Read words alone as these pieces; other words are one piece each."""
    return lambda word: words.get(word, word).split()


@pytest.mark.parametrize(
    ("text", "surfaces", "expected"),
    [
        ("The café!", ["the", " caf", b"\xc3", b"\xa9", "!"], ["The", "caf", "é", "é", "!"]),
        ("the the", ["the", " the"], ["the", "the"]),
        ("", [], []),
        ("x", [b"\xc3", "x"], ["", "x"]),
        ("a ☃ b ☂ c", ["a", None, "b", None, "c"], ["a", "☃", "b", "☂", "c"]),
        ("☃☂ x", [None, None, "x"], ["☃☂", "☃☂", "x"]),
        ("今日☃は☂晴", ["今", "日", None, "は", None, "晴"], ["今", "日", "☃", "は", "☂", "晴"]),
        ("😢 é x", [b"\xf0\x9f", b"\x98\xa2", b"\xc3\xa9", None], ["😢", "😢", "é", "x"]),
        ("cafe\u0301 ☃", ["cafe", None], ["cafe", "☃"]),
    ],
)
def test_pieces_that_write_the_text_get_what_they_write(
    text: str, surfaces: list[Surface], expected: list[str]
) -> None:
    assert claims(text, surfaces) == expected


def test_an_unknown_piece_between_two_places_of_its_neighbour_makes_that_wide() -> None:
    """The river is: *r* may be the first letter of *river* or the last."""
    assert claims("the river is", ["the", None, "r", "is"]) == ["the", "rive", "r", "is"]
    assert claims("☃ a a ☂", [None, "a", None]) == ["☃ a", "a a", "a ☂"]


def test_a_rewritten_word_takes_no_piece_of_its_neighbour() -> None:
    """BERTweet reads a URL as ``HTTPURL`` and an emoji as its name, which writes *cry* as the last word does."""
    pieces: list[Surface] = ["good", "HTTPURL", ":", "cry", "ing_face", ":", "cry"]
    text = "good https://x.co/cry 😢 cry"
    read = reader(**{"https://x.co/cry": "HTTPURL", "😢": ": cry ing_face :"})
    assert claims(text, pieces, read) == ["good", "https://x.co/cry", "😢", "😢", "😢", "😢", "cry"]
    # Without being asked, nobody knows which piece is whose: both words are told to share them all.
    assert claims(text, pieces) == ["good", *["https://x.co/cry 😢"] * 5, "cry"]


def test_what_stands_once_parts_what_is_rewritten_in_context() -> None:
    """Here no rewritten word is read alone as it is read in the text; the words between are."""
    text = "😢 one 😀 two 😢"
    pieces: list[Surface] = [":", "sad", ":", "one", ":", "glad", ":", "two", ":", "sad", ":"]
    spans = claims(text, pieces, reader())
    assert spans == ["😢"] * 3 + ["one"] + ["😀"] * 3 + ["two"] + ["😢"] * 3


def test_words_that_cross_are_not_sure() -> None:
    text = "😢 one two 😀"
    pieces: list[Surface] = [":", "two", "one", ":"]
    assert set(claims(text, pieces, reader())) == {text}


def test_a_text_that_loses_one_of_two_equal_words_shares_the_piece() -> None:
    assert claims("ha ha b", ["ha", "b"]) == ["ha ha", "b"]
    assert claims("¤ a ¤", ["a"], reader(**{"¤": ""})) == ["a"]


def test_unknown_words_are_told_apart_by_reading_them_alone() -> None:
    assert claims("☃ ☂", [None, None], lambda word: ["?"]) == ["☃", "☂"]
    assert claims("☃ ☂☁", [None, None, None], lambda word: ["?"] * len(word)) == ["☃", "☂☁", "☂☁"]
    assert claims("☃ ☂", [None, None]) == ["☃ ☂", "☃ ☂"]


def test_long_texts_with_much_that_is_rewritten_are_read() -> None:
    words = ["😢" if number % 7 == 0 else f"w{number % 50}" for number in range(3000)]
    pieces = [piece for word in words for piece in ([":", "sad", ":"] if word == "😢" else [word])]
    expected = [word for word in words for _ in range(3 if word == "😢" else 1)]
    assert claims(" ".join(words), pieces, reader(**{"😢": ": sad :"})) == expected
