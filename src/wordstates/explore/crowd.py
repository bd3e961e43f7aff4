"""A word with more usages than are read in every layer: all of them, as the index has them.

Up to `MOST_POINTS` usages go to the page one by one. Of more it gets how densely they lie, and those in sight when
these are few enough.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Float, Int

from wordstates.errors import InputError
from wordstates.explore.picture import DECIMALS, NEIGHBOURS, Picture, even_sample, share_kept
from wordstates.explore.word_view import MOST_GROUPS, MOST_USAGES, WordView, groups_of, layer_of, packed_view, view_word
from wordstates.usages.components import principal_axes
from wordstates.usages.index import UsageIndex
from wordstates.usages.senses import Senses
from wordstates.wording import counted

MOST_POINTS = 100_000  # usages that the page gets one by one; of a word with more it gets how densely they lie
MOST_IN_SIGHT = 5_000  # of those, usages that it gets one by one where no more are in sight
_COLOURS = 10  # values of a column that have a colour of their own, as in the page
_SIDE = 100  # characters of text on each side of a usage
_ROWS = 20_000  # vectors that are in memory at a time
_COMPARED = 100  # usages whose neighbours are looked for, to say what the picture keeps
_MOST_CELLS = 400  # on each side of a grid

Box = tuple[float, float, float, float]  # left, bottom, right, top
_Coded = tuple[list[str], Int[np.ndarray, " usages"]]  # different values, and the number of each usage's


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which usages are counted: those of a value of a column, of a sense, or both.

    Args:
        column: The column; empty: any usage.
        value: Its value.
        sense: The sense; None: any.
    """

    column: str = ""
    value: str = ""
    sense: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Crowd:
    """All usages of a word in one picture.

    Args:
        index: Where they are.
        word: The word.
        numbers: Their rows in the index.
        points: Coordinates, float32, within -1 and 1.
        labels: The sense of each.
        picture: What the picture keeps; without points.
        senses: The senses, found in an even sample; every other usage is in the one whose mean it is nearest to.
        sample: Places of that sample among the usages.
    """

    index: UsageIndex
    word: str
    numbers: Int[np.ndarray, " usages"]
    points: Float[np.ndarray, "usages 2"]
    labels: Int[np.ndarray, " usages"]
    picture: Picture
    senses: Senses
    sample: Int[np.ndarray, " sample"]
    _columns: dict[str, _Coded] = field(default_factory=dict)

    def __len__(self) -> int:
        """Count the usages."""
        return len(self.numbers)

    def packed(self) -> dict[str, Any]:
        """Give all usages for the page; of too many the sample, and that the rest is to be seen as density."""
        if len(self) <= MOST_POINTS:
            return self._pack(np.arange(len(self)), "all")
        return self._pack(self.sample, "density")

    def seen(
        self, box: Box, cells: tuple[int, int], colour: str = "sense", wanted: Wanted | None = None
    ) -> dict[str, Any]:
        """Give what lies in a part of the picture: the usages if they are few enough, else how densely they lie.

        Args:
            box: The part, in the picture's coordinates.
            cells: How many columns and rows the part is cut into.
            colour: What the usages are coloured by: ``sense``, or a column of metadata.
            wanted: Which usages are counted; default all.

        Returns:
            As plain JSON data, `Seen` in the page's ``data.ts``.

        Raises:
            InputError: If the part is none, or there is no such column.
        """
        left, bottom, right, top = box
        columns, rows = cells
        if not (np.isfinite(box).all() and left < right and bottom < top):
            raise InputError(f"A part of the picture has a left below its right and a bottom below its top, not {box}.")
        if not (1 <= columns <= _MOST_CELLS and 1 <= rows <= _MOST_CELLS):
            raise InputError(f"A part has rows and columns of 1 to {_MOST_CELLS}, not {columns} x {rows}.")
        x, y = self.points[:, 0], self.points[:, 1]
        inside = (x >= left) & (x <= right) & (y >= bottom) & (y <= top)
        values, codes = self._coded(colour)
        counts = np.bincount(codes, minlength=len(values))
        found: dict[str, Any] = {
            "box": list(box),
            "values": [[value, int(count)] for value, count in zip(values, counts.tolist(), strict=False)][:_COLOURS],
            "more": max(0, len(values) - _COLOURS),
        }
        if int(inside.sum()) <= MOST_IN_SIGHT:
            return {**found, "part": self._pack(np.flatnonzero(inside), "part")}
        chosen = np.flatnonzero(inside & self._meet(wanted or Wanted()))
        across = ((x[chosen] - left) * (columns / (right - left))).astype(np.int64).clip(0, columns - 1)
        down = ((top - y[chosen]) * (rows / (top - bottom))).astype(np.int64).clip(0, rows - 1)
        layers = min(len(values), _COLOURS + 1)
        cell = (codes[chosen].clip(0, layers - 1) * rows + down) * columns + across
        grid = np.bincount(cell, minlength=layers * rows * columns)
        return {
            **found,
            "count": len(chosen),
            "columns": columns,
            "rows": rows,
            "counts": base64.b64encode(grid.astype("<u4").tobytes()).decode("ascii"),
        }

    def like(self, place: int) -> dict[str, Any]:
        """Give the cosines of one usage with all, and its nearest, in all dimensions.

        Args:
            place: Which of the usages.

        Raises:
            InputError: If there is none of this place.
        """
        if not 0 <= place < len(self):
            raise InputError(f"{self.word!r} has {counted(len(self), 'usage')}, numbered from 0: there is no {place}.")
        own = self.index.vectors(self.numbers[place : place + 1])[0]
        cosines = np.concatenate([part @ own for part in _chunks(self.index, self.numbers)])
        ranked = np.argsort(-cosines.round(6), kind="stable")[: NEIGHBOURS + 1]
        nearest = ranked[ranked != place][:NEIGHBOURS]
        return {
            "nearest": nearest.tolist(),
            "points": self.points[nearest].tolist(),
            "cosines": base64.b64encode(cosines.astype("<f4").tobytes()).decode("ascii"),
        }

    def _pack(self, places: Int[np.ndarray, " some"], mode: str) -> dict[str, Any]:
        usages, labels = list(self.index.usages(self.numbers[places])), self.labels[places]
        nobody = np.empty((len(places), 0))
        picture = replace(
            self.picture,
            points=self.points[places],
            neighbours=nobody.astype(np.int64),
            scores=nobody.astype(np.float32),
        )
        view = WordView(
            word=self.word,
            total=len(self),
            usages=usages,
            senses=replace(self.senses, labels=labels, usages=usages),
            pictures=[picture],
            reference=0,
            vectors=nobody.astype(np.float32),
            baseline=[],
        )
        return {
            **packed_view(view, side=_SIDE, change=self._change()),
            "mode": mode,
            "places": base64.b64encode(places.astype("<i4").tobytes()).decode("ascii"),
            "k": min(NEIGHBOURS, len(self) - 1),
        }

    def _change(self) -> list[dict[str, Any]]:
        columns = {}
        for name in self.index.metadata_columns:
            values, codes = self._coded(name)
            if 1 < len(values) <= MOST_GROUPS:
                columns[name] = [values[code] for code in codes.tolist()]
        return groups_of(columns, self.labels)

    def _coded(self, colour: str) -> _Coded:
        """Give the values that colour, in the order of the page's legend, and the number of each usage's value."""
        if colour not in self._columns:
            self._columns[colour] = self._senses() if colour == "sense" else self._metadata(colour)
        return self._columns[colour]

    def _senses(self) -> _Coded:
        values = [str(sense.id) for sense in self.senses.senses] + (["-1"] if (self.labels < 0).any() else [])
        return values, np.where(self.labels < 0, len(self.senses.senses), self.labels)

    def _metadata(self, name: str) -> _Coded:
        if name not in self.index.metadata_columns:
            raise InputError(
                f"There is no column {name!r}: choose {', '.join(['sense', *self.index.metadata_columns])}."
            )
        taken = self.index.rows.column(name).take(pa.array(self.numbers)).to_pylist()
        met: dict[str, int] = {}
        codes = np.array([met.setdefault("" if v is None else str(v), len(met)) for v in taken], dtype=np.int64)
        counts = np.bincount(codes).tolist()
        values = sorted(met, key=lambda value: (-counts[met[value]], value))
        ranks = np.empty(len(met), dtype=np.int64)
        ranks[[met[value] for value in values]] = np.arange(len(values))
        return values, ranks[codes]

    def _meet(self, wanted: Wanted) -> Bool[np.ndarray, " usages"]:
        met = np.ones(len(self), dtype=np.bool_)
        if wanted.sense is not None:
            met &= self.labels == wanted.sense
        if wanted.column:
            values, codes = self._coded(wanted.column)
            met &= codes == (values.index(wanted.value) if wanted.value in values else -1)
        return met


