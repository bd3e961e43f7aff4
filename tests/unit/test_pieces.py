"""What pieces write, the check of offsets, and spans from strings."""

from __future__ import annotations

import numpy as np
import pytest

from wordstates.text.pieces import (
    Surface,
    SurfaceStyle,
    fold,
    mismatches,
    sound_texts,
    spans_from_strings,
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
    cases = [
        ("the fox", [[0, 3], [4, 7]], True),
        ("the fox", [[4, 7], [0, 3]], False),
        ("the fox", [[0, 3], [4, 4]], False),
        ("the fox", [[0, 3], [4, 6]], False),
        ("the fox \u200b", [[0, 3], [4, 7]], True),
        ("the", [], False),
        ("", [], True),
    ]
    bounds = np.append(0, np.cumsum([len(text) for text, _, _ in cases]))
    spans = np.concatenate([np.array(found, dtype=np.int64).reshape(-1, 2) for _, found, _ in cases])
    text_of = np.repeat(np.arange(len(cases)), [len(found) for _, found, _ in cases])
    joined = "".join(text for text, _, _ in cases)
    sound = sound_texts(joined, bounds, spans + bounds[text_of][:, None], text_of, np.zeros(len(spans), dtype=bool))
    assert sound.tolist() == [expected for _, _, expected in cases]
