"""`wordstates find`: every usage of some words to a file or a store, with its context and its vector."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from wordstates.cli.embed_store import ShardOptions, embed_into_store, one_device
from wordstates.cli.file_options import FileOptions, SearchOptions
from wordstates.cli.groups import EndOptions, InputPaths, ModelOptions, ReadingOptions
from wordstates.cli.options import output_option, search_option
from wordstates.cli.telling import end_with, progress_bar
from wordstates.documents.input_meter import InputMeter
from wordstates.options import CONTEXT, Missing


def find(
    target: Annotated[
        str,
        typer.Argument(metavar="TARGET", help="A word or a phrase; @FILE is a list, one per line (@@ is an at sign)."),
    ],
    inputs: InputPaths,
    output: Annotated[
        str,
        output_option(
            "--output",
            "-o",
            help="OUT.parquet, .npz, .safetensors or .jsonl; .csv, .tsv or .xlsx to read it yourself, without vectors "
            "and without a model; - is JSON lines on standard output; a name without an ending, or with / at its end, "
            "is a store: a folder of shards, which resumes.",
        ),
    ],
    missing: Annotated[Missing, search_option(help="What to do with a target without any usage.")] = "error",
    context: Annotated[int, output_option(min=0, help="Characters of text on each side of a usage.")] = CONTEXT,
    dry_run: Annotated[bool, output_option("--dry-run", help="Count usages; load no model, write nothing.")] = False,
    *,
    search: SearchOptions,
    sharding: ShardOptions,
    end: EndOptions,
    reading: ReadingOptions,
    reader: ModelOptions,
    writing: FileOptions,
) -> None:
    """Write every usage of TARGET in INPUT to a file.

    Each usage has its text to the left and to the right, and its vector. Whole words are matched; case, the encoding of
    accents, how apostrophes and hyphens are printed, and the white space in a phrase do not count. Texts without a
    usage are searched and no more. Into a store, the same command continues where one that was stopped or killed left
    off.

    Example:
        $ wordstates find bank corpus/ -o bank.parquet
        $ wordstates find @words.txt corpus/ -o usages/ --workers 4
    """
    from wordstates.runs.find import (
        FindReport,
        check_every_target,
        count_usages,
        find_usages,
        list_usages,
        needs_model,
        open_usages_writer,
        usage_documents,
    )

    searcher = search.searcher(target)
    if not dry_run:
        writing.check(output, inputs, end)
    documents = reading.documents(inputs, writing.columns(), meter=(meter := InputMeter()))
    for_tables, more_columns = writing.for_tables(), writing.for_embedder()
    into_store = sharding.go_with(output, reader.device, for_tables)
    if not into_store:
        writer = open_usages_writer(output, dtype=writing.dtype, overwrite=end.overwrite or dry_run, **for_tables)
    if dry_run:
        if not into_store:
            writer.abort()
        report = count_usages(documents, searcher, missing=missing)
        end_with(report, output, end, dry_run=True, files=documents.files)
        return

    def look_first() -> None:
        if missing == "error" and (again := documents.again()) is not None:
            check_every_target(again, searcher)

    if into_store:
        look_first()
        settings = sharding.settings(
            dtype=writing.dtype,
            overwrite=end.overwrite,
            search=search.told(searcher) | {"context": context},
            input={"inputs": inputs} | vars(reading),
        )
        embed_into_store(
            reader.embedder_maker(reader.recipes(), **more_columns, device=one_device(reader.device)),
            usage_documents(documents, searcher, found := FindReport(), context=context, missing=missing),
            meter,
            output,
            settings,
            sharding.places(reader.device, reader.threads),
            end,
            documents.files,
            found,
        )
        return
    with_model = needs_model(
        output, asked=writing.vectors or writing.vectors_file is not None or any(more_columns.values())
    )
    what = "embedding" if with_model else "searching"
    with progress_bar("usages", hidden=end.no_bar, what=what, share=meter.share) as bar:
        try:
            look_first()
            embedder = reader.embedder(reader.recipes(), **more_columns) if with_model else None
        except BaseException:
            writer.abort()
            raise
        find_them = list_usages if embedder is None else partial(find_usages, embedder, dtype=writing.dtype)
        report = find_them(documents, searcher, writer, context=context, missing=missing, on_progress=bar)
    end_with(report, output, end, files=documents.files)
