"""What was found out about the engines of a model, kept on disk: the next process neither traces nor compares them.

An entry is a folder of a few files: `choice.json`, which says what was asked, what was found and the checksum of the
graph; OpenVINO's graph, with the weights; and beside it what `kept_model` keeps. Its name is a hash of all that
decides: weights, config, probe text, versions, processor, options. It is believed only if it says the same in full, its
checksums agree, and nobody but this user could have written it. A cache that is missing, full, read-only, damaged or of
somebody else costs time, never an error, and never changes a vector.

``WORDSTATES_CACHE`` names another folder, or ``off``; ``WORDSTATES_CACHE_GB`` is the size above which the entries that
were used longest ago are removed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import stat
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import xxhash
from platformdirs import user_cache_path

from wordstates.json_text import plain
from wordstates.model.processor import processor_facts

if TYPE_CHECKING:
    import torch

FOLDER, OFF, LIMIT = "WORDSTATES_CACHE", "off", "WORDSTATES_CACHE_GB"
GRAPH = "graph.xml"
_FORMAT, _DEFAULT_GB = 1, 5.0
_CHOICE, _BEGUN, _MARK = "choice.json", ".begun-", "tried-"
_GRAPH_FILES = (GRAPH, "graph.bin")
_LONG_AGO = 86_400.0  # seconds since an entry was begun that nobody will finish


@dataclass(frozen=True)
class EngineChoice:
    """What comparing the ways to make an engine came to.

    Args:
        way: Number of the first way that agrees with PyTorch; None: none does.
        why_not: Why, if none does.
        error: Relative error against float32, in reduced precision.
    """

    way: int | None
    why_not: str | None = None
    error: float | None = None

    def is_sound(self) -> bool:
        """Tell whether a file that says so may have been written by us."""
        types = ((self.way, int), (self.why_not, str), (self.error, float))
        return all(value is None or type(value) is wanted for value, wanted in types) and (self.way or 0) >= 0


class Entry:
    """The entry of one question.

    Args:
        model: Name of the model, for lists: it decides nothing.
        asked: All that decides the answer, as JSON would write it; None: nothing is to be kept.
    """

    def __init__(self, model: str, asked: Mapping[str, Any] | None) -> None:
        self._model = model
        self.asked = plain({**(asked or {}), "format": _FORMAT, "code": own_code()})
        written = json.dumps(self.asked, sort_keys=True).encode()
        folder = None if asked is None else _engines()
        self.path = None if folder is None else folder / xxhash.xxh3_128_hexdigest(written)
        self.graph: Path | None = None  # once `read` has seen that it is whole

    def is_there(self) -> bool:
        """Tell whether there is something to read, whatever it says."""
        return self.path is not None and self.path.is_dir()

    def read(self) -> EngineChoice | None:
        """Give what was found before; None if nothing was, or it is not to be believed."""
        if self.path is None or not _is_ours_alone(self.path.parent) or not _is_ours_alone(self.path):
            return None
        try:
            told = json.loads(_bytes_of(self.path / _CHOICE))
            choice = EngineChoice(**told["choice"])
            if not choice.is_sound():
                return None
            checksums = told["checksums"]
            if told["asked"] != self.asked or any(_checksum(self.path / name) != checksums[name] for name in checksums):
                return None
            self.graph = self.path / GRAPH if set(checksums) == set(_GRAPH_FILES) else None
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            return None
        with contextlib.suppress(OSError):
            os.utime(self.path / _CHOICE)  # used last
        return choice

    def write(self, choice: EngineChoice, save_graph: Callable[[Path], object] | None = None) -> None:
        """Keep what was found, whole or not at all.

        Args:
            choice: What was found.
            save_graph: Writes the graph to a path and, beside it, its weights.
        """
        if self.path is None:
            return
        begun = self.path.with_name(f"{_BEGUN}{uuid.uuid4().hex}")
        try:
            begun.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not _is_ours_alone(begun.parent):
                return
            begun.mkdir(mode=0o700)
            if save_graph is not None:
                save_graph(begun / GRAPH)
            checksums = {name: _checksum(begun / name) for name in _GRAPH_FILES if save_graph is not None}
            told = {"model": self._model, "asked": self.asked, "choice": asdict(choice), "checksums": checksums}
            (begun / _CHOICE).write_text(json.dumps(told, indent=1), encoding="utf-8")
            for path in begun.iterdir():
                path.chmod(0o600)
            _remove(self.path)  # what is there was not believed
            begun.rename(self.path)  # fails where another process was quicker
        except (OSError, RuntimeError):  # RuntimeError: of what writes graphs
            pass
        finally:
            shutil.rmtree(begun, ignore_errors=True)
        _make_room(self.path)

    def write_beside(self, name: str, content: bytes) -> None:
        """Keep a file more in the entry, whole or not at all, if the entry is there."""
        if self.path is None or not self.is_there():
            return
        begun = self.path / f"{_BEGUN}{uuid.uuid4().hex}"
        with contextlib.suppress(OSError):
            try:
                begun.touch(mode=0o600)
                begun.write_bytes(content)
                begun.rename(self.path / name)
            finally:
                begun.unlink(missing_ok=True)


def beside_graphs(pattern: str) -> Iterator[tuple[Path, bytes]]:
    """Give the files of all entries whose names match, and their content, where nobody else can have written it."""
    for folder in _folders():
        if _is_ours_alone(folder):
            for path in sorted(folder.glob(pattern)):
                with contextlib.suppress(OSError):
                    yield path, _bytes_of(path)


@dataclass(frozen=True)
class CacheEntry:
    """An entry as a list of them tells it.

    Args:
        path: Its folder.
        model: Name of the model.
        engine: ``openvino`` or ``packed``.
        precision: What it computes in.
        agrees: Whether the engine agreed with PyTorch.
        bytes: Size on disk.
        used: When it was used last, in seconds since 1970.
    """

    path: Path
    model: str
    engine: str
    precision: str
    agrees: bool
    bytes: int
    used: float


def leave_mark(name: str) -> Path | None:
    """Leave an empty file beside the entries; None if it is there already, or cannot be."""
    folder = _engines()
    if folder is None:
        return None
    path = folder / f"{_MARK}{name}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _is_ours_alone(folder):
            return None
        path.touch(mode=0o600, exist_ok=False)
    except OSError:
        return None
    return path


def remove_mark(name: str) -> None:
    """Remove what `leave_mark` left."""
    folder = _engines()
    if folder is not None and _is_ours_alone(folder):
        with contextlib.suppress(OSError):
            (folder / f"{_MARK}{name}").unlink()


def cache_folder() -> Path | None:
    """Give the folder of what is kept; None if nothing is to be, or this user has no home."""
    if _is_off():
        return None
    given = os.environ.get(FOLDER)
    try:
        return Path(given).expanduser() if given else user_cache_path("wordstates", appauthor=False)
    except RuntimeError:  # as in a container that knows no name for its user
        return None


def _is_off() -> bool:
    return os.environ.get(FOLDER, "-").strip().lower() in ("", OFF)


def why_nothing_is_kept() -> str | None:
    """Say why, as far as it can be told without writing; None: what is found out is kept."""
    engines = _engines()
    if engines is None:
        return f"{FOLDER} is set to off" if _is_off() else f"there is no home folder: name a folder in {FOLDER}"
    if os.path.lexists(engines) and not (_is_ours_alone(engines) and engines.is_dir()):
        return (
            f"{str(engines)!r} is no folder that this user alone owns and may write to, and is not read: remove it, "
            "or `chmod 700` it"
        )
    return None


def kept_entries() -> list[CacheEntry]:
    """List the entries, those first that were used last; what cannot be read is no entry."""
    found = []
    for path in _folders():
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError, RecursionError):
            told = json.loads(_bytes_of(path / _CHOICE))
            asked, agrees = told["asked"], told["choice"]["way"] is not None
            facts = (str(told["model"]), str(asked["engine"]), str(asked["precision"]), agrees)
            found.append(CacheEntry(path, *facts, _size(path), (path / _CHOICE).stat().st_mtime))
    return sorted(found, key=lambda entry: -entry.used)


def clear_entries() -> tuple[int, int]:
    """Remove all entries, and what was begun and never finished.

    Returns:
        How many entries there were, and the bytes that are free now.
    """
    entries, freed = len(kept_entries()), 0
    folder = _engines()
    if folder is not None and _is_ours_alone(folder) and folder.is_dir():
        for path in folder.iterdir():
            size = 0 if path.is_symlink() else _size(path)
            _remove(path)
            freed += 0 if os.path.lexists(path) else size
    return entries, freed


def _engines() -> Path | None:
    folder = cache_folder()
    return None if folder is None else folder / "engines"


def _folders() -> Iterator[Path]:
    folder = _engines()
    if folder is not None and _is_ours_alone(folder):
        with contextlib.suppress(OSError):
            yield from [path for path in sorted(folder.iterdir()) if path.is_dir() and not path.is_symlink()]


def _remove(path: Path) -> None:
    """Remove a folder, or whatever else has its name; never what a link leads to."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink()


