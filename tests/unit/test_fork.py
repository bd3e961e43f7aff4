"""Embedders in child processes: they work, or say what to do instead; they never hang."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from families import save
from patience import A_HANG

SPAWN = "start processes with 'spawn', as multiprocessing.get_context('spawn') does, and load the model in each"


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Give what `fork_trial.py` found out: a model that is large enough for PyTorch to use threads, and a small one."""
    small = tmp_path_factory.mktemp("small")
    save("bert", small)
    folder = Path(__file__).parents[1]
    done = subprocess.run(
        [sys.executable, str(folder / "fork_trial.py"), "minilm", str(small)],
        capture_output=True,
        text=True,
        check=False,
        timeout=A_HANG,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), *sys.path])},
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@pytest.mark.long
@pytest.mark.parametrize("case", ["forked", "loaded in the child", "from a pickle, forked", "its copy"])
def test_it_works(found: dict[str, Any], case: str) -> None:
    assert found[case] == {"sum": pytest.approx(found["here"]["sum"], rel=1e-5), "engine": "torch"}


def test_pytorch_reads_where_openvino_cannot(found: dict[str, Any]) -> None:
    assert found["auto, here"]["engine"] == "openvino"
    assert found["auto, forked"]["engine"] != "openvino"
    assert found["auto, forked"]["sum"] == pytest.approx(found["auto, here"]["sum"], rel=1e-5)


@pytest.mark.parametrize(("case", "same_as"), [("pool, forked", "here"), ("pool, spawned", "openvino, here")])
def test_it_is_sent_to_a_pool(found: dict[str, Any], case: str, same_as: str) -> None:
    assert found[case] == pytest.approx([found[same_as]["sum"]] * len(found[case]), rel=1e-5)


def test_datasets_map_it_in_several_processes(found: dict[str, Any]) -> None:
    assert found["datasets.map"] == [11] * 4


@pytest.mark.parametrize(
    ("case", "says"),
    [
        (
            "while another thread computes",
            "This process was forked while another thread was reading with the same model",
        ),
        ("asked for what another process computes", "These embeddings are computed in the process that this one was"),
        ("openvino, forked", "OpenVINO was started before this process was forked, and its threads are not here"),
        ("openvino, loaded in the child", "OpenVINO was started before this process was forked"),
    ],
)
def test_it_says_what_to_do(found: dict[str, Any], case: str, says: str) -> None:
    assert found[case].startswith("ModelError: "), found[case]
    assert says in found[case]
    assert SPAWN in found[case]
