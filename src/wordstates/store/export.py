"""From a store to a single file, of any format that is written otherwise."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wordstates.errors import OutputError
from wordstates.files.open_writer import open_writer
from wordstates.options import VectorDtype
from wordstates.progress import Progress
from wordstates.result.rows import Rows
from wordstates.store.store import Store


def export_store(store: Store, output: str | Path, *, overwrite: bool = False, progress: Progress | None = None) -> int:
    """Write all rows of a store to one file.

    Rows are read and written as a stream; the formats that begin with their shapes (npz, safetensors) collect them in
    memory until the end, as always.

    Args:
        store: A complete store.
        output: The file; its ending is the format. ``-`` is JSON lines on standard output.
        overwrite: Whether to replace a file that is there.
        progress: Hears of the rows written.

    Returns:
        Size of the file in bytes.

    Raises:
        OutputError: If the store is not complete or has a document twice, or the file cannot be written.
    """
    if store.manifest.complete is None:
        raise OutputError(
            f"{str(store.folder)!r} is not complete, and a single file must not look as if it were: run the command "
            f"that makes it to its end (`wordstates verify {store.folder}` says what is missing)."
        )
    manifest = store.manifest
    widest: VectorDtype = "float32" if "float32" in manifest.dtypes.values() else "float16"
    writer = open_writer(output, dtype=widest, overwrite=overwrite, keyed=manifest.settings.keyed)
    seen = set[int]()
    progress = progress or Progress()
    progress.total(sum(record.rows for record in store.records()))
    try:
        for rows in rows_by_document(store):
            _check_once(rows, seen)
            writer.write_rows(rows)
            progress(len(rows.has_vector))
        return writer.commit(store.provenance)
    except BaseException:
        writer.abort()
        raise


def rows_by_document(store: Store) -> Iterator[Rows]:
    """Stream the rows of whole documents; one that is larger than a batch comes whole too."""
    shapes = store.manifest.shapes
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
            yield _rows(whole, shapes)
        held = [table.slice(begins)]
    if held:
        yield _rows(pa.concat_tables(held), shapes)


def _check_once(rows: Rows, seen: set[int]) -> None:
    """See that no document comes a second time; a set of hashes says which were there."""
    step = np.diff(rows.scalars["position"].to_numpy())
    onwards = step > 0
    if "subword" in rows.names:
        onwards |= (step == 0) & (np.diff(pc.fill_null(rows.scalars["subword"], -1).to_numpy()) > 0)
    begun_again = np.flatnonzero((np.diff(rows.document_index) == 0) & ~onwards)
    twice = [rows.documents[rows.document_index[row]] for row in begun_again[:1].tolist()]
    twice += [document for document in rows.documents if hash(document) in seen]
    if twice:
        raise OutputError(
            f"The document {twice[0]!r} is there twice: an id names one text, or their words cannot be told apart. "
            "Make the store again with ids that differ."
        )
    seen.update(map(hash, rows.documents))


def _rows(table: pa.Table, shapes: dict[str, tuple[int, ...]]) -> Rows:
    """Lay out a table as the rows it was written from."""
    table = table.combine_chunks()
    document = np.asarray(pc.dictionary_encode(table["document"].combine_chunks()).indices)
    starts = np.flatnonzero(np.append(True, document[1:] != document[:-1]))
    vectors, has_vector = {}, np.ones(table.num_rows, dtype=np.bool_)
    for name, shape in shapes.items():
        column = table[name].combine_chunks()
        has_vector = np.asarray(column.is_valid())
        size = math.prod(shape)
        values = np.asarray(column.values)[column.offset * size :][: len(column) * size]
        vectors[name] = values.reshape(-1, *shape).copy()
        vectors[name][~has_vector] = np.nan
    return Rows(
        documents=tuple(table["document"].take(pa.array(starts)).to_pylist()),
        document_starts=np.append(starts, len(document)),
        scalars=table.drop_columns([*shapes]),
        has_vector=has_vector,
        vectors=vectors,
    )
