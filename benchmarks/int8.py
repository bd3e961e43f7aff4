"""int8, tried: how much faster than float32, how far the vectors move, and what that costs in tasks.

    python -m benchmarks.int8 --data DIR [--model minilm --model FOLDER] [--parts error,speed,tasks] --ways 1,2,3,4
    pip install nncf==3.4.0          for the other ways, in an environment of its own: the library does not need it

The library has the weights in int8, and activations rounded as they come (`wordstates.model.int8`). Other ways are
those of NNCF, which quantizes the graphs that OpenVINO runs: again the weights alone; or all, by what the activations
are on real text (training sentences of English-EWT, or `--text FILE`), with SmoothQuant. Of a graph that is quantized
in full, any matrix products are put back to float32 by taking the rounding steps out in front of them, so that
*layers* can try one kind and one block at a time. *error* is that of subwords of other texts, *speed* with the engine
alone, in turns, in several processes (where weights happen to lie in memory makes one engine half again as fast as its
twin), on one core and on all, with all instructions of the processor and, hiding what came later, with those of a
Cascade Lake (VNNI, no bfloat16). *tasks* are scored as a sweep does, all ways on the same items. Results go to
benchmarks/results/int8.json; the tables are printed. `--quick` sees whether all of it runs.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache, partial
from importlib import metadata
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any
from unittest import mock

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
from benchmarks.quality import sources
from benchmarks.speed import machine
from benchmarks.speed.inside import EngineAlone

from wordstates import Recipe, WordEmbedder
from wordstates.documents.readers import read_documents
from wordstates.evaluate.data.task import limited
from wordstates.evaluate.sweep.folds import make_folds
from wordstates.evaluate.sweep.layers import read_layers
from wordstates.evaluate.sweep.run import _scorer as scorer_of
from wordstates.evaluate.sweep.run import without_missing
from wordstates.evaluate.sweep.scores import Bootstrap
from wordstates.model.batching import FULL, SHORT
from wordstates.model.engine import Batch
from wordstates.model.openvino_engine import OpenVinoEngine, inputs_of, layout_of, read_graph

RESULTS = Path(__file__).parent / "results" / "int8.json"
EWT = "ud/UD_English-EWT/en_ewt-ud-{}.conllu"
# Products with weights, by the names that BERT and MPNet give their parts. Everything else stays in float: embeddings
# in int8 have an error of 2% in layer 0, and are looked up, not multiplied; the products of attention gain nothing.
KINDS = {
    "query, key, value": re.compile(r"attention\.(self\.(query|key|value)|attn\.[qkv])/"),
    "attention output": re.compile(r"attention\.(output\.dense|attn\.o)/"),
    "up": re.compile(r"\d+\.intermediate\.dense/"),
    "down": re.compile(r"\d+\.output\.dense/"),
}
BLOCK = re.compile(r"layer\.(\d+)\.")
PROCESSES = 3
CASCADE_LAKE = "AVX512_CORE_VNNI"
PROCESSORS = {"VNNI alone": CASCADE_LAKE, "this processor": "ALL"}
TASKS = {
    "SemCor": replace(sources.SEMCOR, options={"limit": 3_000}),
    "WiC-TSV": replace(sources.WIC_TSV, options={"limit": 400}),
    "EWT": sources.POS,
}


@dataclass(frozen=True)
class Way:
    """How a network is computed.

    Args:
        graph: Name of the graph: ``float``, ``weights``, or ``full ALPHA``, of SmoothQuant.
        precision: What is not int8 is computed in.
        group: Activations that are rounded together as they come; 0: what the library takes.
        kept: Kinds of products that stay in float.
        blocks: In which blocks they do, from 1; none: in all.
    """

    graph: str
    precision: str = "float32"
    group: int = 0
    kept: tuple[str, ...] = ()
    blocks: tuple[int, ...] = ()

    def engine(self, graphs: Path, threads: int, layout: Any, first: int) -> OpenVinoEngine:
        """Read the graph, and make an engine of it."""
        graph = read_graph(graphs / f"{self.graph}.xml")
        leave_in_float(graph, self._is_kept)
        engine = OpenVinoEngine(graph, precision=self.precision, threads=threads, layout=layout, first_position=first)
        if self.group:
            engine._settings["DYNAMIC_QUANTIZATION_GROUP_SIZE"] = self.group
        return engine

    def _is_kept(self, name: str) -> bool:
        if not any(kind.search(name) for kind in KINDS.values()):
            return True
        block = int(BLOCK.findall(name)[0]) + 1
        return any(KINDS[kind].search(name) for kind in self.kept) and block in (self.blocks or (block,))


WAYS = {
    "float32": Way("float"),
    "bfloat16": Way("float", precision="bfloat16"),
    "int8": Way("float", precision="int8"),  # as the library has it
    "int8, groups of 128": Way("float", precision="int8", group=128),
    "int8, groups of 384": Way("float", precision="int8", group=384),
    "int8 weights, groups of 32": Way("weights", group=32),
    "int8 weights, groups of 128": Way("weights", group=128),
    "int8, SmoothQuant 0.95": Way("full 0.95"),
    "int8, SmoothQuant 0.5": Way("full 0.5"),
    "int8, no SmoothQuant": Way("full -1"),
    "int8 but down of blocks 1 and 2": Way("full 0.95", kept=("down",), blocks=(1, 2)),
    "int8 but down": Way("full 0.95", kept=("down",)),
    "int8 but up and down": Way("full 0.95", kept=("up", "down")),
}


def leave_in_float(graph: Any, kept: Callable[[str], bool]) -> None:
    """Take the rounding steps out that stand in front of some operations.

    Args:
        graph: A graph with steps of rounding (FakeQuantize); it is changed.
        kept: Tells from its name whether an operation stays in float.
    """
    for operation in graph.get_ordered_ops():
        if operation.get_type_name() != "FakeQuantize" and kept(operation.get_friendly_name()):
            for given in operation.inputs():
                while (before := given.get_source_output().get_node()).get_type_name() == "FakeQuantize":
                    given.replace_source_output(before.input_value(0))


@cache
def float_engine(model: str) -> tuple[WordEmbedder, OpenVinoEngine]:
    """Give an embedder with all layers, and its engine in float32."""
    embedder = WordEmbedder(model, recipes=[Recipe("0:", "none")], engine="openvino")
    engine: Any = embedder._model.engines.fastest()
    return embedder, engine


def batches_of(model: str, texts: Sequence[str], most: int) -> list[Batch]:
    """Give full batches of the shape that most have."""
    embedder, _ = float_engine(model)
    found = EngineAlone(embedder, texts)._batches
    shape = (FULL // SHORT, SHORT)
    return [batch for batch in found if batch.ids.shape == shape][:most]


def texts_of(path: Path, most: int) -> list[str]:
    """Give texts of a file, drawn with a seed."""
    texts = [document.text for document in read_documents([str(path)])]
    order = np.random.default_rng(0).permutation(len(texts))
    return [texts[number] for number in islice(order, most)]


# ── graphs ──


def make_graph(name: str, model: str, calibration: Sequence[Batch], folder: Path) -> None:
    """Write the graph of a name into a folder, unless it is there."""
    target = folder / f"{name}.xml"
    if target.exists():
        return
    import openvino

    _, engine = float_engine(model)
    graph = engine._graph.clone()
    if name != "float":
        graph = _by_nncf(
            graph, name, [inputs_of(batch, engine.layout, engine._first_position) for batch in calibration]
        )
    openvino.save_model(graph, target, compress_to_fp16=False)


def _by_nncf(graph: Any, name: str, calibration: Sequence[Any]) -> Any:
    import nncf
    from nncf.quantization.advanced_parameters import AdvancedQuantizationParameters, AdvancedSmoothQuantParameters

    if name == "weights":
        looked_up = nncf.IgnoredScope(patterns=[".*embeddings.*"])
        return nncf.compress_weights(graph, mode=nncf.CompressWeightsMode.INT8_SYM, ignored_scope=looked_up)
    alpha = float(name.removeprefix("full "))
    advanced = AdvancedQuantizationParameters(
        smooth_quant_alphas=AdvancedSmoothQuantParameters(matmul=alpha),
        backend_params={"compress_weights": False},  # so that any product can be put back
    )
    return nncf.quantize(
        graph,
        nncf.Dataset(calibration),
        subset_size=len(calibration),
        model_type=nncf.ModelType.TRANSFORMER,
        preset=nncf.QuantizationPreset.MIXED,
        advanced_parameters=advanced,
    )


# ── how exact ──


def states_of(engine: OpenVinoEngine, batches: Sequence[Batch], layers: Sequence[int]) -> list[np.ndarray]:
    """Give the states of all subwords, for each layer (subwords, dim)."""
    found = []
    for batch in batches:
        states = engine.hidden_states(batch, layers)
        found.append([states[layer][batch.mask] for layer in layers])
    return [np.concatenate(parts) for parts in zip(*found, strict=True)]


def error_of(exact: Sequence[np.ndarray], found: Sequence[np.ndarray]) -> dict[str, list[float]]:
    """Compare states by layer: the error of each, relative by norm (median, largest, and of all), and the cosine."""
    rows: dict[str, list[float]] = {"median": [], "most": [], "all": [], "cosine": []}
    for one, other in zip(exact, found, strict=True):
        lengths = np.linalg.norm(one, axis=1)
        moved = np.linalg.norm(one - other, axis=1)
        cosine = np.einsum("sd,sd->s", one, other) / (lengths * np.linalg.norm(other, axis=1))
        rows["median"].append(float(np.median(moved / lengths)))
        rows["most"].append(float((moved / lengths).max()))
        rows["all"].append(float(np.linalg.norm(moved) / np.linalg.norm(lengths)))
        rows["cosine"].append(float(np.median(cosine)))
    return {name: [round(value, 5) for value in values] for name, values in rows.items()}


def errors(ways: dict[str, Way], model: str, batches: Sequence[Batch], folder: Path) -> dict[str, Any]:
    """Give the error of each way, by layer."""
    embedder, engine = float_engine(model)
    layers = range(embedder.n_blocks + 1)
    exact = states_of(engine, batches, layers)
    found = {}
    for name, way in ways.items():
        other = way.engine(folder, 2, engine.layout, engine._first_position)
        found[name] = error_of(exact, states_of(other, batches, layers))
        print(f"{model}, {name}: {found[name]['all']}", file=sys.stderr, flush=True)
    return found


def one_at_a_time(graph: str, blocks: int) -> dict[str, Way]:
    """Give the ways that have int8 in one kind of product, and those that have it in one block."""
    kinds = {kind: Way(graph, kept=tuple(other for other in KINDS if other != kind)) for kind in KINDS}
    numbers = range(1, blocks + 1)
    return kinds | {
        f"block {block}": Way(graph, kept=tuple(KINDS), blocks=tuple(other for other in numbers if other != block))
        for block in numbers
    }


# ── how fast ──


def speeds(ways: dict[str, Way], model: str, batches: Sequence[Batch], folder: Path, rounds: int) -> dict[str, Any]:
    """Time all ways in turns, in some processes for each kind of processor and number of cores."""
    embedder, engine = float_engine(model)
    longest = embedder.window if engine.layout.packed else None
    job = folder / "job.pickle"
    cores = sorted(os.sched_getaffinity(0))
    found = {}
    for processor, instructions in PROCESSORS.items():
        if instructions == CASCADE_LAKE:  # which would compute bfloat16 by other means, for minutes
            job_ways = {name: way for name, way in ways.items() if way.precision != "bfloat16"}
        else:
            job_ways = ways
        job.write_bytes(pickle.dumps((job_ways, batches, longest, engine._first_position, embedder.n_blocks, rounds)))
        for count in sorted({1, len(cores)}):
            environment = os.environ | {"ONEDNN_MAX_CPU_ISA": instructions}
            command = ["taskset", "-c", ",".join(map(str, cores[:count])), sys.executable, "-m", "benchmarks.int8"]
            told = []
            for _ in range(PROCESSES):
                done = subprocess.run([*command, "--worker", job], env=environment, stdout=subprocess.PIPE, check=True)
                told.append(json.loads(done.stdout))
            cell = found[f"{processor}, cores: {count}"] = told[0]
            for kind in ("seconds", "cpu_seconds"):
                cell[kind] = {name: [one for each in told for one in each[kind][name]] for name in job_ways}
            print(f"{model}, {processor}, {count}:", *_medians(cell), sep="\n    ", file=sys.stderr, flush=True)
    return found


def _medians(cell: dict[str, Any]) -> list[str]:
    of_clock, of_cpu = cell["seconds"], cell["cpu_seconds"]
    return [
        f"{name}: {statistics.median(of_clock[name]):.3f} s, {statistics.median(of_cpu[name]):.3f} s of CPU, {kinds}"
        for name, kinds in cell["products"].items()
    ]


def worker(job: Path) -> dict[str, Any]:
    """Time all ways in turns, each computing the last layer of all batches; seconds of the clock and of the CPU."""
    ways, batches, longest, first, layer, rounds = pickle.loads(job.read_bytes())
    threads = len(os.sched_getaffinity(0))
    engines = {name: way.engine(job.parent, threads, layout_of(longest), first) for name, way in ways.items()}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    of_cpu: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(rounds + 1):
        for name, engine in random.sample(list(engines.items()), len(engines)):
            began, used = time.perf_counter(), time.process_time()
            with ThreadPoolExecutor(engine.in_flight) as pool:
                list(pool.map(lambda batch, engine=engine: engine.hidden_states(batch, [layer]) and None, batches))
            if turn:  # the first compiles
                seconds[name].append(round(time.perf_counter() - began, 4))
                of_cpu[name].append(round(time.process_time() - used, 4))
    kinds = {name: kinds_of_products(engine) for name, engine in engines.items()}
    subwords = sum(int(batch.mask.sum()) for batch in batches)
    return {"subwords": subwords, "seconds": seconds, "cpu_seconds": of_cpu, "products": kinds}


def kinds_of_products(engine: OpenVinoEngine) -> list[str]:
    """Say by which code of OpenVINO's the matrix products are computed: what instructions, in what precision."""
    compiled = next(iter(engine._compiled.values()))
    told = [operation.get_rt_info() for operation in compiled.get_runtime_model().get_ops()]
    products = {info["primitiveType"].value for info in told if info["layerType"].value in ("FullyConnected", "MatMul")}
    return sorted(products)


