"""Rows of words -> texts: consecutive rows of the same group are one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any, TypeVar

from wordstates.errors import InputError

T = TypeVar("T")


def is_missing(value: Any) -> bool:
    """Tell whether a cell says nothing: None, NaN, pandas' NA and NaT, an empty or blank text."""
    if isinstance(value, str):
        return not value.strip()
    return (
        value is None or type(value).__name__ in ("NAType", "NaTType") or (isinstance(value, float) and value != value)
    )


def same_groups(rows: Iterable[tuple[tuple[Any, ...], T]], where: str) -> Iterator[tuple[tuple[Any, ...], list[T]]]:
    """Put consecutive rows of the same group together; a group that is left empty is that of the row before.

    Args:
        rows: Rows, each with the cells of its group; no cells: all rows are one group.
        where: Name of the table, for the error.

    Raises:
        InputError: If the first row has no group.

    Examples:
        >>> [words for _, words in same_groups([(("1",), "A"), ((None,), "fox"), (("2",), "Yes")], "a table")]
        [['A', 'fox'], ['Yes']]
    """
    for group, members in groupby(_filled(rows, where), key=lambda row: row[0]):
        yield group, [row for _, row in members]


def _filled(rows: Iterable[tuple[tuple[Any, ...], T]], where: str) -> Iterator[tuple[tuple[Any, ...], T]]:
    last: tuple[Any, ...] | None = None
    for cells, row in rows:
        if last is None:
            if any(map(is_missing, cells)):
                raise InputError(f"{where}: the first row has no group: {cells!r}. A later one may go without.")
            last = cells
        last = tuple(before if is_missing(cell) else cell for cell, before in zip(cells, last, strict=True))
        yield last, row
