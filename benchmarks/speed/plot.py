"""The plot: words a second of every contestant, a panel a model, every axis from 0."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.speed.entries import ENTRIES, LAST, Entry
from benchmarks.speed.race import rates, summary

_EXACT, _ROUNDED, _PEER, _SPREAD = "#0b6e4f", "#7cc5a6", "#9a9a9a", "#333333"


def draw(results: dict[str, Any], target: Path) -> None:
    """Draw the race over the sentences, last layer; bars are medians, lines go from the least to the most."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams.update({"svg.hashsalt": "wordstates", "font.size": 9, "font.family": "DejaVu Sans"})
    from matplotlib.patches import Patch
    from matplotlib.pyplot import subplots

    races = [
        part for key, part in results["parts"].items() if key.startswith("race/") and key.endswith(f"/sentences/{LAST}")
    ]
    if not races:
        return
    figure, axes = subplots(1, len(races), figsize=(5.2 * len(races) + 1.4, 3.9), squeeze=False, sharey=True)
    names = [entry for entry in ENTRIES if any(entry.name in race["contestants"] for race in races)]
    for axis, race in zip(axes[0], races, strict=True):
        _panel(axis, race, names)
    axes[0][0].set_yticks(range(len(names)), [entry.name for entry in names])
    axes[0][0].invert_yaxis()
    machine, size = results["machine"], results["setup"]["inputs"]["sentences"]
    figure.suptitle(
        f"Words a second: {size['texts']:,} English sentences, last layer, {machine['cores']} cores ({machine['cpu']})",
        fontsize=10,
    )
    drawn = {_color(entry) for entry in names}
    kinds = (("wordstates, exact", _EXACT), ("wordstates, bfloat16 or int8", _ROUNDED), ("peers, exact", _PEER))
    patches = [Patch(color=color, label=label) for label, color in kinds if color in drawn]
    figure.legend(handles=patches, loc="lower center", ncols=3)
    figure.tight_layout(rect=(0, 0.06, 1, 1))
    figure.savefig(target, metadata={"Date": None, "Creator": None})


def _panel(axis: Any, race: dict[str, Any], entries: list[Entry]) -> None:
    contestants = race["contestants"]
    longest = max((max(rates(found)) for found in contestants.values() if found["rounds"]), default=1.0)
    for place, entry in enumerate(entries):
        found = contestants.get(entry.name)
        if not found or not found["rounds"]:
            axis.text(0, place, "  failed" if found else "  not measured", va="center", color=_SPREAD)
            continue
        speed = summary(rates(found))
        axis.barh(place, speed["median"], color=_color(entry))
        axis.plot([speed["least"], speed["most"]], [place, place], color=_SPREAD, linewidth=1)
        axis.text(speed["most"] + 0.01 * longest, place, f"{speed['median']:,.0f}", va="center", color=_SPREAD)
    axis.set_xlim(0, 1.18 * longest)
    axis.set_title(race["model"], fontsize=10)
    axis.xaxis.set_major_formatter(lambda figure, _: f"{figure:,.0f}")
    axis.spines[["top", "right"]].set_visible(False)
    axis.set_xlabel("words a second")


def _color(entry: Entry) -> str:
    return (_EXACT if entry.precision == "float32" else _ROUNDED) if entry.ours else _PEER
