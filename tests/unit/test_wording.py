"""How numbers and tables are written for people."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import wordstates
from wordstates.wording import counted, in_columns

COUNTED = re.compile(r" (blocks|documents|embedded texts|keys|entries|shards|rows|usages|targets|other targets)\b")
NEVER_ONE = {"_MOST_ROWS - 1"}


def unhelped(source: str) -> Iterator[str]:
    """Give the numbers of f-strings before a plural that would be wrong for one thing."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.JoinedStr):
            continue
        for part, after in zip(node.values, node.values[1:], strict=False):
            if isinstance(part, ast.FormattedValue) and isinstance(after, ast.Constant):
                name = ast.unparse(part.value)
                is_number = part.conversion == -1 and not name.startswith(("counted(", "str("))
                if is_number and COUNTED.match(str(after.value)) and name not in NEVER_ONE:
                    yield f"{{{name}}}{after.value}"


def test_no_message_counts_one_thing_in_the_plural() -> None:
    assert [*unhelped("f'{n:,} rows, {counted(m)}: {m} blocks'")] == ["{n} rows, ", "{m} blocks"]
    root = Path(wordstates.__file__).parent
    found = {path.name: [*unhelped(path.read_text(encoding="utf-8"))] for path in root.rglob("*.py")}
    assert {name: lines for name, lines in found.items() if lines} == {}


def test_a_number_and_what_it_counts() -> None:
    assert [counted(number, "text") for number in (0, 1, 2_000)] == ["0 texts", "1 text", "2,000 texts"]
    assert counted(2, "copy") == "2 copies"


def test_columns_are_below_each_other() -> None:
    rows = [("layer", "cosine", "note"), ("0", "0.1", ""), ("12", "0.25", "deep")]
    assert in_columns(rows, "<><").splitlines() == ["layer  cosine  note", "0         0.1", "12       0.25  deep"]
    assert in_columns(rows[:2], "<>").splitlines() == ["layer  cosine  note", "0         0.1"]
    assert in_columns([]) == ""