def _make_room(newest: Path) -> None:
    """Remove what was used longest ago, above the limit, and what was begun a day ago and never finished."""
    for path in _folders():
        with contextlib.suppress(OSError):
            if path.name.startswith(_BEGUN) and time.time() - path.stat().st_mtime > _LONG_AGO:
                shutil.rmtree(path, ignore_errors=True)
    entries = kept_entries()
    total = sum(entry.bytes for entry in entries)
    for entry in reversed(entries):
        if total <= _most_bytes():
            return
        if entry.path != newest or entry.bytes > _most_bytes():
            shutil.rmtree(entry.path, ignore_errors=True)
            total -= entry.bytes


def _most_bytes() -> float:
    try:
        return float(os.environ.get(LIMIT, _DEFAULT_GB)) * 1e9
    except ValueError:
        return _DEFAULT_GB * 1e9


def _size(folder: Path) -> int:
    try:
        return sum(path.lstat().st_size for path in folder.iterdir())
    except OSError:
        return 0


def _is_ours_alone(path: Path) -> bool:
    """Tell whether a folder or file is this user's, no link, and nobody else may write to it."""
    try:
        found = path.lstat()
    except OSError:
        return False
    if not (stat.S_ISDIR(found.st_mode) or stat.S_ISREG(found.st_mode)):
        return False
    if not hasattr(os, "geteuid"):  # Windows: a user's cache folder is the user's
        return True
    return found.st_uid == os.geteuid() and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _bytes_of(path: Path) -> bytes:
    if not _is_ours_alone(path):
        raise OSError(f"{path} is not this user's alone")
    return path.read_bytes()


def _checksum(path: Path) -> str:
    if not _is_ours_alone(path):
        raise OSError(f"{path} is not this user's alone")
    with path.open("rb") as file:
        return hashlib.file_digest(file, xxhash.xxh3_128).hexdigest()


def processor(device: torch.device) -> str:
    """Name what computes."""
    import torch  # here, so that a list of entries need not wait for it

    if device.type == "cuda" and torch.cuda.is_available():
        return torch.cuda.get_device_name(device)
    return f"{device.type}: {'; '.join([torch.backends.cpu.get_cpu_capability(), *processor_facts()])}"


@cache
def own_code() -> str:
    """Hash the modules of this room, so that another version finds out anew."""
    digest = xxhash.xxh3_64()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
