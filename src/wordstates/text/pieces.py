"""What each subword writes, checked against the text it claims.

Tokenizers report char offsets that are sometimes wrong. Here the *surface* of a piece (what it writes: ``"##ing"``
writes *ing*, ``"▁fox"`` writes *fox*, ``"<0xE4>"`` one byte) is held against ``text[start:end]``.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from functools import cache
from typing import Literal

import numpy as np
import regex
from jaxtyping import Bool, Int

from wordstates.text.align import SubwordSpans, is_space

SurfaceStyle = Literal["byte_level", "sentencepiece", "wordpiece", "bytes", "plain"]
# A piece writes text, or bytes that need their neighbours to be text; None: unknown, it could be anything.
Surface = str | bytes | None

_BYTE_PIECE = regex.compile(r"<0x([0-9A-Fa-f]{2})>")
# What normalizers delete or turn into a space: controls, invisible format characters, the replacement character.
_UNWRITTEN = regex.compile(r"(?V1)[[\p{Cc}\p{Cf}\uFFFD]--\s]")
_VISIBLE = regex.compile(r"(?V1)[[\p{L}\p{N}\p{P}\p{S}]--\uFFFD]")


def surface_of(piece: str, style: SurfaceStyle) -> Surface:
    r"""Say what a piece writes.

    Args:
        piece: The piece as the vocabulary has it.
        style: How the tokenizer spells its pieces.

    Returns:
        Text without the marks of the vocabulary (a leading space stays where it is part of the piece), or bytes where
        they are no text by themselves.

    Examples:
        >>> surface_of("##ing", "wordpiece"), surface_of("▁fox", "sentencepiece"), surface_of("Ġfox", "byte_level")
        ('ing', ' fox', ' fox')
        >>> surface_of("<0xE4>", "sentencepiece")
        b'\xe4'
    """
    if style == "byte_level":
        alphabet = _byte_alphabet()
        bare = piece.removesuffix("</w>")
        if all(char in alphabet for char in bare):
            return text_or_bytes(bytes(alphabet[char] for char in bare))
        return bare
    if style == "bytes":
        if len(piece) == 1 and ord(piece) < 256:
            return text_or_bytes(piece.encode("latin-1"))
        return piece
    if style == "sentencepiece":
        byte = _BYTE_PIECE.fullmatch(piece)
        return text_or_bytes(bytes.fromhex(byte.group(1))) if byte else piece.replace("▁", " ")
    if style == "wordpiece":
        return piece.removeprefix("##") if len(piece) > 2 else piece
    return piece.removesuffix("</w>").removesuffix("@@")


def text_or_bytes(raw: bytes) -> str | bytes:
    """Read bytes as UTF-8 where they are that."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw


