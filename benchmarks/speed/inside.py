"""The one place that looks behind the public face of wordstates: to feed an engine without the rest."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import torch

from wordstates import WordEmbedder
from wordstates.model.batching import make_batches
from wordstates.model.engine import Batch, lay_out


def blocks_of(model: str) -> dict[str, int]:
    """Give the shape of a model's blocks from its config: blocks, hidden width, inner width."""
    config = json.loads((Path(model) / "config.json").read_text(encoding="utf-8"))
    return {
        "blocks": config["num_hidden_layers"],
        "hidden": config["hidden_size"],
        "inner": config["intermediate_size"],
    }


def flops(shape: dict[str, int], lengths: Sequence[int]) -> float:
    """Count the floating-point operations that windows of these lengths need, no padding among them.

    Two for each weight of the blocks and subword, and two products of n by n by width for the attention of a block.
    """
    hidden, inner = shape["hidden"], shape["inner"]
    weights = 4 * hidden * hidden + 2 * hidden * inner
    return float(shape["blocks"] * sum(2 * weights * n + 4 * n * n * hidden for n in lengths))


def wait_for(device: object) -> None:
    """Wait until a GPU has done what it was given."""
    if str(device).startswith("cuda"):
        torch.cuda.synchronize(str(device))


class _NoEngine:
    """An engine that computes nothing, and gives the same numbers for any batch; for the rest it is another one."""

    def __init__(self, engine: Any, dim: int) -> None:
        self._engine, self._dim = engine, dim
        self._states = torch.empty(0, dim)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def hidden_states(self, batch: Batch, layers: Sequence[int]) -> dict[int, torch.Tensor]:
        if len(self._states) < batch.ids.size:
            self._states = torch.randn(batch.ids.size, self._dim)
        states = self._states[: batch.ids.size].view(*batch.ids.shape, self._dim)
        return dict.fromkeys(layers, states)


@contextmanager
def without_engine(embedder: WordEmbedder) -> Iterator[None]:
    """Take the engine out of an embedder: everything else is done as ever, the vectors mean nothing."""
    engines: Any = embedder._model.engines
    engine = _NoEngine(engines.fastest(), embedder.dim)
    with mock.patch.object(engines, "for_work", return_value=engine):
        yield


class EngineAlone:
    """An engine with batches of real texts that are ready before the clock runs.

    Args:
        embedder: Its engine is taken.
        texts: Raw texts, shorter than a window.
    """

    def __init__(self, embedder: WordEmbedder, texts: Sequence[str]) -> None:
        self._model: Any = embedder._model
        self._engine: Any = self._model.engines.fastest()
        plan = embedder.plan(texts)
        template = self._model.template
        rows: list[list[int]] = [template.wrap(window.ids.tolist()) for window in plan.windows]
        self.lengths = [len(row) for row in rows]
        types: Any = (
            None if template.types is None else [template.wrap_types(len(window.ids)) for window in plan.windows]
        )
        self._batches = []
        budget, layout = embedder._reader._budget.subwords, self._engine.layout
        for batch in make_batches(self.lengths, budget, layout):
            taken, kinds = [rows[index] for index in batch], template.types and [types[index] for index in batch]
            shape = layout.shape([self.lengths[index] for index in batch], budget)
            self._batches.append(lay_out(taken, kinds, self._model.pad_id, layout, shape))
        self.padded = sum(batch.ids.size for batch in self._batches)
        self.words = len(plan.status_codes)

    @property
    def name(self) -> str:
        return str(self._engine.name)

    def run(self, layer: int) -> None:
        """Compute a layer of all batches, as many at once as the engine is best asked for."""

        def read(batch: Batch) -> None:
            self._engine.hidden_states(batch, [layer])

        with ThreadPoolExecutor(self._engine.in_flight) as threads:
            for _ in threads.map(read, self._batches):
                pass
        wait_for(self._engine.device)
