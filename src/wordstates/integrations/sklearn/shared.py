"""What the estimators of one process share: models that are loaded, and vectors that were read."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import RLock
from typing import Any

import numpy as np
import numpy.typing as npt

from wordstates.embedder import WordEmbedder
from wordstates.errors import InputError
from wordstates.options import EmbedderOptions
from wordstates.recipe import Recipe

_MOST_EMBEDDERS = 2  # each is a model in memory


@dataclass(frozen=True, eq=False)
class SharedEmbedder:
    """An embedder, and what tells its vectors from those of others.

    Args:
        embedder: The embedder, which has one recipe.
        weights: Fingerprint of the model's weights and of its tokenizer.
        identity: All that decides the vectors, but for the recipe.
    """

    embedder: WordEmbedder
    weights: str
    identity: Hashable


class Embedders:
    """Embedders by their options, loaded when first asked for; the few last used are kept."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, SharedEmbedder] = OrderedDict()
        self._lock = RLock()

    def get(self, options: Mapping[str, Any], recipe: Recipe) -> SharedEmbedder:
        """Give the embedder of some options and one recipe.

        Args:
            options: Arguments of `WordEmbedder`, but for the recipes.
            recipe: What it gives.

        Raises:
            InputError: If the model is no name or folder, or an option cannot be compared with others.
        """
        if not isinstance(options["model"], (str, Path)):
            raise InputError(
                f"model={type(options['model']).__name__}(...): estimators are copied and pickled, so the model is a "
                "name or a folder; save it with model.save_pretrained(folder)."
            )
        config = json.dumps(options.get("config"), sort_keys=True, default=str)  # a dict cannot be hashed
        plain = sorted({**options, "config": config}.items(), key=lambda item: item[0])
        key = (tuple(plain), _stamp(options["model"]), recipe)
        try:
            hash(key)
        except TypeError as error:
            raise InputError(f"An option cannot be compared with others ({error}): give plain values.") from error
        with self._lock:
            if key not in self._kept:
                while len(self._kept) >= _MOST_EMBEDDERS:
                    self._kept.popitem(last=False)
                self._kept[key] = _shared(WordEmbedder(**options, recipes=[recipe]), options)
            self._kept.move_to_end(key)
            return self._kept[key]

    def clear(self) -> None:
        """Let go of all models."""
        with self._lock:
            self._kept.clear()


class ArrayCache:
    """Arrays by key, at most so many bytes of them: those not used for longest go first."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, npt.NDArray[np.float32]] = OrderedDict()
        self._bytes = 0
        self._lock = RLock()

    def get(self, key: Hashable) -> npt.NDArray[np.float32] | None:
        """Give an array, None if it is not there."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def put(self, key: Hashable, array: npt.NDArray[np.float32], most_bytes: int) -> None:
        """Keep an array, and drop others until all that is kept is no more than `most_bytes`."""
        with self._lock:
            if key in self._kept:
                self._bytes -= self._kept.pop(key).nbytes
            self._kept[key] = array
            self._bytes += array.nbytes
            while self._bytes > most_bytes:
                self._bytes -= self._kept.popitem(last=False)[1].nbytes

    def clear(self) -> None:
        """Let go of all."""
        with self._lock:
            self._kept.clear()
            self._bytes = 0


EMBEDDERS = Embedders()
VECTORS = ArrayCache()


def _shared(embedder: WordEmbedder, options: Mapping[str, Any]) -> SharedEmbedder:
    provenance = {**embedder.provenance, "recipes": None}
    splitter = options.get("splitter", EmbedderOptions.splitter)
    return SharedEmbedder(
        embedder=embedder,
        weights=f"{provenance['weights']} {provenance['tokenizer']}",
        identity=(json.dumps(provenance, sort_keys=True, default=str), splitter),
    )


def _stamp(model: str | Path) -> Hashable:
    """Tell a folder from the same folder with other files in it, as after a training."""
    folder = Path(model)
    if not folder.is_dir():
        return None
    found = [(path.name, path.stat()) for path in sorted(folder.iterdir()) if path.is_file()]
    return tuple((name, stat.st_size, stat.st_mtime_ns) for name, stat in found)
