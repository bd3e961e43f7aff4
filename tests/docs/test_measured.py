"""Pages of what was measured are made of the raw results, and of nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from benchmarks.quality.render import render as render_quality
from benchmarks.speed.render import render as render_speed

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "results"


def test_the_page_of_sweeps_is_made_of_its_results() -> None:
    found = json.loads((RESULTS / "quality.json").read_text(encoding="utf-8"))
    assert render_quality(found) == (ROOT / "docs" / "quality.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(("results", "page"), [("speed", "benchmark"), ("speed-avx2", "benchmark-avx2")])
def test_the_page_of_the_race_is_made_of_its_results(tmp_path: Path, results: str, page: str) -> None:
    table, plot = render_speed(RESULTS / f"{results}.json", tmp_path, page)
    assert table.read_text(encoding="utf-8") == (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    assert plot.stat().st_size > 10_000
