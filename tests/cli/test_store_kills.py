"""Killed at any instant, a run into a store loses nothing and does nothing twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from patience import A_HANG

KILLER = Path(__file__).resolve().parents[1] / "store_killer.py"


@pytest.mark.long
def test_a_run_killed_at_any_moment_ends_with_the_rows_of_one_never_killed(bert: Path, tmp_path: Path) -> None:
    """SIGKILL at 32 random moments, and at each call that makes a file last or gives it its name."""
    done = subprocess.run(
        [sys.executable, str(KILLER), str(bert), str(tmp_path), "32"],
        capture_output=True,
        text=True,
        check=False,
        timeout=A_HANG,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == 0, done.stderr
    outcome = json.loads(done.stdout)
    assert outcome["at_random"] >= 32
    assert outcome["at_a_step"] >= 10  # of which about eight belong to the write of one shard
    assert outcome["inside_a_write"] > 0
    assert outcome["differences"] == []  # every shard is the same to the byte
    assert outcome["problems"] == []
    assert outcome["shards"] > 10
    assert outcome["computed"] > outcome["shards"]  # the unfinished ones were done again
    assert outcome["computed_again"] == 0  # and no finished one was
