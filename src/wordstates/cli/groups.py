"""Groups of options that several commands take: how the input is read, and which model reads it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields
from functools import wraps
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from wordstates.cli.embed import BOS_POLICIES, ENGINES, INPUT_FORMATS, LONG_TEXTS, PRECISIONS, TEXT_UNITS
from wordstates.cli.options import Model, Revision, TrustRemoteCode, one_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wordstates.corpus.document import Document
    from wordstates.embedder import WordEmbedder
    from wordstates.recipe import Recipe

Inputs = Annotated[
    list[str],
    typer.Argument(
        metavar="INPUT",
        help="Files or folders: txt, jsonl, csv, tsv, parquet, conllu, also .gz and .zst; - is standard input.",
    ),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the output if it is there.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no report.")]


@dataclass(frozen=True, kw_only=True)
class ReadingOptions:
    """How the input is read."""

    format: Annotated[
        str | None,
        typer.Option(
            callback=one_of(*INPUT_FORMATS),
            help=f"Format of the input: {', '.join(INPUT_FORMATS)}; default by its ending.",
        ),
    ] = None
    text_unit: Annotated[
        str, typer.Option(callback=one_of(*TEXT_UNITS), help="In plain text, a text is a line, a paragraph, or a file.")
    ] = "line"
    text_column: Annotated[str, typer.Option(help="Column or key that holds the text, or a list of words.")] = "text"
    id_column: Annotated[str | None, typer.Option(help="Column or key that names the document.")] = None
    encoding: Annotated[str, typer.Option(help="Encoding of the input.")] = "utf-8"

    def documents(self, inputs: Sequence[str], metadata: Sequence[str] = ()) -> Iterator[Document]:
        """Stream the documents of the inputs; paths and options are checked now."""
        from wordstates.corpus.readers import read_documents

        return read_documents(inputs, metadata=metadata, **vars(self))

    def can_be_read_twice(self, inputs: Sequence[str]) -> bool:
        """Tell whether all inputs are files, and none a pipe."""
        from wordstates.corpus.sources import find_sources

        sources = find_sources(inputs, self.format)
        return all(source.path is not None and source.path.is_file() for source in sources)


@dataclass(frozen=True, kw_only=True)
class ModelOptions:
    """Which model reads, which layers are taken, and how it computes."""

    model: Model = "minilm"
    layers: Annotated[
        str, typer.Option(help="Layers: -1, '4,8,12', '-4:' (last four), '0:' (all). 0 = embeddings.")
    ] = "-1"
    layer_pooling: Annotated[str, typer.Option(help="mean, sum, concat, or none (keep a layer axis).")] = "mean"
    subword_pooling: Annotated[str, typer.Option(help="mean, first, last, max, sum, or none (a row a subword).")] = (
        "mean"
    )
    recipe: Annotated[
        list[str] | None,
        typer.Option(
            help="A recipe as JSON, or a file that holds one, instead of the three above; give it several times."
        ),
    ] = None
    device: Annotated[str | None, typer.Option(help="cpu, cuda, cuda:1, ...; default the GPU if there is one.")] = None
    precision: Annotated[
        str, typer.Option(callback=one_of(*PRECISIONS), help="Compute in float32, bfloat16 or float16.")
    ] = "float32"
    engine: Annotated[
        str,
        typer.Option(
            callback=one_of(*ENGINES), help="auto (the fastest that agrees with PyTorch), torch, or openvino (CPU)."
        ),
    ] = "auto"
    threads: Annotated[int | None, typer.Option(min=1, help="Threads to compute with on a CPU; default all cores.")] = (
        None
    )
    window: Annotated[int | None, typer.Option(help="Subwords one pass reads; default what the model can.")] = None
    overlap: Annotated[int | None, typer.Option(help="Subwords that windows share; default a quarter.")] = None
    long_texts: Annotated[
        str, typer.Option(callback=one_of(*LONG_TEXTS), help="Texts longer than a window: window, truncate or error.")
    ] = "window"
    bos: Annotated[
        str,
        typer.Option(
            callback=one_of(*BOS_POLICIES), help="Beginning-of-sequence token of causal models: auto, always, never."
        ),
    ] = "auto"
    repeat: Annotated[bool, typer.Option("--repeat", help="Causal models: read twice, take the second reading.")] = (
        False
    )
    batch_subwords: Annotated[int | None, typer.Option(help="Most padded subwords in a batch.")] = None
    revision: Revision = None
    trust_remote_code: TrustRemoteCode = False
    unsafe_weights: Annotated[
        bool, typer.Option("--unsafe-weights", help="Also load pickled weights, which can run code.")
    ] = False

    def recipes(self) -> list[Recipe]:
        """Give the recipes asked for; raises RecipeError where the options make none."""
        from wordstates.cli.embed import _recipes

        return _recipes(self.recipe or [], self.layers, self.layer_pooling, self.subword_pooling)

    def embedder(self, recipes: Sequence[Recipe], **more: Any) -> WordEmbedder:
        """Load the model."""
        from wordstates.embedder import WordEmbedder
        from wordstates.errors import InputError

        own = {"model", "layers", "layer_pooling", "subword_pooling", "recipe"}
        options = {name: value for name, value in vars(self).items() if name not in own}
        try:
            return WordEmbedder(self.model, recipes=recipes, **options, **more)
        except InputError as error:  # there is no text yet: an option does not go with the model or this machine
            raise typer.BadParameter(str(error)) from error


def with_groups(**groups: type) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options of groups; it gets each group as one argument.

    Args:
        groups: Name of the command's argument, and the dataclass whose fields are the options.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @wraps(command)
        def run(**given: Any) -> None:
            made = {
                name: group(**{field.name: given.pop(field.name) for field in fields(group)})
                for name, group in groups.items()
            }
            command(**given, **made)

        own = inspect.signature(command, eval_str=True).parameters.values()
        parameters = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own if each.name not in groups]
        for group in groups.values():
            hints = get_type_hints(group, include_extras=True)
            for each in fields(group):
                default = inspect.Parameter.empty if each.default is MISSING else each.default
                parameters.append(
                    inspect.Parameter(
                        each.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=hints[each.name]
                    )
                )
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what typer reads
        run.__annotations__ = {each.name: each.annotation for each in parameters}
        return run

    return decorate


def check_no_input(output: str, inputs: Sequence[str]) -> None:
    """Refuse an output that is one of the inputs, or lies in one."""
    from wordstates.cli.embed import _check_no_input

    if output != "-":
        _check_no_input(output, [*inputs])


def list_rejects(report: Any, output: str) -> None:
    """Write which documents are not in the file, and why: beside it, or on standard error."""
    from wordstates.cli.embed import _list_rejects

    _list_rejects(report, output)


def progress_bar(unit: str, *, hidden: bool) -> Any:
    """Make a bar on standard error, or one that does not show."""
    from tqdm import tqdm

    return tqdm(unit=f" {unit}", unit_scale=True, desc="embedding", disable=hidden)
