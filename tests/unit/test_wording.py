"""How numbers and tables are written for people."""

from __future__ import annotations

from wordstates.wording import counted, in_columns


def test_a_number_and_what_it_counts() -> None:
    assert [counted(number, "text") for number in (0, 1, 2_000)] == ["0 texts", "1 text", "2,000 texts"]
    assert counted(2, "copy") == "2 copies"


def test_columns_are_below_each_other() -> None:
    rows = [("layer", "cosine", "note"), ("0", "0.1", ""), ("12", "0.25", "deep")]
    assert in_columns(rows, "<><").splitlines() == ["layer  cosine  note", "0         0.1", "12       0.25  deep"]
    assert in_columns(rows[:2], "<>").splitlines() == ["layer  cosine  note", "0         0.1"]
    assert in_columns([]) == ""
