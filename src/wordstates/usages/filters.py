"""Which usages are wanted: by word, lemma, status, and what the documents say of themselves."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from wordstates.errors import InputError
from wordstates.text.folding import fold

_CONDITION = re.compile(r"\s*([^<>=!]+?)\s*(<=|>=|!=|=|<|>)\s*(.*?)\s*", flags=re.DOTALL)
_COMPARED = {"<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal}
_FOLDED = {"word", "target", "lemma"}  # columns in which case and the encoding of accents do not count


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition on a column.

    Args:
        column: The column.
        operator: ``=``, ``!=``, ``<``, ``<=``, ``>`` or ``>=``; the last four compare numbers.
        values: The values; ``=`` is met by any of them, ``!=`` by none of them.
    """

    column: str
    operator: str
    values: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.column}{self.operator}{','.join(self.values)}"


def parse_condition(text: str) -> Condition:
    """Read a condition as it is typed.

    Args:
        text: ``COLUMN=VALUE``, with ``!=``, ``<``, ``<=``, ``>`` or ``>=`` likewise; several values by commas.

    Raises:
        InputError: If it is none.

    Examples:
        >>> parse_condition("year>=1900")
        Condition(column='year', operator='>=', values=('1900',))
        >>> str(parse_condition("genre = novel,letter"))
        'genre=novel,letter'
    """
    found = _CONDITION.fullmatch(text)
    if found is None:
        raise InputError(
            f"Condition {text!r} is not valid: write COLUMN=VALUE, as year=1900, year>=1900 or genre!=novel."
        )
    column, operator, value = found.groups()
    values = tuple(part.strip() for part in value.split(",")) if operator in ("=", "!=") else (value,)
    if operator in _COMPARED:
        _number(value, text)
    return Condition(column, operator, values)


def rows_that_meet(rows: pa.Table, conditions: Sequence[Condition]) -> npt.NDArray[np.bool_] | None:
    """Say which rows meet all conditions.

    Args:
        rows: The rows, without their vectors.
        conditions: The conditions.

    Returns:
        A mask; None where there is no condition.

    Raises:
        InputError: If there is no such column, or numbers are compared in a column that has none.
    """
    if not conditions:
        return None
    met = np.ones(rows.num_rows, dtype=np.bool_)
    for condition in conditions:
        if condition.column not in rows.column_names:
            raise InputError(
                f"Condition {str(condition)!r}: there is no column {condition.column!r}; the columns are "
                f"{', '.join(rows.column_names)}."
            )
        met &= _meets(rows.column(condition.column), condition)
    return met


def _meets(column: pa.ChunkedArray, condition: Condition) -> npt.NDArray[np.bool_]:
    """Decide once for each different value, then look up each row's."""
    encoded = column.combine_chunks() if not pa.types.is_dictionary(column.type) else column.unify_dictionaries()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    if not pa.types.is_dictionary(encoded.type):
        encoded = pc.dictionary_encode(encoded)
    values = [*encoded.dictionary.to_pylist(), None]  # the last stands for rows that have none
    decide = _decision(condition)
    decided = np.array([decide(value) for value in values], dtype=np.bool_)
    indices: npt.NDArray[np.int64] = encoded.indices.fill_null(len(values) - 1).to_numpy(zero_copy_only=False)
    return np.take(decided, indices)


def _decision(condition: Condition) -> Callable[[object], bool]:
    if condition.operator in _COMPARED:
        compare, limit = _COMPARED[condition.operator], float(condition.values[0])

        def meets(value: object) -> bool:
            try:
                return value is not None and bool(compare(float(str(value)), limit))
            except ValueError:
                return False

        return meets
    plain = fold if condition.column in _FOLDED else str
    asked = {plain(each) for each in condition.values}
    wanted = condition.operator == "="
    return lambda value: (value is not None and plain(str(value)) in asked) == wanted


def _number(value: str, text: str) -> float:
    try:
        return float(value)
    except ValueError as error:
        raise InputError(f"Condition {text!r} compares numbers, and {value!r} is none.") from error
