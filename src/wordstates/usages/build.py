"""From a store or a file of usages to an index: vectors as they are compared, and rows, to be mapped into memory.

::

    store/index/
    ├── index.json                  what it is made of
    ├── post.safetensors            post-processing that was fitted for it, if any was asked for
    ├── NAME.vectors.npy            the vectors of a part of the source, of unit length, float32
    ├── NAME.rows.arrow             its other columns, a row a vector, and the number of its text
    └── NAME.texts.arrow            its texts
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from wordstates.errors import InputError, OutputError, of_the_caller, without_foreign_errors
from wordstates.files.atomic import PartialFile, check_name, told_as_output_errors
from wordstates.postprocess.post_processing import PostProcessing, moments_for
from wordstates.postprocess.steps import parse_steps
from wordstates.usages.approximate import FOLDER as APPROXIMATE
from wordstates.usages.lines import texts_of
from wordstates.usages.manifest import FORMAT, NAME, IndexedPart, IndexManifest
from wordstates.usages.mapped import ROWS, TEXTS, VECTORS, checksums_of_part, part_is_whole
from wordstates.usages.source import IndexSource, SourceFile, open_source, read_part

POST = "post.safetensors"
_UNIT = ("unit",)
_NOT_KEPT = {"subwords", "text"}  # columns that a search does not need


@dataclass(frozen=True, slots=True)
class _Taken:
    """What is taken of the source's rows: the column, and of its numbers those of one layer."""

    column: str
    numbers: slice
    dim: int
    recipe: dict[str, Any]
    layer: int | None


def default_index_path(source: str | Path) -> Path:
    """Say where the index of a store or a file lies unless told otherwise."""
    path = Path(source)
    return path / "index" if path.is_dir() else path.with_name(f"{path.stem}.index")


@without_foreign_errors
def build_index(
    source: str | Path,
    path: str | Path | None = None,
    *,
    recipe: str | None = None,
    layer: int | None = None,
    steps: Sequence[str] | str | None = None,
    overwrite: bool = False,
    verify: bool = True,
    on_progress: Callable[[int], object] = lambda _: None,
    on_total: Callable[[int], object] = lambda _: None,
) -> IndexManifest:
    """Index the usages of a store or a file, or what has come to it since it was indexed, or has been damaged there.

    Args:
        source: A store, or a Parquet file of `wordstates embed` or `find`.
        path: Folder of the index; default ``index`` in the store, ``NAME.index`` beside the file.
        recipe: Which recipe's vectors, if there are several.
        layer: Which layer, by its absolute number, if the recipe keeps them apart.
        steps: Post-processing to fit on these vectors, as ``center`` or ``all-but-the-top:3``; vectors are always
            brought to unit length in the end, so that scores are cosines.
        overwrite: Whether to start over where an index is there already.
        verify: Whether to compare each shard of a store, and what is indexed already, with their checksums.
        on_progress: Called with the number of words read, after some thousand.
        on_total: Called once, with the number of words that will be read.

    Returns:
        What it is made of.

    Raises:
        InputError: If the source cannot be indexed, or the index is of something else.
        OutputError: If it cannot be written.
    """
    on_progress, on_total = of_the_caller(on_progress), of_the_caller(on_total)
    found = open_source(source, verify=verify)
    folder = Path(path) if path is not None else default_index_path(source)
    before = _there_already(folder, overwrite=overwrite)
    taken = _choose(found, recipe, layer)
    chain = (*_steps(steps), *_UNIT) if steps else _UNIT
    parse_steps(chain)
    if before is not None:
        if steps is None:
            chain = before.steps
        _check_same(before, found, taken, chain, folder)
    post = _post_processing(folder, found, taken, chain, before)
    known = {(part.name, part.fingerprint): part for part in before.parts} if before else {}
    whole = {key: part for key, part in known.items() if part_is_whole(folder, part, verify=verify)}
    on_total(sum(part.rows for part in found.parts if (part.name, part.fingerprint) not in whole))
    # Only now, when nothing that was asked for can be wrong, is an index that is there removed.
    with _new_folder(folder) if before is None else nullcontext():
        if before is None and post is not None:
            post.save(folder / POST)
        parts, texts = [], before.texts if before else ""
        for part in found.parts:
            done = whole.get((part.name, part.fingerprint))
            if done is None:
                done, texts = _index_part(folder, part, found, taken, post, on_progress)
            parts.append(done)
        manifest = IndexManifest(
            source=os.path.relpath(found.path.resolve(), folder.resolve()),
            column=taken.column,
            recipe=taken.recipe,
            layer=taken.layer,
            dim=post.dim_out if post else taken.dim,
            steps=tuple(chain),
            texts=texts,
            parts=tuple(parts),
            provenance=found.provenance,
            post=post.fingerprint() if post else "",
            complete=found.complete,
        )
        manifest.write(folder)
    return manifest


