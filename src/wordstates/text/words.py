"""Texts to words: every word as a char span that slices back to it.

The splitters here never rewrite a text. They only say where its words are, as half-open spans in code points, so
``text[start:end] == word`` holds by construction.
"""

from __future__ import annotations

import operator
import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import numpy as np
import regex
from jaxtyping import Int

from wordstates.errors import InputError, MissingExtraError, SpanError, of_the_caller
from wordstates.text.scripts import warning_once
from wordstates.text.stretches import Cuts, stretches_of
from wordstates.wording import counted

Spans = Int[np.ndarray, "words 2"]
Splitter = Callable[[str], Sequence[Any]]

# Segments between Unicode default word boundaries (UAX #29, rules of `(?w)`), whitespace segments included.
_LARGEST = 1 << 63  # numbers that a message writes
_SEGMENT = regex.compile(r"(?w).+?\b", flags=regex.DOTALL)
# What is not part of a word at its edges: separators, controls, invisible format characters (BOM, soft hyphen), but not
# the tag characters that end the emoji flags of regions, nor the visible signs of Arabic numbers.
_HIDDEN = r"[\p{Cf}--[\U000E0020-\U000E007F\p{Prepended_Concatenation_Mark}]]"
_EDGE = rf"[\p{{Z}}\p{{Cc}}{_HIDDEN}]"
_CORE = regex.compile(rf"(?V1)(?!{_EDGE}).*(?<!{_EDGE})", flags=regex.DOTALL)
_LEXICAL = regex.compile(r"[\p{L}\p{N}\p{Extended_Pictographic}\p{Regional_Indicator}]")
# The same words for a text in ASCII, where few of the rules apply, several times faster: letters, digits, underscores,
# joined by a full stop or an apostrophe between two letters or two digits, a colon between letters, a comma or a
# semicolon between digits; any other visible character stands alone.
_ASCII_WORD = re.compile(
    r"(?:'(?=[AEIOUaeiou]))?"  # an apostrophe before a vowel goes with it, as the Unicode rules are tailored for French
    r"[A-Za-z0-9_]+(?:(?:(?<=[A-Za-z])[.':](?=[A-Za-z])|(?<=[0-9])[.',;](?=[0-9]))[A-Za-z0-9_]+)*"
    r"|[!-/:-@\[-^`{-~]"
)
# What spaCy splits a language with, where its rules do not do it.
_SPACY_NEEDS = {"th": "pythainlp", "ja": "sudachipy sudachidict_core", "ko": "natto-py (and mecab-ko)", "vi": "pyvi"}
# Unicode's rules let no word end before an invisible format character, which belongs to no word at its edges.
_WORD_EDGE = regex.compile(rf"(?V1)\b|(?w:\b)|(?={_HIDDEN}+(?w:\b))|(?<=(?w:\b){_HIDDEN}+)")
_SPACE = regex.compile(r"[\s\x1c-\x1f]*")
_NON_SPACE = regex.compile(r"[^\s\x1c-\x1f]+")  # what `str.isspace` and `str.split` call white space


def unicode_words(text: str, *, punctuation: bool = True) -> Spans:
    """Find words at Unicode default word boundaries.

    Every ideograph is a word of its own, as the standard has it; emoji with joiners stay whole; white space, controls
    and invisible format characters at the edges belong to no word.

    Args:
        text: Any text.
        punctuation: Keep punctuation and symbols as words of their own; False leaves them out (emoji stay).

    Returns:
        Char spans in text order.

    Source:
        Unicode Standard Annex #29, section 4.

    Examples:
        >>> text = "Don't stop, café 👩‍👧!"
        >>> [text[start:end] for start, end in unicode_words(text)]
        ["Don't", 'stop', ',', 'café', '👩‍👧', '!']
    """
    if punctuation and text.isascii():
        edges = [*chain.from_iterable(map(re.Match.span, _ASCII_WORD.finditer(text)))]
        return np.array(edges, dtype=np.int64).reshape(-1, 2)
    spans = []
    for match in _SEGMENT.finditer(text):
        segment = match.group()
        if segment.isspace():
            continue
        start, end = match.span()
        if not segment.isalnum():
            core = _CORE.search(segment)
            if core is None or core.end() == core.start() or not (punctuation or _LEXICAL.search(segment)):
                continue
            start, end = start + core.start(), start + core.end()
        spans.append((start, end))
    return as_spans(spans)


