"""Measures the constants that estimates are made with; each names this script where it stands.

Run it from the repository: ``python scripts/measure_constants.py``. It reads the texts of ``examples/data`` with the
model of the extra ``minilm``, and prints

- characters a subword and a word (`encode/prepare.py`, `runs/groups.py`),
- bytes of a row of a Parquet file beside its vectors (`runs/embed.py`),
- the floating-point operations after which making an OpenVINO graph has paid (`model/engines.py`).
"""

from __future__ import annotations

import tempfile
import time
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
    """Print the operations that PyTorch does in the time that choosing OpenVINO takes, less what OpenVINO does then."""
    texts = [document.text for document in read_documents(TEXTS[:1])]
    embedder = WordEmbedder("minilm")
    seconds = {}
    for name, session in {"torch": embedder.session(0), "openvino": None}.items():
        began = time.perf_counter()
        session = session or embedder.session()
        made = time.perf_counter() - began
        began = time.perf_counter()
        session.encode(texts)
        seconds[name] = (made, time.perf_counter() - began)
    weights = embedder._model.engines._weights
    operations = 2.0 * weights * len(embedder.plan(texts).subword_ids)
    making, (_, torch), (_, openvino) = seconds["openvino"][0], seconds["torch"], seconds["openvino"]
    print(f"operations of a graph {making * operations / max(torch - openvino, 1e-9):.1g}")


if __name__ == "__main__":
    lengths()
    row_bytes()
    operations_of_a_graph()
