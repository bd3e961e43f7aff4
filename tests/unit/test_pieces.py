"""What pieces write, the check of offsets, and spans from strings."""

from __future__ import annotations

import numpy as np
import pytest

from wordstates.text.pieces import (
    Surface,
    SurfaceStyle,
    fold,
    mismatches,
    spans_from_strings,
    structure_is_sound,
    surface_of,
)


@pytest.mark.parametrize(
    ("piece", "style", "surface"),
    [
        ("##ing", "wordpiece", "ing"),
        ("##", "wordpiece", "##"),
        ("Ġfox", "byte_level", " fox"),
        ("Ã©", "byte_level", "é"),
        ("Ã", "byte_level", b"\xc3"),
        ("fox</w>", "byte_level", "fox"),
        ("▁fox", "sentencepiece", " fox"),
        ("<0xC3>", "sentencepiece", b"\xc3"),
        ("<0x41>", "sentencepiece", "A"),
        ("Ã", "bytes", b"\xc3"),
        ("a", "bytes", "a"),
        ("<extra>", "bytes", "<extra>"),
        ("fo@@", "plain", "fo"),
    ],
)
def test_a_piece_writes_its_text_without_the_marks(piece: str, style: SurfaceStyle, surface: Surface) -> None:
    assert surface_of(piece, style) == surface


def test_folding_makes_spellings_equal() -> None:
    assert fold("Ｃａｆé") == fold("cafe\u0301") == "cafe"
    assert fold("STRASSE") == fold("straße")
    assert fold(" \u200b\ufeff") == ""


def test_strings_give_spans_also_through_bytes_and_unknown_pieces() -> None:
    def spans(text: str, surfaces: list[Surface]) -> list[str]:
        return [text[start:end] for start, end in spans_from_strings(text, surfaces).tolist()]

    assert spans("The café!", ["the", " caf", b"\xc3", b"\xa9", "!"]) == ["The", "caf", "é", "é", "!"]
    assert spans("a ☃ b ☂ c", ["a", None, "b", None, "c"]) == ["a", "☃", "b", "☂", "c"]
    assert spans("☃ ☂", [None, None]) == ["☃", "☂"]
    assert spans("☃☂ x", [None, None, "x"]) == ["☃☂", "☃☂", "x"]
    assert spans("the the", ["the", " the"]) == ["the", "the"]
    assert spans("", []) == []
    assert spans("x", [b"\xc3", "x"]) == ["", "x"]


def test_wrong_spans_are_counted() -> None:
    right = np.array([[0, 3], [4, 7]])
    assert mismatches("the fox", right, ["the", " fox"]) == 0
    assert mismatches("the fox", np.array([[0, 2], [4, 7]]), ["the", " fox"]) == 2
    assert mismatches("the fox", right[:1], ["the"]) == 3
    assert mismatches("the fox", np.array([[0, 3], [5, 5]]), ["the", None]) == 4


def test_structure_asks_for_order_spans_and_cover() -> None:
    solid = np.zeros(2, dtype=bool)
    assert structure_is_sound("the fox", np.array([[0, 3], [4, 7]]), solid)
    assert not structure_is_sound("the fox", np.array([[4, 7], [0, 3]]), solid)
    assert not structure_is_sound("the fox", np.array([[0, 3], [4, 4]]), solid)
    assert not structure_is_sound("the fox", np.array([[0, 3], [4, 6]]), solid)
    assert structure_is_sound("the fox \u200b", np.array([[0, 3], [4, 7]]), solid)
    assert not structure_is_sound("the", np.zeros((0, 2), dtype=np.int64), np.zeros(0, dtype=bool))
