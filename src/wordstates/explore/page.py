"""The page as one file: its script, its style and its data, without a request to anywhere."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from wordstates.page.render import render

_POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'"


def asset(name: str) -> str:
    """Read a file of the built page."""
    return (files("wordstates.explore") / "page" / name).read_text(encoding="utf-8")


def page(
    *,
    title: str,
    model: str,
    note: str,
    live: bool,
    words: Sequence[tuple[str, int]] = (),
    pages: Sequence[Mapping[str, Any]] = (),
    labels: Mapping[str, Mapping[str, str]] | None = None,
) -> str:
    """Write the page.

    Args:
        title: Its title.
        model: Name of the model, for captions.
        note: Where the vectors come from, in a line.
        live: Whether a server stands behind it.
        words: Words to suggest, with their counts.
        pages: What is shown of each word, as `packed_view` gives it.
        labels: Names that people gave to senses, by word and sense.

    Returns:
        HTML. Whatever the texts hold is data in it, never markup.
    """
    data = {
        "live": live,
        "title": title,
        "model": model,
        "note": note,
        "words": [list(each) for each in words],
        "pages": list(pages),
        "labels": {word: dict(names) for word, names in (labels or {}).items()},
    }
    policy = _POLICY + ("; connect-src 'self'; form-action 'self'" if live else "; form-action 'none'")
    return render(
        "explore",
        policy=policy,
        title=title,
        style=asset("style.css"),
        script=asset("explore.js").replace("</", "<\\/"),
        data=as_script_data(data),
    )


def as_script_data(data: object) -> str:
    r"""Write JSON that no text in it can break out of a script element.

    Examples:
        >>> as_script_data("</script><!--")
        '"\\u003c/script\\u003e\\u003c!--"'
    """
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text.encode("utf-8", "replace").decode("utf-8")  # a lone surrogate has no place in a file
