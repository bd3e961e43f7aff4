"""Groups of options that several commands take: how the input is read, and which model reads it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property, partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wordstates.cli.command import CHOSEN
from wordstates.cli.options import (
    Json,
    Model,
    NoPunctuation,
    Overwrite,
    Revision,
    Server,
    SpecialTokensOption,
    SplitterOption,
    TrustRemoteCode,
    computing_option,
    input_option,
    model_option,
    output_option,
    vectors_option,
)
from wordstates.cli.remote import refuse_with_server, remote_maker
from wordstates.json_text import read_json
from wordstates.options import (
    MAX_TEXT,
    MODEL,
    BosPolicy,
    EmbedderOptions,
    EngineName,
    InputFormat,
    LayerPooling,
    LongTexts,
    Precision,
    Quoting,
    SubwordPooling,
    TextUnit,
)

_DEFAULT = EmbedderOptions()
_LAYERS, *_POOLINGS = _DEFAULT.default_recipe()
_DEFAULT_PARTS = (str(_LAYERS), *_POOLINGS)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wordstates.documents.input_meter import InputMeter
    from wordstates.documents.stream import DocumentStream
    from wordstates.encode.protocols import Embedder
    from wordstates.postprocess.post_processing import PostProcessing
    from wordstates.recipe import Recipe

InputPaths = Annotated[
    list[str],
    typer.Argument(
        metavar="INPUT",
        help="Files or folders: txt, jsonl, csv, tsv, parquet, xlsx, conllu, conll, also .gz and .zst; - is standard "
        "input.",
    ),
]
Output = Annotated[
    str,
    output_option(
        "--output", "-o", help="OUT.parquet, .npz, .safetensors, .jsonl or .h5; - is JSON lines on standard output."
    ),
]


@dataclass(kw_only=True)
class WordOptions:
    """What a word is, in raw text."""

    splitter: SplitterOption = str(_DEFAULT.splitter)
    no_punctuation: NoPunctuation = False

    def for_embedder(self) -> dict[str, Any]:
        """Give them as arguments of an embedder."""
        return {"splitter": self.splitter, "punctuation": not self.no_punctuation}


@dataclass(kw_only=True)
class EndOptions:
    """What becomes of an output that is there, and how the command tells what it did."""

    overwrite: Overwrite = False
    json: Json = False
    quiet: Annotated[bool, output_option("--quiet", "-q", help="No progress and no report.")] = False

    @property
    def no_bar(self) -> bool:
        """Whether progress is not to be shown."""
        return self.quiet or self.json


@dataclass(kw_only=True)
class ReadingOptions:
    """How the input is read."""

    format: Annotated[InputFormat | None, input_option(help="Format of the input; default by its ending.")] = None
    include: Annotated[
        list[str] | None, input_option(metavar="GLOB", help="Of folders, read only files that match; repeatable.")
    ] = None
    exclude: Annotated[
        list[str] | None, input_option(metavar="GLOB", help="Of folders, leave out files that match; repeatable.")
    ] = None
    text_unit: Annotated[TextUnit, input_option(help="What a text is, in plain text.")] = "line"
    text_column: Annotated[str, input_option(help="Column or key that holds the text, or a list of words.")] = "text"
    id_column: Annotated[str | None, input_option(help="Column or key that names the document.")] = None
    word_column: Annotated[
        str | None, input_option(help="A row is a word, and this its column or key; see --group-column.")
    ] = None
    group_column: Annotated[
        list[str] | None, input_option(help="Rows with the same value are one text; repeatable, for several columns.")
    ] = None
    delimiter: Annotated[
        str | None, input_option(help="Between the fields of csv and tsv: a character, or tab, semicolon, ...")
    ] = None
    quoting: Annotated[
        Quoting, input_option(help="Quotes in csv and tsv; csv: a quoted field may span lines; none: plain characters.")
    ] = "auto"
    metadata_from_name: Annotated[
        str | None, input_option(metavar="PATTERN", help="Read metadata from the names of files: '{year}_{title}.txt'.")
    ] = None
    ids_by_file: Annotated[
        bool, input_option("--ids-by-file", help="Begin ids that the input gives with the name of their file.")
    ] = False
    max_text: Annotated[
        int, input_option(min=1, metavar="CHARACTERS", help="A longer text is rejected: it is hardly one text.")
    ] = MAX_TEXT
    encoding: Annotated[str, input_option(help="Encoding of the input.")] = "utf-8"

    def documents(
        self,
        inputs: Sequence[str],
        metadata: Sequence[str] | None = None,
        meter: InputMeter | None = None,
        *,
        ids_must_differ: bool = True,
    ) -> DocumentStream:
        """Stream the documents of the inputs; paths and options are checked now."""
        from wordstates.documents.readers import read_documents

        options = {name: value for name, value in vars(self).items() if value is not None}
        return read_documents(inputs, metadata=metadata, meter=meter, ids_must_differ=ids_must_differ, **options)

    def not_in_names(self, column: str | None) -> list[str]:
        """Name a column that has to be read, unless it is read from the names of files."""
        in_names = column is not None and f"{{{column}}}" in (self.metadata_from_name or "")
        return [] if column is None or in_names else [column]


@dataclass(kw_only=True)
class ComputeOptions:
    """How a model is loaded, and how it computes."""

    device: Annotated[str | None, computing_option(help="cpu, cuda, cuda:1, ...; default the GPU if there is one.")] = (
        _DEFAULT.device
    )
    precision: Annotated[
        Precision | None, computing_option(help="What to compute in; default float32. int8 is for OpenVINO on a CPU.")
    ] = _DEFAULT.precision
    engine: Annotated[
        EngineName,
        computing_option(
            help="auto: the fastest that agrees with PyTorch; packed: PyTorch with less padding; openvino: CPU."
        ),
    ] = _DEFAULT.engine
    threads: Annotated[
        int | None, computing_option(min=1, help="Threads to compute with on a CPU; default all cores.")
    ] = None
    window: Annotated[
        int | None, computing_option(help="Subwords one forward pass reads; default what the model can.")
    ] = _DEFAULT.window
    overlap: Annotated[int | None, computing_option(help="Subwords that windows share; default a quarter.")] = (
        _DEFAULT.overlap
    )
    long_texts: Annotated[LongTexts, computing_option(help="What to do with texts longer than a window.")] = (
        _DEFAULT.long_texts
    )
    bos: Annotated[BosPolicy, computing_option(help="Causal models: the beginning-of-sequence token.")] = _DEFAULT.bos
    special_tokens: SpecialTokensOption = _DEFAULT.special_tokens
    repeat: Annotated[
        bool,
        computing_option(
            "--repeat", help="Causal models: read each text twice in a row; vectors of the second have seen it all."
        ),
    ] = _DEFAULT.repeat
    batch_subwords: Annotated[int | None, computing_option(help="Most subwords in a batch, padding included.")] = (
        _DEFAULT.batch_subwords
    )
    revision: Revision = _DEFAULT.revision
    trust_remote_code: TrustRemoteCode = _DEFAULT.trust_remote_code
    unsafe_weights: Annotated[
        bool, model_option("--unsafe-weights", help="Also load pickled weights, which can run code.")
    ] = _DEFAULT.unsafe_weights
    config: Annotated[
        list[str] | None,
        model_option(
            metavar="KEY=VALUE", help="Set a key of the model's config; a value is JSON or text; give it several times."
        ),
    ] = None

    def for_embedder(self) -> dict[str, Any]:
        """Give what `WordEmbedder` takes of these; the number of threads is set for this process."""
        if self.threads is not None:
            from wordstates.model.forked import set_threads

            set_threads(self.threads)
        names = (field.name for field in fields(ComputeOptions) if field.name != "threads")
        return {**{name: getattr(self, name) for name in names}, "config": self._given_config()}

    def _given_config(self) -> dict[str, Any] | None:
        read: dict[str, Any] = {}
        for each in self.config or []:
            key, sign, value = each.partition("=")
            if not (key.strip() and sign):
                raise typer.BadParameter(f"--config {each!r} is no KEY=VALUE, as attention_type=original_full.")
            if key.strip() in read:
                raise typer.BadParameter(f"--config: {key.strip()!r} is given twice.")
            try:
                read[key.strip()] = read_json(value)
            except ValueError:
                read[key.strip()] = value
        return read or None


@dataclass(kw_only=True)
class ModelOptions(ComputeOptions):
    """Which model reads, which layers are taken, and how it computes."""

    model: Model = MODEL
    server: Server = None
    layers: Annotated[
        str, vectors_option(help="-1, '4,8,12', '-4:' (last four), '0:' (all); 0 is the embedding layer.")
    ] = str(_DEFAULT.layers)
    layer_pooling: Annotated[LayerPooling, vectors_option(help="Several layers into one; none keeps a layer axis.")] = (
        _DEFAULT.layer_pooling
    )
    subword_pooling: Annotated[SubwordPooling, vectors_option(help="Subwords to words; none: one row per subword.")] = (
        _DEFAULT.subword_pooling
    )
    recipe: Annotated[
        list[str] | None,
        vectors_option(
            metavar="JSON|FILE",
            help="Instead of the three above: a recipe, or a file of one, with the post-processing that `sweep "
            "--save-recipe` saved; repeatable.",
        ),
    ] = None
    post_process: Annotated[
        list[str] | None,
        vectors_option(
            metavar="FILE",
            help="Post-process the vectors by a file that `wordstates fit` wrote, which also has the recipe; "
            "repeatable, for several recipes.",
        ),
    ] = None

    def recipes(self) -> list[Recipe]:
        """Give the recipes asked for, or else those of the post-processing; raises RecipeError where there is none."""
        from wordstates.errors import RecipeError
        from wordstates.recipe import Recipe

        parts = (self.layers, self.layer_pooling, self.subword_pooling)
        if not self.recipe and parts == _DEFAULT_PARTS:
            fitted = [each.recipe for each in self._fitted]
            if any(fitted):
                return _fitted_recipes([recipe for recipe in fitted if recipe is not None])
        if not self.recipe:
            return [Recipe(*parts)]
        if parts != _DEFAULT_PARTS:
            raise RecipeError("Give either --recipe or --layers, --layer-pooling and --subword-pooling, not both.")
        return [recipe for recipe, _ in self._saved]

    def post_processing(self) -> list[PostProcessing] | dict[str, PostProcessing] | None:
        """Read what was fitted, by the names of recipes that were saved with it; None: nothing is done to vectors."""
        saved = {recipe.name: fitted for recipe, fitted in self._saved if fitted is not None}
        if saved and self.post_process:
            raise typer.BadParameter(
                f"--post-process: the recipe {next(iter(saved))} was saved with post-processing of its own: give one "
                "of the two."
            )
        return saved or self._fitted or None

    @cached_property
    def _saved(self) -> list[tuple[Recipe, PostProcessing | None]]:
        from wordstates.files.saved_recipe import read_recipe

        return [read_recipe(each) for each in self.recipe or []]

    @cached_property
    def _fitted(self) -> list[PostProcessing]:
        from wordstates.errors import InputError
        from wordstates.postprocess.post_processing import PostProcessing

        try:
            return [PostProcessing.load(path) for path in self.post_process or []]
        except InputError as error:
            raise typer.BadParameter(str(error)) from error

    def embedder_maker(self, recipes: Sequence[Recipe], **more: Any) -> Callable[..., Embedder]:
        """Give what loads the model, or connects to the server: it can be sent to another process."""
        if self.server is not None:
            return self._remote_maker(self.server, recipes, more)
        from wordstates.embedder import WordEmbedder

        # Read here, so that every process has the same, whatever becomes of the file.
        options = {**self.for_embedder(), "post_processing": self.post_processing(), **more}
        return partial(WordEmbedder, self.model, recipes=recipes, **options)

    def _remote_maker(self, url: str, recipes: Sequence[Recipe], more: dict[str, Any]) -> Callable[..., Embedder]:
        loading = {field.name for field in fields(ComputeOptions)} - {"long_texts"}
        refuse_with_server(("post_process", "surprisal", "left_subwords", "workers", "ray", *sorted(loading)))
        if self.long_texts == "error":
            refuse_with_server(["long_texts"])
        if self.post_processing():
            raise typer.BadParameter(
                f"--recipe: {recipes[0].name} was saved with post-processing, which a server does only by what it was "
                "started with: give the recipe without it, as --layers, --layer-pooling and --subword-pooling."
            )
        told = {name: more[name] for name in ("splitter", "punctuation") if name in more}
        model = self.model if "model" in CHOSEN else None
        return remote_maker(url, recipes, model=model, long_texts=self.long_texts, **told)

    def embedder(self, recipes: Sequence[Recipe], **more: Any) -> Embedder:
        """Load the model, or connect to the server."""
        from wordstates.errors import InputError

        try:
            return self.embedder_maker(recipes, **more)()
        except InputError as error:  # there is no text yet: an option does not go with the model or this machine
            raise typer.BadParameter(str(error)) from error


def columns_named(given: str | None) -> list[str] | None:
    """Read the names of columns; None if the option was not given."""
    return None if given is None else [column.strip() for column in given.split(",") if column.strip()]


def _fitted_recipes(fitted: Sequence[dict[str, Any]]) -> list[Recipe]:
    """Give the recipes that post-processing was fitted with, each once."""
    from wordstates.recipe import Recipe

    recipes = [Recipe(**{part: recipe[part] for part in Recipe().to_dict()}) for recipe in fitted]
    return list(dict.fromkeys(recipes))
