"""The OpenVINO engine: the network as a graph, for CPUs, several batches at once.

PyTorch leaves much of a CPU unused when matrices are as small as those of a sentence. OpenVINO fuses the steps between
the products, and runs one batch on each core instead of one batch on all of them; one that is alone has all.
Where a network can be told which subwords belong together, windows are packed: rows of a few widths hold them all, with
little padding. The shape of a full batch of short windows, which comes again and again, has a graph of its own, faster
than one for any shape.
"""

from __future__ import annotations

import contextlib
import copy
import os
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from threading import local
from typing import Any
from weakref import WeakSet

import numpy as np
from jaxtyping import Float, Int

from wordstates.model.batching import FULL, SHORT, Layout, row_widths
from wordstates.model.engine import Batch
from wordstates.model.forked import ForkLock
from wordstates.model.int8 import INT8, group_of, with_int8_weights
from wordstates.model.signal_stack import signal_stack_kept

_PRECISIONS = {"float32": "f32", "bfloat16": "bf16", INT8: "f32"}  # of what is not a product with int8
# Each set of layers is a graph of its own, cut above the deepest; an embedder wants one set, in three forms.
_MOST_GRAPHS = 9
# Those in which OpenVINO was started, of which this one is the last, and the others its ancestors.
_processes: set[int] = set()
# All of this process; and those of the processes that it was forked from, since freeing one would wait for its threads.
_engines: WeakSet[OpenVinoEngine] = WeakSet()
_never_freed: list[OpenVinoEngine] = []
# In short rows attention is faster as plain products (a quarter of all time for sentences in bfloat16), in longer ones
# as one fused step, which OpenVINO calls a snippet.
_PLAIN_ATTENTION = {"SNIPPETS_MODE": "DISABLE"}


