"""A word with more usages than the page is given one by one: how densely they lie, and those in sight."""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np
import pytest
from starlette.testclient import TestClient

from usage_files import write_file
from wordstates.errors import InputError
from wordstates.explore import crowd, explorer
from wordstates.explore.app import make_app
from wordstates.explore.crowd import Crowd, Wanted, gather
from wordstates.explore.explorer import Explorer
from wordstates.usages.build import build_index
from wordstates.usages.index import UsageIndex

ALL = (-1.0, -1.0, 1.0, 1.0)
NUL = "1900\0"


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> UsageIndex:
    """Index 400 usages in two clusters, of which 50 are as many as are read in every layer."""
    monkeypatch.setattr(explorer, "MOST_USAGES", 50)
    monkeypatch.setattr(crowd, "MOST_USAGES", 50)
    monkeypatch.setattr(crowd, "_ROWS", 150)
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(400, 6)) + np.repeat(np.eye(2, 6) * 9, 200, axis=0)
    years = ["1900", NUL, "1950", "1900"] * 100
    path = write_file(
        tmp_path / "u.parquet", vectors.tolist(), left=["river "] * 200 + ["money "] * 200, right=[""] * 400, year=years
    )
    build_index(path)
    return UsageIndex(path)


@pytest.fixture
def many(index: UsageIndex, monkeypatch: pytest.MonkeyPatch) -> Crowd:
    monkeypatch.setattr(crowd, "MOST_POINTS", 300)
    monkeypatch.setattr(crowd, "MOST_IN_SIGHT", 250)
    return gather(index, "bank")


def numbers(text: str, dtype: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), dtype)


def test_each_usage_is_in_the_sense_of_its_kind(many: Crowd) -> None:
    assert [sense.size for sense in many.senses.senses] == [200, 200]
    assert len(set(many.labels[:200].tolist())) == len(set(many.labels[200:].tolist())) == 1
    assert np.abs(many.points).max() == 1


def test_a_word_is_given_whole_up_to_a_limit(index: UsageIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    explore = Explorer(index, model=False)
    whole = explore.word("bank", all_usages=True)
    assert (whole["mode"], len(whole["usages"]), whole["total"]) == ("all", 400, 400)
    assert [(group["group"], group["total"]) for group in whole["change"][0]["groups"]] == [
        ("1900", 200),
        (NUL, 100),
        ("1950", 100),
    ]
    sample = explore.word("bank")
    assert (sample["mode"], len(sample["usages"]), sample["total"]) == ("layers", 50, 400)
    monkeypatch.setattr(crowd, "MOST_POINTS", 399)
    dense = explore.word("bank", all_usages=True)
    assert (dense["mode"], len(dense["usages"]), dense["total"]) == ("density", 50, 400)
    assert dense["change"] == whole["change"]  # of all usages, not of the sample
    assert [usage["number"] for usage in dense["usages"]] == [usage["number"] for usage in sample["usages"]]
    assert numbers(dense["places"], "<i4").tolist() == [usage["number"] for usage in dense["usages"]]


def test_every_usage_is_in_one_cell(many: Crowd) -> None:
    seen = many.seen(ALL, (7, 5), "year")
    assert seen["values"] == [["1900", 200], [NUL, 100], ["1950", 100]]
    grid = numbers(seen["counts"], "<u4").reshape(3, 5, 7)
    assert grid.sum(axis=(1, 2)).tolist() == [200, 100, 100]
    x, y = many.points.astype(np.float64).T
    expected, _, _ = np.histogram2d(-y, x, bins=(5, 7), range=((-1, 1), (-1, 1)))
    np.testing.assert_array_equal(grid.sum(axis=0), expected)


def test_usages_are_counted_by_value_and_by_sense(many: Crowd) -> None:
    assert many.seen(ALL, (4, 4), wanted=Wanted(sense=0))["count"] == 200
    assert many.seen(ALL, (4, 4), wanted=Wanted("year", NUL))["count"] == 100
    assert many.seen(ALL, (4, 4), wanted=Wanted("year", "1950", 1))["count"] == 50
    assert many.seen(ALL, (4, 4), wanted=Wanted("year", "1999"))["count"] == 0


def test_those_in_sight_are_given_where_they_are_few(many: Crowd) -> None:
    left, right = many.points[:200, 0], many.points[200:, 0]
    middle = float(left.mean() + right.mean()) / 2
    box = (-1.0, -1.0, middle, 1.0) if left.mean() < right.mean() else (middle, -1.0, 1.0, 1.0)
    part = many.seen(box, (4, 4))["part"]
    assert [usage["number"] for usage in part["usages"]] == list(range(200))
    points = numbers(part["points"], "<f4").reshape(200, 2)
    np.testing.assert_array_equal(points, many.points[:200])
    assert many.seen((2.0, 2.0, 3.0, 3.0), (4, 4))["part"]["usages"] == []


def test_a_usage_is_compared_with_all(many: Crowd, index: UsageIndex) -> None:
    like = many.like(7)
    vectors = index.vectors(np.arange(400))
    np.testing.assert_allclose(numbers(like["cosines"], "<f4"), vectors @ vectors[7], atol=1e-6)
    assert like["nearest"] == [hit.usage.number for hit in index.near(7, k=10)]


def test_many_identical_usages_have_a_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crowd, "MOST_USAGES", 50)
    path = write_file(tmp_path / "u.parquet", [[1.0, 0.0]] * 1_000)
    build_index(path)
    same = gather(UsageIndex(path), "bank")
    assert not same.points.any()
    assert [sense.size for sense in same.senses.senses] == [1_000]
    assert len(same.like(0)["nearest"]) == 10


def test_the_server_answers_for_parts(index: UsageIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crowd, "MOST_POINTS", 300)
    monkeypatch.setattr(crowd, "MOST_IN_SIGHT", 250)
    with TestClient(make_app(Explorer(index, model=False)), base_url="http://127.0.0.1:8765") as client:
        part = "word=bank&left=-1&bottom=-1&right=1&top=1&columns=4"
        assert client.get("/api/word?word=bank&all=1").json()["mode"] == "density"
        assert client.get(f"/api/seen?{part}&rows=3&sense=0").json()["count"] == 200
        assert len(client.get("/api/like?word=bank&usage=3").json()["nearest"]) == 10
        for asked, told in {
            f"seen?{part}&rows=401": "rows and columns of 1 to 400, not 4 x 401",
            f"seen?{part}&rows=x": "needs 'rows', a whole number",
            f"seen?{part}&rows=3&left=nan": "needs 'left'",
            f"seen?{part}&rows=3&colour=colour": "no column 'colour': choose sense, year",
            f"seen?{part.replace('right=1', 'right=-2')}&rows=3": "a left below its right",
            "like?word=bank&usage=400": "400 usages, numbered from 0: there is no 400",
        }.items():
            answer = client.get(f"/api/{asked}")
            assert answer.status_code == 400
            assert told in answer.json()["error"] or "nan" in asked


def test_few_usages_are_in_the_page_already(index: UsageIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explorer, "MOST_USAGES", 400)
    with pytest.raises(InputError, match="'bank' has few usages: all that is known of them is in the page already"):
        Explorer(index, model=False).like("bank", 0)


def test_names_of_senses_come_with_a_word(index: UsageIndex) -> None:
    """A page that was opened before, or that begins with another word, had none."""
    Explorer(index, model=False).label("bank", 1, "money")
    for all_usages in (True, False):
        assert Explorer(index, model=False).word("bank", all_usages=all_usages)["labels"] == {"1": "money"}
