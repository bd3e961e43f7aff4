"""What files and models are called in reports: paths become names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

_TELL_NOTHING = {"train", "training", "dev", "development", "valid", "validation", "val", "test", "data"}


def short_names(given: Sequence[str]) -> dict[str, str]:
    """Give each path the end of it that tells it from the others, and leave names as they are.

    A path is what begins as one does, or has three parts or more; a model of the hub has two at most. A last part that
    is only a split, such as ``train``, has its folder with it.

    Args:
        given: Paths, or names of models, each once.

    Examples:
        >>> short_names(["/data/wic/train.tsv", "bert-base-cased", "google/bert"]).values()
        dict_values(['wic/train.tsv', 'bert-base-cased', 'google/bert'])
        >>> short_names(["/a/run1/model", "/a/run2/model"]).values()
        dict_values(['run1/model', 'run2/model'])
    """
    found = {}
    for name in given:
        prefix, _, path = name.rpartition(":") if name.startswith("random:") else ("", "", name)
        parts = Path(path).parts
        is_path = path.startswith((".", "/", "~")) or len(parts) > 2
        if not is_path or not parts:
            found[name] = name
            continue
        others = [Path(other.removeprefix("random:")).parts for other in given if other.removeprefix("random:") != path]
        least = 2 if Path(path).stem.partition(".")[0].lower() in _TELL_NOTHING else 1
        sizes = (size for size in range(least, len(parts)) if all(o[-size:] != parts[-size:] for o in others))
        size = next(sizes, len(parts))
        found[name] = (f"{prefix}:" if prefix else "") + "/".join(parts[-size:])
    return found