class OpenVinoEngine:
    """Runs a network that was turned into a graph, up to the deepest wanted layer.

    Invariant: in float32 it computes in float32 on every CPU; left alone, OpenVINO would take bfloat16 where it can.

    Args:
        graph: The network, as `traced` (in `tracing`) or `read_graph` gives it.
        precision: ``float32``, ``bfloat16`` or ``int8``.
        threads: Threads to compute with; as many batches are computed at once.
        layout: How windows stand in a batch, as `layout_of` gives it.
        first_position: Number of the first position, if windows are packed.

    Raises:
        ValueError: If the products of the network cannot be computed in int8.
    """

    name = "openvino"
    device = "cpu"

    def __init__(
        self,
        graph: Any,
        *,
        precision: str,
        threads: int,
        layout: Layout,
        first_position: int = 0,
    ) -> None:
        self.precision_error: float | None = None
        # One more than is computed at once, so that the next batch is ready when one is done.
        self.in_flight = threads + 1
        self.streams = threads
        self.layout = layout
        self._first_position = first_position
        self._graph = graph  # in float32
        self._compute_in(precision)
        self._compiled: dict[tuple[tuple[int, ...], _Form], Any] = {}
        self._requests = local()
        self._lock = ForkLock()
        _engines.add(self)

    def hidden_states(self, batch: Batch, layers: Sequence[int]) -> dict[int, Float[np.ndarray, "rows subwords dim"]]:
        """Give the wanted layers; nothing above the deepest is in the graph that runs.

        Args:
            batch: The windows.
            layers: Absolute layer numbers.

        Returns:
            Hidden states by layer number, float32, in memory that this thread's next call writes over.
        """
        wanted = tuple(sorted(set(layers)))
        request = self._request(wanted, self._form(batch))
        inputs = inputs_of(batch, self.layout, self._first_position)
        found = request.infer(inputs, share_inputs=True, share_outputs=True)
        return {layer: found[place] for place, layer in enumerate(wanted)}

    def save_graph(self, path: Path) -> None:
        """Write the graph of every layer as XML, and its weights beside it, in float32."""
        import openvino

        openvino.serialize(self._graph, path, path.with_suffix(".bin"))

    def anew(self, precision: str | None = None) -> OpenVinoEngine:
        """Give an engine of the same graph with nothing compiled: each set of layers holds its weights once more.

        Args:
            precision: ``float32``, ``bfloat16`` or ``int8``; None: the same.
        """
        twin = copy.copy(self)
        if precision is not None:
            twin._compute_in(precision)
        twin._compiled, twin._requests, twin._lock = {}, local(), ForkLock()
        _engines.add(twin)
        return twin

    def _compute_in(self, precision: str) -> None:
        """Take a precision: what is compiled, and how."""
        self._settings: dict[str, Any] = {
            "INFERENCE_PRECISION_HINT": _PRECISIONS[precision],
            "NUM_STREAMS": self.streams,
            "INFERENCE_NUM_THREADS": self.streams,
        }
        self._computed = self._graph
        if precision == INT8:
            self._settings["DYNAMIC_QUANTIZATION_GROUP_SIZE"] = group_of(self._graph)
            self._computed = with_int8_weights(self._graph)

    def _form(self, batch: Batch) -> _Form:
        """Say which graph reads a batch: that for any, one for its shape, or one that has all cores for it."""
        shape = tuple(batch.ids.shape)
        if self.layout.packed:
            often = shape == (FULL // SHORT, SHORT) and not batch.alone
            return _Form(shape if often else None, plain=often, alone=batch.alone)
        return _Form(None, plain=shape[1] <= SHORT, alone=batch.alone)

    def _request(self, layers: tuple[int, ...], form: _Form) -> Any:
        """Give this thread's own request, whose outputs no other thread writes over."""
        mine: dict[Any, tuple[Any, Any]] = self._requests.__dict__
        compiled = self._compile(layers, form)
        if (layers, form) not in mine or mine[layers, form][0] is not compiled:
            mine[layers, form] = (compiled, compiled.create_infer_request())
        return mine[layers, form][1]

    def _compile(self, layers: tuple[int, ...], form: _Form) -> Any:
        with self._lock.checked():
            if (layers, form) not in self._compiled:
                if len(self._compiled) == _MOST_GRAPHS:
                    self._compiled.pop(next(iter(self._compiled)))
                self._compiled[layers, form] = self._compiled_part(layers, form)
            return self._compiled[layers, form]

    def _compiled_part(self, layers: tuple[int, ...], form: _Form) -> Any:
        import openvino

        outputs = [self._computed.output(layer).get_node().input_value(0) for layer in layers]
        part = openvino.Model(outputs, self._computed.get_parameters())
        if form.shape is not None:
            part = part.clone()  # or the shape would become that of all graphs
            part.reshape({given: list(form.shape) for given in part.inputs})
        with signal_stack_kept():  # or Ctrl-C would crash Python
            core = openvino.Core()
            settings = self._settings | ({"NUM_STREAMS": 1} if form.alone else {})
            if form.plain:
                with contextlib.suppress(RuntimeError):  # a setting that a release may not know, and can do without
                    return core.compile_model(part, "CPU", settings | _PLAIN_ATTENTION)
            return core.compile_model(part, "CPU", settings)


@dataclass(frozen=True)
class _Form:
    """How a graph is compiled.

    Args:
        shape: For batches of this shape alone; None: of any.
        plain: Attention as plain products, not as one fused step.
        alone: One batch at a time, on all cores, instead of one on each.
    """

    shape: tuple[int, ...] | None
    plain: bool
    alone: bool = False


def start() -> None:
    """Start OpenVINO in this process, before any thread asks it for something.

    Its table of NumPy's types is made at the first use, while Python's lock is let go: two threads that come at that
    moment wait for each other for ever.
    """
    import openvino

    _processes.add(os.getpid())
    openvino.Type.f32.to_dtype()


def layout_of(longest: int | None) -> Layout:
    """Say how windows stand in a batch.

    Args:
        longest: Subwords of the widest row that several windows share, if they are to be packed; None: they are padded.
    """
    return Layout(longest is not None, () if longest is None else row_widths(longest), few_shapes=True)


def read_graph(path: Path) -> Any:
    """Read what `save_graph` has written.

    Raises:
        RuntimeError: If it is no graph.
    """
    import openvino

    start()
    with signal_stack_kept():
        return openvino.Core().read_model(path)


def inputs_of(batch: Batch, layout: Layout, first_position: int) -> list[Int[np.ndarray, "rows subwords"]]:
    """Give what a graph takes of a batch.

    Args:
        batch: The windows.
        layout: How they stand in it.
        first_position: Number of the first position, if windows are packed.
    """
    if not layout.packed:
        inputs = [batch.ids, batch.mask.astype(np.int64)]
    else:
        positions, windows = batch.numbers()
        # A row this wide holds one window, for which a mask of one line will do, and takes less time.
        of_queries = windows[:, :1].copy() if batch.ids.shape[1] > layout.widths[-1] else windows
        inputs = [batch.ids, positions + first_position, windows, of_queries]
    return inputs if batch.type_ids is None else [*inputs, batch.type_ids]


def was_started_elsewhere() -> bool:
    """Tell whether this process was forked from one that OpenVINO has threads in."""
    return bool(_processes - {os.getpid()})


def installed_version() -> str | None:
    """Give the version of OpenVINO, without loading it; None if it is not there."""
    return metadata.version("openvino") if is_installed() else None


def is_installed() -> bool:
    """Tell whether OpenVINO is there, without loading it."""
    return find_spec("openvino") is not None


def _after_fork() -> None:
    """Keep every engine, also one that nobody holds any more: Python's collector of garbage may come upon it later."""
    _never_freed.extend(_engines)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
