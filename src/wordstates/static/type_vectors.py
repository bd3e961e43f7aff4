"""Vectors of word types: the data of static vectors, and what their files are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from wordstates.errors import InputError, without_foreign_errors


@without_foreign_errors
@dataclass(frozen=True, eq=False, repr=False)
class TypeVectors:
    """Vectors of word types; see `StaticVectors`.

    Args:
        words: The word of each type.
        occurrences: How often each was met.
        usages: How many vectors the mean of each is made of.
        vectors: Vectors by name, float32, shape (types, dim).
        self_similarity: For the means among the vectors, by name: the mean cosine of all pairs of usages of a type, NaN
            for fewer than two.
        anisotropy: For the same names: the expected cosine of usages of two different words.
        groups: The group of each type; None: types are words.
        by: What the groups are.
        provenance: Where the vectors come from.
    """

    words: list[str]
    occurrences: Int[np.ndarray, " types"]
    usages: Int[np.ndarray, " types"]
    vectors: dict[str, Float[np.ndarray, "types dim"]]
    self_similarity: dict[str, Float[np.ndarray, " types"]] = field(default_factory=dict)
    anisotropy: dict[str, float] = field(default_factory=dict)
    groups: list[str | None] | None = None
    by: str = ""
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        """Count the types."""
        return len(self.words)

    def corrected_self_similarity(self, name: str) -> Float[np.ndarray, " types"]:
        """Give the self-similarity less what usages of any two words share.

        Near 0, usages of the word are no more alike than those of different words: it is what its contexts make it.

        Source:
            Ethayarajh 2019, section 3.4.

        Raises:
            InputError: If there are no such means.
        """
        if name not in self.self_similarity:
            raise InputError(
                f"There are no means {name!r} here: there are {', '.join(map(repr, self.self_similarity))}."
            )
        return self.self_similarity[name] - self.anisotropy[name]
