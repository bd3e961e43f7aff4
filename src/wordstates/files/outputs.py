"""All files that a run writes, seen to be free before anything is computed."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from wordstates.errors import OutputError
from wordstates.files.atomic import check_name
from wordstates.files.formats import provenance_path

_WITH_PROVENANCE = (".jsonl", ".csv", ".tsv", ".txt", ".bin")  # formats that have no place for it in the file
_WITH_COUNTS = (".txt", ".bin")  # word2vec


def vocabulary_path(path: Path) -> Path:
    """Give the path of the counts of the words of a word2vec file."""
    return path.with_name(f"{path.name}.vocab")


def rejects_path(path: Path) -> Path:
    """Give the path of the list of documents that are not in a file."""
    return path.with_name(f"{path.name}.rejects.jsonl")


def written_with(path: Path) -> list[Path]:
    """Give every file that a run may write beside its output."""
    ending = path.suffix.lower()
    beside = [provenance_path(path)] if ending in _WITH_PROVENANCE else []
    beside += [vocabulary_path(path)] if ending in _WITH_COUNTS else []
    return [*beside, rejects_path(path)]


def check_free(path: Path, *, overwrite: bool) -> None:
    """See that a file can be made without harm to another one.

    Args:
        path: The file.
        overwrite: Whether it may be there already, and what is written beside it.

    Raises:
        OutputError: If what is written beside it is there and may not be replaced, or it would lie in a store.
    """
    check_name(path)
    for folder in list(path.absolute().parents)[:2]:
        if (folder / "manifest.json").is_file() and (folder / "records").is_dir():
            raise OutputError(
                f"{str(path)!r} lies in the store {str(folder)!r}, which holds its own files: write elsewhere."
            )
    told_by_its_writer = path.exists()  # the output itself: named first, by the message that it has always had
    there = (
        []
        if overwrite or told_by_its_writer
        else [each for each in written_with(path) if each.exists() or each.is_symlink()]
    )
    if there:
        raise OutputError(
            f"{str(there[0])!r} exists, and belongs to {path.name!r}: choose another name, or pass overwrite=True to "
            "replace it."
        )


def check_no_input(outputs: Iterable[Path], inputs: Iterable[Path]) -> None:
    """See that no file that a run writes is one that it reads.

    Raises:
        OutputError: If one is, or lies in a folder that is read.
    """
    for output in outputs:
        target = output.resolve()
        for path in inputs:
            if path.exists() and target.exists() and target.samefile(path):
                raise OutputError(f"{str(output)!r} is one of the inputs, and would be lost: write to another file.")
            if path.is_dir() and path.resolve() in target.parents:
                raise OutputError(
                    f"{str(output)!r} lies in the input folder {str(path)!r}, and the next run would read it: write "
                    "elsewhere."
                )


def check_page(path: str | Path, *, figures: bool = True) -> None:
    """See that a page is called one, so that no program takes it for figures.

    Args:
        path: The page.
        figures: Whether programs can have what is on it otherwise.

    Raises:
        OutputError: If it is not.
    """
    if Path(path).suffix not in (".html", ".htm"):
        raise OutputError(
            f"{str(path)!r} would hold a page for a browser: give it a name that ends with .html."
            + (" For figures in a program, pass json=True." if figures else "")
        )
