"""What a network and its config say that no run of it can show.

Whatever can be found out by running a network (its blocks, its width, what it reads) is found out in `probe`, so that
no list of families has to be kept here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn

from wordstates.errors import ModelError


def position_limit(network: Any) -> int | None:
    """Give the most subwords that one pass can read, special tokens included; None if positions have no limit.

    Learned positions that begin after a padding index (RoBERTa and its kin) hold fewer than the config says.
    """
    for table, first in _padded_positions(network):
        return len(table) - first - 1
    config = network.config
    if getattr(config, "relative_attention_num_buckets", None) and config.model_type in ("t5", "mt5", "umt5"):
        return None
    for field in ("max_encoder_position_embeddings", "max_position_embeddings"):  # LED has one for each side
        limit = getattr(config, field, None)
        if isinstance(limit, int) and limit > 0:
            return limit
    return None


def length_matters(network: nn.Module) -> bool:
    """Tell whether positions are scaled by the length of the batch, so that only equal lengths may be read together."""
    config: Any = network.config
    return any(f'"rope_type": "{kind}"' in config.to_json_string(use_diff=False) for kind in ("longrope", "dynamic"))


def check_supported(network: nn.Module, name: str) -> None:
    """Refuse networks that have no weights, or whose vectors depend on what else is read.

    Raises:
        ModelError: For a network on the meta device, one that is quantized as it reads, and BigBird's sparse attention.
    """
    if any(weight.is_meta for weight in network.parameters()):
        raise ModelError(
            f"Model {name!r} has weights on the meta device, which are shapes without numbers: load it without "
            "torch.device('meta'), init_empty_weights() or offloading to disk."
        )
    if not all(isinstance(weight, Tensor) for weight in network.state_dict().values()):
        raise ModelError(
            f"Model {name!r} is quantized dynamically: it rounds by the largest number of the batch, so a vector would "
            "depend on what else is in it. Give the model as it was before quantize_dynamic()."
        )
    if getattr(network.config, "attention_type", None) == "block_sparse":
        raise ModelError(
            f"Model {name!r} has block-sparse attention and switches to full attention, for all that follows, when it "
            "reads a short text, so its vectors would depend on what was read before. Have it attend in full from the "
            "start: pass config={'attention_type': 'original_full'}; of a model given as an object, load it with "
            "attention_type='original_full'."
        )


def vocabulary_rows(network: Any) -> int:
    """Give the number of rows of the input embedding: ids from there on do not exist. 0 if it has no such table."""
    try:
        table = network.get_input_embeddings()
    except (AttributeError, NotImplementedError):  # CANINE hashes characters instead
        return 0
    return int(getattr(table, "num_embeddings", 0))


def padding_id(network: nn.Module, tokenizer: Any) -> int:
    """Give an id to pad with: the model's, else the tokenizer's, else 0. It is masked, so any id will do."""
    rows = vocabulary_rows(network)
    for candidate in (getattr(network.config, "pad_token_id", None), tokenizer.pad_token_id):
        # A padding token that was added to the tokenizer alone has no row in the model.
        if isinstance(candidate, int) and candidate >= 0 and (candidate < rows or not rows):
            return candidate
    return 0


def pass_arguments(network: Any) -> dict[str, Any]:
    """Give the keyword arguments that keep a pass to what is needed: no cache of keys and values."""
    arguments: dict[str, Any] = {"return_dict": True}
    if hasattr(network.config, "use_cache"):
        arguments["use_cache"] = False
    if network.config.model_type == "xlnet":
        arguments = {"return_dict": True, "use_mems": False}
    return arguments


def first_position(network: nn.Module) -> int:
    """Give the number of the first position: learned ones may begin after a padding index (RoBERTa and its kin)."""
    return next((first + 1 for _, first in _padded_positions(network)), 0)


def _padded_positions(network: nn.Module) -> Iterator[tuple[Any, int]]:
    """Give tables of learned positions in which a padding index comes first, and that index."""
    for path, module in network.named_modules():
        first, table = getattr(module, "padding_idx", None), getattr(module, "weight", None)
        if path.endswith("position_embeddings") and first is not None and table is not None:
            yield table, int(first)
