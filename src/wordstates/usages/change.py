"""How the senses of a word differ between groups of texts: by year, by genre, by author."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Float, Int

_Z = 1.959964  # of a 95% interval


@dataclass(frozen=True, slots=True)
class SenseShare:
    """The share of a sense in a group.

    Args:
        sense: The sense, -1 for usages in none.
        count: Its usages in the group.
        share: Their share.
        low: Lower end of the 95% interval.
        high: Upper end.
    """

    sense: int
    count: int
    share: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class GroupShares:
    """The senses in one group.

    Args:
        group: Its value, as a year.
        total: Its usages.
        shares: A share a sense.
    """

    group: str
    total: int
    shares: tuple[SenseShare, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """How far two groups are apart.

    Args:
        first: One group.
        second: The other.
        pairwise: Mean cosine distance of a usage of one from a usage of the other (APD).
        prototypes: Cosine distance of their mean vectors (PRT).
    """

    first: str
    second: str
    pairwise: float
    prototypes: float


def wilson(count: int, total: int) -> tuple[float, float]:
    """Give the 95% interval of a share.

    Source:
        Wilson 1927, "Probable inference".

    Examples:
        >>> [round(end, 3) for end in wilson(5, 10)]
        [0.237, 0.763]
    """
    if total == 0:
        return 0.0, 1.0
    share, square = count / total, _Z**2
    middle = (share + square / (2 * total)) / (1 + square / total)
    half = _Z / (1 + square / total) * math.sqrt(share * (1 - share) / total + square / (4 * total**2))
    return min(share, max(0.0, middle - half)), max(share, min(1.0, middle + half))


def shares_by(groups: Sequence[str], labels: Int[np.ndarray, " usages"]) -> list[GroupShares]:
    """Count the senses in each group.

    Args:
        groups: Group of each usage.
        labels: Sense of each usage.

    Returns:
        Groups in their order: as numbers if all are, else as text.
    """
    senses = sorted(set(labels.tolist()), key=lambda sense: (sense < 0, sense))
    found, members = [], _members(groups)
    for group in in_order(set(groups)):
        inside = labels[members[group]]
        counts = [(sense, int((inside == sense).sum())) for sense in senses]
        shares = (SenseShare(sense, n, n / len(inside), *wilson(n, len(inside))) for sense, n in counts)
        found.append(GroupShares(group, len(inside), tuple(shares)))
    return found


def _members(groups: Sequence[str]) -> dict[str, list[int]]:
    """Give the rows of each group; an array of strings would lose a NUL at an end."""
    found: dict[str, list[int]] = {}
    for row, group in enumerate(groups):
        found.setdefault(group, []).append(row)
    return found


def in_order(groups: set[str]) -> list[str]:
    """Sort groups as numbers if all are numbers, else as text; no value comes last."""

    def number(text: str) -> float | None:
        try:
            return float(text)
        except ValueError:
            return None

    named = [group for group in groups if group]
    numbers = {group: number(group) for group in named}
    if all(value is not None for value in numbers.values()):
        named.sort(key=lambda group: (numbers[group], group))
    else:
        named.sort()
    return [*named, *([""] if "" in groups else [])]


def changes(groups: Sequence[str], vectors: Float[np.ndarray, "usages dim"]) -> list[Change]:
    """Say how far each group is from the one before it.

    Args:
        groups: Group of each usage.
        vectors: Vectors of unit length.

    Source:
        Giulianelli et al. 2020, "Analysing lexical semantic change with contextualised word representations" (APD);
        Kutuzov and Giulianelli 2020 (PRT).
    """
    ordered = in_order(set(groups))
    member = {group: vectors[rows] for group, rows in _members(groups).items()}
    return [
        Change(a, b, _pairwise(member[a], member[b]), _prototypes(member[a], member[b])) for a, b in pairwise(ordered)
    ]


def _pairwise(first: Float[np.ndarray, "one dim"], second: Float[np.ndarray, "other dim"]) -> float:
    """Average over all pairs: of unit vectors, the mean of the products is the product of the means."""
    return float(1 - first.mean(axis=0, dtype=np.float64) @ second.mean(axis=0, dtype=np.float64))


def _prototypes(first: Float[np.ndarray, "one dim"], second: Float[np.ndarray, "other dim"]) -> float:
    a, b = first.mean(axis=0, dtype=np.float64), second.mean(axis=0, dtype=np.float64)
    lengths = float(np.linalg.norm(a) * np.linalg.norm(b))
    return 1 - float(a @ b) / lengths if lengths > 0 else 1.0