def whitespace_words(text: str, *, punctuation: bool = True) -> Spans:
    """Find runs of anything but white space.

    Args:
        text: Any text.
        punctuation: False leaves out runs without a letter, a digit or an emoji, such as a lone dash.

    Returns:
        Char spans in text order.

    Examples:
        >>> whitespace_words("to be - or").tolist()
        [[0, 2], [3, 5], [6, 7], [8, 10]]
    """
    matches = _NON_SPACE.finditer(text)
    return as_spans([match.span() for match in matches if punctuation or _LEXICAL.search(match.group())])


def join_words(words: Sequence[str]) -> tuple[str, Spans]:
    """Make a text of given words, one space between them, with each word's span.

    Args:
        words: The words in order; an empty word keeps its place and has an empty span, and no space of its own.

    Raises:
        InputError: If a word is not a string.

    Examples:
        >>> text, spans = join_words(["New", "York"])
        >>> text, spans.tolist()
        ('New York', [[0, 3], [4, 8]])
    """
    for position, word in enumerate(words):
        if not isinstance(word, str):
            raise InputError(f"Word {position} of the given words is {word!r}, not a string.")
    lengths = np.fromiter((len(word) for word in words), dtype=np.int64, count=len(words))
    text = " ".join(word for word in words if word)
    follows = np.cumsum(lengths + (lengths > 0))  # where the word after each begins
    ends = np.minimum(follows - (lengths > 0), len(text))
    return text, np.stack([ends - lengths, ends], axis=1).astype(np.int64)


def locate_words(text: str, words: Sequence[str], where: str = "the text") -> Spans:
    """Find given words in the text they come from, left to right, none of them twice.

    White space may differ: a word written "10 000" is found in "10<no-break space>000". Text between the words may be
    passed over; a word after such a gap is not looked for inside other words.

    Args:
        text: The text.
        words: Its words in order.
        where: Name of the text for the error.

    Raises:
        SpanError: If a word does not follow the one before it.

    Examples:
        >>> locate_words("a b, a", ["a", "a"]).tolist()
        [[0, 1], [5, 6]]
    """
    spans: list[tuple[int, int]] = []
    cursor = 0
    for position, word in enumerate(words):
        if not isinstance(word, str):
            raise InputError(f"Word {position} of the given words of {where} is {word!r}, not a string.")
        following = words[position + 1] if position + 1 < len(words) else None
        span = _next_place(text, word, cursor, following)
        if span is None:
            raise SpanError(
                f"Word {position} ({word!r}) is not in {where} after character {cursor} "
                f"({text[cursor : cursor + 30]!r}...): give the words as they are written in the text, in its order, "
                "or their char spans."
            )
        spans.append(span)
        cursor = span[1]
    return as_spans(spans)


def _next_place(text: str, word: str, cursor: int, following: object) -> tuple[int, int] | None:
    """Find a word right here, white space aside, or else the next place where it stands as a word.

    Right here it may end inside a word of the text if the following one goes on from there: "do" and "n't".
    """
    parts = word.split()
    pattern = regex.compile(r"\s+".join(map(regex.escape, parts)) if parts else regex.escape(word))
    here = pattern.match(text, _SPACE.match(text, cursor).end() if parts else cursor)
    if here is not None and (
        is_word_edge(text, here.end()) or (isinstance(following, str) and text.startswith(following, here.end()))
    ):
        return int(here.start()), int(here.end())
    for match in pattern.finditer(text, cursor):
        if is_word_edge(text, match.start()) and is_word_edge(text, match.end()):
            return int(match.start()), int(match.end())
    return None


def is_word_edge(text: str, position: int) -> bool:
    """Tell whether a word may begin or end here, for Unicode or for a regular expression: *bank* ends in *bank's*."""
    return _WORD_EDGE.match(text, position) is not None


