"""What waits: fair turns, places that come free, requests that fail alone, and a server that stops well."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.testclient import TestClient

import wordstates
from families import build
from patience import A_HANG, closed, ended, wait_until
from wordstates import Recipe, WordEmbedder
from wordstates.errors import WorkerError
from wordstates.serve.address import listen
from wordstates.serve.app import make_app
from wordstates.serve.asked import Asked, AskedRecipe
from wordstates.serve.client import RemoteEmbedder
from wordstates.serve.limits import Limits
from wordstates.serve.queue import FairQueue, Job, QueueClosedError, QueueFullError, RequestPart
from wordstates.serve.run import run
from wordstates.serve.served_model import ServedModel
from wordstates.serve.worker import Worker

LOCAL = "http://127.0.0.1:8000"


@pytest.fixture(scope="module")
def embedder() -> WordEmbedder:
    return WordEmbedder(*build("bert"), engine="torch")


def job(name: str, *subwords: int, kind: str = "window") -> Job:
    made = Job(kind, name)
    for number, count in enumerate(subwords):
        made.add(f"{name}{number}", count)
    return made


def turn(queue: FairQueue) -> list[str]:
    return [piece.content for piece in queue.take(wait=False) or ()]


# ---------------------------------------------------------------- the queue


def test_a_long_request_keeps_no_short_one_waiting() -> None:
    queue = FairQueue(limit=100, turn=10)
    for each in (job("long", 5, 5, 5, 5, 5), job("a", 2), job("b", 3), job("c", 4)):
        queue.add(each)
    assert turn(queue) == ["long0", "a0", "b0"]
    assert turn(queue) == ["c0", "long1"]
    assert turn(queue) == ["long2", "long3"]
    assert turn(queue) == ["long4"]
    assert (turn(queue), queue.subwords) == ([], 0)


def test_a_text_larger_than_a_turn_has_one_of_its_own() -> None:
    queue = FairQueue(limit=100, turn=10)
    queue.add(job("huge", 50))
    queue.add(job("a", 1))
    assert [turn(queue), turn(queue)] == [["huge0"], ["a0"]]


def test_requests_of_another_kind_have_another_turn() -> None:
    queue = FairQueue(limit=100, turn=10)
    for each in (job("a", 1), job("cut", 1, kind="truncate"), job("b", 1)):
        queue.add(each)
    assert [turn(queue), turn(queue)] == [["a0", "b0"], ["cut0"]]


def test_there_is_no_room_beyond_the_limit_until_somebody_leaves() -> None:
    queue = FairQueue(limit=10, turn=10)
    first = job("a", 4, 4)
    queue.add(first)
    with pytest.raises(QueueFullError):
        queue.add(job("b", 3))
    queue.drop(first)
    assert first.future.cancelled()
    queue.add(job("b", 10))
    assert (queue.full, turn(queue), queue.subwords) == (True, ["b0"], 0)
    queue.close()
    with pytest.raises(QueueClosedError):
        queue.add(job("c", 1))
    assert queue.take(wait=True) is None


def test_small_requests_do_not_keep_a_large_one_out() -> None:
    queue = FairQueue(limit=100, turn=10)
    for number in range(10):
        queue.add(job(f"{number}", 10))
    with pytest.raises(QueueFullError):
        queue.add(job("large", 40))
    while queue.subwords > 50:
        assert queue.full
        with pytest.raises(QueueFullError):
            queue.add(job("small", 1))  # there would be room for it
        turn(queue)
    queue.add(job("large", 40))
    queue.add(job("small", 1))
    assert (queue.subwords, queue.full) == (91, False)


@given(st.lists(st.lists(st.integers(1, 12), min_size=1, max_size=6), min_size=1, max_size=8), st.integers(1, 20))
def test_every_piece_has_one_turn_and_the_oldest_is_in_the_next(jobs: list[list[int]], size: int) -> None:
    queue = FairQueue(limit=10_000, turn=size)
    made = [job(f"{number}.", *counts) for number, counts in enumerate(jobs)]
    for each in made:
        queue.add(each)
    seen: list[str] = []
    while pieces := queue.take(wait=False):
        assert len(pieces) == 1 or sum(piece.subwords for piece in pieces) <= size
        seen += [piece.content for piece in pieces]
        assert queue.subwords == sum(piece.subwords for each in made for piece in each.pieces)
    assert sorted(seen) == sorted(
        f"{number}.{index}" for number, counts in enumerate(jobs) for index in range(len(counts))
    )


# ---------------------------------------------------------------- the worker


def test_a_request_fails_by_its_own_texts_alone() -> None:
    queue = FairQueue(limit=100, turn=100)
    turns: list[int] = []

    def begin(pieces: Sequence[RequestPart], *, idle: bool) -> Callable[[], list[Any]]:
        def result() -> list[Any]:
            if any(piece.content.startswith("bad") for piece in pieces):
                raise ValueError("NaN")
            return [piece.content for piece in pieces]

        return result

    worker = Worker(queue, begin, lambda subwords, _: turns.append(subwords))
    good, bad, other = job("good", 1, 2), job("bad", 1), job("other", 3)
    for each in (good, bad, other):
        queue.add(each)
    queue.close()
    worker.start()
    worker.join()
    assert (good.future.result(0), other.future.result(0)) == (["good0", "good1"], ["other0"])
    assert isinstance(bad.future.exception(0), ValueError)


# ---------------------------------------------------------------- the whole


@pytest.mark.parametrize("clients", [1, 8, 64])
def test_vectors_are_those_of_encode_whoever_else_asks(embedder: WordEmbedder, clients: int) -> None:
    recipes = [
        Recipe(-1, name="a"),
        Recipe("1:3", "concat", "first", name="a"),
        Recipe(0, subword_pooling="max", name="b"),
    ]
    texts = ["The river runs past the old mill.", "bank " * 90, "Äpfel 👍🏽 fox", "She doesn't know whether."]
    session = embedder.session()
    wanted = {
        (recipe, text): session.taking([recipes[recipe]], at_once=False).encode([text])
        for recipe in range(3)
        for text in texts
    }
    app, _ = make_app({"tiny": embedder}, limits=Limits(turn_subwords=64))
    with TestClient(app, base_url=LOCAL) as client, ThreadPoolExecutor(clients) as pool:

        def ask(number: int) -> None:
            recipe, text = number % 3, texts[number % 4]
            body = {"texts": [text, "A bank."], "recipes": [recipes[recipe].to_dict()]}
            answer = client.post("/v1/words", json=body)
            assert answer.status_code == 200, answer.text
            words = answer.json()["texts"][0]["words"]
            expected = wanted[recipe, text]
            assert [word["word"] for word in words] == expected.words
            got = [word["vectors"][recipes[recipe].name] for word in words]
            np.testing.assert_allclose(np.array(got, dtype=np.float32), expected.vectors, atol=1e-5)

        list(pool.map(ask, range(max(12, clients))))


def test_a_lone_short_text_stands_in_a_narrow_row_and_has_all_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    embedder = WordEmbedder(*build("bert"), engine="openvino")
    model, text = ServedModel("tiny", embedder, Limits()), "A river bank."
    engine = model.session._engine()
    plain, shapes = engine.hidden_states, list[tuple[int, ...]]()
    monkeypatch.setattr(engine, "streams", 2)

    def seen(batch: Any, layers: Sequence[int]) -> Any:
        shapes.append(tuple(batch.ids.shape))
        assert batch.alone
        return plain(batch, layers)

    monkeypatch.setattr(engine, "hidden_states", seen, raising=False)
    job = model.ask(Asked(model.session.read([text]), (AskedRecipe(Recipe()),)))
    model.queue.add(job)
    model.start()
    model.close()
    (part,) = job.future.result(0)
    assert shapes == [(1, 16)]
    np.testing.assert_allclose(part.column(Recipe().name), embedder.encode(text).vectors, atol=1e-5)
    assert shapes == [(1, 16), (1, 64)]


def test_a_full_queue_is_told_and_the_counts_add_up(embedder: WordEmbedder) -> None:
    app, service = make_app({"tiny": embedder}, limits=Limits(queue_subwords=40, request_subwords=40, turn_subwords=8))
    body = {"texts": ["The river runs past the old mill."] * 3}
    with TestClient(app, base_url=LOCAL) as client, ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: client.post("/v1/words", json=body), range(64)))
        statuses = [answer.status_code for answer in answers]
        assert set(statuses) <= {200, 429}
        assert 200 in statuses
        assert all(int(answer.headers["retry-after"]) >= 1 for answer in answers if answer.status_code == 429)
        told = client.get("/metrics").text
        counts = {
            status: int(float(count))
            for status, count in re.findall(
                r'wordstates_requests_total\{route="/v1/words",status="(\d+)"\} (\S+)', told
            )
        }
        assert counts == {str(status): statuses.count(status) for status in set(statuses)}
        assert client.get("/live").status_code == 200
        assert service.models["tiny"].queue.subwords == 0


def test_a_queue_that_is_full_refuses_with_429(embedder: WordEmbedder) -> None:
    app, service = make_app({"tiny": embedder}, limits=Limits(queue_subwords=20, request_subwords=20))
    with TestClient(app, base_url=LOCAL) as client:
        service.models["tiny"].queue.subwords += 20  # as if somebody waited
        answer = client.post("/v1/words", json={"texts": "a bank"})
        assert (answer.status_code, answer.json()["error"]["type"]) == (429, "overloaded_error")
        assert client.post("/embed", json={"inputs": "a bank"}).json()["error_type"] == "Overloaded"
        assert client.get("/live").status_code == 200
        service.models["tiny"].queue.subwords -= 20
        assert client.post("/v1/words", json={"texts": "a bank"}).status_code == 200


def test_while_a_queue_is_full_no_body_is_read(embedder: WordEmbedder) -> None:
    app, service = make_app({"tiny": embedder}, limits=Limits(queue_subwords=20, request_subwords=20))
    with TestClient(app, base_url=LOCAL) as client:
        client.post("/v1/words", json={"texts": "a bank"})
        service.models["tiny"].queue.subwords += 20
        no_json = {"content": b"{", "headers": {"content-type": "application/json"}}
        for route in ("/v1/words", "/v1/find", "/v1/similarity", "/v1/embeddings", "/embed", "/embed_all"):
            assert client.post(route, **no_json).status_code == 429, route
        for route in ("/v1/subwords", "/tokenize"):  # the model does not run
            assert client.post(route, **no_json).status_code == 400, route
        service.models["tiny"].queue.subwords -= 20


def test_the_time_limit_frees_the_place(embedder: WordEmbedder, monkeypatch: pytest.MonkeyPatch) -> None:
    app, service = make_app({"tiny": embedder}, limits=Limits(time_limit=2.0))
    queue = service.models["tiny"].queue
    with TestClient(app, base_url=LOCAL) as client:
        client.post("/v1/words", json={"texts": "a"})
        monkeypatch.setattr(queue, "_next_turn", lambda: queue._changed.wait() and [])  # it never comes
        answer = client.post("/v1/words", json={"texts": "a bank"})
        assert (answer.status_code, queue.subwords) == (503, 0)
        monkeypatch.undo()


def test_the_key_is_asked_for(embedder: WordEmbedder, capsys: pytest.CaptureFixture[str]) -> None:
    app, _ = make_app({"tiny": embedder}, key="k", log=True)
    with TestClient(app, base_url=LOCAL) as client:
        body = {"texts": "a secret bank"}
        assert client.post("/v1/words", json=body).status_code == 401
        assert client.post("/v1/words", json=body, headers={"authorization": "Bearer kk"}).status_code == 401
        right = client.post("/v1/words", json=body, headers={"authorization": "Bearer k", "x-request-id": "mine"})
        assert (right.status_code, right.headers["x-request-id"]) == (200, "mine")
        assert float(right.headers["x-model-ms"]) > 0
        assert client.get("/live").status_code == 200
    logged = capsys.readouterr().err
    assert '"id": "mine"' in logged
    assert "secret" not in logged


def test_a_failure_says_where_and_nothing_of_the_request(
    embedder: WordEmbedder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    app, service = make_app({"tiny": embedder}, log=True)
    with TestClient(app, base_url=LOCAL) as client:

        def fail(*_: Any) -> None:
            raise KeyError("a secret bank")

        monkeypatch.setattr(service.models["tiny"], "ask", fail)
        answer = client.post("/v1/words", json={"texts": "a secret bank"})
    assert (answer.status_code, answer.json()["error"]["type"]) == (500, "internal_error")
    logged = capsys.readouterr().err
    assert re.search(r'"failure": "KeyError at serve/word_routes.py:\d+"', logged)
    assert "secret" not in logged + answer.text


def test_what_was_taken_is_finished_when_the_server_stops(embedder: WordEmbedder) -> None:
    model = ServedModel("tiny", embedder, Limits(turn_subwords=8))
    asked = Asked(model.session.read(["A river bank.", "The old mill."]), (AskedRecipe(Recipe()),))
    taken, late = model.ask(asked), model.ask(asked)
    model.queue.add(taken)
    model.start()
    model.close()
    assert [text for part in taken.future.result(0) for text in part.texts] == ["A river bank.", "The old mill."]
    with pytest.raises(QueueClosedError):
        model.queue.add(late)


def test_a_request_is_a_span_without_text(embedder: WordEmbedder, monkeypatch: pytest.MonkeyPatch) -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr("opentelemetry.trace.get_tracer", provider.get_tracer)
    app, _ = make_app({"tiny": embedder})
    with TestClient(app, base_url=LOCAL) as client:
        parent = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
        client.post("/v1/words", json={"texts": "a secret bank"}, headers=parent)
        client.post("/v1/words", json={"texts": "a secret bank", "model": "secret"})
    answered, refused = exporter.get_finished_spans()
    provider.shutdown()
    assert (answered.name, answered.attributes["http.response.status_code"]) == ("POST /v1/words", 200)
    assert f"{answered.context.trace_id:x}" == "af7651916cd43dd8448eb211c80319c"
    assert answered.attributes["wordstates.subwords"] >= 3
    assert answered.attributes["wordstates.model_seconds"] > 0 <= answered.attributes["wordstates.queue_seconds"]
    assert refused.attributes["http.response.status_code"] == 404
    assert "wordstates.subwords" not in refused.attributes
    assert "secret" not in answered.to_json() + refused.to_json()


# ---------------------------------------------------------------- bad requests

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ("texts", "words", "spans", "targets", "recipes", "model", "truncate", "encoding", "span_unit", "context")
FIELDS += ("input", "inputs", "a", "b", "dimensions", "normalize", "missing", "match_case", "encoding_format")
RECIPES = st.lists(
    st.dictionaries(
        st.sampled_from(["name", "layers", "layer_pooling", "subword_pooling", "post_processing"]), JSON, max_size=5
    ),
    max_size=3,
)
BODIES = JSON | st.dictionaries(st.sampled_from(FIELDS), JSON | st.just(["a bank", "x"]) | RECIPES, max_size=5)
POSTS = (
    "/v1/words",
    "/v1/find",
    "/v1/subwords",
    "/v1/similarity",
    "/v1/embeddings",
    "/embed",
    "/embed_all",
    "/tokenize",
)


@pytest.mark.long
def test_a_thousand_bad_requests_and_no_failure(embedder: WordEmbedder) -> None:
    app, _ = make_app({"tiny": embedder})
    sent: dict[int, int] = {}
    with TestClient(app, base_url=LOCAL) as client:

        @settings(max_examples=1_100, suppress_health_check=[*HealthCheck])
        @given(st.sampled_from(POSTS), BODIES, st.sampled_from(["", "application/vnd.apache.arrow.stream"]))
        def ask(route: str, body: Any, accept: str) -> None:
            answer = client.post(
                route, content=json.dumps(body), headers={"content-type": "application/json", "accept": accept}
            )
            sent[answer.status_code] = sent.get(answer.status_code, 0) + 1
            assert answer.status_code < 500, (body, answer.text)

        ask()
        assert client.post("/v1/words", json={"texts": "A bank."}).status_code == 200
    assert sum(count for status, count in sent.items() if status >= 400) >= 1_000, sent


# ---------------------------------------------------------------- the process

MANY = [f"The river runs past mill number {number}." for number in range(350)]  # one request, of many turns


@contextmanager
def process(port: int) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    command = [sys.executable, "-m", "wordstates", "serve", "--port", str(port), "--engine", "torch", "--quiet"]
    started = subprocess.Popen([*command, "--turn-subwords", "64"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with closed(started) as server:
        assert server.stderr is not None
        yield server.stderr.readline().decode().split()[-1], server


def has_read(url: str) -> bool:
    """Whether some of a request was read; which stays so, however late it is asked for."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=A_HANG) as answer:
        told = re.search(r"^wordstates_subwords_total (\S+)", answer.read().decode(), re.M)
    return told is not None and float(told[1]) > 0


