"""Real text of so many words, embedded and indexed once."""

from __future__ import annotations

import sys
from pathlib import Path
from random import Random

from benchmarks.static_vectors import read_texts

from wordstates import WordEmbedder
from wordstates.documents.document import Document
from wordstates.store.run import embed_to_store
from wordstates.store.store import open_store
from wordstates.text.words import unicode_words
from wordstates.usages.build import build_index


def indexed_store(words: int, data: Path, folder: Path) -> Path:
    """Give a store of about so many words, with its index.

    Sentences of all collections are mixed, so that a small store is like a large one.

    Args:
        words: How many.
        data: The folder of data; see `benchmarks/static_vectors.py`.
        folder: Where stores are kept from one run to the next.
    """
    store = folder / f"{words}"
    if not store.is_dir() or not open_store(store).complete:
        print(f"embedding {words:,} words into {store}", file=sys.stderr)
        folder.mkdir(parents=True, exist_ok=True)
        embed_to_store(WordEmbedder("minilm", precision="bfloat16"), _documents(words, data), store)
    build_index(store, verify=False)
    return store


def _documents(words: int, data: Path) -> list[Document]:
    documents = [document for _, document in read_texts(data)]
    Random(0).shuffle(documents)
    taken: list[Document] = []
    count = 0
    for number, document in enumerate(documents):
        if count >= words:
            return taken
        taken.append(Document(f"{number}", document.text))
        count += len(unicode_words(document.text))
    raise SystemExit(f"{data} has {count:,} words, and {words:,} are wanted.")
