"""Measures the constants that estimates are made with; each names this script where it stands.

Run it from the repository: ``python scripts/measure_constants.py``. It reads the texts of ``examples/data`` with the
model of the extra ``minilm``, and prints

- characters a subword and a word (`options.py`),
- bytes of a row of a Parquet file beside its vectors (`runs/embed.py`),
- the floating-point operations after which making an OpenVINO graph has paid (`model/engines.py`).
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq

from wordstates import WordEmbedder
from wordstates.documents.readers import read_documents
from wordstates.files.open_writer import open_writer
from wordstates.runs.embed import embed_documents

DATA = Path(__file__).resolve().parents[1] / "examples" / "data"
TEXTS = sorted(map(str, DATA.glob("*.txt")))


def lengths() -> None:
    """Print how many characters a subword and a word have, white space included."""
    texts = [document.text for document in read_documents(TEXTS)]
    plan = WordEmbedder("minilm", engine="torch").plan(texts)
    characters = sum(map(len, texts))
    print(f"characters a subword {characters / len(plan.subword_ids):.2f}")
    print(f"characters a word    {characters / len(plan.status_codes):.2f}")


def row_bytes() -> None:
    """Print the bytes of a row beside its vectors, in a file with the columns that every file has."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "vectors.parquet"
        embed_documents(WordEmbedder("minilm", layers=0), read_documents(TEXTS[:1]), open_writer(path))
        file = pq.ParquetFile(path).metadata
        groups = [file.row_group(group) for group in range(file.num_row_groups)]
        chunks = [group.column(column) for group in groups for column in range(group.num_columns)]
        size = sum(chunk.total_compressed_size for chunk in chunks if not chunk.path_in_schema.startswith("vector"))
        print(f"bytes of a row       {size / file.num_rows:.1f}")


def operations_of_a_graph() -> None:
    """Print after how many operations of PyTorch the OpenVINO engine has paid for its making, in CPU seconds."""
    texts = [document.text for document in read_documents(TEXTS[:1])]
    os.environ["WORDSTATES_CACHE"] = "off"  # or nothing would be made
    embedder = WordEmbedder("minilm")
    plain = embedder.session(0)
    seconds = [_cpu_seconds(lambda: plain.encode(texts))]
    began = time.process_time()
    fast = embedder.session()
    making = time.process_time() - began
    seconds.append(_cpu_seconds(lambda: fast.encode(texts)))
    weights = embedder._model.engines.n_weights
    operations = 2.0 * weights * len(embedder.plan(texts).subword_ids)
    saved = seconds[0] - seconds[1]
    paid = f"{making / saved * operations:.0e}" if saved > 0 else "never"
    print(
        f"operations of a graph {paid} (making it {making:.1f} s, reading {seconds[0]:.1f} s, then {seconds[1]:.1f} s)"
    )


def _cpu_seconds(act: Callable[[], object]) -> float:
    began = time.process_time()
    act()
    return time.process_time() - began


if __name__ == "__main__":
    lengths()
    row_bytes()
    operations_of_a_graph()
