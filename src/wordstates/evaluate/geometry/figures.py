"""What is measured of one layer or recipe, and what follows for its cosines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

# Below 0.1 what all words share is too little to matter. From 0.4 on it is as large as what tells similar words apart.
# One to three dimensions is what Timkey and van Schijndel 2021 found where cosines no longer agree with the model.
_NOTABLE, _HIGH, _FEW_DIMENSIONS = 0.1, 0.4, 3
_HELPING = ("standardize", "all-but-the-top")


@dataclass(frozen=True)
class Geometry:
    """What was measured of one layer or recipe; None where it cannot be told.

    Args:
        name: Number of the layer, or name of the recipe.
        dim: Dimensions of a vector.
        anisotropy: Mean cosine of two different words from different texts, each type as likely as any other.
        self_similarity: Mean cosine of two usages of one word in different texts, over the types that have them.
        intra_similarity: Mean cosine of a word and the mean of its text, over the texts with two words or more.
        dimensions: The dimensions that contribute most to the anisotropy, each with its share.
        half_dimensions: How many dimensions make up half of it.
        first_component: Share of the variance that the first principal component takes.
        first_ten: Share that the first ten take.
        components: How many components take nine tenths of the variance.
        after: The anisotropy after post-processing, by the name of the step.
    """

    name: str
    dim: int
    anisotropy: float
    self_similarity: float | None
    intra_similarity: float | None
    dimensions: list[tuple[int, float]]
    half_dimensions: int | None
    first_component: float | None
    first_ten: float | None
    components: int | None
    after: dict[str, float] = field(default_factory=dict)

    @property
    def corrected_self_similarity(self) -> float | None:
        """The self-similarity less the anisotropy: near 0, a word is what its contexts make it."""
        return _less(self.self_similarity, self.anisotropy)

    @property
    def corrected_intra_similarity(self) -> float | None:
        """The intra-text similarity less the anisotropy."""
        return _less(self.intra_similarity, self.anisotropy)

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain JSON data."""
        return {
            **asdict(self),
            "dimensions": [{"dimension": number, "share": share} for number, share in self.dimensions],
            "corrected_self_similarity": self.corrected_self_similarity,
            "corrected_intra_similarity": self.corrected_intra_similarity,
        }


def advice(geometry: Geometry) -> Sequence[str]:
    """Say in plain words where cosines mean little, and which post-processing helps; nothing where they are fine."""
    anisotropy, found = geometry.anisotropy, list[str]()
    if anisotropy < _NOTABLE:
        return []
    if anisotropy >= _HIGH:
        found.append(
            f"two words taken at random have a cosine of {anisotropy:.2f}, so a high cosine says little; only what is "
            "above that does"
        )
    few = geometry.half_dimensions
    if few is not None and few <= _FEW_DIMENSIONS:
        which = ", ".join(str(number) for number, _ in geometry.dimensions[:few])
        are = f"dimension {which} makes" if few == 1 else f"dimensions {which} make"
        found.append(f"{are} up half of the cosine of any two words, so it compares little else of the {geometry.dim}")
    if found:
        helps = [f"{value:.2f} ({step})" for step, value in geometry.after.items() if step in _HELPING]
        found.append(
            f"post-process before comparing: the cosine of two words taken at random would then be {' or '.join(helps)}"
        )
    return found


def _less(value: float | None, anisotropy: float) -> float | None:
    return None if value is None else value - anisotropy
