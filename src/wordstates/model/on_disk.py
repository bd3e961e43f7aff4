"""The models on this machine, by what their files say: nothing is loaded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wordstates.json_text import read_json
from wordstates.model._hub import languages_of, model_folders

# What configs call it; the first that is there counts. Of models with two sides, the encoder's.
_LAYERS = ("encoder_layers", "num_hidden_layers", "num_layers", "n_layer", "n_layers")
_WIDTH = ("hidden_size", "d_model", "n_embd", "dim", "embedding_size")
_WINDOW = ("max_encoder_position_embeddings", "max_position_embeddings", "n_positions", "n_ctx")
_NO_LIMIT = 1_000_000  # tokenizers without a limit of their own say 10 ** 30
_PADDED = 2  # positions that RoBERTa and its kin count and cannot use


@dataclass(frozen=True)
class ModelOnDisk:
    """A model on this machine; what its files do not say is None.

    Args:
        name: What ``WordEmbedder`` calls it.
        kind: Its ``model_type``.
        layers: Number of blocks.
        width: Dimensions of a vector of one layer.
        window: Most subwords that it reads at once, special tokens included.
        bytes: On disk, all revisions that are kept.
        languages: Those that its card names.
        lacks: What it cannot be used without: its config, its tokenizer, its weights; or weights in safetensors.
    """

    name: str
    kind: str | None
    layers: int | None
    width: int | None
    window: int | None
    bytes: int
    languages: list[str]
    lacks: str | None


def models_on_disk() -> Iterator[ModelOnDisk]:
    """Give the model of the ``minilm`` extra, and those in the cache of the hub."""
    for name, folder, size in model_folders():
        config = _read(folder / "config.json")
        inner = config.get("text_config")  # of models that also see or hear
        config = {**config, **inner} if isinstance(inner, dict) else config
        yield ModelOnDisk(
            name=name,
            kind=config.get("model_type"),
            layers=_number(config, _LAYERS),
            width=_number(config, _WIDTH),
            window=_window(config, _read(folder / "tokenizer_config.json")),
            bytes=size,
            languages=languages_of(folder),
            lacks=_lack(folder, config),
        )


def _window(config: Mapping[str, Any], tokenizer: Mapping[str, Any]) -> int | None:
    """Give how many positions there are; what the tokenizer says where that is not known, or a few cannot be used."""
    limit, promised = _number(config, _WINDOW), _number(tokenizer, ("model_max_length",))
    if promised is None or promised >= _NO_LIMIT:
        return limit
    return promised if limit is None or 0 < limit - promised <= _PADDED else limit


def _read(path: Path) -> dict[str, Any]:
    try:
        found = read_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _number(config: Mapping[str, Any], names: tuple[str, ...]) -> int | None:
    return next((config[name] for name in names if isinstance(config.get(name), int) and config[name] > 0), None)


def _lack(folder: Path, config: Mapping[str, Any]) -> str | None:
    files = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    if "model_type" not in config:
        return "no config.json of a transformer"
    if not any(name.startswith(("tokenizer", "vocab", "spiece", "sentencepiece")) for name in files):
        return "no tokenizer"
    if not any(name.endswith(".safetensors") for name in files):
        return "pickled weights only" if any(name.endswith(".bin") for name in files) else "no weights"
    return None
