"""How `vector`, `has_vector` and `similarity` of tokens, spans and docs find the vectors.

spaCy takes `doc.tensor` for them where the vocabulary has no static vectors, which outlives bytes and processes. Hooks,
which do not, are there for what it would do wrong: beside static vectors it would never look at the tensor; of tokens
without a vector it would make a mean that is NaN; and two tokens that are spelled alike it calls the same, whatever
their contexts.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from spacy.tokens import Doc

from wordstates.integrations.spacy.stored import first_vectors, is_kept
from wordstates.result.similarity import similarity


def install(doc: Any) -> None:
    """Have a `Doc` that has been through the component give its vectors."""
    if not len(doc):
        return
    vectors = first_vectors(doc)
    doc.tensor = vectors
    doc.vector = doc.vector_norm = None  # means that were taken before
    every = [doc.user_hooks, doc.user_span_hooks, doc.user_token_hooks]
    for hooks in every:
        hooks["similarity"] = _similarity
    if doc.vocab.vectors.size or np.isnan(vectors).any():
        for hooks in every:
            hooks.update(vector=_vector, has_vector=_has_vector)


def is_connected(doc: Doc) -> bool:
    """Tell whether a doc gives its vectors: one that comes from bytes or another process has lost its hooks."""
    return not len(doc) or doc.user_hooks.get("similarity") is _similarity


def _rows(part: Any) -> np.ndarray:
    """Give the vectors of the tokens of a doc, a span or a token, those that have one."""
    doc = part if isinstance(part, Doc) else part.doc
    vectors: np.ndarray = first_vectors(doc) if is_kept(doc) else doc.tensor
    if hasattr(part, "i"):
        vectors = vectors[part.i : part.i + 1]
    elif part is not doc:
        vectors = vectors[part.start : part.end]
    known: np.ndarray = vectors[~np.isnan(vectors).any(axis=1)]
    return known


def _vector(part: Any) -> np.ndarray:
    """Give the mean of the tokens that have a vector; NaN where none has."""
    doc = part if isinstance(part, Doc) else part.doc
    rows = _rows(part)
    mean: np.ndarray = rows.mean(axis=0) if len(rows) else np.full(doc.tensor.shape[1], np.nan, dtype=np.float32)
    return mean


def _has_vector(part: Any) -> bool:
    return len(_rows(part)) > 0


def _similarity(part: Any, other: Any) -> float:
    """Give the cosine; NaN where one of the two has no vector."""
    return float(similarity(part.vector, other.vector))
