"""The senses of a word: its usages in clusters, each with a name, and how far they can be trusted."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from wordstates.errors import InputError, MissingExtraError, without_foreign_errors
from wordstates.options import SenseMethod, check_choice
from wordstates.page.render import render
from wordstates.usages.collocates import CHARACTERS, Collocate, collocates, words_near
from wordstates.usages.components import principal_components
from wordstates.usages.index import UsageIndex
from wordstates.usages.usage import IndexedUsage
from wordstates.wording import counted

# Principal components that are clustered: the rest is mostly noise, in which HDBSCAN sees no dense place (quality.md).
_DIMS: dict[str, int] = {"kmeans": 30, "hdbscan": 5}
_MOST_SENSES = 10
_LEAST_SILHOUETTE = 0.08  # below it, two clusters are no better than one
_SAMPLES = 10  # resamplings for the stability, each of so much of the usages:
_SAMPLE_SHARE = 0.8
_CENTRAL = 3
_NOISE = -1


@dataclass(frozen=True, slots=True)
class Sense:
    """One sense.

    Args:
        id: Its number, from 0, largest first; the same over re-runs where it is the same usages.
        name: Its strongest collocates, or what a person called it.
        size: How many usages it has.
        collocates: The words that tell it from the other senses.
        central: Its most central usages, as indices of the usages given.
    """

    id: int
    name: str
    size: int
    collocates: tuple[Collocate, ...]
    central: tuple[int, ...]


def sense_name(sense: int) -> str:
    """Name a sense by its number, counted from 1.

    Example:
        >>> sense_name(0), sense_name(-1)
        ('sense 1', 'no sense')
    """
    return f"sense {sense + 1}" if sense >= 0 else "no sense"


@dataclass(frozen=True, slots=True, eq=False)
class Senses:
    """The senses of a word.

    Args:
        word: The word.
        labels: Sense of each usage, -1 for noise, in the order of the usages given.
        senses: The senses.
        method: How they were found.
        silhouette: How well apart they are, -1 to 1; None for a single one.
        stability: Agreement with the clusters of resampled usages, adjusted Rand, 0 (chance) to 1; None where there
            are too few usages to say.
        usages: The usages.
    """

    word: str
    labels: Int[np.ndarray, " usages"]
    senses: tuple[Sense, ...]
    method: str
    silhouette: float | None
    stability: float | None
    usages: Sequence[IndexedUsage] = field(repr=False)

    @property
    def unassigned(self) -> int:
        """How many usages are in no sense."""
        return int((self.labels == _NOISE).sum())

    def _repr_html_(self) -> str:
        """Show the senses as a table in a notebook, everything escaped."""
        lost = f", {self.unassigned:,} in no sense" if self.unassigned else ""
        return render(
            "senses",
            word=self.word,
            head=f"{counted(len(self.labels), 'usage')}, {counted(len(self.senses), 'sense')}{lost}",
            senses=[
                {
                    "number": sense.id + 1,
                    "size": f"{sense.size:,}",
                    "name": sense.name,
                    "lines": [self.usages[number].in_context().strip() for number in sense.central],
                }
                for sense in self.senses
            ],
        )

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain JSON data."""
        return {
            "word": self.word,
            "usages": len(self.labels),
            "unassigned": self.unassigned,
            "method": self.method,
            "silhouette": self.silhouette,
            "stability": self.stability,
            "senses": [
                {
                    "id": sense.id,
                    "name": sense.name,
                    "size": sense.size,
                    "collocates": [
                        {
                            "word": each.word,
                            "count": each.count,
                            "log_likelihood": round(each.log_likelihood, 3),
                            "log_dice": round(each.log_dice, 3),
                        }
                        for each in sense.collocates
                    ],
                    "central": [_address(self.usages[number]) for number in sense.central],
                }
                for sense in self.senses
            ],
            "labels": [
                {**_address(usage), "sense": int(label)}
                for usage, label in zip(self.usages, self.labels.tolist(), strict=True)
            ],
        }


def _address(usage: IndexedUsage) -> dict[str, Any]:
    return {"document": usage.document, "start": usage.span[0], "end": usage.span[1]}


def find_senses(
    word: str,
    usages: Sequence[IndexedUsage],
    vectors: Float[np.ndarray, "usages dim"],
    *,
    method: SenseMethod = "kmeans",
    count: int | None = None,
    stability: bool = True,
) -> Senses:
    """Cluster the usages of a word.

    The same usages give the same senses, in whatever order they come and however many threads compute.

    Args:
        word: The word.
        usages: Its usages.
        vectors: Their vectors, of unit length.
        method: ``kmeans``, with the number of senses that the silhouette favours; or ``hdbscan``, which leaves what is
            in no dense place unassigned.
        count: How many senses (``kmeans``); default as the silhouette has it, one if it favours none.
        stability: Whether to resample.

    Raises:
        InputError: If the method does not exist, or there are fewer usages than senses asked for.
        MissingExtraError: If scikit-learn is not installed.

    Source:
        Rousseeuw 1987, "Silhouettes"; Campello et al. 2013 (HDBSCAN); Hubert and Arabie 1985 (adjusted Rand).
    """
    check_choice("method", method, SenseMethod)
    if count is not None and not 1 <= count <= len(usages):
        raise InputError(f"{counted(count, 'sense')} cannot be made of {counted(len(usages), 'usage')} of {word!r}.")
    try:
        from sklearn.metrics import adjusted_rand_score
        from threadpoolctl import threadpool_limits
    except ImportError as error:
        raise MissingExtraError.of("explore", "finding senses") from error
    order = np.array(sorted(range(len(usages)), key=lambda each: _key(usages[each])), dtype=np.int64)
    with threadpool_limits(1):  # sums in one order, so that nothing depends on the number of threads
        # Rounded, so that what is lost in sums decides nothing.
        points = principal_components(vectors[order], _DIMS[method])[0].round(6)
        labels, silhouette = _cluster(points, method, count)
        found = len(set(labels.tolist()) - {_NOISE})
        agreement = None
        if stability and len(usages) >= 20 and found > 1:
            agreement = float(
                np.mean(
                    [
                        adjusted_rand_score(labels[sample], _cluster(points[sample], method, found)[0])
                        for sample in _samples(len(usages))
                    ]
                )
            )
    in_place = np.empty(len(usages), dtype=np.int64)
    in_place[order] = _by_size(labels)
    senses = _described(usages, vectors, in_place)
    return Senses(word, in_place, senses, method, silhouette, agreement, usages)


