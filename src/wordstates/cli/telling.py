"""How a command ends: its report, what is worth noting, and the documents that were left out."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from wordstates.cli.as_options import as_options
from wordstates.cli.options import print_json
from wordstates.progress import Progress, ShownProgress
from wordstates.wording import counted

if TYPE_CHECKING:
    from wordstates.cli.groups import EndOptions
    from wordstates.runs.groups import Reject
    from wordstates.runs.report import FileReport
    from wordstates.store.folder import StoreFolder

DONE_WITH_REJECTS = 3
_SEVERAL_TEXTS, _WORDS_OF_A_TEXT = 10, 1.2  # so many texts with so few words each were not meant as texts


def end_with(
    report: FileReport,
    output: str,
    end: EndOptions,
    *,
    dry_run: bool = False,
    notes: Sequence[str] = (),
    files: Sequence[str] = (),
) -> None:
    """Report on a run into one file, list the documents that failed beside it, and set the exit code.

    Args:
        report: What was done.
        output: The file, as it was given.
        end: How to tell it; JSON goes to standard output, unless that was taken by the vectors themselves.
        dry_run: Whether nothing was written: that is reported even where quiet was asked for.
        notes: What is worth noting.
        files: The files that were read, where the input was a folder.

    Raises:
        typer.Exit: If documents failed.
    """
    report.output, report.files = output, [*files]
    if end.json:
        print_json(report.to_dict(), to_stderr=output == "-" and not dry_run)
    elif dry_run or not end.quiet:
        say(report.to_text(), *notes)
    end_with_rejects(report.rejects, "-" if dry_run else output)


def notes_on(statuses: Mapping[str, int], words: int, *, texts: int, left_only: bool) -> list[str]:
    """Say what a user should know of vectors that are there, but may not be what was hoped for.

    Args:
        statuses: Number of words of each status.
        words: Number of words.
        texts: Number of texts.
        left_only: Whether each vector knows its left context only.
    """
    notes = []
    if texts >= _SEVERAL_TEXTS and words < _WORDS_OF_A_TEXT * texts:
        notes.append(
            f"note: nearly every text is one word ({counted(words, 'word')} in {counted(texts, 'text')}), read "
            "without any context; if every row is a word of a longer text, say so with --word-column and --group-column"
        )
    if (unknown := statuses.get("unknown", 0)) > words // 10:
        notes.append(
            f"note: the tokenizer does not know {unknown:,} of {counted(words, 'word')}, whose vectors know the "
            "context alone; choose a model of the text's language, or a multilingual one"
        )
    if left_only:
        notes.append("note: this model is causal: each vector knows its left context only (--repeat reads twice)")
    return notes


def warn_in_lines() -> None:
    """Have the warnings of this process come as a line each, without the code that they come from."""
    warnings.formatwarning = lambda message, *_, **__: f"wordstates: {as_options(str(message))}\n"


def say(*lines: str) -> None:
    """Write lines to standard error."""
    print(*lines, sep="\n", file=sys.stderr, flush=True)


def say_rejects(number: int, path: str | Path) -> None:
    """Say where the documents are that failed."""
    say(f"wordstates: {number:,} of the documents could not be embedded; they are in {path}")


def list_rejects(store: StoreFolder, rejects: Sequence[Mapping[str, str]]) -> None:
    """Write the list of rejects of a store anew, naming options of the command line."""
    store.write_rejects([{**reject, "reason": as_options(reject["reason"])} for reject in rejects])


@contextmanager
def loading_model(*, hidden: bool = False, what: str = "loading model") -> Iterator[None]:
    """Say on a terminal that a model is being loaded, or whatever else is done, until it is."""
    bar = progress_bar(hidden=hidden, first=what)
    try:
        yield
    finally:
        bar.close(failed=True)  # which leaves nothing on the screen


def progress_bar(
    unit: str = "words",
    *,
    hidden: bool,
    what: str = "embedding",
    first: str | None = None,
    total: int | None = None,
    share: Callable[[], float | None] = lambda: None,
    lines: bool = False,
) -> Progress:
    """Show how far the command is, on standard error where that is a terminal.

    Args:
        unit: What is counted.
        hidden: Show nothing.
        what: What is done.
        first: What is done before; default loading the model, before it embeds.
        total: How many there are, if that is known.
        share: Gives how much of the input has been read, as `InputMeter.share`.
        lines: Write a line now and then where there is no terminal.
    """
    is_terminal = sys.stderr is not None and sys.stderr.isatty()
    if hidden or not (is_terminal or lines):
        return Progress()
    if first is None:
        first = "loading model" if what == "embedding" else ""
    return ShownProgress(unit, what=what, first=first, total=total, share=share, bar=is_terminal)


def end_with_rejects(rejects: Sequence[Reject], output: str) -> None:
    """Write which documents are not in the file, and why: beside it, or on standard error; nothing if all are.

    Raises:
        typer.Exit: If documents failed.
    """
    from wordstates.files.atomic import write_text_whole
    from wordstates.files.outputs import rejects_path

    path = rejects_path(Path(output))
    if not rejects:
        if output != "-":
            path.unlink(missing_ok=True)  # of the file that this one has replaced
        return
    told = [{**reject.to_dict(), "reason": as_options(str(reject.error))} for reject in rejects]
    lines = [json.dumps(reject, ensure_ascii=False) for reject in told]
    if output == "-":
        say(*lines)
    else:
        write_text_whole(path, "\n".join(lines) + "\n")
        say_rejects(len(lines), path)
    raise typer.Exit(DONE_WITH_REJECTS)
