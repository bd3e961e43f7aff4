"""A few damaged files of every kind; `make fuzz` tries a hundred thousand."""

from __future__ import annotations

from pathlib import Path

import pytest

import fuzz
from patience import A_HANG


def test_damaged_files_are_read_or_refused_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzz, "SECONDS", int(A_HANG))
    findings = fuzz.fuzz(tmp_path, inputs=600, seed=1)
    assert not [(name, what) for name, what, _ in findings.wrong]
    assert sum(findings.tried.values()) == 600
    assert sum(findings.refused.values()) > 200
