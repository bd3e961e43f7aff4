"""A tokenizer as text: hashed; and a fast one kept as such, and made again without `transformers`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

from wordstates.model.spelling import vocabulary

# What is asked of a tokenizer of `transformers` besides what its backend knows.
_KEPT = (
    "split_special_tokens",
    "model_max_length",
    "unk_token",
    "unk_token_id",
    "bos_token_id",
    "pad_token_id",
    "all_special_tokens",
    "all_special_ids",
)


class KeptTokenizer:
    """What `Tokenizer` asks of a fast tokenizer of `transformers`.

    Args:
        kept: As `kept_form` gives it.
        load: Loads the tokenizer of `transformers`, for who asks for that one.

    Raises:
        Exception: Whatever `tokenizers` raises where `kept` is no tokenizer.
    """

    is_fast = True
    model_max_length: int
    bos_token_id: int | None

    def __init__(self, kept: Mapping[str, Any], load: Callable[[], Any] | None = None) -> None:
        from tokenizers import Tokenizer

        self._load = load
        self.backend_tokenizer = Tokenizer.from_str(kept["backend"])
        for name in _KEPT:
            setattr(self, name, kept[name])

    @cached_property
    def of_transformers(self) -> Any:
        """The tokenizer of `transformers`."""
        return None if self._load is None else self._load()

    @property
    def vocab_size(self) -> int:
        """Pieces of the vocabulary, added ones left out."""
        return int(self.backend_tokenizer.get_vocab_size(with_added_tokens=False))

    @property
    def added_tokens_decoder(self) -> dict[int, Any]:
        """Added tokens by id."""
        return dict(self.backend_tokenizer.get_added_tokens_decoder())

    def get_vocab(self) -> dict[str, int]:
        """Give the ids of all pieces."""
        return dict(self.backend_tokenizer.get_vocab(with_added_tokens=True))

    def convert_ids_to_tokens(self, ids: int | Sequence[int]) -> Any:
        """Give the piece of an id, or the pieces of several; None where there is none."""
        if isinstance(ids, int):
            return self.backend_tokenizer.id_to_token(ids)
        return [self.backend_tokenizer.id_to_token(index) for index in ids]


def kept_form(tokenizer: Any) -> dict[str, Any] | None:
    """Give a tokenizer of `transformers` as JSON data; None if it would not be the same again.

    Slow ones have no backend, and some fast ones do more than their backend, or have one in Python.
    """
    if not tokenizer.is_fast:
        return None
    try:
        kept = {"backend": tokenizer.backend_tokenizer.to_str(), **{name: getattr(tokenizer, name) for name in _KEPT}}
        again = KeptTokenizer(kept)
        whole = again.backend_tokenizer.to_str() == kept["backend"]
    except Exception:  # of `tokenizers`, which raises bare ones
        return None
    ids = range(max(tokenizer.get_vocab().values(), default=-1) + 2)
    same = (
        whole
        and again.vocab_size == tokenizer.vocab_size
        and again.get_vocab() == tokenizer.get_vocab()
        and again.convert_ids_to_tokens(ids) == tokenizer.convert_ids_to_tokens(list(ids))
        and _told(again.added_tokens_decoder) == _told(tokenizer.added_tokens_decoder)
    )
    return kept if same else None


def _told(added: dict[int, Any]) -> list[tuple[int, str, bool]]:
    return sorted((index, str(token), token.special) for index, token in added.items())


def fingerprint_of(tokenizer: Any) -> str:
    """Hash a whole tokenizer as it is now: vocabulary, rules and special tokens; sha256, 16 hex digits."""
    if tokenizer.is_fast:
        content = tokenizer.backend_tokenizer.to_str()
        # Truncation and padding are settings of the last call, not of the tokenizer.
        parts = json.loads(content) | {"truncation": None, "padding": None}
    else:
        parts = {"class": type(tokenizer).__name__, "vocab": vocabulary(tokenizer)}
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]
