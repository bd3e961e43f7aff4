"""The columns that all shards of a store share: readers of a folder want one schema."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from wordstates.options import VectorDtype
from wordstates.result.rows import Rows


@dataclass(frozen=True, slots=True)
class Layout:
    """Which columns the rows of a store have.

    Args:
        dtypes: Precision of each vector column.
        shapes: Shape of one vector of each.
        keyed: Whether there is a column of keys (CoNLL-U).
        by_subword: Whether there is a row a subword.
        context: Characters of context on each side; None: no such columns.
        metadata: Columns of what the input says of its documents and words.
        numbers: Type of each column of numbers beside the vectors.
    """

    dtypes: dict[str, VectorDtype]
    shapes: dict[str, tuple[int, ...]]
    keyed: bool = False
    by_subword: bool = False
    context: int | None = None
    metadata: tuple[str, ...] = ()
    numbers: dict[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain JSON data."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Layout:
        """Read what `to_dict` gave."""
        shapes = {name: tuple(shape) for name, shape in data["shapes"].items()}
        metadata, numbers = tuple(data.get("metadata", ())), dict(data.get("numbers", {}))
        return cls(dict(data["dtypes"]), shapes, data["keyed"], data["by_subword"], data["context"], metadata, numbers)

    @property
    def texts(self) -> list[str]:
        """Name the columns of text that only some stores have: context, and what the input says."""
        return [*([] if self.context is None else ["left", "right"]), *self.metadata]

    def no_rows(self) -> Rows:
        """Give rows of this layout: none of them."""
        nothing = np.zeros(0, dtype=np.int64)
        return Rows(
            documents=(),
            document_starts=np.zeros(1, dtype=np.int64),
            position=nothing,
            words=[],
            spans=nothing.reshape(0, 2),
            statuses=[],
            subwords=nothing,
            keys=[] if self.keyed else None,
            subword=nothing if self.by_subword else None,
            has_vector=np.zeros(0, dtype=np.bool_),
            vectors={name: np.zeros((0, *shape), dtype=self.dtypes[name]) for name, shape in self.shapes.items()},
            numbers={name: np.zeros(0, dtype=dtype) for name, dtype in self.numbers.items()},
            extra={name: [] for name in self.texts},
        )
