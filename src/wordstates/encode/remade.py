"""Objects that are made again, from the same arguments, where a pickle of them is read or a copy is wanted."""

from __future__ import annotations

from typing import Any, Self


class Remade:
    """Base of classes whose objects are as their arguments say, and hold what cannot be pickled: locks, threads."""

    _made_from: tuple[tuple[Any, ...], dict[str, Any]]

    def __new__(cls, *arguments: Any, **options: Any) -> Self:
        """Remember the arguments."""
        self = super().__new__(cls)
        self._made_from = (arguments, options)
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return _make, (type(self), *self._made_from)


def _make(kind: type[Any], arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
    return kind(*arguments, **options)
