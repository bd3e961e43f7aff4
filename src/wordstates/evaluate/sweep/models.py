"""The models of a sweep, trained ones and ones with random weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from wordstates.embedder import WordEmbedder
from wordstates.errors import InputError, ModelError
from wordstates.recipe import Recipe

RANDOM = "random"


def is_random(name: str) -> bool:
    """Tell whether a name asks for random weights: ``random``, or ``random:`` and the name of a model."""
    return name == RANDOM or name.startswith(f"{RANDOM}:")


def model_names(given: Sequence[str]) -> list[str]:
    """Write each model in full: ``random`` is the architecture of the first model that is not.

    Raises:
        InputError: If a model is named twice, or there is none that ``random`` could be like.

    Examples:
        >>> model_names(["minilm", "random"])
        ['minilm', 'random:minilm']
    """
    trained = next((name for name in given if name != RANDOM), None)
    if trained is None:
        raise InputError("'random' is the architecture of another model: name that too, or write random:NAME.")
    names = [f"{RANDOM}:{trained.removeprefix(f'{RANDOM}:')}" if name == RANDOM else name for name in given]
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise InputError(f"Models are named once each, and {', '.join(doubled)} more often.")
    return names


def maker_of(name: str, *, seed: int = 0, **options: Any) -> Callable[[Sequence[Recipe]], WordEmbedder]:
    """Give what loads a model for some recipes.

    Args:
        name: A model, or ``random:`` and the name of one: the same architecture and tokenizer, random weights.
        seed: Of the random weights.
        options: Options of `WordEmbedder`.
    """
    if not is_random(name):
        return lambda recipes: WordEmbedder(name, recipes=recipes, **options)
    return lambda recipes: _random(name, recipes, seed, options)


def _random(name: str, recipes: Sequence[Recipe], seed: int, options: dict[str, Any]) -> WordEmbedder:
    import torch

    from wordstates.model import _hf
    from wordstates.model.devices import choose_device

    kinds = ("revision", "trust_remote_code", "unsafe_weights", "config")
    loading = {key: options[key] for key in kinds if key in options}
    rest = {key: value for key, value in options.items() if key not in loading and key != "device"}
    checkpoint = _hf.load_pretrained(name.partition(":")[2], **loading)
    network: Any = checkpoint.network
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            fresh = type(network)(network.config)
    except (TypeError, AttributeError) as error:
        raise ModelError(f"{name!r}: this architecture cannot be made with random weights ({error}).") from error
    fresh.config._name_or_path = name
    return WordEmbedder(
        fresh.eval().to(choose_device(options.get("device"))), checkpoint.tokenizer, recipes=recipes, **rest
    )
