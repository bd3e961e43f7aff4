"""Everything that can go wrong, as one tree.

Every error names what was given, what is allowed and what to do. Each leaf is also the built-in it resembles, so
``except ValueError`` keeps working for people who never read this page:

    WordstatesError
    ├── RecipeError         (ValueError)    layers or poolings that do not exist
    ├── InputError          (ValueError)    texts, words, spans or files that cannot be used
    │   ├── ArgumentError   (TypeError)     an argument that does not exist, is missing, or is of another type
    │   ├── ItemError       (IndexError)    a text, word, usage or document that does not exist, by its number
    │   ├── SpanError                       a char span outside its text, or a word that is not in it
    │   └── TargetNotFoundError (LookupError)  a target that occurs nowhere
    ├── ModelError          (RuntimeError)  a model that loads but cannot be used
    │   ├── ModelNotFoundError (OSError)    a model that is not available
    │   ├── NonFiniteError  (ArithmeticError)  NaN or infinity in the vectors
    │   └── TokenizerError                  a tokenizer that fails on a text, or whose pieces cannot be aligned
    ├── NoVectorError       (LookupError)   asked for the vector of a word that has none
    ├── OutputError         (OSError)       a file that cannot be written
    ├── WorkerError         (RuntimeError)  a worker process that is gone
    ├── MissingExtraError   (ImportError)   an optional dependency that is not installed
    └── UnexpectedError     (RuntimeError)  an unexpected error of a library or of wordstates; its cause is chained
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from functools import wraps
from inspect import BoundArguments, isfunction, signature
from os import PathLike
from pathlib import Path
from typing import Any, SupportsFloat, SupportsIndex, TypeVar

_PACKAGE = Path(__file__).parent
T = TypeVar("T")
Door = TypeVar("Door", bound=Callable[..., Any])


class WordstatesError(Exception):
    """Base of every error that wordstates raises on purpose."""


class RecipeError(WordstatesError, ValueError):
    """Layers or poolings that do not exist."""


class InputError(WordstatesError, ValueError):
    """Texts, words, spans or files that cannot be used."""


class ArgumentError(InputError, TypeError):
    """An argument that does not exist, as one that another library has; or is missing, or is of another type."""


class ItemError(InputError, IndexError):
    """A text, word, usage or document that does not exist, by its number."""


class SpanError(InputError):
    """A char span outside its text, or a word that is not in it."""


class TargetNotFoundError(InputError, LookupError):
    """A target that occurs nowhere in the texts."""


class ModelError(WordstatesError, RuntimeError):
    """A model that loads but cannot be used."""


class ModelNotFoundError(ModelError, OSError):
    """A model that is not available: not on this machine, and not from the hub."""


class NonFiniteError(ModelError, ArithmeticError):
    """NaN or infinity where a vector should be."""


class TokenizerError(ModelError):
    """A tokenizer that fails on a text, or whose pieces cannot be aligned with it."""


class NoVectorError(WordstatesError, LookupError):
    """The vector of a word that has none, or of a word that is not there."""


class OutputError(WordstatesError, OSError):
    """A file that cannot be written."""


class WorkerError(WordstatesError, RuntimeError):
    """A worker process that is gone, or that failed unexpectedly."""


class MissingExtraError(WordstatesError, ImportError):
    """An optional dependency that is not installed.

    Examples:
        >>> print(MissingExtraError.of("hdf5", "writing HDF5"))
        writing HDF5 needs an extra that is not installed: pip install "wordstates[hdf5]"
    """

    @classmethod
    def of(cls, extra: str, purpose: str) -> MissingExtraError:
        """Say which extra a purpose needs, and the line that installs it."""
        return cls(f'{purpose} needs an extra that is not installed: pip install "wordstates[{extra}]"')


class UnexpectedError(WordstatesError, RuntimeError):
    """An unexpected error, of a library or of wordstates itself; ``__cause__`` is the error as it came.

    Examples:
        >>> print(UnexpectedError.of(KeyError("dim")))
        Unexpected error (KeyError: 'dim'): please report it with what was given.
    """

    @classmethod
    def of(cls, error: BaseException) -> UnexpectedError:
        """Say what came, and the last line of ours that it came through."""
        place = _place(error)
        at = f", at {place}" if place else ""
        said = str(error).strip().splitlines()
        what = f"{type(error).__name__}: {said[0]}" if said else type(error).__name__
        return cls(f"Unexpected error ({what}{at}): please report it with what was given.")


def where_it_failed(error: BaseException) -> str:
    """Name an error and the last line of ours that it came through, without its message, which may quote a text."""
    place = _place(error)
    return f"{type(error).__name__} at {place}" if place else type(error).__name__


def _place(error: BaseException) -> str:
    ours = [frame for frame in traceback.extract_tb(error.__traceback__) if _PACKAGE in Path(frame.filename).parents]
    return f"{Path(ours[-1].filename).relative_to(_PACKAGE)}:{ours[-1].lineno}" if ours else ""


@contextmanager
def ctrl_c_kept() -> Iterator[None]:
    """Raise Ctrl-C as such where it came amid the steps of one of Python's own locks, which ends in another error."""
    outside = sys.exception()
    try:
        yield
    except Exception as error:
        behind: BaseException | None = error
        while behind is not None and behind is not outside:
            if isinstance(behind, KeyboardInterrupt):
                raise behind from None
            behind = behind.__context__
        raise


