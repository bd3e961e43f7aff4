"""What everybody writes by hand, slowly and plainly: the oracle that wordstates is held against.

Nothing of wordstates is used here. Loops over characters and subwords stand where the library has arrays, and every
hidden state comes from one full pass of `transformers` over one text.
"""

from __future__ import annotations

import copy
import functools
import unicodedata
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

Spans = list[tuple[int, int]]


@functools.cache
def eager(model: Any) -> Any:
    """Copy a model with attention written out, as the textbook has it, whatever the model itself uses."""
    copied = copy.deepcopy(model).eval()
    copied.set_attn_implementation("eager")
    return copied


def hidden_states(model: Any, tokenizer: Any, text: str) -> tuple[Tensor, ...]:
    """Run one text, batch of one, every layer: (subwords, dim) each, special tokens included."""
    plain = eager(model)
    reading = plain.get_encoder() if plain.config.is_encoder_decoder else plain
    inputs = tokenizer(text, return_tensors="pt", verbose=False)
    with torch.no_grad():
        states = reading(**inputs, output_hidden_states=True).hidden_states
    return tuple(state[0] for state in states)


def subword_spans(tokenizer: Any, text: str) -> Spans:
    """Give the char span of every subword of a text, special tokens included; (0, 0) for one without text."""
    ids = tokenizer(text, verbose=False)["input_ids"]
    pieces = tokenizer.convert_ids_to_tokens(ids)
    if tokenizer.is_fast:
        encoded = tokenizer(text, return_offsets_mapping=True, return_special_tokens_mask=True, verbose=False)
        spaces = "▁" if "▁" in tokenizer.get_vocab() else ""  # to SentencePiece ▁ is a space
        spans = []
        for piece, (start, end), special in zip(
            pieces, encoded["offset_mapping"], encoded["special_tokens_mask"], strict=True
        ):
            while start < end and (text[start].isspace() or text[start] in spaces):
                start += 1
            while end > start and (text[end - 1].isspace() or text[end - 1] in spaces):
                end -= 1
            lone = piece == "▁"
            spans.append((0, 0) if lone or (special and start == end) else (start, end))
        return spans
    content = tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
    before = next(start for start in range(len(ids)) if ids[start : start + len(content)] == content)
    written = _slow_spans(tokenizer, text, pieces[before : before + len(content)])
    return [(0, 0)] * before + written + [(0, 0)] * (len(ids) - before - len(content))


def _slow_spans(tokenizer: Any, text: str, pieces: Sequence[str]) -> Spans:
    if type(tokenizer).__name__ == "ByT5Tokenizer":
        return [
            (index, index + 1) if not char.isspace() else (0, 0)
            for index, char in enumerate(text)
            for _ in char.encode()
        ]
    if type(tokenizer).__name__ == "CanineTokenizer":
        return [(index, index + 1) if not char.isspace() else (0, 0) for index, char in enumerate(text)]
    spans, cursor = [], 0
    plain = [_plain(char) for char in text]
    for piece in pieces:
        wanted = piece.removeprefix("##")
        while plain[cursor] != wanted[0]:
            cursor += 1
        start = cursor
        while "".join(plain[start:cursor]) != wanted:
            cursor += 1
        spans.append((start, cursor))
    return spans


def _plain(char: str) -> str:
    decomposed = unicodedata.normalize("NFD", char.lower())
    return "".join(part for part in decomposed if unicodedata.category(part) != "Mn")


def subwords_of(word: tuple[int, int], spans: Spans) -> list[int]:
    """List the subwords that overlap a word in at least one character."""
    inside = set(range(*word))
    return [index for index, span in enumerate(spans) if inside & set(range(*span))]


def pool_layers(states: Sequence[Tensor], how: str) -> Tensor:
    """Pool layers, (subwords, dim) each, to (subwords, size) or (subwords, layers, dim)."""
    stacked = torch.stack(list(states), dim=1)
    if how == "mean":
        return stacked.mean(dim=1)
    if how == "sum":
        return stacked.sum(dim=1)
    return torch.cat(list(states), dim=1) if how == "concat" else stacked


def pool_subwords(states: Tensor, how: str) -> Tensor:
    """Pool the subwords of one word; ``none`` keeps them all."""
    if how == "mean":
        return states.mean(dim=0)
    if how == "sum":
        return states.sum(dim=0)
    if how == "max":
        return states.max(dim=0).values
    return {"first": states[0], "last": states[-1], "none": states}[how]


def vectors(
    model: Any, tokenizer: Any, text: str, words: Spans, layers: Sequence[int], layer_pooling: str, subword_pooling: str
) -> list[Tensor | None]:
    """Give the vector of each word as a careful person would compute it; None for a word without subwords."""
    states = hidden_states(model, tokenizer, text)
    spans = subword_spans(tokenizer, text)
    pooled = pool_layers([states[layer] for layer in layers], layer_pooling)
    found = []
    for word in words:
        indices = subwords_of(word, spans)
        found.append(pool_subwords(pooled[indices], subword_pooling) if indices else None)
    return found
