"""What each subword writes, checked against the text it claims, and spans from the writing where offsets fail.

Tokenizers report char offsets that are sometimes wrong, and some report none. Here the *surface* of a piece (what it
writes: ``"##ing"`` writes *ing*, ``"▁fox"`` writes *fox*, ``"<0xE4>"`` one byte) is held against ``text[start:end]``,
and where that fails, surfaces and text are aligned character by character.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from functools import cache
from typing import Literal

import numpy as np
import regex
import spacy_alignments
from jaxtyping import Bool, Int

from wordstates.text.align import SubwordSpans, is_space, trim_spans

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

    Example:
        >>> surface_of("##ing", "wordpiece"), surface_of("▁fox", "sentencepiece"), surface_of("Ġfox", "byte_level")
        ('ing', ' fox', ' fox')
        >>> surface_of("<0xE4>", "sentencepiece")
        b'\xe4'
    """
    if style == "byte_level":
        alphabet = _byte_alphabet()
        bare = piece.removesuffix("</w>")
        if all(char in alphabet for char in bare):
            return _text_or_bytes(bytes(alphabet[char] for char in bare))
        return bare
    if style == "bytes":
        if len(piece) == 1 and ord(piece) < 256:
            return _text_or_bytes(piece.encode("latin-1"))
        return piece
    if style == "sentencepiece":
        byte = _BYTE_PIECE.fullmatch(piece)
        return _text_or_bytes(bytes.fromhex(byte.group(1))) if byte else piece.replace("▁", " ")
    if style == "wordpiece":
        return piece.removeprefix("##") if len(piece) > 2 else piece
    return piece.removesuffix("</w>").removesuffix("@@")


def _text_or_bytes(raw: bytes) -> str | bytes:
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


def fold(text: str) -> str:
    """Make two spellings of one text equal: compatibility forms, case, marks and white space are gone.

    Example:
        >>> fold("Ａ Café") == fold("a cafe")
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

    Example:
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
            wrong += fold(text[start:end]) != fold(surface)
        elif start == end:
            wrong += 1
    gaps = np.flatnonzero(np.cumsum(covered[:-1]) == 0)
    return wrong + sum(_VISIBLE.match(text, position) is not None for position in gaps.tolist())


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


def spans_from_strings(text: str, surfaces: Sequence[Surface]) -> SubwordSpans:
    """Find the span of each piece by aligning what the pieces write with the text, character by character.

    Bytes are first put together to characters, and each byte's piece gets the span of the whole character. A piece that
    writes nothing known takes the stretch that its known neighbours leave open.

    Args:
        text: The text.
        surfaces: What each piece writes, in order.

    Returns:
        Trimmed char spans, shape (subwords, 2); empty where a piece stands for no character.

    Source:
        The character alignment is `spacy_alignments` (Myers' diff after NFKD and lower case).
    """
    chars, owners = _written_characters(surfaces)
    to_text = spacy_alignments.get_alignments([char.strip() for char in chars], [char.strip() for char in text])[0]
    starts = np.full(len(surfaces), -1, dtype=np.int64)
    ends = np.full(len(surfaces), -1, dtype=np.int64)
    for pieces, positions in zip(owners, to_text, strict=True):
        if positions:
            for piece in pieces:
                starts[piece] = positions[0] if starts[piece] < 0 else min(starts[piece], positions[0])
                ends[piece] = max(ends[piece], positions[-1] + 1)
    _fill_unknown(text, surfaces, starts, ends)
    return trim_spans(text, np.stack([starts, ends], axis=1))


def _written_characters(surfaces: Sequence[Surface]) -> tuple[list[str], list[list[int]]]:
    """Give the characters that the pieces write together, and the pieces that wrote each."""
    chars: list[str] = []
    owners: list[list[int]] = []
    pending = b""
    pending_owners: list[int] = []
    for index, surface in enumerate(surfaces):
        if isinstance(surface, bytes):
            for byte in surface:
                if not 0x80 <= byte < 0xC0:  # a character begins here, so what is pending never became one
                    pending, pending_owners = b"", []
                pending, pending_owners = pending + bytes([byte]), [*pending_owners, index]
                decoded = _text_or_bytes(pending)
                if isinstance(decoded, str):
                    chars.append(decoded)
                    owners.append(sorted(set(pending_owners)))
                    pending, pending_owners = b"", []
        else:
            pending, pending_owners = b"", []
            for char in surface or "":
                chars.append(char)
                owners.append([index])
    return chars, owners


def _writes_something(surface: Surface) -> bool:
    return not isinstance(surface, str) or bool(fold(surface))


def _fill_unknown(text: str, surfaces: Sequence[Surface], starts: np.ndarray, ends: np.ndarray) -> None:
    """Give each run of unplaced pieces the stretch of text between its placed neighbours, a run of ink a piece."""
    index = 0
    while index < len(surfaces):
        if starts[index] >= 0:
            index += 1
            continue
        stop = index
        while stop < len(surfaces) and starts[stop] < 0:
            stop += 1
        left = int(ends[:index].max(initial=0))
        right = int(starts[stop]) if stop < len(surfaces) else len(text)
        starts[index:stop] = ends[index:stop] = min(left, right)
        lost = [piece for piece in range(index, stop) if _writes_something(surfaces[piece])]
        runs = [match.span() for match in regex.finditer(r"\S+", text, pos=left, endpos=max(left, right))]
        if lost and runs:
            one_each = len(lost) == len(runs)
            for rank, piece in enumerate(lost):
                starts[piece], ends[piece] = runs[rank] if one_each else (runs[0][0], runs[-1][1])
        index = stop
