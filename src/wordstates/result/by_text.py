"""One row per text: the words of each text as lists, beside the columns of the table that the texts come from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from wordstates.errors import InputError
from wordstates.wording import counted


def rows_of_texts(rows: pa.Table, texts: int, table: Any = None) -> pa.Table:
    """Put the rows of each text into lists.

    Args:
        rows: One row per word or subword, with the number of its text as `document`.
        texts: How many texts there are, those without words included.
        table: Columns to put before them, one row per text: of Arrow, pandas, polars or datasets; None: there are none.

    Raises:
        InputError: If the table has another number of rows, or columns of the same names.
    """
    of_text = np.array(rows["document"].to_pylist(), dtype=np.int64)
    rows = rows.drop_columns("document")
    if (np.diff(of_text) < 0).any():
        order = np.argsort(of_text, kind="stable")
        rows, of_text = rows.take(order), of_text[order]
    starts = pa.array(np.searchsorted(of_text, np.arange(texts + 1)), pa.int64())
    lists = {name: pa.LargeListArray.from_arrays(starts, rows[name].combine_chunks()) for name in rows.column_names}
    before = {} if table is None else _columns(table, texts, lists)
    return pa.table({**before, **lists})


def _columns(table: Any, texts: int, lists: dict[str, Any]) -> dict[str, Any]:
    try:
        if isinstance(table, Mapping):  # what `dataset.map` hands over, too
            table = dict(table)
        elif hasattr(table, "with_format"):  # datasets.Dataset
            table = table.with_format("arrow")[:]
        given = pa.table(table)
    except (TypeError, ValueError, NotImplementedError, pa.ArrowInvalid) as error:
        raise InputError(
            f"by_text() takes a table of Arrow, pandas, polars or datasets, got {type(table).__name__}."
        ) from error
    if len(given) != texts:
        raise InputError(
            f"The table has {counted(len(given), 'row')} for {counted(texts, 'text')}: give the one whose column was "
            "embedded, with the same rows."
        )
    double = [name for name in given.column_names if name in lists]
    if double:
        raise InputError(f"The table has columns called {', '.join(double)} already: rename them first.")
    return {name: given[name] for name in given.column_names}
