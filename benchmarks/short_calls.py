"""How soon a short call is answered with OpenVINO: by all cores, and as if there were one, in turns.

    python benchmarks/short_calls.py [--model NAME] [--rounds 60]        a minute; writes results/short_calls.json

Figures: the least wall time and the least CPU time of `encode`, in milliseconds; the vectors are compared first.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from wordstates import WordEmbedder

HERE = Path(__file__).resolve().parent
TEXT = HERE.parent / "examples" / "data" / "genesis-web.txt"
RESULTS = HERE / "results" / "short_calls.json"
SENTENCE = "They sat on the river bank, and nobody lent them any money."


def main() -> None:
    """Measure calls of several lengths, and print what it comes to."""
    parser = argparse.ArgumentParser(description="Measure how soon a short call is answered.")
    parser.add_argument("--model", default="minilm")
    parser.add_argument("--rounds", type=int, default=60, help="turns of each (default 60)")
    parser.add_argument("--output", type=Path, default=RESULTS, help="file of raw results")
    arguments = parser.parse_args()
    book = TEXT.read_text(encoding="utf-8")
    calls: dict[str, Any] = {
        "a sentence": SENTENCE,
        "a window": book[:1800],
        "8 sentences": [f"{number} {SENTENCE}" for number in range(8)],
    }
    embedder = WordEmbedder(arguments.model, engine="openvino")
    engine: Any = embedder._model.engines.fastest()
    ways = {"one core a batch": 1, "all cores": engine.streams}
    found: dict[str, Any] = {}
    for name, texts in calls.items():
        seconds: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
        vectors = []
        for _ in range(arguments.rounds + 1):
            for way, engine.streams in ways.items():
                wall, cpu = time.perf_counter(), time.process_time()
                vectors.append(embedder.encode(texts).vectors)
                seconds[way].append((time.perf_counter() - wall, time.process_time() - cpu))
        difference = max(float(np.abs(each - vectors[0]).max()) for each in vectors)
        assert difference < 1e-5, f"the vectors differ by {difference}"
        found[name] = {
            "words": len(vectors[0]),
            "difference": difference,
            **{
                way: {
                    "wall_ms": round(1000 * min(wall for wall, _ in each[1:]), 1),
                    "cpu_ms": round(1000 * min(cpu for _, cpu in each[1:]), 1),
                }
                for way, each in seconds.items()
            },
        }
        print(name, found[name], flush=True)
    results = {"model": Path(arguments.model).name, "cores": ways["all cores"], "calls": found}
    arguments.output.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
