"""Usages for other viewers: TensorBoard's projector, embedding-atlas, AnnData."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Float

from wordstates.errors import InputError, MissingExtraError, OutputError
from wordstates.files.atomic import PartialFile, told_as_output_errors, write_text_whole
from wordstates.files.formats import PROVENANCE, provenance_path
from wordstates.files.outputs import check_free
from wordstates.options import CONTEXT, Viewer, check_choice
from wordstates.usages.components import principal_components
from wordstates.usages.index import UsageIndex
from wordstates.usages.senses import senses_of
from wordstates.wording import on_one_line

_NUMBERS = {"start", "end", "sense"}
_PROJECTOR = """embeddings {
  tensor_name: "usages"
  tensor_path: "vectors.tsv"
  metadata_path: "metadata.tsv"
}
"""
_PROJECTOR_FILES = ("vectors.tsv", "metadata.tsv", "projector_config.pbtxt")


def export_usages(
    index: UsageIndex,
    output: str | Path,
    to: Viewer,
    *,
    word: str | None = None,
    conditions: Sequence[str] = (),
    overwrite: bool = False,
) -> int:
    """Write usages with their vectors and their context for another viewer.

    Vectors are those of the index: of unit length, and post-processed as it is.

    Args:
        index: The index.
        output: A folder for ``tensorboard``, else a file.
        to: ``tensorboard`` (vectors and metadata as .tsv), ``embedding-atlas`` (.parquet, with the first two principal
            components), or ``anndata`` (.h5ad).
        word: Only usages of this word; each then has the number of its sense, from 1, and 0 for none.
        conditions: Which usages; see `UsageIndex.where`.
        overwrite: Whether to replace what is there.

    Returns:
        How many usages were written.

    Raises:
        InputError: If no usage meets the conditions.
        OutputError: If it cannot be written.
        MissingExtraError: If AnnData is not installed; or scikit-learn, which finds the senses of a word.
    """
    check_choice("to", to, Viewer)
    output = Path(output)
    _check_output(output, to, overwrite=overwrite)
    numbers = index.numbers(conditions, word=word)
    if not len(numbers):
        which = f"of {word!r} " if word is not None else ""
        raise InputError(f"No usage {which}in {str(index.path)!r} meets the conditions: there is nothing to export.")
    columns = _columns(index, numbers)
    if word is not None:
        columns["sense"] = [int(label) + 1 for label in senses_of(index, word, conditions=conditions)[0].labels]
    _WRITERS[to](output, index.vectors(numbers), columns, index.manifest.provenance)
    return len(numbers)


def _check_output(output: Path, to: Viewer, *, overwrite: bool) -> None:
    if to == "tensorboard":
        if output.is_file() or (output.is_dir() and any(output.iterdir()) and not overwrite):
            raise OutputError(f"{str(output)!r} exists: name an empty or new folder, or pass overwrite=True.")
        return
    ending = {"embedding-atlas": ".parquet", "anndata": ".h5ad"}[to]
    if output.suffix != ending:
        raise OutputError(f"{str(output)!r}: {to} reads {ending} files; name it so.")
    check_free(output, overwrite=overwrite)
    if output.exists() and not overwrite:
        raise OutputError(f"{str(output)!r} exists: choose another name, or pass overwrite=True to replace it.")


def _columns(index: UsageIndex, numbers: np.ndarray) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {name: [] for name in ("word", "text", "document", "start", "end", "status")}
    columns |= {name: [] for name in index.metadata_columns if name not in columns}
    for usage in index.usages(numbers):
        given = dict(usage.metadata) | {
            "word": on_one_line(usage.word),
            "text": usage.in_context(CONTEXT).strip(),
            "document": usage.document,
            "start": usage.span[0],
            "end": usage.span[1],
            "status": usage.status,
        }
        for name, values in columns.items():
            values.append(given[name])
    return columns


@contextlib.contextmanager
def _whole(output: Path) -> Iterator[Path]:
    """Give a path to write to, and its name to what was written, whole or not at all."""
    file = PartialFile(output, overwrite=True)
    try:
        with told_as_output_errors(file, file.remove):
            yield file.path
            file.publish()
    except BaseException:  # Ctrl-C too
        file.remove()
        raise


def _tensorboard(
    output: Path, vectors: Float[np.ndarray, "usages dim"], columns: dict[str, list[Any]], provenance: dict[str, Any]
) -> None:
    ours = not output.exists()
    try:
        output.mkdir(exist_ok=True)
    except OSError as error:
        raise OutputError(f"{str(output)!r} cannot be made ({error.strerror}).") from error
    vectors_name, metadata_name, config_name = _PROJECTOR_FILES
    rows = [tuple(columns), *zip(*columns.values(), strict=True)]
    lines = ("\t".join(map(_plain, row)) for row in rows)
    try:
        with _whole(output / vectors_name) as path:
            np.savetxt(path, vectors, fmt="%.6g", delimiter="\t")
        write_text_whole(output / metadata_name, "\n".join(lines) + "\n")
        write_text_whole(output / config_name, _PROJECTOR)
        write_text_whole(provenance_path(output / vectors_name), json.dumps(provenance) + "\n")
    except BaseException:
        if ours:
            shutil.rmtree(output, ignore_errors=True)
        raise


def _plain(cell: object) -> str:
    """Give a cell without tabs and line ends, at which the projector parts cells and rows."""
    return " ".join(_text(cell).split())


def _text(cell: object) -> str:
    return "" if cell is None else str(cell)


def _atlas(
    output: Path, vectors: Float[np.ndarray, "usages dim"], columns: dict[str, list[Any]], provenance: dict[str, Any]
) -> None:
    points = np.pad(principal_components(vectors, 2)[0], ((0, 0), (0, 2)))[:, :2].astype(np.float32)
    lists = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), vectors.shape[1])
    table = pa.table({**columns, "x": points[:, 0], "y": points[:, 1], "vector": lists})
    vector = table.schema.field("vector").with_metadata({"shape": json.dumps(vectors.shape[1:])})
    schema = table.schema.set(table.schema.get_field_index("vector"), vector)
    with _whole(output) as path:
        pq.write_table(table.cast(schema.with_metadata({PROVENANCE: json.dumps(provenance)})), path)


def _anndata(
    output: Path, vectors: Float[np.ndarray, "usages dim"], columns: dict[str, list[Any]], provenance: dict[str, Any]
) -> None:
    try:
        import anndata
        import pandas as pd
    except ImportError as error:
        raise MissingExtraError.of("anndata", "writing AnnData") from error
    # Strings as objects: AnnData writes none of Arrow's, which are what pandas makes of them.
    rows = pd.DataFrame(
        {
            name: values if name in _NUMBERS else pd.Series(map(_text, values), dtype=object)
            for name, values in columns.items()
        }
    )
    names = pd.DataFrame(index=pd.Index([str(number) for number in range(vectors.shape[1])], dtype=object))
    rows.index = pd.Index([str(number) for number in range(len(vectors))], dtype=object)
    with _whole(output) as path:
        whole = anndata.AnnData(X=vectors, obs=rows, var=names, uns={"wordstates": json.dumps(provenance)})
        whole.write_h5ad(path, convert_strings_to_categoricals=False)  # or they would be Arrow's again


_WRITERS: dict[str, Callable[[Path, np.ndarray, dict[str, list[Any]], dict[str, Any]], None]] = {
    "tensorboard": _tensorboard,
    "embedding-atlas": _atlas,
    "anndata": _anndata,
}
