"""Who is answered: by host, by origin, and by key."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Collection

from starlette.types import ASGIApp, Receive, Scope, Send

LOCAL = frozenset({"127.0.0.1", "localhost", "[::1]"})
ALWAYS_OPEN = {"/live", "/ready", "/health"}


def is_local(host: str) -> bool:
    """Whether an address is reached from this machine alone."""
    return host.lower() in {"127.0.0.1", "localhost", "::1"}


def as_openai(status: int, message: str) -> object:
    """Write a refusal as OpenAI's clients read it."""
    kind = "authentication_error" if status == 401 else "permission_error"
    return {"error": {"message": message, "type": kind, "param": None, "code": status}}


def _name_of(host: str) -> str:
    """Take the port away from a host."""
    name, colon, port = host.rpartition(":")
    return name.lower() if colon and port.isdigit() else host.lower()


class Guard:
    """Refuses requests that another site's page has a browser make, and those without the key.

    Args:
        app: What answers the others.
        hosts: Names under which the server may be called; None: any.
        key: What a request has to show as ``Authorization: Bearer KEY``; None: nothing.
        form: Writes a refusal, a status and a message, as data for JSON.
    """

    def __init__(
        self,
        app: ASGIApp,
        hosts: Collection[str] | None,
        key: str | None = None,
        form: Callable[[int, str], object] = as_openai,
    ) -> None:
        self._app = app
        self._form = form
        self._hosts = None if hosts is None else {host.lower() for host in hosts}
        self._key = None if key is None else key.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or refuse."""
        if scope["type"] == "http":
            headers = dict(scope["headers"])
            host = headers.get(b"host", b"").decode("latin-1")
            origin = headers.get(b"origin")
            if self._hosts is not None and _name_of(host) not in self._hosts:
                await self._refuse(send, 403, "This server does not answer to this host: call it by its own address.")
                return
            if origin is not None and origin.decode("latin-1") not in {f"http://{host}", f"https://{host}"}:
                await self._refuse(send, 403, "This server answers no page of another site.")
                return
            if self._key is not None and scope["path"] not in ALWAYS_OPEN:
                scheme, _, shown = headers.get(b"authorization", b"").partition(b" ")
                right = hmac.compare_digest(shown.strip(), self._key)
                if scheme.lower() != b"bearer" or not right:
                    await self._refuse(send, 401, "Send the key of this server: Authorization: Bearer KEY.")
                    return
        await self._app(scope, receive, send)

    async def _refuse(self, send: Send, status: int, message: str) -> None:
        body = json.dumps(self._form(status, message)).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        if status == 401:
            headers.append((b"www-authenticate", b"Bearer"))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
