"""What users hand over as texts, words and spans, checked and made uniform."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wordstates.errors import InputError
from wordstates.text.words import Spans, check_spans, join_words, locate_words

Texts = str | Sequence[str] | Sequence[Sequence[str]]


def as_texts(texts: Texts, words: Any, spans: Any) -> tuple[list[str], list[Spans] | None]:
    """Check texts and what was given with them; spans are None where texts are to be split."""
    if words is not None and spans is not None:
        raise InputError("Give words=... or spans=..., not both.")
    if isinstance(texts, str):
        texts = [texts]
        words, spans = (None if given is None else [given] for given in (words, spans))
    if isinstance(texts, (bytes, dict)) or not hasattr(texts, "__iter__"):
        raise InputError(
            f"Texts are a string, a list of strings, or a list of lists of words; got {type(texts).__name__}."
        )
    listed = list(texts)
    if listed and all(isinstance(text, (list, tuple)) for text in listed):
        if words is not None or spans is not None:
            raise InputError("The texts are lists of given words already: leave words=... and spans=... out.")
        joined = [join_words(text) for text in listed]
        return _checked([text for text, _ in joined]), [located for _, located in joined]
    checked = _checked(listed)
    given = words if words is not None else spans
    if given is None:
        return checked, None
    what = "words" if words is not None else "spans"
    if len(given) != len(checked):
        raise InputError(f"{len(checked)} texts but {len(given)} lists of {what}: give one list for each text.")
    for index, part in enumerate(given):
        if isinstance(part, (str, bytes)) or not hasattr(part, "__len__"):
            raise InputError(f"The {what} of text {index} are {part!r}: give a list of {what}.")
    locate = locate_words if words is not None else check_spans
    return checked, [
        locate(text, part, f"text {index}") for index, (text, part) in enumerate(zip(checked, given, strict=True))
    ]


def _checked(texts: Sequence[object]) -> list[str]:
    for index, text in enumerate(texts):
        if not isinstance(text, str):
            hint = "decode it first, as text.decode('utf-8')" if isinstance(text, bytes) else "every text is a string"
            raise InputError(f"Text {index} is of type {type(text).__name__}: {hint}.")
        if not text.isascii():
            try:
                text.encode("utf-8")
            except UnicodeEncodeError as error:
                raise InputError(
                    f"Text {index} holds half a character (a lone surrogate, {text[error.start]!r}) at "
                    f"{error.start}: it was decoded wrongly; read the file again as UTF-8, or replace it."
                ) from error
    return [str(text) for text in texts]