def gather(index: UsageIndex, word: str) -> Crowd:
    """Gather all usages of a word.

    Args:
        index: Where they are.
        word: The word, whatever its case.

    Raises:
        InputError: If it has none.
    """
    seen = view_word(index, word, most=MOST_USAGES)
    numbers = index.numbers(word=word)
    sample = even_sample(len(numbers), MOST_USAGES)
    mean = np.sum([part.sum(axis=0, dtype=np.float64) for part in _chunks(index, numbers)], axis=0) / len(numbers)
    scatter = np.zeros((len(mean), len(mean)))
    for part in _chunks(index, numbers):
        centred = part - mean
        scatter += centred.T @ centred
    axes, kept = principal_axes(scatter, 2)
    ids = [sense.id for sense in seen.senses.senses]
    means = np.stack([seen.vectors[seen.senses.labels == id].mean(axis=0, dtype=np.float64) for id in ids])
    points, labels = np.zeros((len(numbers), 2)), np.empty(len(numbers), dtype=np.int64)
    begin = 0
    for part in _chunks(index, numbers):
        rows = slice(begin, begin + len(part))
        points[rows, : axes.shape[1]] = (part - mean) @ axes
        labels[rows] = np.array(ids)[(part @ means.T - (means**2).sum(axis=1) / 2).argmax(axis=1)]
        begin += len(part)
    labels[sample] = seen.senses.labels
    points = (points / (float(np.abs(points).max()) or 1.0)).round(DECIMALS).astype(np.float32)
    compared = even_sample(len(numbers), _COMPARED)
    share = share_kept(points, compared, _nearest(index, numbers, compared))
    empty = np.empty((0, 0))
    picture = Picture(layer_of(index), points[:0], kept, share, empty.astype(np.int64), empty.astype(np.float32))
    counts = np.bincount(labels[labels >= 0], minlength=len(ids)).tolist()
    senses = tuple(replace(each, size=counts[each.id], central=()) for each in seen.senses.senses)
    return Crowd(index, word, numbers, points, labels, picture, replace(seen.senses, senses=senses), sample)


