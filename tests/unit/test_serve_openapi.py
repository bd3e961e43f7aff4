"""The server against its OpenAPI document: requests made from it, valid and not, and answers as it says."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from starlette.routing import Route
from starlette.testclient import TestClient

from families import build
from wordstates import WordEmbedder
from wordstates.serve import near_route, openai_routes, tei_routes, word_routes
from wordstates.serve.app import make_app
from wordstates.serve.asked import PARTS
from wordstates.serve.limits import Limits

DOCUMENT: dict[str, Any] = json.loads(files("wordstates.serve").joinpath("openapi.json").read_bytes())
LOCAL = "http://127.0.0.1:8000"
# Of an answer: a status that is told, JSON as it is told. What must be refused is refused by other checks than these.
HELD = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.fixture(scope="module")
def embedder() -> WordEmbedder:
    return WordEmbedder(*build("bert"), engine="torch")


@pytest.fixture(scope="module")
def client(embedder: WordEmbedder) -> Iterator[TestClient]:
    app, _ = make_app({"tiny": embedder}, limits=Limits(request_texts=64))
    with TestClient(app, base_url=LOCAL) as client:
        client.post("/v1/words", json={"texts": "a"})  # from here on it is ready
        yield client


def test_the_document_is_served(client: TestClient) -> None:
    answer = client.get("/openapi.json")
    assert (answer.status_code, answer.json()) == (200, DOCUMENT)


def test_every_route_is_in_the_document_and_every_field_is_known(embedder: WordEmbedder) -> None:
    app: Any = make_app({"tiny": embedder})[0]
    there = {(path, method.upper()) for path, methods in DOCUMENT["paths"].items() for method in methods}
    routes = {
        (route.path, method)
        for route in app._app.routes
        if isinstance(route, Route)
        for method in route.methods or ()
        if method != "HEAD"
    }
    assert there == routes
    schemas = DOCUMENT["components"]["schemas"]
    for schema, fields in [
        ("WordsRequest", word_routes.WORDS),
        ("FindRequest", word_routes.FIND),
        ("SubwordsRequest", word_routes.SUBWORDS),
        ("SimilarityRequest", word_routes.SIMILARITY),
        ("NearRequest", near_route.FIELDS),
        ("EmbeddingsRequest", openai_routes.FIELDS),
        ("EmbedRequest", tei_routes.FIELDS),
        ("Recipe", PARTS),
    ]:
        assert set(schemas[schema]["properties"]) == set(fields), schema


@pytest.mark.long
@pytest.mark.parametrize(("mode", "examples"), [(GenerationMode.POSITIVE, 15), (GenerationMode.NEGATIVE, 30)])
def test_answers_are_as_the_document_says(client: TestClient, mode: GenerationMode, examples: int) -> None:
    schema = schemathesis.openapi.from_dict(DOCUMENT)
    schema.config.base_url = LOCAL
    operations = [found.ok() for found in schema.get_all_operations()]
    wanted = [each for each in operations if mode is GenerationMode.POSITIVE or each.method.upper() == "POST"]
    sent: Counter[int] = Counter()
    for operation in wanted:

        @settings(
            max_examples=1 if operation.method.upper() == "GET" else examples,
            deadline=None,
            database=None,
            suppress_health_check=[*HealthCheck],
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def ask(case: schemathesis.Case) -> None:
            body = case.body if isinstance(case.body, bytes) else json.dumps(case.body, default=str).encode()
            content = {"content": body, "headers": {"content-type": "application/json"}}
            answer = client.request(case.method, case.formatted_path, **(content if case.method == "POST" else {}))
            sent[answer.status_code] += 1
            case.validate_response(answer, checks=HELD)

        ask()
    assert sent[200], sent
    assert sum(sent.values()) >= examples * 5, sent
