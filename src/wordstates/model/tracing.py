"""A network of PyTorch turned into a graph of OpenVINO, with every hidden state as an output."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from wordstates.model import _hf
from wordstates.model.batching import Layout
from wordstates.model.engine import Batch
from wordstates.model.openvino_engine import inputs_of, start
from wordstates.model.torch_engine import alone_with


def traced(
    network: nn.Module, example: Callable[[Layout], Batch], arguments: dict[str, Any], layout: Layout, first: int
) -> Any:
    """Trace a network into a graph with every hidden state as an output.

    Args:
        network: A float32 network on the CPU; it is traced, never changed.
        example: Gives a batch to trace it with; shapes stay free.
        arguments: More keyword arguments for every pass.
        layout: How windows stand in a batch.
        first: Number of the first position, if windows are packed.

    Raises:
        RuntimeError: If the network cannot be turned into a graph.
    """
    start()
    wrapped = _Packed(network, arguments) if layout.packed else _Padded(network, arguments)
    inputs = [torch.from_numpy(each) for each in inputs_of(example(layout), layout, first)]
    return _as_graph(wrapped, network, inputs)


class _EveryLayer(nn.Module):
    """A network as tensors in, tensors out: all that a graph can hold."""

    def __init__(self, network: nn.Module, arguments: dict[str, Any]) -> None:
        super().__init__()
        self.network = network
        self.arguments = arguments

    def states(self, types: Tensor | None, **inputs: Tensor) -> tuple[Tensor, ...]:
        more = {} if types is None else {"token_type_ids": types}
        output = self.network(**inputs, **more, **self.arguments, output_hidden_states=True)
        return tuple(output.hidden_states)


class _Padded(_EveryLayer):
    def forward(self, ids: Tensor, mask: Tensor, types: Tensor | None = None) -> tuple[Tensor, ...]:
        return self.states(types, input_ids=ids, attention_mask=mask)


class _Packed(_EveryLayer):
    """Positions start at 0 in each window, and a subword sees those of its own."""

    def forward(
        self, ids: Tensor, positions: Tensor, windows: Tensor, of_queries: Tensor, types: Tensor | None = None
    ) -> tuple[Tensor, ...]:
        with _hf.windows_apart(windows, of_queries) as made:
            mask = torch.ones_like(ids)  # padding is a window of its own
            states = self.states(types, input_ids=ids, position_ids=positions, attention_mask=mask)
        if not made:
            raise NotImplementedError("it makes its masks in a way of its own")
        return states


def _as_graph(wrapped: nn.Module, network: nn.Module, inputs: Sequence[Tensor]) -> Any:
    """Trace a network into an OpenVINO model with every hidden state as an output.

    `openvino.convert_model` does the same, and reports to its makers' servers that it did; a tool that reads people's
    texts talks to nobody.
    """
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    with torch.inference_mode(), torch.autocast("cpu", enabled=False), alone_with(network), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the tracer: the graph has only the branch taken, which is checked later
        decoder = TorchScriptPythonDecoder(wrapped, example_input=tuple(inputs), trace_kwargs={"check_trace": False})
        frontend = FrontEndManager().load_by_framework("pytorch")
        return frontend.convert(frontend.load(decoder))
