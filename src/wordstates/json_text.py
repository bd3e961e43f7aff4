"""JSON that somebody else wrote, read so that whatever is wrong with it is a `ValueError`."""

from __future__ import annotations

import json
from typing import Any


def read_json(text: str | bytes, **options: Any) -> Any:
    """Read JSON.

    Args:
        text: The text, or its UTF-8.
        options: As `json.loads` takes them.

    Raises:
        ValueError: If it is none, is nested too deeply, or holds a number of thousands of digits.

    Example:
        >>> read_json("[" * 100_000)
        Traceback (most recent call last):
        ValueError: it is nested too deeply
    """
    try:
        return json.loads(text, **options)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def with_new_names(provenance: Any) -> Any:
    """Give provenance that was read from a file with the keys of today: files of before call the splitter ``words``.

    Example:
        >>> with_new_names({"model": "minilm", "words": "unicode"})
        {'model': 'minilm', 'splitter': 'unicode'}
    """
    if not isinstance(provenance, dict):
        return provenance
    return {"splitter" if name == "words" else name: value for name, value in provenance.items()}


def plain(value: object) -> Any:
    """Give a value as it comes back from JSON: lists for tuples, and what JSON does not have as text."""
    return json.loads(json.dumps(value, default=str))
