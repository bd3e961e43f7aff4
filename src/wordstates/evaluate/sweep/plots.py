"""The plots of a sweep, as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wordstates.evaluate.names import short_names
from wordstates.evaluate.sweep.result import ModelResult, Result, SweepReport
from wordstates.page.svg import as_svg, new_axes, new_colorbar, new_figure, new_legend

_COLOURS = {"mean": "#1f86b4", "first": "#c2571a", "last": "#4c7a34", "max": "#7a4e9c", "sum": "#8a6d1b"}
_PANEL = (4.4, 3.4)  # inches
_MOST_LABELS = 30


def by_layer(report: SweepReport) -> str:
    """Draw the score of each layer for each subword pooling, a panel for each model and post-processing."""
    names = short_names([model.name for model in report.models])
    panels = [
        (model, post_processing)
        for model in report.models
        for post_processing in dict.fromkeys(result.candidate.post_processing for result in model.results)
    ]
    wide = len(dict.fromkeys(post_processing for _, post_processing in panels))
    tall = len(panels) // wide
    figure = new_figure(_PANEL[0] * max(wide, 1.6), _PANEL[1] * tall)
    axes = new_axes(figure, tall, wide, sharey=True)
    for place, (model, post_processing) in zip(axes, panels, strict=True):
        _draw_layers(place, model, post_processing)
        name = names[model.name]
        place.set_title(name if post_processing == "none" else f"{name}, {post_processing}", fontsize=10)
        place.set_xlabel("layer")
    for place in axes[::wide]:
        place.set_ylabel(f"{report.metrics[0]} on test items")
    new_legend(axes[0], fontsize=9, title="subwords", title_fontsize=9)
    return as_svg(figure, "by-layer")


def _draw_layers(axes: Any, model: ModelResult, post_processing: str) -> None:
    results = [result for result in model.results if result.candidate.post_processing == post_processing]
    for pooling in dict.fromkeys(result.candidate.recipe.subword_pooling for result in results):
        found = {
            result.candidate.layer: result.test
            for result in results
            if result.candidate.layer is not None and result.candidate.recipe.subword_pooling == pooling
        }
        layers = sorted(found)
        colour = _COLOURS[pooling]
        axes.plot(layers, [found[layer].score for layer in layers], color=colour, marker="o", ms=3, label=pooling)
        axes.fill_between(
            layers,
            [found[layer].low for layer in layers],
            [found[layer].high for layer in layers],
            color=colour,
            alpha=0.15,
            linewidth=0,
        )
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.grid(visible=True, alpha=0.25)


def best_recipes(rows: Sequence[tuple[str, Result]], metric: str, number: int) -> str:
    """Draw the best recipes of a model and what they stand beside, each with its interval.

    Args:
        rows: Results with a remark.
        metric: Name of the score.
        number: Of the model.
    """
    figure = new_figure(8, 0.8 + 0.32 * len(rows))
    (axes,) = new_axes(figure)
    for place, (remark, result) in enumerate(reversed(rows)):
        test = result.test
        colour = _COLOURS["first"] if "chosen" in remark else _COLOURS["mean"]
        axes.plot([test.low, test.high], [place, place], color=colour, alpha=0.5)
        axes.plot([test.score], [place], color=colour, marker="o", ms=5)
    names = [f"{result.candidate.name} ({remark})" if remark else result.candidate.name for remark, result in rows]
    axes.set_yticks(range(len(rows)), names[::-1], fontsize=8)
    axes.set_xlabel(f"{metric} on test items")
    axes.grid(visible=True, axis="x", alpha=0.25)
    return as_svg(figure, f"compared-{number}")


def likeness(report: SweepReport) -> str:
    """Draw how alike the layers of all models are."""
    rows = report.cka.rows
    figure = new_figure(6.4, 5.4)
    (axes,) = new_axes(figure)
    image = axes.imshow(report.cka.values, vmin=0, vmax=1, cmap="viridis", interpolation="nearest")
    several = len(report.models) > 1
    short = short_names([model.name for model in report.models])
    names = [f"{short[model]} {layer}" if several else str(layer) for model, layer in rows]
    if len(rows) <= _MOST_LABELS:
        axes.set_yticks(range(len(rows)), names, fontsize=7)
        axes.set_xticks(range(len(rows)), names, fontsize=7, rotation=90)
    new_colorbar(figure, image, "linear CKA")
    return as_svg(figure, "likeness")
