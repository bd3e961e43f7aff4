"""The senses of a word as a page: a picture of the usages, their shares by group, the lines that are most central."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float

from wordstates.page.render import render
from wordstates.page.svg import as_svg, new_axes, new_figure, new_legend
from wordstates.usages.change import Change, GroupShares
from wordstates.usages.components import principal_components
from wordstates.usages.sense_report import measures, sense_name
from wordstates.usages.senses import Senses
from wordstates.wording import counted

# As on the page of explore; readable on white and on black, and told apart by the colour-blind.
_COLOURS = (
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#cc79a7",
    "#b8860b",
    "#56b4e9",
    "#a04a7d",
    "#5a9a55",
    "#7a6fd0",
    "#999933",
)
_NO_SENSE = "#8a8f98"
_MOST_POINTS = 5_000  # drawn; a page with more is slow to open
_LONGEST_NAME = 40


def senses_as_html(
    senses: Senses,
    vectors: Float[np.ndarray, "usages dim"],
    names: Mapping[int, str],
    context: int,
    by: str | None = None,
    shares: Sequence[GroupShares] = (),
    changes: Sequence[Change] = (),
) -> str:
    """Make a page that needs no other file.

    Args:
        senses: The senses.
        vectors: Vectors of the usages.
        names: Names that a person gave, by sense.
        context: Characters of text beside the most central usages.
        by: Column of the groups.
        shares: Shares of the senses in each group.
        changes: Distances between groups that follow each other.

    Raises:
        MissingExtraError: If matplotlib is not installed.
    """
    total = len(senses.labels)
    plots = [_map(senses, vectors, names)] if total > 2 else []
    if shares:
        plots.append(_shares(str(by), shares, names))
    return render(
        "sense_page",
        title=f"Senses of “{senses.word}”",
        warnings=[],
        summary=f"{counted(total, 'usage')} in {counted(len(senses.senses), 'sense')} ({senses.method})",
        measures=measures(senses),
        plots=plots,
        senses=[
            {
                "title": f"{sense_name(sense.id).capitalize()}: {names.get(sense.id, sense.name)}",
                "colour": _colour(sense.id),
                "size": f"{counted(sense.size, 'usage')}, {sense.size / total:.0%}",
                "words": ", ".join(each.word for each in sense.collocates),
                "lines": [_parts(senses, number, context) for number in sense.central],
            }
            for sense in senses.senses
        ],
        by=by,
        head=["group", "usages", *(sense_name(share.sense) for share in (shares[0].shares if shares else ()))],
        rows=[
            [
                group.group or "-",
                f"{group.total:,}",
                *(f"{each.share:.0%} ({each.low:.0%} to {each.high:.0%})" for each in group.shares),
            ]
            for group in shares
        ],
        changes=[[each.first, each.second, f"{each.pairwise:.3f}", f"{each.prototypes:.3f}"] for each in changes],
    )


def _parts(senses: Senses, number: int, context: int) -> tuple[str, str, str]:
    usage = senses.usages[number]
    left, right = usage.around(context)
    return left, usage.word, right


def _colour(sense: int) -> str:
    return _COLOURS[sense % len(_COLOURS)] if sense >= 0 else _NO_SENSE


def _legend(sense: int, names: Mapping[int, str]) -> str:
    name = names.get(sense, "")
    if len(name) > _LONGEST_NAME:
        name = f"{name[:_LONGEST_NAME]}…"
    # matplotlib would read signs of mathematics between dollars
    return (sense_name(sense) + (f": {name}" if name else "")).replace("$", r"\$")


def _map(senses: Senses, vectors: Float[np.ndarray, "usages dim"], names: Mapping[int, str]) -> str:
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
        dots = axes.scatter(points[mine, 0], points[mine, 1], s=12, c=_colour(sense), linewidths=0, alpha=0.8)
        dots.set_label(_legend(sense, named))
    of_all = (f"{len(shown):,} of " if len(shown) < len(points) else "") + counted(len(points), "usage")
    axes.set_title(f"{of_all} on their first two principal components, {kept:.0%} of the variance", fontsize=10)
    axes.set_xticks([])
    axes.set_yticks([])
    new_legend(axes, fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.02), ncols=2)
    return as_svg(figure, "usages")


def _shares(by: str, shares: Sequence[GroupShares], names: Mapping[int, str]) -> str:
    """Draw the share of each sense in each group, with its interval."""
    figure = new_figure(7.0, 3.6)
    (axes,) = new_axes(figure)
    places = np.arange(len(shares))
    for place, first in enumerate(shares[0].shares):
        mine = [group.shares[place] for group in shares]
        share = np.array([each.share for each in mine])
        away = [share - [each.low for each in mine], [each.high for each in mine] - share]
        at = places + (place - (len(shares[0].shares) - 1) / 2) * 0.06  # or the intervals would lie on each other
        style = {"marker": "o", "markersize": 4, "capsize": 2, "linewidth": 1.2, "color": _colour(first.sense)}
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
