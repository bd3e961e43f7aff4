"""Approximate search, for a million usages and more: an index of LanceDB that looks at some usages only.

It lies in the folder ``lance`` of an index. Either usages are parted by where their vectors lie (``ivf-flat``), and
those of the parts nearest to a query are compared with it; or each is joined to some that are near (``ivf-hnsw-sq``),
and the query is followed through this graph, over vectors of a byte a number. What is found is then compared as it is:
scores are exact, and usages can only be missed. How many are is measured against exact search when it is made, and
kept beside it.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from jaxtyping import Float, Int

from wordstates.errors import InputError, MissingExtraError, OutputError
from wordstates.files.atomic import write_text_whole
from wordstates.json_text import read_json
from wordstates.options import ApproximateKind, check_choice
from wordstates.usages.search import best, scored
from wordstates.wording import counted, said

if TYPE_CHECKING:
    from lancedb.table import Table

FOLDER = "lance"
LEAST_USAGES = 1_000  # exact search of fewer takes no time, and parts cannot be learnt of few
RECALL = 0.99  # of the ten nearest: what is aimed at
_RECORD, _TABLE = "approximate.json", "usages"
_K = 10
_ASKED = 100  # usages that recall is measured on
_ROWS = 10_000  # committed at a time
_MORE = 3  # times as many usages as are asked for are taken from a graph, and compared as they are
_MOST_KEPT = 1_000  # usages that a search keeps on its way through a graph
_ROWS_OF_GRAPH, _MOST_GRAPHS = 1_000_000, 64  # usages in a graph; all graphs are searched
_CLOSE = 1e-6  # usages that score alike stand for each other


@dataclass(frozen=True, slots=True)
class Approximate:
    """What is known of approximate search in an index.

    Args:
        usages: How many usages it covers.
        partitions: Into how many parts they are parted.
        probes: How many of them a search looks into; of a graph, how many usages it keeps on its way.
        recall: Share of the ten nearest usages that it finds, on the usages it was measured on.
        asked: How many these are.
        parts: Names and fingerprints of what was indexed.
        kind: How usages are found.
    """

    usages: int
    partitions: int
    probes: int
    recall: float
    asked: int
    parts: tuple[tuple[str, str], ...]
    kind: ApproximateKind = "ivf-flat"

    def __str__(self) -> str:
        return f"recall@{_K} of {self.recall:.3f} against exact search, measured on {self.asked} usages; " + (
            f"{self.probes:,} of {self.partitions:,} parts are looked into"
            if self.kind == "ivf-flat"
            else f"a graph is followed by the nearest {self.probes:,}"
        )


def make_approximate(
    folder: Path,
    blocks: Sequence[Float[np.ndarray, "_rows dim"]],
    parts: tuple[tuple[str, str], ...],
    kind: ApproximateKind = "ivf-flat",
) -> Approximate:
    """Make an index approximately searchable, and measure what that misses.

    As much is looked into as it takes for a recall of `RECALL`.

    Args:
        folder: Folder of the index.
        blocks: The vectors, of unit length, in consecutive pieces.
        parts: Names and fingerprints of what they come from.
        kind: How usages are found.

    Raises:
        InputError: If there are too few usages, or there is no such kind.
        MissingExtraError: If LanceDB is not installed.
        OutputError: If it cannot be written.
    """
    check_choice("kind", kind, ApproximateKind)
    total = sum(map(len, blocks))
    if total < LEAST_USAGES:
        raise InputError(
            f"Approximate search is for many usages, and {str(folder)!r} has {total:,} (at least {LEAST_USAGES:,}): "
            "exact search of these takes less than a millisecond, so leave approximate=True out."
        )
    partial, final = folder / f"{FOLDER}.partial", folder / FOLDER
    try:
        for path in (partial, final):
            shutil.rmtree(path, ignore_errors=True)
        table = _connect(partial).create_table(_TABLE, data=_batches(blocks))
        partitions = max(1, round(total**0.5) if kind == "ivf-flat" else round(total / _ROWS_OF_GRAPH))
        _part(table, partitions, kind)
        probes, recall, asked = _measured(table, blocks, partitions, kind)
        made = Approximate(total, partitions, probes, recall, asked, parts, kind)
        write_text_whole(partial / _RECORD, json.dumps(asdict(made), indent=1) + "\n")
        partial.replace(final)
    except (OSError, RuntimeError, ValueError) as error:  # what LanceDB raises where it cannot write
        shutil.rmtree(partial, ignore_errors=True)
        raise OutputError(f"{str(final)!r} cannot be written ({said(error)}).") from error
    return made


def read_approximate(folder: Path, parts: tuple[tuple[str, str], ...]) -> Approximate:
    """Read what is known of approximate search in an index.

    Args:
        folder: Folder of the index.
        parts: Names and fingerprints of what the index holds now.

    Raises:
        InputError: If there is none, it is broken, or the index has grown since.
    """
    again = "make it with `wordstates index STORE --approximate`, or search exactly."
    try:
        data = read_json((folder / FOLDER / _RECORD).read_text(encoding="utf-8"))
        found = Approximate(**{**data, "parts": tuple(tuple(part) for part in data["parts"])})
    except FileNotFoundError:
        raise InputError(f"{str(folder)!r} has no approximate search yet: {again}") from None
    except (OSError, ValueError, TypeError, KeyError, ArithmeticError) as error:
        raise InputError(f"The approximate search of {str(folder)!r} is broken ({said(error)}): {again}") from error
    if found.parts != parts:
        raise InputError(
            f"The approximate search of {str(folder)!r} covers {counted(found.usages, 'usage')}, and the index has "
            f"others since: {again}"
        )
    return found


class ApproximateSearch:
    """The approximate search of an index, opened.

    Args:
        folder: Folder of the index.
        known: What is known of it.

    Attributes:
        table: LanceDB's table: the columns ``number`` and ``vector``.
    """

    def __init__(self, folder: Path, known: Approximate) -> None:
        self.known = known
        try:
            self.table = _connect(folder / FOLDER).open_table(_TABLE)
        except (OSError, RuntimeError, ValueError) as error:
            raise InputError(
                f"The approximate search of {str(folder)!r} cannot be read ({said(error)}): make it again with "
                "`wordstates index STORE --approximate`."
            ) from error

    def rows(self, query: Float[np.ndarray, " dim"], k: int) -> Int[np.ndarray, " found"]:
        """Give the rows that are most like a query, in no certain order; more than k where they have to be compared."""
        return _rows(self.table, query, k, self.known.probes, self.known.kind)


def _connect(folder: Path) -> Any:
    os.environ.setdefault("LANCEDB_LOG", "error")  # or it warns of new tables, and of empty parts
    try:
        import lancedb
    except ImportError as error:
        raise MissingExtraError.of("search", "approximate search") from error
    return lancedb.connect(folder)


def _batches(blocks: Sequence[Float[np.ndarray, "_rows dim"]]) -> pa.RecordBatchReader:
    dim = blocks[0].shape[1]
    schema = pa.schema([("number", pa.int64()), ("vector", pa.list_(pa.float32(), dim))])

    def batches() -> Iterator[pa.RecordBatch]:
        first = 0
        for block in blocks:
            for begin in range(0, len(block), _ROWS):
                rows = np.ascontiguousarray(block[begin : begin + _ROWS])
                numbers = pa.array(np.arange(first, first + len(rows)))
                yield pa.record_batch([numbers, pa.FixedSizeListArray.from_arrays(pa.array(rows.ravel()), dim)], schema)
                first += len(rows)

    return pa.RecordBatchReader.from_batches(schema, batches())


def _part(table: Table, partitions: int, kind: ApproximateKind) -> None:
    from lancedb.index import HnswSq, IvfFlat

    # Dot products of vectors of unit length are cosines, and keep vectors of zeros, which cosines would lose.
    made = (IvfFlat if kind == "ivf-flat" else HnswSq)(distance_type="dot", num_partitions=partitions)
    table.create_index("vector", config=made)


def _rows(
    table: Table, query: Float[np.ndarray, " dim"], k: int, probes: int, kind: ApproximateKind
) -> Int[np.ndarray, " found"]:
    search: Any = table.search(query, vector_column_name="vector")
    search = search.distance_type("dot")
    if kind == "ivf-flat":
        search = search.nprobes(probes).limit(k)
    else:  # bytes order nearly as floats do: some more are taken, to be compared as they are
        search = search.nprobes(_MOST_GRAPHS).ef(max(probes, _MORE * k)).limit(_MORE * k)
    found: Int[np.ndarray, " found"] = search.select(["number", "_distance"]).to_arrow()["number"].to_numpy()
    return found


def _measured(
    table: Table, blocks: Sequence[Float[np.ndarray, "_rows dim"]], partitions: int, kind: ApproximateKind
) -> tuple[int, float, int]:
    """Double what is looked into until recall is enough; of usages, since their like will be asked for."""
    vectors = [vector for block in blocks for vector in block[:: max(1, len(block) * len(blocks) // _ASKED)]][:_ASKED]
    exact = []
    for vector in vectors:
        scores, _ = scored(blocks, vector)
        exact.append((scores, float(scores[best(scores, _K)[-1]])))
    probes, most = (1, partitions) if kind == "ivf-flat" else (_MORE * _K, _MOST_KEPT)
    while True:
        found = [
            min(_K, int((scores[_rows(table, vector, _K, probes, kind)] >= least - _CLOSE).sum()))
            for vector, (scores, least) in zip(vectors, exact, strict=True)
        ]
        recall = sum(found) / (_K * len(vectors))
        if recall >= RECALL or probes >= most:
            return probes, round(recall, 4), len(vectors)
        probes = min(2 * probes, most)