def _steps(steps: Sequence[str] | str) -> list[str]:
    named = steps.split("+") if isinstance(steps, str) else list(steps)
    return [step.strip() for step in named if step.strip() != "unit"]


def _there_already(folder: Path, *, overwrite: bool) -> IndexManifest | None:
    if not (folder / NAME).exists():
        if folder.is_dir() and not all(map(_is_of_an_index, folder.iterdir())):
            raise OutputError(
                f"{str(folder)!r} is a folder that is no index, and not empty: name another one (output=...)."
            )
        return None
    if not overwrite:
        return IndexManifest.read(folder)
    if not any(folder.glob(f"*.{VECTORS}")) and FORMAT not in (folder / NAME).read_text("utf-8", errors="replace"):
        raise OutputError(f"{str(folder / NAME)!r} is not of wordstates: name another folder (output=...).")
    return None


def _is_of_an_index(path: Path) -> bool:
    kinds = tuple(f".{kind}" for kind in (VECTORS, ROWS, TEXTS))
    return path.name.endswith((*kinds, ".partial")) or path.name in (POST, APPROXIMATE)


@contextmanager
def _new_folder(folder: Path) -> Iterator[None]:
    """Make the folder of a new index, with nothing of an index in it; of one that fails, nothing is left."""
    there = folder.is_dir()
    _make_folder(folder)
    _clear(folder)
    try:
        yield
    except BaseException:  # Ctrl-C too
        _clear(folder)
        if not there:
            with suppress(OSError):  # somebody else has put something there
                folder.rmdir()
        raise


def _clear(folder: Path) -> None:
    """Remove an index, or what a run left that was stopped before its end."""
    (folder / NAME).unlink(missing_ok=True)
    for pattern in (*(f"*.{kind}" for kind in (VECTORS, ROWS, TEXTS)), POST):
        for path in folder.glob(pattern):
            path.unlink()
    shutil.rmtree(folder / APPROXIMATE, ignore_errors=True)


def _choose(source: IndexSource, recipe: str | None, layer: int | None) -> _Taken:
    column = source.column(recipe)
    shape = source.shapes[column]
    made_by = dict(source.provenance["recipes"][list(source.shapes).index(column)])
    if len(shape) == 1:
        if layer is not None:
            raise InputError(
                f"Layer {layer} was asked for, and the vectors of {column!r} have no layer axis: leave it out."
            )
        return _Taken(column, slice(None), shape[0], made_by, None)
    layers = made_by["layer_numbers"]
    if layer not in layers:
        raise InputError(
            f"The vectors of {column!r} keep their layers apart: choose one of "
            f"{', '.join(map(str, layers))} (layer=...)."
        )
    begin = layers.index(layer) * shape[1]
    one = made_by | {"layer_numbers": [layer], "layers": layer, "layer_pooling": "mean"}
    return _Taken(column, slice(begin, begin + shape[1]), shape[1], one, layer)


def _check_same(before: IndexManifest, source: IndexSource, taken: _Taken, chain: Sequence[str], folder: Path) -> None:
    pins = ("weights", "config")
    mine = (before.column, before.layer, list(before.steps), before.recipe, *map(before.provenance.get, pins))
    now = (taken.column, taken.layer, list(chain), taken.recipe, *map(source.provenance.get, pins))
    names = ("vectors", "layer", "post-processing", "recipe", *pins)
    differ = [f"{name}: {a} there, {b} now" for name, a, b in zip(names, mine, now, strict=True) if a != b]
    if differ:
        raise InputError(
            f"{str(folder)!r} is an index of other vectors ({'; '.join(differ)}): write to another folder "
            "(output=...), or pass overwrite=True to start over."
        )


def _make_folder(folder: Path) -> None:
    check_name(folder)
    if not folder.parent.is_dir():
        raise OutputError(f"The folder of {str(folder)!r} does not exist: make it first (mkdir -p).")
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{str(folder)!r} is a file, and an index is a folder: name another one (output=...).")
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise OutputError(f"{str(folder)!r} cannot be made ({error.strerror}).") from error