# ── what it costs ──


def scores(ways: dict[str, Way], model: str, data: Path, folder: Path, limit: int | None) -> dict[str, Any]:
    """Score layers of all ways on the tasks, as a sweep does, and the difference from float32 with its interval."""
    embedder, engine = float_engine(model)
    layers = sorted({2, embedder.n_blocks // 2, embedder.n_blocks})  # the best for each of the tasks are among them
    found: dict[str, Any] = {}
    for task_name, source in TASKS.items():
        with tempfile.TemporaryDirectory() as scratch:
            task = limited(source.read(data, Path(scratch)), limit)
        passes = {}
        for name, way in ways.items():
            other = way.engine(folder, 2, engine.layout, engine._first_position)
            passes[name] = read_layers(partial(_with_engine, model, other), task.usages, ("mean",))
        task, _ = without_missing(task, list(passes.values()))
        scorer, folds = scorer_of(task, None), make_folds(task)
        order = np.concatenate([fold.test for fold in folds])
        metric, gold = scorer.metrics[0], scorer.gold[order]
        resampled = Bootstrap([task.items[number].group for number in order], samples=1000, seed=0)
        predicted = {
            (name, layer): np.concatenate(
                [scorer.predict(vectors.values["mean"][:, layer], fold).test[metric.of] for fold in folds]
            )
            for name, vectors in passes.items()
            for layer in layers
        }
        cell = found[task_name] = {
            "metric": metric.name,
            "scored": len(order),
            "layers": layers,
            "scores": {},
            "gain": {},
        }
        for name in ways:
            given = [(predicted[name, layer], predicted["float32", layer]) for layer in layers]
            cell["scores"][name] = [round(metric.score(gold, mine), 5) for mine, _ in given]
            cell["gain"][name] = [
                {key: round(value, 5) for key, value in resampled.gain(metric, gold, mine, exact).to_dict().items()}
                for mine, exact in given
            ]
            print(
                f"{model}, {task_name}, {name}: {cell['scores'][name]} {cell['gain'][name]}",
                file=sys.stderr,
                flush=True,
            )
    return found


def _with_engine(model: str, engine: OpenVinoEngine, recipes: Sequence[Recipe]) -> WordEmbedder:
    embedder = WordEmbedder(model, recipes=recipes, engine="torch")
    mock.patch.object(embedder._model.engines, "for_work", return_value=engine).start()
    return embedder


# ── all of it ──


def main() -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.int8", description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="folder of the data sets, as benchmarks.quality has it"
    )
    parser.add_argument("--text", type=Path, metavar="FILE", help="what to calibrate on (default: English-EWT, train)")
    parser.add_argument("--model", action="append", help="minilm (default), or a folder; several times")
    parser.add_argument("--ways", help="numbers of the ways to take beside float32, as 3,5 (default all)")
    parser.add_argument("--parts", default="layers,error,speed,tasks", help="what to measure (default %(default)s)")
    parser.add_argument("--folder", type=Path, help="where graphs are kept for another run")
    parser.add_argument("--calibration", type=int, default=12, help="batches of 1,024 subwords to calibrate on")
    parser.add_argument("--rounds", type=int, default=7, help="of *speed*, in each of three processes")
    parser.add_argument("--limit", type=int, help="most items of each split of a task")
    parser.add_argument("--output", type=Path, default=RESULTS, help="file of raw results")
    parser.add_argument("--quick", action="store_true", help="two batches, two rounds: whether it runs")
    parser.add_argument("--render", action="store_true", help="measure nothing: print the tables of what was measured")
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)
        answers.write(json.dumps(worker(arguments.worker)))
        answers.close()
        return
    if not arguments.render:
        if arguments.data is None:
            parser.error("--data DIR is needed: the folder of data sets; benchmarks/quality/sources.py names them.")
        measure(arguments)
    print(show(json.loads(arguments.output.read_text(encoding="utf-8"))))


