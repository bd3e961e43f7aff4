"""The server behind the live page: for the browser of this machine and no other."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeVar

from wordstates.errors import InputError, MissingExtraError, WordstatesError
from wordstates.explore.crowd import Wanted
from wordstates.explore.explorer import Explorer
from wordstates.json_text import read_json

try:
    import anyio.to_thread
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import HTMLResponse, JSONResponse, Response
    from starlette.routing import Route
    from starlette.types import ASGIApp
except ImportError as error:
    raise MissingExtraError.of("explore", "the live page") from error

from wordstates.serve.address import listen, url_of
from wordstates.serve.guard import LOCAL, Guard

_LARGEST_BODY = 1 << 17  # bytes of a request
_ALL_ADDRESSES = {"", "*", "0.0.0.0", "::"}
_Number = TypeVar("_Number", int, float)
_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "x-frame-options": "SAMEORIGIN",
    "cross-origin-resource-policy": "same-origin",
}


class _RefusedError(Exception):
    """A request that is not answered, with the status that says why."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def make_app(explorer: Explorer, *, word: str | None = None, host: str = "127.0.0.1") -> ASGIApp:
    """Make the server's application.

    Args:
        explorer: Answers what the page asks.
        word: The word that the page begins with.
        host: The address it is bound to; it and the names of this machine are the hosts that are answered.

    Raises:
        InputError: If the host stands for all addresses: a page answers to a name, and that is none.
    """
    if host in _ALL_ADDRESSES:
        raise InputError(f"host={host!r} is every address: name the one by which others call this machine.")

    async def home(_: Request) -> Response:
        return HTMLResponse(await anyio.to_thread.run_sync(explorer.live_page, word))

    async def of_word(request: Request) -> dict[str, Any]:
        asked, all_usages = _asked(request, "word"), request.query_params.get("all") == "1"
        return await anyio.to_thread.run_sync(partial(explorer.word, asked, all_usages=all_usages))

    async def seen(request: Request) -> dict[str, Any]:
        left, bottom, right, top = _numbers(request, float, "left", "bottom", "right", "top")
        columns, rows = _numbers(request, int, "columns", "rows")
        given = request.query_params
        sense = _numbers(request, int, "sense")[0] if "sense" in given else None
        wanted = Wanted(given.get("column", ""), given.get("value", ""), sense)
        colour, box = given.get("colour", "sense"), (left, bottom, right, top)
        asked = partial(explorer.seen, _asked(request, "word"), box, (columns, rows), colour, wanted)
        return await anyio.to_thread.run_sync(asked)

    async def like(request: Request) -> dict[str, Any]:
        (usage,) = _numbers(request, int, "usage")
        return await anyio.to_thread.run_sync(explorer.like, _asked(request, "word"), usage)

    async def export(request: Request) -> Response:
        asked = _asked(request, "word")
        html = await anyio.to_thread.run_sync(explorer.exported_page, [asked])
        name = "".join(character if character.isalnum() else "-" for character in asked)[:80] or "word"
        disposition = f"attachment; filename*=UTF-8''{_quoted(name)}.html"
        return HTMLResponse(html, headers={"content-disposition": disposition})

    async def sentence(request: Request) -> dict[str, Any]:
        body = await _body(request, text=str)
        return await anyio.to_thread.run_sync(explorer.sentence, body["text"])

    async def near(request: Request) -> dict[str, Any]:
        body = await _body(request, text=str, start=int, end=int)
        return await anyio.to_thread.run_sync(explorer.near, body["text"], body["start"], body["end"])

    async def label(request: Request) -> dict[str, Any]:
        body = await _body(request, word=str, sense=int, name=str)
        await anyio.to_thread.run_sync(explorer.label, body["word"], body["sense"], body["name"])
        return {}

    app = Starlette(
        routes=[
            Route("/", _told(home)),
            Route("/api/word", _told(of_word)),
            Route("/api/seen", _told(seen)),
            Route("/api/like", _told(like)),
            Route("/api/export", _told(export)),
            Route("/api/sentence", _told(sentence), methods=["POST"]),
            Route("/api/near", _told(near), methods=["POST"]),
            Route("/api/label", _told(label), methods=["POST"]),
        ]
    )
    return Guard(app, LOCAL | {host, f"[{host}]"}, form=lambda _, message: {"error": message})


def _told(
    answer: Callable[[Request], Awaitable[Response | dict[str, Any]]],
) -> Callable[[Request], Awaitable[Response]]:
    """Answer with JSON, and turn errors into messages with a status; nothing else of an error leaves the machine."""

    async def told(request: Request) -> Response:
        try:
            found = await answer(request)
            response = found if isinstance(found, Response) else JSONResponse(found)
        except _RefusedError as refused:
            response = JSONResponse({"error": str(refused)}, refused.status)
        except InputError as error:
            response = JSONResponse({"error": str(error)}, 400)
        except WordstatesError as error:
            response = JSONResponse({"error": str(error)}, 500)
        response.headers.update(_HEADERS)
        return response

    return told


def _asked(request: Request, name: str) -> str:
    value = request.query_params.get(name, "")
    if not value or len(value) > 1_000:
        raise _RefusedError(400, f"Say which {name}: ?{name}=...")
    return value


def _numbers(request: Request, kind: type[_Number], *names: str) -> list[_Number]:
    """Read numbers of a query."""
    found = []
    for name in names:
        try:
            found.append(kind(request.query_params.get(name, "")))
        except ValueError:
            whole = "a whole number" if kind is int else "a number"
            raise _RefusedError(400, f"The request needs {name!r}, {whole}.") from None
    return found


async def _body(request: Request, **fields: type) -> dict[str, Any]:
    """Read the JSON object of a request, with just the fields it must have."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise _RefusedError(415, "Send JSON, as content-type application/json.")
    read = bytearray()
    async for chunk in request.stream():
        read += chunk
        if len(read) > _LARGEST_BODY:
            raise _RefusedError(413, f"A request has at most {_LARGEST_BODY:,} bytes.")
    try:
        found = read_json(bytes(read))
    except ValueError as error:
        raise _RefusedError(400, f"The request is no JSON: {error}") from error
    for name, kind in fields.items():
        value = found.get(name) if isinstance(found, dict) else None
        if not isinstance(value, kind) or isinstance(value, bool):
            raise _RefusedError(400, f"The request needs {name!r}, {'a text' if kind is str else 'a whole number'}.")
    return found  # type: ignore[no-any-return]  # a dict, or its first field would have been missing


def _quoted(text: str) -> str:
    from urllib.parse import quote

    return quote(text, safe="")


def run(app: ASGIApp, host: str, port: int, *, on_ready: Callable[[str], object]) -> None:
    """Serve until interrupted.

    Args:
        app: What answers.
        host: Address to bind to.
        port: Port, which must be free; 0: any.
        on_ready: Called with the address of the page when connections are accepted.

    Raises:
        InputError: If the port is taken.
        MissingExtraError: If uvicorn is not installed.
    """
    try:
        import uvicorn
    except ImportError as error:
        raise MissingExtraError.of("explore", "the live page") from error

    with listen(host, port) as listening:
        config = uvicorn.Config(app, log_level="error", lifespan="off", access_log=False, server_header=False)
        listening.listen()
        on_ready(f"{url_of(listening)}/")
        uvicorn.Server(config).run(sockets=[listening])
