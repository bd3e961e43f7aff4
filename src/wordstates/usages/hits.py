"""Usages that were found, as text: a table for people, JSON and CSV for programs."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from typing import Any, TextIO

from wordstates.usages.usage import Hit
from wordstates.wording import on_one_line, visible


def print_hits(hits: Sequence[Hit], format: str, context: int, out: TextIO) -> None:
    """Print hits.

    Args:
        hits: The hits, best first.
        format: ``table``, ``json``, ``csv`` or ``tsv``.
        context: Characters of text on each side.
        out: Where to.
    """
    if format == "json":
        json.dump([hit_as_dict(hit, context) for hit in hits], out, ensure_ascii=False, indent=1)
        out.write("\n")
    elif format == "table":
        for hit in hits:
            start, end = hit.usage.span
            where = f"{visible(hit.usage.document)} {start}-{end}"
            out.write(f"{hit.score:6.3f}  {hit.usage.in_context(context)}  {where}\n")
    else:
        rows = [hit_as_dict(hit, context) for hit in hits]
        columns = list(rows[0]) if rows else ["score"]
        writer = csv.DictWriter(out, columns, delimiter="\t" if format == "tsv" else ",", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def hit_as_dict(hit: Hit, context: int) -> dict[str, Any]:
    """Give a hit as plain data, its text on one line."""
    usage = hit.usage
    left, right = map(on_one_line, usage.around(4 * context))
    return {
        "score": round(hit.score, 6),
        "number": usage.number,
        "left": left[-context:] if context else "",
        "word": usage.word,
        "right": right[:context],
        "document": usage.document,
        "start": usage.span[0],
        "end": usage.span[1],
        **dict(usage.metadata),
    }
