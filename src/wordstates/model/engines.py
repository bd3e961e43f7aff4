"""Which engine runs a model: PyTorch with padding, the reference, or a faster one that was seen to agree with it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from functools import cached_property, partial
from itertools import islice
from typing import Any

import torch
from torch import Tensor, nn

from wordstates.errors import MissingExtraError, ModelError
from wordstates.model import _hf, _hub, compared
from wordstates.model.compared import WhyNot, of_subwords, relative_error
from wordstates.model.config_facts import first_position
from wordstates.model.engine import Engine
from wordstates.model.engine_cache import EngineChoice, Entry, cache_folder, processor
from wordstates.model.forked import USE_SPAWN, ForkLock
from wordstates.model.int8 import INT8
from wordstates.model.openvino_engine import (
    OpenVinoEngine,
    installed_version,
    is_installed,
    layout_of,
    read_graph,
    was_started_elsewhere,
)
from wordstates.model.packing import HALF, PackedEngine, RowsEngine, attention
from wordstates.model.torch_engine import TorchEngine, network_in_float32
from wordstates.model.tracing import traced

FastEngine = OpenVinoEngine | PackedEngine | RowsEngine

# Choosing an engine compiles the network, and has it read the probes: that pays for calls of so many floating-point
# operations (benchmarks/constants.py), and of so many subwords more.
_WORTH_A_GRAPH, _WORTH_PROBES = 4e11, 20_000
_WORTH_KEPT = 5e10  # where an earlier process has chosen, and only the graph is read and compiled; likewise
_AGREEMENT = 1e-5  # of float32 layers, relative to their largest number where that is beyond 1
_ROUNDING = 0.1  # of reduced precision, by norm: more is no rounding but another network
_MAY_CHANGE = "a model in memory may be trained on, or moved, and a graph would keep it as it is now"
_PLACE = "Exception from"  # and a line of OpenVINO's code: what went wrong follows
_FEW = 2  # groups of rows that tell whether windows are apart


class _DisagreementError(Exception):
    """An engine differs from the reference."""


class Engines:
    """The engines of one model.

    Invariant: an engine other than the reference is used only after its layers agreed with the reference's on a probe
    text, in several shapes: in float32 within 1e-5, in reduced precision within its rounding. What packs windows is
    held against the reference in float32 in any case.

    Args:
        reference: The PyTorch engine, in the wanted precision.
        probes: What to compare on.
        layers: The layers that can be read.
        wanted: The engine asked for.
        precision: ``float32``, ``bfloat16``, ``float16`` or ``int8``.
        fingerprint: Of the weights.
        slower: How many times as long as in float32 PyTorch takes in it here.
        owned: Whether the network is ours alone, so that nobody changes its weights.
        name: Name of the model, for errors.
        exact: Hidden states of the probe's row in float32, where `precision` is another.
        keep: Called with the entry of OpenVINO's graph, and the subwords of the longest window if windows are packed.

    Raises:
        MissingExtraError: If OpenVINO is asked for and not installed.
        ModelError: If a fast engine is asked for and cannot run this model here.
    """

    def __init__(
        self,
        reference: TorchEngine,
        probes: compared.Probes,
        *,
        layers: Sequence[int],
        wanted: str,
        precision: str,
        fingerprint: str,
        slower: float,
        owned: bool,
        name: str,
        exact: Sequence[Tensor] | None,
        keep: Callable[[Entry, int | None], object] | None = None,
    ) -> None:
        self.reference = reference
        self.why_not_faster: str | None = None
        self._probes = probes
        self._layers = sorted(layers)
        self._wanted = wanted
        self._precision = precision
        self._fingerprint = fingerprint
        self._slower = slower
        self._owned = owned
        self._name = name
        self._exact = exact
        self._keep = keep
        parts = reference.blocks or [reference.network]
        self.n_weights = sum(each.numel() for part in parts for each in part.parameters())
        self.is_chosen = wanted == "torch"
        self._fast: FastEngine | None = None
        self._lock = ForkLock()
        self._process = os.getpid()
        if wanted not in ("auto", "torch"):
            self.fastest()

    @property
    def device(self) -> torch.device:
        """Where the model runs."""
        return self.reference.device

    def for_work(self, subwords: float) -> Engine:
        """Choose the engine for a call that reads so many subwords.

        A short call is left to PyTorch: it answers at once, while OpenVINO first makes a graph.
        """
        self._see_whether_forked()
        subwords *= self._slower
        worth = 2.0 * self.n_weights * (subwords - _WORTH_PROBES) >= _WORTH_A_GRAPH
        worth = worth or (2.0 * self.n_weights * subwords >= _WORTH_KEPT and self._is_kept)
        return self.fastest() if worth or self._wanted != "auto" else self.reference

    @cached_property
    def _is_kept(self) -> bool:
        """True if an earlier process has left the graph that OpenVINO runs."""
        return self.device.type == "cpu" and self._entry("openvino").is_there()

    def fastest(self) -> Engine:
        """Give the fastest engine that is installed, supports the model, and agrees with the reference.

        Where it is not the one that was hoped for, `why_not_faster` says why.
        """
        with self._lock.checked():
            self._see_whether_forked()
            if not self.is_chosen:
                self._choose()
                self.is_chosen = True
        return self._fast or self.reference

    def _see_whether_forked(self) -> None:
        """Have nothing to do any more with what computes in threads that are not here."""
        if self._process != os.getpid():
            if self.device.type == "cuda":
                raise ModelError(f"A model on a GPU cannot be used in a process that was forked: {USE_SPAWN}.")
            self._process = os.getpid()
            if isinstance(self._fast, OpenVinoEngine):
                self._fast, self.is_chosen = None, False

    def _choose(self) -> None:
        makers: dict[str, Callable[[], FastEngine | WhyNot]] = {"openvino": self._openvino, "packed": self._packed}
        best = ["openvino", "packed"] if self.device.type == "cpu" else ["packed"]
        why_not: list[WhyNot] = []
        for name in best if self._wanted == "auto" else [self._wanted]:
            found = makers[name]()
            if not isinstance(found, WhyNot):
                self._fast = found
                break
            why_not.append(found)
        if self._fast is None and self._wanted != "auto":
            how = "compute in precision='int8'" if self._precision == INT8 else f"run on engine={self._wanted!r}"
            raise ModelError(
                f"Model {self._name!r} cannot {how} here: {why_not[0].reason}. Leave it out, and PyTorch runs it."
            )
        self.why_not_faster = why_not[0].reason if why_not else None

    @property
    def _in_one_row(self) -> bool:
        """True if windows may stand in a single row, where a copy of the network attends in a way of ours."""
        if self.device.type != "cuda":
            return self._wanted == "packed"  # where it is one window after the other, and no faster
        half = next(self.reference.network.parameters()).dtype in HALF
        return half and (self._owned or self._wanted == "packed")

    @property
    def _longest(self) -> int | None:
        """Subwords of the widest row that windows may share: as long as those that are compared."""
        most = compared.LONG_PROBE
        return min(self._probes.longest or most, most) if self._probes.padding_safe else None

    def _openvino(self) -> FastEngine | WhyNot:
        if self.device.type != "cpu":
            return WhyNot(f"OpenVINO runs on CPUs, the model is on {self.device}: device='cpu' puts it there")
        if self._precision == "float16":
            return WhyNot("OpenVINO computes in float32, bfloat16 or int8")
        if not is_installed():
            if self._wanted == "openvino":
                purpose = "precision='int8'" if self._precision == INT8 else "engine='openvino'"
                raise MissingExtraError.of("openvino", purpose)
            return WhyNot('OpenVINO is not installed: pip install "wordstates[openvino]"')
        if not self._owned and self._wanted == "auto":
            return WhyNot(_MAY_CHANGE)
        if was_started_elsewhere():
            return WhyNot(
                f"OpenVINO was started before this process was forked, and its threads are not here: {USE_SPAWN}"
            )
        found = self._first_that_agrees("openvino", self._graphs(), "it cannot be turned into a graph")
        if self._keep is not None and isinstance(found, OpenVinoEngine):
            self._keep(self._entry("openvino"), self._longest if found.layout.packed else None)
        return found

    def _packed(self) -> FastEngine | WhyNot:
        if not self._probes.padding_safe:
            return WhyNot("it reads windows of one length only, of which nothing is padded")
        return self._first_that_agrees("packed", self._packers(), "its windows cannot be packed")

    def _first_that_agrees(
        self, name: str, ways: Iterable[Callable[[], FastEngine]], failed: str
    ) -> FastEngine | WhyNot:
        """Give the first engine that can be made and agrees with the reference, or the one that did before.

        Args:
            name: Of the engine.
            ways: Each makes one, the best first.
            failed: What it means if one cannot be made.
        """
        entry = self._entry(name)
        if (kept := self._as_found_before(name, entry)) is not None:
            return kept
        why_not: list[WhyNot] = []
        sure = True  # that another process would find the same
        for number, make in enumerate(ways):
            try:
                with _hub.quiet():
                    engine = make()
                self._compare(engine)
            except _DisagreementError as error:
                why_not.append(WhyNot(str(error)))
            except Exception as error:  # of a tracer, a compiler, a kernel: each has its own
                lines = [line for line in str(error).splitlines() if line.strip() and not line.startswith(_PLACE)]
                why_not.append(WhyNot(f"{failed} ({(lines or [type(error).__name__])[0].strip()})"))
                sure = False  # memory may have been short
            else:
                save = engine.save_graph if isinstance(engine, OpenVinoEngine) else None
                entry.write(EngineChoice(number, error=engine.precision_error), save)
                # Of what was compiled to compare every layer nothing is kept.
                return engine.anew() if isinstance(engine, OpenVinoEngine) else engine
        found = why_not[-2:][0]  # of OpenVINO's ways the plainest but one, which changes nothing in the network
        if sure:
            entry.write(EngineChoice(None, found.reason))
        return found

    def _entry(self, name: str) -> Entry:
        """Give the entry of the cache that says what comparing an engine came to."""
        network: Any = self.reference.network
        own_code = type(network).__module__.startswith("transformers_modules")
        if cache_folder() is None or own_code or not self._owned:  # code and weights of others may change
            return Entry(self._name, None)
        return Entry(
            self._name,
            {
                "engine": name,
                "precision": self._precision,
                "weights": self._fingerprint,
                "network": f"{type(network).__module__}.{type(network).__qualname__}",
                "dtype": str(next(network.parameters()).dtype),
                "config": {key: value for key, value in network.config.to_dict().items() if key != "_name_or_path"},
                "arguments": self.reference.arguments,
                "layers": self._layers,
                "probe": asdict(self._probes.text),
                "longest": self._probes.longest,
                "padding_safe": self._probes.padding_safe,
                "in_one_row": self._in_one_row,
                "device": processor(self.device),
                "versions": {**_hf.versions(), "openvino": installed_version()},
            },
        )

    def _as_found_before(self, name: str, entry: Entry) -> FastEngine | WhyNot | None:
        """Give the engine that was found to agree, or why none did; None: not tried yet, or it cannot be made."""
        choice = entry.read()
        if choice is None:
            return None
        if choice.way is None:
            return WhyNot(choice.why_not or "")
        try:
            engine: FastEngine
            if name == "packed":
                engine = self._ways_to_pack()[choice.way](self.reference)
            elif entry.graph is None:
                return None
            else:
                engine = self._of_graph(read_graph(entry.graph), self._longest if choice.way == 0 else None)
        except (RuntimeError, IndexError):
            return None
        engine.precision_error = choice.error
        return engine

    def _packers(self) -> list[Callable[[], FastEngine]]:
        """Give what makes engines that pack windows, the best first."""
        return [partial(self._pack, way) for way in self._ways_to_pack()]

    def _ways_to_pack(self) -> list[Callable[[TorchEngine], PackedEngine | RowsEngine]]:
        longest, ways = self._longest, list[Callable[[TorchEngine], PackedEngine | RowsEngine]]()
        if longest is not None:
            ways.append(partial(_in_rows, longest=longest))
        if self._in_one_row:
            ways.insert(0 if self.device.type == "cuda" else len(ways), _in_one_row)
        return ways

    def _graphs(self) -> Iterator[Callable[[], FastEngine]]:
        """Give the ways to make a graph, the best first.

        Some networks with windows of attention give NaN in OpenVINO where padding sees nothing; with attention written
        out they do not.
        """
        network = network_in_float32(self.reference.network)
        if self._longest is not None:
            yield partial(self._as_graph, network, self._longest)
        yield partial(self._as_graph, network)
        yield lambda: self._as_graph(_hf.with_plain_attention(network))

    def _as_graph(self, network: nn.Module, longest: int | None = None) -> OpenVinoEngine:
        layout, first = layout_of(longest), first_position(network)
        graph = traced(network, self._probes.example, self.reference.arguments, layout, first)
        return self._of_graph(graph, longest)

    def _of_graph(self, graph: Any, longest: int | None) -> OpenVinoEngine:
        return OpenVinoEngine(
            graph,
            precision=self._precision,
            threads=torch.get_num_threads(),
            layout=layout_of(longest),
            first_position=first_position(self.reference.network),
        )

    def _pack(self, pack: Callable[[TorchEngine], PackedEngine | RowsEngine]) -> PackedEngine | RowsEngine:
        """Make a packed engine, once its windows were seen to be apart in float32, where rounding hides nothing."""
        if self._exact is not None:
            exact = self._reference_in_float32()
            self._compare_with(pack(exact), exact)
        return pack(self.reference)

    def _reference_in_float32(self) -> TorchEngine:
        plain = self.reference
        return TorchEngine(network_in_float32(plain.network), None, plain.n_blocks, arguments=plain.arguments)

    def _compare(self, engine: FastEngine) -> None:
        """Raise if an engine differs from the reference by more than its precision explains."""
        if self._exact is not None:
            exact = [self._exact[layer][0] for layer in self._layers]
            row = self._probes.batch([self._probes.text.row], engine.layout)
            engine.precision_error = relative_error(exact, of_subwords(engine, row, self._layers))
            if not engine.precision_error <= _ROUNDING:
                raise _DisagreementError(f"its layers differ by {engine.precision_error:.1g} from float32")
            if isinstance(engine, OpenVinoEngine):  # the same graph, where rounding hides nothing
                self._compare_with(engine.anew("float32"), self._reference_in_float32(), most=_FEW)
        self._compare_with(engine, self.reference, rounded=self._precision == INT8)

    def _compare_with(
        self, engine: FastEngine, reference: TorchEngine, most: int | None = None, *, rounded: bool = False
    ) -> None:
        """Raise if an engine differs from another by more than the precision of both explains.

        Args:
            engine: The one.
            reference: The other, which reads each row alone.
            most: Groups of rows to compare, the shortest first; None: all.
            rounded: Whether the one rounds more than the other's network does.
        """
        is_exact = not rounded and next(reference.network.parameters()).dtype not in HALF
        alone: dict[tuple[int, ...], list[Tensor]] = {}
        for rows in islice(self._probes.groups(), most):
            found = of_subwords(engine, self._probes.batch(rows, engine.layout), self._layers)
            for row in {tuple(row) for row in rows} - alone.keys():
                alone[row] = of_subwords(reference, self._probes.batch([row]), self._layers)
            expected = [torch.cat(parts) for parts in zip(*(alone[tuple(row)] for row in rows), strict=True)]
            for layer, given, here in zip(self._layers, expected, found, strict=True):
                if is_exact:
                    error, allowed = float((given - here).abs().max()), _AGREEMENT * max(1.0, float(given.abs().max()))
                else:
                    error, allowed = relative_error([given], [here]), _ROUNDING
                if not error <= allowed:
                    raise _DisagreementError(f"its layer {layer} differs by {error:.1g} from PyTorch's")


def _in_one_row(padded: TorchEngine) -> PackedEngine:
    network = _hf.with_own_attention(padded.network, attention)
    return PackedEngine(network, padded, first_position(padded.network))


def _in_rows(padded: TorchEngine, longest: int) -> RowsEngine:
    return RowsEngine(padded, first_position(padded.network), longest)
