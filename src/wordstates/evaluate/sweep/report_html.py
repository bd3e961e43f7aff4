"""A sweep as a page: one file, nothing loaded from elsewhere."""

from __future__ import annotations

import json
from typing import Any

from wordstates.evaluate.names import short_names
from wordstates.evaluate.sweep import plots
from wordstates.evaluate.sweep.report_text import (
    choice_lines,
    data_lines,
    result_rows,
    shown_interval,
    slices_explained,
    usage_lines,
)
from wordstates.evaluate.sweep.result import ModelResult, SweepReport
from wordstates.page.render import render
from wordstates.wording import counted


def as_html(report: SweepReport) -> str:
    """Write a sweep as a page that is XML too.

    Args:
        report: What was found.
    """
    data = ", ".join(short_names(report.data).values())
    return render(
        "sweep",
        title=f"Which recipe for {data or report.task.name}",
        warnings=report.warnings,
        data=data_lines(report),
        choice=choice_lines(report),
        lines=usage_lines(report),
        by_layer=plots.by_layer(report),
        models=[_model(report, number) for number in range(len(report.models))],
        usages=report.cka.usages,
        likeness=plots.likeness(report),
        provenance=json.dumps(
            {model.name: model.provenance for model in report.models}, indent=2, ensure_ascii=False, default=str
        ),
        seconds=f"{report.embedding_seconds:.1f} seconds reading, {report.scoring_seconds:.1f} scoring.",
    )


def _model(report: SweepReport, number: int) -> dict[str, Any]:
    """Give what the template shows of a model."""
    model, rows = report.models[number], result_rows(report.models[number])
    return {
        "name": short_names([each.name for each in report.models])[model.name],
        "about": f"{counted(model.n_blocks, 'block')}, {counted(model.dim, 'dimension')}, "
        f"{counted(len(model.results), 'recipe')}. Held out: "
        f"{shown_interval(model.choice.score)}.",
        "head": ("recipe", "development", f"test: {report.metrics[0]} (95%)", ""),
        "rows": [
            (result.candidate.name, f"{result.dev_score:.3f}", shown_interval(result.test), remark)
            for remark, result in rows
        ],
        "chosen": next(place for place, (remark, _) in enumerate(rows) if "chosen" in remark),
        "slices": slices_explained(model, [result for _, result in rows]),
        "compared": plots.best_recipes(rows, report.metrics[0], number),
        "mix": _mix(model),
        "controls": [
            (each.candidate.name, f"{each.accuracy:.3f}", f"{each.control:.3f}", f"{each.selectivity:.3f}")
            for each in model.controls
        ],
        "all_head": ("recipe", "development", *report.metrics),
        "all": [
            (result.candidate.name, f"{result.dev_score:.4f}", *map(shown_interval, result.scores.values()))
            for result in sorted(model.results, key=lambda result: -result.dev_score)
        ],
    }


def _mix(model: ModelResult) -> str:
    if model.mix is None:
        return ""
    weights = ", ".join(f"{weight:.3f}" for weight in model.mix.weights)
    return f"A learned mix of all layers: {shown_interval(model.mix.test)}. Its weights, from layer 0: {weights}."