def _post_processing(
    folder: Path, source: IndexSource, taken: _Taken, chain: Sequence[str], before: IndexManifest | None
) -> PostProcessing | None:
    """Fit what was asked for on all vectors that are there; an index that grows keeps what was fitted first."""
    if tuple(chain) == _UNIT:
        return None
    if before is not None:
        return read_post(folder, before)
    moments = moments_for(chain, _vectors(source, taken))
    return PostProcessing.from_moments(chain, moments, provenance=source.provenance)


def read_post(folder: Path, manifest: IndexManifest) -> PostProcessing:
    """Read the post-processing that was fitted for an index.

    Raises:
        InputError: If it cannot be read, or is not what was written.
    """
    post = PostProcessing.load(folder / POST)
    if manifest.post not in ("", post.fingerprint()):
        raise InputError(
            f"{POST} of {str(folder)!r} is not what was written: make the index again with `wordstates index "
            "--overwrite`."
        )
    return post


def _vectors(source: IndexSource, taken: _Taken) -> Iterator[npt.NDArray[np.float32]]:
    for part in source.parts:
        for _, vectors, _ in read_part(part, taken.column, ()):
            yield vectors[:, taken.numbers]


def _index_part(
    folder: Path,
    part: SourceFile,
    source: IndexSource,
    taken: _Taken,
    post: PostProcessing | None,
    on_progress: Callable[[int], object],
) -> tuple[IndexedPart, str]:
    """Write the three files of a part; the vectors stream through, the other columns are in memory meanwhile."""
    vectors_file = PartialFile(folder / f"{part.name}.{VECTORS}", overwrite=True)
    try:
        return _write_part(folder, part, source, taken, post, on_progress, vectors_file)
    except BaseException:  # Ctrl-C too
        vectors_file.remove()
        raise


def _write_part(
    folder: Path,
    part: SourceFile,
    source: IndexSource,
    taken: _Taken,
    post: PostProcessing | None,
    on_progress: Callable[[int], object],
    vectors_file: PartialFile,
) -> tuple[IndexedPart, str]:
    tables, masks, usages = [], [], 0
    dim = post.dim_out if post else taken.dim
    with told_as_output_errors(vectors_file, vectors_file.remove), vectors_file.path.open("wb") as out:
        out.write(_npy_header(0, dim))
        for table, vectors, has in read_part(part, taken.column, source.columns):
            out.write(np.ascontiguousarray(_compared(vectors[:, taken.numbers], post)).data)
            tables.append(table)
            masks.append(has)
            usages += len(vectors)
            on_progress(len(has))
        out.seek(0)
        out.write(_npy_header(usages, dim))
    table, mask = pa.concat_tables(tables), np.concatenate(masks)
    texts_are, texts, numbers = texts_of(table)
    keep = [name for name in table.column_names if name not in _NOT_KEPT]
    rows = table.select(keep).append_column("text_number", pa.array(numbers, pa.int32())).filter(pa.array(mask))
    _write_arrow(folder / f"{part.name}.{ROWS}", _encoded(rows))
    _write_arrow(folder / f"{part.name}.{TEXTS}", pa.table({"text": pa.array(texts, pa.string())}))
    with told_as_output_errors(vectors_file, vectors_file.remove):
        vectors_file.publish()
    checksums = checksums_of_part(folder, part.name)
    return IndexedPart(part.name, part.fingerprint, usages, int((~mask).sum()), checksums), texts_are


def _compared(vectors: npt.NDArray[np.float32], post: PostProcessing | None) -> npt.NDArray[np.float32]:
    if post is not None:
        return post.apply(vectors)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    lengths[lengths == 0] = 1
    unit: npt.NDArray[np.float32] = vectors / lengths
    return unit


def _npy_header(rows: int, dim: int) -> bytes:
    """Write the header of a .npy file, of one length whatever the number of rows, so that it can be written again."""
    described = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows:d}, {dim:d}), }}"
    padded = described.ljust(128 - 10 - 1) + "\n"
    return b"\x93NUMPY\x01\x00" + len(padded).to_bytes(2, "little") + padded.encode("ascii")


def _encoded(table: pa.Table) -> pa.Table:
    """Keep each different string once."""
    for index, field in enumerate(table.schema):
        if pa.types.is_string(field.type) and field.name not in ("left", "right"):
            encoded = table.column(index).combine_chunks().dictionary_encode()
            table = table.set_column(index, field.name, encoded)
    return table.combine_chunks()


def _write_arrow(path: Path, table: pa.Table) -> None:
    file = PartialFile(path, overwrite=True)
    with told_as_output_errors(file, file.remove):
        with pa.OSFile(str(file.path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
        file.publish()
