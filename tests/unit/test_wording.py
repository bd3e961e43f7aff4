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
# What of a file stands before a plural and is never one thing: constants, names, lists, means, counts of several.
NEVER_ONE = {
    "usages/approximate.py": {"self.asked", "self.partitions"},  # of a thousand usages or more
    "documents/conllu.py": {"_COLUMNS"},
    "embedder.py": {"sorted(dims)"},
    "usages/exports.py": {"ending"},
    "model/examined.py": {"slower"},
    "postprocess/moments.py": {"dim", "LARGEST_MATRIX"},
    "store/workers/ray.py": {"losses"},
    "evaluate/sweep/result.py": {"part"},
    "result/similarity.py": {"right.shape[-1]"},  # "of 3 and 1 dimensions"
    "files/spreadsheets.py": {"_MOST_COLUMNS", "_MOST_ROWS - 1"},
    "store/verify.py": {"folder.rejects.name"},
}


def unhelped(source: str) -> Iterator[tuple[str, str]]:
    """Give what f-strings have before a plural that would be wrong for one thing, and the text with it."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.JoinedStr):
            continue
        for part, after in zip(node.values, node.values[1:], strict=False):
            if isinstance(part, ast.FormattedValue) and isinstance(after, ast.Constant):
                name = ast.unparse(part.value)
                is_number = part.conversion == -1 and not name.startswith(("counted(", "str("))
                if is_number and COUNTED.match(str(after.value)):
                    yield name, f"{{{name}}}{after.value}"


def test_no_message_counts_one_thing_in_the_plural() -> None:
    assert [*unhelped("f'{n:,} rows, {counted(m)}: {m} blocks'")] == [("n", "{n} rows, "), ("m", "{m} blocks")]
    excused, found = dict[str, set[str]](), list[str]()
    root = Path(wordstates.__file__).parent
    for path in root.rglob("*.py"):
        file = path.relative_to(root).as_posix()
        for name, text in unhelped(path.read_text(encoding="utf-8")):
            if name in NEVER_ONE.get(file, ()):
                excused.setdefault(file, set()).add(name)
            else:
                found.append(f"{file}: {text}")
    assert not found
    assert excused == NEVER_ONE  # or an excuse outlives its message


def test_a_number_and_what_it_counts() -> None:
    assert [counted(number, "text") for number in (0, 1, 2_000)] == ["0 texts", "1 text", "2,000 texts"]
    assert counted(2, "copy") == "2 copies"


def test_columns_are_below_each_other() -> None:
    rows = [("layer", "cosine", "note"), ("0", "0.1", ""), ("12", "0.25", "deep")]
    assert in_columns(rows, "<><").splitlines() == ["layer  cosine  note", "0         0.1", "12       0.25  deep"]
    assert in_columns(rows[:2], "<>").splitlines() == ["layer  cosine  note", "0         0.1"]
    assert in_columns([]) == ""
