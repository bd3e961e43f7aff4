"""Texts to subwords with true char spans, for every kind of tokenizer.

Offsets from the tokenizer are used where they explain the text. Every text gets a structural check, every piece of the
vocabulary is held once against the text it claims; where either fails, or there are no offsets, the pieces are aligned
with the text as strings, and the better of the two alignments wins.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from inspect import signature
from itertools import chain, filterfalse
from typing import Any

import numpy as np
from jaxtyping import Bool, Int

from wordstates.errors import TokenizerError
from wordstates.model.backend import encode_whole, lock_of, settings_kept, told
from wordstates.model.kept_tokenizer import KeptTokenizer, fingerprint_of
from wordstates.model.long_texts import LONG_TEXT, subwords_in_stretches
from wordstates.model.spelling import surface_style, tokens_in_texts, unknown_id_of, vocabulary
from wordstates.model.subwords import Subwords, TextSubwords, joined
from wordstates.model.template import Template
from wordstates.options import SpecialTokens, check_choice
from wordstates.text.align import SubwordSpans, trim_spans
from wordstates.text.pieces import (
    Surface,
    holds_unwritten,
    mismatches,
    sound_texts,
    surface_of,
    without_unwritten,
    writes_its_spans,
)
from wordstates.text.string_alignment import spans_from_strings

# Pairs of a piece and its text that are remembered as checked; running text has a few for each piece.
_MOST_CLAIMS = 1_000_000


class Tokenizer:
    """A Hugging Face tokenizer, asked only for what can be checked.

    Args:
        tokenizer: Any tokenizer of `transformers`, fast or slow, or a `KeptTokenizer`. It is not changed.
        name: Its name for errors.
        special_tokens: How special tokens are read where a text writes them: as the ``token``, as any other ``text``,
            or as the tokenizer does (``auto``).
        template: The special tokens around a text, if they are known.
        fingerprint: Its fingerprint, if it is known.

    Raises:
        InputError: If `special_tokens` is none of these.
    """

    def __init__(
        self,
        tokenizer: Any,
        name: str,
        special_tokens: str = "auto",
        *,
        template: Template | None = None,
        fingerprint: str | None = None,
    ) -> None:
        check_choice("special_tokens", special_tokens, SpecialTokens)
        asked = {"token": False, "text": True}
        self.splits_special = asked.get(special_tokens, bool(getattr(tokenizer, "split_special_tokens", False)))
        self.tokenizer = tokenizer
        self.name = name
        self.style = surface_style(tokenizer)
        self._special = set(tokenizer.all_special_ids)
        self.unknown_id = unknown_id_of(tokenizer)
        self._surfaces: dict[int, Surface] = {}
        self._blank = np.zeros(0, dtype=np.int8)  # of each id: 1 if it writes only white space, -1 if not known yet
        self._true_claims: set[tuple[int, str]] = set()
        self._lock = lock_of(getattr(tokenizer, "backend_tokenizer", tokenizer))
        self._template = template
        self._fingerprint = fingerprint

    def encode(self, texts: Sequence[str]) -> TextSubwords:
        """Split texts into subwords.

        Args:
            texts: Any texts.

        Returns:
            The subwords of each text, in order, without special tokens.

        Raises:
            TokenizerError: If the tokenizer fails on a text.
        """
        if any(len(text) > LONG_TEXT for text in texts):
            return TextSubwords.of(
                [
                    joined(list(self.stretches(text)) if len(text) > LONG_TEXT else [self.encode([text])[0]])
                    for text in texts
                ]
            )
        return self._encode_at_once(texts)

    def stretches(self, text: str) -> Iterator[Subwords]:
        """Split a long text into subwords, a stretch at a time, in order.

        Raises:
            TokenizerError: If the tokenizer fails on it.
        """
        return subwords_in_stretches(text, lambda part: self._encode_at_once([part])[0])

    def _encode_at_once(self, texts: Sequence[str]) -> TextSubwords:
        with self._lock.checked():
            if not texts:
                return TextSubwords.of([])
            read = [self._as_read(text) for text in texts]
            if self.tokenizer.is_fast:
                found = self._encode_fast(texts, read)
            else:
                found = TextSubwords.of([self._encode_slow(text) for text in read])
            if self.splits_special:
                self._check_no_special(found.ids)
            return found

    def _check_no_special(self, ids: Int[np.ndarray, " subwords"]) -> None:
        """Refuse what was to be read as text and was not: some models have special tokens among their pieces."""
        special = [index for index in self._special - {self.unknown_id} if len(str(self._surface(index))) > 1]
        left = ids[np.isin(ids, special)]
        if len(left):
            token = self._surface(int(left[0]))
            raise TokenizerError(
                f"Tokenizer {self.name!r} reads {token!r} as the special token even where it is asked to read it as "
                "text, for it is one of its pieces: write it otherwise in the texts, or take special_tokens='token'."
            )

    def _encode_fast(self, texts: Sequence[str], read: Sequence[str]) -> TextSubwords:
        encoded = self._encode_batch(texts)
        listed = [text.ids for text in encoded]
        starts = np.append(0, np.cumsum([len(ids) for ids in listed], dtype=np.int64))
        ids = np.fromiter(chain.from_iterable(listed), dtype=np.int64, count=starts[-1])
        edges = chain.from_iterable(chain.from_iterable(text.offsets for text in encoded))
        offsets = np.fromiter(edges, dtype=np.int64, count=2 * starts[-1]).reshape(-1, 2)
        spans, explained = self._explained_spans(read, ids, offsets, starts)
        by_strings = np.zeros(len(texts), dtype=bool)
        for index in np.flatnonzero(~explained).tolist():
            part = slice(starts[index], starts[index + 1])
            found = self._check(read[index], ids[part], offsets[part])
            spans[part], by_strings[index] = found.spans, found.aligned_by == "strings"
        return TextSubwords(ids, spans, starts, by_strings)

    def _encode_batch(self, texts: Sequence[str]) -> list[Any]:
        return encode_whole(self.tokenizer.backend_tokenizer, texts, self.name, splits_special=self.splits_special)

    def _explained_spans(
        self,
        texts: Sequence[str],
        ids: Int[np.ndarray, " subwords"],
        offsets: Int[np.ndarray, "subwords 2"],
        starts: Int[np.ndarray, " bounds"],
    ) -> tuple[SubwordSpans, Bool[np.ndarray, " texts"]]:
        """Trim the offsets of all texts at once, and say which texts they explain beyond doubt."""
        joined = "".join(texts)
        text_starts = np.append(0, np.cumsum([len(text) for text in texts], dtype=np.int64))
        text_of = np.repeat(np.arange(len(texts)), np.diff(starts))
        length = np.diff(text_starts)[text_of]
        in_range = (offsets[:, 0] >= 0) & (offsets[:, 1] <= length) & (offsets[:, 0] <= offsets[:, 1])
        explained = np.ones(len(texts), dtype=bool)
        explained[text_of[~in_range]] = False
        if holds_unwritten(joined):
            explained &= ~np.array([holds_unwritten(text) for text in texts])
        begin = text_starts[text_of]
        spans = trim_spans(joined, np.where(in_range[:, None], offsets, 0) + begin[:, None])
        blank = self._are_blank(ids)
        # A lone ▁ stands for a space that may not even be there; it has no text of its own.
        spans[blank, 1] = spans[blank, 0]
        explained &= sound_texts(joined, text_starts, spans, text_of, blank)
        listed, claimed = ids.tolist(), [joined[start:end] for start, end in zip(*spans.T.tolist(), strict=True)]
        # Only the new ones are kept: many pairs would set off Python's collector of garbage, again and again.
        claims = set(filterfalse(self._true_claims.__contains__, zip(listed, claimed, strict=True)))
        wrong = {claim for claim in claims if not self._is_true(claim)}
        if wrong:
            explained[text_of[[claim in wrong for claim in zip(listed, claimed, strict=True)]]] = False
        return spans - begin[:, None], explained

    def _as_read(self, text: str) -> str:
        """Give the text as the tokenizer reads it, position by position: to SentencePiece, ▁ is a space."""
        return text.replace("▁", " ") if self.style == "sentencepiece" else text

    def _encode_slow(self, text: str) -> Subwords:
        with told(self.name, [text]):
            pieces = self._pieces(text)
            ids = self.tokenizer.convert_tokens_to_ids(pieces)
        if any(index is None for index in ids):
            raise TokenizerError(
                f"Tokenizer {self.name!r} made a piece that is not in its own vocabulary: {pieces[ids.index(None)]!r}."
            )
        surfaces = [self._surface_shown(piece, index) for piece, index in zip(pieces, ids, strict=True)]
        spans = spans_from_strings(text, surfaces, pieces, self._read_alone)
        return Subwords(np.asarray(ids, dtype=np.int64), spans, "strings")

    def _pieces(self, text: str) -> list[str]:
        """Ask a slow tokenizer for the pieces of a text."""
        tokenizer = self.tokenizer
        if self.splits_special and "split_special_tokens" in signature(tokenizer._tokenize).parameters:
            return list(tokenizer._tokenize(text, split_special_tokens=True))  # which `tokenize` forgets to pass on
        own = self.splits_special == getattr(tokenizer, "split_special_tokens", False)
        return list(tokenizer.tokenize(text, **({} if own else {"split_special_tokens": self.splits_special})))

    def _surface_shown(self, piece: str, index: int) -> Surface:
        """Say what a piece of a slow tokenizer writes; an unknown one still shows its text in some of them."""
        if index == self.unknown_id:
            return None if piece == self.tokenizer.unk_token else surface_of(piece, self.style)
        return self._surface(index) if index in self._special else surface_of(piece, self.style)

    def _read_alone(self, word: str) -> list[Any]:
        """Split a word by itself into pieces, or their ids, those left out that write only white space."""
        if self.tokenizer.is_fast:
            ids = np.asarray(self._encode_batch([word])[0].ids, dtype=np.int64)
            return list(ids[~self._are_blank(ids)].tolist())
        pieces = self._pieces(word)
        ids = self.tokenizer.convert_tokens_to_ids(pieces)
        surfaces = map(self._surface_shown, pieces, ids)
        return [
            piece
            for piece, surface in zip(pieces, surfaces, strict=True)
            if not isinstance(surface, str) or surface.strip()
        ]

    def _check(self, text: str, ids: np.ndarray, offsets: np.ndarray) -> Subwords:
        """Take offsets that are in doubt if they explain the text, else whichever alignment explains more of it."""
        listed = ids.tolist()
        surfaces = [self._surface(index) for index in listed]
        blank = self._are_blank(ids)
        in_range = bool(
            (offsets >= 0).all() and (offsets <= len(text)).all() and (offsets[:, 0] <= offsets[:, 1]).all()
        )
        if in_range:
            spans = without_unwritten(text, trim_spans(text, offsets), lambda place: surfaces[place])
            spans[blank, 1] = spans[blank, 0]
            one = np.zeros(len(ids), dtype=np.int64)
            claims = [(index, text[start:end]) for index, (start, end) in zip(listed, spans.tolist(), strict=True)]
            sound = bool(sound_texts(text, np.array([0, len(text)]), spans, one, blank).all())
            if sound and all(map(self._is_true, claims)):
                return Subwords(ids, spans, "offsets")
        aligned = spans_from_strings(text, surfaces, listed, self._read_alone)
        if in_range:
            consistent = sound and writes_its_spans(text, spans, surfaces)
            wrong = mismatches(text, aligned, surfaces)
            # What pieces write beside their text, such as marks of capitals, is nothing that strings explain in part.
            if (consistent and wrong) or mismatches(text, spans, surfaces) <= wrong:
                return Subwords(ids, spans, "offsets")
        return Subwords(ids, aligned, "strings")

    def _is_true(self, claim: tuple[int, str]) -> bool:
        """Hold a piece against the text its span claims; what was held once is known, whatever was read before."""
        if claim in self._true_claims:
            return True
        index, claimed = claim
        if mismatches(claimed, np.array([[0, len(claimed)]]), [self._surface(index)]):
            return False
        if len(self._true_claims) >= _MOST_CLAIMS:
            self._true_claims.clear()
        self._true_claims.add(claim)
        return True

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

    def _are_blank(self, ids: Int[np.ndarray, " subwords"]) -> Bool[np.ndarray, " subwords"]:
        """Tell which pieces write only white space."""
        if len(ids) and ids.max() >= len(self._blank):
            unknown = np.full(int(ids.max()) + 1 - len(self._blank), -1, dtype=np.int8)
            self._blank = np.concatenate([self._blank, unknown])
        for index in np.unique(ids[self._blank[ids] < 0]).tolist():
            surface = self._surface(index)
            self._blank[index] = isinstance(surface, str) and not surface.strip()
        blank: np.ndarray = self._blank[ids] == 1
        return blank

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
    def of_transformers(self) -> Any:
        """The tokenizer of `transformers` that this asks, or would."""
        return self.tokenizer.of_transformers if isinstance(self.tokenizer, KeptTokenizer) else self.tokenizer

    @property
    def template(self) -> Template:
        """The special tokens the tokenizer puts around a single text.

        Raises:
            TokenizerError: If the text cannot be found again among them.
        """
        if self._template is None:
            word, inside = self._word_of_its_own()
            with self._lock.checked(), settings_kept(getattr(self.tokenizer, "backend_tokenizer", None)):
                whole = self.tokenizer(word, truncation=False, padding=False, verbose=False)
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

    def _word_of_its_own(self) -> tuple[str, list[int]]:
        """Give a word that the vocabulary knows, with its ids: an English one, or else the first piece that is one."""
        own = (self._surface(index) for index in self.text_ids())
        unknown: tuple[str, list[int]] | None = None
        failure: TokenizerError | None = None
        for word in chain(["fox"], (surface.strip() for surface in own if isinstance(surface, str))):
            try:
                ids = self.encode([word])[0].ids.tolist()
            except TokenizerError as error:  # as where a vocabulary lacks the word and has no unknown piece
                failure = failure or error
                continue
            if ids and not self._special.intersection(ids):
                return word, ids
            unknown = unknown or ((word, ids) if ids else None)
        if unknown is None:
            raise TokenizerError(
                f"Tokenizer {self.name!r} makes no subword of any word of its own vocabulary: are its files complete?"
            ) from failure
        return unknown

    def text_ids(self) -> list[int]:
        """Give the ids of the vocabulary that write text: neither special, nor the unknown piece, nor white space."""
        ids = np.array(sorted(vocabulary(self.tokenizer).values()), dtype=np.int64)
        ids = ids[~np.isin(ids, [*self._special, -1 if self.unknown_id is None else self.unknown_id])]
        return list(ids[~self._are_blank(ids)].tolist())

    def _writes_suffix_once(self, whole: list[int], suffix: list[int]) -> bool:
        """Ask a slow tokenizer what it puts around a text that ends in its suffix already."""
        if self.tokenizer.is_fast or not suffix:
            return False
        before = whole[: len(whole) - len(suffix)]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # ByT5 says that it may do otherwise one day: then this tells
            again = self.tokenizer.build_inputs_with_special_tokens([*before, *suffix])
        return list(again) == whole

    def read_whole(self) -> list[str]:
        """Give the tokens that are one subword each where a text writes them, whatever stands around them."""
        return tokens_in_texts(self.tokenizer, splits_special=self.splits_special)

    def fingerprint(self) -> str:
        """Hash the whole tokenizer: vocabulary, rules and special tokens; sha256, 16 hex digits."""
        if self._fingerprint is None:
            self._fingerprint = fingerprint_of(self.tokenizer)
        return self._fingerprint
