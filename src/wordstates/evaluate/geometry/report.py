"""How a geometry report looks: a table, JSON, and a page with plots that needs no other file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from wordstates.evaluate.geometry.figures import Geometry, advice
from wordstates.evaluate.geometry.run import Measured
from wordstates.evaluate.names import short_names
from wordstates.page.render import render
from wordstates.page.svg import as_svg, new_axes, new_figure, new_legend
from wordstates.wording import counted, in_columns

_Lines = dict[str, list[float | None]]
_COLUMNS = (
    ("layer", "number of the layer, or name of the recipe"),
    ("anisotropy", "mean cosine of two different words from different texts"),
    ("self", "mean cosine of two usages of one word in different texts"),
    ("corrected", "the same less the anisotropy"),
    ("intra", "mean cosine of a word and the mean of its text"),
    ("corrected", "the same less the anisotropy"),
    ("half", "dimensions that make up half of the anisotropy"),
    ("largest", "share of the dimension that contributes most, and its number"),
    ("first", "variance that the first principal component takes"),
    ("ten", "variance that the first ten take"),
    ("for 90%", "components that take nine tenths of the variance"),
)


@dataclass(frozen=True)
class GeometryReport:
    """What was measured, ready to be shown.

    Args:
        measured: What was measured.
        model: Name of the model.
    """

    measured: Measured
    model: str

    @property
    def warnings(self) -> list[str]:
        """Where cosines of a recipe mean little, in plain words."""
        return [
            f"cosines of {geometry.name} mean little: {'; '.join(found)}."
            for geometry in self.measured.recipes
            if (found := advice(geometry))
        ]

    def to_dict(self) -> dict[str, Any]:
        """Give all figures as plain JSON data."""
        measured = self.measured
        return {
            "model": self.model,
            "texts": measured.texts,
            "words": measured.words,
            "types": measured.types,
            "repeated_types": measured.repeated_types,
            "layers": [geometry.to_dict() for geometry in measured.layers],
            "recipes": [geometry.to_dict() for geometry in measured.recipes],
            "warnings": self.warnings,
            "rejects": [reject.to_dict() for reject in measured.rejects],
            "provenance": dict(measured.provenance),
        }

    def to_text(self) -> str:
        """Write the table, one line per layer and recipe."""
        rows = [[name for name, _ in _COLUMNS], *map(_cells, [*self.measured.layers, *self.measured.recipes])]
        return in_columns(rows, "<>")

    def summary(self) -> str:
        """Say on what it was measured."""
        measured = self.measured
        return (
            f"{counted(measured.words, 'word')} of {counted(measured.texts, 'text')}; pairs of words are from a sample "
            f"of {counted(measured.types, 'type')}, {measured.repeated_types:,} of them in two texts or more"
        )

    def to_html(self) -> str:
        """Make a page of its own.

        Raises:
            MissingExtraError: If matplotlib is not installed.
        """
        return render(
            "geometry",
            title=f"Geometry of {short_names([self.model])[self.model]}",
            warnings=self.warnings,
            summary=self.summary(),
            head=[name for name, _ in _COLUMNS],
            rows=[_cells(geometry) for geometry in [*self.measured.layers, *self.measured.recipes]],
            plots=_plots(self.measured),
            meanings=_COLUMNS,
        )


def _cells(geometry: Geometry) -> list[str]:
    largest = f"{geometry.dimensions[0][1]:.0%} ({geometry.dimensions[0][0]})" if geometry.dimensions else "-"
    return [
        geometry.name,
        _number(geometry.anisotropy),
        _number(geometry.self_similarity),
        _number(geometry.corrected_self_similarity),
        _number(geometry.intra_similarity),
        _number(geometry.corrected_intra_similarity),
        _whole(geometry.half_dimensions),
        largest,
        _share(geometry.first_component),
        _share(geometry.first_ten),
        _whole(geometry.components),
    ]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"


def _whole(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"


def _plots(measured: Measured) -> list[str]:
    layers = measured.layers
    numbers = [int(geometry.name) for geometry in layers]
    similarity: _Lines = {
        "self-similarity": [geometry.self_similarity for geometry in layers],
        "intra-text similarity": [geometry.intra_similarity for geometry in layers],
        "two words (anisotropy)": [geometry.anisotropy for geometry in layers],
    }
    corrected: _Lines = {
        "self-similarity": [geometry.corrected_self_similarity for geometry in layers],
        "intra-text similarity": [geometry.corrected_intra_similarity for geometry in layers],
    }
    after: _Lines = {"as they are": similarity["two words (anisotropy)"]}
    for step in dict.fromkeys(step for geometry in layers for step in geometry.after):
        after[step] = [geometry.after.get(step) for geometry in layers]
    shares: _Lines = {
        f"dimension {place + 1}": [
            geometry.dimensions[place][1] if place < len(geometry.dimensions) else None for geometry in layers
        ]
        for place in range(3)
    }
    variance: _Lines = {
        "first component": [geometry.first_component for geometry in layers],
        "first ten": [geometry.first_ten for geometry in layers],
    }
    return [
        _plot("Mean cosine", numbers, similarity),
        _plot("Mean cosine less the anisotropy", numbers, corrected),
        _plot("Share of the anisotropy: the three largest dimensions", numbers, shares),
        _plot("Anisotropy after post-processing", numbers, after),
        _plot("Share of the variance", numbers, variance),
    ]


def _plot(title: str, layers: Sequence[int], lines: _Lines) -> str:
    """Draw lines over the layers, as SVG to put into a page; the same figures give the same bytes."""
    figure = new_figure(6.0, 3.2)
    (axes,) = new_axes(figure)
    for name, values in lines.items():
        drawn = [float("nan") if value is None else value for value in values]
        axes.plot(layers, drawn, marker="o", markersize=3, label=name)
    axes.set_title(title, fontsize=10)
    axes.set_xlabel("layer")
    locator: Any = axes.xaxis.get_major_locator()
    locator.set_params(integer=True)
    axes.grid(visible=True, alpha=0.25)
    new_legend(axes, fontsize=8)
    return as_svg(figure, title.lower().replace(" ", "-"))
