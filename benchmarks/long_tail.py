"""Why texts with a long tail are slower than sentences: how many subwords are read, in which rows, and what those cost.

    python -m benchmarks.long_tail --treebank FILE [--model NAME]        a minute; writes results/long_tail.json

The two inputs of `benchmarks.speed` are planned, not read. Rows of each width, full of subwords, are read in turns by
one core, so that their CPU times compare on a machine that is busy too.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.speed.texts import FULL, Words, make_inputs

from wordstates import WordEmbedder, set_threads
from wordstates.model.batching import make_batches
from wordstates.model.engine import lay_out

RESULTS = Path(__file__).resolve().parent / "results" / "long_tail.json"
BUDGET = 1024  # subwords of a batch


def count(embedder: WordEmbedder, texts: list[Words]) -> dict[str, Any]:
    """Count what a plan of texts holds: subwords of the texts, of their windows, and of the rows by width."""
    model: Any = embedder._model
    layout = model.engines.fastest().layout
    encoded = model.tokenizer.encode([" ".join(words) for words in texts])
    plan = embedder.plan(texts)
    lengths = [len(window.ids) + len(model.template) for window in plan.windows]
    rows: Counter[int] = Counter()
    for batch in make_batches(lengths, BUDGET, layout):
        held = [lengths[index] for index in batch]
        rows[layout.width(max(held), BUDGET)] += layout.size(held, BUDGET)
    return {
        "texts": len(texts),
        "long_texts": plan.long_texts,
        "words": sum(map(len, texts)),
        "subwords": len(encoded.ids),
        "read": sum(len(window.ids) for window in plan.windows),
        "with_special": sum(lengths),
        "rows": dict(sorted(rows.items())),
    }


def costs(embedder: WordEmbedder, widths: list[int], rounds: int) -> dict[int, float]:
    """Give the CPU milliseconds of a thousand subwords in full rows of each width."""
    model: Any = embedder._model
    engine = model.engines.fastest()
    draw = np.random.default_rng(0)
    batches = {}
    for width in widths:
        windows = [draw.integers(1000, 20_000, width).tolist() for _ in range(BUDGET // width)]
        batches[width] = lay_out(windows, None, model.pad_id, engine.layout, (0, width))
    found: dict[int, list[float]] = {width: [] for width in widths}
    for _ in range(rounds + 1):
        for width, batch in batches.items():
            began = time.process_time()
            engine.hidden_states(batch, [embedder.n_blocks])
            found[width].append(1e6 * (time.process_time() - began) / batch.ids.size)
    return {width: round(min(each[1:]), 1) for width, each in found.items()}


def main() -> None:
    """Count and measure, and print what it comes to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.long_tail", description="Why a long tail is slower.")
    parser.add_argument("--treebank", type=Path, required=True, help="en_ewt-ud-train.conllu of UD English-EWT")
    parser.add_argument("--model", default="minilm", help="a model whose windows are packed (default minilm)")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each width (default 5)")
    parser.add_argument("--output", type=Path, default=RESULTS, help="file of raw results")
    arguments = parser.parse_args()
    set_threads(1)
    inputs = make_inputs(arguments.treebank, FULL)
    results: dict[str, Any] = {"model": Path(arguments.model).name}
    for precision in ("float32", "bfloat16"):
        embedder = WordEmbedder(arguments.model, engine="openvino", precision=precision)
        counts = {name: count(embedder, inputs[name]) for name in ("sentences", "mix")}
        widths = sorted({width for each in counts.values() for width in each["rows"]})
        cost = costs(embedder, widths, arguments.rounds)
        a_word = {
            name: sum(size * cost[width] for width, size in each["rows"].items()) / 1000 / each["words"]
            for name, each in counts.items()
        }
        results["counts"] = counts
        results[precision] = {
            "cpu_ms_per_1000_by_width": cost,
            "cpu_ms_per_word": {name: round(each, 4) for name, each in a_word.items()},
            "times": round(a_word["mix"] / a_word["sentences"], 2),
        }
    arguments.output.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
