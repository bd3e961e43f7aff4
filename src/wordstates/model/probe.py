"""What a network does, found out by running it on a few subwords instead of by knowing its family.

Two tiny passes answer: how many layers there are and how wide, which modules are the blocks (so that a pass can stop
early), whether the network reads the right context, and whether padding leaves its vectors alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from wordstates.errors import ModelError, NonFiniteError
from wordstates.model.anatomy import Anatomy
from wordstates.model.engine import pad
from wordstates.model.torch_engine import TorchEngine, entering
from wordstates.wording import counted


@dataclass(frozen=True)
class Blocks:
    """Where a pass can stop.

    Args:
        modules: The modules whose calls are the blocks, None if they could not be told.
        time_first: They see (subwords, windows, dim).
    """

    modules: tuple[nn.Module, ...] | None
    time_first: bool


@dataclass(frozen=True)
class ProbeText:
    """Two rows of subwords that begin alike and end differently.

    Args:
        row: Vocabulary ids, special tokens included.
        changed: The same length; its last subword of text is another one.
        types: Segment ids of both, where the model needs them.
        pad_id: Id to pad with.
    """

    row: Sequence[int]
    changed: Sequence[int]
    types: Sequence[int] | None
    pad_id: int


def probe(network: nn.Module, text: ProbeText, arguments: dict[str, Any], name: str) -> tuple[Anatomy, Blocks]:
    """Find out what a network does, and where a pass can stop.

    Args:
        network: The network.
        text: What to run it on.
        arguments: More keyword arguments for every pass.
        name: Name of the model for errors.

    Raises:
        ModelError: If it gives no hidden states.
        NonFiniteError: If a layer holds NaN or infinity.
    """
    groups = {
        path: tuple(module)
        for path, module in network.named_modules()
        if isinstance(module, nn.ModuleList) and len(module)
    }
    entered: dict[str, list[Tensor]] = {path: [] for path in groups}
    engine = TorchEngine(network, None, 0, arguments=arguments)
    types = None if text.types is None else [text.types, text.types]
    both = pad([text.row, text.changed], types, text.pad_id)
    with ExitStack() as stack:
        for path, modules in groups.items():
            listeners = stack.enter_context(entering(modules))
            listeners.append(lambda _, state, path=path: entered[path].append(state))
        states, output = engine.every_hidden_state(both)
    if not states:
        raise ModelError(
            f"Model {name!r} gives no hidden states, so it cannot give word vectors: choose a transformer."
        )
    _check_kind(states, both.ids.shape, name)
    _check_finite(states, name)
    last = states[-1]
    n_blocks = len(states) - 1
    same = next(place for place, (one, other) in enumerate(zip(text.row, text.changed, strict=True)) if one != other)
    anatomy = Anatomy(
        n_blocks=n_blocks,
        dims=tuple(state.shape[-1] for state in states),
        causal=bool((last[0, :same] - last[1, :same]).abs().max() <= 1e-6 * last.abs().max()),
        padding_safe=_padding_is_safe(engine, text, last[0]),
        readable=frozenset(layer for layer, state in enumerate(states) if state.shape[:2] == both.ids.shape),
    )
    return anatomy, _find_blocks(groups, entered, states, output)


def _find_blocks(
    groups: dict[str, tuple[nn.Module, ...]],
    entered: dict[str, list[Tensor]],
    states: Sequence[Tensor],
    output: Tensor,
) -> Blocks:
    """Find the modules whose k-th call is entered by hidden state k, for every layer below the last."""
    if not _same(output, states[-1]):
        return Blocks(None, time_first=False)
    for path, modules in groups.items():
        doors = entered[path]
        if len(doors) != len(states) - 1 or not all(isinstance(door, Tensor) for door in doors):
            continue
        if all(_same(door, state) for door, state in zip(doors, states, strict=False)):
            return Blocks(modules, time_first=False)
        if all(
            door.ndim == 3 and _same(door.transpose(0, 1), state) for door, state in zip(doors, states, strict=False)
        ):
            return Blocks(modules, time_first=True)
    return Blocks(None, time_first=False)


def _same(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and torch.equal(one, other)


def _check_kind(states: Sequence[Any], shape: Sequence[int], name: str) -> None:
    """Refuse hidden states of which none can be the vectors of the subwords that were read."""
    strange = next((layer for layer, state in enumerate(states) if not isinstance(state, Tensor)), None)
    if strange is not None:
        kind = type(states[strange]).__name__
        raise ModelError(
            f"Model {name!r} gives its hidden state {strange} as a {kind} of several tensors, so a subword has no one "
            "vector: choose a model whose hidden_states are tensors."
        )
    if all(state.shape[:2] != tuple(shape) for state in states):
        raise ModelError(
            f"Model {name!r} read {counted(shape[1], 'subword')} and gives hidden states of {states[-1].shape[1]}: it "
            "pads or shortens the text inside, so no vector is surely a subword's. Choose another model."
        )


def _check_finite(states: Sequence[Tensor], name: str) -> None:
    for layer, state in enumerate(states):
        if not torch.isfinite(state).all():
            raise NonFiniteError(
                f"Model {name!r} gives NaN or infinity at layer {layer} for a plain sentence: its weights are damaged, "
                "or overflow its precision. Fetch the model again, or try precision='float32'."
            )


def _padding_is_safe(engine: TorchEngine, text: ProbeText, alone: Tensor) -> bool:
    longer = [*text.row, *text.row[:3]]
    types = None if text.types is None else [text.types, [*text.types, *text.types[:3]]]
    states, _ = engine.every_hidden_state(pad([text.row, longer], types, text.pad_id))
    padded = states[-1][0, : len(text.row)]
    return padded.shape == alone.shape and bool((padded - alone).abs().max() <= 1e-4 * alone.abs().max())
