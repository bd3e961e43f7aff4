"""What killed runs leave of a file is removed by the next run that writes the same file, and by no other."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from wordstates.files import atomic
from wordstates.files.atomic import PartialFile, remove_leftovers


@pytest.fixture(scope="module")
def dead() -> int:
    """Give the id of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def left(folder: Path, name: str) -> Path:
    (folder / name).write_bytes(b"half")
    return folder / name


def test_what_a_killed_run_left_is_removed(tmp_path: Path, dead: int) -> None:
    left(tmp_path, f".a[1].npz.{atomic._HOST}-{dead}.partial")
    left(tmp_path, f".a[1].npz.{dead}.partial")  # as they were called before
    PartialFile(tmp_path / "a[1].npz", overwrite=False)
    assert list(tmp_path.iterdir()) == []


def test_what_may_still_be_written_stays(tmp_path: Path, dead: int) -> None:
    mine = left(tmp_path, f".a.npz.{atomic._HOST}-{os.getppid()}.partial")
    elsewhere = left(tmp_path, f".a.npz.another_host-{dead}.partial")
    names = [f".b.npz.{dead}.partial", ".a.npz.x.partial", f".a.npz.b.{dead}.partial"]
    others = [left(tmp_path, name) for name in names]
    remove_leftovers(tmp_path / "a.npz")
    assert sorted(tmp_path.iterdir()) == sorted([mine, elsewhere, *others])
    os.utime(elsewhere, (0, 0))  # nobody writes for so long
    remove_leftovers(tmp_path / "a.npz")
    assert sorted(tmp_path.iterdir()) == sorted([mine, *others])


def test_a_store_removes_its_own(tmp_path: Path, dead: int) -> None:
    kept = left(tmp_path, f".a.npz.{dead}.partial")
    PartialFile(tmp_path / "a.npz", overwrite=False, sweeps=False)
    assert list(tmp_path.iterdir()) == [kept]
