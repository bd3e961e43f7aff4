"""The special tokens that a tokenizer puts around a text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Template:
    """The special tokens that the tokenizer puts around a text.

    Args:
        prefix: Ids before the text.
        suffix: Ids after the text.
        types: Segment ids of prefix, text and suffix, None if all are 0.
        suffix_once: A text that ends in the suffix already gets no second one (ByT5).
    """

    prefix: tuple[int, ...]
    suffix: tuple[int, ...]
    types: tuple[tuple[int, ...], int, tuple[int, ...]] | None = None
    suffix_once: bool = False

    def __len__(self) -> int:
        """Count the special tokens."""
        return len(self.prefix) + len(self.suffix)

    def wrap(self, ids: Sequence[int]) -> list[int]:
        """Put the special tokens around the ids of a window."""
        written = self.suffix_once and tuple(ids[-len(self.suffix) :]) == self.suffix
        return [*self.prefix, *ids, *(() if written else self.suffix)]

    def wrap_types(self, length: int) -> list[int] | None:
        """Give the segment ids of a window of `length` subwords of text, None if all are 0."""
        if self.types is None:
            return None
        before, inside, after = self.types
        return [*before, *([inside] * length), *after]
