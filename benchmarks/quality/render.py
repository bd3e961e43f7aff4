"""The page of what was measured: nothing is measured here."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from benchmarks.quality import sources
from benchmarks.speed.machine import as_text

Found = Mapping[str, Any]
_ENGLISH = (sources.WIC_TSV.name, sources.SEMCOR.name)
_RATED = (sources.NORDIACHANGE.name,)  # of those that are chosen for, the ones with graded answers
_NEAR = 0.98  # of the best in hindsight: what a choice has to reach
_POOLINGS = ("first", "mean", "last")
_MOST_OF_A_PASS = 1.5


def render(found: Found) -> str:
    """Write all that was measured as a page.

    Args:
        found: Results by part, model and data set.
    """
    lines = [
        "# Quality: what sweeps find on published data",
        "",
        "<!-- written by python -m benchmarks.quality -->",
        "",
    ]
    lines += [_machine(found["machine"]), ""] if "machine" in found else []
    for title, part, section in (
        ("Is the choice a good one?", "choice", _choices),
        ("Senses by layer", "choice", _senses),
        ("Senses without labels", "clusters", _clusters),
        ("Change over time", "change", _changes),
        ("Which subword of a word?", "morphology", _subwords),
        ("Graded similarity, and standardising", "graded", _standardised),
        ("Self-similarity by depth", "selfsimilarity", _self_similarity),
        ("The probe beside one made by hand", "probe", _probes),
        ("What a sweep costs", "cost", _costs),
    ):
        if found.get(part):
            lines += [f"## {title}", "", *section(found), ""]
    return "\n".join(lines).rstrip() + "\n"


def _machine(machine: Mapping[str, Any]) -> str:
    return f"Measured with `make quality` on {as_text(machine)}. Raw results: `benchmarks/results/quality.json`."


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], names: int = 1) -> list[str]:
    rule = ["---"] * names + ["--:"] * (len(head) - names)
    return [f"| {' | '.join(cells)} |" for cells in (head, rule, *rows)]


def _cells(found: Found, part: str) -> Iterator[tuple[str, str, Any]]:
    for model, sets in found.get(part, {}).items():
        for name, cell in sets.items():
            yield model, name, cell


# ── the choice ──


_CHOICE_HEAD = (
    *("model", "data", "scored", "score", "picked (95%)", "last layer", "last four", "best in hindsight"),
    *("reached", "recipe (folds that pick it)", "sure"),
)


def _choices(found: Found) -> list[str]:
    cells = [*_cells(found, "choice")]
    lines = [
        "The recipe that a sweep picks, scored on data it was not picked on; the last layer and the mean of the last "
        "four on the same items; and the best of all recipes in hindsight, which nobody can know beforehand: the "
        "highest of more than a hundred scores on the test items, luck included. With five folds each fold picks for "
        "itself, and the recipe named is that of all. *Sure* is how surely it beats the two plain recipes, told from "
        "development data alone. AM2iCo holds an English usage against one of another language, and NorDiaChange is "
        "Norwegian: these two English models know neither, and an AUC of 0.5 or a correlation of 0 is chance.",
        "",
        *_table(_CHOICE_HEAD, [_choice_row(*cell) for cell in cells], names=2),
        "",
    ]
    groups = {
        "On English data": [cell for _, name, cell in cells if name in _ENGLISH],
        "On languages that the models do not know": [cell for _, name, cell in cells if name not in _ENGLISH],
    }
    return lines + [_counted(title, mine) for title, mine in groups.items() if mine]


def _choice_row(model: str, name: str, cell: Any) -> list[str]:
    picked, best = cell["picked"], cell["hindsight"]["score"]
    agreeing, folds = cell["folds_that_agree"]
    return [
        *(model, name, f"{cell['scored']:,}", cell["metric"], f"**{_interval(picked)}**"),
        *(f"{cell[key]['score']:.3f}" for key in ("last", "last_four", "hindsight")),
        f"{picked['score'] / best:.1%}" if best > 0 else "–",
        f"{picked['name']}{f' ({agreeing} of {folds})' if folds > 1 else ''}",
        "plain" if cell["sure"] is None else f"{cell['sure']:.0%}",
    ]


def _counted(title: str, cells: Sequence[Any]) -> str:
    """Count how often the goals are reached; differences below the third digit are none."""
    scores = [
        {key: round(cell[key]["score"], 3) for key in ("picked", "last", "last_four", "hindsight")} for cell in cells
    ]
    near = sum(each["picked"] >= _NEAR * each["hindsight"] for each in scores)
    both = sum(each["picked"] >= max(each["last"], each["last_four"]) for each in scores)
    worse = sum(each["picked"] < min(each["last"], each["last_four"]) for each in scores)
    within = sum(cell["hindsight"]["score"] <= cell["picked"]["high"] for cell in cells)
    count = len(cells)
    return (
        f"- {title}: at least {_NEAR:.0%} of the best in hindsight {near} of {count} times, and that best is within "
        f"the interval of what was picked {within} of {count} times; at least as good as both plain recipes {both} of "
        f"{count} times, worse than both {worse} of {count} times."
    )


def _interval(score: Mapping[str, float]) -> str:
    return f"{score['score']:.3f} ({score['low']:.3f} to {score['high']:.3f})"


# ── shapes of the literature ──


def _senses(found: Found) -> list[str]:
    scores = {
        model: cell["layers"]["mean/none"]
        for model, name, cell in _cells(found, "choice")
        if name == sources.SEMCOR.name
    }
    told = [
        f"{model}: layer 0 {layers[0]:.3f}, best layer ({layers.index(max(layers))}) {max(layers):.3f}, "
        f"{100 * (max(layers) - layers[0]):.1f} points more."
        for model, layers in scores.items()
    ]
    return [
        "SemCor, nearest centroid, no post-processing. In the literature (LMMS-SP, BERT) layer 0 is far below the "
        "best.",
        "",
        *_by_layer(scores),
        "",
        " ".join(told),
    ]


def _by_layer(scores: Mapping[str, Sequence[float]]) -> list[str]:
    most = max(map(len, scores.values()))
    rows = [
        [name, *(f"{score:.3f}" for score in layers)] + [""] * (most - len(layers)) for name, layers in scores.items()
    ]
    return _table(["layer", *map(str, range(most))], rows)


def _clusters(found: Found) -> list[str]:
    rows = [
        [
            model,
            name,
            f"{cell['words']:,}",
            method,
            f"{score['v_measure']:.3f}",
            f"{score['adjusted_rand']:.3f}",
            f"{score['senses']:.1f} of {cell['gold_senses']:.1f}",
            f"{score['off']:.1f}",
            f"{score['unassigned']:.0%}",
        ]
        for model, name, cell in _cells(found, "clusters")
        for method, score in cell["methods"].items()
    ]
    return [
        "What `wordstates senses` finds, compared with the senses that people gave: means over words, last layer. A "
        "word is its usages as spelled, whatever their part of speech: in SemCor each with 20 usages and two senses "
        "at least (of more than 150 a sample), in WiC-TSV each with six usages whose definition is known. How many "
        "components HDBSCAN clusters was chosen on one half of SemCor's words, *chosen on*; the other half is the "
        "result. Usages in no sense count as one more cluster. V-measure rises with the number of clusters, so look "
        "at chance beside it; adjusted Rand is 0 by chance. WordNet's senses are fine ones: k-means that is told "
        "their number finds them no better by adjusted Rand.",
        "",
        *_table(
            ["model", "data", "words", "method", "V-measure", "adjusted Rand", "senses", "off by", "in no sense"],
            rows,
            names=4,
        ),
    ]


def _changes(found: Found) -> list[str]:
    rows = [
        [
            model,
            name,
            f"{cell['words']}",
            *(f"{cell['spearman'][measure]:.3f}" for measure in ("pairwise", "prototypes", "senses")),
            f"{cell['accuracy']:.3f}",
            f"{max(cell['changed'], 1 - cell['changed']):.3f}",
        ]
        for model, name, cell in _cells(found, "change")
    ]
    return [
        "What `wordstates senses --by` says of change between two times: Spearman's correlation of its two distances,"
        " and of the Jensen-Shannon distance of the shares of the senses found, with the graded gold; and how often "
        "the rule by which the gold says *changed* (a sense with one usage at most in one time, three at least in the"
        " other) says the same of the senses found. Twenty usages a word, in Norwegian, which these models do not "
        "know.",
        "",
        *_table(
            ["model", "data", "words", "pairwise", "prototype", "shares of senses", "accuracy", "always the commoner"],
            rows,
            names=2,
        ),
    ]


def _subwords(found: Found) -> list[str]:
    rows, gaps = [], []
    for part in ("morphology", "names"):
        for model, name, cell in _cells(found, part):
            best = {pooling: max(cell["layers"][f"{pooling}/none"]) for pooling in _POOLINGS}
            gap = 100 * (statistics.fmean((best["mean"], best["last"])) - best["first"])
            gaps.append((part, gap))
            rows.append(
                [
                    *(model, name, cell["metric"], f"{cell['scored']:,}"),
                    *(f"{best[pooling]:.3f}" for pooling in _POOLINGS),
                    f"{gap:+.1f}",
                ]
            )
    told = [
        f"{what}: *first* is {statistics.fmean(mine):.1f} points below the mean of the two others, on average "
        f"({min(mine):.1f} to {max(mine):.1f})"
        for part, what in (("morphology", "Morphology"), ("names", "Named entities"))
        if (mine := [gap for kind, gap in gaps if kind == part])
    ]
    return [
        "A linear probe on the best layer of each subword pooling, the best by these test scores. In the literature "
        "(Ács et al. 2021) *first* is far below *last* and *mean* for morphology, which is in the endings, and little "
        "below for named entities. The German and French words meet English vocabularies here, which cut them into "
        "many pieces.",
        "",
        *_table(["model", "data", "score", "scored", *_POOLINGS, "gap, points"], rows, names=3),
        "",
        "; ".join(told) + ".",
    ]


def _standardised(found: Found) -> list[str]:
    rows, lifts = [], []
    cells = [*_cells(found, "graded"), *(each for each in _cells(found, "choice") if each[1] in _RATED)]
    for model, name, cell in cells:
        plain, standard = cell["layers"]["mean/none"], cell["layers"]["mean/standardize"]
        best, best_standard = max(range(len(plain)), key=plain.__getitem__), max(standard)
        late = range(len(plain) // 2 + 1, len(plain))
        lift = 100 * sum(standard[layer] - plain[layer] for layer in late) / len(late)
        lifts.append(lift)
        rows.append(
            [
                model,
                name,
                f"{plain[-1]:.3f}",
                f"{standard[-1]:.3f}",
                f"{plain[best]:.3f} (layer {best})",
                f"{best_standard:.3f} (layer {standard.index(best_standard)})",
                f"{lift:+.1f}",
            ]
        )
    return [
        "Spearman's correlation with ratings, mean of the subwords; best layers by these test scores. In the "
        "literature standardising each dimension lifts late layers.",
        "",
        *_table(
            ["model", "data", "last layer", "standardised", "best layer", "best standardised", "upper half, points"],
            rows,
            names=2,
        ),
        "",
        f"Standardising lifts the upper half of the layers in {sum(lift > 0 for lift in lifts)} of {len(lifts)}.",
    ]


def _self_similarity(found: Found) -> list[str]:
    raw: dict[str, list[float]] = {}
    corrected: dict[str, list[float]] = {}
    for model, _, cell in _cells(found, "selfsimilarity"):
        raw[model] = [layer["self_similarity"] for layer in cell["layers"]]
        corrected[f"{model}, less anisotropy"] = [layer["corrected_self_similarity"] for layer in cell["layers"]]
    told = []
    for model, layers in raw.items():
        falls = sum(after <= before for before, after in pairwise(layers))
        told.append(
            f"{model}: it falls in {falls} of {len(layers) - 1} steps, from {layers[0]:.3f} to {min(layers):.3f} at "
            f"layer {layers.index(min(layers))}, and is {layers[-1]:.3f} in the last."
        )
    return [
        "Mean cosine of two usages of one word, English-EWT. In the literature (Ethayarajh 2019) it falls with depth: "
        "vectors grow more contextual.",
        "",
        *_by_layer(raw | corrected),
        "",
        " ".join(told),
    ]


# ── the probe, the cost ──


def _probes(found: Found) -> list[str]:
    rows = [
        [
            model,
            name,
            cell["metric"],
            f"{cell['items']['test']:,}",
            f"{max(cell['wordstates']):.4f}",
            f"{max(cell['by_hand']):.4f}",
            f"{cell['largest_difference']:.4f}",
            _differing(cell),
        ]
        for model, name, cell in _cells(found, "probe")
    ]
    return [
        "The same sentences through `transformers` one by one, the mean of a word's subwords, scikit-learn's probe, "
        "its penalty tuned on the same development data. Scores of the best layer; the largest difference is over all "
        "layers, and beside it is how many differ by more than a thousandth. By hand every penalty is tried, where a "
        "sweep stops at the first that does worse: it may settle on another one.",
        "",
        *_table(
            ["model", "data", "score", "scored", "wordstates", "by hand", "largest difference", "layers that differ"],
            rows,
            names=3,
        ),
    ]


def _differing(cell: Any) -> str:
    pairs = list(zip(cell["wordstates"], cell["by_hand"], strict=True))
    return f"{sum(abs(one - other) > 0.001 for one, other in pairs)} of {len(pairs)}"


def _costs(found: Found) -> list[str]:
    rows = [
        [
            model,
            name,
            f"{cell['words']:,}",
            f"{cell['layers']} × {cell['subword_poolings']}",
            f"{cell['recipes']}",
            _spread(cell["seconds"]["embed"]),
            _spread(cell["seconds"]["sweep"]),
            f"{cell['ratio']:.2f}{'' if cell['ratio'] <= _MOST_OF_A_PASS else ' ✗'}",
        ]
        for model, name, cell in _cells(found, "cost")
    ]
    return [
        "One pass that keeps every layer and subword pooling, beside a run of `embed` with the last layer to a Parquet "
        "file, over the same words, in turns; the vectors of the last layer were compared. Seconds: median (least to "
        "most).",
        "",
        *_table(
            ["model", "precision", "words", "layers × poolings", "recipes", "embed, s", "sweep's pass, s", "times"],
            rows,
            names=2,
        ),
    ]


def _spread(seconds: Sequence[float]) -> str:
    ordered = sorted(seconds)
    return f"{ordered[len(ordered) // 2]:.1f} ({ordered[0]:.1f} to {ordered[-1]:.1f})"
