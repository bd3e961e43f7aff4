"""One request and its answer: the body read, errors reported, times and counts kept."""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
import uuid
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from wordstates.errors import NonFiniteError, TokenizerError, where_it_failed
from wordstates.json_text import read_json
from wordstates.serve.answers import json_answer
from wordstates.serve.limits import Limits
from wordstates.serve.metrics import Metrics
from wordstates.serve.queue import Job, QueueClosedError, QueueFullError
from wordstates.serve.refused import RefusedError, chosen
from wordstates.serve.served_model import ServedModel
from wordstates.serve.tracing import RequestSpan
from wordstates.wording import counted

T = TypeVar("T")
_ID = re.compile(r"[\w.-]{1,64}", re.ASCII)
_KINDS = {429: "overloaded_error", 503: "unavailable_error", 500: "internal_error"}
_SMALL = 32_768  # bytes that are parsed sooner than another thread has taken them
_DIGITS = 15  # of a number of bytes
_TINY = 1_024  # bytes of a request that is split, counted and checked within a millisecond
_GONE = 499  # as others call a client that went away before its answer
HEADERS = {"x-content-type-options": "nosniff", "cache-control": "no-store"}


def error_as_json(status: int, message: str, item: str | None, code: str | None = None) -> dict[str, Any]:
    """Write an error as OpenAI's clients read it."""
    kind = _KINDS.get(status, "invalid_request_error")
    return {"error": {"message": message, "type": kind, "param": item, "code": code or status}}


ErrorForm = Callable[[int, str, str | None, str | None], dict[str, Any]]


class Exchange:
    """One request, and what is known of it for its answer, the metrics and the log.

    Args:
        request: The request.
        service: What answers.
    """

    def __init__(self, request: Request, service: Service) -> None:
        self.request = request
        self.service = service
        shown = request.headers.get("x-request-id", "")
        self.id = shown if _ID.fullmatch(shown) else uuid.uuid4().hex
        self.began = time.perf_counter()
        self.job: Job | None = None
        self.counts: dict[str, int] = {}
        self.failure: str | None = None
        self.small = False

    async def body(self, *, computes: bool = True) -> Any:
        """Read the JSON of the request.

        Args:
            computes: Whether a model has to run for it: then it is not even read while every queue is full.

        Raises:
            RefusedError: If there is no room for it, or it is too large, too slow, or no JSON.
        """
        limits, models = self.service.limits, self.service.models.values()
        if computes and all(model.queue.full for model in models):
            raise self.overloaded(next(iter(models)))
        if self.request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise RefusedError(415, "Send JSON, as content-type application/json.")
        declared = self.request.headers.get("content-length", "0")
        if declared.isdecimal() and (len(declared) > _DIGITS or int(declared) > limits.body_bytes):
            raise _too_many_bytes(limits)
        try:
            async with asyncio.timeout(limits.time_limit):
                read = bytearray()
                async for chunk in self.request.stream():
                    read += chunk
                    if len(read) > limits.body_bytes:
                        raise _too_many_bytes(limits)
        except TimeoutError as error:
            raise RefusedError(408, f"The body did not arrive within {limits.time_limit:g} s.") from error
        self.small = len(read) < _TINY
        try:
            if len(read) < _SMALL:
                return _parsed(bytes(read))
            return await self.service.in_thread(_parsed, bytes(read))
        except ValueError as error:
            raise RefusedError(400, "The body is no JSON in UTF-8.") from error

    async def prepare(self, function: Callable[..., T], *arguments: Any, **options: Any) -> T:
        """Make a request ready to wait: a small one at once, another in a thread beside the loop that answers."""
        if self.small:
            return function(*arguments, **options)
        return await self.service.in_thread(function, *arguments, **options)

    async def compute(self, model: ServedModel, job: Job) -> list[Any]:
        """Wait for the vectors of a request; one whose client is gone or whose time is over leaves the queue.

        Raises:
            RefusedError: If there is no room or no time.
        """
        try:
            model.queue.add(job)
        except QueueFullError as error:
            raise self.overloaded(model) from error
        except QueueClosedError as error:
            raise RefusedError(503, "The server is stopping.", headers={"retry-after": "5"}) from error
        self.job = job
        left = self.service.limits.time_limit - (time.perf_counter() - self.began)
        found: asyncio.Future[list[Any]] = asyncio.wrap_future(job.future)
        gone: asyncio.Future[Any] = asyncio.ensure_future(_gone(self.request))
        try:
            done, _ = await asyncio.wait({found, gone}, timeout=max(0.0, left), return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone.cancel()
            if not found.done():
                model.queue.drop(job)
        if found in done:
            return found.result()
        if gone in done:
            raise ClientDisconnect
        raise RefusedError(
            503,
            f"No answer within the {self.service.limits.time_limit:g} s that this server gives a request.",
            headers={"retry-after": str(model.seconds_to_wait())},
        )

    def overloaded(self, model: ServedModel) -> RefusedError:
        """Say that too much waits."""
        seconds = model.seconds_to_wait()
        return RefusedError(
            429,
            f"Too much waits: the queue holds {counted(self.service.limits.queue_subwords, 'subword')}; try "
            f"again in {seconds} s.",
            headers={"retry-after": str(seconds)},
        )

    def log(self, route: str, status: int) -> None:
        """Write a line about the answer; nothing of the request is in it but its counts."""
        line: dict[str, Any] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "id": self.id,
            "method": self.request.method,
            "route": route,
            "status": status,
            "ms": _ms(time.perf_counter() - self.began),
            **self.counts,
        }
        if self.job is not None:
            line |= {"queue_ms": _ms(self.job.seconds_waited), "model_ms": _ms(self.job.seconds_computed)}
        if self.failure is not None:
            line["failure"] = self.failure
        print(json.dumps(line), file=sys.stderr, flush=True)


