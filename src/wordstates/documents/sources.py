"""Where texts come from: files, folders and standard input, opened, decompressed and decoded as a stream.

Everything that can go wrong with a file before its format matters is told here: it is not there, its ending says
nothing, it is empty, its compression is broken, its bytes are not in the encoding.
"""

from __future__ import annotations

import codecs
import difflib
import gzip
import os
import sys
import tempfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from wordstates.documents.input_meter import InputMeter
from wordstates.errors import InputError
from wordstates.options import InputFormat

FORMATS: dict[str, InputFormat] = {
    ".txt": "txt",
    ".text": "txt",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
    ".conllu": "conllu",
}
COMPRESSIONS = (".gz", ".zst")
STDIN = "-"

_CHUNK = 1 << 20
_KNOWN = f"{', '.join(FORMATS)}, each also with {' or '.join(COMPRESSIONS)}"


@dataclass(frozen=True, slots=True)
class Source:
    """One input to read from its beginning to its end.

    Args:
        name: The path as given, or ``-``; it begins the ids of the documents and every error.
        path: The file; None: standard input.
        format: One of the values of `FORMATS`.
        compression: ``.gz``, ``.zst``, or an empty string.
        meter: Follows how far it has been read, if anybody wants to know.
    """

    name: str
    path: Path | None
    format: str
    compression: str = ""
    meter: InputMeter | None = field(default=None, compare=False)


def find_sources(inputs: Sequence[str | Path], format: str | None = None) -> list[Source]:
    """Turn paths as given into files to read, folders into the files below them.

    Args:
        inputs: Files, folders, or ``-`` for standard input.
        format: Format of all of them (an ending without its dot); None: by the ending of each, text for ``-``.

    Returns:
        The sources in the order of `inputs`, those of a folder sorted by path.

    Raises:
        InputError: If nothing is given, a path does not exist, a folder holds no such file, or an ending says nothing.
    """
    if isinstance(inputs, (str, Path)):  # a str is a sequence of str too, and would be read as one path a letter
        inputs = [inputs]
    if not inputs:
        raise InputError("There is no input: give files, folders, or '-' for standard input.")
    chosen = None if format is None else _format_named(format)
    sources: list[Source] = []
    for given in inputs:
        if str(given) == STDIN:
            sources.append(Source(STDIN, None, chosen or "txt"))
            continue
        path = Path(given)
        if path.is_dir():
            sources.extend(_sources_below(path, chosen))
        elif path.exists():
            sources.append(_source_of(path, chosen))
        else:
            raise InputError(f"{shown(given)!r} does not exist: give files, folders, or '-' for standard input.")
    return sources


def shown(path: str | Path) -> str:
    """Write a path so that it can be printed and stored, even where its name is not UTF-8."""
    return os.fsencode(path).decode("utf-8", "replace")


def suggestion(wrong: str, allowed: Iterable[str]) -> str:
    """Give ``: did you mean 'x'?`` where an allowed name is close, else an empty string."""
    close = difflib.get_close_matches(wrong, list(allowed), n=1)
    return f": did you mean {close[0]!r}?" if close else ""


def _format_named(name: str) -> str:
    ending = f".{name.lower().removeprefix('.')}"
    if ending not in FORMATS:
        names = sorted(set(FORMATS.values()))
        raise InputError(f"Format {name!r} does not exist: it is one of {', '.join(names)}{suggestion(name, names)}")
    return FORMATS[ending]


