"""Keys of a model's config that the user gives in place of those in its ``config.json``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from wordstates.errors import InputError

# They say which class reads the config, or are decided by arguments of their own.
_FIXED = {"architectures", "auto_map", "dtype", "model_type", "quantization_config", "transformers_version"}


def change_config(config: Any, given: Mapping[str, Any], name: str) -> None:
    """Set keys of a config, which have to be there.

    Args:
        config: A config of `transformers`; changed.
        given: Keys and their values.
        name: What the user called the model.

    Raises:
        InputError: If there is no such key, it is not to be changed, or cannot have this value.
    """
    held = {**config.to_dict(), **dict.fromkeys(config.attribute_map)}
    keys = sorted(key for key in held if not key.startswith("_") and key not in _FIXED)
    for key, value in given.items():
        if key in _FIXED:
            raise InputError(f"config=...: {key!r} of {name!r} cannot be changed: it says what the model is.")
        if key not in keys:
            near = get_close_matches(str(key), keys)
            told = f"{'Near it are' if near else 'There are'} {', '.join(map(repr, near or keys))}."
            raise InputError(f"config=...: {name!r} has no key {key!r} in its config. {told}")
        if hasattr(getattr(config, key), "to_dict"):
            raise InputError(
                f"config=...: {key!r} of {name!r} is a config of its own, and only single values can be given: load "
                "the model with transformers as you want it, and give it as an object, with its tokenizer."
            )
        try:
            json.dumps(value)
        except (TypeError, ValueError, RecursionError) as error:
            raise InputError(
                f"config=...: {key!r} of {name!r} cannot be {value!r}: give a value as config.json may hold it, a "
                "number, text, true, null, a list or a mapping of these."
            ) from error
        try:
            setattr(config, key, value)
        except Exception as error:  # of the libraries that check values
            reason = str(error).strip().splitlines()[-1].strip()
            raise InputError(f"config=...: {key!r} of {name!r} cannot be {value!r}: {reason}") from error
