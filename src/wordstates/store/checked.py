"""What is read from a store's JSON has the types that its dataclass says, or the error names the value that has not."""

from __future__ import annotations

import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from wordstates.json_text import read_json


def read_object(path: Path) -> dict[str, Any]:
    """Read a JSON object from a regular file.

    Raises:
        ValueError: If it is none.
        OSError: If it cannot be read.
    """
    if path.exists() and not path.is_file():
        raise ValueError(f"{path.name} is no regular file")
    return as_object(path.read_text(encoding="utf-8"))


def as_object(text: str) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        ValueError: If it is none.
    """
    data = read_json(text)
    if not isinstance(data, dict):
        raise ValueError("it holds no object")
    return data


def check_types(made: object) -> None:
    """See that the fields of a dataclass have their types; counts are not below zero.

    Raises:
        ValueError: If one has not.
    """
    for name, wanted in get_type_hints(type(made)).items():
        value = getattr(made, name)
        if not _fits(value, wanted) or (isinstance(value, int) and value < 0):
            raise ValueError(f"{name!r} is {str(value)[:60]!r}, which it cannot be")


def _fits(value: object, wanted: Any) -> bool:
    origin, inner = get_origin(wanted), get_args(wanted)
    if wanted is Any:
        return True
    if origin in (Union, types.UnionType):
        return any(_fits(value, each) for each in inner)
    if origin is Literal:
        return value in inner
    if origin in (dict, Mapping):
        return isinstance(value, dict) and all(_fits(k, inner[0]) and _fits(v, inner[1]) for k, v in value.items())
    if origin is list:
        return isinstance(value, list) and all(_fits(each, inner[0]) for each in value)
    if origin is tuple:
        return isinstance(value, tuple) and all(_fits(each, inner[0]) for each in value)
    if wanted is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if wanted is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, wanted)
