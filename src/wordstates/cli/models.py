"""`wordstates models`: the models on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wordstates.cli.options import Json, print_json
from wordstates.wording import in_columns

if TYPE_CHECKING:
    from wordstates.model.on_disk import ModelOnDisk

_HEAD = ("model", "layers", "width", "window", "size", "type", "languages")
_SHOWN_LANGUAGES = 6


def models(json: Json = False) -> None:
    """List the models on this machine, with layers, width and languages.

    That of the extra minilm, and those fetched from the hub; any of these names is what --model takes. Layers, width
    and window are what the files of a model say.

    Example:
        $ wordstates models
    """
    from dataclasses import asdict

    from wordstates.model._hub import hub_cache
    from wordstates.model.on_disk import models_on_disk

    found = list(models_on_disk())
    if json:
        print_json({"cache": hub_cache(), "models": [asdict(model) for model in found]})
    elif found:
        print(in_columns([_HEAD, *map(_row, found)], "<>>>><<"))
        print(f"from the hub, these are in {hub_cache()}")
    else:
        print(
            f"none: the cache of the hub, {hub_cache()}, has no model. A model is fetched when it is first used; "
            'one comes with pip install "wordstates[minilm]".'
        )


def _row(model: ModelOnDisk) -> tuple[str, ...]:
    numbers = ("-" if number is None else f"{number:,}" for number in (model.layers, model.width, model.window))
    shown = model.languages[:_SHOWN_LANGUAGES]
    more = len(model.languages) - len(shown)
    languages = " ".join(shown) + (f" and {more} more" if more else "") or "-"
    lacks = f"  ({model.lacks})" if model.lacks else ""
    return (model.name, *numbers, _size(model.bytes), model.kind or "-", languages + lacks)


def _size(count: int) -> str:
    return f"{count / 1e9:,.1f} GB" if count >= 1e9 else f"{count / 1e6:,.0f} MB"
