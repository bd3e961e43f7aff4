"""The application: which route has which answer, and who is answered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import Any

from wordstates.errors import MissingExtraError

try:
    import orjson  # noqa: F401
    import uvicorn  # noqa: F401
    from prometheus_client import CONTENT_TYPE_LATEST
    from starlette.applications import Starlette
    from starlette.exceptions import HTTPException
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route
    from starlette.types import ASGIApp
except ImportError as error:
    raise MissingExtraError.of("serve", "the server") from error

from wordstates.embedder import WordEmbedder
from wordstates.postprocess.post_processing import PostProcessing
from wordstates.recipe import Recipe
from wordstates.serve.answers import json_answer
from wordstates.serve.asked import Asked, AskedRecipe
from wordstates.serve.exchange import Exchange, Service, error_as_json
from wordstates.serve.guard import LOCAL, Guard
from wordstates.serve.limits import Limits
from wordstates.serve.metrics import Metrics
from wordstates.serve.near_route import NearRoute, ServedIndex
from wordstates.serve.openai_routes import ROUTES as OPENAI
from wordstates.serve.served_model import ServedModel
from wordstates.serve.tei_routes import ROUTES as TEI
from wordstates.serve.tei_routes import error_as_tei, info
from wordstates.serve.word_routes import ROUTES
from wordstates.usages.index import UsageIndex

_PROBE = "The river bank."


def make_app(
    embedders: Mapping[str, WordEmbedder],
    *,
    limits: Limits | None = None,
    post_processing: Mapping[str, PostProcessing] | None = None,
    indexes: Mapping[str, UsageIndex] | None = None,
    hosts: Collection[str] | None = LOCAL,
    key: str | None = None,
    log: bool = False,
) -> tuple[ASGIApp, Service]:
    """Make the application of a server.

    Args:
        embedders: The models, by the names that requests call them by; the first is the default.
        limits: What is taken at most.
        post_processing: What vectors can go through, by name.
        indexes: What `/v1/near` searches, by name; the first is the default.
        hosts: Names under which the server may be called; None: any.
        key: What a request has to show; None: nothing.
        log: Whether a line of JSON is written on standard error for each request.

    Returns:
        The application, and what its requests share.

    Raises:
        InputError: If an index holds other vectors than the models give.
    """
    limits = limits or Limits()
    metrics = Metrics(limits.turn_subwords)
    models = {
        name: ServedModel(name, embedder, limits, post_processing, metrics.turn) for name, embedder in embedders.items()
    }
    metrics.watch({name: model.queue for name, model in models.items()})
    service = Service(models, limits, metrics, log=log)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        for model in models.values():
            model.start()
        probing = asyncio.ensure_future(_become_ready(service))
        try:
            yield
        finally:
            probing.cancel()
            await asyncio.get_running_loop().run_in_executor(
                None, service.close, 0.0 if service.hurried else limits.drain_seconds
            )

    near = NearRoute({name: ServedIndex.of(name, index, models) for name, index in (indexes or {}).items()})
    app = Starlette(
        routes=_routes(service, near), lifespan=lifespan, exception_handlers={HTTPException: _no_such_route}
    )
    return Guard(app, hosts, key), service


def _routes(service: Service, near: NearRoute) -> list[Route]:
    async def live(_: Request) -> Response:
        return json_answer({"status": "live"})

    async def ready(_: Request) -> Response:
        is_ready = service.ready and not service.stopping
        return json_answer({"status": "ready" if is_ready else "not ready"}, 200 if is_ready else 503)

    async def metrics_text(_: Request) -> Response:
        return Response(service.metrics.text(), media_type=CONTENT_TYPE_LATEST)

    document = files("wordstates.serve").joinpath("openapi.json").read_bytes()

    async def openapi(_: Request) -> Response:
        return Response(document, media_type="application/json")

    async def list_models(_: Exchange) -> Any:
        return {
            "object": "list",
            "data": [
                {
                    **{"id": name, "object": "model", "created": 0, "owned_by": "wordstates"},
                    "blocks": model.embedder.n_blocks,
                    "read_whole": model.session.tokenizer.read_whole(),
                }
                for name, model in service.models.items()
            ],
        }

    answers: dict[str, Callable[[Exchange], Any]] = {**ROUTES, "/v1/near": near, **OPENAI}
    own = {path: service.answers(path, answer) for path, answer in answers.items()}
    tei = {path: service.answers(path, answer, error_as_tei) for path, answer in TEI.items()}
    return [
        Route("/live", live),
        Route("/ready", ready),
        Route("/health", ready),
        Route("/info", service.answers("/info", info)),
        Route("/metrics", metrics_text),
        Route("/openapi.json", openapi),
        Route("/v1/models", service.answers("/v1/models", list_models)),
        *(Route(path, answer, methods=["POST"]) for path, answer in {**own, **tei}.items()),
    ]


async def _no_such_route(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    message = {404: "There is no such route.", 405: "This route takes another method."}.get(status, "Refused.")
    headers = error.headers if isinstance(error, HTTPException) else None
    return json_answer(error_as_json(status, message, None), status, headers=headers)


async def _become_ready(service: Service) -> None:
    """Be ready once every model has answered."""
    for model in service.models.values():
        asked = Asked(model.session.read([_PROBE]), (AskedRecipe(Recipe()),))
        job = model.ask(asked)
        model.queue.add(job)
        await asyncio.wrap_future(job.future)
    service.ready = True
