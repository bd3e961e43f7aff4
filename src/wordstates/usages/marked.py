"""A sentence with a marked word, as people type it: ``the [bank] of the river``."""

from __future__ import annotations

from wordstates.errors import InputError

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