def _key(usage: IndexedUsage) -> str:
    """Order usages by what they are, not by when they came."""
    said = "\0".join([usage.document, *map(str, usage.span), *usage.around(40)])
    return hashlib.blake2b(said.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def _cluster(
    points: Float[np.ndarray, "usages components"], method: SenseMethod, count: int | None
) -> tuple[Int[np.ndarray, " usages"], float | None]:
    from sklearn.cluster import HDBSCAN, KMeans
    from sklearn.metrics import silhouette_score

    one = np.zeros(len(points), dtype=np.int64)
    different = len(np.unique(points, axis=0))
    if different < 3:
        return one, None
    if method == "hdbscan":
        least = max(3, round(len(points) / 40))
        if len(points) < 2 * least:
            return one, None
        labels = HDBSCAN(min_cluster_size=least, copy=True).fit_predict(points).astype(np.int64)
        there = labels != _NOISE
        several = len(set(labels[there].tolist())) > 1
        return labels, float(silhouette_score(points[there], labels[there])) if several else None
    best, best_score = one, None
    tried = [count] if count is not None else range(2, min(_MOST_SENSES, different - 1, len(points) // 5) + 1)
    for clusters in tried:
        if clusters == 1:
            return one, None
        labels = KMeans(min(clusters, different), n_init=10, random_state=0).fit_predict(points).astype(np.int64)
        smallest = int(np.bincount(labels).min())
        score = float(silhouette_score(points, labels)) if len(points) > clusters else 0.0
        wanted = count is not None or (score > _LEAST_SILHOUETTE and smallest > 1)
        if wanted and (best_score is None or score > best_score):
            best, best_score = labels, score
    return best, best_score


def _samples(usages: int) -> list[Int[np.ndarray, " sample"]]:
    rng = np.random.default_rng(0)
    size = int(usages * _SAMPLE_SHARE)
    return [np.sort(rng.choice(usages, size, replace=False)) for _ in range(_SAMPLES)]


def _by_size(labels: Int[np.ndarray, " usages"]) -> Int[np.ndarray, " usages"]:
    """Renumber the clusters, largest first."""
    names, firsts, counts = np.unique(labels, return_index=True, return_counts=True)
    ranked = sorted(
        (-int(count), int(first), int(name))
        for name, first, count in zip(names, firsts, counts, strict=True)
        if name != _NOISE
    )
    numbers = {name: number for number, (_, _, name) in enumerate(ranked)} | {_NOISE: _NOISE}
    return np.array([numbers[label] for label in labels.tolist()], dtype=np.int64)


def _described(
    usages: Sequence[IndexedUsage], vectors: Float[np.ndarray, "usages dim"], labels: Int[np.ndarray, " usages"]
) -> tuple[Sense, ...]:
    ids = sorted(set(labels.tolist()) - {_NOISE})
    near = [words_near(*usage.around(CHARACTERS)) for usage in usages]
    telling = collocates([[near[number] for number in np.flatnonzero(labels == id)] for id in ids])
    senses = []
    for id, words in zip(ids, telling, strict=True):
        members = np.flatnonzero(labels == id)
        likeness = (vectors[members] @ vectors[members].mean(axis=0)).round(6)
        central = members[np.lexsort((members, -likeness))[:_CENTRAL]]
        name = ", ".join(each.word for each in words[:3]) or f"sense {id + 1}"
        senses.append(Sense(id, name, len(members), tuple(words), tuple(central.tolist())))
    return tuple(senses)


@without_foreign_errors
def senses_of(
    index: UsageIndex,
    word: str,
    *,
    conditions: Sequence[str] = (),
    method: SenseMethod = "kmeans",
    count: int | None = None,
) -> tuple[Senses, Float[np.ndarray, "usages dim"]]:
    """Cluster the usages of a word in an index.

    Args:
        index: The index.
        word: The word, whatever its case.
        conditions: Which usages; see `UsageIndex.where`.
        method: As in `find_senses`.
        count: As in `find_senses`.

    Returns:
        The senses, and the vectors of the usages.

    Raises:
        InputError: If the word has no such usage.
    """
    numbers = index.numbers(conditions, word=word)
    if not len(numbers):
        which = " that meets the conditions" if conditions else ""
        raise InputError(f"{word!r} has no usage with a vector{which} in {str(index.path)!r}.")
    vectors = index.vectors(numbers)
    return find_senses(word, list(index.usages(numbers)), vectors, method=method, count=count), vectors
