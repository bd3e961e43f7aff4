"""`/v1/near`: the search of an index over HTTP gives what `UsageIndex.near` gives."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from families import build
from wordstates import WordEmbedder
from wordstates.errors import InputError
from wordstates.serve.app import make_app
from wordstates.usages.build import build_index
from wordstates.usages.hits import hit_as_dict
from wordstates.usages.index import UsageIndex

TEXTS = ["The river runs past the old mill.", "The bank would lend.", "A bank of the river.", "Old mills run."]
LOCAL = "http://127.0.0.1:8000"


@pytest.fixture(scope="module")
def embedder() -> WordEmbedder:
    return WordEmbedder(*build("bert"), engine="torch", layers=2)


@pytest.fixture(scope="module")
def index(embedder: WordEmbedder, tmp_path_factory: pytest.TempPathFactory) -> UsageIndex:
    path: Path = tmp_path_factory.mktemp("near") / "usages.parquet"
    embedder.encode(TEXTS).save(path)
    build_index(path)
    return UsageIndex(path)


@pytest.fixture(scope="module")
def client(embedder: WordEmbedder, index: UsageIndex) -> Iterator[TestClient]:
    other = WordEmbedder(*build("gpt2"), engine="torch")
    app, _ = make_app({"other": other, "tiny": embedder}, indexes={"usages": index})
    with TestClient(app, base_url=LOCAL) as client:
        yield client


@pytest.mark.parametrize(
    ("body", "options"),
    [
        ({"text": "the [bank] of the river"}, {}),
        ({"text": "the [bank] of the river", "count": 3, "word": "BANK"}, {"k": 3, "word": "BANK"}),
        ({"usage": 2, "once_per_text": True}, {"once_per_text": True}),
        ({"text": "an [old] mill", "where": ["word!=old"]}, {"conditions": ["word!=old"]}),
    ],
)
def test_hits_are_those_of_the_index(
    client: TestClient, index: UsageIndex, embedder: WordEmbedder, body: dict[str, Any], options: dict[str, Any]
) -> None:
    answer = client.post("/v1/near", json=body)
    assert answer.status_code == 200, answer.text
    wanted = [hit_as_dict(hit, 40) for hit in index.near(body.get("text", body.get("usage")), embedder, **options)]
    got = answer.json()["hits"]
    assert [hit["number"] for hit in got] == [hit["number"] for hit in wanted]
    for hit, same in zip(got, wanted, strict=True):
        assert hit == {**same, "score": pytest.approx(same["score"], abs=1e-5)}


@pytest.mark.parametrize(
    ("body", "status", "item"),
    [
        ({}, 422, "text"),
        ({"text": "no mark"}, 422, "text"),
        ({"text": "a [bank]", "usage": 1}, 422, "text"),
        ({"usage": 10_000}, 422, "usage"),
        ({"text": "a [bank]", "count": 0}, 422, "count"),
        ({"text": "a [bank]", "where": ["what"]}, 422, "where"),
        ({"text": "a [bank]", "where": ["nothing=1"]}, 422, "where"),
        ({"text": "a [bank]", "index": "other"}, 404, "index"),
        ({"text": "[\u200b] bank"}, 422, "text"),
    ],
)
def test_what_is_wrong_is_named(client: TestClient, body: Any, status: int, item: str) -> None:
    answer = client.post("/v1/near", json=body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (status, item), answer.text


def test_a_server_without_an_index_says_so(embedder: WordEmbedder) -> None:
    app, _ = make_app({"tiny": embedder})
    with TestClient(app, base_url=LOCAL) as client:
        answer = client.post("/v1/near", json={"text": "a [bank]"})
        assert (answer.status_code, "--index STORE" in answer.text) == (404, True)


def test_an_index_of_other_vectors_is_refused(index: UsageIndex) -> None:
    other = WordEmbedder(*build("gpt2"), engine="torch")
    with pytest.raises(InputError, match=r"Index 'mine' holds other vectors .*other: weights: "):
        make_app({"other": other}, indexes={"mine": index})
