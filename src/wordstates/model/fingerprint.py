"""The fingerprint of weights: a hash of every number of a network, which tells any two checkpoints apart."""

from __future__ import annotations

import torch
import xxhash
from torch import nn


def fingerprint(network: nn.Module) -> str:
    """Hash names, shapes, types and all numbers of the weights of a network: xxh3, 128 bits, of which 64 are kept.

    Args:
        network: Its weights may be on any device; they are copied to the CPU one after the other.

    Returns:
        16 hex digits.
    """
    digest = xxhash.xxh3_128()
    for key, weight in network.state_dict().items():
        plain = weight.detach().contiguous().cpu()
        digest.update(f"{key} {tuple(plain.shape)} {plain.dtype};".encode())
        digest.update(plain.flatten().view(torch.uint8).numpy())
    return digest.hexdigest()[:16]
