"""`--server URL`: a `wordstates serve` computes, and nothing is loaded here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import typer

from wordstates.cli.command import CHOSEN, OPTIONS

if TYPE_CHECKING:
    from wordstates.encode.protocols import Embedder
    from wordstates.recipe import Recipe
    from wordstates.serve.client import RemoteEmbedder
    from wordstates.usages.index import UsageIndex

_WHY = {
    "post_process": "a server post-processes by what it was started with (`serve --post-process`)",
    "dry_run": "it counts with the tokenizer of the model, and times it",
    "surprisal": "a server gives vectors alone",
    "left_subwords": "a server gives vectors alone",
    "long_texts": "a server reads long texts through windows, or truncates them",
    "workers": "the server computes, and one process here is enough to ask it",
    "ray": "the server computes",
    "no_model": "it says to load none",
}
_OTHER = "how the model is loaded and computes is up to the server: give it to `wordstates serve`"


def refuse_with_server(names: Iterable[str]) -> None:
    """Say which options do not go with ``--server``, and why.

    Args:
        names: Parameters of the command that do not.

    Raises:
        typer.BadParameter: If one of them was given.
    """
    for name in names:
        if name in CHOSEN:
            raise typer.BadParameter(
                f"{OPTIONS[name]} does not go with --server: {_WHY.get(name, _OTHER)}. Leave one of the two out."
            )


def index_reader(url: str | None, index: UsageIndex, **options: Any) -> Callable[..., Embedder]:
    """Give what makes an embedder that reads as the vectors of an index were made; the index checks whether it does.

    Args:
        url: Address of a server that is to read; None: the model is loaded.
        index: The index.
        options: Options of the embedder; with a server, the name of a model alone.
    """
    given = {name: value for name, value in options.items() if value is not None}
    if url is None:
        return partial(index.embedder, **given)
    refuse_with_server(("post_process", "device", "no_model"))
    return remote_maker(url, [index.recipe()], long_texts=index.manifest.provenance["long_texts"], **given)


def remote_maker(url: str, recipes: Sequence[Recipe], **options: Any) -> partial[RemoteEmbedder]:
    """Give what connects to a server: it can be sent to another process.

    Args:
        url: Its address.
        recipes: What to take.
        options: More options of `RemoteEmbedder`.
    """
    from wordstates.serve.client import RemoteEmbedder

    return partial(RemoteEmbedder, url, recipes=recipes, **options)
