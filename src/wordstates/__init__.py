"""The vector of any word, in any text, from any pretrained transformer.

The public names are loaded when first used, so that ``import wordstates`` is quick and pulls in neither torch nor
transformers.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from wordstates import errors
from wordstates.errors import WordstatesError

if TYPE_CHECKING:
    from wordstates.embedder import WordEmbedder
    from wordstates.files.load import load
    from wordstates.postprocess.post_processing import PostProcessing
    from wordstates.recipe import Recipe
    from wordstates.result.found_usages import Usage, Usages
    from wordstates.result.similarity import similarity
    from wordstates.result.word_embeddings import WordEmbeddings
    from wordstates.static.static_vectors import StaticVectors

__all__ = [
    "PostProcessing",
    "Recipe",
    "StaticVectors",
    "Usage",
    "Usages",
    "WordEmbedder",
    "WordEmbeddings",
    "WordstatesError",
    "errors",
    "load",
    "similarity",
]

_HOMES = {
    "PostProcessing": "postprocess.post_processing",
    "Recipe": "recipe",
    "StaticVectors": "static.static_vectors",
    "Usage": "result.found_usages",
    "Usages": "result.found_usages",
    "WordEmbedder": "embedder",
    "WordEmbeddings": "result.word_embeddings",
    "load": "files.load",
    "similarity": "result.similarity",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'wordstates' has no attribute {name!r}")
    value = getattr(import_module(f"wordstates.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
