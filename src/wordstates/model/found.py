"""What was found about a model by loading it and running it: plain facts, which another process can be told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from wordstates.model.anatomy import Anatomy


@dataclass(frozen=True)
class Found:
    """What was found about a model.

    Args:
        weights: Fingerprint of the weights.
        anatomy: What the probe found.
        limit: Most subwords one pass can read; None if there is no limit.
        first_position: Number of the first position, where positions have numbers.
        vocabulary_rows: Ids from here on have no vector; 0 if there is no such table.
        pad_id: Id to pad with.
        slower: How many times as long as in float32 PyTorch takes in the precision.
        versions: Of the libraries that make the vectors.
    """

    weights: str
    anatomy: Anatomy
    limit: int | None
    first_position: int
    vocabulary_rows: int
    pad_id: int
    slower: float
    versions: Mapping[str, str]

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain JSON data."""
        return asdict(self) | {"anatomy": asdict(self.anatomy) | {"readable": sorted(self.anatomy.readable)}}

    @classmethod
    def from_dict(cls, told: dict[str, Any]) -> Found:
        """Read what `to_dict` gave; raises KeyError or TypeError where it is something else."""
        anatomy = told["anatomy"]
        anatomy = anatomy | {"dims": tuple(anatomy["dims"]), "readable": frozenset(anatomy["readable"])}
        return cls(**{**told, "anatomy": Anatomy(**anatomy)})
