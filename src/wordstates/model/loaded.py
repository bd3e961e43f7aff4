"""A model ready to read: network, tokenizer, what the probe found, and the limits that follow."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from wordstates.errors import InputError, ModelError, TokenizerError
from wordstates.model import _hf
from wordstates.model.compared import Probes
from wordstates.model.config_facts import (
    check_supported,
    length_matters,
    padding_id,
    pass_arguments,
    position_limit,
    vocabulary_rows,
)
from wordstates.model.cpu_speed import slowness
from wordstates.model.engine import Batch, pad, relative_error
from wordstates.model.engines import ENGINE_NAMES, Engines
from wordstates.model.fingerprint import fingerprint
from wordstates.model.forked import computes_here
from wordstates.model.probe import Anatomy, ProbeText, probe
from wordstates.model.reading_part import check_same_forward, without_wrappers
from wordstates.model.surprisal import OutputHead
from wordstates.model.template import Template
from wordstates.model.tokenizer import Tokenizer
from wordstates.model.torch_engine import TorchEngine, copy_of
from wordstates.options import EngineName
from wordstates.wording import counted

_DTYPES: dict[str, torch.dtype] = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
_PROBE_TEXT = "The quick brown fox jumps over the lazy dog near the river bank, and nobody minds."
# Subwords to try a model with, and how many different ones of them it should know.
_PROBE_SUBWORDS, _FEWEST_OF_A_PROBE = 24, 8
# Without a limit of its own a model gets the window that such models are trained with; and no window is longer than
# what fits a machine, whatever a config promises.
_USUAL_WINDOW, _LONGEST_WINDOW = 512, 8192
_SLOW = 2.0  # times as long as in float32


@dataclass(frozen=True)
class LoadedModel:
    """A model that can be asked for hidden states.

    Args:
        name: What the user called it.
        revision: Commit on the hub, if it came from there.
        weights: Fingerprint of the weights, 16 hex digits.
        tokenizer: Its tokenizer.
        template: The special tokens around each window, after the policy for the beginning of sequence.
        anatomy: What the probe found.
        engines: What can run it.
        limit: Most subwords one pass can read, special tokens included; None if there is no limit.
        vocabulary_rows: Ids from here on have no vector in the model; 0 if it has no such table.
        pad_id: Id to pad with.
        precision: Precision that it computes in.
        head: What says how probable each next subword is; None unless surprisal is asked for.
        config: Keys of the config that were given in place of the model's own.
    """

    name: str
    revision: str | None
    weights: str
    tokenizer: Tokenizer
    template: Template
    anatomy: Anatomy
    engines: Engines
    limit: int | None
    vocabulary_rows: int
    pad_id: int
    precision: str
    head: OutputHead | None = None
    config: Mapping[str, Any] = field(default_factory=dict)

    @property
    def default_window(self) -> int:
        """Subwords in a window, special tokens included, where the user names none."""
        promised = self.tokenizer.tokenizer.model_max_length
        return min(self.limit or (promised if promised < 1_000_000 else _USUAL_WINDOW), _LONGEST_WINDOW)


def load_model(
    model: object,
    tokenizer: Any = None,
    *,
    device: str | torch.device | None = None,
    precision: str | None = None,
    engine: str = "auto",
    bos: str = "auto",
    special_tokens: str = "auto",
    revision: str | None = None,
    trust_remote_code: bool = False,
    unsafe_weights: bool = False,
    surprisal: bool = False,
    config: Mapping[str, Any] | None = None,
) -> LoadedModel:
    """Load a model by name or folder, or take one from memory, and find out what it does.

    Args:
        model: Hub name, local folder, ``"minilm"``, or a module in memory (which is never changed).
        tokenizer: Name, folder or object; needed for a module.
        device: Where to run; default the GPU if there is one. A module in memory stays where it is.
        precision: Precision to compute in; default float32, or what a module in memory has.
        engine: One of `ENGINE_NAMES`.
        bos: Beginning-of-sequence token of causal models: ``auto`` as the tokenizer does, ``always``, or ``never``.
        special_tokens: How special tokens are read in texts: ``auto`` as the tokenizer does, ``token``, or ``text``.
        revision: Branch, tag or commit on the hub.
        trust_remote_code: Run code that comes with the model.
        unsafe_weights: Also load pickled weights.
        surprisal: Also load the output head of a causal model.
        config: Keys of the config of a model that is loaded, in place of those in its ``config.json``.

    Raises:
        InputError: If the options contradict each other or do not exist.
        ModelError: If the model cannot be had or used; see `wordstates.model._hf.load`.

    Warns:
        UserWarning: If the processor is slower in this precision than in float32.
    """
    computes_here()
    if precision is not None and precision not in _DTYPES:
        raise InputError(f"precision={precision!r} does not exist: choose one of {', '.join(_DTYPES)}.")
    chosen = next((name for name in ENGINE_NAMES if name == engine), None)
    if chosen is None:
        raise InputError(f"engine={engine!r} does not exist: choose one of {', '.join(ENGINE_NAMES)}.")
    if isinstance(model, nn.Module):
        if device is not None:
            raise InputError("A model given as an object stays where it is: move it with model.to(...), not device=...")
        if config:
            raise InputError(
                "A model given as an object has its config: load it as you want it, or leave config=... out."
            )
        checkpoint = _hf.wrap(model, tokenizer)
    elif not isinstance(model, (str, Path)):
        raise InputError(f"model={model!r} is no name, folder or module: write WordEmbedder('bert-base-cased').")
    else:
        checkpoint = _hf.load(
            model,
            tokenizer=tokenizer,
            revision=revision,
            trust_remote_code=trust_remote_code,
            unsafe_weights=unsafe_weights,
            with_head=surprisal,
            config=config,
        )
    words = Tokenizer(checkpoint.tokenizer, checkpoint.name, special_tokens=special_tokens)
    return _examined(
        checkpoint,
        words,
        device,
        precision,
        bos,
        chosen,
        surprisal=surprisal,
    )


def _examined(
    checkpoint: _hf.Checkpoint,
    words: Tokenizer,
    device: str | torch.device | None,
    precision: str | None,
    bos: str,
    engine: EngineName,
    *,
    surprisal: bool,
) -> LoadedModel:
    """Find out what a checkpoint does, and put it where and into the precision it is wanted."""
    network, name = checkpoint.network.eval() if checkpoint.owned else checkpoint.network, checkpoint.name
    arguments = pass_arguments(network)
    check_supported(network, name)
    pad_id = padding_id(network, checkpoint.tokenizer)
    text = _probe_text(words, pad_id, vocabulary_rows(network))
    _check_vocabulary(text, vocabulary_rows(network), name)
    if checkpoint.owned:
        network = network.to(choose_device(device))
    weights = fingerprint(network)
    current = next(network.parameters()).dtype
    wanted = _DTYPES[precision] if precision else current
    check_same_forward(checkpoint.whole, network, _one_row(text), name)
    plain = network if current == torch.float32 else copy_of(network).float()
    anatomy, exact = _probed(plain, text, arguments, name), None
    if wanted == torch.float32:
        network = plain
    else:
        exact = _hidden_states(plain, text, arguments)
        if wanted != current:
            network = (network if checkpoint.owned else copy_of(network)).to(wanted)
        # Rounding would pass for the effect of padding, or of the right context: that is known from float32.
        halved = _probed(network, text, arguments, name)
        anatomy = replace(halved, causal=anatomy.causal, padding_safe=anatomy.padding_safe)
    template = _with_bos(words, anatomy, bos, name)
    reference = TorchEngine(
        network,
        anatomy.blocks,
        anatomy.n_blocks,
        time_first=anatomy.time_first,
        arguments=arguments,
        precision_error=None if exact is None else relative_error(exact, _hidden_states(network, text, arguments)),
    )
    limit = position_limit(network)
    head = _head(checkpoint, network, anatomy, text, arguments) if surprisal else None
    return LoadedModel(
        name=name,
        revision=checkpoint.revision,
        weights=weights,
        tokenizer=words,
        template=template,
        anatomy=anatomy,
        engines=Engines(
            reference,
            Probes(text, limit, anatomy.padding_safe),
            layers=sorted(anatomy.readable),
            wanted=engine,
            precision=_name(wanted),
            fingerprint=weights,
            slower=_slower_here(network, wanted, engine),
            owned=checkpoint.owned,
            name=name,
            exact=exact,
        ),
        limit=limit,
        vocabulary_rows=vocabulary_rows(network),
        pad_id=pad_id,
        precision=_name(wanted),
        head=head,
        config=checkpoint.config,
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


def _slower_here(network: nn.Module, wanted: torch.dtype, engine: EngineName) -> float:
    """Say how many times as long as in float32 PyTorch takes in a precision, and warn if it may have to."""
    slower = slowness(wanted) if next(network.parameters()).device.type == "cpu" else 1.0
    if slower >= _SLOW and engine != "openvino":
        warnings.warn(
            f"On this processor PyTorch takes {slower:.0f} times as long in {_name(wanted)} as in float32. With "
            "precision='float32' vectors are exact and come sooner.",
            stacklevel=6,
        )
    return slower


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def choose_device(device: str | torch.device | None) -> torch.device:
    """Give the device asked for, or the GPU if there is one, or the CPU.

    Raises:
        InputError: If there is no such device.
    """
    if device is None or device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(device)
        torch.empty(1, device=chosen)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0].rstrip(".") + "."
        raise InputError(
            f"Device {str(device)!r} is not available here: {reason} Leave it out, or say 'cpu'."
        ) from error
    return chosen


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


def _probed(network: nn.Module, text: ProbeText, arguments: dict[str, Any], name: str) -> Anatomy:
    try:
        anatomy = probe(network, text, arguments, name)
    except (RuntimeError, ValueError, TypeError, IndexError, AttributeError) as error:
        if isinstance(error, ModelError):
            raise
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelError(
            f"Model {name!r} cannot read a plain sentence ({type(error).__name__}: {reason}): is it a transformer for "
            "text, and is the tokenizer its own?"
        ) from error
    return replace(anatomy, padding_safe=anatomy.padding_safe and not length_matters(network))


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


def _with_bos(tokenizer: Tokenizer, anatomy: Anatomy, bos: str, name: str) -> Template:
    template = tokenizer.template
    if bos == "auto":
        return template
    if bos not in ("always", "never"):
        raise InputError(f"bos={bos!r} does not exist: choose one of auto, always, never.")
    token = tokenizer.tokenizer.bos_token_id
    if not anatomy.causal:
        raise InputError(
            f"bos={bos!r} is for causal models: {name!r} reads both sides and keeps its own special tokens."
        )
    if token is None:
        raise InputError(f"bos={bos!r}: the tokenizer of {name!r} has no beginning-of-sequence token.")
    bare = template.prefix[1:] if template.prefix[:1] == (token,) else template.prefix
    prefix = (token, *bare) if bos == "always" else bare
    return replace(template, prefix=prefix)
