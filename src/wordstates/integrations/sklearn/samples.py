"""What scikit-learn users hand over as X: texts, or words and phrases in texts."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any, NamedTuple

from wordstates.encode.inputs import as_texts
from wordstates.errors import InputError, TargetNotFoundError
from wordstates.text.targets import TargetFinder
from wordstates.text.words import Spans, as_spans, check_spans

_FORMS = "a text, (text, word), (text, (start, end)) or (text, start, end)"


class Sample(NamedTuple):
    """What one row of X asks for.

    Args:
        text: The text.
        target: A word or phrase in it, or a char span; None: all its words.
    """

    text: str
    target: str | tuple[int, int] | None = None


def read_samples(x: Any) -> list[Sample]:
    """Read X: a list, an array, a series or a data frame.

    Args:
        x: Each row is a text, or a text and a target: a word, a char span, or its start and end in two columns.

    Raises:
        InputError: If it is none of these, or empty.

    Examples:
        >>> read_samples(["A bank.", ("A bank.", 2, 6)])
        [Sample(text='A bank.', target=None), Sample(text='A bank.', target=(2, 6))]
    """
    if isinstance(x, (str, bytes, dict)) or not hasattr(x, "__iter__") or getattr(x, "ndim", 1) not in (1, 2):
        raise InputError(f"X is a list of texts, got {type(x).__name__}: wrap a single text, as [text].")
    if hasattr(x, "columns"):  # a data frame of pandas or polars: going through it gives its columns
        x = x.to_numpy()
    rows = x.tolist() if hasattr(x, "tolist") else x.to_list() if hasattr(x, "to_list") else list(x)
    if not rows:
        raise InputError("X has no text: 0 samples, and at least 1 is needed.")
    samples = [_sample(index, row) for index, row in enumerate(rows)]
    as_texts([sample.text for sample in samples])
    return samples


def _sample(index: int, row: object) -> Sample:
    if isinstance(row, str):
        return Sample(str(row))
    if isinstance(row, (list, tuple)) and 1 <= len(row) <= 3 and isinstance(row[0], str):
        text, rest = str(row[0]), row[1:]
        if not rest:
            return Sample(text)
        if len(rest) == 1 and isinstance(rest[0], str):
            return Sample(text, str(rest[0]))
        span = rest[0] if len(rest) == 1 else rest
        try:
            start, end = map(operator.index, span)
        except (TypeError, ValueError) as error:
            raise InputError(f"Sample {index} has the target {span!r}: a sample is {_FORMS}.") from error
        return Sample(text, (start, end))
    shown = repr(row)
    raise InputError(f"Sample {index} is {shown[:60]}: a sample is {_FORMS}.")


def spans_of_samples(samples: Sequence[Sample], words: Sequence[Spans], *, missing: str) -> list[Spans]:
    """Give the char spans that each sample asks for.

    Args:
        samples: The samples.
        words: Words of the text of each sample without a target, in order.
        missing: ``error`` to refuse a target that is not in its text.

    Raises:
        TargetNotFoundError: If a target is not in its text, and that is an error.
        SpanError: If a char span lies outside its text.
    """
    split = iter(words)
    finders: dict[str, TargetFinder] = {}
    found = []
    for sample in samples:
        if sample.target is None:
            found.append(next(split))
        elif isinstance(sample.target, str):
            finder = finders.setdefault(sample.target, TargetFinder([sample.target]))
            matches = finder.find(sample.text)
            if not matches and missing == "error":
                raise TargetNotFoundError(
                    f"Target {sample.target!r} does not occur in {sample.text[:60]!r}: whole words are matched. Pass "
                    "missing='nan' to go on without."
                )
            found.append(as_spans([match[:2] for match in matches]))
        else:
            found.append(check_spans(sample.text, [sample.target], f"the sample {sample.text[:40]!r}"))
    return found