def check_spans(text: str, spans: Sequence[Sequence[int]] | Spans, where: str = "the text") -> Spans:
    """Check that char spans lie in their text.

    Args:
        text: The text.
        spans: Half-open spans in code points, in any order; they may overlap.
        where: Name of the text for the error.

    Raises:
        SpanError: If a span is no pair of ints, is reversed, or leaves the text.
    """
    if isinstance(spans, np.ndarray) and spans.dtype == np.int64 and spans.ndim == 2 and spans.shape[1] == 2:
        inside = (spans[:, 0] >= 0) & (spans[:, 0] <= spans[:, 1]) & (spans[:, 1] <= len(text))
        if inside.all():
            return spans
    checked = []
    for position, span in enumerate(spans):
        try:
            if isinstance(span, Set | Mapping):
                raise TypeError("it has no order")
            start, end = (operator.index(edge) for edge in span)
        except (TypeError, ValueError):
            raise SpanError(f"Span {position} of {where} is {span!r}: expected (start, end).") from None
        if not 0 <= start <= end <= len(text):
            shown = f"{(start, end)}" if max(abs(start), abs(end)) < _LARGEST else "far"
            raise SpanError(
                f"Span {position} of {where} is {shown}, outside its {counted(len(text), 'character')}: spans are "
                "half-open (start, end) in code points, with 0 <= start <= end <= length."
            )
        checked.append((start, end))
    return as_spans(checked)


def as_spans(spans: Sequence[Sequence[int]] | Spans) -> Spans:
    """Give spans as an int64 array of shape (words, 2), also when there are none."""
    return np.asarray(spans, dtype=np.int64).reshape(-1, 2)


@dataclass(frozen=True)
class WordSplitter:
    """A way to find words, with the name that provenance carries.

    Args:
        name: What files say of it: ``unicode``, ``whitespace``, ``spacy:...``, ``callable:...``.
        split: From texts to the spans of each.
        by_rule: Words are what a rule of ours or of spaCy makes of characters, not what the user says.
        cuts: Where a text may be cut before it is split, so that its words stay the same; None: nowhere.
    """

    name: str
    split: Callable[[Sequence[str]], list[Spans]]
    by_rule: bool = False
    cuts: Cuts | None = None

    def in_stretches(self, text: str, characters: int) -> Iterator[Spans]:
        """Split a long text a stretch of about so many characters at a time; all at once where it may not be cut."""
        if self.cuts is None:
            yield self.split([text])[0]
            return
        for start, end in stretches_of(text, characters, self.cuts):
            yield self.split([text[start:end]])[0] + start

    def keeping(self, tokens: Sequence[str]) -> WordSplitter:
        """Give a splitter to which each of some tokens, such as ``[MASK]``, is a word wherever a text writes it."""
        if not (self.by_rule and tokens):
            return self
        pattern = re.compile("|".join(map(re.escape, sorted(tokens, key=len, reverse=True))))

        def split(texts: Sequence[str]) -> list[Spans]:
            found = zip(texts, self.split(texts), strict=True)
            return [
                _with_whole_tokens(spans, [match.span() for match in pattern.finditer(text)]) for text, spans in found
            ]

        safe = self.cuts if all(map(str.isascii, tokens)) else self.cuts and "spaces"  # no token has a space in it
        return replace(self, split=split, cuts=safe)


def _with_whole_tokens(words: Spans, tokens: Sequence[tuple[int, int]]) -> Spans:
    """Put tokens among words in text order; of words that they overlap, what is outside of them is kept.

    Examples:
        >>> _with_whole_tokens(np.array([[0, 1], [1, 5], [5, 6], [7, 10]]), [(0, 6)]).tolist()
        [[0, 6], [7, 10]]
    """
    if not tokens:
        return words
    kept = words.tolist()
    for start, end in tokens:
        first, last = bisect_right(kept, start, key=_end), bisect_left(kept, end, key=_start)
        left = [[kept[first][0], start]] if first < last and kept[first][0] < start else []
        right = [[end, kept[last - 1][1]]] if first < last and kept[last - 1][1] > end else []
        kept[first:last] = [*left, [start, end], *right]
    return as_spans(kept)


def _start(span: Sequence[int]) -> int:
    return span[0]


def _end(span: Sequence[int]) -> int:
    return span[1]


