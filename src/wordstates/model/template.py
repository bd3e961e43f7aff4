"""The special tokens that a tokenizer puts around a text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from wordstates.errors import InputError
from wordstates.options import BosPolicy, check_choice


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

    @classmethod
    def from_dict(cls, told: dict[str, Any]) -> Template:
        """Read what `dataclasses.asdict` gives, from JSON."""
        types = told["types"]
        if types is not None:
            before, inside, after = types
            types = (tuple(before), inside, tuple(after))
        return cls(tuple(told["prefix"]), tuple(told["suffix"]), types, told["suffix_once"])

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

    def with_bos(self, bos: str, token: int | None, name: str, *, causal: bool) -> Template:
        """Follow a policy for the token at the beginning of sequences.

        Args:
            bos: ``auto`` as the tokenizer does, ``always``, or ``never``.
            token: The token; None if there is none.
            name: Name of the model, for errors.
            causal: Whether it reads left to right.

        Raises:
            InputError: If there is no such policy, or not for this model.
        """
        check_choice("bos", bos, BosPolicy)
        if bos == "auto":
            return self
        if not causal:
            raise InputError(
                f"bos={bos!r} is for causal models: {name!r} reads both sides and keeps its own special tokens."
            )
        if token is None:
            raise InputError(f"bos={bos!r}: the tokenizer of {name!r} has no beginning-of-sequence token.")
        bare = self.prefix[1:] if self.prefix[:1] == (token,) else self.prefix
        return replace(self, prefix=(token, *bare) if bos == "always" else bare)
