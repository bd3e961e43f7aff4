"""How numbers and tables are written for people."""

from __future__ import annotations

from collections.abc import Sequence

# What a terminal obeys: controls as pictures of themselves, others, and what turns the direction of a line, as U+FFFD.
_OBEYED = (
    {code: 0x2400 + code for code in range(0x20)}
    | {0x7F: 0x2421}
    | dict.fromkeys([*range(0x80, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)], 0xFFFD)
)


def visible(text: str) -> str:
    r"""Give a text of others as a terminal may print it: no colours, no bells, no line that is turned around.

    Examples:
        >>> visible("caf\u00e9 \x1b[31m \0 \u202e")
        'café ␛[31m ␀ �'
    """
    return text if text.isascii() and text.isprintable() else text.translate(_OBEYED)


def counted(number: int, thing: str) -> str:
    """Write a number and what it counts, in the singular or the plural.

    Examples:
        >>> counted(1, "text"), counted(2_000, "text"), counted(2, "copy")
        ('1 text', '2,000 texts', '2 copies')
    """
    if number == 1:
        return f"1 {thing}"
    return f"{number:,} {thing[:-1]}ies" if thing.endswith("y") else f"{number:,} {thing}s"


def on_one_line(text: str) -> str:
    """Give a text with one space for each run of white space."""
    return " ".join(text.split())


def said(error: BaseException) -> str:
    r"""Give what a library says of a failure, on one line: some of them say more on further ones, or quote a file.

    Examples:
        >>> said(ValueError("Invalid data\nDeserializing page header failed.\n"))
        'Invalid data'
    """
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return "".join(character if character.isprintable() else "?" for character in lines[0].strip())[:300]


def in_columns(rows: Sequence[Sequence[str]], to: str = "<") -> str:
    """Write rows as lines, the cells of a column below each other; what a terminal would obey is made visible.

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
    rows = [[visible(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    sides = to.ljust(len(widths), to[-1])
    lines = ("  ".join(map(format, row, map(str.__add__, sides, map(str, widths)))) for row in rows)
    return "\n".join(line.rstrip() for line in lines)
