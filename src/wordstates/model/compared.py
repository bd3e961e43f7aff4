"""What engines are compared on: a probe text in batches of several shapes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from wordstates.model.batching import FULL, PADDED, SHORT, Layout
from wordstates.model.engine import Batch, Engine, lay_out
from wordstates.model.probe import ProbeText

LONG_PROBE = 512


@dataclass(frozen=True)
class WhyNot:
    """Why an engine is not to be used."""

    reason: str


@dataclass(frozen=True)
class Probes:
    """What engines are compared on.

    Args:
        text: Two rows of subwords.
        longest: Most subwords of one pass, special tokens included; None if there is no limit.
        padding_safe: Whether rows of unequal length may share a batch.
    """

    text: ProbeText
    longest: int | None
    padding_safe: bool

    def example(self, layout: Layout) -> Batch:
        """Give a batch to trace a network with."""
        if layout.packed:
            return self.batch([self.text.row] * 3, layout)
        half = len(self.text.row) // 2 if self.padding_safe else None
        return self.batch([self.text.row, self.text.changed[:half]])

    def groups(self) -> Iterator[list[Sequence[int]]]:
        """Give rows of other shapes than the example's: one alone, unequal ones, one beside a long one, many."""
        row = list(self.text.row)
        yield [row]
        length = min(self.longest or LONG_PROBE, LONG_PROBE)
        long = (row * (length // len(row) + 1))[:length]
        if not self.padding_safe:
            yield [long]
            return
        yield [row[:3], row + row[:3], row[:-1]]
        yield [row, long]
        yield [row, long[: -len(row)] or row]  # in one row, where windows are packed
        yield [row] * (FULL // SHORT * max(SHORT // len(row), 1))

    def batch(self, rows: Sequence[Sequence[int]], layout: Layout = PADDED) -> Batch:
        """Make a batch of rows."""
        types = self.text.types
        kinds = (
            None if types is None else [[types[min(place, len(types) - 1)] for place in range(len(r))] for r in rows]
        )
        width = layout.width(max(map(len, rows)), LONG_PROBE)
        return lay_out(rows, kinds, self.text.pad_id, layout, (0, width))


def of_subwords(engine: Engine, batch: Batch, layers: Sequence[int]) -> list[Float[Tensor, "subwords dim"]]:
    """Give layers of the subwords of a batch, padding left out."""
    states = engine.hidden_states(batch, layers)
    return [_tensor(states[layer][batch.mask]).float() for layer in layers]


def _tensor(states: Tensor | np.ndarray) -> Tensor:
    return torch.from_numpy(states) if isinstance(states, np.ndarray) else states


def relative_error(exact: Sequence[Tensor], other: Sequence[Tensor]) -> float:
    """Give the largest error of some layers relative to the exact ones, by norm."""
    return max(float((a - b.float()).norm() / a.norm()) for a, b in zip(exact, other, strict=True))
