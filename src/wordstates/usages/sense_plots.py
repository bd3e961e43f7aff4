"""Pictures of the senses of a word: the usages on a map, and the shares of the senses by group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float

from wordstates.page.svg import as_svg, new_axes, new_figure, new_legend
from wordstates.usages.change import GroupShares
from wordstates.usages.components import principal_components
from wordstates.usages.senses import Senses, sense_name
from wordstates.wording import counted

# As on the page of explore; readable on white and on black, and told apart by the colour-blind.
_COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b8860b"]
_COLOURS += ["#56b4e9", "#a04a7d", "#5a9a55", "#7a6fd0", "#999933"]
_NO_SENSE = "#8a8f98"
_MOST_POINTS = 5_000  # drawn; a page with more is slow to open
_LONGEST_NAME = 40


def colour_of(sense: int) -> str:
    """Give the colour of a sense."""
    return _COLOURS[sense % len(_COLOURS)] if sense >= 0 else _NO_SENSE


def _legend(sense: int, names: Mapping[int, str]) -> str:
    name = names.get(sense, "")
    if len(name) > _LONGEST_NAME:
        name = f"{name[:_LONGEST_NAME]}…"
    # matplotlib would read signs of mathematics between dollars
    return (sense_name(sense) + (f": {name}" if name else "")).replace("$", r"\$")


def usages_plot(senses: Senses, vectors: Float[np.ndarray, "usages dim"], names: Mapping[int, str]) -> str:
    """Draw the usages on their first two principal components, an even sample of them if there are very many."""
    points, kept = principal_components(vectors, 2)
    if points.shape[1] < 2:  # vectors of one dimension
        points = np.column_stack([points, np.zeros(len(points))])
    shown = np.arange(0, len(points), -(-len(points) // _MOST_POINTS))
    named = {sense.id: sense.name for sense in senses.senses} | dict(names)
    figure = new_figure(7.0, 4.6)
    (axes,) = new_axes(figure)
    for sense in sorted(set(senses.labels.tolist()), key=lambda each: (each < 0, each)):
        mine = shown[senses.labels[shown] == sense]
        dots = axes.scatter(points[mine, 0], points[mine, 1], s=12, c=colour_of(sense), linewidths=0, alpha=0.8)
        dots.set_label(_legend(sense, named))
    of_all = (f"{len(shown):,} of " if len(shown) < len(points) else "") + counted(len(points), "usage")
    axes.set_title(f"{of_all} on their first two principal components, {kept:.0%} of the variance", fontsize=10)
    axes.set_xticks([])
    axes.set_yticks([])
    new_legend(axes, fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.02), ncols=2)
    return as_svg(figure, "usages")


def shares_plot(by: str, shares: Sequence[GroupShares], names: Mapping[int, str]) -> str:
    """Draw the share of each sense in each group, with its interval."""
    figure = new_figure(7.0, 3.6)
    (axes,) = new_axes(figure)
    places = np.arange(len(shares))
    for place, first in enumerate(shares[0].shares):
        mine = [group.shares[place] for group in shares]
        share = np.array([each.share for each in mine])
        away = [share - [each.low for each in mine], [each.high for each in mine] - share]
        at = places + (place - (len(shares[0].shares) - 1) / 2) * 0.06  # or the intervals would lie on each other
        style = {"marker": "o", "markersize": 4, "capsize": 2, "linewidth": 1.2, "color": colour_of(first.sense)}
        axes.errorbar(at, share, yerr=away, label=_legend(first.sense, names), **style)
    axes.set_title(f"Share of each sense by {by}, with 95% intervals".replace("$", r"\$"), fontsize=10)
    axes.set_xticks(places, [(group.group or "-").replace("$", r"\$") for group in shares], fontsize=8)
    if max(len(group.group) for group in shares) * len(shares) > 80:
        axes.tick_params(axis="x", rotation=60)
    axes.set_ylim(0, 1.02)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.grid(visible=True, alpha=0.25)
    new_legend(axes, fontsize=8)
    return as_svg(figure, "shares")
