"""Windows that stand one after the other, for PyTorch, so that little or nothing is padded.

A batch holds windows of unequal length: a tenth of it may be padding, a quarter of the large ones of a GPU. Packed,
attention alone has to know where each window begins::

    padded   The river bank .            packed   The river bank . A bank lends .
             A   bank  lends .

In a single row every subword is a real one, and attention is a function of ours, for unequal lengths. On CPUs, and for
networks whose attention is more than that, rows have a few widths, and the masks that a network makes hide the
neighbours too. A window longer than such rows is read as without packing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import local
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from wordstates.model import _hf
from wordstates.model.batching import Layout, row_widths
from wordstates.model.devices import to_device
from wordstates.model.engine import Batch
from wordstates.model.torch_engine import TorchEngine

HALF = (torch.bfloat16, torch.float16)  # what FlashAttention computes in


@dataclass(frozen=True)
class _Row:
    """The packed row that this thread reads.

    Args:
        bounds: Where each window begins, and where the last ends, on the device.
        lengths: Subwords of each window.
    """

    bounds: Int[Tensor, " bounds"]
    lengths: list[int]


_READING = local()


class PackedEngine(TorchEngine):
    """Runs a network on packed windows.

    Invariant: windows do not see each other, and positions start at 0 in each; nothing is assumed of the network, which
    is compared with the reference before it is used.

    Args:
        network: A network that attends by `attention`.
        reference: The engine of the same network with padding.
        first_position: Number of the first position, where positions have numbers.
    """

    name = "packed-varlen"
    layout = Layout(packed=True)

    def __init__(self, network: nn.Module, reference: TorchEngine, first_position: int) -> None:
        blocks = None
        if reference.blocks is not None:
            paths = {module: path for path, module in reference.network.named_modules()}
            blocks = tuple(network.get_submodule(paths[block]) for block in reference.blocks)
        super().__init__(
            network,
            blocks,
            reference.n_blocks,
            time_first=reference.time_first,
            arguments=reference.arguments,
        )
        self._first_position = first_position

    @contextmanager
    def _inputs(self, batch: Batch) -> Iterator[dict[str, Any]]:
        bounds = to_device(torch.tensor([0, *batch.lengths.cumsum().tolist()], dtype=torch.int32), self.device)
        with super()._inputs(batch) as inputs:
            _READING.row = _Row(bounds, batch.lengths.tolist())
            try:
                yield inputs
            finally:
                del _READING.row

    def _arrangement(self, batch: Batch) -> dict[str, Tensor]:
        positions = torch.from_numpy(batch.positions())[None] + self._first_position
        return {"position_ids": to_device(positions, self.device)}


class RowsEngine(TorchEngine):
    """Runs a network on windows in rows of a few widths, and on longer ones as the reference does.

    Invariant: as that of `PackedEngine`.

    Args:
        reference: The engine of the same network with padding.
        first_position: Number of the first position, where positions have numbers.
        longest: Subwords of the widest row that several windows share.
    """

    name = "packed-masked"

    def __init__(self, reference: TorchEngine, first_position: int, longest: int) -> None:
        super().__init__(
            reference.network,
            reference.blocks,
            reference.n_blocks,
            time_first=reference.time_first,
            arguments=reference.arguments,
        )
        self.layout = Layout(packed=True, widths=row_widths(longest))
        self._first_position = first_position

    @contextmanager
    def _inputs(self, batch: Batch) -> Iterator[dict[str, Any]]:
        with super()._inputs(batch) as inputs:
            if batch.ids.shape[1] > self.layout.widths[-1]:
                yield inputs
                return
            positions, windows = (to_device(torch.from_numpy(each), self.device) for each in batch.numbers())
            with _hf.windows_apart(windows):
                mask = torch.ones_like(windows)  # padding is a window of its own
                yield inputs | {"position_ids": positions + self._first_position, "attention_mask": mask}


def attention(
    module: nn.Module,
    query: Float[Tensor, "one heads subwords dim"],
    key: Float[Tensor, "one key_heads subwords dim"],
    value: Float[Tensor, "one key_heads subwords dim_out"],
    attention_mask: Tensor | None,
    *,
    scaling: float | None = None,
    is_causal: bool | None = None,
    sliding_window: int | None = None,
    **others: Any,
) -> tuple[Float[Tensor, "one subwords heads dim_out"], None]:
    """Attend within each window of the row that this thread reads; `transformers` calls it in place of its own.

    Args:
        module: The attention of a block.
        query: Queries.
        key: Keys; of fewer heads, where several queries share one.
        value: Values.
        attention_mask: None: which window a subword is of says all.
        scaling: Of the products; default by the square root of the dimension.
        is_causal: Whether a subword sees those before it only; default what the module says.
        sliding_window: Subwords that one sees on its left, and on its right, itself included; None: all.
        others: What other implementations of attention use.

    Raises:
        NotImplementedError: If attention is more than products and windows: biases by distance, caps, sinks, keys that
            are chosen.
    """
    extras = ("position_bias", "softcap", "s_aux", "indices")
    if attention_mask is not None or any(others.get(name) is not None for name in extras):
        raise NotImplementedError("its attention has a bias of its own")
    causal = bool(getattr(module, "is_causal", True) if is_causal is None else is_causal)
    row: _Row = _READING.row
    attend = _flash if query.is_cuda and query.dtype in HALF else _window_by_window
    return attend(row, query, key, value, scaling, causal, sliding_window), None


def _flash(
    row: _Row, query: Tensor, key: Tensor, value: Tensor, scaling: float | None, causal: bool, sliding: int | None
) -> Tensor:
    """Attend in one call, by FlashAttention."""
    try:
        from torch.nn.attention.varlen import varlen_attn
    except ImportError:
        raise NotImplementedError(
            f"PyTorch {torch.__version__} has no attention for unequal lengths: 2.13 has"
        ) from None
    left = -1 if sliding is None else sliding - 1
    longest = max(row.lengths)
    queries, keys, values = (part[0].transpose(0, 1).contiguous() for part in (query, key, value))
    found = varlen_attn(
        queries,
        keys,
        values,
        row.bounds,
        row.bounds,
        longest,
        longest,
        scale=scaling,
        window_size=(left, 0 if causal else left),
        enable_gqa=key.shape[1] != query.shape[1],
    )
    assert isinstance(found, Tensor)  # and no more, since no more was asked for
    return found[None]


def _window_by_window(
    row: _Row, query: Tensor, key: Tensor, value: Tensor, scaling: float | None, causal: bool, sliding: int | None
) -> Tensor:
    """Attend one window after the other, where there is no FlashAttention: right, and not fast."""
    parts = zip(*(part.split(row.lengths, dim=2) for part in (query, key, value)), strict=True)
    found = [
        scaled_dot_product_attention(
            queries,
            keys,
            values,
            attn_mask=_seen(queries.shape[2], causal, sliding, query.device),
            scale=scaling,
            enable_gqa=key.shape[1] != query.shape[1],
        )
        for queries, keys, values in parts
    ]
    return torch.cat(found, dim=2).transpose(1, 2).contiguous()


def _seen(
    length: int, causal: bool, sliding: int | None, device: torch.device
) -> Bool[Tensor, "{length} {length}"] | None:
    """Say which subwords each subword of a window sees; None: all."""
    if not causal and sliding is None:
        return None
    place = torch.arange(length, device=device)
    distance = place[:, None] - place[None, :]
    seen = distance >= 0 if causal else torch.ones_like(distance, dtype=torch.bool)
    return seen if sliding is None else seen & (distance.abs() < sliding)
