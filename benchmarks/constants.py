"""Measures the constants that estimates are made with, or that speed hangs on; each names this script where it stands.

    python benchmarks/constants.py               all of them, some minutes
    python benchmarks/constants.py lengths rows  these

It reads the texts of ``examples/data`` with the model of the extra ``minilm``. Each line has the value that is used,
and what was measured; times are CPU seconds of the whole process, the least of several turns.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pyarrow.parquet as pq

from wordstates import WordEmbedder, options
from wordstates.documents.readers import read_documents
from wordstates.files.open_writer import open_writer
from wordstates.model import batching, engines
from wordstates.postprocess import moments
from wordstates.runs import embed
from wordstates.text import phrases
from wordstates.text.folding import fold
from wordstates.usages import search

DATA = Path(__file__).resolve().parents[1] / "examples" / "data"
TEXTS = sorted(map(str, DATA.glob("*.txt")))
TURNS = 3


def lengths() -> None:
    """Characters of a subword and of a word, white space included."""
    texts = [document.text for document in read_documents(TEXTS)]
    plan = WordEmbedder("minilm", engine="torch").plan(texts)
    characters = sum(map(len, texts))
    say("characters a subword", options.CHARACTERS_OF_A_SUBWORD, f"{characters / len(plan.subword_ids):.2f}")
    say("characters a word", options.CHARACTERS_OF_A_WORD, f"{characters / len(plan.status_codes):.2f}")


def rows() -> None:
    """Bytes of a row beside its vectors, in a file with the columns that every file has."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "vectors.parquet"
        embed.embed_documents(WordEmbedder("minilm", layers=0), read_documents(TEXTS[:1]), open_writer(path))
        file = pq.ParquetFile(path).metadata
        groups = [file.row_group(group) for group in range(file.num_row_groups)]
        chunks = [group.column(column) for group in groups for column in range(group.num_columns)]
        size = sum(chunk.total_compressed_size for chunk in chunks if not chunk.path_in_schema.startswith("vector"))
        say("bytes of a row", embed._BYTES_OF_A_ROW, f"{size / file.num_rows:.1f}")


def graphs() -> None:
    """Floating-point operations after which OpenVINO has paid for its graph: one that is made, and one that is kept."""
    texts = [document.text for document in read_documents(TEXTS[:1])]
    nothing_is_known = patch("wordstates.model.load._keeper", return_value=None)
    with tempfile.TemporaryDirectory() as folder, patch.dict(os.environ, WORDSTATES_CACHE=folder), nothing_is_known:
        for name, used in (("made", engines._WORTH_A_GRAPH), ("kept", engines._WORTH_KEPT)):
            embedder = WordEmbedder("minilm")
            subwords = len(embedder.plan(texts).subword_ids)
            slow = cpu_seconds(partial(_encode, embedder, texts, 0))
            making = cpu_seconds(embedder.session)
            saved = slow - cpu_seconds(partial(_encode, embedder, texts))
            chooser: Any = embedder._model.engines
            operations = 2.0 * chooser.n_weights * subwords * making / saved
            found = f"{operations:.0e} ({making:.1f} s)" if saved > 0 else f"never ({making:.1f} s)"
            say(f"operations that pay for a graph that is {name}", f"{used:.0e}", found)


def _encode(embedder: WordEmbedder, texts: Sequence[str], *characters: float) -> None:
    embedder.session(*characters).encode(texts)


def batches() -> None:
    """Seconds of some texts with batches of several sizes, on the PyTorch engine."""
    texts = [document.text for document in read_documents(TEXTS[:1])][:60]
    embedders = {
        size: WordEmbedder("minilm", engine="torch", batch_subwords=size) for size in (256, 512, 1024, 2048, 4096)
    }
    for_each = in_turns({size: partial(embedder.encode, texts) for size, embedder in embedders.items()})
    say("subwords of a batch on a CPU", batching.FULL, for_each)


def search_by_string() -> None:
    """Seconds of looking for so many words, one after the other, and by the runs of the text."""
    texts = [fold(document.text) for document in read_documents(TEXTS)][:3000]
    words = sorted({word for text in texts for word in text.split() if word.isalpha() and len(word) > 4})
    for count in (2, 8, 32):
        some = words[:: len(words) // count][:count]
        index = phrases.PhraseIndex({number: [word] for number, word in enumerate(some)})

        def find(few: int, index: phrases.PhraseIndex = index) -> None:
            with patch.object(phrases, "_FEW", few):
                for text in texts:
                    list(index.find(text))

        found = in_turns({"by string": partial(find, count), "by run": partial(find, 0)})
        say(f"targets up to which strings are looked for, with {count}", phrases._FEW, found)


def gathering() -> None:
    """Seconds of a search among so large a share of the rows: gathered, and all multiplied."""
    numbers = np.random.default_rng(0)
    matrix = numbers.standard_normal((200_000, 384), dtype=np.float32)
    for share in (0.05, 0.1, 0.2, 0.4):
        wanted = numbers.random(len(matrix)) < share

        def look(below: float, wanted: np.ndarray = wanted) -> None:
            with patch.object(search, "_GATHER_BELOW", below):
                search.scored([matrix], matrix[0], wanted)

        found = in_turns({"gathered": partial(look, 1.0), "all": partial(look, 0.0)})
        say(f"share below which rows are gathered, at {share}", search._GATHER_BELOW, found)


def blocks() -> None:
    """Seconds of the covariance of some vectors, in blocks of several sizes."""
    vectors = np.random.default_rng(0).standard_normal((20_000, 384), dtype=np.float32)

    def add(size: int) -> None:
        with patch.object(moments, "_BLOCK_ROWS", size):
            moments.Moments(covariance=True).add(vectors)

    found = in_turns({size: partial(add, size) for size in (128, 512, 1024, 4096)})
    say("rows of a block of moments", moments._BLOCK_ROWS, found)


def cpu_seconds(act: Callable[[], object]) -> float:
    """Time one call."""
    began = time.process_time()
    act()
    return time.process_time() - began


def in_turns(acts: Mapping[object, Callable[[], object]]) -> str:
    """Time some calls, in turns, and write the least time of each."""
    times = [[cpu_seconds(act) for act in acts.values()] for _ in range(TURNS)]
    return ", ".join(f"{name}: {min(each):.3f} s" for name, each in zip(acts, zip(*times, strict=True), strict=True))


def say(what: str, used: object, measured: str) -> None:
    """Print a line."""
    print(f"{what:<60} {used!s:>7}   {measured}", flush=True)


MEASURES = {each.__name__: each for each in (lengths, rows, graphs, batches, search_by_string, gathering, blocks)}


def main() -> None:
    """Run the measures that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("measures", nargs="*", choices=[*MEASURES, []], help="default all")
    print(f"{'':<60} {'used':>7}   measured")
    for name in parser.parse_args().measures or MEASURES:
        MEASURES[name]()


if __name__ == "__main__":
    main()
