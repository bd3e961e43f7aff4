"""`wordstates near`: the usages that are nearest to one."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from wordstates.cli.options import (
    NoVerify,
    Server,
    Where,
    computing_option,
    model_option,
    output_option,
    search_option,
    vectors_option,
)
from wordstates.cli.remote import index_reader
from wordstates.cli.telling import loading_model, say
from wordstates.errors import InputError
from wordstates.wording import counted

if TYPE_CHECKING:
    import numpy as np

_DIGITS = 19  # longer numbers are of no usage
ResultFormat = Literal["table", "json", "csv", "tsv"]


def near(
    source: Annotated[str, typer.Argument(metavar="STORE", help="A store, a file or an index that was indexed.")],
    query: Annotated[
        str,
        typer.Argument(
            metavar="QUERY",
            help="A sentence with a marked word, 'the [bank] of the river'; N, a usage; or @FILE.npy, a vector.",
        ),
    ],
    count: Annotated[int, search_option("--count", "-k", min=1, help="How many usages to give.")] = 10,
    word: Annotated[str | None, search_option(help="Only usages of this word, whatever its case.")] = None,
    where: Where = None,
    once_per_text: Annotated[
        bool, search_option("--once-per-text", help="Give the best usage of each text only.")
    ] = False,
    approximate: Annotated[
        bool, search_option("--approximate", help="Look at some usages only: `wordstates index --approximate` first.")
    ] = False,
    model: Annotated[
        str | None, model_option("--model", "-m", help="Where the model is now; default where it was.")
    ] = None,
    server: Server = None,
    post_process: Annotated[
        str | None, vectors_option(metavar="FILE", help="What the vectors were post-processed with, if they were.")
    ] = None,
    device: Annotated[str | None, computing_option(help="cpu, cuda, cuda:1, ...")] = None,
    format: Annotated[ResultFormat, output_option(help="How to print the usages.")] = "table",
    context: Annotated[int, output_option(min=0, help="Characters of text on each side.")] = 40,
    no_verify: NoVerify = False,
) -> None:
    """Print the usages in STORE that are nearest to QUERY.

    A sentence is read by the model that made the vectors, with the same recipe and windows. Every usage is compared:
    what is printed is exact, unless --approximate is given.

    Example:
        $ wordstates near store/ "We sat on the [bank] of the river" --word bank
    """
    from wordstates.usages.hits import print_hits
    from wordstates.usages.index import UsageIndex
    from wordstates.usages.marked import read_vector

    index = UsageIndex(source, verify=not no_verify)
    compared = index.where(where or (), word=word)
    if compared is not None and not compared.any():
        which = f"of {word!r} " if word is not None else ""
        raise InputError(
            f"No usage {which}in {str(index.path)!r} meets the conditions: there is nothing to compare with."
        )
    load = index_reader(server, index, model=model, post_processing=post_process, device=device)
    asked: str | int | np.ndarray = query
    reader = None
    if query.isdecimal() and len(query) < _DIGITS:
        asked = int(query)
    elif query.startswith("@") and "[" not in query:  # a text may begin so, and has a word in brackets
        asked = read_vector(query[1:])
    else:
        with loading_model():
            reader = load()
    hits = index.near(
        asked,
        reader,
        k=count,
        conditions=where or (),
        word=word,
        once_per_text=once_per_text,
        approximate=approximate,
    )
    if approximate and compared is None:
        say(f"approximate: {index.approximate}")
    else:
        say(f"exact: {counted(len(index) if compared is None else int(compared.sum()), 'usage')} compared")
    print_hits(hits, format, context, sys.stdout)
