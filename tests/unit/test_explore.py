"""The page: its pictures, its data, its names of senses, and the server behind it; all without a model."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from cli_runner import run
from usage_files import write_file
from wordstates.errors import InputError
from wordstates.explore.app import make_app
from wordstates.explore.explorer import Explorer
from wordstates.explore.notebook import explore_words
from wordstates.explore.page import as_script_data
from wordstates.explore.picture import nearest_neighbours, picture_layers
from wordstates.usages.build import build_index
from wordstates.usages.index import UsageIndex
from wordstates.usages.senses import senses_of

HOSTILE = "</script><script>alert(1)</script>\u202e<img src=x onerror=alert(2)>\u2028"


@pytest.fixture
def index(tmp_path: Path) -> UsageIndex:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(40, 6)) + np.repeat(np.eye(2, 6) * 8, 20, axis=0)
    path = write_file(
        tmp_path / "u.parquet",
        vectors.tolist(),
        left=["the river "] * 20 + ["my money "] * 20,
        right=[HOSTILE] * 40,
        year=["1900"] * 20 + ["1950"] * 20,
    )
    build_index(path)
    return UsageIndex(path)


@pytest.fixture
def explorer(index: UsageIndex) -> Explorer:
    return Explorer(index, model=False)


@pytest.fixture
def client(explorer: Explorer) -> Iterator[TestClient]:
    with TestClient(make_app(explorer), base_url="http://127.0.0.1:8765") as made:
        yield made


# ---------------------------------------------------------------- pictures


def test_pictures_are_laid_on_each_other() -> None:
    """A layer that is another one turned and mirrored has the same picture."""
    rng = np.random.default_rng(0)
    one = rng.normal(size=(50, 8)) * [5, 3, 1, 1, 1, 1, 1, 1]
    turn, _ = np.linalg.qr(rng.normal(size=(8, 8)))
    pictures = picture_layers(np.stack([one @ turn, one], axis=1).astype(np.float32), [3, 4])
    np.testing.assert_allclose(pictures[0].points, pictures[1].points, atol=2e-3)
    assert np.abs(pictures[0].points).max() <= 1
    assert [each.layer for each in pictures] == [3, 4]
    assert pictures[0].kept == pytest.approx(pictures[1].kept, abs=1e-5)


def test_a_flat_layer_keeps_everything() -> None:
    rng = np.random.default_rng(0)
    flat = np.zeros((30, 1, 5), dtype=np.float32)
    flat[:, 0, :2] = rng.normal(size=(30, 2)) + 10  # far from the middle, so that cosines and distances agree
    (picture,) = picture_layers(flat, [0])
    assert picture.kept == pytest.approx(1)


def test_neighbours_are_those_of_all_dimensions() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(30, 9)).astype(np.float32)
    rows, scores = nearest_neighbours(vectors, 4)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    likeness = unit @ unit.T
    np.fill_diagonal(likeness, -2)
    assert rows.tolist() == np.argsort(-likeness, axis=1)[:, :4].tolist()
    np.testing.assert_allclose(scores, np.sort(likeness, axis=1)[:, ::-1][:, :4], atol=1e-5)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_usages_have_a_picture(count: int) -> None:
    (picture,) = picture_layers(np.eye(count, 4, dtype=np.float32)[:, None], [0])
    assert picture.points.shape == (count, 2)
    assert picture.neighbours.shape == (count, count - 1)


def test_a_picture_is_the_same_again() -> None:
    vectors = np.random.default_rng(0).normal(size=(60, 3, 16)).astype(np.float32)
    first, second = picture_layers(vectors, [0, 1, 2]), picture_layers(vectors.copy(), [0, 1, 2])
    assert [each.points.tobytes() for each in first] == [each.points.tobytes() for each in second]


@pytest.mark.parametrize("count", [4, 60])
def test_a_picture_of_t_sne_is_the_same_again_and_keeps_more_neighbours(count: int) -> None:
    rng = np.random.default_rng(0)
    vectors = (
        rng.normal(size=(count, 2, 12)).astype(np.float32) + np.repeat(np.eye(4, 12), count // 4, axis=0)[:, None] * 6
    )
    first, second = (picture_layers(vectors, [0, 1], 1, "tsne") for _ in range(2))
    assert [each.points.tobytes() for each in first] == [each.points.tobytes() for each in second]
    assert all((each.kept is None) == (count == 60) for each in first)  # few stay where they are
    assert all(np.abs(each.points).max() <= 1 for each in first)
    plain = picture_layers(vectors, [0, 1], 1)
    assert all(moved.neighbours_kept >= each.neighbours_kept for moved, each in zip(first, plain, strict=True))


def test_other_projections_are_refused(index: UsageIndex) -> None:
    with pytest.raises(InputError, match="projection='umap' does not exist: choose one of pca, tsne"):
        Explorer(index, model=False, projection="umap")  # type: ignore[arg-type]
    packed = Explorer(index, model=False, projection="tsne").word("bank")
    assert packed["layers"][0]["kept"] is None


# ---------------------------------------------------------------- data and pages


def data_of(html: str) -> dict[str, Any]:
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', html, flags=re.S)
    return json.loads(data)  # type: ignore[no-any-return]


def test_a_word_is_packed_for_the_page(explorer: Explorer) -> None:
    packed = explorer.word("BANK")
    assert len(packed["usages"]) == packed["total"] == 40
    assert {sense["size"] for sense in packed["senses"]} == {20}
    points = np.frombuffer(base64.b64decode(packed["points"]), "<f4")
    assert points.shape == (40 * 2 * len(packed["layers"]),)
    neighbours = np.frombuffer(base64.b64decode(packed["neighbours"]), "<i4").reshape(40, packed["k"])
    assert all(number not in row for number, row in enumerate(neighbours.tolist()))
    (by_year,) = packed["change"]
    assert [(group["group"], group["total"]) for group in by_year["groups"]] == [("1900", 20), ("1950", 20)]
    with pytest.raises(InputError, match="'shore' has no usage with a vector"):
        explorer.word("shore")


def test_hostile_texts_stay_data(explorer: Explorer) -> None:
    html = explorer.exported_page(["bank"])
    assert HOSTILE not in html
    assert "<img" not in html
    assert html.count("<script") == 2
    assert data_of(html)["pages"][0]["usages"][0]["right"] == HOSTILE
    assert as_script_data({"a": "<!--\u2029&"}) == r'{"a":"\u003c!--\u2029\u0026"}'


def test_an_exported_page_asks_for_nothing(explorer: Explorer) -> None:
    html = explorer.exported_page(["bank"])
    assert "default-src 'none'" in html
    assert "connect-src" not in html
    assert not re.search(r"""(?:src|href)\s*=\s*["']?(?:https?:)?//""", html)


