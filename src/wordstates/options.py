"""What options may be, and what they are by default: once, for Python, scikit-learn and the command line.

This module loads nothing, so that ``--help`` and a typo need not wait for torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, SupportsIndex, get_args

from wordstates.errors import InputError, WordstatesError

# What is made of hidden states.
LayersLike = SupportsIndex | str | slice | Sequence[SupportsIndex]
LayerPooling = Literal["mean", "sum", "concat", "none"]
SubwordPooling = Literal["mean", "first", "last", "max", "sum", "none"]

# How a model computes.
Precision = Literal["float32", "bfloat16", "float16", "int8"]
EngineName = Literal["auto", "torch", "packed", "openvino"]
LongTexts = Literal["window", "truncate", "error"]
BosPolicy = Literal["auto", "always", "never"]
SpecialTokens = Literal["auto", "token", "text"]

KEY = "WORDSTATES_API_KEY"  # where the environment has the key of a server

# What is read and written.
InputFormat = Literal["txt", "jsonl", "csv", "tsv", "parquet", "xlsx", "conllu", "conll"]
Quoting = Literal["auto", "csv", "none"]
ApproximateKind = Literal["ivf-flat", "ivf-hnsw-sq"]
Projection = Literal["pca", "tsne"]
TextUnit = Literal["line", "paragraph", "file"]
MAX_TEXT = 500_000_000  # characters of the longest text that is read, unless another number is asked for
VectorDtype = Literal["float32", "float16"]
CONTEXT = 60  # characters of text on each side of a usage

# How long words and subwords of English are, spaces included: to tell how long texts are before they are read
# (benchmarks/constants.py).
CHARACTERS_OF_A_SUBWORD, CHARACTERS_OF_A_WORD = 4, 5

# What single commands do.
Missing = Literal["error", "ignore"]
StaticKind = Literal["usages", "alone", "input"]
TaskName = Literal["labels", "senses", "pairs", "similarity", "change"]
Split = Literal["train", "dev", "test"]
Grid = Literal["small", "full"]
Overlap = Literal["error", "drop"]
SenseMethod = Literal["kmeans", "hdbscan"]
Viewer = Literal["tensorboard", "embedding-atlas", "anndata"]


def check_choice(name: str, value: object, allowed: Any, error: type[WordstatesError] = InputError) -> None:
    """Raise an error if an option is none of what it may be.

    Args:
        name: Its name in Python.
        value: What was given.
        allowed: What it may be: a `Literal` of this module, or a tuple.
        error: What is raised.

    Examples:
        >>> check_choice("missing", "warn", Missing)
        Traceback (most recent call last):
        wordstates.errors.InputError: missing='warn' does not exist: choose one of error, ignore.
    """
    choices = allowed if isinstance(allowed, tuple) else get_args(allowed)
    if value not in choices:
        raise error(f"{name}={value!r} does not exist: choose one of {', '.join(choices)}.")


@dataclass(kw_only=True)
class ComputeOptions:
    """How a model is loaded, and how it computes; `WordEmbedder` says what each means."""

    device: str | None = None
    precision: Precision | None = None
    engine: EngineName = "auto"
    window: int | None = None
    overlap: int | None = None
    long_texts: LongTexts = "window"
    bos: BosPolicy = "auto"
    special_tokens: SpecialTokens = "auto"
    repeat: bool = False
    batch_subwords: int | None = None
    revision: str | None = None
    trust_remote_code: bool = False
    unsafe_weights: bool = False
    config: Mapping[str, Any] | None = None


@dataclass(kw_only=True)
class EmbedderOptions(ComputeOptions):
    """The options of `WordEmbedder` that are plain values; it says what each means."""

    layers: LayersLike = -1
    layer_pooling: LayerPooling = "mean"
    subword_pooling: SubwordPooling = "mean"
    splitter: object = "unicode"
    punctuation: bool = True

    @classmethod
    def default_recipe(cls) -> tuple[LayersLike, LayerPooling, SubwordPooling]:
        """Give the recipe that is taken where none is asked for."""
        return cls.layers, cls.layer_pooling, cls.subword_pooling


MODEL = "minilm"
