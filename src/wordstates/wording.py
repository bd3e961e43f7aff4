"""How numbers and tables are written for people."""

from __future__ import annotations

from collections.abc import Sequence


def counted(number: int, thing: str) -> str:
    """Write a number and what it counts, in the singular or the plural.

    Examples:
        >>> counted(1, "text"), counted(2_000, "text"), counted(2, "copy")
        ('1 text', '2,000 texts', '2 copies')
    """
    if number == 1:
        return f"1 {thing}"
    return f"{number:,} {thing[:-1]}ies" if thing.endswith("y") else f"{number:,} {thing}s"


def said(error: BaseException) -> str:
    r"""Give what a library says of a failure, on one line: some of them say more on further ones, or quote a file.

    Examples:
        >>> said(ValueError("Invalid data\nDeserializing page header failed.\n"))
        'Invalid data'
    """
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return "".join(character if character.isprintable() else "?" for character in lines[0].strip())[:300]


def in_columns(rows: Sequence[Sequence[str]], to: str = "<") -> str:
    """Write rows as lines, the cells of a column below each other.

    Args:
        rows: The rows, with a head if there is one.
        to: The side that each column is set to, ``<`` or ``>``; the last one holds for all further columns.

    Examples:
        >>> print(in_columns([("layer", "cosine"), ("0", "0.1"), ("12", "0.25")], "<>"))
        layer  cosine
        0         0.1
        12       0.25
    """
    if not rows:
        return ""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    sides = to.ljust(len(widths), to[-1])
    lines = ("  ".join(map(format, row, map(str.__add__, sides, map(str, widths)))) for row in rows)
    return "\n".join(line.rstrip() for line in lines)
