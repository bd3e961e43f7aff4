"""Figures as SVG, to be put into a page that needs no other file."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any

from wordstates.errors import MissingExtraError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_INK = "#0a0b0c"  # in figures; no colour that anything else has
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


def _inked() -> Any:
    names = ("text.color", "axes.edgecolor", "axes.labelcolor", "axes.titlecolor", "xtick.color", "ytick.color")
    return dict.fromkeys(names, _INK)


def new_axes(figure: Figure, tall: int = 1, wide: int = 1, *, sharey: bool = False) -> list[Any]:
    """Make the axes of a figure, row by row, in the colour that `as_svg` makes that of the text."""
    from matplotlib import rc_context

    with rc_context(_inked()):
        axes: list[Any] = figure.subplots(tall, wide, squeeze=False, sharey=sharey).ravel().tolist()
    for each in axes:
        each.title.set_color(_INK)
    return axes


def new_legend(axes: Any, **options: Any) -> None:
    """Explain the lines of axes."""
    axes.legend(frameon=False, labelcolor=_INK, **options).get_title().set_color(_INK)


def new_colorbar(figure: Figure, image: Any, label: str) -> None:
    """Explain the colours of an image."""
    from matplotlib import rc_context

    with rc_context(_inked()):
        figure.colorbar(image, label=label)


def as_svg(figure: Figure, name: str) -> str:
    """Write a figure as an SVG element; the same figure gives the same text, and two of them share no ids.

    What is neither a line nor an area has the colour of the text around it, on the ground of the page.
    """
    from matplotlib import rc_context

    page = io.StringIO()
    with rc_context({"svg.hashsalt": name, "svg.fonttype": "none"}):
        figure.savefig(
            page,
            format="svg",
            transparent=True,
            metadata={"Date": None, "Creator": None, "Type": None, "Format": None},
        )
    text = page.getvalue().replace(_INK, "currentColor")
    return _ID.sub(rf"\g<1>{name}-", text[text.index("<svg") :].strip())
