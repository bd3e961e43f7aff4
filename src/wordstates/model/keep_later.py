"""What a short call does not do for the next process: the fastest engine is chosen and kept once the work is done.

Whoever has time at its end, as a command that has written its output, loads models inside `remembered`, and then lets
each that is worth it `keep` what the next process starts with. Nobody else pays for that.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wordstates.model.engines import Engines
    from wordstates.model.kept_model import KeptModel

_QUICK = 30e6  # weights of the blocks: with 11 million (MiniLM) choosing takes 3 s, with 85 million (MPNet) 14
_remembered: list[list[Unkept]] = []


@dataclass(frozen=True)
class Unkept:
    """A model that was loaded with PyTorch, because nothing was kept of it.

    Args:
        engines: What chooses its engine.
        keeper: What keeps it.
    """

    engines: Engines
    keeper: KeptModel

    @property
    def is_worth_it(self) -> bool:
        """True if no engine was chosen so far, and choosing one takes some seconds at most."""
        return not self.engines.is_chosen and self.engines.n_weights <= _QUICK

    def keep_once(self) -> None:
        """Choose the fastest engine, unless that was begun before: what failed then, or was interrupted, may again."""
        if self.keeper.begin():
            self.keep()

    def keep(self) -> bool:
        """Choose the fastest engine, and tell whether the next process begins with it."""
        self.engines.fastest()
        kept = self.keeper.read() is not None
        if kept:
            self.keeper.forget_begun()
        return kept


@contextmanager
def remembered() -> Iterator[list[Unkept]]:
    """Give the models that are loaded inside, and of which nothing is kept."""
    found: list[Unkept] = []
    _remembered.append(found)
    try:
        yield found
    finally:
        _remembered.remove(found)


def remember(engines: Engines, keeper: KeptModel) -> None:
    """Note a model that was loaded with PyTorch, if anybody asks."""
    if _remembered:
        _remembered[-1].append(Unkept(engines, keeper))
