"""What goes wrong around a server on a port of this machine: after each, the next request is answered."""

from __future__ import annotations

import http.client
import json
import socket
import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from typing import Any

import pytest
import torch

from families import build
from patience import A_HANG, wait_until
from served import serving
from wordstates import WordEmbedder
from wordstates.serve.exchange import Service
from wordstates.serve.limits import Limits

BODY = json.dumps({"texts": ["A bank of the river.", "The old mill."]}).encode()
HEAD = b"POST /v1/words HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"


@pytest.fixture(scope="module")
def embedder() -> WordEmbedder:
    return WordEmbedder(*build("bert"), engine="torch")


@pytest.fixture(scope="module")
def served(embedder: WordEmbedder) -> Iterator[tuple[int, Service]]:
    with serving({"tiny": embedder}, limits=Limits(time_limit=3.0, body_bytes=100_000)) as (port, service, _):
        yield port, service


@pytest.fixture
def port(served: tuple[int, Service]) -> Iterator[int]:
    """Give the port; in the end the server has to answer as ever, and nothing may wait."""
    yield served[0]
    status, answer = post(served[0])
    assert (status, len(answer["texts"])) == (200, 2)
    wait_until(lambda: served[1].models["tiny"].queue.subwords == 0)


def post(port: int, body: bytes = BODY, **headers: str) -> tuple[int, Any]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=A_HANG)) as connection:
        connection.request("POST", "/v1/words", body, {"content-type": "application/json", **headers})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())


def connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=A_HANG)


def reset(connection: socket.socket) -> None:
    """Close as a process does that is killed: the other side gets an error, not an end."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def status_of(connection: socket.socket) -> int:
    return int(connection.recv(65_536).split(b" ", 2)[1])


# ---------------------------------------------------------------- clients


def test_connections_that_are_opened_and_dropped(port: int) -> None:
    halves = [b"", b"POST /v1/wo", HEAD + b"content-length: 99\r\n\r\n{", HEAD + b"transfer-encoding: chunked\r\n\r\n"]
    for number in range(300):
        connection = connected(port)
        connection.sendall(halves[number % len(halves)])
        (reset if number % 2 else socket.socket.close)(connection)


def test_a_body_that_comes_too_slowly(port: int) -> None:
    with ExitStack() as stack:
        slow = [stack.enter_context(connected(port)) for _ in range(20)]
        for connection in slow:
            connection.sendall(HEAD + b'content-length: 1000\r\n\r\n{"texts": ')
        assert post(port)[0] == 200  # nobody is kept waiting by them
        assert {status_of(connection) for connection in slow} == {408}


def test_a_head_that_never_ends_does_not_hold_its_connection(port: int) -> None:
    with connected(port) as new, connected(port) as used, connected(port) as silent:
        used.sendall(b"GET /live HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
        assert status_of(used) == 200
        for connection in (new, used):
            connection.sendall(b"POST /v1/wo")
        for connection in (new, used, silent):
            while connection.recv(65_536):  # the body of the answer may come after its head
                pass


@pytest.mark.parametrize("declared", [True, False])
def test_a_body_of_a_hundred_megabytes(port: int, declared: bool) -> None:
    with connected(port) as connection:
        if declared:
            connection.sendall(HEAD + b"content-length: 100000000\r\n\r\n")
        else:
            connection.sendall(HEAD + b"transfer-encoding: chunked\r\n\r\n")
            for _ in range(4):  # it answers before all of it has come
                connection.sendall(b"8000\r\n" + b" " * 0x8000 + b"\r\n")
        assert status_of(connection) == 413


@pytest.mark.parametrize(
    "sent",
    [b"\x16\x03\x01\x02\x00\x01\x00", b"GET / HTTP/9.9\r\n\r\n", HEAD + b"content-length: -1\r\n\r\n", b"\0" * 99],
)
def test_what_is_no_http(port: int, sent: bytes) -> None:
    with connected(port) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(65_536)[:12] in (b"HTTP/1.1 400", b"HTTP/1.1 403", b"")


def test_arrow_as_a_request_is_told_what_to_send(port: int) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=A_HANG)) as connection:
        arrow = {"content-type": "application/vnd.apache.arrow.stream"}
        connection.request("POST", "/v1/words", b"\xff\xff\xff\xff", arrow)
        answer = connection.getresponse()
        assert (answer.status, b"Send JSON" in answer.read()) == (415, True)


def test_another_host_and_another_site(port: int) -> None:
    for headers in ({"host": "evil.example"}, {"origin": "https://evil.example"}):
        assert post(port, **headers)[0] == 403


def test_a_client_that_goes_away_frees_its_place(embedder: WordEmbedder, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving({"tiny": embedder}) as (port, service, _):
        model = service.models["tiny"]
        go_on, taken, begin = threading.Event(), threading.Event(), model._worker._begin

        def held(pieces: Sequence[Any], *, idle: bool) -> Any:
            taken.set()
            go_on.wait(A_HANG)
            return begin(pieces, idle=idle)

        monkeypatch.setattr(model._worker, "_begin", held)
        try:
            with connected(port) as first, connected(port) as second:
                first.sendall(HEAD + b"content-length: %d\r\n\r\n" % len(BODY) + BODY)
                assert taken.wait(A_HANG)
                second.sendall(HEAD + b"content-length: %d\r\n\r\n" % len(BODY) + BODY)
                wait_until(lambda: model.queue.subwords > 0)
                reset(second)
                wait_until(lambda: model.queue.subwords == 0)
                go_on.set()
                assert status_of(first) == 200
        finally:
            go_on.set()
        assert post(port)[0] == 200


# ---------------------------------------------------------------- the model


@pytest.fixture
def engine_step(served: tuple[int, Service], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Have a function stand before the engine: it may raise, or change what the engine gives."""
    engine = served[1].models["tiny"].session._engine()
    plain = engine.hidden_states

    def put(before: Any) -> None:
        monkeypatch.setattr(engine, "hidden_states", lambda batch, layers: before(batch, layers, plain), raising=False)

    yield put
    monkeypatch.undo()


