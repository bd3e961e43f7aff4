"""Files of static vectors: word2vec text and binary, Parquet, safetensors.

No ``.kv``: what gensim writes under that name is a pickle, which can run code when it is read. gensim loads the
word2vec files as they stand, with the counts beside them::

    KeyedVectors.load_word2vec_format("vectors.bin", fvocab="vectors.bin.vocab", binary=True)
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from wordstates.errors import OutputError
from wordstates.files.atomic import PartialFile, told_as_output_errors
from wordstates.files.formats import PROVENANCE, provenance_json, provenance_path
from wordstates.files.outputs import check_free, vocabulary_path
from wordstates.files.tensors import write_tensors
from wordstates.result.rows import column_names, vector_column
from wordstates.static.type_vectors import TypeVectors

ENDINGS = (".txt", ".bin", ".parquet", ".safetensors")
SETS = "static"  # the name that the sets of vectors have in a file's metadata
_WORD2VEC = (".txt", ".bin")


class StaticFile:
    """A file of static vectors that is being written; whether it can be is checked before anything is computed.

    Args:
        path: The file; its ending is the format.
        overwrite: Whether to replace one that is there.
        sets: How many sets of vectors it is to hold, if that is known.

    Raises:
        OutputError: If the ending is unknown, the file is there, its folder cannot be written to, or the format does
            not hold so many sets.
    """

    def __init__(self, path: str | Path, *, overwrite: bool = False, sets: int = 1) -> None:
        target = Path(path)
        self._ending = target.suffix.lower()
        if self._ending in (".kv", ".model"):
            raise OutputError(
                f"{str(path)!r}: gensim's own files are pickles, which run code when they are read, and are not "
                "written here: name it .bin or .txt, which gensim loads with KeyedVectors.load_word2vec_format."
            )
        if self._ending not in ENDINGS:
            raise OutputError(
                f"{str(path)!r}: its ending names no format of static vectors. Known endings: {', '.join(ENDINGS)}."
            )
        self._check_sets(str(path), sets)
        check_free(target, overwrite=overwrite)
        self._partial = PartialFile(target, overwrite=overwrite)

    def _check_sets(self, name: str, sets: int) -> None:
        if self._ending in _WORD2VEC and sets != 1:
            raise OutputError(
                f"{name!r}: a word2vec file holds one vector per word, and there are {sets}: choose one kind and one "
                "recipe, or write .parquet."
            )

    def write(self, static: TypeVectors) -> int:
        """Write the file and what stands beside it, and return its bytes on disk."""
        self._check_sets(str(self._partial.target), len(static.vectors))
        if not len(static):
            raise OutputError(f"There is nothing to write to {str(self._partial.target)!r}: no type is left.")
        write: Callable[[TypeVectors], None] = {
            ".txt": self._write_word2vec,
            ".bin": self._write_word2vec,
            ".parquet": self._write_parquet,
            ".safetensors": self._write_safetensors,
        }[self._ending]
        with told_as_output_errors(self._partial, self._partial.remove):
            try:
                write(static)
                return self._partial.publish()
            finally:
                self._partial.remove()

    def _write_parquet(self, static: TypeVectors) -> None:
        table = types_table(static).replace_schema_metadata(
            {PROVENANCE: provenance_json(static.provenance), SETS: sets_json(static)}
        )
        pq.write_table(table, self._partial.path, compression="zstd", row_group_size=1 << 16, write_page_checksum=True)

    def _write_safetensors(self, static: TypeVectors) -> None:
        names = dict(zip(static.vectors, column_names(list(static.vectors)), strict=True))
        tensors = {names[name]: vectors for name, vectors in static.vectors.items()}
        tensors |= {"occurrences": static.occurrences, "usages": static.usages}
        for name, values in static.self_similarity.items():
            tensors[names[name].replace("vector", "self_similarity", 1)] = values
        metadata = {"words": json.dumps(static.words, ensure_ascii=False)}
        if static.groups is not None:
            metadata[static.by] = json.dumps(static.groups, ensure_ascii=False)
        metadata |= {PROVENANCE: provenance_json(static.provenance), SETS: sets_json(static)}
        write_tensors(self._partial.path, tensors, metadata)

    def _write_word2vec(self, static: TypeVectors) -> None:
        (vectors,) = static.vectors.values()
        rows = np.flatnonzero(np.isfinite(vectors).all(axis=1)).tolist()
        words = word2vec_words(static)
        with self._partial.path.open("wb") as file:
            file.write(f"{len(rows)} {vectors.shape[1]}\n".encode())
            _write_rows(file, ((words[row], vectors[row]) for row in rows), binary=self._ending == ".bin")
        counts = "".join(f"{words[row]} {static.occurrences[row]}\n" for row in rows)
        target = self._partial.target
        # First: a file that is there has its counts and its provenance.
        _write_beside(vocabulary_path(target), counts)
        _write_beside(provenance_path(target), provenance_json(static.provenance) + "\n")


def sets_json(static: TypeVectors) -> str:
    """Write what no column holds: the names of the sets of vectors, and what groups are."""
    names = dict(zip(column_names(list(static.vectors)), static.vectors, strict=True))
    return json.dumps({"sets": names, "anisotropy": static.anisotropy, "by": static.by})


def _write_rows(file: BinaryIO, rows: Iterator[tuple[str, np.ndarray]], *, binary: bool) -> None:
    for word, vector in rows:
        if binary:
            file.write(word.encode() + b" " + vector.astype("<f4").tobytes() + b"\n")
        else:  # nine digits tell every float32 from its neighbours
            file.write(f"{word} {' '.join(f'{number:.9g}' for number in vector.tolist())}\n".encode())


def _write_beside(path: Path, text: str) -> None:
    partial = PartialFile(path, overwrite=True)
    with told_as_output_errors(partial, partial.remove):
        try:
            partial.path.write_text(text, encoding="utf-8")
            partial.publish()
        finally:
            partial.remove()


def word2vec_words(static: TypeVectors) -> list[str]:
    """Give the types as words without white space, which is what ends a word in these files.

    Each character of white space becomes an underscore, as in the files of word2vec's authors (``New_York``), and the
    group follows an at sign: ``bank@1990s``.

    Raises:
        OutputError: If two types become one.
    """
    groups = static.groups or [None] * len(static)
    whole = [word if group is None else f"{word}@{group}" for word, group in zip(static.words, groups, strict=True)]
    words = ["".join("_" if char.isspace() else char for char in word) for word in whole]
    word, count = Counter(words).most_common(1)[0] if words else ("", 0)
    if count > 1:
        both = [given for given, written in zip(whole, words, strict=True) if written == word]
        raise OutputError(
            f"The types {', '.join(map(repr, both))} would all be {word!r} in a word2vec file, which holds no spaces: "
            "write .parquet, or leave one out."
        )
    return words


def types_table(static: TypeVectors) -> pa.Table:
    """Lay out static vectors as a table, one row per type.

    Columns: ``word``; the group under its own name; ``occurrences``, ``usages``; ``self_similarity`` and
    ``self_similarity_corrected`` (null for fewer than two usages); ``vector`` (null where there is none). With several
    sets of vectors the last three have the set's name behind theirs.
    """
    columns: dict[str, pa.Array] = {"word": pa.array(static.words, pa.string())}
    if static.groups is not None:
        columns[static.by] = pa.array(static.groups, pa.string())
    columns["occurrences"] = pa.array(static.occurrences, pa.int64())
    columns["usages"] = pa.array(static.usages, pa.int64())
    names = dict(zip(static.vectors, column_names(list(static.vectors)), strict=True))
    for name in static.self_similarity:
        suffix = names[name].removeprefix("vector")
        for column, values in (
            ("self_similarity", static.self_similarity[name]),
            ("self_similarity_corrected", static.corrected_self_similarity(name)),
        ):
            columns[column + suffix] = pa.array(values, pa.float64(), mask=np.isnan(values))
    table = pa.table(columns)
    for name, vectors in static.vectors.items():
        missing = pa.array(~np.isfinite(vectors).all(axis=1))
        table = table.append_column(*vector_column(names[name], vectors, missing))
    return table
