"""Which part of a model reads: without what is wrapped around it, its head, and the decoder behind an encoder.

A wrapper may change what the part inside computes (a prompt of its own, a prefix, scaled inputs): then the part alone
would give other vectors than the model, in silence. So what is no class of `transformers` is run as a whole, too.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from wordstates.errors import ModelError
from wordstates.model.compared import relative_error
from wordstates.model.engine import Batch
from wordstates.model.torch_engine import alone_with

_CLASSES_OF_TRANSFORMERS = "transformers.models."
_SAME = {torch.float32: 1e-5, torch.float64: 1e-5}  # relative error; in reduced precision:
_SAME_ROUNDED = 1e-2


def without_wrappers(model: Any) -> Any:
    """Take off what is wrapped around a model and computes as the model does: copies on GPUs, compiled code, poolers.

    DataParallel and its like, `torch.compile`, a SentenceTransformer, adapters of `peft` that are part of the layers.
    """
    while True:
        compiled, parallel = getattr(model, "_orig_mod", None), getattr(model, "module", None)
        if isinstance(compiled, nn.Module):
            model = compiled
        elif isinstance(parallel, nn.Module) and not hasattr(type(model), "config_class"):
            model = parallel
        elif (
            isinstance(model, nn.Sequential)
            and len(model)
            and isinstance(getattr(model[0], "auto_model", None), nn.Module)
        ):
            model = model[0].auto_model  # SentenceTransformer, CrossEncoder, SparseEncoder
        else:
            return model


def own_tokenizer(model: Any) -> Any:
    """Give the tokenizer that comes with a model (a SentenceTransformer's), None if none does."""
    return getattr(model[0], "tokenizer", None) if isinstance(model, nn.Sequential) and len(model) else None


def reading_part(model: Any) -> nn.Module:
    """Give the part of a model that turns subwords into hidden states.

    Raises:
        ModelError: If it is no model of transformers, or its adapter is a prompt.
    """
    model = without_wrappers(model)
    adapter = getattr(model, "active_peft_config", None)
    if adapter is not None:
        if adapter.is_prompt_learning:
            raise ModelError(prompt_of("This model", str(getattr(adapter.peft_type, "value", adapter.peft_type))))
        return reading_part(model.get_base_model())
    if not hasattr(model, "config"):
        raise ModelError(f"{type(model).__name__} is no model of transformers: it has no config.")
    base: Any = getattr(model, "base_model", model)
    if getattr(base.config, "is_encoder_decoder", False) or _has_both(base):
        return _with_config(base.get_encoder(), base)
    for part in ("language_model", "text_model"):  # models that also see pictures
        inner = getattr(base, part, None)
        if isinstance(inner, nn.Module) and hasattr(inner, "config"):
            return inner
    return _with_config(base, model)


def prompt_of(model: str, kind: str) -> str:
    """Say why a model whose adapter is a prompt gives no vectors."""
    what = kind.lower().replace("_", " ")
    return (
        f"{model} has a trained prompt ({what}): it reads vectors of its own before the text, which stand for no "
        "subword, and wordstates would leave them out. Give the base model, or an adapter that changes the "
        "layers, such as LoRA or IA3."
    )


def _has_both(base: Any) -> bool:
    """Tell an encoder-decoder whose config does not say so: T5EncoderModel saves that it is none, and loads as one."""
    return all(isinstance(getattr(base, part, None), nn.Module) for part in ("encoder", "decoder"))


def _with_config(part: Any, model: Any) -> nn.Module:
    if not isinstance(part, nn.Module) or not hasattr(part, "config"):
        raise ModelError(
            f"{type(model).__name__} cannot be used: its part that reads, {type(part).__name__}, has no config of "
            "transformers, so it cannot be told how it reads. Choose a model of another architecture."
        )
    return part


def check_same_forward(whole: nn.Module, part: nn.Module, batch: Batch, name: str) -> None:
    """Check that a model as a whole computes what the part computes that reads for it.

    Args:
        whole: The model as it was given. Classes of `transformers` as they are come through unseen: their heads do not
            change what is below.
        part: Its part that reads.
        batch: What to read.
        name: Name of the model for errors.

    Raises:
        ModelError: If they differ, or the whole cannot be run.
    """
    whole = without_wrappers(whole)
    if whole is part or _is_plain(whole):
        return
    dtype = next(part.parameters()).dtype
    try:
        expected, found = _last_state(whole, batch), _last_state(part, batch)
    except Exception as error:  # of a forward pass that somebody wrote
        raise ModelError(
            f"Model {name!r}, a {type(whole).__name__}, cannot read plain ids ({type(error).__name__}: {error}), so "
            f"it is not known whether it changes what its {type(part).__name__} computes. Give the part that reads: "
            "WordEmbedder(model.base_model, tokenizer)."
        ) from error
    if expected.shape != found.shape or relative_error([expected], [found]) > _SAME.get(dtype, _SAME_ROUNDED):
        raise ModelError(
            f"Model {name!r} is a {type(whole).__name__} that changes what its {type(part).__name__} computes: their "
            "hidden states differ. A vector of the part alone would not be the model's. Put the change into the part "
            "(for adapters: merge_and_unload()), or give the part itself if you mean it: "
            "WordEmbedder(model.base_model, tokenizer)."
        )


def _is_plain(model: nn.Module) -> bool:
    return (
        type(model).__module__.startswith(_CLASSES_OF_TRANSFORMERS)
        and "forward" not in vars(model)
        and not (model._forward_hooks or model._forward_pre_hooks)
    )


def _last_state(model: Any, batch: Batch) -> Tensor:
    device = next(model.parameters()).device
    given = {"input_ids": batch.ids, "attention_mask": batch.mask, "token_type_ids": batch.type_ids}
    inputs = {name: torch.from_numpy(each).long().to(device) for name, each in given.items() if each is not None}
    if getattr(getattr(model, "config", None), "is_encoder_decoder", False) and hasattr(model, "get_decoder"):
        inputs["decoder_input_ids"] = inputs["input_ids"]
    with torch.inference_mode(), torch.autocast(device.type, enabled=False), alone_with(model):
        output = model(**inputs, output_hidden_states=True, return_dict=True)
    states = getattr(output, "encoder_hidden_states", None) or getattr(output, "hidden_states", None)
    if not states:
        raise ValueError("it gives no hidden states")
    state: Tensor = states[-1]
    return state


def computed_weights(model: Any, missing: list[str]) -> set[str]:
    """Tell which weights that a checkpoint lacks are computed (sinusoids) and not learned, so that nothing is lost.

    The model's own way to start is asked twice, from different garbage: what comes out as it is, and is more than one
    number repeated (as a norm's ones), follows from the config alone.

    Args:
        model: The loaded model.
        missing: Names of the weights that its checkpoint lacks.
    """
    return {key for key in missing if _is_computed(model, key)}


def _is_computed(model: Any, key: str) -> bool:
    path, _, name = key.rpartition(".")
    try:
        owner = model.get_submodule(path)
    except AttributeError:
        return False
    weight = getattr(owner, name, None)
    if not isinstance(weight, Tensor) or weight.numel() < 2 or bool((weight == weight.flatten()[0]).all()):
        return False
    for garbage in (0.25, -3.0):
        twin = copy.deepcopy(owner)
        with torch.no_grad():
            for each in twin.parameters():
                each.fill_(garbage)
                each._is_hf_initialized = False  # else it is left as it is
            model._init_weights(twin)
        if not torch.equal(getattr(twin, name), weight):
            return False
    return True