def measure(arguments: argparse.Namespace) -> None:
    """Add what is asked for to the results."""
    few = 2 if arguments.quick else 0
    numbers = [int(number) for number in arguments.ways.split(",")] if arguments.ways else range(len(WAYS))
    ways = {name: way for number, (name, way) in enumerate(WAYS.items()) if number in (0, *numbers)}
    train, dev = (arguments.data / EWT.format(part) for part in ("train", "dev"))
    parts = arguments.parts.split(",")
    for model in arguments.model or ["minilm"]:
        embedder, _ = float_engine(model)
        label = model if model == "minilm" else Path(model).resolve().name
        with tempfile.TemporaryDirectory() as scratch:
            folder = (arguments.folder or Path(scratch)) / label
            folder.mkdir(parents=True, exist_ok=True)
            calibration = batches_of(model, texts_of(arguments.text or train, 3_000), few or arguments.calibration)
            held_out = batches_of(model, texts_of(dev, 1_000), few or 4)
            for graph in {"full 0.95": 0} if parts == ["layers"] else dict.fromkeys(way.graph for way in ways.values()):
                make_graph(graph, model, calibration, folder)
            for part in parts:
                if part == "layers":
                    cell = errors(one_at_a_time("full 0.95", embedder.n_blocks), model, held_out[:2], folder)
                elif part == "error":
                    cell = errors(ways, model, held_out, folder)
                elif part == "speed":
                    cell = speeds(ways, model, held_out[:2], folder, few or arguments.rounds)
                else:
                    cell = scores(
                        ways, model, arguments.data, folder, limit=200 if arguments.quick else arguments.limit
                    )
                keep(arguments.output, part, label, cell)


