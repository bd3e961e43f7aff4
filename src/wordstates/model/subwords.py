"""What a tokenizer makes of texts: subwords, each with the stretch of text that it stands for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Int

from wordstates.text.align import SubwordSpans

AlignedBy = Literal["offsets", "strings"]


@dataclass(frozen=True, eq=False)
class Subwords:
    """The subwords of one text, special tokens left out.

    Args:
        ids: Vocabulary ids, shape (subwords,).
        spans: Trimmed char spans, shape (subwords, 2); empty for a piece that stands for no character.
        aligned_by: Where the spans come from.
    """

    ids: Int[np.ndarray, " subwords"]
    spans: SubwordSpans
    aligned_by: AlignedBy


@dataclass(frozen=True, eq=False)
class TextSubwords:
    """The subwords of several texts, one after the other.

    Args:
        ids: Vocabulary ids, shape (subwords,).
        spans: Trimmed char spans, each in its own text, shape (subwords, 2).
        starts: Subword at which each text begins, and at which the last ends.
        by_strings: True for each text that was aligned as strings.
    """

    ids: Int[np.ndarray, " subwords"]
    spans: SubwordSpans
    starts: Int[np.ndarray, " bounds"]
    by_strings: Bool[np.ndarray, " texts"]

    def __len__(self) -> int:
        """Count the texts."""
        return len(self.by_strings)

    def __iter__(self) -> Iterator[Subwords]:
        """Go through the texts."""
        return (self[index] for index in range(len(self)))

    def __getitem__(self, index: int) -> Subwords:
        """Give the subwords of one text."""
        aligned_by: AlignedBy = "strings" if self.by_strings[index] else "offsets"
        part = slice(self.starts[index], self.starts[index + 1])
        return Subwords(self.ids[part], self.spans[part], aligned_by)

    @classmethod
    def of(cls, texts: Sequence[Subwords]) -> TextSubwords:
        """Put the subwords of single texts together."""
        none = np.zeros(0, dtype=np.int64)
        return cls(
            np.concatenate([none, *(text.ids for text in texts)]),
            np.concatenate([none.reshape(0, 2), *(text.spans for text in texts)]),
            np.append(0, np.cumsum([len(text.ids) for text in texts], dtype=np.int64)),
            np.array([text.aligned_by == "strings" for text in texts], dtype=bool),
        )


def joined(parts: Sequence[Subwords]) -> Subwords:
    """Put the parts of one text together."""
    return Subwords(
        np.concatenate([part.ids for part in parts]),
        np.concatenate([part.spans for part in parts]),
        "strings" if any(part.aligned_by == "strings" for part in parts) else "offsets",
    )
