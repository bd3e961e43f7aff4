"""Safetensors files of ours, which carry a checksum of what they hold: the format itself has none."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xxhash
from safetensors import safe_open
from safetensors.numpy import save_file

from wordstates.errors import InputError
from wordstates.files.formats import PROVENANCE

_CHECKSUM = f"{PROVENANCE}_xxh3"  # its name in the metadata


def write_tensors(path: Path, tensors: Mapping[str, npt.NDArray[Any]], metadata: Mapping[str, str]) -> None:
    """Write tensors and texts, with their checksum.

    Args:
        path: The file.
        tensors: The tensors by their names.
        metadata: The texts by their names.
    """
    whole = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    save_file(whole, str(path), metadata={**metadata, _CHECKSUM: _checksum(whole, metadata)})


def read_tensors(path: Path) -> tuple[dict[str, npt.NDArray[Any]], dict[str, str]]:
    """Read all tensors and texts of a file.

    Returns:
        The tensors, and the texts without the checksum, by their names.

    Raises:
        InputError: If they are not what was written; files without a checksum are taken as they are.
        SafetensorError: If it is no such file.
    """
    with safe_open(path, framework="numpy") as file:
        metadata = dict(file.metadata() or {})
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
    checksum = metadata.pop(_CHECKSUM, None)
    if checksum not in (None, _checksum(tensors, metadata)):
        raise InputError(
            f"{str(path)!r} is not what was written: its checksum differs. Copy it again, or make it again."
        )
    return tensors, metadata


def _checksum(tensors: Mapping[str, npt.NDArray[Any]], metadata: Mapping[str, str]) -> str:
    digest = xxhash.xxh3_128()
    for name, text in sorted(metadata.items()):
        digest.update(f"{name}\0{len(text)}\0{text}\0".encode("utf-8", errors="surrogatepass"))
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name}\0{tensor.dtype.str}\0{tensor.shape}\0".encode())
        digest.update(np.ascontiguousarray(tensor).data)
    return digest.hexdigest()
