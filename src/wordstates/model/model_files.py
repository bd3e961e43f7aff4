"""The files that a model is loaded from, found and distinguished without loading it."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import xxhash

from wordstates.errors import WordstatesError
from wordstates.json_text import read_json
from wordstates.model import _hub

# Weights that are never read where there are safetensors.
_OTHER_WEIGHTS = (".bin", ".h5", ".msgpack", ".onnx", ".ot", ".pt", ".pth", ".ckpt", ".tflite")
_CODE, _ADAPTER = "auto_map", "adapter_config.json"


@dataclass(frozen=True)
class ModelFiles:
    """The files of a model in one folder.

    Args:
        folder: The folder.
        names: All of them that may be read, in order.
        revision: Commit on the hub, None for local folders.
    """

    folder: Path
    names: tuple[str, ...]
    revision: str | None

    def state(self) -> list[tuple[int, ...]]:
        """Give sizes and times, which differ once a file was written to or replaced."""
        found = [os.stat(self.folder / name) for name in self.names]
        return [(each.st_size, each.st_mtime_ns, each.st_ctime_ns, each.st_ino) for each in found]

    def checksums(self) -> dict[str, str]:
        """Give the checksum of every file."""
        return {name: _checksum(self.folder / name) for name in self.names}


def files_of(name: str | Path, revision: str | None) -> ModelFiles | None:
    """Give the files that a model would be loaded from; None if they are not here, or do not say all.

    A model that brings code of its own, or is an adapter of another one, is more than its files; pickled weights are
    left to PyTorch.

    Args:
        name: Hub name, local folder, or ``"minilm"``.
        revision: Branch, tag or commit on the hub.
    """
    try:
        source = _hub.source_of(name)
        folder, commit = (Path(source), None) if os.path.isdir(source) else _hub.snapshot_of(str(source), revision)
        if folder is None:
            return None
        names = sorted(path.name for path in folder.iterdir() if path.is_file())
        if "config.json" not in names or _ADAPTER in names or not any(each.endswith(".safetensors") for each in names):
            return None
        settings = [read_json((folder / each).read_text(encoding="utf-8")) for each in names if _is_settings(each)]
    except (OSError, ValueError, WordstatesError):
        return None
    if any(_CODE in each for each in settings):
        return None
    return ModelFiles(folder, tuple(each for each in names if not each.endswith(_OTHER_WEIGHTS)), commit)


def _is_settings(name: str) -> bool:
    return name in ("config.json", "tokenizer_config.json")


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, xxhash.xxh3_128).hexdigest()