def _endings_of(path: Path) -> tuple[str, str]:
    """Split ``corpus.jsonl.gz`` into its format's ending and its compression."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    compression = suffixes.pop() if suffixes and suffixes[-1] in COMPRESSIONS else ""
    return (suffixes[-1] if suffixes else ""), compression


def _source_of(path: Path, chosen: str | None) -> Source:
    ending, compression = _endings_of(path)
    found = chosen or FORMATS.get(ending)
    if found is None:
        raise InputError(
            f"{shown(path)!r}: its ending does not say how to read it. Known endings: {_KNOWN}. "
            "Or name the format, as --format txt."
        )
    return Source(shown(path), path, found, compression)


def _sources_below(folder: Path, chosen: str | None) -> list[Source]:
    """Find the files below a folder whose ending is known (that of the chosen format), hidden ones left out."""
    sources = []
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        found = FORMATS.get(_endings_of(path)[0])
        if not hidden and found is not None and chosen in (None, found) and path.is_file():
            sources.append(_source_of(path, found))
    if not sources:
        wanted = "a known ending" if chosen is None else f"an ending of the format {chosen!r}"
        raise InputError(
            f"{shown(folder)!r} is a folder without a file that has {wanted}. Known endings: {_KNOWN}. "
            "Give the files themselves with --format to read others."
        )
    return sources


def read_chunks(source: Source) -> Iterator[bytes]:
    """Read a source piece by piece, decompressed.

    Raises:
        InputError: If it cannot be read, its compression is broken, or it has no bytes at all.
    """
    empty = True
    try:
        with _opened(source) as stream:
            while chunk := stream.read(_CHUNK):
                empty = False
                yield chunk
    except (OSError, EOFError, zlib.error) as error:
        broken = f"not a whole {source.compression} file" if source.compression else "cannot be read"
        raise InputError(f"{source.name!r}: {broken} ({error})") from error
    if empty:
        raise InputError(f"{source.name!r} is empty: it has 0 bytes; give a file with text in it.")


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
        return codecs.getincrementaldecoder(encoding)()
    except LookupError:
        raise InputError(f"Encoding {encoding!r} does not exist: give one Python knows, as utf-8 or latin-1.") from None


def read_text(source: Source, encoding: str) -> Iterator[str]:
    """Decode a source piece by piece; a byte order mark at its start is dropped.

    Raises:
        InputError: If the encoding is unknown, or bytes are not in it: with the line and the byte offset.
    """
    decoder = decoder_of(encoding)
    read = lines = 0
    first = True
    for chunk in _with_end(read_chunks(source)):
        try:
            text = decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError as error:
            # The decoder may hold bytes of the chunk before, so its own offset is told from the end of what it holds.
            offset = read + len(chunk) - len(error.object) + error.start
            line = lines + error.object[: error.start].count(b"\n") + 1
            raise InputError(
                f"{source.name}:{line}: not valid {encoding} at byte offset {offset} ({error.reason}): "
                "pass --encoding latin-1, or whichever it is, where the command takes it; else convert it with iconv."
            ) from error
        except UnicodeError as error:  # UTF-16 without a byte order mark, which has no position
            raise InputError(f"{source.name!r}: not valid {encoding} ({error}): pass --encoding.") from error
        read += len(chunk)
        lines += text.count("\n")
        if first and text:
            text, first = text.removeprefix("\ufeff"), False
        if text:
            yield text


def _with_end(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Add an empty chunk at the end, which tells the decoder to complain of half a character."""
    yield from chunks
    yield b""


def read_lines(source: Source, encoding: str) -> Iterator[tuple[int, str]]:
    r"""Give each line with its number from 1, its ``\n`` or ``\r\n`` kept; no other character ends a line."""
    number = 1
    begun: list[str] = []  # pieces of a line that goes on in the next chunk
    for text in read_text(source, encoding):
        *whole, rest = text.split("\n")
        for line in whole:
            begun.append(line)
            yield number, "".join(begun) + "\n"
            begun.clear()
            number += 1
        if rest:
            begun.append(rest)
    if begun:
        yield number, "".join(begun)


def without_terminator(line: str) -> str:
    r"""Take ``\n`` or ``\r\n``, and nothing else, off the end of a line."""
    return line[:-2] if line.endswith("\r\n") else line.removesuffix("\n")
