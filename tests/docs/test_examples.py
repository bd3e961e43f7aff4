"""Every example runs offline, quickly, and prints what it promises."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from patience import A_HANG

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
PROMISES = {
    "senses_of_a_word.py": "sense 2",
    "classifier_features.py": "right",
    "many_recipes.py": "one pass",
}


def test_every_example_is_run() -> None:
    """`demo.py` is the command `make demo`, which continuous integration runs."""
    assert {path.name for path in EXAMPLES.glob("*.py")} - {"demo.py"} == set(PROMISES)


@pytest.mark.long
@pytest.mark.parametrize("name", PROMISES)
def test_the_example_runs(name: str, tmp_path: Path) -> None:
    done = run(name, tmp_path)
    assert done.returncode == 0, done.stderr
    assert PROMISES[name] in done.stdout
    assert not list(tmp_path.iterdir()), "an example leaves nothing behind"


def test_senses_of_a_word_in_a_text_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("The river bank. " * 3 + "The bank lends. " * 2 + "End.")
    done = run("senses_of_a_word.py", tmp_path, "bank", "mine.txt")
    assert done.stdout.startswith("5 usages of 'bank' in 6 sentences"), done.stderr


def run(name: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", str(EXAMPLES / name), *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=A_HANG,
        cwd=folder,
        env={**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"},
    )


@pytest.mark.parametrize("name", PROMISES)
def test_the_example_is_short(name: str) -> None:
    assert len((EXAMPLES / name).read_text(encoding="utf-8").splitlines()) <= 40
