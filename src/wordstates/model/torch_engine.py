"""The PyTorch engine: every model, every device; it stops before the first block that nobody needs."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

import torch
from jaxtyping import Float
from torch import Tensor, nn

from wordstates.model.batching import PADDED
from wordstates.model.devices import to_device
from wordstates.model.engine import Batch
from wordstates.model.forked import ForkLock

# Hooks and the training mode belong to the network, so a network runs one pass at a time, whoever asks for it.
_LOCKS: WeakKeyDictionary[nn.Module, ForkLock] = WeakKeyDictionary()
_LOCK_OF_LOCKS = ForkLock()


class _EnoughError(Exception):
    """Raised inside the network once the deepest wanted layer is known."""


class TorchEngine:
    """Runs a network as `transformers` would, up to the deepest wanted layer.

    Hidden state k is the input of block k, so layers below the last are caught as inputs of their block, and the pass
    ends there; the last layer is the network's own output, after its final norm if it has one. The network is left
    as it was found: hooks are gone and the training mode is restored after each pass.

    Args:
        network: A network that takes ``input_ids`` and ``attention_mask``.
        blocks: The modules whose calls, in order, are the blocks; None where they could not be told (then every layer
            is computed, by ``output_hidden_states``).
        n_blocks: Number of blocks.
        time_first: The blocks see (subwords, windows, dim) instead of (windows, subwords, dim), as in XLNet.
        arguments: More keyword arguments for every pass.
        precision_error: Largest error relative to float32, as measured; None in float32.
    """

    name = "torch"
    layout = PADDED
    streams = 1

    def __init__(
        self,
        network: nn.Module,
        blocks: Sequence[nn.Module] | None,
        n_blocks: int,
        *,
        time_first: bool = False,
        arguments: dict[str, Any] | None = None,
        precision_error: float | None = None,
    ) -> None:
        self.network = network
        self.blocks = blocks
        self.n_blocks = n_blocks
        self.time_first = time_first
        self.arguments = arguments or {}
        self.precision_error = precision_error
        # On a CPU every pass takes all cores. A GPU computes one batch while the vectors of another are fetched.
        self.in_flight = 1 if self.device.type == "cpu" else 2

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return next(self.network.parameters()).device

    def hidden_states(self, batch: Batch, layers: Sequence[int]) -> dict[int, Float[Tensor, "rows subwords dim"]]:
        """Give the wanted layers, and run no block above the deepest.

        Args:
            batch: The windows, on any device.
            layers: Absolute layer numbers.

        Returns:
            Hidden states by layer number, in the network's precision, on its device.
        """
        with (
            torch.inference_mode(),
            self._in_its_own_precision(),
            alone_with(self.network),
            self._inputs(batch) as inputs,
        ):
            if self.blocks is None:
                every = self.network(**inputs, output_hidden_states=True).hidden_states
                return {layer: every[layer] for layer in layers}
            return self._caught(inputs, self.blocks, layers)

    def every_hidden_state(self, batch: Batch) -> tuple[tuple[Any, ...], Tensor]:
        """Run the whole network and give all that it reports: every hidden state, and its output.

        Args:
            batch: The windows, on any device.

        Returns:
            ``hidden_states`` as the network gives them, embedding output first, be they tensors or not, and its
            last hidden state.
        """
        with (
            torch.inference_mode(),
            self._in_its_own_precision(),
            alone_with(self.network),
            self._inputs(batch) as inputs,
        ):
            output = self.network(**inputs, output_hidden_states=True)
        return tuple(output.hidden_states or ()), output[0]

    def _in_its_own_precision(self) -> torch.autocast:
        """Keep out a caller's autocast, which would change the precision that was promised."""
        return torch.autocast(self.device.type, enabled=False)

    @contextmanager
    def _inputs(self, batch: Batch) -> Iterator[dict[str, Any]]:
        """Give the keyword arguments that have the network read a batch, while it does."""
        inputs = {
            "input_ids": to_device(torch.from_numpy(batch.ids), self.device),
            **self._arrangement(batch),
            **self.arguments,
        }
        if batch.type_ids is not None:
            inputs["token_type_ids"] = to_device(torch.from_numpy(batch.type_ids), self.device)
        yield inputs

    def _arrangement(self, batch: Batch) -> dict[str, Tensor]:
        """Give what tells the network how windows stand in a batch."""
        return {"attention_mask": to_device(torch.from_numpy(batch.mask).long(), self.device)}

    def _caught(self, inputs: dict[str, Any], blocks: Sequence[nn.Module], layers: Sequence[int]) -> dict[int, Tensor]:
        caught: dict[int, Tensor] = {}
        deepest = max(layers)
        with entering(blocks) as calls:

            def at_the_door(call: int, state: Tensor) -> None:
                if call in layers:
                    caught[call] = state.transpose(0, 1) if self.time_first else state
                if call == deepest:
                    raise _EnoughError

            calls.append(at_the_door)
            try:
                output = self.network(**inputs)
            except _EnoughError:
                return caught
        if self.n_blocks in layers:
            caught[self.n_blocks] = output[0]
        return caught


@contextmanager
def entering(modules: Sequence[nn.Module]) -> Iterator[list[Any]]:
    """Call every listener with (number of the call, hidden states) each time one of the modules is entered.

    Args:
        modules: The modules to watch; one that is shared between layers counts at every call.

    Yields:
        A list to put listeners into.
    """
    listeners: list[Any] = []
    count = -1

    def hook(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        nonlocal count
        count += 1
        state = args[0] if args and isinstance(args[0], Tensor) else kwargs.get("hidden_states")
        for listener in listeners:
            listener(count, state)

    handles = [module.register_forward_pre_hook(hook, with_kwargs=True) for module in dict.fromkeys(modules)]
    try:
        yield listeners
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def alone_with(network: nn.Module) -> Iterator[None]:
    """Have a network alone for one pass, with dropout off, and leave it in training if it was."""
    with _LOCK_OF_LOCKS.checked():
        lock = _LOCKS.setdefault(network, ForkLock())
    with lock.checked():
        training = [module for module in network.modules() if module.training]
        if training:
            network.eval()
        try:
            yield
        finally:
            for module in training:
                module.training = True


def copy_of(network: nn.Module, *, share_weights: bool = False) -> nn.Module:
    """Copy a network while no pass is in it: the hooks of a pass would be copied with it.

    Args:
        network: The network.
        share_weights: Whether the copy has the weights and buffers themselves, and only its modules and config are new.
    """
    shared = {id(weight): weight for weight in (*network.parameters(), *network.buffers())} if share_weights else {}
    with alone_with(network):
        return copy.deepcopy(network, shared)


def network_in_float32(network: nn.Module) -> nn.Module:
    """Give a network in float32: itself if it is, else a copy."""
    return network if next(network.parameters()).dtype == torch.float32 else copy_of(network).float()