class Service:
    """What all requests share.

    Args:
        models: By name; the first is the default.
        limits: What is taken at most.
        metrics: What is counted.
        log: Whether a line is written for each request.
    """

    def __init__(self, models: dict[str, ServedModel], limits: Limits, metrics: Metrics, *, log: bool) -> None:
        self.models = models
        self.limits = limits
        self.metrics = metrics
        self.ready = False
        self.stopping = self.hurried = False
        self._log = log
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="wordstates requests")

    async def in_thread(self, function: Callable[..., T], *arguments: Any, **options: Any) -> T:
        """Run a function that takes its time beside the loop that answers."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, partial(function, *arguments, **options))

    def close(self, seconds: float | None = None) -> None:
        """Finish what waits, and end all threads."""
        self.ready = False
        for model in self.models.values():
            model.close(seconds)
        self._threads.shutdown(wait=True, cancel_futures=True)

    def model(self, name: object) -> ServedModel:
        """Give a model by its name.

        Raises:
            RefusedError: If there is none.
        """
        return chosen(self.models, name, "model")

    def answers(
        self,
        route: str,
        answer: Callable[[Exchange], Awaitable[Response | Any]],
        form: ErrorForm = error_as_json,
    ) -> Callable[[Request], Awaitable[Response]]:
        """Make an endpoint: JSON out, errors told by their status, nothing else of an error leaves the server.

        Args:
            route: Its path, for metrics and the log.
            answer: Gives a response, or data for JSON.
            form: Writes errors.
        """

        async def endpoint(request: Request) -> Response:
            exchange = Exchange(request, self)
            span = RequestSpan(request.method, route, request.headers)
            try:
                if self.stopping:
                    raise RefusedError(503, "The server is stopping.", headers={"retry-after": "5"})
                found = await answer(exchange)
                response = found if isinstance(found, Response) else await self.in_thread(json_answer, found)
            except RefusedError as refused:
                content = form(refused.status, str(refused), refused.item, refused.code)
                response = json_answer(content, refused.status, headers=refused.headers)
            except ClientDisconnect:
                response = Response(status_code=_GONE)
            except Exception as error:
                response = _failed(exchange, error, form)
            response.headers.update({**HEADERS, "x-request-id": exchange.id})
            if exchange.job is not None:
                self.metrics.computed(exchange.job)
                response.headers["x-queue-ms"] = str(_ms(exchange.job.seconds_waited))
                response.headers["x-model-ms"] = str(_ms(exchange.job.seconds_computed))
            self.metrics.answered(route, response.status_code, time.perf_counter() - exchange.began)
            span.end(response.status_code, exchange.job)
            if self._log:
                exchange.log(route, response.status_code)
            return response

        return endpoint


def _failed(exchange: Exchange, error: Exception, form: ErrorForm) -> Response:
    exchange.failure, code = where_it_failed(error), type(error).__name__
    if isinstance(error, TokenizerError):
        return json_answer(form(422, "The tokenizer fails on a text of this request.", "texts", code), 422)
    if isinstance(error, NonFiniteError):
        return json_answer(form(500, "The model gives NaN or infinity for a word of this request.", None, code), 500)
    return json_answer(
        form(500, f"The server failed on this request: its log says where, under {exchange.id}.", None, None), 500
    )


def _parsed(body: bytes) -> Any:
    return read_json(body.decode("utf-8"))


def _too_many_bytes(limits: Limits) -> RefusedError:
    return RefusedError(413, f"A request has at most {limits.body_bytes:,} bytes.")


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 2)
