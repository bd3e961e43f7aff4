"""The OpenVINO engine: the network as a graph, for CPUs, several batches at once.

PyTorch leaves much of a CPU unused when matrices are as small as those of a sentence. OpenVINO fuses the steps between
the products, and runs one batch on each core instead of one batch on all of them.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Sequence
from importlib.util import find_spec
from threading import Lock, local
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from wordstates.errors import MissingExtraError
from wordstates.model.engine import Batch
from wordstates.model.torch_engine import alone_with

_PRECISIONS = {"float32": "f32", "bfloat16": "bf16"}
# Each set of layers is a graph of its own, cut above the deepest; an embedder wants one set, in two forms.
_MOST_GRAPHS = 6
# Up to this width attention is faster as plain products (a quarter of all time for sentences in bfloat16), beyond it as
# one fused step, which OpenVINO calls a snippet.
SHORT = 64
_PLAIN_ATTENTION = {"SNIPPETS_MODE": "DISABLE"}


class OpenVinoEngine:
    """Runs a network that was turned into a graph, up to the deepest wanted layer.

    Invariant: in float32 it computes in float32 on every CPU; left alone, OpenVINO would take bfloat16 where it can.

    Args:
        network: A float32 network on the CPU; it is traced, never changed.
        example: A batch to trace it with; shapes stay free.
        arguments: More keyword arguments for every pass.
        precision: ``float32`` or ``bfloat16``.
        threads: Threads to compute with; as many batches are computed at once.

    Raises:
        MissingExtraError: If OpenVINO is not installed.
        RuntimeError: If the network cannot be turned into a graph.
    """

    name = "openvino"
    few_shapes = True
    packs = False
    device = torch.device("cpu")

    def __init__(
        self,
        network: nn.Module,
        example: Batch,
        arguments: dict[str, Any],
        *,
        precision: str,
        threads: int,
    ) -> None:
        if not is_installed():
            raise MissingExtraError.of("openvino", "engine='openvino'")
        self.precision_error: float | None = None
        # One more than is computed at once, so that the next batch is ready when one is done.
        self.in_flight = threads + 1
        self._settings = {
            "INFERENCE_PRECISION_HINT": _PRECISIONS[precision],
            "NUM_STREAMS": threads,
            "INFERENCE_NUM_THREADS": threads,
        }
        self._graph = _as_graph(network, example, arguments)
        self._compiled: dict[tuple[tuple[int, ...], bool], Any] = {}
        self._requests = local()
        self._lock = Lock()

    def hidden_states(self, batch: Batch, layers: Sequence[int]) -> dict[int, Float[Tensor, "rows subwords dim"]]:
        """Give the wanted layers; nothing above the deepest is in the graph that runs.

        Args:
            batch: The windows, on the CPU.
            layers: Absolute layer numbers.

        Returns:
            Hidden states by layer number, float32, in memory that this thread's next call writes over.
        """
        wanted = tuple(sorted(set(layers)))
        inputs = [batch.ids.numpy(), batch.mask.long().numpy()]
        if batch.type_ids is not None:
            inputs.append(batch.type_ids.numpy())
        found = self._request(wanted, batch.ids.shape[1] <= SHORT).infer(inputs, share_inputs=True, share_outputs=True)
        with warnings.catch_warnings():
            # The arrays belong to the request and say that they are not to be written to; nobody does.
            warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
            return {layer: torch.from_numpy(found[place]) for place, layer in enumerate(wanted)}

    def _request(self, layers: tuple[int, ...], short: bool) -> Any:
        """Give this thread's own request, whose outputs no other thread writes over."""
        mine: dict[Any, tuple[Any, Any]] = self._requests.__dict__
        compiled = self._compile(layers, short)
        if (layers, short) not in mine or mine[layers, short][0] is not compiled:
            mine[layers, short] = (compiled, compiled.create_infer_request())
        return mine[layers, short][1]

    def _compile(self, layers: tuple[int, ...], short: bool) -> Any:
        with self._lock:
            if (layers, short) not in self._compiled:
                if len(self._compiled) == _MOST_GRAPHS:
                    self._compiled.pop(next(iter(self._compiled)))
                self._compiled[layers, short] = self._compiled_part(layers, short)
            return self._compiled[layers, short]

    def _compiled_part(self, layers: tuple[int, ...], short: bool) -> Any:
        import openvino

        outputs = [self._graph.output(layer).get_node().input_value(0) for layer in layers]
        part = openvino.Model(outputs, self._graph.get_parameters())
        core = openvino.Core()
        if short:
            with contextlib.suppress(RuntimeError):  # a setting that a release may not know, and can do without
                return core.compile_model(part, "CPU", self._settings | _PLAIN_ATTENTION)
        return core.compile_model(part, "CPU", self._settings)


def is_installed() -> bool:
    """Tell whether OpenVINO is there, without loading it."""
    return find_spec("openvino") is not None


class _EveryLayer(nn.Module):
    """A network as tensors in, tensors out: all that a graph can hold."""

    def __init__(self, network: nn.Module, arguments: dict[str, Any]) -> None:
        super().__init__()
        self.network = network
        self.arguments = arguments

    def forward(self, ids: Tensor, mask: Tensor, types: Tensor | None = None) -> tuple[Tensor, ...]:
        more = {} if types is None else {"token_type_ids": types}
        output = self.network(input_ids=ids, attention_mask=mask, **more, **self.arguments, output_hidden_states=True)
        return tuple(output.hidden_states)


def _as_graph(network: nn.Module, example: Batch, arguments: dict[str, Any]) -> Any:
    """Trace a network into an OpenVINO model with every hidden state as an output.

    `openvino.convert_model` does the same, and reports to its makers' servers that it did; a tool that reads people's
    texts talks to nobody.
    """
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    inputs = [example.ids, example.mask.long()]
    if example.type_ids is not None:
        inputs.append(example.type_ids)
    with torch.inference_mode(), torch.autocast("cpu", enabled=False), alone_with(network), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the tracer: that branches taken are taken for good, which is checked later
        decoder = TorchScriptPythonDecoder(
            _EveryLayer(network, arguments), example_input=tuple(inputs), trace_kwargs={"check_trace": False}
        )
        frontend = FrontEndManager().load_by_framework("pytorch")
        return frontend.convert(frontend.load(decoder))