def word_splitter(splitter: object = "unicode", *, punctuation: bool = True) -> WordSplitter:
    """Choose how raw text is split into words.

    Args:
        splitter: ``"unicode"`` (default), ``"whitespace"``, ``"spacy:NAME"`` (a pipeline, or a blank language such as
            ``"spacy:de"``), a spaCy ``Language``, or a callable from a text to its words or char spans.
        punctuation: Keep punctuation as words of its own; applies to ``unicode`` and ``whitespace``.

    Raises:
        InputError: If `splitter` is none of these.
        MissingExtraError: If spaCy is asked for and not installed.

    Warns:
        UserWarning: Once, if texts are split by ``unicode`` or ``whitespace`` whose script writes no spaces.
    """
    suffix = "" if punctuation else " without punctuation"
    if splitter == "unicode":
        return WordSplitter(
            f"unicode{suffix}",
            warning_once(
                lambda texts: [unicode_words(text, punctuation=punctuation) for text in texts],
                "Unicode words are single characters or clusters of them",
            ),
            by_rule=True,
            cuts="words",
        )
    if splitter == "whitespace":
        return WordSplitter(
            f"whitespace{suffix}",
            warning_once(
                lambda texts: [whitespace_words(text, punctuation=punctuation) for text in texts],
                "what stands between white space are phrases",
            ),
            cuts="spaces",
        )
    if isinstance(splitter, str) and splitter.startswith("spacy:"):
        return _spacy_splitter(_load_spacy(splitter.removeprefix("spacy:")), splitter)
    meta = getattr(splitter, "meta", None)
    if hasattr(splitter, "pipe") and isinstance(meta, dict):
        return _spacy_splitter(splitter, f"spacy:{meta.get('lang')}_{meta.get('name')}")
    if callable(splitter):
        name = getattr(splitter, "__qualname__", type(splitter).__qualname__)
        split = of_the_caller(splitter)
        return WordSplitter(f"callable:{name}", lambda texts: [_call_splitter(split, text) for text in texts])
    raise InputError(
        f"splitter={splitter!r} is no way to split a text: give 'unicode', 'whitespace' or 'spacy:NAME'"
        f"{'' if isinstance(splitter, str) else ', a spaCy pipeline, or a callable from a text to its words or spans'}."
    )


def _call_splitter(splitter: Splitter, text: str) -> Spans:
    found = list(splitter(text))
    if len(found) and isinstance(found[0], str):
        return locate_words(text, found)
    return check_spans(text, found)


def _load_spacy(name: str) -> Any:
    try:
        import spacy
    except ImportError as error:
        raise MissingExtraError.of("spacy", f"splitter='spacy:{name}'") from error
    if spacy.util.is_package(name) or "/" in name:
        return spacy.load(name)
    try:
        return spacy.blank(name)
    except ImportError as error:
        reason = str(error).strip()
        if "[E048]" in reason:  # spaCy's number for a language that it does not know
            raise InputError(
                f"splitter='spacy:{name}': no installed spaCy pipeline and no language has this name; install the "
                "pipeline, or give a language code such as 'spacy:en'."
            ) from error
        needed = _SPACY_NEEDS.get(name)
        raise InputError(
            f"splitter='spacy:{name}': spaCy splits this language with another library, which is not installed"
            + (f": pip install {needed}" if needed else f". spaCy says: {reason}")
        ) from error


def _spacy_splitter(pipeline: Any, name: str) -> WordSplitter:
    # A blank language has a tokenizer and no more, and its tokenizer has no limit on the length of a text.
    read = pipeline.pipe if pipeline.pipe_names else pipeline.tokenizer.pipe

    def split(texts: Sequence[str]) -> list[Spans]:
        longest = max(map(len, texts), default=0)
        if pipeline.pipe_names and longest > pipeline.max_length:
            raise InputError(
                f"A text has {longest:,} characters, and the spaCy pipeline takes {pipeline.max_length:,}: cut the "
                "text, raise pipeline.max_length, or use a blank language."
            )
        return [
            as_spans([(token.idx, token.idx + len(token.text)) for token in doc if not token.is_space])
            for doc in read(texts)
        ]

    return WordSplitter(name, split, by_rule=True)
