"""Asking a server: again while it is too busy, in halves where a request is too large; errors are those of the tree."""

from __future__ import annotations

import http.client
import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from wordstates import errors
from wordstates.errors import InputError, ModelError, ModelNotFoundError, RecipeError, WorkerError
from wordstates.json_text import read_json
from wordstates.options import KEY

ARROW = "application/vnd.apache.arrow.stream"
_TRIES = 8
_TOO_MUCH = (413, 503)  # fewer texts may be answered


class _RefusedError(Exception):
    """An answer that is none.

    Args:
        status: Its status.
        told: What it says, as an error of the tree.
    """

    def __init__(self, status: int, told: Exception) -> None:
        super().__init__(status)
        self.status, self.told = status, told


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises where it is none
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


class Connection:
    """A server that is asked; no connection is kept open.

    Args:
        url: Its address.
        key: The key that it asks for; default what the environment has as ``WORDSTATES_API_KEY``.
        timeout: Seconds to wait for an answer.

    Raises:
        InputError: If that is no address.
    """

    def __init__(self, url: str, key: str | None, timeout: float) -> None:
        if not _is_address(url):
            raise InputError(f"{url!r} is no address of a server: give one as 'http://127.0.0.1:8000'.")
        self.url = url.rstrip("/")
        self._key = key or os.environ.get(KEY)
        self._timeout = timeout
        self._has_answered = False

    def ask(self, route: str, body: dict[str, Any] | None = None) -> bytes:
        """Ask once; GET where there is no body.

        Raises:
            ModelNotFoundError: If no server answers.
            InputError: If the server refuses.
            WorkerError: If it fails, stays too busy, or has gone.
        """
        try:
            return self._answer(route, body)
        except _RefusedError as refused:
            raise refused.told from None

    def ask_for_texts(
        self, route: str, body: Callable[[int, int], dict[str, Any]], first: int, last: int
    ) -> list[tuple[int, bytes]]:
        """Ask for some texts at once; in halves where they are too many, or take too long.

        Args:
            route: Where to ask.
            body: Makes a request for the texts between two numbers.
            first: Number of the first text.
            last: Number after that of the last.

        Returns:
            Number of the first text of each answer, and the answer.
        """
        try:
            return [(first, self._answer(route, body(first, last)))]
        except _RefusedError as refused:
            if refused.status not in _TOO_MUCH or last - first == 1:
                raise refused.told from None
        middle = (first + last) // 2
        return [
            *self.ask_for_texts(route, body, first, middle),
            *self.ask_for_texts(route, body, middle, last),
        ]

    def _answer(self, route: str, body: dict[str, Any] | None) -> bytes:
        headers = {"accept": ARROW, "content-type": "application/json"}
        if self._key is not None:
            headers["authorization"] = f"Bearer {self._key}"
        data = None if body is None else json.dumps(body).encode()
        for left in reversed(range(_TRIES)):
            request = urllib.request.Request(self.url + route, data, headers)
            try:
                with urllib.request.urlopen(request, timeout=self._timeout) as response:
                    answer: bytes = response.read()
                self._has_answered = True
                return answer
            except urllib.error.HTTPError as refused:
                with refused:
                    if refused.code != 429 or not left:
                        raise _RefusedError(refused.code, self._told(refused)) from None
                    wait = refused.headers.get("retry-after", "1")
                time.sleep(float(wait) if wait.isdigit() else 1.0)
            except (OSError, http.client.HTTPException) as error:
                raise self._gone(error) from error
        raise WorkerError(f"The server at {self.url} is too busy.")

    def _gone(self, error: Exception) -> Exception:
        reason = getattr(error, "reason", None) or error
        if self._has_answered:
            return WorkerError(
                f"The server at {self.url} answers no more ({reason}): start it again if it has ended, and try again."
            )
        return ModelNotFoundError(f"No server answers at {self.url} ({reason}): is `wordstates serve` running there?")

    def _told(self, refused: urllib.error.HTTPError) -> Exception:
        """Make the error that the server tells."""
        if refused.code == 401:
            return InputError(f"The server at {self.url} asks for its key: put it into the environment as {KEY}.")
        try:
            told = read_json(refused.read())["error"]
            message, code = str(told["message"]), str(told["code"])
        except (ValueError, KeyError, TypeError):
            message, code = f"The server at {self.url} answered {refused.code}: is it `wordstates serve`?", ""
        kind = getattr(errors, code, None) if code.endswith("Error") else None
        if isinstance(kind, type) and issubclass(kind, InputError | RecipeError | ModelError):
            return kind(message)
        if refused.code == 404:
            return InputError(f"No `wordstates serve` answers at {self.url} (404): give its address as it prints it.")
        return InputError(message) if refused.code < 429 else WorkerError(message)
