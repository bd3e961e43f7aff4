"""What a store costs: memory, whatever the size of the corpus, and speed, beside the embedder alone.

    python benchmarks/store.py                        100 thousand and a million words; writes results/store.json
    python benchmarks/store.py --words 10000000       adds such a run to the results
    python benchmarks/store.py --line 50              adds a run over one line of so many megabytes

Memory is the peak of a process of its own that embeds a corpus of so many words into a store, from a pipe that is read
as it is worked off. So that it takes minutes, the vectors are those of layer 0 of the model, for which no block runs;
their number and size are those of any layer. Speed is of the last layer, words a second, the store and the plain
embedder in turns on the same words; vectors in the store are compared with the plain ones before a speed is printed.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
TEXT = HERE.parent / "examples" / "data" / "genesis-web.txt"
RESULTS = HERE / "results" / "store.json"
_PEAK = "import resource, sys\nfrom wordstates.cli import main\ntry:\n    main()\nfinally:\n"
_PEAK += "    used = resource.getrusage(resource.RUSAGE_SELF)\n"
_PEAK += "    print('PEAK', used.ru_maxrss, used.ru_utime + used.ru_stime, file=sys.stderr)\n"


def lines_of(words: int) -> Iterator[str]:
    """Give the lines of the text, again and again, until there are so many words between white space.

    From the second round on each begins with the number of the round: a line that came before would not be read.
    """
    lines = [line for line in TEXT.read_text(encoding="utf-8").splitlines() if line.strip()]
    count = 0
    for turn in itertools.count():
        for line in lines:
            yield f"{turn} {line}\n" if turn else f"{line}\n"
            count += len(line.split()) + bool(turn)
            if count >= words:
                return


def embed(lines: Iterator[str], output: Path, *options: str, source: Path | str = "-") -> dict[str, Any]:
    """Embed lines in a process of its own, through a pipe or from a file; give its report and its peak memory."""
    command = [sys.executable, "-c", _PEAK, "embed", str(source), "-o", str(output), "--json", *options]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8"
    ) as process:
        assert process.stdin is not None
        for line in lines:
            process.stdin.write(line)
        out, err = process.communicate()
    if process.returncode:
        raise RuntimeError(err)
    report = json.loads(out)
    _, peak, processor = next(line for line in err.splitlines() if line.startswith("PEAK")).split()
    figures = {name: report[name] for name in ("words", "shards", "bytes", "seconds") if name in report}
    used = {"peak_bytes": int(peak) * 1024, "processor_seconds": round(float(processor), 1)}
    return {**figures, **used, "options": options}


def measure_memory(words: int, model: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        options = ("-m", model, "--layers", "0", "--dtype", "float16")
        return {"asked": words, **embed(lines_of(words), Path(folder) / "store", *options)}


def measure_line(megabytes: int, model: str, output: str) -> dict[str, Any]:
    """One line of ordinary words, from a file, into a store (``store``) or a file (``file.parquet``)."""
    with tempfile.TemporaryDirectory() as folder:
        line, held = Path(folder) / "line.txt", 0
        with line.open("w", encoding="utf-8") as file:
            for part in lines_of(sys.maxsize):
                held += file.write(part.replace("\n", " ")[: megabytes * 1_000_000 - held])
                if held >= megabytes * 1_000_000:
                    break
        options = ("-m", model, "--layers", "0", "--dtype", "float16")
        return {"asked": megabytes, "output": output, **embed(iter(()), Path(folder) / output, *options, source=line)}


def measure_speed(words: int, runs: int, model: str) -> dict[str, Any]:
    """Time the embedder alone and the store, in turns, after a warm-up."""
    import numpy as np

    from wordstates import WordEmbedder
    from wordstates.documents.document import Document
    from wordstates.runs.groups import in_groups
    from wordstates.store.run import embed_to_store
    from wordstates.store.store import open_store

    documents = [Document(str(number), line.rstrip("\n")) for number, line in enumerate(lines_of(words))]
    embedder = WordEmbedder(model)
    embedder.encode([document.text for document in documents[:50]])
    seconds: dict[str, list[float]] = {"embedder alone": [], "store": []}
    processor: dict[str, list[float]] = {"embedder alone": [], "store": []}  # says more on a machine that others use
    for _ in range(runs):
        began, used = time.perf_counter(), time.process_time()
        groups = in_groups(documents)
        plain = [embedder.encode([document.text for document in group]).vectors for group in groups]
        seconds["embedder alone"].append(time.perf_counter() - began)
        processor["embedder alone"].append(time.process_time() - used)
        with tempfile.TemporaryDirectory() as folder:
            began, used = time.perf_counter(), time.process_time()
            report = embed_to_store(embedder, documents, Path(folder) / "store")
            seconds["store"].append(time.perf_counter() - began)
            processor["store"].append(time.process_time() - used)
            tables = open_store(Path(folder) / "store").tables(["vector"])
            written = np.concatenate([table["vector"].combine_chunks().values.to_numpy() for table in tables])
        np.testing.assert_allclose(written, np.concatenate(plain).reshape(-1), atol=1e-5)
    return {"words": report.words, "seconds": seconds, "processor_seconds": processor}


def show(results: dict[str, Any]) -> None:
    print(f"{'words':>12} {'shards':>7} {'GB written':>11} {'seconds':>8} {'peak memory, MiB':>17}")
    for run in results["memory"]:
        print(
            f"{run['words']:12,} {run['shards']:7,} {run['bytes'] / 1e9:11.2f} {run['seconds']:8.0f} "
            f"{run['peak_bytes'] / 2**20:17,.0f}"
        )
    for run in results.get("line", []):
        into = f"one line of {run['asked']} MB, to a {run.get('output', 'store')}"
        processor = f" ({run['processor_seconds']:.0f} s of the processor)" if "processor_seconds" in run else ""
        print(f"{into}: {run['seconds']:.0f} s{processor}, peak {run['peak_bytes'] / 2**20:,.0f} MiB")
    speed = results["speed"]
    alone, store = (statistics.median(speed["seconds"][name]) for name in ("embedder alone", "store"))
    print(
        f"{speed['words'] / alone:,.0f} words/s alone, {speed['words'] / store:,.0f} into a store: "
        f"{store / alone - 1:+.1%} time, medians of {len(speed['seconds']['store'])} runs"
    )
    alone, store = (statistics.median(speed["processor_seconds"][name]) for name in ("embedder alone", "store"))
    print(f"{store / alone - 1:+.1%} time of the processor")


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure memory and speed of stores.")
    parser.add_argument("--words", type=int, help="add a run over so many words to the results there are")
    parser.add_argument("--line", type=int, help="add a run over one line of so many megabytes")
    parser.add_argument("--speed", action="store_true", help="measure the speed again")
    parser.add_argument("--speed-words", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=3, help="runs of each, for the speed (default 3)")
    parser.add_argument("--model", default="minilm")
    parser.add_argument("--output", type=Path, default=RESULTS, help="file of raw results")
    arguments = parser.parse_args()
    if arguments.words or arguments.line or arguments.speed:
        results = json.loads(arguments.output.read_text(encoding="utf-8"))
        if arguments.speed:
            results["speed"] = measure_speed(arguments.speed_words, arguments.runs, arguments.model)
        if arguments.words:
            results["memory"].append(measure_memory(arguments.words, arguments.model))
        if arguments.line:
            measured = [measure_line(arguments.line, arguments.model, output) for output in ("store", "file.parquet")]
            results.setdefault("line", []).extend(measured)
    else:
        machine = {"python": platform.python_version(), "system": platform.system(), "cores": os.cpu_count()}
        results = {"machine": machine, "model": arguments.model}
        results["memory"] = [measure_memory(words, arguments.model) for words in (100_000, 1_000_000)]
        results["speed"] = measure_speed(arguments.speed_words, arguments.runs, arguments.model)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    show(results)


if __name__ == "__main__":
    main()
