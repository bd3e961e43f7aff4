"""Asking the backend of a fast tokenizer for whole texts, whoever else uses it; and telling what it raises.

A fast tokenizer's truncation and padding are settings of its backend, which several wrappers may share.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from weakref import WeakValueDictionary

from wordstates.errors import TokenizerError, WordstatesError
from wordstates.model.forked import ForkLock
from wordstates.wording import counted

_MOST_TRIES = 100  # of a call during which other code sets the tokenizer to cut texts

_locks: WeakValueDictionary[int, ForkLock] = WeakValueDictionary()
_making_a_lock = ForkLock()


def lock_of(backend: object) -> ForkLock:
    """Give the lock of a backend: the same to all who ask for it, as long as one of them keeps it, and the backend."""
    with _making_a_lock.checked():
        return _locks.setdefault(id(backend), ForkLock())


def encode_whole(backend: Any, texts: Sequence[str], name: str, *, splits_special: bool) -> list[Any]:
    """Encode texts, neither cut nor padded, without special tokens around them.

    Callers who hold the lock of the backend wait for each other. Code outside of the library does not, so what came
    while its settings were on is asked for again.

    Args:
        backend: The backend, which gets its settings back.
        texts: The texts.
        name: Name of the tokenizer for errors.
        splits_special: Read special tokens in the texts as text.

    Raises:
        TokenizerError: If it fails on a text, or other code never leaves it alone.
    """
    with settings_kept(backend), told(name, texts):
        for _ in range(_MOST_TRIES):
            backend.no_truncation()
            backend.no_padding()
            backend.encode_special_tokens = splits_special
            encoded: list[Any] = backend.encode_batch(list(texts), add_special_tokens=False)
            settings = (backend.truncation, backend.padding, backend.encode_special_tokens)
            if settings == (None, None, splits_special) and not any(text.overflowing for text in encoded):
                return encoded
    raise TokenizerError(
        f"Tokenizer {name!r} is set to cut texts by other code, again and again, while it is asked for whole ones: "
        "give the embedder a tokenizer of its own, as copy.deepcopy(tokenizer)."
    )


@contextmanager
def settings_kept(backend: Any) -> Iterator[None]:
    """Give a backend its own settings back after calls that change them; None is no backend."""
    if backend is None:
        yield
        return
    truncation, padding, splits_special = backend.truncation, backend.padding, backend.encode_special_tokens
    try:
        yield
    finally:
        if truncation is not None:
            backend.enable_truncation(**truncation)
        if padding is not None:
            backend.enable_padding(**padding)
        backend.encode_special_tokens = splits_special


@contextmanager
def told(name: str, texts: Sequence[str]) -> Iterator[None]:
    """Say which text a tokenizer fails on, whatever it raises: `tokenizers` raises bare exceptions, and panics."""
    try:
        yield
    except WordstatesError:
        raise
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        where = f"text {texts[0][:40]!r}" if len(texts) == 1 else f"one of {counted(len(texts), 'text')}"
        raise TokenizerError(
            f"Tokenizer {name!r} fails on {where}: {reason.rstrip('.')}. Leave such texts out, or give the tokenizer "
            "what it lacks, as unk_token for a missing unknown piece."
        ) from error