@contextmanager
def no_foreign_error() -> Iterator[None]:
    """Turn every error that is not of the tree into an `UnexpectedError`, or an `InputError` where it names a file.

    Ctrl-C and a lack of memory keep their meaning, so do warnings that the caller has made errors, and what a function
    of the caller's raised is theirs.
    """
    try:
        with ctrl_c_kept():
            yield
    except (WordstatesError, Warning, MemoryError, KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException as error:  # what Rust panics with is no Exception
        if getattr(error, "of_the_caller", False):
            raise
        if isinstance(error, OSError) and error.filename is not None:
            raise InputError(f"{str(error.filename)!r}: {error.strerror or error}.") from error
        raise UnexpectedError.of(error) from error


def of_the_caller(function: Callable[..., T]) -> Callable[..., T]:
    """Have what a function of the caller's raises reach the caller as it is."""

    @wraps(function, assigned=())
    def call(*args: Any) -> T:
        try:
            return function(*args)
        except Exception as error:
            error.of_the_caller = True  # type: ignore[attr-defined]
            raise

    return call


def each_of_the_caller(items: Iterable[T]) -> Iterator[T]:
    """Give items of the caller's; what reading them raises reaches the caller as it is."""
    try:
        yield from items
    except Exception as error:
        error.of_the_caller = True  # type: ignore[attr-defined]
        raise


_PROTOCOL = {"__init__", "__call__", "__getitem__", "__iter__", "__len__"}  # public, though their names begin with _


def without_foreign_errors(door: Door) -> Door:
    """Have a function, or the construction and every public method and property of a class, raise errors of the tree.

    What is read as it is asked for, by a generator, is covered too.
    """
    if not isinstance(door, type):
        return _guarded(door)  # type: ignore[return-value]  # of the same signature
    for name, member in list(vars(door).items()):
        if name.startswith("_") and name not in _PROTOCOL:
            continue
        if isinstance(member, property) and member.fget is not None:
            setattr(door, name, property(_guarded(member.fget), doc=member.__doc__))
        elif isinstance(member, (classmethod, staticmethod)):
            setattr(door, name, type(member)(_guarded(member.__func__)))
        elif isfunction(member):
            setattr(door, name, _guarded(member))
    return door


# What people write who know sentence-transformers, transformers or flair.
_OURS = {
    "sentences": "encode(['a text'])",
    "show_progress_bar": "show_progress=True, in encode() or find()",
    "show_progress": "encode(..., show_progress=True)",
    "disable_tqdm": "encode(..., show_progress=False), which is the default",
    "batch_size": "WordEmbedder(..., batch_subwords=1024), because batches are measured in subwords",
    "convert_to_tensor": "encode(...).to_torch()",
    "return_tensors": "encode(...).to_torch()",
    "convert_to_numpy": "encode(...).vectors, which are NumPy's",
    "normalize": "encode(...).normalized()",
    "normalize_embeddings": "encode(...).normalized()",
    "output_value": "WordEmbedder(..., subword_pooling='none') for the vectors of subwords",
    "truncate_dim": "WordEmbedder(..., post_processing=...) with the step pca:N",
    "max_length": "WordEmbedder(..., window=..., long_texts='truncate')",
    "max_seq_length": "WordEmbedder(..., window=..., long_texts='truncate')",
    "truncation": "WordEmbedder(..., long_texts='truncate')",
    "words": "encode(..., words=...) for given words, and WordEmbedder(..., splitter=...) for how texts are split",
    "is_split_into_words": "encode([['given', 'words']])",
    "dtype": "WordEmbedder(..., precision='bfloat16')",
    "torch_dtype": "WordEmbedder(..., precision='bfloat16')",
    "model_name_or_path": "WordEmbedder('name or folder')",
    "device": "WordEmbedder(..., device='cuda') or embedder.to('cuda')",
    "layer": "WordEmbedder(..., layers=...)",
    "layer_mean": "layer_pooling='mean' or 'concat'",
    "pooling": "WordEmbedder(..., layer_pooling=..., subword_pooling=...)",
    "pooling_operation": "WordEmbedder(..., layer_pooling=..., subword_pooling=...)",
    "threads": "wordstates.set_threads(4), because they are this process's",
    "num_threads": "wordstates.set_threads(4), because they are this process's",
    "num_workers": "wordstates.set_threads(4), or embed_corpus(..., workers=4)",
    "token": "the token of the hub into the environment, as HF_TOKEN",
    "use_auth_token": "the token of the hub into the environment, as HF_TOKEN",
    "cache_folder": "the folder of the hub's files into the environment, as HF_HUB_CACHE",
    "cache_dir": "the folder of the hub's files into the environment, as HF_HUB_CACHE",
}


def _check_names(function: Callable[..., Any], args: Sequence[object], given: Mapping[str, object]) -> None:
    """Say what to write instead of an argument that does not exist."""
    known = signature(function).parameters
    wrong = next((name for name in given if name not in known), None)
    if wrong is None:
        return
    where, _, method = function.__qualname__.rpartition(".")
    if method != "__init__":
        owner, where = where, function.__qualname__
        if args and type(args[0]).__name__ == owner and wrong in signature(type(args[0])).parameters:
            raise ArgumentError(f"{where} has no argument {wrong!r}: write {owner}(..., {wrong}=...).")
    like = get_close_matches(wrong, known, n=1)
    ours = _OURS.get(wrong) or (f"{like[0]}=..." if like else "")
    advice = f"write {ours}" if ours else f"its arguments are {_names(known)}"
    raise ArgumentError(f"{where} has no argument {wrong!r}: {advice}.")


def _guarded(function: Callable[..., T]) -> Callable[..., T]:
    fits = signature(function)
    known = fits.parameters
    takes_any = any(each.kind is each.VAR_KEYWORD for each in known.values())

    @wraps(function)
    def call(*args: Any, **options: Any) -> T:
        if options and not takes_any:
            _check_names(function, args, options)
        with no_foreign_error():
            try:
                given = function(*args, **options)
            except (TypeError, AttributeError) as error:
                if isinstance(error, WordstatesError) or getattr(error, "of_the_caller", False):
                    raise
                if error.__traceback__ is not None and error.__traceback__.tb_next is None:  # it was not called at all
                    raise ArgumentError(f"{error}; its arguments are {_names(known)}.") from None
                _check_types(fits.bind(*args, **options), error)
                raise
        return _read(given) if isinstance(given, Generator) else given  # type: ignore[return-value]

    return call


_TYPES: dict[str, type] = {
    "str": str,
    "Path": PathLike,
    "int": SupportsIndex,
    "float": SupportsFloat,
    "bool": bool,
    "None": type(None),
}


def _check_types(given: BoundArguments, error: Exception) -> None:
    """Say which argument is of another type than it has to be, where its annotation is made of plain types."""
    for name, value in given.arguments.items():
        allowed = str(given.signature.parameters[name].annotation).split(" | ")
        if _TYPES.keys() >= {*allowed} and not isinstance(value, tuple(_TYPES[each] for each in allowed)):
            raise ArgumentError(
                f"{name}={value!r:.60} is of type {type(value).__name__}: give {' or '.join(allowed)}."
            ) from error


def _read(items: Iterator[T]) -> Iterator[T]:
    with no_foreign_error():
        yield from items


def _names(known: Iterable[str]) -> str:
    return ", ".join(name for name in known if name not in ("self", "cls"))
