"""Texts to subwords with true char spans, for every kind of tokenizer.

Offsets from the tokenizer are used where they explain the text. Every text gets a structural check, every piece of the
vocabulary is held once against the text it claims; where either fails, or there are no offsets, the pieces are aligned
with the text as strings, and the better of the two alignments wins.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import RLock
from typing import Any, Literal

import numpy as np
from jaxtyping import Int

from wordstates.errors import TokenizerError
from wordstates.model import _hf
from wordstates.text.align import SubwordSpans, trim_spans
from wordstates.text.pieces import (
    Surface,
    SurfaceStyle,
    mismatches,
    spans_from_strings,
    structure_is_sound,
    surface_of,
    without_unwritten,
)

# Pairs of a piece and its text that are remembered as checked; running text has a few for each piece.
_MOST_CLAIMS = 1_000_000

AlignedBy = Literal["offsets", "strings"]


@dataclass(frozen=True, eq=False)
class Subwords:
    """The subwords of one text, special tokens left out.

    Args:
        ids: Vocabulary ids, shape (subwords,).
        spans: Trimmed char spans, shape (subwords, 2); empty for a piece that stands for no character.
        aligned_by: Where the spans come from.
    """

    ids: Int[np.ndarray, " subwords"]
    spans: SubwordSpans
    aligned_by: AlignedBy


@dataclass(frozen=True)
class Template:
    """The special tokens that the tokenizer puts around a text.

    Args:
        prefix: Ids before the text.
        suffix: Ids after the text.
        types: Segment ids of prefix, text and suffix, None if all are 0.
        suffix_once: A text that ends in the suffix already gets no second one (ByT5).
    """

    prefix: tuple[int, ...]
    suffix: tuple[int, ...]
    types: tuple[tuple[int, ...], int, tuple[int, ...]] | None = None
    suffix_once: bool = False

    def __len__(self) -> int:
        """Count the special tokens."""
        return len(self.prefix) + len(self.suffix)

    def wrap(self, ids: Sequence[int]) -> list[int]:
        """Put the special tokens around the ids of a window."""
        written = self.suffix_once and tuple(ids[-len(self.suffix) :]) == self.suffix
        return [*self.prefix, *ids, *(() if written else self.suffix)]

    def wrap_types(self, length: int) -> list[int] | None:
        """Give the segment ids of a window of `length` subwords of text, None if all are 0."""
        if self.types is None:
            return None
        before, inside, after = self.types
        return [*before, *([inside] * length), *after]


class Tokenizer:
    """A Hugging Face tokenizer, asked only for what can be checked.

    Args:
        tokenizer: Any tokenizer of `transformers`, fast or slow. It is not changed.
        name: Its name for errors.
    """

    def __init__(self, tokenizer: Any, name: str) -> None:
        self.tokenizer = tokenizer
        self.name = name
        self.style = _surface_style(tokenizer)
        self._special = set(tokenizer.all_special_ids)
        self.unknown_id = _unknown_id(tokenizer)
        self._surfaces: dict[int, Surface] = {}
        self._blank: dict[int, bool] = {}
        self._explained: dict[tuple[int, str], bool] = {}
        self._lock = RLock()
        self._template: Template | None = None
        self._fingerprint: str | None = None

    def encode(self, texts: Sequence[str]) -> list[Subwords]:
        """Split texts into subwords.

        Args:
            texts: Any texts.

        Returns:
            The subwords of each text, in order, without special tokens.

        Raises:
            TokenizerError: If the tokenizer fails on a text.
        """
        with self._lock:
            return self._encode(texts) if texts else []

    def _encode(self, texts: Sequence[str]) -> list[Subwords]:
        if not self.tokenizer.is_fast:
            return [self._encode_slow(self._as_read(text)) for text in texts]
        with _settings_kept(self.tokenizer.backend_tokenizer):
            encoded = self.tokenizer(
                list(texts),
                add_special_tokens=False,
                return_offsets_mapping=True,
                return_attention_mask=False,
                return_token_type_ids=False,
                truncation=False,
                padding=False,
                verbose=False,
            )
        return [
            self._check(
                self._as_read(text), np.asarray(ids, dtype=np.int64), np.asarray(offsets, dtype=np.int64).reshape(-1, 2)
            )
            for text, ids, offsets in zip(texts, encoded["input_ids"], encoded["offset_mapping"], strict=True)
        ]

    def _as_read(self, text: str) -> str:
        """Give the text as the tokenizer reads it, position by position: to SentencePiece, ▁ is a space."""
        return text.replace("▁", " ") if self.style == "sentencepiece" else text

    def _encode_slow(self, text: str) -> Subwords:
        pieces = self.tokenizer.tokenize(text)
        ids = self.tokenizer.convert_tokens_to_ids(pieces)
        if any(index is None for index in ids):
            raise TokenizerError(
                f"Tokenizer {self.name!r} made a piece that is not in its own vocabulary: {pieces[ids.index(None)]!r}."
            )
        # The piece, not its id, says what was written: an unknown piece still shows its text in some tokenizers.
        surfaces = [
            self._surface(index)
            if index == self.unknown_id or index in self._special
            else surface_of(piece, self.style)
            for piece, index in zip(pieces, ids, strict=True)
        ]
        spans = spans_from_strings(text, surfaces) if pieces else np.zeros((0, 2), dtype=np.int64)
        return Subwords(np.asarray(ids, dtype=np.int64), spans, "strings")

    def _check(self, text: str, ids: np.ndarray, offsets: np.ndarray) -> Subwords:
        """Take the offsets if they explain the text, else whichever alignment explains more of it."""
        listed = ids.tolist()
        blank = np.array([self._is_blank(index) for index in listed], dtype=bool)
        in_range = bool(
            (offsets >= 0).all() and (offsets <= len(text)).all() and (offsets[:, 0] <= offsets[:, 1]).all()
        )
        if in_range:
            spans = without_unwritten(text, trim_spans(text, offsets), lambda place: self._surface(listed[place]))
            # A lone ▁ stands for a space that may not even be there; it has no text of its own.
            spans[blank, 1] = spans[blank, 0]
            if structure_is_sound(text, spans, blank) and not self._some_differ(text, listed, spans):
                return Subwords(ids, spans, "offsets")
        surfaces = [self._surface(index) for index in listed]
        aligned = spans_from_strings(text, surfaces)
        if in_range and mismatches(text, spans, surfaces) <= mismatches(text, aligned, surfaces):
            return Subwords(ids, spans, "offsets")
        return Subwords(ids, aligned, "strings")

    def _some_differ(self, text: str, ids: list[int], spans: np.ndarray) -> bool:
        """Hold each piece against the text its span claims; what was held once is known, whatever was read before."""
        for index, (start, end) in zip(ids, spans.tolist(), strict=True):
            claim = (index, text[start:end])
            if claim not in self._explained:
                self._explained[claim] = not mismatches(claim[1], np.array([[0, end - start]]), [self._surface(index)])
            if not self._explained[claim]:
                return True
        if len(self._explained) > _MOST_CLAIMS:
            self._explained.clear()
        return False

    def _surface(self, index: int) -> Surface:
        if index not in self._surfaces:
            piece = self.tokenizer.convert_ids_to_tokens(index)
            if index == self.unknown_id or piece is None:
                self._surfaces[index] = None
            elif index in self._special:
                self._surfaces[index] = piece
            else:
                self._surfaces[index] = surface_of(piece, self.style)
        return self._surfaces[index]

    def _is_blank(self, index: int) -> bool:
        if index not in self._blank:
            surface = self._surface(index)
            self._blank[index] = isinstance(surface, str) and not surface.strip()
        return self._blank[index]

    def pieces(self, ids: Sequence[int]) -> list[str]:
        """Give the pieces of ids as the vocabulary spells them, byte-level letters made readable."""
        pieces = self.tokenizer.convert_ids_to_tokens(list(ids))
        if self.style != "byte_level":
            return [str(piece) for piece in pieces]
        shown = []
        for index, piece in zip(ids, pieces, strict=True):
            surface = self._surface(index)
            shown.append(surface.replace(" ", "Ġ") if isinstance(surface, str) and surface.strip() else str(piece))
        return shown

    @property
    def template(self) -> Template:
        """The special tokens the tokenizer puts around a single text.

        Raises:
            TokenizerError: If the text cannot be found again among them.
        """
        if self._template is None:
            inside = self.encode(["fox"])[0].ids.tolist()
            with self._lock, _settings_kept(getattr(self.tokenizer, "backend_tokenizer", None)):
                whole = self.tokenizer("fox", truncation=False, padding=False, verbose=False)
            ids = list(whole["input_ids"])
            starts = [
                start for start in range(len(ids) - len(inside) + 1) if ids[start : start + len(inside)] == inside
            ]
            if not starts:
                raise TokenizerError(
                    f"Tokenizer {self.name!r} writes a text differently when it adds special tokens, so words cannot "
                    "be found in it; report this tokenizer."
                )
            start, stop = starts[0], starts[0] + len(inside)
            types = whole.get("token_type_ids")
            self._template = Template(
                tuple(ids[:start]),
                tuple(ids[stop:]),
                (tuple(types[:start]), types[start], tuple(types[stop:])) if types is not None and any(types) else None,
                self._writes_suffix_once(ids, ids[stop:]),
            )
        return self._template

    def _writes_suffix_once(self, whole: list[int], suffix: list[int]) -> bool:
        """Ask a slow tokenizer what it puts around a text that ends in its suffix already."""
        if self.tokenizer.is_fast or not suffix:
            return False
        before = whole[: len(whole) - len(suffix)]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # ByT5 says that it may do otherwise one day: then this tells
            again = self.tokenizer.build_inputs_with_special_tokens([*before, *suffix])
        return list(again) == whole

    def fingerprint(self) -> str:
        """Hash the whole tokenizer: vocabulary, rules and special tokens; sha256, 16 hex digits."""
        if self._fingerprint is not None:
            return self._fingerprint
        if self.tokenizer.is_fast:
            content = self.tokenizer.backend_tokenizer.to_str()
            # Truncation and padding are settings of the last call, not of the tokenizer.
            parts = json.loads(content) | {"truncation": None, "padding": None}
        else:
            parts = {"class": type(self.tokenizer).__name__, "vocab": _vocabulary(self.tokenizer)}
        self._fingerprint = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]
        return self._fingerprint


def load_tokenizer(name: str | Path, *, revision: str | None = None, trust_remote_code: bool = False) -> Tokenizer:
    """Load the tokenizer of a model, without the model.

    Raises:
        ModelNotFoundError: If it is not to be had.
    """
    return Tokenizer(_hf.load_tokenizer(name, revision=revision, trust_remote_code=trust_remote_code), str(name))


@contextmanager
def _settings_kept(backend: Any) -> Iterator[None]:
    """Give a fast tokenizer its own truncation and padding back after a call that switched them off."""
    truncation, padding = (backend.truncation, backend.padding) if backend is not None else (None, None)
    try:
        yield
    finally:
        if truncation is not None:
            backend.enable_truncation(**truncation)
        if padding is not None:
            backend.enable_padding(**padding)


def _surface_style(tokenizer: Any) -> SurfaceStyle:
    """Tell how a tokenizer spells its pieces, from its decoder or, for slow ones, from its vocabulary."""
    if not tokenizer.is_fast:
        if type(tokenizer).__name__ in ("ByT5Tokenizer", "PerceiverTokenizer"):
            return "bytes"
        vocabulary = _vocabulary(tokenizer)
        if any(piece.startswith("▁") and len(piece) > 1 for piece in vocabulary):
            return "sentencepiece"
        return "wordpiece" if any(piece.startswith("##") and len(piece) > 2 for piece in vocabulary) else "plain"
    parts = json.loads(tokenizer.backend_tokenizer.to_str())
    written = json.dumps([parts.get("decoder"), parts.get("pre_tokenizer")])
    if '"ByteLevel"' in written:
        return "byte_level"
    if '"WordPiece"' in written:
        return "wordpiece"
    return (
        "sentencepiece"
        if "▁" in json.dumps(parts.get("decoder"), ensure_ascii=False)
        or "▁" in json.dumps([parts.get("normalizer"), parts.get("pre_tokenizer")], ensure_ascii=False)
        else "plain"
    )


def _unknown_id(tokenizer: Any) -> int | None:
    """Find the id of the unknown piece; where no config names it, as beside a lone `tokenizer.json`, the model does."""
    found: int | None = tokenizer.unk_token_id
    if found is not None or not tokenizer.is_fast:
        return found
    backend = tokenizer.backend_tokenizer
    if hasattr(backend.model, "unk_token"):
        found = backend.token_to_id(backend.model.unk_token or "")
    else:
        found = json.loads(backend.to_str())["model"].get("unk_id")
    return found


def _vocabulary(tokenizer: Any) -> dict[str, int]:
    """Give the vocabulary, empty for character tokenizers, which would list all of Unicode."""
    return {} if tokenizer.vocab_size > 1_000_000 else dict(tokenizer.get_vocab())
