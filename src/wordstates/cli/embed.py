"""`wordstates embed`: every word of files to one file of vectors, or to a store of many."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

from wordstates.cli.embed_store import ContextOptions, embed_into_store, one_device
from wordstates.cli.groups import (
    Dtype,
    EndOptions,
    InputPaths,
    Metadata,
    ModelOptions,
    ReadingOptions,
    WordOptions,
    columns_named,
)
from wordstates.cli.options import Bom, LeftSubwords, Surprisal, VectorsFile, VectorsOption, output_option
from wordstates.cli.outputs import check_outputs
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
    surprisal: Surprisal = False,
    left_subwords: LeftSubwords = False,
    vectors: VectorsOption = False,
    vectors_file: VectorsFile = None,
    bom: Bom = False,
    metadata: Metadata = None,
    dtype: Dtype = "float32",
    dry_run: Annotated[bool, output_option("--dry-run", help="Count, time a sample, estimate; write nothing.")] = False,
    *,
    splitting: WordOptions,
    sharding: ContextOptions,
    end: EndOptions,
    reading: ReadingOptions,
    reader: ModelOptions,
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
        check_outputs(output, inputs, overwrite=end.overwrite)
        if vectors_file is not None:
            check_outputs(vectors_file, inputs, overwrite=end.overwrite)
    documents = reading.documents(inputs, columns_named(metadata), meter=(meter := InputMeter()))
    options = splitting.for_embedder() | {"surprisal": surprisal, "left_subwords": left_subwords}
    for_tables = {"vectors": vectors, "vectors_file": vectors_file, "bom": bom}
    if not sharding.go_with(output, reader.device, for_tables):
        _embed_into_file(
            partial(_load, reader, **options),
            documents,
            meter,
            output,
            {
                "dtype": dtype,
                "keyed": documents.keyed,
                "overwrite": end.overwrite,
                "vectors": vectors,
                "vectors_file": vectors_file,
                "bom": bom,
            },
            end,
            documents.files,
            dry_run=dry_run,
        )
        return
    read = {"inputs": inputs} | vars(reading)
    settings = sharding.settings(
        dtype=dtype, keyed=documents.keyed, context=sharding.context, overwrite=end.overwrite, input=read
    )
    options["device"] = one_device(reader.device)
    if dry_run:
        _count(_load(reader, **options), documents, output, dtype, end, documents.files)
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
