"""Groups of options that several commands take: how the input is read, and which model reads it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from wordstates.cli.options import Json, Model, NoPunctuation, Revision, TrustRemoteCode, Words, one_of

# What options allow, told before the modules that define it are loaded, which takes seconds; a test holds them equal.
INPUT_FORMATS = ("txt", "jsonl", "csv", "tsv", "parquet", "conllu")
TEXT_UNITS = ("line", "paragraph", "file")
DTYPES = ("float32", "float16")
PRECISIONS = ("float32", "bfloat16", "float16")
ENGINES = ("auto", "torch", "packed", "openvino")
LONG_TEXTS = ("window", "truncate", "error")
BOS_POLICIES = ("auto", "always", "never")
_DEFAULT_PARTS = ("-1", "mean", "mean")  # layers, layer pooling, subword pooling

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wordstates.documents.document import Document
    from wordstates.documents.input_meter import InputMeter
    from wordstates.embedder import WordEmbedder
    from wordstates.postprocess.post_processing import PostProcessing
    from wordstates.recipe import Recipe

Inputs = Annotated[
    list[str],
    typer.Argument(
        metavar="INPUT",
        help="Files or folders: txt, jsonl, csv, tsv, parquet, conllu, also .gz and .zst; - is standard input.",
    ),
]
Dtype = Annotated[str, typer.Option(callback=one_of(*DTYPES), help="Numbers in the file: float32 or float16.")]


@dataclass(frozen=True, kw_only=True)
class WordOptions:
    """What a word is, in raw text."""

    words: Words = "unicode"
    no_punctuation: NoPunctuation = False

    def for_embedder(self) -> dict[str, Any]:
        """Give them as arguments of an embedder."""
        return {"words": self.words, "punctuation": not self.no_punctuation}


@dataclass(frozen=True, kw_only=True)
class EndOptions:
    """What becomes of an output that is there, and how the command tells what it did."""

    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the output if it is there.")] = False
    json: Json = False
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no report.")] = False

    @property
    def no_bar(self) -> bool:
        """Whether progress is not to be shown."""
        return self.quiet or self.json


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

    def documents(
        self, inputs: Sequence[str], metadata: Sequence[str] = (), meter: InputMeter | None = None
    ) -> Iterator[Document]:
        """Stream the documents of the inputs; paths and options are checked now."""
        from wordstates.documents.readers import read_documents

        return read_documents(inputs, metadata=metadata, meter=meter, **vars(self))

    def has_keys(self, inputs: Sequence[str]) -> bool:
        """Tell whether words of the inputs have names of their own, as in CoNLL-U."""
        from wordstates.documents.sources import find_sources

        return any(source.format == "conllu" for source in find_sources(inputs, self.format))

    def can_be_read_twice(self, inputs: Sequence[str]) -> bool:
        """Tell whether all inputs are files, and none a pipe."""
        from wordstates.documents.sources import find_sources

        sources = find_sources(inputs, self.format)
        return all(source.path is not None and source.path.is_file() for source in sources)


@dataclass(frozen=True, kw_only=True)
class ComputeOptions:
    """How a model is loaded, and how it computes."""

    device: Annotated[str | None, typer.Option(help="cpu, cuda, cuda:1, ...; default the GPU if there is one.")] = None
    precision: Annotated[
        str, typer.Option(callback=one_of(*PRECISIONS), help="Compute in float32, bfloat16 or float16.")
    ] = "float32"
    engine: Annotated[
        str,
        typer.Option(
            callback=one_of(*ENGINES),
            help="auto (the fastest that agrees with PyTorch), torch, packed (less padding), or openvino (CPU).",
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
    batch_subwords: Annotated[int | None, typer.Option(help="Most subwords in a batch, padding included.")] = None
    revision: Revision = None
    trust_remote_code: TrustRemoteCode = False
    unsafe_weights: Annotated[
        bool, typer.Option("--unsafe-weights", help="Also load pickled weights, which can run code.")
    ] = False


@dataclass(frozen=True, kw_only=True)
class ModelOptions(ComputeOptions):
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
            help="A recipe as JSON, or a file that holds one, instead of the three above; with it the post-processing "
            "that `sweep --save-recipe` saved. Give it several times."
        ),
    ] = None
    post_process: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE",
            help="Post-process the vectors as `wordstates fit` found out, which also says the recipe; give it several "
            "times for several recipes.",
        ),
    ] = None

    def recipes(self) -> list[Recipe]:
        """Give the recipes asked for, or else those of the post-processing; raises RecipeError where there is none."""
        parts = (self.layers, self.layer_pooling, self.subword_pooling)
        if not self.recipe and parts == _DEFAULT_PARTS:
            fitted = [each.recipe for each in self._fitted()]
            if any(fitted):
                return _fitted_recipes([recipe for recipe in fitted if recipe is not None])
        return _recipes(self.recipe or [], *parts)

    def post_processing(self) -> list[PostProcessing] | dict[str, PostProcessing] | None:
        """Read what was fitted, by the names of recipes that were saved with it; None: nothing is done to vectors."""
        from wordstates.files.saved_recipe import read_recipe

        saved = {recipe.name: fitted for recipe, fitted in map(read_recipe, self.recipe or []) if fitted is not None}
        if saved and self.post_process:
            raise typer.BadParameter(
                f"--post-process: the recipe {next(iter(saved))} was saved with post-processing of its own: give one "
                "of the two."
            )
        return saved or self._fitted() or None

    def _fitted(self) -> list[PostProcessing]:
        from wordstates.errors import InputError
        from wordstates.postprocess.post_processing import PostProcessing

        try:
            return [PostProcessing.load(path) for path in self.post_process or []]
        except InputError as error:
            raise typer.BadParameter(str(error)) from error

    def embedder_maker(self, recipes: Sequence[Recipe], **more: Any) -> partial[WordEmbedder]:
        """Give what loads the model: it can be sent to another process."""
        from wordstates.embedder import WordEmbedder

        own = {"model", "layers", "layer_pooling", "subword_pooling", "recipe", "post_process"}
        options = {name: value for name, value in vars(self).items() if name not in own}
        # Read here, so that every process has the same, whatever becomes of the file.
        options["post_processing"] = self.post_processing()
        return partial(WordEmbedder, self.model, recipes=recipes, **{**options, **more})

    def embedder(self, recipes: Sequence[Recipe], **more: Any) -> WordEmbedder:
        """Load the model."""
        from wordstates.errors import InputError

        try:
            return self.embedder_maker(recipes, **more)()
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
            inherited = [each for each in fields(group) if each.name not in group.__annotations__]
            for each in [*(each for each in fields(group) if each not in inherited), *inherited]:
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
    from wordstates.errors import OutputError

    if output == "-":
        return
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
    from wordstates.files.saved_recipe import read_recipe
    from wordstates.recipe import Recipe

    if not given:
        return [Recipe(layers, layer_pooling, subword_pooling)]  # type: ignore[arg-type]  # checked by Recipe
    if (layers, layer_pooling, subword_pooling) != _DEFAULT_PARTS:
        raise RecipeError("Give either --recipe or --layers, --layer-pooling and --subword-pooling, not both.")
    return [recipe for recipe, _ in map(read_recipe, given)]


def _fitted_recipes(fitted: Sequence[dict[str, Any]]) -> list[Recipe]:
    """Give the recipes that post-processing was fitted with, each once."""
    from wordstates.recipe import Recipe

    recipes = [Recipe(**{part: recipe[part] for part in Recipe().to_dict()}) for recipe in fitted]
    return list(dict.fromkeys(recipes))
