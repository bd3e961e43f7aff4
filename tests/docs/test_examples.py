"""Every example runs offline, quickly, and prints what it promises."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
PROMISES = {
    "senses_of_a_word.py": "sense 2",
    "classifier_features.py": "right",
    "many_recipes.py": "one pass",
}


def test_every_example_is_run() -> None:
    """`demo.py` is the command `make demo`, which continuous integration runs."""
    assert {path.name for path in EXAMPLES.glob("*.py")} - {"demo.py"} == set(PROMISES)


@pytest.mark.parametrize("name", PROMISES)
def test_the_example_runs(name: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", str(EXAMPLES / name)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=tmp_path,
        env={**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert PROMISES[name] in done.stdout
    assert not list(tmp_path.iterdir()), "an example leaves nothing behind"


@pytest.mark.parametrize("name", PROMISES)
def test_the_example_is_short(name: str) -> None:
    assert len((EXAMPLES / name).read_text(encoding="utf-8").splitlines()) <= 40