def _nearest(
    index: UsageIndex, numbers: Int[np.ndarray, " usages"], asked: Int[np.ndarray, " asked"]
) -> Int[np.ndarray, "asked neighbours"]:
    """Give the nearest usages of some, a chunk of the others at a time."""
    own = index.vectors(numbers[asked])
    k = min(NEIGHBOURS, len(numbers) - 1)
    rows, scores = np.empty((len(asked), 0), dtype=np.int64), np.empty((len(asked), 0), dtype=np.float32)
    begin = 0
    for part in _chunks(index, numbers):
        here = (own @ part.T).round(6)
        here[asked[:, None] == np.arange(begin, begin + len(part))] = -np.inf
        scores = np.concatenate([scores, here], axis=1)
        rows = np.concatenate([rows, np.broadcast_to(np.arange(begin, begin + len(part)), here.shape)], axis=1)
        best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        rows, scores = np.take_along_axis(rows, best, axis=1), np.take_along_axis(scores, best, axis=1)
        begin += len(part)
    return rows


def _chunks(index: UsageIndex, numbers: Int[np.ndarray, " usages"]) -> Iterator[Float[np.ndarray, "rows dim"]]:
    for begin in range(0, len(numbers), _ROWS):
        yield index.vectors(numbers[begin : begin + _ROWS])