def test_names_of_senses_come_back_when_senses_are_found_anew(explorer: Explorer, index: UsageIndex) -> None:
    explorer.label("bank", 1, " money ")
    again = Explorer(index, model=False)
    assert again.names(again.view("bank")) == {"1": "money"}
    assert data_of(again.exported_page(["bank"]))["labels"] == {"bank": {"1": "money"}}
    again.label("bank", 1, "")
    assert Explorer(index, model=False).names(again.view("bank")) == {}
    with pytest.raises(InputError, match="has no sense 10"):
        again.label("bank", 9, "x")


def test_a_broken_file_of_names_says_so(explorer: Explorer, index: UsageIndex) -> None:
    explorer.labels.path.write_text('{"bank": 3}')
    with pytest.raises(InputError, match=r"labels\.json' holds no names of senses"):
        Explorer(index, model=False)


# ---------------------------------------------------------------- the server


def test_the_server_gives_the_page_and_its_words(client: TestClient) -> None:
    page = client.get("/")
    assert page.headers["content-type"].startswith("text/html")
    assert data_of(page.text)["words"] == [["bank", 40]]
    assert client.get("/api/word", params={"word": "bank"}).json()["word"] == "bank"
    export = client.get("/api/export", params={"word": "bank"})
    assert export.headers["content-disposition"] == "attachment; filename*=UTF-8''bank.html"
    assert data_of(export.text)["live"] is False


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"host": "127.0.0.1.evil.example:8765"},
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9999"},
    ],
)
def test_other_sites_are_refused(client: TestClient, headers: dict[str, str]) -> None:
    assert client.get("/api/word?word=bank", headers=headers).status_code == 403


