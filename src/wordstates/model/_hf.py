"""With `_hub` the only file that imports `transformers`: loading models, and changing how they attend."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import local
from typing import Any

import torch
import transformers
from jaxtyping import Int
from torch import Tensor, nn
from transformers import (
    MODEL_FOR_CAUSAL_LM_MAPPING,
    AttentionInterface,
    AttentionMaskInterface,
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
)
from transformers.masking_utils import bidirectional_mask_function
from transformers.utils import CONFIG_NAME, cached_file, extract_commit_hash, find_adapter_config_file

from wordstates.errors import InputError, ModelError
from wordstates.json_text import read_json
from wordstates.model._hub import (
    MINILM,
    check_minilm,
    explained,
    fetch_tokenizer,
    hub_silence,
    quiet,
    read_tokenizer,
    source_of,
)
from wordstates.model.given_config import change_config
from wordstates.model.reading_part import computed_weights, own_tokenizer, prompt_of, reading_part, without_wrappers
from wordstates.model.torch_engine import copy_of

_OWN_ATTENTION = "wordstates_packed"  # what transformers calls it
_UNSEEN = -1e9  # added to what a subword must not see
_READING = local()  # the rows that this thread reads, if windows are packed in them


@dataclass(frozen=True)
class Checkpoint:
    """A network with its tokenizer, as loaded or as given.

    Args:
        network: The part that reads subwords: the model itself, or the encoder of an encoder-decoder.
        whole: What was loaded or given, with what is around that part.
        tokenizer: Its tokenizer.
        name: What the user called it, or the class of an object given.
        revision: Commit on the hub, None for local folders and objects.
        owned: True if loaded here, so that it may be moved and converted.
    """

    network: nn.Module
    whole: nn.Module
    tokenizer: Any
    name: str
    revision: str | None
    owned: bool


def load_pretrained(
    name: str | Path,
    *,
    tokenizer: Any = None,
    revision: str | None = None,
    trust_remote_code: bool = False,
    unsafe_weights: bool = False,
    with_head: bool = False,
    config: Mapping[str, Any] | None = None,
) -> Checkpoint:
    """Load a model in float32, and its tokenizer.

    Args:
        name: A hub name, a local folder, or ``"minilm"`` for the model that the extra of this name carries.
        tokenizer: Name, folder or object of another tokenizer; default the model's own.
        revision: Branch, tag or commit on the hub.
        trust_remote_code: Run code that comes with the model; off unless asked.
        unsafe_weights: Also load pickled weights, which can run code; off unless asked.
        with_head: Also load the output head, if it is of a kind that has one for causal models.
        config: Keys of its config, in place of those in ``config.json``.

    Raises:
        InputError: If `config` has a key that the model's has not, or a value that it cannot have.
        ModelNotFoundError: If it is not available.
        ModelError: If its weights are unsafe or incomplete.
    """
    source = source_of(name)
    if name == MINILM:
        check_minilm(Path(source))
    silence = hub_silence(source)
    options: dict[str, Any] = {
        "revision": revision,
        "trust_remote_code": trust_remote_code,
        "local_files_only": silence is not None,
    }
    with quiet(), explained(name, silence, unsafe_weights=unsafe_weights):
        _check_no_adapter(source, options, name)
        settings = AutoConfig.from_pretrained(source, **options)
        change_config(settings, config or {}, str(name))
        maker = AutoModelForCausalLM if with_head and type(settings) in MODEL_FOR_CAUSAL_LM_MAPPING else AutoModel
        model, report = maker.from_pretrained(
            source,
            config=settings,
            dtype=torch.float32,
            use_safetensors=None if unsafe_weights else True,
            output_loading_info=True,
            **options,
        )
        wanted = tokenizer if tokenizer is not None else source
        if isinstance(wanted, (str, Path)):
            if tokenizer is not None:  # a repository of its own, with revisions of its own
                options = {**options, "revision": None, "local_files_only": hub_silence(source_of(wanted)) is not None}
            wanted = read_tokenizer(source_of(wanted), **options)
        commit = _commit_of(source, revision)
    network = reading_part(model)
    missing = set(report["missing_keys"])
    of_head = {key for key in missing if maker is AutoModelForCausalLM and not key.startswith(model.base_model_prefix)}
    _check_whole(model, network, missing - of_head, str(name))
    if of_head:
        model = network  # its head would be random
    return Checkpoint(network, model, wanted, str(name), commit, owned=True)


def _commit_of(source: str | Path, revision: str | None) -> str | None:
    """Give the commit of the hub that a model was loaded from just now; None if it is a folder here."""
    if os.path.exists(source):
        return None
    found = cached_file(source, CONFIG_NAME, revision=revision, local_files_only=True)
    commit: str | None = extract_commit_hash(found, None)
    return commit


def _check_no_adapter(source: str | Path, options: dict[str, Any], name: str | Path) -> None:
    """Refuse an adapter without its model, and one that would be left out because `peft` is missing.

    Raises:
        ModelError: If the folder or repository is such a one.
    """
    whole = os.path.isfile(Path(source, CONFIG_NAME))  # a Path raises where a name is too long
    if whole and Path(source).is_dir() and importlib.util.find_spec("peft"):
        return  # a model with an adapter beside it, which transformers puts into its layers
    known = {key: options[key] for key in ("revision", "local_files_only")}
    found = find_adapter_config_file(str(source), **known) if whole or not _has_config(source, known) else None
    if found is not None:
        raise ModelError(_adapter_of(name, Path(found)))


def _has_config(source: str | Path, options: dict[str, Any]) -> bool:
    return cached_file(source, CONFIG_NAME, **options, _raise_exceptions_for_missing_entries=False) is not None


def _adapter_of(name: str | Path, config: Path) -> str:
    """Say what an adapter is, and how it and its model become a model."""
    try:
        told = read_json(config.read_text(encoding="utf-8"))
        kind, base = str(told.get("peft_type") or "PEFT"), str(told.get("base_model_name_or_path") or "BASE")
    except (ValueError, AttributeError, OSError):
        kind, base = "PEFT", "BASE"
    what = f"{str(name)!r} is an adapter ({kind}) for the model {base!r}"
    if "PROMPT" in kind or kind in ("PREFIX_TUNING", "P_TUNING", "CPT", "CARTRIDGE"):
        return prompt_of(what, kind).replace("has a trained prompt", "and a trained prompt", 1)
    return (
        f"{what}, and no model: it holds only what the training added. Make one model of both with peft: "
        f"PeftModel.from_pretrained(AutoModel.from_pretrained({base!r}), {str(name)!r}).merge_and_unload()"
        ".save_pretrained('merged'), save the tokenizer there too, and give 'merged'. In Python the merged model "
        "can be given as it is: WordEmbedder(model, tokenizer)."
    )


def _check_whole(model: Any, network: nn.Module, missing: Iterable[str], name: str) -> None:
    """Check that the part that reads lacks no weight; what it does not read, and what is computed, may be missing.

    Raises:
        ModelError: If it lacks one.
    """
    own = {id(weight) for weight in (*network.parameters(), *network.buffers())}
    named = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    lacking = sorted(key for key in missing if "pooler" not in key and (key not in named or id(named[key]) in own))
    lost = [key for key in lacking if key not in computed_weights(model, lacking)]
    if lost:
        raise ModelError(
            f"Model {name!r} lacks {len(lost)} of its weights, such as {lost[0]!r}; they would be random. "
            "Check that the folder holds the whole checkpoint and the config of the same model."
        )


def wrap(model: nn.Module, tokenizer: Any) -> Checkpoint:
    """Take a model and a tokenizer that are already in memory, as they are.

    Raises:
        InputError: If the tokenizer is missing.
    """
    tokenizer = own_tokenizer(model) if tokenizer is None else tokenizer
    if tokenizer is None:
        raise InputError("A model given as an object needs its tokenizer: WordEmbedder(model=..., tokenizer=...).")
    network = reading_part(model)
    found = fetch_tokenizer(tokenizer) if isinstance(tokenizer, (str, Path)) else tokenizer
    config = getattr(without_wrappers(model), "config", network.config)
    name = getattr(config, "_name_or_path", "") or type(without_wrappers(model)).__name__
    return Checkpoint(network, model, found, name, getattr(config, "_commit_hash", None), owned=False)


def with_plain_attention(network: Any) -> Any:
    """Give a network with attention written out step by step, which shares its weights with the given one."""
    return _twin(network, "eager")


def with_own_attention(network: Any, attention: Callable[..., Any]) -> Any:
    """Give a network that attends by a function of ours, without a mask, and shares its weights with the given one.

    Raises:
        ValueError: If its attention cannot be replaced.
    """
    AttentionInterface.register(_OWN_ATTENTION, attention)
    AttentionMaskInterface.register(_OWN_ATTENTION, lambda *args, **kwargs: None)
    return _twin(network, _OWN_ATTENTION)


@contextmanager
def windows_apart(
    windows: Int[Tensor, "rows subwords"], of_queries: Int[Tensor, "rows _queries"] | None = None
) -> Iterator[list[str]]:
    """Have the masks that a network makes in this thread keep windows in packed rows apart.

    What else a network says of its masks holds: that it is causal, or how far a subword sees.

    Args:
        windows: Number of the window of each subword.
        of_queries: The same, of each subword that attends; or once for a row that holds one window; default `windows`.

    Yields:
        The kinds of masks that were made; empty if the network does not make them through `transformers`.
    """
    _watch_masks()
    _READING.windows, _READING.of_queries = windows, windows if of_queries is None else of_queries
    _READING.made = list[str]()
    try:
        yield _READING.made
    finally:
        del _READING.windows, _READING.of_queries, _READING.made


@cache
def _watch_masks() -> None:
    """Have `transformers` ask us, once and for all, when it makes a mask; outside packed rows nothing changes."""
    for kind in ("sdpa", "eager"):
        AttentionMaskInterface.register(kind, _apart(kind, AttentionMaskInterface()[kind]))


def _apart(kind: str, make: Callable[..., Any]) -> Callable[..., Any]:
    """Give what makes masks of a kind, and where this thread reads packed rows has a subword see its window alone."""

    def made(*args: Any, **options: Any) -> Any:
        windows = getattr(_READING, "windows", None)
        if windows is None:
            return make(*args, **options)
        _READING.made.append(kind)
        together = _READING.of_queries[:, None, :, None] == windows[:, None, None, :]
        if options.get("mask_function") is not bidirectional_mask_function:  # which says that all is seen
            # Without a mask of padding, which is a window of its own; and without a reason to make none.
            without = {"attention_mask": None, "allow_is_causal_skip": False, "allow_is_bidirectional_skip": False}
            seen = make(*args, **options | without)
            together = together & (seen if seen.dtype == torch.bool else seen == 0)
        # Numbers, which each block adds as they are: what is true or false it would turn into numbers itself.
        return torch.where(together, 0.0, _UNSEEN).to(options.get("dtype", torch.float32))

    return made


def _twin(network: Any, attention: str) -> Any:
    twin: Any = copy_of(network, share_weights=True)
    twin.set_attn_implementation(attention)  # which only warns where it cannot
    if twin.config._attn_implementation != attention:
        raise ValueError("its attention cannot be replaced")
    return twin


def versions() -> dict[str, str]:
    """Give the versions of the libraries that made the vectors."""
    import tokenizers

    return {"torch": torch.__version__, "transformers": transformers.__version__, "tokenizers": tokenizers.__version__}
