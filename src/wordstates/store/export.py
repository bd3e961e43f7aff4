"""From a store to a single file, of any format that is written otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from wordstates.errors import OutputError
from wordstates.files.open_writer import open_writer
from wordstates.result.rows import NUMBERS, Rows
from wordstates.store.layout import Layout
from wordstates.store.store import Store


def export_store(store: Store, output: str | Path, *, overwrite: bool = False) -> int:
    """Write all rows of a store to one file.

    Rows are read and written as a stream; the formats that begin with their shapes (npz, safetensors) collect them in
    memory until the end, as always.

    Args:
        store: A complete store.
        output: The file; its ending is the format. ``-`` is JSON lines on standard output.
        overwrite: Whether to replace a file that is there.

    Returns:
        Size of the file in bytes.

    Raises:
        OutputError: If the store is not complete or has a document twice, or the file cannot be written.
    """
    if not store.complete:
        raise OutputError(
            f"{str(store.folder)!r} is not complete, and a single file must not look as if it were: run the command "
            f"that makes it to its end (`wordstates verify {store.folder}` says what is missing)."
        )
    layout = store.manifest.layout
    widest = "float32" if "float32" in layout.dtypes.values() else "float16"
    writer = open_writer(output, dtype=widest, overwrite=overwrite, keyed=layout.keyed)  # type: ignore[arg-type]
    seen = set[int]()
    try:
        for rows in rows_of(store):
            _check_once(rows, seen)
            writer.write_rows(rows)
        return writer.commit(store.provenance)
    except BaseException:
        writer.abort()
        raise


def rows_of(store: Store) -> Iterator[Rows]:
    """Stream the rows of whole documents; one that is larger than a batch comes whole too."""
    held: list[pa.Table] = []
    for table in store.tables():
        held.append(table)
        last = table["document"][-1].as_py()
        begins = table.num_rows - 1
        documents = table["document"].to_pylist()
        while begins > 0 and documents[begins - 1] == last:
            begins -= 1
        if begins == 0 and (len(held) == 1 or held[-2]["document"][-1].as_py() == last):
            continue  # the batch goes on with, or is nothing but, the document that may not have ended
        whole = pa.concat_tables([*held[:-1], table.slice(0, begins)])
        if whole.num_rows:
            yield _rows(whole, store.manifest.layout)
        held = [table.slice(begins)]
    if held:
        yield _rows(pa.concat_tables(held), store.manifest.layout)


def _check_once(rows: Rows, seen: set[int]) -> None:
    """See that no document comes a second time; a set of hashes says which were there."""
    step = np.diff(rows.position)
    onwards = step > 0 if rows.subword is None else (step > 0) | ((step == 0) & (np.diff(rows.subword) > 0))
    begun_again = np.flatnonzero((np.diff(rows.document_index) == 0) & ~onwards)
    twice = [rows.documents[rows.document_index[row]] for row in begun_again[:1].tolist()]
    twice += [document for document in rows.documents if hash(document) in seen]
    if twice:
        raise OutputError(
            f"The document {twice[0]!r} is there twice: an id names one text, or nobody can tell their words apart. "
            "Make the store anew with ids that differ."
        )
    seen.update(map(hash, rows.documents))


def _rows(table: pa.Table, layout: Layout) -> Rows:
    """Lay out a table as the rows it was written from."""
    table = table.combine_chunks()
    documents = table["document"].to_pylist()
    position = table["position"].to_numpy().astype(np.int64)
    starts = [index for index, name in enumerate(documents) if index == 0 or name != documents[index - 1]]
    vectors, has_vector = {}, np.ones(table.num_rows, dtype=np.bool_)
    for name, shape in layout.shapes.items():
        column = table[name].combine_chunks()
        has_vector = np.asarray(column.is_valid())
        values = np.asarray(column.values)[column.offset * int(np.prod(shape)) :][: len(column) * int(np.prod(shape))]
        vectors[name] = values.reshape(-1, *shape).copy()
        vectors[name][~has_vector] = np.nan
    given = table.column_names
    return Rows(
        documents=tuple(documents[start] for start in starts),
        document_starts=np.array([*starts, len(documents)], dtype=np.int64),
        position=position,
        words=table["word"].to_pylist(),
        spans=np.stack([table["start"].to_numpy(), table["end"].to_numpy()], axis=1).astype(np.int64),
        statuses=table["status"].to_pylist(),
        subwords=table["subwords"].to_numpy().astype(np.int64),
        keys=table["key"].to_pylist() if "key" in given else None,
        subword=np.asarray(table["subword"].fill_null(-1)).astype(np.int64) if "subword" in given else None,
        has_vector=has_vector,
        vectors=vectors,
        extra={name: table[name].to_pylist() for name in layout.texts},
        numbers={name: _numbers(table[name], dtype) for name, dtype in NUMBERS.items() if name in given},
    )


def _numbers(column: pa.ChunkedArray, dtype: str) -> npt.NDArray[Any]:
    """Read numbers as rows have them: NaN or -1 where there is none."""
    return np.asarray(column.fill_null(np.nan if dtype == "float32" else -1)).astype(dtype)
