"""Where vectors come from: all that decides their values, as plain JSON data that travels with them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from typing import Any

from wordstates.encode.plan import WindowSettings
from wordstates.encode.resolved import ResolvedRecipe
from wordstates.model.engine import Engine
from wordstates.model.loaded import LoadedModel


def context_of(model: LoadedModel, *, repeat: bool) -> str:
    """Say what a vector knows of the text around its word."""
    return "both" if not model.anatomy.causal else "left, read twice" if repeat else "left"


def provenance_of(
    model: LoadedModel,
    engine: Engine,
    recipes: Sequence[ResolvedRecipe],
    settings: WindowSettings,
    *,
    window: int,
    repeat: bool,
    left_subwords: bool = False,
) -> dict[str, Any]:
    """Say where the vectors of a call come from, but for what found the words.

    Args:
        model: The model.
        engine: The engine that runs the model.
        recipes: What is taken.
        settings: How long texts are read.
        window: Subwords one pass reads, special tokens included.
        repeat: Whether each text is read twice.
        left_subwords: Whether the subwords before each word are counted.
    """
    return {
        "wordstates": _own_version(),
        "model": model.name,
        "revision": model.revision,
        "weights": model.weights,
        **({"config": dict(model.config)} if model.config else {}),
        "tokenizer": model.tokenizer.fingerprint(),
        **provenance_of_recipes(recipes),
        "precision": model.precision,
        "precision_error": engine.precision_error,
        "engine": engine.name,
        **({"why_not_faster": model.engines.why_not_faster} if model.engines.why_not_faster else {}),
        "device": str(engine.device),
        "window": window,
        "overlap": settings.overlap,
        "long_texts": settings.long_texts,
        "context": context_of(model, repeat=repeat),
        "special_tokens": {
            "before": model.tokenizer.pieces(model.template.prefix),
            "after": model.tokenizer.pieces(model.template.suffix),
        },
        **({"special_tokens_in_texts": "text"} if model.tokenizer.splits_special else {}),
        **({"surprisal": "bits"} if model.head is not None else {}),
        **({"left_subwords": True} if left_subwords else {}),
        "versions": dict(model.versions),
    }


def provenance_of_recipes(recipes: Sequence[ResolvedRecipe]) -> dict[str, Any]:
    """Say what is taken, and what is done to it."""
    processed = {recipe.name: post.to_dict() for recipe in recipes if (post := recipe.post_processing) is not None}
    return {
        "recipes": [recipe.to_dict() for recipe in recipes],
        **({"post_processing": processed} if processed else {}),
    }


@cache
def _own_version() -> str:
    """Give the version that is installed, looked up once: that reads files."""
    return version("wordstates")
