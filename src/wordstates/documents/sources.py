"""Where texts come from: which files are read, and as what."""

from __future__ import annotations

import difflib
import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

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
    ".xlsx": "xlsx",
    ".conllu": "conllu",
    ".conll": "conll",
}
COMPRESSIONS = (".gz", ".zst")
STDIN = "-"

# Files that lie beside a corpus and are no part of it, by their names without an ending.
_ABOUT = re.compile(r"(read.?me|licen[sc]e|copying|notice|changelog|changes|authors|contributors|citation)\b.*", re.I)
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
        fault: Why it cannot be read, where that is known before: a folder that may not be listed.
    """

    name: str
    path: Path | None
    format: str
    compression: str = ""
    meter: InputMeter | None = field(default=None, compare=False)
    fault: str = ""


@dataclass(frozen=True)
class FoundSources:
    """What is read, and what lies beside it.

    Args:
        sources: What is read, in order.
        left_out: Files with a known ending that are not read, because they are about the corpus (``README.txt``).
        mixed: Folders with files of several formats, and how many of each.
    """

    sources: list[Source] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    mixed: dict[str, Counter[str]] = field(default_factory=dict)


def find_sources(
    inputs: Sequence[str | Path],
    format: str | None = None,
    *,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
) -> FoundSources:
    """Turn paths as given into files to read, folders into the files below them.

    Args:
        inputs: Files, folders, or ``-`` for standard input.
        format: Format of all of them (an ending without its dot); None: by the ending of each, text for ``-``.
        include: Patterns (``*``, ``?``, ``[...]``); of the files below a folder, only those are read whose name, or
            path below the folder, fits one.
        exclude: Patterns of files below a folder that are not read.

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
    found = FoundSources()
    for given in inputs:
        if str(given) == STDIN:
            found.sources.append(Source(STDIN, None, chosen or "txt"))
            continue
        path = Path(given)
        if path.is_dir():
            _look_below(path, chosen, include, exclude, found)
        elif path.exists():
            found.sources.append(_source_of(path, chosen))
        else:
            raise InputError(f"{shown(given)!r} does not exist: give files, folders, or '-' for standard input.")
    _check_once(found.sources)
    return found


def _check_once(sources: Sequence[Source]) -> None:
    """Refuse a file that is given twice, as itself and by its folder: its documents would be there twice."""
    times = Counter(source.path.resolve() for source in sources if source.path is not None)
    for source in sources:
        if source.path is not None and times[source.path.resolve()] > 1:
            raise InputError(f"{source.name!r} is given twice, by itself or by a folder: give each file once.")


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
    if suffixes[-2:] == [".conll", ".txt"]:  # as published: wikigold.conll.txt
        suffixes.pop()
    return (suffixes[-1] if suffixes else ""), compression


def _source_of(path: Path, chosen: str | None) -> Source:
    ending, compression = _endings_of(path)
    found = chosen or FORMATS.get(ending)
    if found is None:
        raise InputError(
            f"{shown(path)!r}: its ending does not say how to read it. Known endings: {_KNOWN}. "
            "Or name the format, as format='txt'."
        )
    return Source(shown(path), path, found, compression)


def _look_below(
    folder: Path, chosen: str | None, include: Sequence[str], exclude: Sequence[str], found: FoundSources
) -> None:
    """Find the files below a folder whose ending is known (that of the chosen format), hidden ones left out."""
    sources, closed = [], list[Source]()

    def cannot_be_listed(error: OSError) -> None:
        name = shown(error.filename)
        closed.append(Source(name, None, "txt", fault=f"{name!r}: this folder cannot be read ({error.strerror})."))

    for parent, folders, names in os.walk(folder, onerror=cannot_be_listed):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for path in (Path(parent, name) for name in names if not name.startswith(".")):
            form = FORMATS.get(_endings_of(path)[0])
            if form is None or chosen not in (None, form) or not path.is_file():
                continue
            inside = path.relative_to(folder).as_posix()
            if _fits(inside, exclude) or (include and not _fits(inside, include)):
                continue
            if form == "txt" and not include and _ABOUT.fullmatch(path.name):
                found.left_out.append(shown(path))
            else:
                sources.append(_source_of(path, form))
    if not sources and not closed:
        raise InputError(_nothing_in(folder, chosen, include, exclude))
    formats = Counter(source.format for source in sources)
    if len(formats) > 1:
        found.mixed[shown(folder)] = formats
    found.sources.extend(sorted(sources, key=lambda source: source.path or folder))
    found.sources.extend(sorted(closed, key=lambda source: source.name))
    found.left_out.sort()


def _fits(path: str, patterns: Sequence[str]) -> bool:
    """Tell whether the name of a file, or its path below the folder, fits a pattern."""
    return any(fnmatchcase(each, pattern) for pattern in patterns for each in (path, path.rpartition("/")[2]))


def _nothing_in(folder: Path, chosen: str | None, include: Sequence[str], exclude: Sequence[str]) -> str:
    wanted = "a known ending" if chosen is None else f"an ending of the format {chosen!r}"
    patterns = " and fits include=... and exclude=..." if include or exclude else ""
    return (
        f"{shown(folder)!r} is a folder without a file that has {wanted}{patterns}. Known endings: {_KNOWN}. "
        "Give the files themselves with format=... to read others."
    )
