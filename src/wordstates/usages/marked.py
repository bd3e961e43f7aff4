"""What is searched for, as people type it: a sentence with a marked word, ``the [bank] of the river``; a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Float

from wordstates.errors import InputError
from wordstates.wording import said

_ESCAPED = {"\\[": "[", "\\]": "]", "\\\\": "\\"}


def read_marked(text: str) -> tuple[str, tuple[int, int]]:
    r"""Take the brackets out of a marked sentence.

    Args:
        text: A sentence with one word or phrase in square brackets; ``\[`` and ``\]`` are brackets of the text.

    Returns:
        The sentence without the brackets, and the char span of what was in them.

    Raises:
        InputError: If nothing is marked, or more than one stretch.

    Examples:
        >>> read_marked("the [bank] of the river")
        ('the bank of the river', (4, 8))
        >>> read_marked(r"see \[2\] at the [bank]")
        ('see [2] at the bank', (15, 19))
    """
    plain: list[str] = []
    opened: list[int] = []
    closed: list[int] = []
    at = 0
    while at < len(text):
        if text[at : at + 2] in _ESCAPED:
            plain.append(_ESCAPED[text[at : at + 2]])
            at += 2
            continue
        if text[at] == "[":
            opened.append(len(plain))
        elif text[at] == "]":
            closed.append(len(plain))
        else:
            plain.append(text[at])
        at += 1
    if len(opened) != 1 or len(closed) != 1 or not "".join(plain)[opened[0] : closed[0]].strip():
        raise InputError(
            f"{text[:200]!r} marks no word: put square brackets around a word or phrase, as in 'the [bank] of a river' "
            r"(\[ and \] are brackets of the text)."
        )
    return "".join(plain), (opened[0], closed[0])


def read_vector(path: str) -> Float[np.ndarray, " dim"]:
    """Read one vector from a file of NumPy's.

    Args:
        path: A .npy file with an array of one vector.

    Raises:
        InputError: If it holds none.
    """
    if not Path(path).is_file():
        raise InputError(f"{path!r} is not a file: give a .npy file as numpy.save writes it.")
    try:
        found = np.lib.format.open_memmap(path, mode="r")
        vector = np.array(found if found.dtype.kind in "fiu" else np.nan, dtype=np.float32)
    except Exception as error:  # NumPy lets whatever its reader of headers raises come through
        raise InputError(
            f"{path!r} holds no vector ({said(error)}): give a .npy file as numpy.save writes it."
        ) from error
    if vector.ndim > 1 and vector.size == vector.shape[-1]:
        vector = vector.reshape(-1)
    if vector.ndim != 1 or not np.isfinite(vector).all():
        raise InputError(
            f"{path!r} holds an array of {found.dtype}, of shape {found.shape}: give one vector of finite numbers."
        )
    return vector