def test_out_of_memory_halves_the_batch_and_the_request_is_answered(port: int, engine_step: Any) -> None:
    batches: list[int] = []

    def full(batch: Any, layers: Sequence[int], plain: Any) -> Any:
        batches.append(len(batch.lengths))
        if len(batch.lengths) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return plain(batch, layers)

    engine_step(full)
    status, answer = post(port)
    assert (status, len(answer["texts"])) == (200, 2)
    assert batches == [2, 1, 1]


def test_out_of_memory_for_a_single_text_is_told(port: int, engine_step: Any) -> None:
    def full(*_: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory")

    engine_step(full)
    status, answer = post(port)
    assert (status, answer["error"]["type"]) == (500, "internal_error")
    assert "CUDA" not in answer["error"]["message"]


def test_nan_from_the_model_is_told(port: int, engine_step: Any) -> None:
    def nan(batch: Any, layers: Sequence[int], plain: Any) -> Any:
        return {layer: states * float("nan") for layer, states in plain(batch, layers).items()}

    engine_step(nan)
    status, answer = post(port)
    assert (status, "NaN or infinity" in answer["error"]["message"]) == (500, True)


def test_the_server_stops_with_work_in_flight_and_answers_it(
    embedder: WordEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving({"tiny": embedder}) as (port, service, server):
        worker = service.models["tiny"]._worker
        go_on, taken, begin = threading.Event(), threading.Event(), worker._begin

        def held(pieces: Sequence[Any], *, idle: bool) -> Any:
            taken.set()
            go_on.wait(A_HANG)
            return begin(pieces, idle=idle)

        monkeypatch.setattr(worker, "_begin", held)
        try:
            with connected(port) as inside, connected(port) as late:
                inside.sendall(HEAD + b"content-length: %d\r\n\r\n" % len(BODY) + BODY)
                assert taken.wait(A_HANG)
                late.sendall(HEAD + b"content-length: %d\r\n\r\n" % len(BODY))
                service.stopping = True  # as the handler of SIGTERM does
                server.should_exit = True
                late.sendall(BODY)
                go_on.set()
                assert status_of(inside) == 200
        finally:
            go_on.set()
