"""Telling how far a call has come."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from wordstates.errors import of_the_caller


@contextmanager
def progress(shown: bool, listener: Callable[[int], object] | None) -> Iterator[Callable[[int], object]]:
    """Give something to call with the number of words done: it tells the listener, and moves a bar if one is shown."""
    told = of_the_caller(listener) if listener else lambda _: None
    if not shown:
        yield told
        return
    from tqdm import tqdm

    with tqdm(unit=" words", unit_scale=True) as bar:
        yield lambda count: (bar.update(count), told(count))
