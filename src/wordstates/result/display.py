"""How a `WordEmbeddings` looks: a few lines in a terminal, boxes of words and subwords in a notebook."""

from __future__ import annotations

import numpy as np

from wordstates.page.render import render
from wordstates.result.embedded_words import EmbeddedWords
from wordstates.result.selecting import take_words
from wordstates.wording import counted, visible

_MOST_WORDS = 60
_LONGEST_WORD = 40
_BORDERS = {"ok": "#4a90d9", "shared_subword": "#d9a441", "unknown": "#d9a441"}


def as_text(embeddings: EmbeddedWords) -> str:
    """Write what it holds in a few lines: counts, recipes, model, and the first words with their subwords."""
    lines = [f"WordEmbeddings: {_counts(embeddings)}"]
    lines += [f"  {name}: {shape}" for name, shape in _shapes(embeddings)]
    lines += [f"  model {embeddings.provenance.get('model')}{_context(embeddings)}"]
    words = [
        f"{word}" if len(pieces) == 1 else f"{word} [{' '.join(pieces)}]" if pieces else f"{word} ({status})"
        for word, pieces, status in zip(*_first(embeddings, 8), strict=True)
    ]
    more = ", ..." if len(embeddings.words) > 8 else ""
    return "\n".join([*lines, f"  words {', '.join(words)}{more}" if words else "  no words"])


def as_html(embeddings: EmbeddedWords) -> str:
    """Draw words as boxes with their subwords inside, everything escaped, at most sixty of them."""
    boxes = [
        (word, pieces, status, _BORDERS.get(status, "#c0392b"))
        for word, pieces, status in zip(*_first(embeddings, _MOST_WORDS), strict=True)
    ]
    rest = len(embeddings.words) - len(boxes)
    recipes = "; ".join(f"{name}: {shape}" for name, shape in _shapes(embeddings))
    head = f"{_counts(embeddings)} · {recipes} · {embeddings.provenance.get('model')}{_context(embeddings)}"
    return render("word_boxes", head=head, boxes=boxes, more=f"... and {rest:,} more words" if rest else "")


def _first(embeddings: EmbeddedWords, count: int) -> tuple[list[str], list[tuple[str, ...]], list[str]]:
    shown = take_words(embeddings, np.arange(min(count, len(embeddings.words))))
    return (
        [_cut(visible(word)) for word in shown.words],
        [pieces[:20] for pieces in shown.subwords],
        list(shown.statuses),
    )


def _cut(word: str) -> str:
    return word if len(word) <= _LONGEST_WORD else f"{word[: _LONGEST_WORD - 1]}…"


def _counts(embeddings: EmbeddedWords) -> str:
    lost = int((~embeddings.has_vector).sum())
    without = f", {lost:,} without a vector" if lost else ""
    texts = counted(len(embeddings.texts), "text")
    return (
        f"{texts}, {counted(len(embeddings.words), 'word')}, {counted(len(embeddings.subword_ids), 'subword')}{without}"
    )


def _shapes(embeddings: EmbeddedWords) -> list[tuple[str, str]]:
    return [
        (name, f"{' x '.join(map(str, column.values.shape))} {column.values.dtype}")
        for name, column in embeddings.columns.items()
    ]


def _context(embeddings: EmbeddedWords) -> str:
    return " (causal: each vector knows its left context only)" if embeddings.reads_left_only else ""
