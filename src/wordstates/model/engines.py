"""Which engine runs a model: PyTorch, the reference, or a faster one that was seen to agree with it."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from threading import RLock
from typing import Literal

import torch
from torch import Tensor, nn

from wordstates.errors import InputError, MissingExtraError, ModelError
from wordstates.model import _hf
from wordstates.model.engine import Batch, Engine, pad, relative_error
from wordstates.model.openvino_engine import OpenVinoEngine, is_installed
from wordstates.model.probe import ProbeText
from wordstates.model.torch_engine import TorchEngine

EngineName = Literal["auto", "torch", "openvino"]
ENGINE_NAMES: tuple[EngineName, ...] = ("auto", "torch", "openvino")

# Making a graph takes about a second, which pays from so many floating-point operations on.
_WORTH_A_GRAPH = 4e11
_AGREEMENT = 1e-5  # of float32 layers, relative to their largest number where that is beyond 1
_ROUNDING = 0.1  # of reduced precision, by norm: more is no rounding but another network
_LONG_PROBE = 512


@dataclass(frozen=True)
class Probes:
    """What engines are compared on.

    Args:
        text: Two rows of subwords.
        longest: Most subwords of one pass, special tokens included; None if there is no limit.
        padding_safe: Whether rows of unequal length may share a batch.
    """

    text: ProbeText
    longest: int | None
    padding_safe: bool

    def example(self) -> Batch:
        """Give a batch to trace a network with."""
        half = len(self.text.row) // 2 if self.padding_safe else None
        return self._padded([self.text.row, self.text.changed[:half]])

    def batches(self) -> Iterator[Batch]:
        """Give batches of other shapes than the example's: a row alone, unequal rows, a long row, one beside it."""
        row = list(self.text.row)
        yield self._padded([row])
        if self.padding_safe:
            yield self._padded([row[:3], row + row[:3], row[:-1]])
        length = min(self.longest or _LONG_PROBE, _LONG_PROBE)
        long = (row * (length // len(row) + 1))[:length]
        yield self._padded([long])
        if self.padding_safe:
            yield self._padded([row, long])

    def _padded(self, rows: Sequence[Sequence[int]]) -> Batch:
        types = self.text.types
        kinds = (
            None if types is None else [[types[min(place, len(types) - 1)] for place in range(len(r))] for r in rows]
        )
        return pad(rows, kinds, self.text.pad_id)


class Engines:
    """The engines of one model.

    Invariant: an engine other than the reference is used only after its layers agreed with the reference's on a probe
    text, in several shapes: in float32 within 1e-5, in reduced precision within its rounding.

    Args:
        reference: The PyTorch engine, in the wanted precision.
        probes: What to compare on.
        layers: The layers that can be read.
        wanted: ``auto``, ``torch`` or ``openvino``.
        precision: ``float32``, ``bfloat16`` or ``float16``.
        threads: Threads on a CPU; None: as many as PyTorch takes.
        owned: Whether the network is ours alone, so that nobody changes its weights.
        name: Name of the model, for errors.
        exact: Hidden states of the probe's row in float32, where `precision` is another.

    Raises:
        MissingExtraError: If OpenVINO is asked for and not installed.
        ModelError: If it is asked for and cannot run this model here.
    """

    def __init__(
        self,
        reference: TorchEngine,
        probes: Probes,
        *,
        layers: Sequence[int],
        wanted: EngineName,
        precision: str,
        threads: int | None,
        owned: bool,
        name: str,
        exact: Sequence[Tensor] | None,
    ) -> None:
        self.reference = reference
        self.why_torch: str | None = None
        self._probes = probes
        self._layers = sorted(layers)
        self._wanted = wanted
        self._precision = precision
        self._threads = threads
        self._owned = owned
        self._name = name
        self._exact = exact
        self._weights = sum(
            part.numel() for module in reference.blocks or [reference.network] for part in module.parameters()
        )
        self._settled = False
        self._fast: OpenVinoEngine | None = None
        self._lock = RLock()
        if threads is not None and reference.device.type == "cpu":
            torch.set_num_threads(threads)
        if wanted == "openvino":
            self.fastest()

    @property
    def device(self) -> torch.device:
        """Where the model runs."""
        return self.reference.device

    def named(self, name: str) -> Engine:
        """Give an engine by its name.

        Raises:
            InputError: If it is not one that this model runs on here.
        """
        for engine in (self.reference, self._fast):
            if engine is not None and engine.name == name:
                return engine
        raise InputError(f"engine={name!r} does not run this model here: ask engine_for(...) which one does.")

    def for_work(self, subwords: float) -> Engine:
        """Choose the engine for a call that reads so many subwords.

        A short call is left to PyTorch: it answers at once, while OpenVINO first makes a graph, and reads a single
        batch on one core.
        """
        short = self._wanted == "auto" and not self._settled and 2.0 * subwords * self._weights < _WORTH_A_GRAPH
        return self.reference if short else self.fastest()

    def settle(self) -> Engine:
        """Choose the fastest engine for every call from now on, also for short ones."""
        self._settled = True
        return self.fastest()

    def fastest(self) -> Engine:
        """Give the fastest engine that is installed, supports the model, and agrees with the reference."""
        if self._wanted == "torch":
            return self.reference
        with self._lock:
            if self._fast is None and self.why_torch is None:
                self.why_torch = self._obstacle() or self._make()
                if self.why_torch is not None and self._wanted == "openvino":
                    raise ModelError(
                        f"Model {self._name!r} cannot run on OpenVINO here: {self.why_torch}. Leave out "
                        "engine='openvino', and PyTorch runs it."
                    )
            return self._fast or self.reference

    def _obstacle(self) -> str | None:
        if self.device.type != "cpu":
            return f"OpenVINO runs on CPUs, the model is on {self.device}"
        if self._precision == "float16":
            return "OpenVINO computes in float32 or bfloat16"
        if not is_installed():
            if self._wanted == "openvino":
                raise MissingExtraError.of("openvino", "engine='openvino'")
            return 'OpenVINO is not installed: pip install "wordstates[openvino]"'
        if not self._owned and self._wanted == "auto":
            return "a model in memory may be trained on, and OpenVINO would keep its weights as they are now"
        return None

    def _make(self) -> str | None:
        """Make the OpenVINO engine and compare it; give the reason if it is not to be used.

        Some networks with windows of attention give NaN where padding sees nothing; with attention written out they do
        not, so that is tried next.
        """
        network = _in_float32(self.reference.network)
        reason = None
        for change in (None, _hf.with_plain_attention):
            try:
                with _hf.quiet():
                    engine = OpenVinoEngine(
                        change(network) if change else network,
                        self._probes.example(),
                        self.reference.arguments,
                        precision=self._precision,
                        threads=self._threads or torch.get_num_threads(),
                    )
                found = self._disagreement(engine)
            except Exception as error:  # of the tracer, the frontend or the compiler: each has its own
                written = (str(error).strip() or type(error).__name__).splitlines()[0]
                found = f"it cannot be turned into a graph ({written})"
            if found is None:
                self._fast = engine
                return None
            reason = reason or found
        return reason

    def _disagreement(self, engine: OpenVinoEngine) -> str | None:
        for number, batch in enumerate(self._probes.batches()):
            found = engine.hidden_states(batch, self._layers)
            if self._exact is not None and number == 0:
                exact = [self._exact[layer] for layer in self._layers]
                engine.precision_error = relative_error(exact, [found[layer] for layer in self._layers])
                if not engine.precision_error <= _ROUNDING:
                    return f"its layers differ by {engine.precision_error:.1g} from float32"
                continue
            expected = self.reference.hidden_states(batch, self._layers)
            for layer in self._layers:
                given, here = expected[layer][batch.mask].float(), found[layer][batch.mask]
                if self._exact is not None:
                    error, allowed = relative_error([given], [here]), _ROUNDING
                else:
                    error, allowed = float((given - here).abs().max()), _AGREEMENT * max(1.0, float(given.abs().max()))
                if not error <= allowed:
                    return f"its layer {layer} differs by {error:.1g} from PyTorch's"
        return None


def _in_float32(network: nn.Module) -> nn.Module:
    if next(network.parameters()).dtype == torch.float32:
        return network
    return copy.deepcopy(network).float()
