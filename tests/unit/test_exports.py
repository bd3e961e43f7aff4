"""Usages for other viewers: what is written is read back as they read it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from cli_runner import run
from usage_files import write_file
from wordstates.errors import InputError, MissingExtraError, OutputError
from wordstates.options import Viewer
from wordstates.usages import exports
from wordstates.usages.build import build_index
from wordstates.usages.exports import export_usages
from wordstates.usages.index import UsageIndex


@pytest.fixture
def index(tmp_path: Path) -> UsageIndex:
    vectors = [[3.0, 4.0], [0.0, 2.0], None, [1.0, 0.0]]
    words = ["bank", "a\tb\nc", "x", 'say "hi"']
    path = write_file(tmp_path / "u.parquet", vectors, words, year=["1900", "1950", "", "2000"])
    build_index(path)
    return UsageIndex(path)


def test_the_projector_gets_a_line_a_usage_whatever_the_texts_hold(index: UsageIndex, tmp_path: Path) -> None:
    assert export_usages(index, tmp_path / "p", "tensorboard") == 3
    np.testing.assert_allclose(np.loadtxt(tmp_path / "p" / "vectors.tsv"), [[0.6, 0.8], [0, 1], [1, 0]], atol=1e-6)
    lines = (tmp_path / "p" / "metadata.tsv").read_text().split("\n")
    assert [line.split("\t")[0] for line in lines] == ["word", "bank", "a b c", 'say "hi"', ""]
    assert lines[0].split("\t") == ["word", "text", "document", "start", "end", "status", "year"]
    assert {line.count("\t") for line in lines[:-1]} == {6}
    config = (tmp_path / "p" / "projector_config.pbtxt").read_text()
    assert all((tmp_path / "p" / name).is_file() for name in re.findall(r'_path: "(.+)"', config))


def test_embedding_atlas_gets_text_points_and_vectors(index: UsageIndex, tmp_path: Path) -> None:
    assert export_usages(index, tmp_path / "a.parquet", "embedding-atlas", conditions=["year<2000"]) == 2
    table = pq.read_table(tmp_path / "a.parquet")
    assert table.column("year").to_pylist() == ["1900", "1950"]
    assert table.column("text").to_pylist()[0] == "[bank]"
    np.testing.assert_allclose(table.column("vector").to_pylist(), [[0.6, 0.8], [0, 1]], atol=1e-6)
    assert table.column("x").to_pylist()[0] == -table.column("x").to_pylist()[1] != 0


@pytest.mark.long
def test_anndata_reads_what_is_written(index: UsageIndex, tmp_path: Path) -> None:
    """In a process of its own: AnnData changes what other libraries warn of."""
    pytest.importorskip("anndata")
    export_usages_in = (
        "import sys, json, anndata; from wordstates.usages.exports import export_usages;"
        "from wordstates.usages.index import UsageIndex;"
        "export_usages(UsageIndex(sys.argv[1]), sys.argv[2], 'anndata', word='bank');"
        "read = anndata.read_h5ad(sys.argv[2]);"
        "assert json.loads(read.uns['wordstates'])['model'] == 'm';"
        "export_usages(UsageIndex(sys.argv[1]), sys.argv[2], 'anndata', overwrite=True);"  # with words that come twice
        "print(json.dumps([read.X.tolist(), list(read.obs.columns), read.obs['sense'].tolist()]))"
    )
    command = [sys.executable, "-c", export_usages_in, str(index.path), str(tmp_path / "u.h5ad")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    vectors, columns, senses = json.loads(done.stdout)
    np.testing.assert_allclose(vectors, [[0.6, 0.8]], atol=1e-6)
    assert (columns[-2:], senses) == (["year", "sense"], [1])


@pytest.mark.parametrize(
    ("viewer", "name", "format"),
    [
        ("tensorboard", "p", "folder for TensorBoard's projector"),
        ("embedding-atlas", "a.parquet", "parquet"),
        ("anndata", "a.h5ad", "AnnData"),
    ],
)
def test_info_knows_what_was_exported(
    index: UsageIndex, tmp_path: Path, viewer: Viewer, name: str, format: str
) -> None:
    if viewer == "anndata":  # which changes what other libraries warn of
        h5py = pytest.importorskip("h5py")
        with h5py.File(tmp_path / name, "w") as file:
            file["X"] = index.vectors([0, 1, 2])
            file["uns/wordstates"] = json.dumps(index.manifest.provenance)
    else:
        export_usages(index, tmp_path / name, viewer)
    found = json.loads(run("info", name, "--json", cwd=tmp_path).out)
    assert (found["format"], found["rows"], [*found["vectors"].values()]) == (format, 3, [[2]])
    assert found["provenance"]["model"] == "m"


def test_a_folder_that_could_not_be_filled_does_not_stay(
    index: UsageIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, text: str) -> None:
        raise OutputError(f"Disk full while writing {path}")

    monkeypatch.setattr(exports, "write_text_whole", full)
    with pytest.raises(OutputError, match="Disk full"):
        export_usages(index, tmp_path / "p", "tensorboard")
    assert not (tmp_path / "p").exists()


def test_what_cannot_be_written_is_refused(index: UsageIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OutputError, match=r"embedding-atlas reads \.parquet files"):
        export_usages(index, tmp_path / "a.csv", "embedding-atlas")
    with pytest.raises(InputError, match=r"No usage of 'shore' in .* there is nothing to export"):
        export_usages(index, tmp_path / "a.parquet", "embedding-atlas", word="shore")
    export_usages(index, tmp_path / "a.parquet", "embedding-atlas")
    export_usages(index, tmp_path / "p", "tensorboard")
    written: list[tuple[str, Viewer]] = [("a.parquet", "embedding-atlas"), ("p", "tensorboard")]
    for name, viewer in written:
        with pytest.raises(OutputError, match="exists"):
            export_usages(index, tmp_path / name, viewer)
        export_usages(index, tmp_path / name, viewer, overwrite=True)
    monkeypatch.setitem(sys.modules, "anndata", None)
    with pytest.raises(MissingExtraError, match=r"wordstates\[anndata\]"):
        export_usages(index, tmp_path / "a.h5ad", "anndata")
    assert not list(tmp_path.glob(".*partial"))


def test_the_command_says_how_to_open_it(index: UsageIndex, tmp_path: Path) -> None:
    done = run("export", str(index.path), "--to", "tensorboard", "--where", "year=1900", "-o", "p", cwd=tmp_path)
    assert (done.code, done.out) == (0, "")
    assert done.err.startswith("wrote p: 1 usage\nopen it: tensorboard --logdir p")
    done = run("export", str(index.path), "--word", "bank", "-o", "p.npz", cwd=tmp_path)
    assert (done.code, "name it with --to" in " ".join(done.err.split())) == (2, True)