@cache
def _byte_alphabet() -> dict[str, int]:
    """Give the byte that each character of the byte-level alphabet stands for (GPT-2's `bytes_to_unicode`)."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(256 + rank): byte for rank, byte in enumerate(others)}


def without_form(text: str) -> str:
    """Make two spellings of one text equal: compatibility forms, case, marks and white space are gone.

    Examples:
        >>> without_form("Ａ Café") == without_form("a cafe")
        True
    """
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return "".join(char for char in decomposed if unicodedata.category(char)[0] not in "MZC")


def holds_unwritten(text: str) -> bool:
    """Tell whether a text has invisible characters that a piece may claim without writing them."""
    return _UNWRITTEN.search(text) is not None


def without_unwritten(text: str, spans: SubwordSpans, surface: Callable[[int], Surface]) -> SubwordSpans:
    r"""Take off the edges of each span the invisible characters that its piece does not write.

    XLM-R reads a direction mark as a space, so that its ``▁fox`` claims the mark too, which belongs to no word or to
    the one before. A piece that writes the character, or has nothing else, keeps it.

    Args:
        text: The text.
        spans: Trimmed char span of each piece.
        surface: From a piece, by its place, to what it writes.

    Examples:
        >>> without_unwritten("\u200ffox", np.array([[0, 4]]), lambda piece: " fox").tolist()
        [[1, 4]]
    """
    if not holds_unwritten(text):
        return spans
    unwritten = np.zeros(len(text) + 1, dtype=bool)
    unwritten[[match.start() for match in _UNWRITTEN.finditer(text)]] = True
    spans = spans.copy()
    long = spans[:, 1] - spans[:, 0] > 1
    for piece in np.flatnonzero(long & (unwritten[spans[:, 0]] | unwritten[spans[:, 1] - 1])).tolist():
        written = surface(piece)
        bare = written.strip() if isinstance(written, str) else ""
        start, end = spans[piece].tolist()
        while bare and end - start > 1 and unwritten[start] and text[start] != bare[0]:
            start += 1
        while bare and end - start > 1 and unwritten[end - 1] and text[end - 1] != bare[-1]:
            end -= 1
        spans[piece] = start, end
    return spans


def mismatches(text: str, spans: SubwordSpans, surfaces: Sequence[Surface]) -> int:
    """Count the pieces that do not write what their span holds, and the visible characters that no piece covers.

    Args:
        text: The text.
        spans: Trimmed char span of each piece.
        surfaces: What each piece writes; unknown pieces and lone bytes can only be checked for covering something.

    Returns:
        0 for an alignment that explains the whole text.
    """
    wrong = 0
    covered = np.zeros(len(text) + 1, dtype=np.int64)
    for (start, end), surface in zip(spans.tolist(), surfaces, strict=True):
        covered[start] += 1
        covered[end] -= 1
        if isinstance(surface, str):
            wrong += without_form(text[start:end]) != without_form(surface)
        elif start == end:
            wrong += 1
    gaps = np.flatnonzero(np.cumsum(covered[:-1]) == 0)
    return wrong + sum(_VISIBLE.match(text, position) is not None for position in gaps.tolist())


def writes_its_spans(text: str, spans: SubwordSpans, surfaces: Sequence[Surface]) -> bool:
    """Tell whether every piece writes at least what its span holds, or marks a neighbour's span.

    Some vocabularies write more than the text: a mark before each capital letter, as part of a piece or as one. Unknown
    pieces and lone bytes can be anything.

    Args:
        text: The text.
        spans: Trimmed char span of each piece.
        surfaces: What each piece writes.

    Examples:
        >>> writes_its_spans("UA", np.array([[0, 1], [0, 1], [1, 2]]), ["M", "u", "Ma"])
        True
        >>> writes_its_spans("the fox", np.array([[0, 2], [2, 7]]), ["the", "fox"])
        False
    """
    listed = spans.tolist()
    written = [
        not isinstance(surface, str) or without_form(text[start:end]) in without_form(surface)
        for (start, end), surface in zip(listed, surfaces, strict=True)
    ]
    return all(
        here
        or any(
            0 <= place < len(listed) and written[place] and _holds(listed[place], span) for place in (at - 1, at + 1)
        )
        for at, (here, span) in enumerate(zip(written, listed, strict=True))
    )


def _holds(outer: Sequence[int], inner: Sequence[int]) -> bool:
    return outer[0] <= inner[0] and inner[1] <= outer[1]


def sound_texts(
    joined: str,
    text_starts: Int[np.ndarray, " bounds"],
    spans: SubwordSpans,
    text_of: Int[np.ndarray, " subwords"],
    blank: Bool[np.ndarray, " subwords"],
) -> Bool[np.ndarray, " texts"]:
    """Check in one sweep what right offsets always satisfy: order, and a span for every piece that writes something.

    Args:
        joined: All texts, one after the other.
        text_starts: Where each begins, and where the last ends.
        spans: Trimmed spans in `joined`.
        text_of: Text of each piece.
        blank: True for each piece that writes only white space.

    Returns:
        True for each text whose spans are in order, not empty, and leave no visible character out.
    """
    sound = np.ones(len(text_starts) - 1, dtype=bool)
    solid, text_of = spans[~blank], text_of[~blank]
    sound[text_of[solid[:, 1] <= solid[:, 0]]] = False
    sound[text_of[1:][(np.diff(solid, axis=0) < 0).any(axis=1)]] = False
    edges = np.bincount(solid[:, 0], minlength=len(joined) + 1) - np.bincount(solid[:, 1], minlength=len(joined) + 1)
    uncovered = np.flatnonzero((np.cumsum(edges[:-1]) == 0) & ~is_space(joined)).tolist()
    visible = [place for place in uncovered if _VISIBLE.match(joined, place)]
    sound[np.searchsorted(text_starts, visible, side="right") - 1] = False
    return sound
