"""`wordstates serve`: word vectors over HTTP."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wordstates.cli.groups import ComputeOptions, WordOptions
from wordstates.cli.options import Quiet, model_option, vectors_option
from wordstates.cli.telling import say
from wordstates.options import KEY, MODEL
from wordstates.serve.limits import Limits

if TYPE_CHECKING:
    from wordstates.embedder import WordEmbedder
    from wordstates.postprocess.post_processing import PostProcessing
    from wordstates.usages.index import UsageIndex

_MOST = Limits()
serving_option = partial(typer.Option, rich_help_panel="Serving")
limit_option = partial(typer.Option, rich_help_panel="Limits")


@dataclass(kw_only=True)
class LimitOptions:
    """What the server takes at most."""

    queue_subwords: Annotated[
        int, limit_option(min=1, help="Subwords of all requests that wait; beyond, 429 with Retry-After.")
    ] = _MOST.queue_subwords
    request_subwords: Annotated[int, limit_option(min=1, help="Subwords of a request; beyond, 413.")] = (
        _MOST.request_subwords
    )
    text_subwords: Annotated[int, limit_option(min=1, help="Subwords of a text; beyond, 413.")] = _MOST.text_subwords
    request_texts: Annotated[int, limit_option(min=1, help="Texts of a request; beyond, 413.")] = _MOST.request_texts
    request_recipes: Annotated[int, limit_option(min=1, help="Recipes of a request; beyond, 413.")] = (
        _MOST.request_recipes
    )
    answer_numbers: Annotated[int, limit_option(min=1, help="Numbers in the vectors of an answer; beyond, 413.")] = (
        _MOST.answer_numbers
    )
    body_bytes: Annotated[int, limit_option(min=1, help="Bytes of the body of a request; beyond, 413.")] = (
        _MOST.body_bytes
    )
    turn_subwords: Annotated[
        int, limit_option(min=1, help="Subwords read together, of all requests that wait; each has its share.")
    ] = _MOST.turn_subwords
    time_limit: Annotated[float, limit_option(help="Seconds from a request to its answer; beyond, 503.")] = (
        _MOST.time_limit
    )
    drain_seconds: Annotated[float, limit_option(help="Seconds to finish what was taken, after SIGTERM.")] = (
        _MOST.drain_seconds
    )

    def limits(self) -> Limits:
        """Give them as the server takes them."""
        return Limits(**vars(self))


def serve(
    word: WordOptions,
    compute: ComputeOptions,
    limit: LimitOptions,
    model: Annotated[
        list[str] | None,
        model_option(
            "--model",
            "-m",
            help="Hub name, local folder, or 'minilm' (the default); repeatable: a request names its model.",
        ),
    ] = None,
    post_process: Annotated[
        list[str] | None,
        vectors_option(
            metavar="NAME=FILE",
            help="Post-processing of `wordstates fit` that recipes of a request can name; repeatable.",
        ),
    ] = None,
    index: Annotated[
        list[str] | None,
        serving_option(
            metavar="[NAME=]STORE",
            help="A store or a file that was indexed, for /v1/near; repeatable: a request names it.",
        ),
    ] = None,
    host: Annotated[
        str, serving_option(help="Address to bind to; another than this machine's opens the server to others.")
    ] = "127.0.0.1",
    port: Annotated[int, serving_option(min=0, max=65535, help="Port to serve at; 0: any.")] = 8000,
    allow_host: Annotated[
        list[str] | None,
        serving_option(
            help="Name under which the server may be called, repeatable; default this machine's, or any with --host."
        ),
    ] = None,
    api_key_file: Annotated[
        str | None,
        serving_option(metavar="FILE", help=f"File with the key that requests have to show; or set {KEY}."),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Answer requests for word vectors over HTTP.

    Routes, limits and clients are in docs/serve.md. SIGTERM finishes what was taken, and exits 0.

    Example:
        $ wordstates serve -m minilm --port 8000
        $ wordstates serve -m bert-base-cased -m minilm --host 0.0.0.0 --api-key-file key.txt
    """
    from wordstates.serve.address import listen
    from wordstates.serve.app import make_app
    from wordstates.serve.guard import LOCAL, is_local
    from wordstates.serve.run import run

    limits, key = limit.limits(), _key(api_key_file)
    post_processing = _post_processing(post_process or [])
    hosts = {*LOCAL, *allow_host} if allow_host else LOCAL if is_local(host) else None
    with listen(host, port) as listening:
        embedders = {name: _embedder(name, word, compute) for name in model or [MODEL]}
        app, service = make_app(
            embedders,
            limits=limits,
            post_processing=post_processing,
            indexes=_indexes(index or []),
            hosts=hosts,
            key=key,
            log=not quiet,
        )
        if not is_local(host) and key is None:
            say(f"note: anybody who reaches {host} is answered; give --api-key-file or set {KEY}")
        run(app, service, listening, on_ready=lambda url: say(f"serving {', '.join(embedders)} at {url}"))


def _embedder(name: str, word: WordOptions, compute: ComputeOptions) -> WordEmbedder:
    from wordstates.embedder import WordEmbedder
    from wordstates.errors import InputError

    try:
        return WordEmbedder(name, **compute.for_embedder(), **word.for_embedder())
    except InputError as error:
        raise typer.BadParameter(str(error)) from error


def _key(path: str | None) -> str | None:
    """Read the key, and never show it."""
    if path is None:
        return os.environ.get(KEY) or None
    try:
        key = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"--api-key-file {path!r} cannot be read.") from error
    if not key or not key.isascii():
        raise typer.BadParameter(f"--api-key-file {path!r} holds no key: write one line of ASCII characters.")
    return key


def _indexes(given: list[str]) -> dict[str, UsageIndex]:
    from wordstates.usages.index import UsageIndex

    named = [each.partition("=") if "=" in each else (Path(each).resolve().name, "=", each) for each in given]
    if len({name for name, _, _ in named}) < len(named):
        raise typer.BadParameter("--index: two of them have the same name; write NAME=STORE.")
    indexes = {name: UsageIndex(path) for name, _, path in named}
    for each in indexes.values():
        each.check_files()  # now, and not when somebody asks
    return indexes


def _post_processing(given: list[str]) -> dict[str, PostProcessing]:
    from wordstates.errors import InputError
    from wordstates.postprocess.post_processing import PostProcessing

    read = {}
    for each in given:
        name, sign, path = each.partition("=")
        if not (name and sign and path):
            raise typer.BadParameter(f"--post-process {each!r} is no NAME=FILE, as centred=post.safetensors.")
        try:
            read[name] = PostProcessing.load(path)
        except InputError as error:
            raise typer.BadParameter(str(error)) from error
    return read
