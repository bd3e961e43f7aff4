"""Templates to HTML: whole pages, which load nothing, and pieces for notebooks."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment


def render(template: str, /, **values: Any) -> str:
    """Fill in a template of this room; all values are escaped, but those that it marks as safe, such as drawings.

    Args:
        template: Its name, without the ending.
        values: What it shows.

    Examples:
        >>> render("word_boxes", head="1 text", boxes=[("a<b", ["a", "<b"], "ok", "#4a90d9")], more="").count("&lt;")
        2
    """
    return _environment().get_template(f"{template}.html.jinja").render(values)


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("wordstates.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
