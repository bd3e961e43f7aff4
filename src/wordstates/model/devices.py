"""Which device of PyTorch is taken, and copying to it and back."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from wordstates.errors import InputError


def choose_device(device: str | torch.device | None) -> torch.device:
    """Give the device asked for, or the GPU if there is one, or the CPU.

    Raises:
        InputError: If there is no such device.
    """
    if device is None or device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(device)
        torch.empty(1, device=chosen)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0].rstrip(".") + "."
        raise InputError(
            f"Device {str(device)!r} is not available here: {reason} Leave it out, or say 'cpu'."
        ) from error
    return chosen


def to_device(tensor: Tensor, device: torch.device) -> Tensor:
    """Copy to a device; to a GPU without waiting for it."""
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)


def to_host(tensors: Sequence[Tensor]) -> list[Tensor]:
    """Copy to the memory of the host, and wait until all of it is there.

    A GPU copies beside its computing: in a stream of its own, which waits for what was begun so far and not for the
    batch that comes next, and to pinned memory, where nothing is copied twice.

    Args:
        tensors: All on one device.
    """
    device = tensors[0].device
    if device.type != "cuda":
        return [tensor.cpu() for tensor in tensors]
    copying = torch.cuda.Stream(device)  # one of the few that PyTorch keeps
    copying.wait_stream(torch.cuda.current_stream(device))
    with torch.cuda.stream(copying):
        copies = [tensor.to("cpu", non_blocking=True) for tensor in tensors]
    copying.synchronize()
    return copies