def test_its_own_origin_is_answered(client: TestClient) -> None:
    body = {"word": "bank", "sense": 0, "name": "river"}
    assert client.post("/api/label", json=body, headers={"origin": "http://127.0.0.1:8765"}).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "sent", "status", "message"),
    [
        ("GET", "/api/word", {}, 400, "Say which word"),
        ("GET", "/api/word?word=nope", {}, 400, "'nope' has no usage"),
        ("GET", "/../../etc/passwd", {}, 404, None),
        ("GET", "/api/%2e%2e/%2e%2e/etc/passwd", {}, 404, None),
        ("GET", "/api/sentence", {}, 405, None),
        ("POST", "/api/sentence", {"content": "x"}, 415, "Send JSON"),
        ("POST", "/api/sentence", {"json": {"text": "A bank."}}, 400, "without a model"),
        ("POST", "/api/sentence", {"json": {"text": 3}}, 400, "needs 'text', a text"),
        ("POST", "/api/near", {"json": {"text": "a", "start": True, "end": 1}}, 400, "needs 'start', a whole number"),
        ("POST", "/api/label", {"json": []}, 400, "needs 'word'"),
        ("POST", "/api/label", {"json": {"word": "bank", "sense": 77, "name": ""}}, 400, "has no sense 78"),
        (
            "POST",
            "/api/sentence",
            {"content": b"[" * 100_000, "headers": {"content-type": "application/json"}},
            400,
            "is no JSON",
        ),
        (
            "POST",
            "/api/sentence",
            {"content": b'"' + b"x" * 200_000 + b'"', "headers": {"content-type": "application/json"}},
            413,
            "has at most 131,072 bytes",
        ),
    ],
)
def test_bad_requests_are_told(
    client: TestClient, method: str, path: str, sent: dict[str, Any], status: int, message: str | None
) -> None:
    answer = client.request(method, path, **sent)
    assert answer.status_code == status
    if message is not None:
        assert message in answer.json()["error"]


def test_info_says_what_an_index_its_names_and_a_page_are(explorer: Explorer, index: UsageIndex) -> None:
    explorer.label("bank", 1, "money")
    page = index.path.parent / "bank.html"
    page.write_text(explorer.exported_page(["bank"]), encoding="utf-8")

    def told(path: Path) -> dict[str, Any]:
        return dict(json.loads(run("info", path, "--json").out))

    about = told(index.path)
    assert (about["format"], about["usages"]) == ("index of usages", len(index))
    assert Path(about["source"]) == (index.path / index.manifest.source).resolve()
    assert about["provenance"] == index.manifest.provenance
    names = told(index.path / "labels.json")
    assert (names["format"], names["names"]) == ("names of senses", {"bank": ["money"]})
    shown = told(page)
    assert shown["format"] == "page of usages, to be opened in a browser"
    assert shown["usages"] == {"bank": explorer.view("bank").total}
    assert shown["from"] == data_of(page.read_text(encoding="utf-8"))["note"]
    assert "belongs to the index" in run("info", index.path / "index.json").err


@pytest.mark.parametrize("host", ["0.0.0.0", "::", ""])
def test_a_page_answers_to_a_name(explorer: Explorer, host: str) -> None:
    with pytest.raises(InputError, match="is every address: name the one"):
        make_app(explorer, host=host)


# ---------------------------------------------------------------- notebooks


def test_a_notebook_keeps_the_page(index: UsageIndex) -> None:
    """Everything is in the cell's output, so that it survives being saved; nothing in it is markup but the frame."""
    shown = explore_words(index, "bank")
    saved = json.loads(json.dumps({"text/html": shown._repr_html_()}))["text/html"]
    assert saved.count("<") == 2
    frame = re.fullmatch(r'<iframe srcdoc="([^"]*)" sandbox="allow-scripts allow-downloads" [^<>]*></iframe>', saved)
    assert frame is not None
    assert html.unescape(frame[1]) == shown.html == Explorer(index, model=False).exported_page(["bank"])
    assert repr(shown).startswith("NotebookPage(bank: ")


def test_senses_show_themselves_as_text(index: UsageIndex) -> None:
    shown = senses_of(index, "bank")[0]._repr_html_()
    assert "<b>bank</b> 40 usages, 2 senses" in shown
    assert HOSTILE.split(">")[0] not in shown
    assert "river" in shown


def test_senses_are_named_on_the_command_line(index: UsageIndex) -> None:
    """A name holds for the word in any case, and for the page."""
    named = run("senses", "Bank", index.path, "--name", "2=money", "--context", "9")
    assert '"money"' in named.out
    assert Explorer(index, model=False).word("bank")["labels"] == {"1": "money"}
    assert '"money"' not in run("senses", "bank", index.path, "--name", "2=").out
    assert "'bank' has no sense 9: it has 2 senses" in run("senses", "bank", index.path, "--name", "9=x").err
    assert "write the number of a sense and its name" in run("senses", "bank", index.path, "--name", "money").err