def keep(path: Path, part: str, label: str, cell: dict[str, Any]) -> None:
    """Add a part of a model to the results."""
    found = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    found["machine"] = machine.describe() | {"nncf": metadata.version("nncf") if find_spec("nncf") else None}
    found.setdefault(label, {}).setdefault(part, {}).update(cell)
    path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def show(found: dict[str, Any]) -> str:
    """Give the tables in Markdown."""
    lines = []
    for label, parts in found.items():
        if label == "machine":
            continue
        lines += [f"## {label}", "", *_table(*_summary(parts))]
        for part in ("layers", "error"):
            lines += _errors_by_layer(parts[part]) if part in parts else []
        lines += _speeds(parts["speed"]) if "speed" in parts else []
    return "\n".join(lines)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [
        f"| {' | '.join(head)} |",
        "|---|" + "--:|" * (len(head) - 1),
        *(f"| {' | '.join(row)} |" for row in rows),
        "",
    ]


def _summary(parts: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Set speed (CPU seconds, which tell more on a busy machine), error of the last layer and points in one table."""
    speed, error, tasks = (parts.get(part, {}) for part in ("speed", "error", "tasks"))
    rows = []
    for name in WAYS:
        row = [name, *(_times(cell, "cpu_seconds", name) for cell in speed.values())]
        row.append(f"{error[name]['all'][-1]:.1%}" if name in error else "")
        row.append(f"{error[name]['cosine'][-1]:.3f}" if name in error else "")
        for cell in tasks.values():
            exact = cell["scores"]["float32"]
            row += [_points(cell, name, at) for at in (max(range(len(exact)), key=exact.__getitem__), -1)]
        if any(row[1:]):
            rows.append(row)
    points = [f"{task}, {layer} layer" for task in tasks for layer in ("best", "last")]
    return ["way", *speed, "error", "cosine", *points], rows


def _times(cell: dict[str, Any], kind: str, name: str) -> str:
    if name not in cell[kind]:
        return ""
    exact, mine = (statistics.median(cell[kind][each]) for each in ("float32", name))
    return f"{exact / mine:.1f}"


def _points(cell: dict[str, Any], name: str, at: int) -> str:
    """Write what float32 scores, and for others how much more, with its interval."""
    if name not in cell["scores"]:
        return ""
    if name == "float32":
        return f"{100 * cell['scores'][name][at]:.1f}"
    gain = {key: 100 * value for key, value in cell["gain"][name][at].items()}
    return f"{gain['score']:+.1f} ({gain['low']:+.1f} to {gain['high']:+.1f})"


def _errors_by_layer(cells: dict[str, Any]) -> list[str]:
    rows = []
    for name, cell in cells.items():
        told = [f"{cell[of][-1]:.1%}" for of in ("median", "most")]
        rows.append([name, *(f"{value:.1%}" for value in cell["all"]), *told])
    layers = [f"layer {layer}" for layer in range(len(rows[0]) - 3)]
    return _table(["error", *layers, "last: median", "largest"], rows)


def _speeds(cells: dict[str, Any]) -> list[str]:
    names = list(dict.fromkeys(name for cell in cells.values() for name in cell["seconds"]))
    rows = [[name, *(_times(cell, "seconds", name) for cell in cells.values())] for name in names]
    return _table(["times float32, by the clock", *cells], rows)


if __name__ == "__main__":
    main()
