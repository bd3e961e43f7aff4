"""Everything that can go wrong, as one tree.

Every error names what was given, what is allowed and what to do. Each leaf is also the built-in it resembles, so
``except ValueError`` keeps working for people who never read this page::

    WordstatesError
    ├── RecipeError         (ValueError)    layers or poolings that do not exist
    ├── InputError          (ValueError)    texts, words, spans or files that cannot be used
    │   ├── SpanError                       a char span outside its text, or a word that is not in it
    │   └── TargetNotFoundError (LookupError)  a target that occurs nowhere
    ├── ModelError          (RuntimeError)  a model that loads but cannot be used
    │   ├── ModelNotFoundError (OSError)    a model that is not to be had
    │   ├── NonFiniteError  (ArithmeticError)  NaN or infinity in the vectors
    │   └── TokenizerError                  a tokenizer that fails on a text, or whose pieces cannot be aligned
    ├── NoVectorError       (LookupError)   asked for the vector of a word that has none
    ├── OutputError         (OSError)       a file that cannot be written
    ├── WorkerError         (RuntimeError)  a worker process that is gone
    └── MissingExtraError   (ImportError)   an optional dependency that is not installed
"""

from __future__ import annotations


class WordstatesError(Exception):
    """Base of every error that wordstates raises on purpose."""


class RecipeError(WordstatesError, ValueError):
    """Layers or poolings that do not exist."""


class InputError(WordstatesError, ValueError):
    """Texts, words, spans or files that cannot be used."""


class SpanError(InputError):
    """A char span outside its text, or a word that is not in it."""


class TargetNotFoundError(InputError, LookupError):
    """A target that occurs nowhere in the texts."""


class ModelError(WordstatesError, RuntimeError):
    """A model that loads but cannot be used."""


class ModelNotFoundError(ModelError, OSError):
    """A model that is not to be had: not on this machine, and not from the hub."""


class NonFiniteError(ModelError, ArithmeticError):
    """NaN or infinity where a vector should be."""


class TokenizerError(ModelError):
    """A tokenizer that fails on a text, or whose pieces cannot be aligned with it."""


class NoVectorError(WordstatesError, LookupError):
    """The vector of a word that has none, or of a word that is not there."""


class OutputError(WordstatesError, OSError):
    """A file that cannot be written."""


class WorkerError(WordstatesError, RuntimeError):
    """A worker process that is gone, or that failed in a way nobody foresaw."""


class MissingExtraError(WordstatesError, ImportError):
    """An optional dependency that is not installed.

    Example:
        >>> print(MissingExtraError.of("hdf5", "writing HDF5"))
        writing HDF5 needs an extra that is not installed: pip install "wordstates[hdf5]"
    """

    @classmethod
    def of(cls, extra: str, purpose: str) -> MissingExtraError:
        """Say which extra a purpose needs, and the line that installs it."""
        return cls(f'{purpose} needs an extra that is not installed: pip install "wordstates[{extra}]"')
