"""`wordstates explore`: look at usages in a browser, or save what is seen as a page of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wordstates.cli.options import (
    NoVerify,
    Overwrite,
    Server,
    computing_option,
    model_option,
    output_option,
    search_option,
)
from wordstates.cli.outputs import check_page_output
from wordstates.cli.remote import index_reader, remote_maker
from wordstates.cli.telling import progress_bar, say
from wordstates.options import Projection

if TYPE_CHECKING:
    from wordstates.encode.protocols import Embedder


def explore(
    source: Annotated[
        str, typer.Argument(metavar="STORE", help="A store, a .parquet file, or texts, which are embedded first.")
    ],
    word: Annotated[
        list[str] | None, search_option("--word", "-w", help="The word to begin with; for --export several of them.")
    ] = None,
    export: Annotated[
        str | None,
        output_option("--export", metavar="PAGE.html", help="Write one file that needs no network, and serve nothing."),
    ] = None,
    projection: Annotated[
        Projection, output_option(help="How usages come into two dimensions; t-SNE takes some seconds a layer.")
    ] = "pca",
    overwrite: Overwrite = False,
    model: Annotated[
        str | None, model_option("--model", "-m", help="For texts: the model; else where it is now.")
    ] = None,
    server: Server = None,
    no_model: Annotated[
        bool, model_option("--no-model", help="Load none: no sentences, and only the layer of the index.")
    ] = False,
    device: Annotated[str | None, computing_option(help="cpu, cuda, cuda:1, ...")] = None,
    host: Annotated[
        str, output_option(help="Address to serve at; another than this machine's opens the page to others.")
    ] = "127.0.0.1",
    port: Annotated[int, output_option(min=0, max=65535, help="Port to serve at.")] = 8765,
    no_verify: NoVerify = False,
    no_browser: Annotated[bool, output_option("--no-browser", help="Do not open the page.")] = False,
) -> None:
    """Look at the usages of STORE in a browser: map, lines, senses.

    The page is served to this machine alone, and makes no request to any other.

    Example:
        $ wordstates explore store/ --word bank
        $ wordstates explore store/ --word bank --export bank.html
    """
    from wordstates.explore.explorer import Explorer
    from wordstates.explore.prepare import index_for

    target = None if export is None else check_page_output(export, [], overwrite=overwrite)
    given = {"model": model, "device": device}
    with progress_bar("words", hidden=False, what="preparing") as bar:
        index = index_for(source, bar, _maker(server, **given), verify=not no_verify)
    explorer = Explorer(index, model=not no_model, projection=projection, connect=index_reader(server, index, **given))
    if target is not None:
        from wordstates.files.atomic import write_text_whole

        words = list(dict.fromkeys(word or [explorer.first_word()]))
        write_text_whole(target, explorer.exported_page(words))
        say(
            f"wrote {target} ({target.stat().st_size:,} bytes): {', '.join(words)}; it opens from disk, without network"
        )
        return
    from wordstates.explore.app import make_app, run

    first = word[0] if word else None
    if first is not None:
        explorer.word(first, all_usages=True)  # computed before the page is open, and cached

    def ready(url: str) -> None:
        say(f"{index!r}", f"look at {url} (Ctrl-C ends)")
        if not no_browser:
            import webbrowser

            webbrowser.open(url)

    run(make_app(explorer, word=first, host=host), host, port, on_ready=ready)


def _maker(server: str | None, **given: str | None) -> Callable[[], Embedder]:
    """Give what makes the embedder for texts."""
    from wordstates.recipe import Recipe

    options: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if server is not None:
        return remote_maker(server, [Recipe()], splitter="unicode", **options)

    def load() -> Embedder:
        from wordstates.embedder import WordEmbedder

        return WordEmbedder(**options)

    return load
