"""Pages of what was measured are made of the raw results, and of nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from benchmarks.quality.render import render as render_quality
from benchmarks.speed.render import render as render_speed
from benchmarks.usages.render import render as render_usages

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


def test_the_page_of_searches_says_what_was_measured() -> None:
    search = {"ms": 1.234, "ms_90": 2.0, "recall": 0.995, "build_s": 3.0, "probes": 8, "partitions": 316}
    cell = {
        "usages": 100_004,
        "searches": {"wordstates": {"ms": 5.0, "ms_90": 6.0, "recall": 1.0}, "wordstates --approximate": search},
        **{"bandwidth_share": 0.9, "bytes_per_s": 2e10, "open_ms": 13.0, "memory": 3e7, "once_per_text_ms": 5.5},
        "words": {"time": {"usages": 132, "kwic_ms": 20.0, "map_ms": 700.0}},
    }
    machine = {"cpu": "X", "cores": 2, "instructions": ["avx2"], "versions": {"numpy": "2"}}
    zoom = {"frame_ms": 16.7, "frame_ms_95": 17.0, "draw_ms": 8.04, "draw_ms_95": 9.0}
    frames = {"browser": "156", "sizes": {"100000": {"zoom": zoom}}}
    page = render_usages({"machine": machine, "sizes": {"100000": cell}, "frames": frames})
    assert "| 100,000 | zoom | 16.7 | 17.0 | 8.0 | 9.0 |\n" in page
    assert "| 100,004 | wordstates --approximate (8 of 316 parts) | 1.23 | 2.00 | 0.995 | 3.0 |\n" in page
    assert "| 100,004 | 90% | 20.0 | 13 | 30 | 5.5 |\n" in page
    assert "| 100,004 | time | 132 | 20 | 700 |\n" in page
