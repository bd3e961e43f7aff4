"""`wordstates embed`: every word of files to one file of vectors, or to a store of many."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from wordstates.cli.embed_store import StoreOptions, embed_into_store
from wordstates.cli.groups import (
    DONE_WITH_REJECTS,
    Dtype,
    Inputs,
    ModelOptions,
    Overwrite,
    Quiet,
    ReadingOptions,
    check_no_input,
    list_rejects,
    progress_bar,
    with_groups,
)
from wordstates.cli.options import Json, NoPunctuation, Words, print_json

if TYPE_CHECKING:
    from wordstates.corpus.run import Report
    from wordstates.embedder import WordEmbedder


@with_groups(reading=ReadingOptions, reader=ModelOptions)
def embed(
    inputs: Inputs,
    output: Annotated[
        str,
        typer.Option(
            "--output",
            "-o",
            help="OUT.parquet, .npz, .safetensors, .jsonl or .h5; - is JSON lines on standard output; a name without "
            "an ending, or with / at its end, is a store: a folder of shards, which resumes.",
        ),
    ],
    words: Words = "unicode",
    no_punctuation: NoPunctuation = False,
    dtype: Dtype = "float32",
    overwrite: Overwrite = False,
    shard_characters: Annotated[
        int | None, typer.Option(min=1, help="Stores: characters of text in a shard; default 1,000,000.")
    ] = None,
    shard: Annotated[
        str, typer.Option(metavar="I/N", help="Stores: do part I of N only, from 0/N; others do the others.")
    ] = "0/1",
    workers: Annotated[
        int | None, typer.Option(min=1, help="Stores: processes that compute, each with a model; default 1.")
    ] = None,
    ray: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Stores: compute on a Ray cluster: auto, HOST:PORT of its head, local."),
    ] = None,
    context: Annotated[
        int | None, typer.Option(min=1, help="Stores: add columns of so many characters before and after each word.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count, time a sample, estimate; write nothing.")] = False,
    json: Json = False,
    quiet: Quiet = False,
    *,
    reading: ReadingOptions,
    reader: ModelOptions,
) -> None:
    """Write the vector of every word of INPUT to a file.

    A text longer than the model is read through overlapping windows; a word that cannot have a vector has a status
    instead. The file appears when it is finished, with where its vectors come from in its metadata. Into a store, the
    same command goes on where one that was stopped or killed left off.
    """
    from wordstates.corpus.input_meter import InputMeter
    from wordstates.corpus.writers import open_writer
    from wordstates.errors import InputError

    # What is wrong with paths and options comes to light before torch, let alone a model, is loaded.
    documents = reading.documents(inputs, meter=(meter := InputMeter()))
    if not dry_run:
        check_no_input(output, inputs)
    keyed = reading.has_keys(inputs)
    store = StoreOptions.of(
        output,
        shard=shard,
        shard_characters=shard_characters,
        workers=workers,
        context=context,
        device=reader.device,
        ray=ray,
        threads=reader.threads,
    )
    if store is None:
        writer = open_writer(output, dtype=dtype, overwrite=overwrite or dry_run, keyed=keyed)  # type: ignore[arg-type]
    try:
        make_embedder = reader.embedder_maker(
            reader.recipes(),
            words=words,
            punctuation=not no_punctuation,
            device=reader.device if store is None else store.device,
        )
        if store is None or dry_run:
            embedder = make_embedder()
    except BaseException as error:
        if store is None:
            writer.abort()
        if isinstance(error, InputError):  # there is no text yet: an option does not go with the model or this machine
            raise typer.BadParameter(str(error)) from error
        raise
    if store is not None and not dry_run:
        settings = {"dtype": dtype, "keyed": keyed, "overwrite": overwrite, "input": {"inputs": inputs} | vars(reading)}
        embed_into_store(make_embedder, documents, meter, store, settings, json=json, quiet=quiet)
        return
    from wordstates.corpus.run import dry_run as count
    from wordstates.corpus.run import embed_documents

    if dry_run:
        if store is None:
            writer.abort()
        report = count(embedder, documents, bytes_per_number=2 if dtype == "float16" else 4)
    else:
        with progress_bar("words", hidden=quiet or json or not sys.stderr.isatty()) as bar:
            report = embed_documents(embedder, documents, writer, on_progress=bar.update)
    report.output = output
    if json:
        # Standard output may be taken by the vectors themselves.
        print_json(report.to_dict(), to_stderr=output == "-" and not dry_run)
    elif dry_run or not quiet:
        _talk(embedder, report)
    if report.rejects:
        list_rejects(report, output)
        raise typer.Exit(DONE_WITH_REJECTS)


def _talk(embedder: WordEmbedder, report: Report) -> None:
    print(report.to_text(), file=sys.stderr)
    unknown = report.statuses.get("unknown", 0)
    if unknown > report.words // 10:
        print(
            f"note: the tokenizer does not know {unknown:,} of {report.words:,} words, whose vectors know the context "
            "alone; choose a model of the text's language, or a multilingual one",
            file=sys.stderr,
        )
    if embedder.causal and embedder.provenance["context"] == "left":
        print(
            "note: this model is causal: each vector knows its left context only (--repeat reads twice)",
            file=sys.stderr,
        )
