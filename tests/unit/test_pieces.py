"""What pieces write, the check of offsets, and spans from strings."""

from __future__ import annotations

import numpy as np
import pytest

from wordstates.text.pieces import (
    Surface,
    SurfaceStyle,
    mismatches,
    sound_texts,
    surface_of,
    without_form,
    writes_its_spans,
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
    assert without_form("Ｃａｆé") == without_form("cafe\u0301") == "cafe"
    assert without_form("STRASSE") == without_form("straße")
    assert without_form(" \u200b\ufeff") == ""


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


def test_pieces_may_write_more_than_their_span_but_not_something_else() -> None:
    spans = np.array([[0, 1], [0, 1], [1, 2]])
    assert writes_its_spans("UA", spans, ["M", "u", "Ma"])  # M marks the letter that u writes
    assert writes_its_spans("ĘA", spans, ["M", None, "Ma"])
    assert not writes_its_spans("UA", np.array([[0, 1], [1, 2], [1, 2]]), ["M", "x", "a"])
    assert not writes_its_spans("the fox", np.array([[0, 2], [2, 7]]), ["the", "fox"])
