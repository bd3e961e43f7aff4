"""How numbers and tables are written for people."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import wordstates
from wordstates.wording import counted, in_columns

NOUNS = (
    "blocks|cells|clusters|columns|copies|cores|devices|dimensions|documents|embedded texts|entries|examples|fields|"
    "files|folds|groups|hidden states|items|keys|labels|layers|lines|lists|nodes|numbers|other targets|pairs|parts|"
    "phrases|recipes|rejects|rows|samples|sentences|shards|spans|steps|subwords|targets|texts|times|tokens|types|usages|"
    "vectors|values|words|workers"
)
COUNTED = re.compile(rf" ({NOUNS})\b")
# Never one thing: constants; limits in thousands; counts of several, where one thing is told in other words.
NEVER_ONE = {
    *("_COLUMNS", "_MOST_COLUMNS", "_MOST_ROWS - 1", "LARGEST_MATRIX", "dim"),
    *("self.service.limits.queue_subwords", "self.request_subwords", "total", "numbers", "counts[longest]", "count"),
    *("words", "texts", "len(texts)", "report.texts", "types.texts", "self._texts", "self.words", "self.manifest.dim"),
    *("len(given)", "len(results)", "len(self.columns)", "len(names)", "len(found)", "folds", "sorted(dims)"),
    *("right.shape[-1]", "self.workers", "len(devices)", "losses"),
    *("slower", "part", "folder.rejects.name"),
    *("self.asked", "self.partitions", "ending", "n_subwords"),  # of an approximate search; an ending; a mean
}


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
