"""Cold start, `find` in many texts, and memory over many words."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.speed.process import forget_peak, memory_mib, peak_mib
from benchmarks.speed.studies import Setting, in_turns, run_study, scratch_folder

from wordstates import WordEmbedder, WordEmbeddings
from wordstates.documents.document import Document
from wordstates.files.open_writer import open_writer
from wordstates.runs.embed import embed_documents

_STARTS = {
    "wordstates": (
        "from wordstates import WordEmbedder, WordEmbeddings; "
        "print(WordEmbedder('minilm', device='cpu').encode('They sat on the river bank.')['bank'].vector[:2])"
    ),
    "wordstates, engine='openvino'": (
        "from wordstates import WordEmbedder, WordEmbeddings; "
        "print(WordEmbedder('minilm', device='cpu', engine='openvino')"
        ".encode('They sat on the river bank.')['bank'].vector[:2])"
    ),
    "transformers by hand": (
        "import sys, torch; from transformers import AutoModel, AutoTokenizer; "
        "t = AutoTokenizer.from_pretrained(sys.argv[1]); m = AutoModel.from_pretrained(sys.argv[1]).eval(); "
        "print(m(**t('They sat on the river bank.', return_tensors='pt')).last_hidden_state[0, 6, :2])"
    ),
}
_RARE = 0.001
_SENTENCES = 10_000
_AGREEMENT = 1e-5


def study_cold(setting: Setting) -> dict[str, Any]:
    """Give the seconds of whole processes that make one vector and end."""
    seconds: dict[str, list[float]] = {name: [] for name in _STARTS}
    for turn in range(max(setting.rounds, 5) + 1 if setting.scale == 1 else 2):
        for name, code in _STARTS.items():
            began = time.perf_counter()
            subprocess.run([sys.executable, "-c", code, setting.model], stdout=subprocess.DEVNULL, check=True)
            if turn:  # the first one warms the disk
                seconds[name].append(time.perf_counter() - began)
    return {"seconds": seconds, "median": {name: statistics.median(costs) for name, costs in seconds.items()}}


def study_find(setting: Setting) -> dict[str, Any]:
    """Time `find` for a word that one sentence in a thousand has, and `encode` of all sentences.

    Raises:
        ValueError: If a usage has another vector than the same word in all of the text.
    """
    texts = setting.different_sentences(_SENTENCES)
    embedder = WordEmbedder(setting.model, device="cpu")
    every = embedder.encode(texts)
    target = _rare_word(every)
    usages = embedder.find(texts, [target])
    rows = {
        (text, *span): row
        for row, (text, span) in enumerate(zip(every.text_index.tolist(), every.spans.tolist(), strict=True))
    }
    found = usages.embeddings
    spans = zip(found.text_index.tolist(), found.spans.tolist(), strict=True)
    same = every.vectors[[rows[text, *span] for text, span in spans]]
    difference = float(np.abs(found.vectors - same).max())
    if not difference <= _AGREEMENT * max(1.0, float(np.abs(same).max())):
        raise ValueError(f"find({target!r}) gives vectors that differ by {difference:.2g} from those of encode")
    seconds = in_turns(
        {"find": lambda: embedder.find(texts, [target]), "encode": lambda: embedder.encode(texts)}, setting.rounds
    )
    median = {name: statistics.median(costs) for name, costs in seconds.items()}
    return {
        "sentences": len(texts),
        "with_target": len(set(found.text_index.tolist())),
        "usages": len(usages),
        "largest_difference": difference,
        "seconds": seconds,
        "times_faster": median["encode"] / median["find"],
    }


def _rare_word(every: WordEmbeddings) -> str:
    """Choose the word that is in nearly one text of a thousand; of several, the first of the alphabet."""
    inside = {(text, word.casefold()) for text, word in zip(every.text_index.tolist(), every.words, strict=True)}
    texts_of = Counter(word for _, word in inside if word.isalpha() and len(word) > 3)
    wanted = max(_RARE * len(every), 1)
    return min(texts_of, key=lambda word: (abs(texts_of[word] - wanted), word))


def study_memory(setting: Setting) -> dict[str, Any]:
    """Give the highest memory of runs of different lengths, each in a process of its own; layer 1, to be short."""
    if setting.words:
        return _run_of(setting)
    runs = [run_study("memory", replace(setting, words=setting.scaled(words))) for words in (100_000, 1_000_000)]
    return {"layer": 1, "runs": runs, "growth_mib": runs[1]["peak_mib"] - runs[0]["peak_mib"]}


def _run_of(setting: Setting) -> dict[str, Any]:
    embedder = WordEmbedder(setting.model, layers=1, device="cpu")
    forget_peak()
    loaded = memory_mib()
    with scratch_folder() as folder:
        report = embed_documents(embedder, _documents(setting), open_writer(Path(folder) / "vectors.parquet"))
    return {
        "words": report.words,
        "loaded_mib": loaded,
        "peak_mib": peak_mib(),
        "seconds": report.seconds,
        "words_per_second": report.words_per_second,
    }


def _documents(setting: Setting) -> Iterator[Document]:
    """Give sentences, and when they are used up pairs of them, so that no text comes again."""
    sentences = setting.texts["corpus"]
    given = number = 0
    while given < setting.words:
        turn, place = divmod(number, len(sentences))
        text = sentences[place] + (sentences[(place + turn) % len(sentences)] if turn else [])
        yield Document(str(number), " ".join(text))
        given += len(text)
        number += 1
