"""The page of what was measured: nothing is measured here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.speed.machine import as_text


def render(found: Mapping[str, Any]) -> str:
    """Write the figures as a page."""
    lines = [
        "# How fast usages are found",
        "",
        "<!-- written by python -m benchmarks.usages -->",
        "",
        f"Measured with `make bench-usages` on {as_text(found['machine'])}. Raw results: "
        "`benchmarks/results/usages.json`.",
        "",
        "## The ten nearest usages",
        "",
        "Usages of real English text, MiniLM, 384 dimensions, float32; 50 usages are asked for, one at a time, and the "
        "median time and that of nine in ten are given. Those of wordstates include finding each usage's text and "
        "metadata; the other libraries give numbers. *Recall* is the share of wordstates' exact ten that is found.",
        "",
        "| usages | search | ms | nine in ten, ms | recall@10 | made in, s |",
        "| --: | --- | --: | --: | --: | --: |",
    ]
    for cell in found["sizes"].values():
        for name, search in cell["searches"].items():
            built = f"{search['build_s']:.1f}" if "build_s" in search else ""
            probed = f" ({search['probes']:,} of {search['partitions']:,} parts)" if "probes" in search else ""
            lines.append(
                f"| {cell['usages']:,} | {name}{probed} | {search['ms']:.2f} | {search['ms_90']:.2f} | "
                f"{search['recall']:.3f} | {built} |"
            )
    lines += [
        "",
        "Exact search reads every vector, so memory bounds it: the share is of the bandwidth that a sum over the same "
        "numbers reaches, on all cores. Memory is what is held beside the files mapped into it.",
        "",
        "| usages | share of bandwidth | GB/s of the sum | open, ms | memory, MB | once per text, ms |",
        "| --: | --: | --: | --: | --: | --: |",
    ]
    lines += [
        f"| {cell['usages']:,} | {cell['bandwidth_share']:.0%} | {cell['bytes_per_s'] / 1e9:.1f} | "
        f"{cell['open_ms']:.0f} | {cell['memory'] / 1e6:.0f} | {cell['once_per_text_ms']:.1f} |"
        for cell in found["sizes"].values()
    ]
    lines += [
        "",
        "## A word's lines and its map",
        "",
        "The concordance of all usages of a word, and what its page shows: picture, neighbours and senses of at most "
        "2,000 usages, in the layer of the index, without a model.",
        "",
        "| usages | word | its usages | concordance, ms | map and senses, ms |",
        "| --: | --- | --: | --: | --: |",
    ]
    lines += [
        f"| {cell['usages']:,} | {word} | {of['usages']:,} | {of['kwic_ms']:.0f} | {of['map_ms']:.0f} |"
        for cell in found["sizes"].values()
        for word, of in cell["words"].items()
    ]
    if "frames" in found:
        lines += frames(found["frames"])
    return "\n".join(lines) + "\n"


def frames(found: Mapping[str, Any]) -> list[str]:
    """Write how smoothly the map moves."""
    lines = [
        "",
        "## The map, zoomed and moved",
        "",
        f"Synthetic usages in Chromium {found['browser']} without a GPU, a window of 1300 x 850: from one frame to the "
        "next (16.7 ms is what a screen asks for), and drawing alone; the median and 95 in 100. Above 100,000 usages "
        "the map shows density.",
        "",
        "| usages | | frame, ms | 95 in 100, ms | drawing, ms | 95 in 100, ms |",
        "| --: | --- | --: | --: | --: | --: |",
    ]
    lines += [
        f"| {int(size):,} | {how} | {of['frame_ms']:.1f} | {of['frame_ms_95']:.1f} | {of['draw_ms']:.1f} | "
        f"{of['draw_ms_95']:.1f} |"
        for size, both in found["sizes"].items()
        for how, of in both.items()
    ]
    return lines