def ask_on(remote: RemoteEmbedder) -> None:
    """Ask until the server is gone."""
    while True:
        remote.encode(MANY)


@pytest.mark.long
def test_a_server_that_is_killed_is_told_and_one_that_is_stopped_answers_what_it_took() -> None:
    with ThreadPoolExecutor(1) as pool:
        with process(0) as (url, server):
            remote = wordstates.connect(url)
            asked = pool.submit(ask_on, remote)
            wait_until(lambda: has_read(url))
            server.kill()
            with pytest.raises(WorkerError, match="answers no more"):
                asked.result(A_HANG)
            server.wait(A_HANG)
        with process(int(url.rpartition(":")[2])) as (again, server):  # as a supervisor starts it
            assert again == url
            asked = pool.submit(remote.encode, MANY)
            wait_until(lambda: has_read(url))
            server.send_signal(signal.SIGTERM)
            assert asked.result(A_HANG).texts == tuple(MANY)
            with pytest.raises(OSError, match=r"503|refused"):
                urllib.request.urlopen(f"{url}/ready", timeout=A_HANG)
            assert ended(server) == (0, b"", b"")


def test_who_stops_a_server_twice_waits_for_nothing(embedder: WordEmbedder, capfd: pytest.CaptureFixture[str]) -> None:
    app, service = make_app({"tiny": embedder})

    def press(url: str) -> None:
        host, port = url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(b"POST /v1/words HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 9\r\n\r\n")
            urllib.request.urlopen(f"{url}/live", timeout=A_HANG).close()  # by now that is being waited for
            os.kill(os.getpid(), signal.SIGINT)
            wait_until(lambda: service.stopping)
            os.kill(os.getpid(), signal.SIGINT)
            while connection.recv(65_536):
                pass

    pressing: list[threading.Thread] = []

    def ready(url: str) -> None:
        pressing.append(threading.Thread(target=press, args=(url,)))
        pressing[0].start()

    run(app, service, listen("127.0.0.1", 0), on_ready=ready)
    pressing[0].join(A_HANG)
    assert service.hurried
    assert capfd.readouterr().err == ""
