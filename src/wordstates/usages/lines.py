"""The text around usages: as the source kept it, or rebuilt from the words and where they stand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Literal

import pyarrow as pa

TextsAre = Literal["kept", "beside", "rebuilt"]


def texts_of(table: pa.Table) -> tuple[TextsAre, list[str | None], list[int]]:
    """Find the text of each row's document.

    Args:
        table: Rows of whole documents, with the columns of every file.

    Returns:
        Where the texts come from: ``kept`` in a column `text`; ``beside`` each usage, in `left` and `right`; or
        ``rebuilt`` from the words, with a space for whatever stood between them. Then the texts, None where they are
        beside the usages, and for each row the number of its text.

    Examples:
        >>> rows = pa.table({"document": ["a", "a"], "word": ["A", "bank"], "start": [0, 3], "end": [1, 7]})
        >>> texts_of(rows)
        ('rebuilt', ['A  bank'], [0, 0])
    """
    documents = table.column("document").to_pylist()
    groups = [(document, len(list(rows))) for document, rows in groupby(documents)]
    numbers = [number for number, (_, count) in enumerate(groups) for _ in range(count)]
    if "text" in table.column_names:
        firsts, row = [], 0
        for _, count in groups:
            firsts.append(row)
            row += count
        return "kept", table.column("text").take(pa.array(firsts, pa.int64())).to_pylist(), numbers
    if "left" in table.column_names:
        return "beside", [None] * len(groups), numbers
    return "rebuilt", list(_rebuilt(table, [count for _, count in groups])), numbers


def _rebuilt(table: pa.Table, counts: Sequence[int]) -> Iterator[str]:
    words, starts, ends = (table.column(name).to_pylist() for name in ("word", "start", "end"))
    row = 0
    for count in counts:
        parts, at = [], 0
        for word, start, end in zip(
            words[row : row + count], starts[row : row + count], ends[row : row + count], strict=True
        ):
            if end <= at:  # a word within the one before it, as given words may be
                continue
            parts.append(" " * (start - at) + word[max(at - start, 0) :])
            at = end
        yield "".join(parts)
        row += count
