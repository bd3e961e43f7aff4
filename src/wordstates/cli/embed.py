"""`wordstates embed`: every word of files to one file of vectors, or to a store of many."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wordstates.cli.embed_store import StoreOptions, embed_into_store
from wordstates.cli.options import Json, Model, NoPunctuation, Revision, TrustRemoteCode, Words, one_of, print_json

# What options allow, told before the modules that define it are loaded, which takes seconds; a test holds them equal.
INPUT_FORMATS = ("txt", "jsonl", "csv", "tsv", "parquet", "conllu")
TEXT_UNITS = ("line", "paragraph", "file")
DTYPES = ("float32", "float16")
PRECISIONS = ("float32", "bfloat16", "float16")
ENGINES = ("auto", "torch", "openvino")
LONG_TEXTS = ("window", "truncate", "error")
BOS_POLICIES = ("auto", "always", "never")

DONE_WITH_REJECTS = 3

if TYPE_CHECKING:
    from wordstates.corpus.run import Report
    from wordstates.embedder import WordEmbedder


def embed(
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT",
            help="Files or folders: txt, jsonl, csv, tsv, parquet, conllu, also .gz and .zst; - is standard input.",
        ),
    ],
    output: Annotated[
        str,
        typer.Option(
            "--output",
            "-o",
            help="OUT.parquet, .npz, .safetensors, .jsonl or .h5; - is JSON lines on standard output; a name without "
            "an ending, or with / at its end, is a store: a folder of shards, which resumes.",
        ),
    ],
    model: Model = "minilm",
    layers: Annotated[
        str, typer.Option(help="Layers: -1, '4,8,12', '-4:' (last four), '0:' (all). 0 = embeddings.")
    ] = "-1",
    layer_pooling: Annotated[str, typer.Option(help="mean, sum, concat, or none (keep a layer axis).")] = "mean",
    subword_pooling: Annotated[
        str, typer.Option(help="mean, first, last, max, sum, or none (a row a subword).")
    ] = "mean",
    recipe: Annotated[
        list[str] | None,
        typer.Option(
            help="A recipe as JSON, or a file that holds one, instead of the three above; give it several times."
        ),
    ] = None,
    words: Words = "unicode",
    no_punctuation: NoPunctuation = False,
    format: Annotated[
        str | None,
        typer.Option(
            callback=one_of(*INPUT_FORMATS),
            help=f"Format of the input: {', '.join(INPUT_FORMATS)}; default by its ending.",
        ),
    ] = None,
    text_unit: Annotated[
        str, typer.Option(callback=one_of(*TEXT_UNITS), help="In plain text, a text is a line, a paragraph, or a file.")
    ] = "line",
    text_column: Annotated[str, typer.Option(help="Column or key that holds the text, or a list of words.")] = "text",
    id_column: Annotated[str | None, typer.Option(help="Column or key that names the document.")] = None,
    encoding: Annotated[str, typer.Option(help="Encoding of the input.")] = "utf-8",
    dtype: Annotated[
        str, typer.Option(callback=one_of(*DTYPES), help="Numbers in the file: float32 or float16.")
    ] = "float32",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the output if it is there.")] = False,
    device: Annotated[str | None, typer.Option(help="cpu, cuda, cuda:1, ...; default the GPU if there is one.")] = None,
    precision: Annotated[
        str, typer.Option(callback=one_of(*PRECISIONS), help="Compute in float32, bfloat16 or float16.")
    ] = "float32",
    engine: Annotated[
        str,
        typer.Option(
            callback=one_of(*ENGINES), help="auto (the fastest that agrees with PyTorch), torch, or openvino (CPU)."
        ),
    ] = "auto",
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads to compute with on a CPU; default all cores.")
    ] = None,
    window: Annotated[int | None, typer.Option(help="Subwords one pass reads; default what the model can.")] = None,
    overlap: Annotated[int | None, typer.Option(help="Subwords that windows share; default a quarter.")] = None,
    long_texts: Annotated[
        str, typer.Option(callback=one_of(*LONG_TEXTS), help="Texts longer than a window: window, truncate or error.")
    ] = "window",
    bos: Annotated[
        str,
        typer.Option(
            callback=one_of(*BOS_POLICIES), help="Beginning-of-sequence token of causal models: auto, always, never."
        ),
    ] = "auto",
    repeat: Annotated[
        bool, typer.Option("--repeat", help="Causal models: read twice, take the second reading.")
    ] = False,
    batch_subwords: Annotated[int | None, typer.Option(help="Most padded subwords in a batch.")] = None,
    revision: Revision = None,
    trust_remote_code: TrustRemoteCode = False,
    unsafe_weights: Annotated[
        bool, typer.Option("--unsafe-weights", help="Also load pickled weights, which can run code.")
    ] = False,
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
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no report.")] = False,
) -> None:
    """Write the vector of every word of INPUT to a file.

    A text longer than the model is read through overlapping windows; a word that cannot have a vector has a status
    instead. The file appears when it is finished, with where its vectors come from in its metadata. Into a store, the
    same command goes on where one that was stopped or killed left off.
    """
    from wordstates.corpus.input_meter import InputMeter
    from wordstates.corpus.readers import read_documents
    from wordstates.corpus.sources import find_sources
    from wordstates.corpus.writers import open_writer
    from wordstates.errors import InputError

    # What is wrong with paths and options comes to light before torch, let alone a model, is loaded.
    documents = read_documents(
        inputs,
        format=format,
        text_unit=text_unit,  # type: ignore[arg-type]  # checked by the reader, which names the allowed
        text_column=text_column,
        id_column=id_column,
        encoding=encoding,
        meter=(meter := InputMeter()),
    )
    if not dry_run and output != "-":
        _check_no_input(output, inputs)
    keyed = any(source.format == "conllu" for source in find_sources(inputs, format))
    store = StoreOptions.of(
        output,
        shard=shard,
        shard_characters=shard_characters,
        workers=workers,
        context=context,
        device=device,
        ray=ray,
        threads=threads,
    )
    if store is None:
        writer = open_writer(
            output,
            dtype=dtype,  # type: ignore[arg-type]  # checked there
            overwrite=overwrite or dry_run,
            keyed=keyed,
        )
    try:
        recipes = _recipes(recipe or [], layers, layer_pooling, subword_pooling)
        from wordstates.corpus.run import dry_run as count
        from wordstates.corpus.run import embed_documents
        from wordstates.embedder import WordEmbedder

        make_embedder = partial(
            WordEmbedder,
            model,
            recipes=recipes,
            words=words,
            punctuation=not no_punctuation,
            device=device if store is None else store.device,
            precision=precision,  # type: ignore[arg-type]  # this and the next are checked by the embedder
            engine=engine,  # type: ignore[arg-type]
            threads=threads,
            window=window,
            overlap=overlap,
            long_texts=long_texts,  # type: ignore[arg-type]
            bos=bos,  # type: ignore[arg-type]
            repeat=repeat,
            batch_subwords=batch_subwords,
            revision=revision,
            trust_remote_code=trust_remote_code,
            unsafe_weights=unsafe_weights,
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
        reading = {"inputs": inputs, "format": format, "text_unit": text_unit, "text_column": text_column}
        reading |= {"id_column": id_column, "encoding": encoding}
        settings = {"dtype": dtype, "keyed": keyed, "overwrite": overwrite, "input": reading}
        embed_into_store(make_embedder, documents, meter, store, settings, json=json, quiet=quiet)
        return
    if dry_run:
        if store is None:
            writer.abort()
        report = count(embedder, documents, bytes_per_number=2 if dtype == "float16" else 4)
    else:
        with _progress(hidden=quiet or json or not sys.stderr.isatty()) as bar:
            report = embed_documents(embedder, documents, writer, on_progress=bar.update)
    report.output = output
    if json:
        # Standard output may be taken by the vectors themselves.
        print_json({**report.to_dict(), "provenance": embedder.provenance}, to_stderr=output == "-" and not dry_run)
    elif dry_run or not quiet:
        _talk(embedder, report)
    if report.rejects:
        _list_rejects(report, output)
        raise typer.Exit(DONE_WITH_REJECTS)


def _check_no_input(output: str, inputs: list[str]) -> None:
    from wordstates.errors import OutputError

    target = Path(output).resolve()
    for path in map(Path, inputs):
        if path.is_file() and target.exists() and target.samefile(path):
            raise OutputError(f"{output!r} is one of the inputs, and would be lost: write to another file.")
        if path.is_dir() and path.resolve() in target.parents:
            raise OutputError(
                f"{output!r} lies in the input folder {str(path)!r}, and the next run would read it: write elsewhere."
            )


def _recipes(given: list[str], layers: str, layer_pooling: str, subword_pooling: str) -> list[Any]:
    from wordstates.errors import RecipeError
    from wordstates.recipe import Recipe

    if not given:
        return [Recipe(layers, layer_pooling, subword_pooling)]  # type: ignore[arg-type]  # checked by Recipe
    if (layers, layer_pooling, subword_pooling) != ("-1", "mean", "mean"):
        raise RecipeError("Give either --recipe or --layers, --layer-pooling and --subword-pooling, not both.")
    texts = [text if text.lstrip().startswith("{") else _read_recipe(text) for text in given]
    return [Recipe.from_json(text) for text in texts]


def _read_recipe(path: str) -> str:
    from wordstates.errors import RecipeError

    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"Recipe {path!r} is neither JSON nor a file that can be read: {error}") from error


def _progress(*, hidden: bool) -> Any:
    from tqdm import tqdm

    return tqdm(unit=" words", unit_scale=True, desc="embedding", disable=hidden)


def _list_rejects(report: Report, output: str) -> None:
    """Write which documents are not in the file, and why: beside it, or on standard error."""
    import json

    lines = [json.dumps(reject, ensure_ascii=False) for reject in report.to_dict()["rejects"]]
    if output == "-":
        print("\n".join(lines), file=sys.stderr)
        return
    path = Path(f"{output}.rejects.jsonl")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"wordstates: {len(lines):,} of the documents could not be embedded; they are in {path}", file=sys.stderr)


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
