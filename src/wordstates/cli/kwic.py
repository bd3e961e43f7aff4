"""`wordstates kwic`: a concordance, sorted by letters or by meaning."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from wordstates.cli.file_options import SearchOptions
from wordstates.cli.groups import InputPaths, ReadingOptions, columns_named
from wordstates.cli.options import Bom, Json, NoVerify, Overwrite, Where, output_option, print_json, search_option
from wordstates.cli.outputs import check_lines_output
from wordstates.cli.telling import say
from wordstates.wording import counted, in_columns

if TYPE_CHECKING:
    from wordstates.usages.concordance import Line

_NARROWEST = 20  # characters of context on a side, however narrow the terminal
_CONTEXT = 40


def kwic(
    target: Annotated[
        str,
        typer.Argument(metavar="TARGET", help="A word or a phrase; * and ? stand for letters; @FILE is a list."),
    ],
    inputs: InputPaths,
    where: Where = None,
    like: Annotated[
        int | None,
        search_option(metavar="N", min=1, help="Sort by meaning: how like line N, as printed without it (an index)."),
    ] = None,
    sort: Annotated[
        str,
        output_option(
            metavar="KEY,KEY", help="L1 L2 L3, node, R1 R2 R3, text, sense (an index), or a column of --metadata."
        ),
    ] = "text",
    sample: Annotated[int | None, output_option(min=1, help="Only so many lines, drawn at random.")] = None,
    seed: Annotated[int, output_option(help="Which random lines; the same for the same number.")] = 0,
    count_by: Annotated[
        str | None,
        output_option(metavar="COLUMN", help="Print counts and usages a million words by a column, or by node."),
    ] = None,
    metadata: Annotated[
        str | None, output_option(metavar="COLUMN,COLUMN", help="Columns or keys to show with each line.")
    ] = None,
    context: Annotated[
        int | None, output_option(min=0, help="Characters on each side; default what fits the terminal, else 40.")
    ] = None,
    within: Annotated[bool, output_option("--within", help="End the context where the text ends.")] = False,
    output: Annotated[
        str | None, output_option("--output", "-o", help="Write the same lines to OUT.csv, .tsv, .xlsx or .jsonl.")
    ] = None,
    overwrite: Overwrite = False,
    no_verify: NoVerify = False,
    bom: Bom = False,
    json: Json = False,
    *,
    search: SearchOptions,
    reading: ReadingOptions,
) -> None:
    """Print every usage of TARGET in INPUT, below each other.

    Where INPUT is an index (a store that `wordstates index` has read), lines can be sorted by meaning, and by sense;
    texts need no model at all. An ellipsis says that a text continues.

    Example:
        $ wordstates kwic bank corpus/ --sort R1,L1
        $ wordstates kwic bank store/ --like 3
        $ wordstates kwic bank store/ --sort sense,R1
    """
    from wordstates.errors import InputError
    from wordstates.usages.concordance import SENSE, aligned_lines, sample_lines, sort_lines
    from wordstates.usages.searched_lines import NO_VECTORS, LineSearch, lines_of_index, lines_of_inputs

    if count_by is not None and output is not None:
        raise typer.BadParameter(
            "--count-by prints counts (--json for programs), and --output is for lines: leave one."
        )
    columns, keys = columns_named(metadata) or [], columns_named(sort) or []
    asked = LineSearch(
        targets=tuple(search.targets(target)),
        kind=search.kind,
        match_case=search.match_case,
        match_exactly=search.match_exactly,
        context=_side() if context is None else context,
        within=within,
        conditions=tuple(where or ()),
        metadata=tuple(columns),
        count_by=count_by,
        verify=not no_verify,
    )
    if output is not None:
        check_lines_output(output, inputs, overwrite=overwrite)
    found = lines_of_index(inputs[0], asked) if len(inputs) == 1 else None
    by_sense = SENSE in keys and SENSE not in columns
    if found is None:
        if like is not None or by_sense:
            raise InputError(NO_VECTORS)
        found = lines_of_inputs(lambda names: reading.documents(inputs, names), asked)
    lines = found.by_sense(found.lines) if by_sense else found.lines
    if like is not None:
        lines, keys = found.by_likeness(sort_lines(lines, keys), like), ["meaning"]
    lines = sort_lines(lines, keys)
    if sample is not None:
        lines = sample_lines(lines, sample, seed)
    if count_by is not None:
        _print_counts(found.counts(lines, count_by), json=json)
        return
    if output is not None:
        _write(lines, output, overwrite=overwrite, bom=bom)
    elif json:
        print_json([found.as_dict(line) for line in lines])
    else:
        for text in aligned_lines(lines, columns):
            print(text)
    if not json:
        some = f"{len(lines):,} of " if len(lines) < len(found.lines) else ""
        say(f"{some}{counted(len(found.lines), 'usage')} in {counted(found.texts, 'text')}{found.frequency()}")


def _side() -> int:
    """Give the characters of context that fit a side of the terminal."""
    if not sys.stdout.isatty():
        return _CONTEXT
    return max(_NARROWEST, (shutil.get_terminal_size().columns - 16) // 2)


def _print_counts(counts: list[dict[str, object]], *, json: bool) -> None:
    if json:
        print_json(counts)
        return
    table = [list(counts[0]) if counts else [], *([_shown(value) for value in count.values()] for count in counts)]
    print(in_columns(table, "<>"))


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.1f}"
    return f"{value:,}" if isinstance(value, int) else str(value or "-")


def _write(lines: Sequence[Line], output: str, *, overwrite: bool, bom: bool) -> None:
    from importlib.metadata import version

    from wordstates.files.open_writer import open_writer
    from wordstates.usages.concordance import lines_as_rows

    writer = open_writer(output, overwrite=overwrite, bom=bom)
    try:
        writer.write_rows(lines_as_rows(lines))
        size = writer.commit({"wordstates": version("wordstates"), "splitter": "targets"})
    except BaseException:
        writer.abort()
        raise
    if output != "-":
        say(f"wrote {output} ({counted(size, 'byte')})")
