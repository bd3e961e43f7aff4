"""Loading a model or its tokenizer: as an earlier process found it, without `transformers`; else with that."""

from __future__ import annotations

import sys
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

from wordstates.errors import InputError, MissingExtraError, ModelError
from wordstates.model import _hub
from wordstates.model.engine import EngineChooser
from wordstates.model.engine_cache import cache_folder, why_nothing_is_kept
from wordstates.model.forked import computes_here, threads_here
from wordstates.model.int8 import INT8
from wordstates.model.keep_later import remembered
from wordstates.model.kept_engines import KeptEngines
from wordstates.model.kept_model import KeptModel
from wordstates.model.loaded import SLOW, LoadedModel, LoadOptions
from wordstates.model.model_files import files_of
from wordstates.model.openvino_engine import (
    OpenVinoEngine,
    is_installed,
    layout_of,
    read_graph,
    was_started_elsewhere,
)
from wordstates.model.processor import is_surely_a_cpu, multiplies_in_int8
from wordstates.model.tokenizer import Tokenizer
from wordstates.options import EngineName, Precision, SpecialTokens, check_choice


def load_model(model: Any, tokenizer: Any, options: LoadOptions) -> LoadedModel:
    """Load a model by name or folder, or take one from memory, and find out what it does, or did before.

    Args:
        model: Hub name, local folder, ``"minilm"``, or a module in memory (which is never changed).
        tokenizer: Name, folder or object; needed for a module.
        options: How it is to be loaded.

    Raises:
        InputError: If the options contradict each other or do not exist.
        ModelError: If the model is not available or cannot be used; see `wordstates.model._hf.load_pretrained`.

    Warns:
        UserWarning: If the processor is slower in this precision than in float32.
    """
    computes_here()
    _check(model, options)
    if options.precision == INT8 and not multiplies_in_int8():
        warnings.warn(
            "This processor has no instructions for int8 (VNNI): vectors come no sooner than with precision='float32', "
            "which are exact.",
            stacklevel=4,
        )
    keeper = _keeper(model, options) if tokenizer is None else None
    if keeper is not None and (found := _as_found_before(model, options, keeper)) is not None:
        return found
    return _looked_at(model, tokenizer, options, keeper)


def load_tokenizer(
    name: str | Path,
    *,
    revision: str | None = None,
    trust_remote_code: bool = False,
    special_tokens: SpecialTokens = "auto",
) -> Tokenizer:
    """Load the tokenizer of a model, without the model.

    Raises:
        ModelNotFoundError: If it is not available.
    """
    options = LoadOptions(
        device="cpu", special_tokens=special_tokens, revision=revision, trust_remote_code=trust_remote_code
    )
    keeper = _keeper(name, options)
    with suppress(Exception):  # as where a model is loaded
        if keeper is not None and (kept := keeper.read()) is not None:
            return kept.tokenizer(str(name), special_tokens)
    found = _hub.fetch_tokenizer(name, revision=revision, trust_remote_code=trust_remote_code)
    return Tokenizer(found, str(name), special_tokens)


def keep_model(model: str | Path, options: LoadOptions) -> bool:
    """Keep a model, so that the next process starts with it at once.

    Args:
        model: Hub name, local folder, or ``"minilm"``.
        options: How it is to be loaded.

    Returns:
        Whether that was still to be done.

    Raises:
        InputError: If nothing is to be kept.
        MissingExtraError: If OpenVINO is not installed.
        ModelError: If the model cannot be had, or cannot be kept.
    """
    if (why_not := why_nothing_is_kept()) is not None:
        raise InputError(f"Nothing is kept: {why_not}.")
    if not is_installed():
        raise MissingExtraError.of("openvino", "A quick start")
    for _ in range(2):  # the first time a model of the hub may only be fetched
        with remembered() as loaded:
            found = load_model(model, None, options)
        if isinstance(found.engines, KeptEngines):
            return False
        if loaded:
            break
    else:
        raise ModelError(
            f"Model {str(model)!r} cannot be kept: that is for models in safetensors without code of their own, on a "
            "CPU that computes in this precision."
        )
    if not loaded[0].keep():
        nowhere = f"{str(cache_folder())!r} cannot be written, or its tokenizer not be kept"
        why_not = found.engines.why_not_faster or nowhere
        raise ModelError(f"Model {str(model)!r} cannot be kept: {why_not}.")
    return True


def _check(model: Any, options: LoadOptions) -> None:
    if options.precision is not None:
        check_choice("precision", options.precision, Precision)
    check_choice("engine", options.engine, EngineName)
    if options.precision == INT8 and options.engine not in ("auto", "openvino"):
        raise InputError(
            f"precision='int8' is computed by OpenVINO alone, not by engine={options.engine!r}: leave one of them out."
        )
    if not isinstance(model, (str, Path)) and not _is_network(model):
        raise InputError(f"model={model!r} is no name, folder or module: write WordEmbedder('bert-base-cased').")


def _is_network(model: Any) -> bool:
    torch = sys.modules.get("torch")  # which whoever has made a network has imported
    return torch is not None and isinstance(model, torch.nn.Module)


def _looked_at(model: Any, tokenizer: Any, options: LoadOptions, keeper: KeptModel | None) -> LoadedModel:
    from wordstates.model.examined import examined_model

    return examined_model(model, tokenizer, options, keeper)


def _keeper(model: Any, options: LoadOptions) -> KeptModel | None:
    """Give what keeps a model for the next process, if OpenVINO may run it as it is in its files."""
    if (
        not isinstance(model, (str, Path))
        or options.engine not in ("auto", "openvino")
        or options.precision == "float16"
        or options.surprisal
        or options.trust_remote_code
        or options.unsafe_weights
        or cache_folder() is None
        or not is_installed()
        or was_started_elsewhere()
        or not is_surely_a_cpu(options.device)
    ):
        return None
    try:
        files = files_of(model, options.revision)
        return None if files is None else KeptModel(str(model), files, options)
    except OSError:
        return None


def _as_found_before(model: str | Path, options: LoadOptions, keeper: KeptModel) -> LoadedModel | None:
    """Give a model as an earlier process found it; None if none has, or it is to be looked at again."""
    try:
        kept = keeper.read()
        if kept is None or (options.engine == "auto" and kept.found.slower >= SLOW):  # of which a warning comes
            return None
        words = kept.tokenizer(str(model), options.special_tokens)
        engine = OpenVinoEngine(
            read_graph(kept.graph),
            precision=options.precision or "float32",
            threads=threads_here(),
            layout=layout_of(kept.longest),
            first_position=kept.found.first_position,
        )
    except Exception:  # of libraries that cannot take what they wrote: as if there were nothing
        return None
    engine.precision_error = kept.precision_error

    def load() -> EngineChooser:
        again = _looked_at(model, None, options, None)
        if again.weights != kept.found.weights:
            raise ModelError(f"The files of model {str(model)!r} were changed since it was loaded: load it anew.")
        return again.engines

    engines, precision = KeptEngines(engine, load), options.precision or "float32"
    return LoadedModel.of(kept.found, words, options, engines, revision=keeper.files.revision, precision=precision)
