"""Why a request is not answered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

T = TypeVar("T")


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


def chosen(things: Mapping[str, T], name: object, kind: str) -> T:
    """Give what a request names; the first if it names none.

    Args:
        things: What the server has, by name.
        name: The name in the request; None: none.
        kind: What these things are, and the field that names them: ``model`` or ``index``.

    Raises:
        RefusedError: If there is no such thing.
    """
    if name is None:
        return next(iter(things.values()))
    if not isinstance(name, str) or name not in things:
        raise RefusedError(404, f"There is no such {kind}: this server has {', '.join(map(repr, things))}.", kind)
    return things[name]
