"""The bytes and the text of a source, as a stream: opened, decompressed and decoded.

Everything that can go wrong with a file before its format matters is reported here: it is empty, its compression is
broken, its bytes are not in the encoding.
"""

from __future__ import annotations

import codecs
import gzip
import re
import sys
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

from wordstates.documents.sources import Source
from wordstates.errors import InputError
from wordstates.wording import said

_CHUNK = 1 << 20
_LOOK, _SHORTEST_LOOK = 64, 8  # bytes at the start of a file that tell how it is encoded
_EMPTY_LINES = re.compile(r"(?:[ \r]*\n)+")
_MARKS = {  # byte order marks; that of UTF-32 begins as that of UTF-16 does
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


class NothingToReadError(InputError):
    """A file without text, or that may not be read: where there are others, it is left out and the rest is read."""


def read_chunks(source: Source) -> Iterator[bytes]:
    """Read a source piece by piece, decompressed.

    Raises:
        NothingToReadError: If it has no bytes at all, or may not be read.
        InputError: If it cannot be read, or its compression is broken.
    """
    empty = True
    try:
        with _opened(source) as stream:
            while chunk := stream.read(_CHUNK):
                empty = False
                yield chunk
    except PermissionError as error:
        raise NothingToReadError(f"{source.name!r}: cannot be read ({said(error)})") from error
    except (OSError, EOFError, zlib.error) as error:
        broken = f"not a whole {source.compression} file" if source.compression else "cannot be read"
        raise InputError(f"{source.name!r}: {broken} ({said(error)})") from error
    if empty:
        raise NothingToReadError(f"{source.name!r} is empty: it has 0 bytes; give a file with text in it.")


@contextmanager
def _opened(source: Source) -> Iterator[Any]:
    if source.path is None:
        if sys.stdin is None:
            raise OSError("standard input is closed")
        yield sys.stdin.buffer  # never closed: it is not ours
        return
    with source.path.open("rb") as file:
        if source.meter is not None:
            source.meter.reads(file)
        if source.compression == ".gz":
            with gzip.GzipFile(fileobj=file, mode="rb") as stream:
                yield stream
        elif source.compression == ".zst":
            with pa.input_stream(file, compression="zstd") as stream:
                yield stream
        else:
            yield file


@contextmanager
def seekable(source: Source) -> Iterator[Any]:
    """Open a source for formats that are read from their end: what is not a plain file goes through a temporary one."""
    if source.path is not None and source.path.is_file() and not source.compression:
        next(read_chunks(source))  # tells of an empty or unreadable file in the words of every other format
        with source.path.open("rb") as file:
            yield file
        return
    with tempfile.TemporaryFile() as copy:
        copy.writelines(read_chunks(source))
        copy.seek(0)
        yield copy


def decoder_of(encoding: str) -> codecs.IncrementalDecoder:
    """Make a decoder of an encoding; raises InputError where it does not exist."""
    try:
        if not codecs.lookup(encoding)._is_text_encoding:  # as rot13, base64 and zlib
            raise LookupError
        return codecs.getincrementaldecoder(encoding)()
    except (LookupError, ValueError):
        raise InputError(
            f"Encoding {encoding[:40]!r} does not exist, or is not of text: give one of Python, as utf-8 or latin-1."
        ) from None


def read_text(source: Source, encoding: str) -> Iterator[str]:
    """Decode a source piece by piece; a byte order mark at its start says the encoding, and is dropped.

    Raises:
        InputError: If the encoding is unknown, or bytes are not in it: with the line and the byte offset.
    """
    decoder = decoder_of(encoding)
    read = lines = 0
    first = True
    for chunk in _with_end(_whole_marks(read_chunks(source))):
        if not read:
            marked = next((name for mark, name in _MARKS.items() if chunk.startswith(mark)), None)
            if marked is None:
                _check_not_utf16(source, chunk, encoding)
            elif not encoding.lower().replace("_", "-").startswith(marked):
                encoding, decoder = marked, decoder_of(marked)
        try:
            text = decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError as error:
            # The decoder may hold bytes of the chunk before, so its own offset is told from the end of what it holds.
            offset = read + len(chunk) - len(error.object) + error.start
            line = lines + error.object[: error.start].count(b"\n") + 1
            raise InputError(
                f"{source.name}:{line}: not valid {encoding} at byte offset {offset} ({error.reason}): "
                "pass encoding='latin-1', or whichever it is, where the command takes it; else convert it with iconv."
            ) from error
        except UnicodeError as error:  # UTF-16 without a byte order mark, which has no position
            raise InputError(f"{source.name!r}: not valid {encoding} ({said(error)}): name it, encoding=...") from error
        read += len(chunk)
        lines += text.count("\n")
        if first and text:
            text, first = text.removeprefix("\ufeff"), False
        if text:
            yield text


def _whole_marks(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Make the first chunk long enough for any byte order mark, and for a look at what the bytes are."""
    begun = b""
    for chunk in chunks:
        begun += chunk
        if len(begun) >= _LOOK:
            break
    yield begun
    yield from chunks


def _check_not_utf16(source: Source, start: bytes, encoding: str) -> None:
    """Refuse UTF-16 and UTF-32 without a mark, which as UTF-8 or latin-1 are letters with NULs between them."""
    start = start[:_LOOK]
    even, odd = start[::2].count(0), start[1::2].count(0)
    width = 32 if 5 * (even + odd) > 3 * len(start) else 16 if 4 * (even + odd) >= len(start) and not even * odd else 0
    if not width or len(start) < _SHORTEST_LOOK or re.match(r"(utf)?[-_]?u?(16|32)", encoding, re.IGNORECASE):
        return
    order = "be" if even > odd else "le"
    raise InputError(
        f"{source.name!r}: not valid {encoding}: it has NULs as UTF-{width} without a byte order mark has them: pass "
        f"encoding='utf-{width}-{order}', or convert it with iconv."
    )


def _with_end(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Add an empty chunk at the end, which tells the decoder to complain of half a character."""
    yield from chunks
    yield b""


def read_lines(
    source: Source, encoding: str, *, longest: int | None = None, runs_of_blanks: bool = False
) -> Iterator[tuple[int, str]]:
    r"""Give each line with its number from 1, its ``\n`` or ``\r\n`` kept; no other character ends a line.

    Args:
        source: The file.
        encoding: Its encoding.
        longest: Characters of a line that is kept whole; of a longer one, one character more is kept, and its end.
        runs_of_blanks: Of many empty lines in a row, most are counted and not given: a file may have a billion.
    """
    number, begun, held = 1, list[str](), 0  # pieces of a line that goes on in the next chunk
    for text in read_text(source, encoding):
        place = 0
        while (end := text.find("\n", place)) >= 0:
            piece = text[place : end + 1]
            if begun:
                piece = "".join([*begun, _within(piece, longest, held)])
                begun, held = [], 0
            yield number, piece if piece[-1:] == "\n" else piece + "\n"
            number, place = number + 1, end + 1
            if runs_of_blanks and piece.isspace() and (run := _EMPTY_LINES.match(text, place)):
                number, place = number + text.count("\n", place, run.end()), run.end()
        if place < len(text):
            begun.append(_within(text[place:], longest, held))
            held += len(text) - place
    if begun:
        yield number, "".join(begun)


def _within(piece: str, longest: int | None, held: int) -> str:
    """Give of a piece of a line what is kept of it, after so many characters of the line."""
    return piece if longest is None else piece[: max(longest + 1 - held, 0)]


def without_terminator(line: str) -> str:
    r"""Take ``\n`` or ``\r\n``, and nothing else, off the end of a line."""
    return line[:-2] if line.endswith("\r\n") else line.removesuffix("\n")
