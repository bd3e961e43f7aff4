"""What a network was found to do, so that nothing else has to be known of its family."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Anatomy:
    """What the probe found.

    Args:
        n_blocks: Number of blocks L: layers run from 0 to L.
        dims: Width of each layer.
        causal: True if a subword's vector does not change with the subwords after it.
        padding_safe: True if padding changes no vector.
        readable: Layers with one state per subword (CANINE's inner layers have one for four).
    """

    n_blocks: int
    dims: tuple[int, ...]
    causal: bool
    padding_safe: bool
    readable: frozenset[int]
