"""The server: what it answers, in this process, with a tiny model."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from starlette.testclient import TestClient

from families import build
from wordstates import Recipe, WordEmbedder
from wordstates.serve.address import listen
from wordstates.serve.app import make_app
from wordstates.serve.exchange import Service
from wordstates.serve.limits import Limits

TEXTS = ["The river runs past the old mill.", "Äpfel 👍🏽 fox, the bank wouldn't lend.", "A bank."]
RECIPES = [Recipe(-1, name="last"), Recipe("1:3", "concat", "first", name="low")]
ARROW = "application/vnd.apache.arrow.stream"


@pytest.fixture(scope="module")
def embedder() -> WordEmbedder:
    return WordEmbedder(*build("bert"), engine="torch")


@pytest.fixture(scope="module")
def served(embedder: WordEmbedder) -> Iterator[tuple[TestClient, Service]]:
    app, service = make_app({"tiny": embedder})
    with TestClient(app, base_url="http://127.0.0.1:8000") as client:
        yield client, service


@pytest.fixture(scope="module")
def client(served: tuple[TestClient, Service]) -> TestClient:
    return served[0]


def by_encode(embedder: WordEmbedder, recipes: list[Recipe], texts: Any = TEXTS, **more: Any) -> Any:
    return embedder.session().taking(recipes, at_once=False).begin(embedder.session().read(texts, **more)).result()


def asked(recipes: list[Recipe]) -> list[dict[str, str]]:
    return [recipe.to_dict() for recipe in recipes]


def close(got: Any, wanted: Any) -> None:
    np.testing.assert_allclose(np.asarray(got, dtype=np.float32), wanted, atol=1e-5)


# ---------------------------------------------------------------- words


@pytest.mark.parametrize("encoding", ["float", "base64"])
def test_words_have_the_vectors_of_encode(client: TestClient, embedder: WordEmbedder, encoding: str) -> None:
    body = {"texts": TEXTS, "recipes": asked(RECIPES), "encoding": encoding}
    answer = client.post("/v1/words", json=body)
    assert answer.status_code == 200, answer.text
    wanted = by_encode(embedder, RECIPES)
    words = [word for text in answer.json()["texts"] for word in text["words"]]
    assert [word["word"] for word in words] == wanted.words
    assert [word["status"] for word in words] == wanted.statuses
    assert [tuple(word["subwords"]) for word in words] == wanted.subwords
    assert [[word["start"], word["end"]] for word in words] == wanted.spans.tolist()
    for number, word in enumerate(words):
        for recipe in RECIPES:
            got, vector = word["vectors"][recipe.name], wanted.column(recipe.name)[number]
            if not wanted.has_vector[number]:
                assert got is None
                continue
            close(np.frombuffer(base64.b64decode(got), "<f4") if encoding == "base64" else got, vector)
    assert {recipe["name"]: recipe["shape"] for recipe in answer.json()["recipes"]} == {"last": [32], "low": [64]}


def test_arrow_has_the_columns_of_files(client: TestClient, embedder: WordEmbedder) -> None:
    body = {"texts": TEXTS, "recipes": asked(RECIPES)}
    answer = client.post("/v1/words", json=body, headers={"accept": ARROW})
    assert (answer.status_code, answer.headers["content-type"]) == (200, ARROW)
    table = pa.ipc.open_stream(answer.content).read_all()
    wanted = by_encode(embedder, RECIPES).to_arrow()
    assert table.column_names == [*wanted.column_names, "pieces", "subword_ids"]
    assert table.select(wanted.column_names[:7]).to_pylist() == wanted.select(wanted.column_names[:7]).to_pylist()
    for name in ("vector_last", "vector_low"):
        there = table[name].is_valid().combine_chunks()
        assert there.equals(wanted[name].is_valid().combine_chunks())
        close(table[name].filter(there).to_pylist(), wanted[name].filter(there).to_pylist())
    provenance = json.loads(table.schema.metadata[b"wordstates"])
    assert provenance == by_encode(embedder, RECIPES).provenance


@pytest.mark.parametrize("recipes", [RECIPES, [Recipe("0:", "none", "none", name="all")]], ids=["words", "subwords"])
def test_a_large_answer_is_streamed_batch_by_batch(embedder: WordEmbedder, recipes: list[Recipe]) -> None:
    app, service = make_app({"tiny": embedder}, limits=Limits(turn_subwords=32))
    texts = [f"{text} {number}" for number in range(6) for text in TEXTS]
    with TestClient(app, base_url="http://127.0.0.1:8000") as client:
        body = {"texts": texts, "recipes": asked(recipes), "targets": ["bank"], "context": 9, "span_unit": "utf16"}
        for sent in (body, {"texts": texts, "recipes": asked(recipes)}):
            answer = client.post("/v1/words", json=sent, headers={"accept": ARROW})
            assert "content-length" not in answer.headers
            with pa.ipc.open_stream(answer.content) as stream:
                batches = [*stream]
            assert len(batches) > 3
        table = pa.Table.from_batches(batches)
        wanted = by_encode(embedder, recipes, texts).to_arrow()
        same = [name for name in wanted.column_names if not name.startswith("vector")]
        assert table.select(same).to_pylist() == wanted.select(same).to_pylist()
        assert service.models["tiny"].queue.subwords == 0


def test_a_row_a_subword_and_a_layer_axis(client: TestClient, embedder: WordEmbedder) -> None:
    recipes = [Recipe("0:", "none", "none", name="all")]
    body = {"texts": TEXTS, "recipes": asked(recipes)}
    wanted = by_encode(embedder, recipes)
    words = [word for text in client.post("/v1/words", json=body).json()["texts"] for word in text["words"]]
    got = [vector for word in words for vector in word["vectors"]["all"] or []]
    close(got, wanted.column("all"))
    table = pa.ipc.open_stream(client.post("/v1/words", json=body, headers={"accept": ARROW}).content).read_all()
    assert len(table) == len(wanted.to_arrow())
    assert table["pieces"].to_pylist()[0] == [*wanted.subwords[0]]


def test_given_words_and_spans(client: TestClient, embedder: WordEmbedder) -> None:
    for body, more in [
        ({"texts": [["New", "York"], ["is", "big"]]}, {"texts": [["New", "York"], ["is", "big"]]}),
        ({"texts": TEXTS[2:], "words": [["bank"]]}, {"texts": TEXTS[2:], "words": [["bank"]]}),
        (
            {"texts": TEXTS[1:], "spans": [[[0, 5], [9, 12]], None]},
            {"texts": TEXTS[1:], "spans": [[[0, 5], [9, 12]], None]},
        ),
    ]:
        words = [word for text in client.post("/v1/words", json=body).json()["texts"] for word in text["words"]]
        wanted = by_encode(embedder, [Recipe()], **more)
        assert [word["word"] for word in words] == wanted.words
        close([word["vectors"]["-1.mean.mean"] for word in words], wanted.vectors)


def test_spans_in_units_of_javascript(client: TestClient) -> None:
    words = client.post("/v1/words", json={"texts": ["👍 fox"], "span_unit": "utf16"}).json()["texts"][0]["words"]
    assert [(word["word"], word["start"], word["end"]) for word in words] == [("👍", 0, 2), ("fox", 3, 6)]
    body = {"texts": ["👍 fox"], "spans": [[[3, 6]]], "span_unit": "utf16"}
    assert client.post("/v1/words", json=body).json()["texts"][0]["words"][0]["word"] == "fox"
    table = pa.ipc.open_stream(client.post("/v1/words", json=body, headers={"accept": ARROW}).content).read_all()
    assert table.select(["start", "end"]).to_pylist() == [{"start": 3, "end": 6}]
    body["spans"] = [[[1, 6]]]
    refused = client.post("/v1/words", json=body)
    assert (refused.status_code, refused.json()["error"]["param"]) == (422, "spans[0]")


def test_find_gives_usages_with_their_context(client: TestClient) -> None:
    body = {"texts": TEXTS, "targets": ["BANK", "old\nmill"]}
    words = [word for text in client.post("/v1/find", json=body).json()["texts"] for word in text["words"]]
    assert [(word["target"], word["word"], word["left"][-4:]) for word in words] == [
        ("old\nmill", "old mill", "the "),
        ("BANK", "bank", "the "),
        ("BANK", "bank", "A "),
    ]
    lost = client.post("/v1/find", json={"texts": TEXTS, "targets": ["zebra"]})
    assert (lost.status_code, lost.json()["error"]["param"]) == (422, "texts")
    none = client.post("/v1/find", json={"texts": TEXTS, "targets": ["zebra"], "missing": "ignore"})
    assert [text["words"] for text in none.json()["texts"]] == [[], [], []]


def test_subwords_need_no_model(client: TestClient, embedder: WordEmbedder) -> None:
    words = [
        word for text in client.post("/v1/subwords", json={"texts": TEXTS}).json()["texts"] for word in text["words"]
    ]
    wanted = embedder.encode(TEXTS)
    assert [(word["word"], tuple(word["subwords"]), word["status"]) for word in words] == [
        *zip(wanted.words, wanted.subwords, wanted.statuses, strict=True)
    ]


def test_similarity_of_two_marked_words(client: TestClient) -> None:
    body = {"a": "the [bank] of the river", "b": "the [bank] of the river"}
    found = client.post("/v1/similarity", json=body).json()
    assert [word["word"] for word in found["words"]] == ["bank", "bank"]
    assert found["similarity"]["-1.mean.mean"] == pytest.approx(1)
    refused = client.post("/v1/similarity", json={**body, "b": "no mark"})
    assert (refused.status_code, refused.json()["error"]["param"]) == (422, "b")


def test_live_and_ready(client: TestClient, served: tuple[TestClient, Service]) -> None:
    assert client.get("/live").status_code == 200
    client.post("/v1/words", json={"texts": "A bank."})  # stood behind the first forward pass in the queue
    assert client.get("/ready").status_code == 200
    assert served[1].ready


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("body", "status", "item"),
    [
        ([], 400, None),
        ({}, 422, "texts"),
        ({"texts": []}, 422, "texts"),
        ({"texts": ["a", 3]}, 422, "texts[1]"),
        ({"texts": ["a"], "text": "b"}, 422, "text"),
        ({"texts": ["a"], "spans": [[[0, 9]]]}, 422, "texts[0]"),
        ({"texts": ["a"], "spans": [[[0, 1.5]]]}, 422, "spans[0]"),
        ({"texts": ["a", "b c"], "words": [None, ["d"]]}, 422, "texts[1]"),
        ({"texts": ["a"], "words": [["a"]], "spans": [[[0, 1]]]}, 422, "spans"),
        ({"texts": ["a"], "recipes": [{"layers": 99}]}, 422, "recipes"),
        ({"texts": ["a"], "recipes": [{"layers": "x"}]}, 422, "recipes[0]"),
        ({"texts": ["a"], "recipes": [{}, {}]}, 422, "recipes"),
        ({"texts": ["a"], "recipes": [{"post_processing": "no"}]}, 422, "recipes[0]"),
        ({"texts": ["a"], "encoding": "hex"}, 422, "encoding"),
        ({"texts": ["a"], "model": "other"}, 404, "model"),
        ({"texts": ["a \ud800"]}, 422, "texts[0]"),
        ({"texts": ["a"], "half \ud800": 1}, 422, "half \ud800"),
    ],
)
def test_what_is_wrong_is_named(client: TestClient, body: Any, status: int, item: str | None) -> None:
    answer = client.post("/v1/words", content=json.dumps(body), headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["error"]["param"]) == (status, item), answer.text
    assert client.post("/v1/words", json={"texts": "A bank."}).status_code == 200


def test_numbers_in_json_are_told_apart_and_no_longer(client: TestClient) -> None:
    answer = client.post("/v1/words", json={"texts": TEXTS})
    vectors = [
        vector for text in answer.json()["texts"] for word in text["words"] for vector in word["vectors"].values()
    ]
    assert all(float(str(np.float32(number))) == number for number in vectors[0])  # shortest digits of float32


def test_no_json_no_route_no_method(client: TestClient) -> None:
    json_type = {"content-type": "application/json"}
    assert client.post("/v1/words", content=b"{", headers=json_type).status_code == 400
    assert client.post("/v1/words", content=b'{"texts": "\xff"}', headers=json_type).status_code == 400
    assert client.post("/v1/words", content=b"[" * 100_000, headers=json_type).status_code == 400
    assert client.post("/v1/words", content=b"x").status_code == 415
    assert client.post("/nowhere").json()["error"]["code"] == 404
    assert client.get("/v1/words").json()["error"]["code"] == 405


def test_another_site_and_another_host_are_refused(client: TestClient) -> None:
    assert client.get("/live", headers={"host": "evil.example"}).status_code == 403
    assert client.post("/v1/words", json={"texts": "a"}, headers={"origin": "https://evil.example"}).status_code == 403


def test_limits_are_told(embedder: WordEmbedder) -> None:
    limits = Limits(
        request_texts=2, text_subwords=8, request_subwords=12, body_bytes=400, answer_numbers=300, request_recipes=1
    )
    app, _ = make_app({"tiny": embedder}, limits=limits)
    with TestClient(app, base_url="http://localhost") as client:
        for body, what in [
            ({"texts": ["a", "b", "c"]}, "at most 2"),
            ({"texts": ["a b c d e f g h i j"]}, "at most 8"),
            ({"texts": ["a b c d e f g", "a b c d e f g"]}, "at most 12"),
            ({"texts": ["a b c"], "recipes": [{"layers": "0:", "layer_pooling": "none"}]}, "at most 300"),
            ({"texts": ["a"], "recipes": [{}, {"layers": 0}]}, "at most 1"),
            ({"texts": ["a" * 500]}, "at most 400"),
        ]:
            answer = client.post("/v1/words", json=body)
            assert answer.status_code == 413, answer.text
            assert what in answer.json()["error"]["message"]


def test_the_parts_of_an_answer_are_sent_at_once() -> None:
    """Where the socket does not say that it speaks TCP, asyncio leaves Nagle's algorithm on: 40 ms for each answer."""
    found = []

    async def look() -> None:
        def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            found.append(writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        listening = listen("127.0.0.1", 0)
        async with await asyncio.start_server(answer, sock=listening):
            reader, writer = await asyncio.open_connection(*listening.getsockname())
            await reader.read()
            writer.close()
            await writer.wait_closed()

    asyncio.run(look())
    assert len(found) == 1
    assert found[0] != 0
