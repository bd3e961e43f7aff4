"""A maker of embedders that are not alike, as when a model changes while several processes load it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from wordstates import WordEmbedder


def unlike_the_first(flag: Path, model: Path, **given: Any) -> WordEmbedder:
    """Take the last layer for the first process that comes, layer 1 for all others."""
    try:
        flag.touch(exist_ok=False)
    except FileExistsError:
        return WordEmbedder(model, layers=1, **given)
    return WordEmbedder(model, **given)
