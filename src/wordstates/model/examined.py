"""A model looked at: its network loaded or taken from memory, run on a few subwords, and put where it is wanted."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from wordstates.errors import InputError, ModelError, TokenizerError
from wordstates.model import _hf
from wordstates.model.anatomy import Anatomy
from wordstates.model.compared import Probes, relative_error
from wordstates.model.config_facts import (
    check_supported,
    first_position,
    length_matters,
    padding_id,
    pass_arguments,
    position_limit,
    vocabulary_rows,
)
from wordstates.model.cpu_speed import slowness
from wordstates.model.devices import choose_device
from wordstates.model.engine import Batch, pad
from wordstates.model.engines import Engines
from wordstates.model.fingerprint import fingerprint
from wordstates.model.forked import tell_torch
from wordstates.model.found import Found
from wordstates.model.int8 import INT8
from wordstates.model.keep_later import remember
from wordstates.model.kept_model import KeptModel
from wordstates.model.loaded import SLOW, LoadedModel, LoadOptions
from wordstates.model.probe import Blocks, ProbeText, probe
from wordstates.model.reading_part import check_same_forward, without_wrappers
from wordstates.model.surprisal import OutputHead
from wordstates.model.tokenizer import Tokenizer
from wordstates.model.torch_engine import TorchEngine, copy_of, network_in_float32
from wordstates.wording import counted

_DTYPES: dict[str, torch.dtype] = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
    INT8: torch.float32,  # of the network that OpenVINO's is made of, and compared with
}
_PROBE_TEXT = "The quick brown fox jumps over the lazy dog near the river bank, and nobody minds."
# Subwords to try a model with, and how many different ones of them it should know.
_PROBE_SUBWORDS, _FEWEST_OF_A_PROBE = 24, 8


def examined_model(
    model: str | Path | nn.Module, tokenizer: Any, options: LoadOptions, keeper: KeptModel | None = None
) -> LoadedModel:
    """Load a model by name or folder, or take one from memory, and find out what it does.

    Args:
        model: Hub name, local folder, ``"minilm"``, or a module in memory (which is never changed).
        tokenizer: Name, folder or object; needed for a module.
        options: How it is to be loaded.
        keeper: Keeps what is found for the next process, once OpenVINO was seen to agree; None: nothing is kept.

    Raises:
        InputError: If the options contradict each other.
        ModelError: If the model is not available or cannot be used; see `wordstates.model._hf.load_pretrained`.

    Warns:
        UserWarning: If the processor is slower in this precision than in float32.
    """
    tell_torch()
    if isinstance(model, nn.Module):
        if options.device is not None:
            raise InputError("A model given as an object stays where it is: move it with model.to(...), not device=...")
        if options.config:
            raise InputError(
                "A model given as an object has its config: load it as you want it, or leave config=... out."
            )
        checkpoint = _hf.wrap(model, tokenizer)
    else:
        checkpoint = _hf.load_pretrained(
            model,
            tokenizer=tokenizer,
            revision=options.revision,
            trust_remote_code=options.trust_remote_code,
            unsafe_weights=options.unsafe_weights,
            with_head=options.surprisal,
            config=options.config,
        )
    words = Tokenizer(checkpoint.tokenizer, checkpoint.name, special_tokens=options.special_tokens)
    return _examined(checkpoint, words, options, keeper)


def _examined(
    checkpoint: _hf.Checkpoint,
    words: Tokenizer,
    options: LoadOptions,
    keeper: KeptModel | None,
) -> LoadedModel:
    """Find out what a checkpoint does, and put it where and into the precision it is wanted."""
    network, name = checkpoint.network.eval() if checkpoint.owned else checkpoint.network, checkpoint.name
    arguments = pass_arguments(network)
    check_supported(network, name)
    pad_id = padding_id(network, checkpoint.tokenizer)
    text = _probe_text(words, pad_id, vocabulary_rows(network))
    _check_vocabulary(text, vocabulary_rows(network), name)
    if checkpoint.owned:
        network = network.to(choose_device(options.device))
    weights = fingerprint(network)
    current = next(network.parameters()).dtype
    wanted = _DTYPES[options.precision] if options.precision else current
    precision = options.precision or _name(wanted)
    check_same_forward(checkpoint.whole, network, _one_row(text), name)
    plain = network_in_float32(network)
    (anatomy, blocks), exact = _probed(plain, text, arguments, name), None
    if wanted != torch.float32 or options.precision == INT8:
        exact = _hidden_states(plain, text, arguments)
    if wanted == torch.float32:
        network = plain
    else:
        if wanted != current:
            network = (network if checkpoint.owned else copy_of(network)).to(wanted)
        # Rounding would pass for the effect of padding, or of the right context: that is known from float32.
        halved, blocks = _probed(network, text, arguments, name)
        anatomy = replace(halved, causal=anatomy.causal, padding_safe=anatomy.padding_safe)
    reference = TorchEngine(
        network,
        blocks.modules,
        anatomy.n_blocks,
        time_first=blocks.time_first,
        arguments=arguments,
        precision_error=None if exact is None else relative_error(exact, _hidden_states(network, text, arguments)),
    )
    found = Found(
        weights=weights,
        anatomy=anatomy,
        limit=position_limit(network),
        first_position=first_position(network),
        vocabulary_rows=vocabulary_rows(network),
        pad_id=pad_id,
        slower=_slower_here(network, wanted, options.engine),
        versions=_hf.versions(),
    )
    engines = Engines(
        reference,
        Probes(text, found.limit, anatomy.padding_safe),
        layers=sorted(anatomy.readable),
        wanted="openvino" if precision == INT8 else options.engine,
        precision=precision,
        fingerprint=weights,
        slower=found.slower,
        owned=checkpoint.owned,
        name=name,
        exact=exact,
        keep=None if keeper is None else partial(keeper.write, found, checkpoint.revision, words, words.fingerprint()),
    )
    if keeper is not None and found.slower < SLOW:
        remember(engines, keeper)
    return LoadedModel.of(
        found,
        words,
        options,
        engines,
        revision=checkpoint.revision,
        precision=precision,
        head=_head(checkpoint, network, anatomy, text, arguments) if options.surprisal else None,
    )


def _head(
    checkpoint: _hf.Checkpoint, network: nn.Module, anatomy: Anatomy, text: ProbeText, arguments: dict[str, Any]
) -> OutputHead:
    """Give the output head of a causal model, which agrees with the whole model.

    Raises:
        InputError: If the model is not causal, or comes without its head.
        ModelError: If its head cannot be run alone.
    """
    name, whole = checkpoint.name, without_wrappers(checkpoint.whole)
    if not anatomy.causal:
        raise InputError(
            f"Surprisal is for causal models: {name!r} reads both sides of a word, so it does not say how probable a "
            "word is after what stands before it. Choose a model such as 'gpt2'."
        )
    if checkpoint.owned:
        weight = next(network.parameters())
        whole = whole.to(weight.device, weight.dtype)
    head = OutputHead(whole, name)
    head.check(whole, text.row, _hidden_states(network, text, arguments)[-1][0])
    return head


def _slower_here(network: nn.Module, wanted: torch.dtype, engine: str) -> float:
    """Say how many times as long as in float32 PyTorch takes in a precision, and warn if it may have to."""
    slower = slowness(wanted) if next(network.parameters()).device.type == "cpu" else 1.0
    if slower >= SLOW and engine != "openvino":
        warnings.warn(
            f"On this processor PyTorch takes {slower:.0f} times as long in {_name(wanted)} as in float32. With "
            "precision='float32' vectors are exact and come sooner.",
            stacklevel=6,
        )
    return slower


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _probe_text(tokenizer: Tokenizer, pad_id: int, rows: int) -> ProbeText:
    """Take an English sentence to try a model with; subwords from all over the vocabulary where it knows no English."""
    template = tokenizer.template
    try:
        ids = tokenizer.encode([_PROBE_TEXT])[0].ids.tolist()[:_PROBE_SUBWORDS]
    except TokenizerError:
        ids = []
    if len(set(ids) - {tokenizer.unknown_id}) < _FEWEST_OF_A_PROBE:
        own = [index for index in tokenizer.text_ids() if index < rows or not rows]
        spread = sorted({len(own) * place // _PROBE_SUBWORDS for place in range(_PROBE_SUBWORDS)}) if own else []
        ids = max([own[place] for place in spread], ids, key=lambda listed: len(set(listed)))
    if len(set(ids)) < 2:
        raise ModelError(
            f"Tokenizer of {tokenizer.name!r} makes {len(set(ids))} different subwords of an English sentence, and its "
            "vocabulary has no others: too few to try the model with. Is it the model's own tokenizer?"
        )
    other = next(index for index in ids if index != ids[-1])
    return ProbeText(template.wrap(ids), template.wrap([*ids[:-1], other]), template.wrap_types(len(ids)), pad_id)


def _probed(network: nn.Module, text: ProbeText, arguments: dict[str, Any], name: str) -> tuple[Anatomy, Blocks]:
    try:
        anatomy, blocks = probe(network, text, arguments, name)
    except (RuntimeError, ValueError, TypeError, IndexError, AttributeError) as error:
        if isinstance(error, ModelError):
            raise
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelError(
            f"Model {name!r} cannot read a plain sentence ({type(error).__name__}: {reason}): is it a transformer for "
            "text, and is the tokenizer its own?"
        ) from error
    return replace(anatomy, padding_safe=anatomy.padding_safe and not length_matters(network)), blocks


def _check_vocabulary(text: ProbeText, rows: int, name: str) -> None:
    highest = max(*text.row, *text.changed)
    if rows and highest >= rows:
        raise ModelError(
            f"The tokenizer gives subword {highest}, but {name!r} has {counted(rows, 'subword')}: the tokenizer is "
            "not the model's own, or subwords were added without training them."
        )


def _hidden_states(network: nn.Module, text: ProbeText, arguments: dict[str, Any]) -> Sequence[Tensor]:
    return TorchEngine(network, None, 0, arguments=arguments).every_hidden_state(_one_row(text))[0]


def _one_row(text: ProbeText) -> Batch:
    return pad([text.row], None if text.types is None else [text.types], text.pad_id)
