"""A sweep as a page: one file, nothing loaded from elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from html import escape

from wordstates.evaluate.sweep import plots
from wordstates.evaluate.sweep.report_text import data_lines, how_sure, rows_of, shown_interval, usage_lines
from wordstates.evaluate.sweep.result import ModelResult, SweepReport

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 68rem; margin: 2rem auto; padding: 0 1rem; color: #1c1c1c; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
table { border-collapse: collapse; margin: 0.8rem 0; } th, td { text-align: left; padding: 0.2rem 0.9rem 0.2rem 0; }
th { border-bottom: 1px solid #999; } td.n { font-variant-numeric: tabular-nums; } tr.chosen { font-weight: 600; }
pre { background: #f3f3f0; padding: 0.7rem 1rem; overflow-x: auto; } svg { max-width: 100%; height: auto; }
details { margin-top: 1rem; } p.note { color: #555; }
"""


def as_html(report: SweepReport) -> str:
    """Write a sweep as a page that is XML too.

    Args:
        report: What was found.
    """
    choice = report.choice
    title = f"Which recipe for {', '.join(report.data) or report.task.name}"
    agreeing = f" {choice.agreeing} of {choice.folds} folds choose it by themselves." if choice.folds > 1 else ""
    body = [
        f"<h1>{escape(title)}</h1>",
        _facts(data_lines(report)),
        "<h2>The choice</h2>",
        f"<p><b>{escape(choice.best.candidate.name)}</b> of {escape(choice.best.model)}, by development data."
        f"{agreeing} {escape(how_sure(choice).capitalize())}. On items that it was not chosen on: "
        + ", ".join(f"{escape(name)} <b>{shown_interval(value)}</b>" for name, value in choice.held_out.items())
        + ".</p>",
        *(f"<p>{escape(what)}</p><pre>{escape(line)}</pre>" for what, line in usage_lines(report)),
        "<h2>Score by layer</h2>",
        "<p class='note'>Bands hold 95% of the scores of resampled data.</p>",
        plots.by_layer(report),
        *(part for number in range(len(report.models)) for part in _model(report, number)),
        "<h2>How alike the layers are</h2>",
        f"<p class='note'>Linear CKA on {report.cka.usages:,} usages: 1 is the same up to rotation and scale.</p>",
        plots.likeness(report),
        "<h2>Every score</h2>",
        *(_all_results(report, model) for model in report.models),
        _details("Where the vectors come from", _provenance(report)),
        f"<p class='note'>{report.embedding_seconds:.1f} seconds reading, {report.scoring_seconds:.1f} scoring.</p>",
    ]
    head = f"<head><meta charset='utf-8'/><title>{escape(title)}</title><style>{_STYLE}</style></head>"
    return f"<!DOCTYPE html>\n<html lang='en'>\n{head}\n<body>\n" + "\n".join(body) + "\n</body>\n</html>\n"


def _model(report: SweepReport, number: int) -> Iterable[str]:
    model = report.models[number]
    rows = rows_of(model)
    yield f"<h2>{escape(model.name)}</h2>"
    yield (
        f"<p>{model.n_blocks} blocks, {model.dim} dimensions, {len(model.results)} recipes. Held out: "
        f"<b>{shown_interval(model.choice.score)}</b>.</p>"
    )
    yield _table(
        ("recipe", "development", f"test: {report.metrics[0]} (95%)", ""),
        [
            (result.candidate.name, f"{result.dev_score:.3f}", shown_interval(result.test), remark)
            for remark, result in rows
        ],
        chosen="chosen",
    )
    yield plots.compared(rows, report.metrics[0], number)
    if model.mix is not None:
        yield "<p>A learned mix of all layers: " + shown_interval(model.mix.test) + ". Its weights, from layer 0: "
        yield ", ".join(f"{weight:.3f}" for weight in model.mix.weights) + ".</p>"
    if model.controls:
        yield "<p>Beside each probe, one that learns labels drawn at random for each word type:</p>"
        yield _table(
            ("recipe", "accuracy", "of random labels", "selectivity"),
            [
                (each.candidate.name, f"{each.accuracy:.3f}", f"{each.control:.3f}", f"{each.selectivity:.3f}")
                for each in model.controls
            ],
        )


def _all_results(report: SweepReport, model: ModelResult) -> str:
    rows = [
        (result.candidate.name, f"{result.dev_score:.4f}", *map(shown_interval, result.scores.values()))
        for result in sorted(model.results, key=lambda result: -result.dev_score)
    ]
    return _details(f"{model.name}, {len(rows)} recipes", _table(("recipe", "development", *report.metrics), rows))


def _provenance(report: SweepReport) -> str:
    told = {model.name: model.provenance for model in report.models}
    return f"<pre>{escape(json.dumps(told, indent=2, ensure_ascii=False))}</pre>"


def _facts(rows: Sequence[tuple[str, str]]) -> str:
    lines = "".join(f"<tr><td>{escape(name)}</td><td>{escape(value)}</td></tr>" for name, value in rows)
    return f"<table>{lines}</table>"


def _details(title: str, content: str) -> str:
    return f"<details><summary>{escape(title)}</summary>{content}</details>"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], chosen: str | None = None) -> str:
    lines = ["<tr>" + "".join(f"<th>{escape(name)}</th>" for name in head) + "</tr>"]
    for row in rows:
        marked = " class='chosen'" if chosen is not None and chosen in row[-1] else ""
        lines.append(f"<tr{marked}>" + "".join(f"<td class='n'>{escape(cell)}</td>" for cell in row) + "</tr>")
    return f"<table>{''.join(lines)}</table>"
