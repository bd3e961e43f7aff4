"""Figures as SVG, to be put into a page that needs no other file."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

from wordstates.errors import MissingExtraError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ID = re.compile(r"""(\bid="|url\(#|href="#)""")


def new_figure(width: float, height: float) -> Figure:
    """Make an empty figure.

    Args:
        width: Inches.
        height: Inches.

    Raises:
        MissingExtraError: If matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError.of("evaluate", "a report with plots") from error
    return Figure(figsize=(width, height), layout="constrained")


def as_svg(figure: Figure, name: str) -> str:
    """Write a figure as an SVG element; the same figure gives the same text, and two of them share no ids."""
    from matplotlib import rc_context

    page = io.StringIO()
    with rc_context({"svg.hashsalt": name, "svg.fonttype": "none"}):
        figure.savefig(page, format="svg", metadata={"Date": None, "Creator": None, "Type": None, "Format": None})
    text = page.getvalue()
    return _ID.sub(rf"\g<1>{name}-", text[text.index("<svg") :].strip())
