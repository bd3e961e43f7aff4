"""Scripts that write no spaces between words: what a rule for characters makes of them are not words."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import regex

T = TypeVar("T")

_LOOKED_AT = 10_000  # characters of the texts of a call
_CALLABLE = "a function, such as one around PyICU's BreakIterator"
# What splits them: by the script, in the order in which a message names one.
_SPLITTERS = {
    "Thai": "'spacy:th' (needs PyThaiNLP)",
    "Japanese": "'spacy:ja' (needs SudachiPy)",
    "Chinese": "a spaCy pipeline such as 'spacy:zh_core_web_sm', or a function such as jieba.lcut",
    "Lao": _CALLABLE,
    "Khmer": _CALLABLE,
    "Burmese": _CALLABLE,
}
_LETTER = regex.compile(
    r"(?P<Thai>\p{Thai})|(?P<Japanese>[\p{Hiragana}\p{Katakana}ー])|(?P<Chinese>\p{Han})|(?P<Lao>\p{Lao})"
    r"|(?P<Khmer>\p{Khmer})|(?P<Burmese>\p{Myanmar})|(?P<other>\p{L})"
)


def script_without_spaces(texts: Iterable[str]) -> str | None:
    """Name the script of most letters at the beginning of some texts, if it writes no spaces between words.

    Examples:
        >>> script_without_spaces(["สวัสดีครับ", "hello"]), script_without_spaces(["東京 is a city"])
        ('Thai', None)
    """
    found: Counter[str] = Counter()
    left = _LOOKED_AT
    for text in texts:
        if left <= 0:
            break
        found.update(match.lastgroup or "" for match in _LETTER.finditer(text, endpos=left))
        left -= len(text)
    if sum(found.values()) <= 2 * found["other"]:
        return None
    # Japanese is written with Chinese characters too.
    return (
        "Japanese" if 10 * found["Japanese"] > found["Chinese"] > 0 else max(_SPLITTERS, key=lambda name: found[name])
    )


def warning_once(split: Callable[[Sequence[str]], T], what: str) -> Callable[[Sequence[str]], T]:
    """Wrap what splits texts by a rule: it warns at the first texts whose script writes no spaces.

    Args:
        split: From texts to their words.
        what: What the words are there.

    Warns:
        UserWarning: Once, with the splitter to use instead.
    """
    told = False

    def split_and_tell(texts: Sequence[str]) -> T:
        nonlocal told
        script = None if told else script_without_spaces(texts)
        if script is not None:
            told = True
            warnings.warn(
                f"The texts are written in {script}, without spaces between words: {what} instead of words. Give "
                f"splitter={_SPLITTERS[script]}, or lists of words.",
                stacklevel=2,
            )
        return split(texts)

    return split_and_tell
