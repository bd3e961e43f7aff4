"""`wordstates embed`: every word of files to one file of vectors, or to a store of many."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

from wordstates.cli.embed_store import ContextOptions, embed_into_store, one_device
from wordstates.cli.file_options import FileOptions
from wordstates.cli.groups import (
    EndOptions,
    InputPaths,
    ModelOptions,
    ReadingOptions,
    WordOptions,
)
from wordstates.cli.options import output_option
from wordstates.cli.remote import refuse_with_server
from wordstates.cli.telling import end_with, notes_on, progress_bar
from wordstates.documents.input_meter import InputMeter

if TYPE_CHECKING:
    from wordstates.documents.document import Document
    from wordstates.encode.protocols import Embedder
    from wordstates.runs.embed import Report


def embed(
    inputs: InputPaths,
    output: Annotated[
        str,
        output_option(
            "--output",
            "-o",
            help="OUT.parquet, .npz, .safetensors, .jsonl or .h5; .csv, .tsv or .xlsx, without vectors unless "
            "--vectors; - is JSON lines on standard output; a name without an ending, or with / at its end, is a "
            "store: a folder of shards, which resumes.",
        ),
    ],
    dry_run: Annotated[bool, output_option("--dry-run", help="Count, time a sample, estimate; write nothing.")] = False,
    *,
    splitting: WordOptions,
    sharding: ContextOptions,
    end: EndOptions,
    reading: ReadingOptions,
    reader: ModelOptions,
    writing: FileOptions,
) -> None:
    """Write the vector of every word of INPUT to a file.

    A text longer than the model is read through overlapping windows; a word that cannot have a vector has a status
    instead. The file appears when it is finished, with where its vectors come from in its metadata. Into a store, the
    same command goes on where one that was stopped or killed left off.

    Example:
        $ wordstates embed notes.txt -o notes.parquet
        $ wordstates embed corpus/ -o store/ -m bert-base-cased --layers -4: --workers 4
    """
    # What is wrong with paths and options is found before torch, let alone a model, is loaded.
    if reader.server is not None:
        refuse_with_server(["dry_run"])
    if not dry_run:
        writing.check(output, inputs, end)
    documents = reading.documents(inputs, writing.columns(), meter=(meter := InputMeter()))
    options = splitting.for_embedder() | writing.for_embedder()
    of_the_file = {"dtype": writing.dtype, "keyed": documents.keyed, "overwrite": end.overwrite}
    if not sharding.go_with(output, reader.device, writing.for_tables()):
        load = partial(_load, reader, **options)
        of_the_file |= writing.for_tables()
        _embed_into_file(load, documents, meter, output, of_the_file, end, documents.files, dry_run=dry_run)
        return
    settings = sharding.settings(**of_the_file, context=sharding.context, input={"inputs": inputs} | vars(reading))
    options["device"] = one_device(reader.device)
    if dry_run:
        _count(_load(reader, **options), documents, output, writing.dtype, end, documents.files)
        return
    make_embedder = reader.embedder_maker(reader.recipes(), **options)
    places = sharding.places(reader.device, reader.threads)
    embed_into_store(make_embedder, documents, meter, output, settings, places, end, documents.files)


def _load(reader: ModelOptions, **options: Any) -> Embedder:
    return reader.embedder(reader.recipes(), **options)


def _embed_into_file(
    load: Callable[[], Embedder],
    documents: Iterable[Document],
    meter: InputMeter,
    output: str,
    settings: dict[str, Any],
    end: EndOptions,
    files: Sequence[str],
    *,
    dry_run: bool,
) -> None:
    """Check the output, load the model, run, report."""
    from wordstates.files.open_writer import open_writer

    writer = open_writer(output, **settings | ({"overwrite": True} if dry_run else {}))
    with progress_bar(hidden=end.no_bar, share=meter.share) as bar:
        try:
            embedder = load()
        except BaseException:
            writer.abort()
            raise
        if not dry_run:
            from wordstates.runs.embed import embed_documents

            report = embed_documents(embedder, documents, writer, on_progress=bar)
    if dry_run:
        writer.abort()
        _count(embedder, documents, output, settings["dtype"], end, files)
        return
    _end(embedder, report, output, end, files)


def _count(
    embedder: Any,
    documents: Iterable[Document],
    output: str,
    dtype: str,
    end: EndOptions,
    files: Sequence[str],
) -> None:
    from wordstates.runs.embed import dry_run

    report = dry_run(embedder, documents, bytes_per_number=2 if dtype == "float16" else 4)
    _end(embedder, report, output, end, files)


def _end(embedder: Embedder, report: Report, output: str, end: EndOptions, files: Sequence[str]) -> None:
    left_only = embedder.causal and embedder.provenance["context"] == "left"
    notes = notes_on(report.statuses, report.words, texts=report.texts, left_only=left_only)
    end_with(report, output, end, dry_run=report.dry_run, notes=notes, files=files)
