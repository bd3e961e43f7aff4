"""How fast one process prepares and writes words with the engine taken out: what a faster engine could be fed."""

from __future__ import annotations

import statistics
import time
from itertools import count, islice
from pathlib import Path
from typing import Any

from benchmarks.speed.inside import without_engine
from benchmarks.speed.process import timed
from benchmarks.speed.studies import Setting, scratch_folder

from wordstates import WordEmbedder
from wordstates.documents.readers import read_documents
from wordstates.files.open_writer import open_writer
from wordstates.runs.embed import embed_documents

_SENTENCES = 36_000  # a run of many groups: the first ones take memory that later ones use again


def study_feeding(setting: Setting) -> dict[str, Any]:
    """Give the words a second from a file of text to Parquet where hidden states cost nothing."""
    embedder = WordEmbedder(setting.model, device="cpu")
    seconds, of_cores, of_caller = list[float](), list[float](), list[float]()
    with scratch_folder() as folder, without_engine(embedder):
        source, target = Path(folder) / "texts.txt", Path(folder) / "vectors.parquet"
        source.write_text("\n".join(_texts(setting)) + "\n", encoding="utf-8")
        for turn in range(setting.rounds + 1):
            began = time.thread_time()
            report, cost = timed(
                lambda: embed_documents(embedder, read_documents([source]), open_writer(target, overwrite=True))
            )
            if turn:  # the first warms everything up
                seconds.append(cost["seconds"])
                of_cores.append(cost["cpu_seconds"])
                of_caller.append(time.thread_time() - began)
    return {
        "words": report.words,
        "words_per_second": report.words / statistics.median(seconds),
        "microseconds_a_word": 1e6 * statistics.median(of_cores) / report.words,
        # Of the thread that calls, which no other can take over: what it does not wait for is done beside it.
        "microseconds_of_the_caller": 1e6 * statistics.median(of_caller) / report.words,
    }


def _texts(setting: Setting) -> list[str]:
    """Give sentences, and when they are used up the same with a number before each: none comes again."""
    sentences = setting.different_sentences(_SENTENCES)
    endless = (f"{turn} {text}" if turn else text for turn in count() for text in sentences)
    return list(islice(endless, setting.scaled(_SENTENCES)))
