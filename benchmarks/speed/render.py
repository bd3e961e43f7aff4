"""Tables and a plot of results: nothing is measured here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.speed.entries import ENTRIES, INPUTS, LAST, LAST4, RECIPES, REFERENCE
from benchmarks.speed.machine import BFLOAT16, QUIET
from benchmarks.speed.plot import draw
from benchmarks.speed.race import OURS_MAY_DIFFER, PEERS_MAY_DIFFER, ROUNDING, rates, summary

_DASH = "–"


def render(results: Path, folder: Path, name: str) -> tuple[Path, Path]:
    """Write the tables and the plot.

    Args:
        results: File of raw results.
        folder: Where to.
        name: Name of both, without ending.

    Returns:
        Their paths.
    """
    if not results.is_file():
        raise SystemExit(f"{results}: no results to make tables of; measure first.")
    found = json.loads(results.read_text(encoding="utf-8"))
    table, plot = folder / f"{name}.md", folder / f"{name}.svg"
    page = "\n".join(["# Benchmark: wordstates beside other tools", "", *_page(found)]).rstrip()
    table.write_text(f"{page}\n\n![words a second]({plot.name})\n", encoding="utf-8")
    draw(found, plot)
    return table, plot


def _page(results: dict[str, Any]) -> list[str]:
    parts = results["parts"]
    lines = ["<!-- written by python -m benchmarks.speed --render -->", "", *_machine(results), ""]
    for label in _labels(parts):
        for texts in INPUTS:
            lines += _race(label, texts, parts, results["setup"])
    for title, key, section in (
        ("Share of the machine", "ceiling", _ceiling),
        ("Cost by deepest layer", "depth", _depth),
        ("Cost by text length", "lengths", _lengths),
        ("Texts that come again", "duplicates", _duplicates),
        ("With the engine taken out", "feeding", _feeding),
        ("Cold start", "cold", _cold),
        ("Finding", "find", _find),
        ("Memory", "memory", _memory),
    ):
        mine = {name.partition("/")[2]: part for name, part in parts.items() if name.startswith(f"{key}/")}
        if mine:
            lines += [f"### {title}", "", *section(mine), ""]
    return lines


def _labels(parts: dict[str, Any]) -> list[str]:
    return list(dict.fromkeys(part["model"] for key, part in parts.items() if key.startswith("race/")))


def _machine(results: dict[str, Any]) -> list[str]:
    machine = results["machine"]
    dates = sorted(part["date"] for part in results["parts"].values())
    commits = ", ".join(dict.fromkeys(part["commit"] for part in results["parts"].values() if part["commit"]))
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    caches = ", ".join(f"{name} {size}" for name, size in machine["caches"].items())
    gpu = f"{machine['gpu']}; " if "gpu" in machine else ""
    lines = [
        f"{gpu}{machine['cpu']} (family/model/stepping {machine['cpu_family_model']}), {machine['cores']} cores"
        f"{' of a virtual machine' if machine['virtual'] else ''}, {machine['memory_gib']} GiB; "
        f"{', '.join(machine['instructions']) or 'no AVX2'}; caches {caches or 'unknown'}; {machine['system']}; "
        f"Python {machine['python']}, {versions}. "
        f"{' to '.join(dict.fromkeys([dates[0], dates[-1]])) if dates else 'Nothing measured'}; "
        f"commit {commits or 'unknown'}.",
    ]
    if "gpu" not in machine and not set(machine["instructions"]).intersection(BFLOAT16):
        lines += ["", "bfloat16 is left out: the processor has no instructions for it."]
    busy = {key: part["busy"] for key, part in results["parts"].items() if part["busy"] > QUIET}
    if busy:
        shares = ", ".join(f"{key} {share:.0%}" for key, share in busy.items())
        lines += ["", f"**The machine was not quiet: these figures are worthless.** Taken by others: {shares}."]
    return lines


# ── the race ──


def _race(label: str, texts: str, parts: dict[str, Any], setup: dict[str, Any]) -> list[str]:
    cells = {recipe: parts.get(f"race/{label}/{texts}/{recipe}", {}).get("contestants") for recipe in RECIPES}
    if not any(cells.values()):
        return []
    main = cells[LAST] or cells[LAST4] or {}
    size = setup["inputs"][texts]
    read = f"{size['texts']:,} texts ({size['different_texts']:,} different), {size['words']:,} words, "
    lines = [
        f"### {label}, {INPUTS[texts] if texts == 'mix' else 'sentences'}",
        "",
        f"{read}the median text has {size['median_words']:,}, the longest {size['longest_words']:,}. Words/s: median "
        "(least to most); CPU, memory and difference: of the first column that has figures.",
        "",
        *_header("", "last layer, words/s", "last four, words/s", "times the fastest peer", *_COSTS),
    ]
    best = max((_rate(main.get(entry.name)) for entry in ENTRIES if not entry.ours), default=0.0)
    for entry in ENTRIES:
        if any(entry.name in (cell or {}) for cell in cells.values()):
            lines.append(f"| {entry.name} | {_row(entry.name, cells, best)} |")
    absent = [entry.name for entry in ENTRIES if not entry.can(LAST, texts)]
    notes = [f"The words of all agree with those of *{REFERENCE}*: {_promise(main)}"]
    if texts == "mix":
        notes += [
            "Texts longer than a window are read through each tool's own windows (spacy-transformers: 128 tokens every "
            "96), so only texts that all read whole are compared.",
            *[f"{name} cuts long texts off, and is left out." for name in absent],
        ]
    failed = [
        f"{name} ({RECIPES[recipe]}) failed: {contestant['failed']}."
        for recipe, cell in cells.items()
        for name, contestant in (cell or {}).items()
        if "failed" in contestant
    ]
    return [*lines, "", " ".join(notes + failed), ""]


_COSTS = ("CPU ms/word", "peak MiB", "runs", "differs by")


def _promise(contestants: dict[str, Any]) -> str:
    rounded = [
        f", {precision} within {share:.0%} by norm"
        for precision, share in ROUNDING.items()
        if any(precision in name for name in contestants)
    ]
    return f"wordstates in float32 within {OURS_MAY_DIFFER:g}, peers within {PEERS_MAY_DIFFER:g}{''.join(rounded)}."


def _row(name: str, cells: dict[str, dict[str, Any] | None], best: float) -> str:
    mine = {recipe: (cell or {}).get(name) for recipe, cell in cells.items()}
    rated = [_words_per_second(mine[recipe]) for recipe in RECIPES]
    first = next((found for found in mine.values() if found and found["rounds"]), None)
    if first is None:
        return " | ".join([*rated, *[_DASH] * 5])
    costs = first["rounds"]
    cpu = summary([1000 * cost["cpu_seconds"] / cost["words"] for cost in costs])["median"]
    memory = max(cost["peak_mib"] for cost in costs)
    times = f"{_rate(mine[LAST]) / best:.2f}" if best and _rate(mine[LAST]) else _DASH
    return " | ".join([*rated, times, f"{cpu:.3f}", f"{memory:,.0f}", str(len(costs)), _difference(name, first)])


def _difference(name: str, contestant: dict[str, Any]) -> str:
    agreement = contestant.get("agreement")
    if agreement is None:
        return _DASH
    is_rounded = any(precision in name for precision in ROUNDING)
    return f"{agreement['by_norm']:.1%} by norm" if is_rounded else f"{agreement['largest']:.0e}"


def _rate(contestant: dict[str, Any] | None) -> float:
    return summary(rates(contestant))["median"] if contestant and contestant["rounds"] else 0.0


def _words_per_second(contestant: dict[str, Any] | None) -> str:
    if not contestant or not contestant["rounds"]:
        return "failed" if contestant and "failed" in contestant else _DASH
    found = summary(rates(contestant))
    return f"{found['median']:,.0f} ({found['least']:,.0f} to {found['most']:,.0f})"


# ── the studies ──


def _ceiling(parts: dict[str, Any]) -> list[str]:
    shares = [found["share"] for part in parts.values() for found in part["precisions"].values()]
    engines = list(dict.fromkeys(name for share in shares for name in share if name.endswith(" alone")))
    lines = [
        "The ceiling is the best that the libraries named make of the matrix products of a block alone "
        f"({next(iter(parts.values()))['rows']:,} rows, all cores). Shares count the operations of real subwords only: "
        "padding is a loss.",
        "",
        *_header("model", "precision", "ceiling GFLOP/s", "of", *engines, "text to Parquet"),
    ]
    for label, part in parts.items():
        shape = part["shape"]
        for precision, found in part["precisions"].items():
            medians = {name: summary(gflops)["median"] for name, gflops in found["products_gflops"].items()}
            shares = [f"{found['share'][name]:.0%}" if name in found["share"] else _DASH for name in engines]
            parquet = f"{found['share']['text to Parquet']:.0%} ({found['parquet_engine']})"
            cells = [
                f"{label} ({shape['blocks']}x{shape['hidden']})",
                precision,
                f"{found['ceiling_gflops']:,.0f}",
                ", ".join(f"{name} {value:,.0f}" for name, value in medians.items()),
                *shares,
                parquet,
            ]
            lines.append(f"| {' | '.join(cells)} |")
    return lines


def _header(*names: str) -> list[str]:
    return [f"| {' | '.join(names)} |", f"|---|{'--:|' * (len(names) - 1)}"]


def _depth(parts: dict[str, Any]) -> list[str]:
    lines = _header("model", "layer", "of the last layer's time", "engine alone", "goal: k/L + 5%")
    for label, part in parts.items():
        for found in part["layers"]:
            cells = [f"{found['layer']} of {part['blocks']}", *[f"{found[key]:.0%}" for key in _DEPTH]]
            lines.append(f"| {label} | {' | '.join(cells)} |")
    return lines


_DEPTH = ("relative", "engine_relative", "goal")


def _lengths(parts: dict[str, Any]) -> list[str]:
    lengths = [str(found["words"]) for found in next(iter(parts.values()))["lengths"]]
    lines = ["Words/s of texts that have so many words:", "", *_header("model", *lengths)]
    for label, part in parts.items():
        lines.append(f"| {label} | {' | '.join(_integers([f['words_per_second'] for f in part['lengths']]))} |")
    return lines


def _integers(figures: Sequence[float]) -> list[str]:
    return [f"{figure:,.0f}" for figure in figures]


def _duplicates(parts: dict[str, Any]) -> list[str]:
    return [
        f"{label}: {part['different']:,.0f} words/s of different texts, {part['repeated']:,.0f} where each occurs "
        f"{part['copies']} times: {part['ratio']:.1f} times."
        for label, part in parts.items()
    ]


def _feeding(parts: dict[str, Any]) -> list[str]:
    return [
        f"{label}: one process prepares and writes {part['words_per_second']:,.0f} words/s, and takes "
        f"{part['microseconds_a_word']:.1f} microseconds of the processor a word, "
        f"{part['microseconds_of_the_caller']:.1f} of them in the thread that calls."
        for label, part in parts.items()
    ]


def _cold(parts: dict[str, Any]) -> list[str]:
    lines = _header("whole process, to one vector and the end", "seconds")
    for part in parts.values():
        lines += [f"| {name} | {seconds:.2f} |" for name, seconds in part["median"].items()]
    return lines


def _find(parts: dict[str, Any]) -> list[str]:
    return [
        f"{label}: a word that is in {part['with_target']:,} of {part['sentences']:,} sentences, its "
        f"{part['usages']:,} usages: {part['times_faster']:,.0f} times faster than embedding everything, and the same "
        f"vectors (largest difference {part['largest_difference']:.0e})."
        for label, part in parts.items()
    ]


def _memory(parts: dict[str, Any]) -> list[str]:
    lines = []
    for label, part in parts.items():
        lines += [f"{label}, layer {part['layer']}, raw text to Parquet; {part['growth_mib']:+.0f} MiB:", ""]
        lines += _header("words", "words/s", "memory when loaded, MiB", "peak MiB")
        for run in part["runs"]:
            figures = [run["words"], run["words_per_second"], run["loaded_mib"], run["peak_mib"]]
            lines.append(f"| {' | '.join(_integers(figures))} |")
    return lines
