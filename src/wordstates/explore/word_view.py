"""What the page shows of one word: its usages, their senses, and their picture in every layer."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from jaxtyping import Float, Int

from wordstates.errors import InputError
from wordstates.explore.picture import NEIGHBOURS, Picture, even_sample, picture_layers
from wordstates.options import Projection
from wordstates.usages.change import shares_by
from wordstates.usages.index import UsageIndex
from wordstates.usages.senses import Senses, find_senses
from wordstates.usages.usage import IndexedUsage

if TYPE_CHECKING:
    from wordstates.encode.protocols import Embedder

MOST_USAGES = 2_000  # read again in every layer; of more an even sample is shown
SIDE = 300  # characters of text on each side of a usage
MOST_GROUPS = 24  # values of a column by which shares are drawn


@dataclass(frozen=True, slots=True, eq=False)
class WordView:
    """What is shown of a word.

    Args:
        word: The word.
        total: Its usages in the index.
        usages: Those that are shown.
        senses: Their senses.
        pictures: Their picture in each layer.
        reference: Index of the layer that the index holds, or the last.
        vectors: Their vectors in the index.
        baseline: Mean cosine of two random words in each layer; empty where it was not measured.
    """

    word: str
    total: int
    usages: Sequence[IndexedUsage]
    senses: Senses
    pictures: Sequence[Picture]
    reference: int
    vectors: Float[np.ndarray, "usages dim"]
    baseline: Sequence[float]


def view_word(
    index: UsageIndex,
    word: str,
    layers_of: LayerReader | None = None,
    *,
    most: int = MOST_USAGES,
    projection: Projection = "pca",
) -> WordView:
    """Gather what is shown of a word.

    Args:
        index: Where its usages are.
        word: The word, whatever its case.
        layers_of: Reads the usages again in every layer; None: the picture is that of the index's vectors alone.
        most: Most usages to show; of more, an even sample.
        projection: How they come into two dimensions; see `picture_layers`.

    Raises:
        InputError: If the word has no usage.
    """
    numbers = index.numbers(word=word)
    if not len(numbers):
        raise InputError(f"{word!r} has no usage with a vector in {str(index.path)!r}.")
    shown = numbers[even_sample(len(numbers), most)]
    usages, vectors = list(index.usages(shown)), index.vectors(shown)
    if layers_of is None:
        layers, stacked, reference, baseline = [layer_of(index)], vectors[:, None], 0, list[float]()
    else:
        layers, stacked, baseline = layers_of.layers, layers_of.read(usages), layers_of.baseline()
        read = np.flatnonzero(np.isfinite(stacked).all(axis=(1, 2)))
        usages, vectors, stacked = [usages[number] for number in read], vectors[read], stacked[read]
        reference = layers.index(layer_of(index)) if layer_of(index) in layers else len(layers) - 1
    return WordView(
        word=word,
        total=len(numbers),
        usages=usages,
        senses=find_senses(word, usages, vectors),
        pictures=picture_layers(stacked, layers, reference, projection),
        reference=reference,
        vectors=vectors,
        baseline=baseline,
    )


def layer_of(index: UsageIndex) -> int:
    """Give the absolute number of the layer that the vectors of an index are from, the highest of several."""
    return int(max(index.manifest.recipe["layer_numbers"]))


class LayerReader:
    """Reads usages again, in every layer.

    Args:
        embedder: Has a recipe that keeps all layers apart.
        recipe: The name of that recipe.
        sample: Usages of all kinds of words, for the cosine of two random words.
    """

    def __init__(self, embedder: Embedder, recipe: str, sample: Sequence[IndexedUsage]) -> None:
        self._embedder = embedder
        self._recipe = recipe
        self._sample = sample
        self._baseline: list[float] | None = None

    @property
    def layers(self) -> list[int]:
        """Absolute numbers of the layers, from the embedding output to the last."""
        return list(range(self._embedder.n_blocks + 1))

    def read(self, usages: Sequence[IndexedUsage]) -> Float[np.ndarray, "usages layers dim"]:
        """Read usages in their texts.

        Returns:
            Vectors, float32; NaN for a usage that has none in the text that is known of it.
        """
        wanted: dict[str, list[int]] = {}  # usages of each text, which is read once
        for number, usage in enumerate(usages):
            wanted.setdefault(usage.text, []).append(number)
        spans = [[usages[number].place for number in numbers] for numbers in wanted.values()]
        read = self._embedder.encode(list(wanted), spans=spans).recipe(self._recipe).vectors
        vectors = np.empty_like(read)
        vectors[[number for numbers in wanted.values() for number in numbers]] = read
        return vectors

    def baseline(self) -> list[float]:
        """Give the mean cosine of two random words in each layer, measured once on the sample.

        Source:
            Ethayarajh 2019, "How contextual are contextualized word representations?".
        """
        if self._baseline is None:
            read = self.read(self._sample).astype(np.float64)
            vectors = read[np.isfinite(read).all(axis=(1, 2))]
            lengths = np.linalg.norm(vectors, axis=2, keepdims=True)
            unit = vectors / np.where(lengths == 0, 1, lengths)
            total, count = (unit.sum(axis=0) ** 2).sum(axis=1), len(unit)
            pairs = max(1, count * (count - 1))
            self._baseline = [round(float(each), 4) for each in (total - count) / pairs]
        return self._baseline


# -- as the page is given it ---------------------------------------------------------------------------------------


def packed_view(view: WordView, *, side: int = SIDE, change: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """Give a view as plain JSON data, arrays as base64: ``Packed`` in the page's ``data.ts``.

    Args:
        view: The view.
        side: Characters of text on each side of a usage.
        change: Shares of the senses by columns, as `groups_of` gives them; default those of the usages shown.
    """
    if change is None:
        columns = {name: [str(usage.metadata[name] or "") for usage in view.usages] for name in view.usages[0].metadata}
        change = groups_of(columns, view.senses.labels)
    sides = [usage.around(side) for usage in view.usages]
    k = view.pictures[0].neighbours.shape[1]
    return {
        "mode": "layers",
        "word": view.word,
        "total": view.total,
        "usages": [
            {
                "number": usage.number,
                "word": usage.word,
                "left": left,
                "right": right,
                "document": usage.document,
                "start": usage.span[0],
                "end": usage.span[1],
                "status": usage.status,
                "sense": int(label),
                "meta": {name: None if value is None else str(value) for name, value in usage.metadata.items()},
            }
            for usage, (left, right), label in zip(view.usages, sides, view.senses.labels.tolist(), strict=True)
        ],
        "senses": [
            {
                "id": sense.id,
                "name": sense.name,
                "size": sense.size,
                "words": [each.word for each in sense.collocates],
                "central": list(sense.central),
            }
            for sense in view.senses.senses
        ],
        "unassigned": view.senses.unassigned,
        "stability": view.senses.stability,
        "layers": [
            {
                "layer": each.layer,
                "kept": None if each.kept is None else round(each.kept, 4),
                "neighboursKept": round(each.neighbours_kept, 4),
            }
            for each in view.pictures
        ],
        "reference": view.reference,
        "baseline": list(view.baseline),
        "change": change,
        "points": _base64(np.stack([each.points for each in view.pictures]), "<f4"),
        "neighbours": _base64(np.stack([each.neighbours for each in view.pictures]), "<i4"),
        "scores": _base64(np.stack([each.scores for each in view.pictures]), "<f4"),
        "vectors": _base64(_rounded(view.vectors), "i1"),
        "dim": view.vectors.shape[1],
        "k": min(k, NEIGHBOURS),
    }


def groups_of(columns: Mapping[str, Sequence[str]], labels: Int[np.ndarray, " usages"]) -> list[dict[str, Any]]:
    """Give the shares of the senses by each column that has few enough values.

    Args:
        columns: The value of each usage, by column.
        labels: The sense of each usage.
    """
    return [
        {"column": column, "groups": [asdict(each) for each in shares_by(values, labels)]}
        for column, values in columns.items()
        if 1 < len(set(values)) <= MOST_GROUPS
    ]


def _rounded(vectors: Float[np.ndarray, "usages dim"]) -> npt.NDArray[np.int8]:
    """Scale each vector so that its largest number is 127: its direction, to about half a percent."""
    largest = np.abs(vectors).max(axis=1, keepdims=True, initial=0)
    return (vectors * (127 / np.where(largest == 0, 1, largest))).round().astype(np.int8)


def _base64(values: npt.NDArray[Any], dtype: str) -> str:
    return base64.b64encode(np.ascontiguousarray(values, dtype=dtype).tobytes()).decode("ascii")
