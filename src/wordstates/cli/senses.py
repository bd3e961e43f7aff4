"""`wordstates senses`: the usages of a word in clusters, named by the words around them."""

from __future__ import annotations

from typing import Annotated

import typer

from wordstates.cli.options import (
    Json,
    NoVerify,
    Overwrite,
    Where,
    output_option,
    print_json,
    search_option,
    vectors_option,
)
from wordstates.cli.outputs import check_page_output
from wordstates.cli.telling import say
from wordstates.options import SenseMethod

_DIGITS = 9  # longer numbers are of no sense


def senses(
    word: Annotated[str, typer.Argument(metavar="WORD", help="The word, whatever its case.")],
    source: Annotated[str, typer.Argument(metavar="STORE", help="A store, a file or an index that was indexed.")],
    by: Annotated[str | None, search_option(metavar="COLUMN", help="Compare groups of documents, as by year.")] = None,
    where: Where = None,
    method: Annotated[
        SenseMethod, vectors_option(help="k-means, or HDBSCAN, which leaves usages in no dense place unassigned.")
    ] = "kmeans",
    count: Annotated[
        int | None, vectors_option("--count", "-k", min=1, help="How many senses (kmeans); default by the silhouette.")
    ] = None,
    name: Annotated[
        list[str] | None,
        output_option(
            metavar="N=NAME", help="Name sense N, for every later run; without NAME take it away; repeatable."
        ),
    ] = None,
    context: Annotated[int, output_option(min=0, help="Characters of text beside the most central usages.")] = 50,
    output: Annotated[
        str | None, output_option("--output", "-o", metavar="REPORT.html", help="Also write a page with plots.")
    ] = None,
    overwrite: Overwrite = False,
    no_verify: NoVerify = False,
    json: Json = False,
) -> None:
    """Cluster the usages of WORD, and say what each cluster is about.

    Each is named by its strongest collocates (log-likelihood against the other clusters) and shown by its most central
    usages. Names are kept beside the index, with those given in `wordstates explore`.

    Example:
        $ wordstates senses bank store/ --by year
        $ wordstates senses bank store/ --name "1=by the river"
        $ wordstates senses bank store/ -o bank.html
    """
    from wordstates.explore.labels import NAME, Labels
    from wordstates.files.atomic import write_text_whole
    from wordstates.usages.index import UsageIndex
    from wordstates.usages.sense_report import SenseReport
    from wordstates.usages.senses import senses_of

    page = None if output is None else check_page_output(output, [source], overwrite=overwrite, plots=True)
    index = UsageIndex(source, verify=not no_verify)
    if by is not None and by not in index.metadata_columns:
        raise typer.BadParameter(
            f"--by {by}: there is no such column; there are {', '.join(index.metadata_columns) or 'none'}."
        )
    found, vectors = senses_of(index, word, conditions=where or (), method=method, count=count)
    labels = Labels(index.path / NAME)
    for number, given in map(_named, name or ()):
        labels.give(found, number - 1, given)
    report = SenseReport(found, vectors, labels.of(found), context, by)
    if page is not None:
        write_text_whole(page, report.to_html())
    if json:
        print_json(report.to_dict())
        return
    print(report.to_text())
    if page is not None:
        say(f"wrote {output}")


def _named(given: str) -> tuple[int, str]:
    number, equals, name = given.partition("=")
    if not equals or not number.strip().isdecimal() or len(number) > _DIGITS:
        raise typer.BadParameter(
            f"--name {given}: write the number of a sense and its name, as --name '1=by the river'."
        )
    return int(number), name
