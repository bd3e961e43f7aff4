"""The page of results: nothing is measured here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.speed.machine import QUIET

_GIVES = {"words": "One vector per word", "subwords": "One vector per subword", "texts": "One vector per text"}


def render(results: dict[str, Any]) -> str:
    """Write the page of some results."""
    machine, parts = results["machine"], results["parts"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    lines = [
        "# Benchmark: `wordstates serve`",
        "",
        "<!-- written by python -m benchmarks.serve --render -->",
        "",
        "What `make bench-serve` measures: MiniLM, lines of Genesis, servers and clients on the same machine, over "
        "loopback, connections kept open. The clients read answers and do not decode them. Before anything is timed, "
        "the answers of each server are compared with `transformers`, one text at a time: ours within 1e-5, others' "
        "within 1e-4.",
        "",
    ]
    if parts:
        lines += [
            f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB; "
            f"{', '.join(machine['instructions'])}; Python {machine['python']}, {versions}.",
            "",
        ]
    else:
        lines += ["Not measured yet.", ""]
    sections: dict[str, tuple[str, Callable[[dict[str, Any]], list[str]]]] = {
        "race": ("Beside other servers", _race),
        "saturation": ("Beside `encode` in one process", _saturation),
        "overload": ("Five times too much", _overload),
    }
    for name, (title, section) in sections.items():
        if name in parts:
            part = parts[name]
            lines += [f"## {title}", "", *section(part), ""]
            lines += [f"{part['date']}, {part['took']} s, commit {part['commit']}.{_busy(part)}", ""]
    return "\n".join(lines).rstrip() + "\n"


def _busy(part: dict[str, Any]) -> str:
    busy = part["busy"]
    return "" if busy <= QUIET else f" **Something else took {busy:.0%} of the machine: these figures are worthless.**"


def _race(part: dict[str, Any]) -> list[str]:
    lines = [
        "One text a request: *short* is a line of about ten words, *long* has "
        f"{part['long_words']} words. *plain* is FastAPI around sentence-transformers, its "
        "`output_value='token_embeddings'` or its vector of the text; *infinity* is infinity-emb with PyTorch. "
        "Neither has vectors of words. Requests a second, and milliseconds of the median (p95, p99).",
        "",
    ]
    clients = list(dict.fromkeys(row["clients"] for row in part["rows"]))
    for gives, title in _GIVES.items():
        rows = [row for row in part["rows"] if row["gives"] == gives]
        if not rows:
            continue
        heads = [f"{count} client{'s' if count > 1 else ''}" for count in clients]
        lines += [f"| {title} | {' | '.join(heads)} |", f"|---|{'--:|' * len(clients)}"]
        for length in ("short", "long"):
            names = dict.fromkeys(row["name"] for row in rows if row["texts"] == length)
            for name in names:
                found = {row["clients"]: row for row in rows if (row["texts"], row["name"]) == (length, name)}
                lines.append(f"| {length}: {name} | {' | '.join(_cell(found[count]) for count in clients)} |")
        lines.append("")
    differences = max(part["differences"].values())
    return [*lines, f"Largest difference of a number to `transformers`: {differences:.0e}."]


def _cell(row: dict[str, Any]) -> str:
    return f"{row['requests_per_second']:,.1f}/s, {row['p50_ms']:,.0f} ({row['p95_ms']:,.0f}, {row['p99_ms']:,.0f}) ms"


def _saturation(part: dict[str, Any]) -> list[str]:
    server, encode = part["median"]["server"], part["median"]["encode"]
    turns = len(part["words_per_second"]["server"])
    return [
        f"{part['clients']} clients that ask for the words of {part['texts']} short texts each, as Arrow, and "
        f"`encode` of the same texts in one process, in {turns} turns: **{server:,.0f}** words a second over HTTP, "
        f"{encode:,.0f} in one process: **{part['share']:.0%}**. The clients take their share of the same cores.",
    ]


def _overload(part: dict[str, Any]) -> list[str]:
    live = f"{part['live_p50_ms']:,.0f} and {part['live_p99_ms']:,.0f} ms"
    answered = f"{part['answered_requests_per_second']:,.1f} ({part['share_of_peak']:.0%} of the peak)"
    statuses = ", ".join(f"{count:,} with {status}" for status, count in part["statuses"].items())
    return [
        f"Requests of {part['texts']} short texts, sent at five times the rate that the server can answer, for "
        f"{part['seconds']:,.0f} s, whatever becomes of them:",
        "",
        "| | |",
        "|---|--:|",
        f"| peak, requests a second | {part['peak_requests_per_second']:,.1f} |",
        f"| sent a second | {part['offered_requests_per_second']:,.1f} |",
        f"| answered a second | {answered} |",
        f"| sent, answered | {part['sent']:,}: {statuses} |",
        f"| they add up | {'yes' if part['adds_up'] else 'NO'} |",
        f"| `/live`, p50 and p99 of {part['live_asked']:,} | {live} |",
        f"| memory, first and second half | at most {_most(part, 0):,.0f} and {_most(part, 1):,.0f} MiB |",
        f"| connections opened and dropped after that | {part['connections_dropped']:,} |",
        f"| the next request | {part['status_after']} |",
    ]


def _most(part: dict[str, Any], half: int) -> float:
    memory = part["memory_mib"]
    middle = len(memory) // 2
    return float(max(memory[middle:] if half else memory[:middle]))
