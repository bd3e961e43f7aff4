"""How near to the machine: its matrix products at the model's shapes, the engine alone, and text to Parquet.

The ceiling is the best that any library present makes of nothing but the products of a block, with all cores. All
are measured in turns, in one process, and all count the same operations: those of the blocks, without padding.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from benchmarks.speed import machine
from benchmarks.speed.inside import EngineAlone, blocks_of, flops, wait_for
from benchmarks.speed.studies import Setting, in_turns, scratch_folder
from torch.utils import mkldnn

from wordstates import WordEmbedder
from wordstates.documents.readers import read_documents
from wordstates.files.open_writer import open_writer
from wordstates.runs.embed import embed_documents

_ROWS = {"cpu": 1024, "cuda": 16_384}
_SECONDS = 1.5  # of products in one turn
_SMALL_MODEL = 10_616_832  # weights of the blocks of 6x384: how much text is read is counted from here
_ALL = 1_000_000  # sentences: a GPU has read a few thousand in no time
_OPENVINO = {"float32": "f32", "bfloat16": "bf16"}
_TORCH = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def study_ceiling(setting: Setting) -> dict[str, Any]:
    """Give GFLOP/s by library and precision, and what share of the best our engines and our whole way reach."""
    shape = blocks_of(setting.model)
    weights = shape["blocks"] * (4 * shape["hidden"] ** 2 + 2 * shape["hidden"] * shape["inner"])
    on_gpu = setting.device != "cpu"
    sentences = setting.different_sentences(_ALL if on_gpu else max(2000, round(8000 * _SMALL_MODEL / weights)))
    rows = _rows_on(setting.device)
    figures: dict[str, Any] = {"shape": shape, "rows": rows, "sentences": len(sentences), "precisions": {}}
    with scratch_folder() as folder:
        source = Path(folder) / "sentences.txt"
        source.write_text("\n".join(sentences) + "\n", encoding="utf-8")
        for precision in filter(_TORCH.get, machine.precisions(setting.device)):  # of int8 no ceiling is measured
            figures["precisions"][precision] = _of_precision(setting, shape, precision, sentences, source)
    return figures


def _of_precision(
    setting: Setting, shape: dict[str, int], precision: str, sentences: list[str], source: Path
) -> dict[str, Any]:
    weights, rows = _weights(shape["hidden"], shape["inner"]), _rows_on(setting.device)
    engines = _engines(setting.device, precision)
    products = {"PyTorch": _by_torch(weights, rows, precision, setting.device)}
    if setting.device == "cpu":
        products["oneDNN"] = _by_onednn(weights, rows, precision)
        if "openvino" in engines:
            products["OpenVINO"] = _by_openvino(weights, rows, precision)
    alone = {engine: EngineAlone(_embedder(setting, engine, precision), sentences) for engine in engines}
    best = _embedder(setting, "auto", precision)
    works: dict[str, Callable[[], object]] = {name: _for_seconds(work, setting) for name, work in products.items()}
    counts: dict[str, list[int]] = {name: [] for name in products}
    works = {name: _counting(work, counts[name]) for name, work in works.items()}  # type: ignore[arg-type]
    works |= {f"{engine} alone": _alone(engine_alone, shape["blocks"]) for engine, engine_alone in alone.items()}
    written_by = ""

    def to_parquet() -> None:
        nonlocal written_by
        written_by = _to_parquet(best, source)

    works["text to Parquet"] = to_parquet
    seconds = in_turns(works, setting.rounds)
    once = 2.0 * rows * sum(weight.size for weight in weights)
    gflops = {
        name: [count * once / cost / 1e9 for count, cost in zip(counts[name][1:], seconds[name], strict=True)]
        for name in products
    }
    needed = flops(shape, next(iter(alone.values())).lengths)
    ceiling = max(map(statistics.median, gflops.values()))
    ours = {name: needed / statistics.median(seconds[name]) / 1e9 for name in works if name not in products}
    return {
        "products_gflops": gflops,
        "ceiling_gflops": ceiling,
        "words": next(iter(alone.values())).words,
        "subwords": sum(next(iter(alone.values())).lengths),
        "padded": next(iter(alone.values())).padded,
        "seconds": {name: seconds[name] for name in ours},
        "gflops": ours,
        "share": {name: value / ceiling for name, value in ours.items()},
        "parquet_engine": written_by,
    }


def _rows_on(device: str) -> int:
    """Give the rows of a product: as many as a batch has subwords."""
    return _ROWS[torch.device(device).type]


def _engines(device: str, precision: str) -> list[str]:
    if device != "cpu":
        return ["torch", "packed"] if precision == "bfloat16" else ["torch"]
    return ["torch", "openvino"] if find_spec("openvino") else ["torch"]


def _embedder(setting: Setting, engine: Any, precision: Any) -> WordEmbedder:
    return WordEmbedder(setting.model, engine=engine, precision=precision, device=setting.device)


def _alone(engine: EngineAlone, layer: int) -> Callable[[], object]:
    return lambda: engine.run(layer)


def _to_parquet(embedder: WordEmbedder, source: Path) -> str:
    """Go the way of `wordstates embed`: read a file of raw text, split, embed, and write it all; name the engine."""
    target = source.with_suffix(".parquet")
    return embed_documents(embedder, read_documents([source]), open_writer(target, overwrite=True)).engine


# ── nothing but products ──


def _weights(hidden: int, inner: int) -> list[Any]:
    """Give the six matrices of a block, (outputs, inputs), so scaled that numbers stay as large as they are."""
    random = np.random.default_rng(0)
    shapes = [(hidden, hidden)] * 4 + [(inner, hidden), (hidden, inner)]
    return [random.normal(0, shape[1] ** -0.5, shape).astype(np.float32) for shape in shapes]


def _states(weights: list[Any], rows: int) -> Any:
    return np.random.default_rng(1).normal(size=(rows, weights[0].shape[1])).astype(np.float32)


def _by_torch(weights: list[Any], rows: int, precision: str, device: str) -> Callable[[], int]:
    matrices = [torch.from_numpy(weight).to(device, _TORCH[precision]) for weight in weights]
    states = torch.from_numpy(_states(weights, rows)).to(device, _TORCH[precision])

    def work() -> int:
        with torch.inference_mode():
            state = states
            for matrix in matrices:
                state = torch.nn.functional.linear(state, matrix)
        wait_for(state.device)
        return 1

    return work


def _by_onednn(weights: list[Any], rows: int, precision: str) -> Callable[[], int]:
    layers = []
    for weight in weights:
        layer = torch.nn.Linear(weight.shape[1], weight.shape[0])
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(weight))
            layer.bias.zero_()
        layers.append(mkldnn.to_mkldnn(layer.eval(), _TORCH[precision]))
    states = torch.from_numpy(_states(weights, rows)).to(_TORCH[precision]).to_mkldnn()

    def work() -> int:
        with torch.inference_mode():
            state = states
            for layer in layers:
                state = layer(state)
        return 1

    return work


def _by_openvino(weights: list[Any], rows: int, precision: str) -> Callable[[], int]:
    """Make a graph of the products, computed once on each core at a time."""
    import openvino
    from openvino import opset8

    states = _states(weights, rows)
    given = opset8.parameter(states.shape, np.float32)
    state = given
    for weight in weights:
        state = opset8.matmul(state, opset8.constant(weight), False, True)
    cores = len(os.sched_getaffinity(0))
    settings = {
        "INFERENCE_PRECISION_HINT": _OPENVINO[precision],
        "NUM_STREAMS": cores,
        "INFERENCE_NUM_THREADS": cores,
    }
    compiled = openvino.Core().compile_model(openvino.Model([state], [given]), "CPU", settings)
    queue = openvino.AsyncInferQueue(compiled, cores + 1)

    def work() -> int:
        for _ in range(8 * cores):
            queue.start_async([states], share_inputs=True)
        queue.wait_all()
        return 8 * cores

    return work


def _for_seconds(work: Callable[[], int], setting: Setting) -> Callable[[], int]:
    """Repeat some work for a while, and count how often."""

    def repeated() -> int:
        done, end = 0, time.perf_counter() + max(_SECONDS * setting.scale, 0.2)
        while time.perf_counter() < end:
            done += work()
        return done

    return repeated


def _counting(work: Callable[[], int], counts: list[int]) -> Callable[[], object]:
    return lambda: counts.append(work())
