"""The engine of a model whose network is not loaded: OpenVINO, on a graph that an earlier process has left."""

from __future__ import annotations

import os
from collections.abc import Callable

from wordstates.model.engine import Engine, EngineChooser
from wordstates.model.forked import ForkLock
from wordstates.model.openvino_engine import OpenVinoEngine


class KeptEngines:
    """Reads everything with OpenVINO; in a process that was forked, which cannot, the network is loaded.

    Args:
        engine: The engine.
        load: Loads the network, and gives what chooses among all engines.
    """

    device = "cpu"

    def __init__(self, engine: OpenVinoEngine, load: Callable[[], EngineChooser]) -> None:
        self._engine = engine
        self._load = load
        self._others: EngineChooser | None = None
        self._process = os.getpid()
        self._lock = ForkLock()

    @property
    def why_not_faster(self) -> str | None:
        """Why the engine is not the one that was hoped for; None if it is."""
        return None if self._others is None else self._others.why_not_faster

    def for_work(self, subwords: float) -> Engine:
        """Choose the engine for a call that reads so many subwords."""
        return self._engine if self._process == os.getpid() else self._of_the_network().for_work(subwords)

    def fastest(self) -> Engine:
        """Give the fastest engine."""
        return self._engine if self._process == os.getpid() else self._of_the_network().fastest()

    def _of_the_network(self) -> EngineChooser:
        with self._lock.checked():
            if self._others is None:
                self._others = self._load()
            return self._others
