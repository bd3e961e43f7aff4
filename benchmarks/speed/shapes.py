"""Cost by deepest layer, by length of the texts, and of texts that were seen before."""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable
from importlib.util import find_spec
from itertools import chain, cycle, islice
from typing import Any

from benchmarks.speed.inside import EngineAlone, blocks_of
from benchmarks.speed.studies import Setting, in_turns

from wordstates import WordEmbedder

LENGTHS = (5, 10, 20, 50, 100, 200, 500, 2000)
_WORDS_OF_A_LENGTH = 12_000
_COPIES = 4


def _embedder(setting: Setting, layers: int = -1) -> WordEmbedder:
    """Load the model as it computes fastest: on a GPU in bfloat16, on a CPU in float32."""
    if setting.device != "cpu":
        return WordEmbedder(setting.model, layers=layers, device=setting.device, precision="bfloat16", engine="packed")
    engine: Any = "openvino" if find_spec("openvino") else "torch"
    return WordEmbedder(setting.model, layers=layers, engine=engine, device="cpu")


def study_depth(setting: Setting) -> dict[str, Any]:
    """Give the seconds of `encode`, and of the engine alone, for some layers k of L, and both relative to layer L."""
    blocks = blocks_of(setting.model)["blocks"]
    layers = list(range(1, blocks + 1)) if blocks <= 6 else sorted({1, *(blocks * part // 4 for part in range(1, 5))})
    sentences = setting.different_sentences(2000)
    embedders = {layer: _embedder(setting, layer) for layer in layers}
    alone = EngineAlone(embedders[blocks], sentences)
    works = {f"encode {layer}": _encode(embedder, sentences) for layer, embedder in embedders.items()}
    works |= {f"engine {layer}": _run(alone, layer) for layer in layers}
    medians = {name: statistics.median(costs) for name, costs in in_turns(works, setting.rounds).items()}
    return {
        "blocks": blocks,
        "engine": alone.name,
        "sentences": len(sentences),
        "layers": [
            {
                "layer": layer,
                "seconds": medians[f"encode {layer}"],
                "relative": medians[f"encode {layer}"] / medians[f"encode {blocks}"],
                "engine_seconds": medians[f"engine {layer}"],
                "engine_relative": medians[f"engine {layer}"] / medians[f"engine {blocks}"],
                "goal": layer / blocks + 0.05,
            }
            for layer in layers
        ],
    }


def study_lengths(setting: Setting) -> dict[str, Any]:
    """Give words a second for texts of n words, cut from the same stretch of text for every n."""
    embedder = _embedder(setting)
    stream = list(chain.from_iterable(setting.texts["corpus"]))
    works: dict[str, Callable[[], object]] = {}
    words = {}
    for length in LENGTHS:
        count = max(setting.scaled(_WORDS_OF_A_LENGTH) // length, 2)
        flowing = cycle(stream)
        texts = [list(islice(flowing, length)) for _ in range(count)]
        works[str(length)] = _encode(embedder, texts)
        words[str(length)] = count * length
    seconds = in_turns(works, setting.rounds)
    rates = {length: words[str(length)] / statistics.median(seconds[str(length)]) for length in LENGTHS}
    return {
        "engine": embedder.provenance["engine"],
        "lengths": [
            {"words": length, "texts": words[str(length)] // length, "words_per_second": rate}
            for length, rate in rates.items()
        ],
    }


def study_duplicates(setting: Setting) -> dict[str, Any]:
    """Give words a second for different texts, and for each of them four times, shuffled."""
    embedder = _embedder(setting)
    once = [list(words) for words in dict.fromkeys(map(tuple, setting.texts["sentences"]))]
    often = once * _COPIES
    random.Random(0).shuffle(often)
    seconds = in_turns({"once": _encode(embedder, once), "often": _encode(embedder, often)}, setting.rounds)
    n_words = sum(map(len, once))
    once_rate = n_words / statistics.median(seconds["once"])
    often_rate = _COPIES * n_words / statistics.median(seconds["often"])
    return {
        "engine": embedder.provenance["engine"],
        "copies": _COPIES,
        "words": n_words,
        "different": once_rate,
        "repeated": often_rate,
        "ratio": often_rate / once_rate,
    }


def _encode(embedder: WordEmbedder, texts: Any) -> Callable[[], object]:
    return lambda: embedder.encode(texts)


def _run(alone: EngineAlone, layer: int) -> Callable[[], object]:
    return lambda: alone.run(layer)
