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
    from wordstates.documents.document import Document
    from wordstates.documents.readers import read_documents
    from wordstates.embedder import WordEmbedder
    from wordstates.evaluate.calls import geometry, sweep
    from wordstates.explore.notebook import explore_words
    from wordstates.files.load import load
    from wordstates.integrations.sklearn.vectorizer import WordVectorizer
    from wordstates.integrations.torch.store_dataset import StoreDataset, collate
    from wordstates.integrations.torch.word_pooling import WordPooling
    from wordstates.model.forked import set_threads
    from wordstates.postprocess.moments import Moments
    from wordstates.postprocess.post_processing import PostProcessing
    from wordstates.recipe import Recipe
    from wordstates.result.found_usages import Usage, Usages
    from wordstates.result.similarity import similarity
    from wordstates.result.word_embeddings import WordEmbeddings
    from wordstates.serve.client import connect
    from wordstates.static.static_vectors import StaticVectors
    from wordstates.store.corpus import embed_corpus
    from wordstates.store.store import open_store
    from wordstates.store.workers.places import RayCluster
    from wordstates.usages.build import build_index
    from wordstates.usages.index import UsageIndex
    from wordstates.usages.senses import senses_of

__all__ = [
    "Document",
    "Moments",
    "PostProcessing",
    "RayCluster",
    "Recipe",
    "StaticVectors",
    "StoreDataset",
    "Usage",
    "UsageIndex",
    "Usages",
    "WordEmbedder",
    "WordEmbeddings",
    "WordPooling",
    "WordVectorizer",
    "WordstatesError",
    "build_index",
    "collate",
    "connect",
    "embed_corpus",
    "errors",
    "explore_words",
    "geometry",
    "load",
    "open_store",
    "read_documents",
    "senses_of",
    "set_threads",
    "similarity",
    "sweep",
]

_HOMES = {
    "Document": "documents.document",
    "Moments": "postprocess.moments",
    "PostProcessing": "postprocess.post_processing",
    "RayCluster": "store.workers.places",
    "Recipe": "recipe",
    "StaticVectors": "static.static_vectors",
    "StoreDataset": "integrations.torch.store_dataset",
    "Usage": "result.found_usages",
    "UsageIndex": "usages.index",
    "Usages": "result.found_usages",
    "WordEmbedder": "embedder",
    "WordEmbeddings": "result.word_embeddings",
    "WordPooling": "integrations.torch.word_pooling",
    "WordVectorizer": "integrations.sklearn.vectorizer",
    "build_index": "usages.build",
    "collate": "integrations.torch.store_dataset",
    "connect": "serve.client",
    "embed_corpus": "store.corpus",
    "explore_words": "explore.notebook",
    "geometry": "evaluate.calls",
    "load": "files.load",
    "open_store": "store.store",
    "read_documents": "documents.readers",
    "senses_of": "usages.senses",
    "set_threads": "model.forked",
    "similarity": "result.similarity",
    "sweep": "evaluate.calls",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'wordstates' has no attribute {name!r}")
    value = getattr(import_module(f"wordstates.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
