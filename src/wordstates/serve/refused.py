"""Why a request is not answered."""

from __future__ import annotations

from collections.abc import Mapping


class RefusedError(Exception):
    """A request that is refused on purpose.

    Args:
        status: Status of HTTP.
        message: What was given, what is allowed, what to do.
        item: The part of the request that is meant, as ``texts[3]``.
        headers: Headers of the answer.
        code: Name of the error of `wordstates.errors` that it is; None: of none.
    """

    def __init__(
        self,
        status: int,
        message: str,
        item: str | None = None,
        headers: Mapping[str, str] | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.item = item
        self.code = code
        self.headers = dict(headers or {})
