"""Concordances: lines of texts and of an index, sorted, sampled, counted, aligned."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from usage_files import write_file
from wordstates.documents.document import Document
from wordstates.errors import InputError, TargetNotFoundError
from wordstates.usages.build import build_index
from wordstates.usages.concordance import (
    Line,
    aligned_lines,
    count_lines,
    lines_as_rows,
    sample_lines,
    sort_lines,
    width_of,
)
from wordstates.usages.searched_lines import FoundLines, LineSearch, lines_of_index, lines_of_inputs

TEXTS = [
    ("a", "The river bank was steep.", "1900"),
    ("b", "A bank lends money; banks do.", "1950"),
    ("c", "The Bank\n of England.", "1950"),
]


def found(*targets: str, **asked: object) -> FoundLines:
    documents = [Document(id, text, metadata={"year": year}) for id, text, year in TEXTS]
    return lines_of_inputs(lambda _: documents, LineSearch(targets, **asked))  # type: ignore[arg-type]  # by name


def line(left: str = "", node: str = "bank", right: str = "", **metadata: str) -> Line:
    return Line("d", "bank", left, node, right, (0, 4), metadata)


def test_every_usage_is_a_line_with_its_true_span() -> None:
    lines = found("bank", context=100).lines
    assert [(each.document, each.left, each.node, each.right, each.span) for each in lines] == [
        ("a", "The river ", "bank", " was steep.", (10, 14)),
        ("b", "A ", "bank", " lends money; banks do.", (2, 6)),
        ("c", "The ", "Bank", " of England.", (4, 8)),
    ]


def test_what_is_cut_is_marked() -> None:
    lines = found("bank", context=5).lines
    assert [(each.left, each.right) for each in lines] == [("…iver ", " was…"), ("A ", " lend…"), ("The ", " of…")]


def test_nothing_is_marked_where_the_text_ends() -> None:
    assert [(each.left, each.right) for each in found("england", context=0).lines] == [("…", "…")]
    assert found("england", context=60).lines[0].right == "."


@pytest.mark.parametrize(
    ("target", "asked", "nodes"),
    [
        ("bank*", {}, ["bank", "bank", "banks", "Bank"]),
        ("b?nk", {}, ["bank", "bank", "Bank"]),
        ("bank", {"match_case": True}, ["bank", "bank"]),
        ("Bank*", {"match_case": True}, ["Bank"]),
        (r"\bl\w+", {"kind": "regex"}, ["lends"]),
        ("bank of", {}, ["Bank of"]),
        ("the *", {}, ["The river", "The Bank"]),
    ],
)
def test_targets(target: str, asked: dict[str, object], nodes: list[str]) -> None:
    assert [each.node for each in found(target, **asked).lines] == nodes


def test_conditions_leave_documents_out() -> None:
    assert [each.document for each in found("bank", conditions=("year>=1950",)).lines] == ["b", "c"]
    with pytest.raises(TargetNotFoundError, match="'bank' does not occur in 0 texts that meet the conditions"):
        found("bank", conditions=("year>2000",))


@pytest.mark.parametrize(
    ("keys", "order"),
    [
        (["L1"], ["blue x", "red x", "zoo"]),
        (["R1"], ["zoo", "red x", "blue x"]),
        (["L2", "text"], ["zoo", "red x", "blue x"]),
        (["text"], ["red x", "blue x", "zoo"]),
        (["year"], ["blue x", "zoo", "red x"]),
    ],
)
def test_sorting(keys: list[str], order: list[str]) -> None:
    lines = [
        line("so red ", right=", x", year="20"),
        line("so! Blue ", right=" x", year="3"),
        line("zoo ", right=" a", year="10"),
    ]
    label = {id(lines[0]): "red x", id(lines[1]): "blue x", id(lines[2]): "zoo"}
    assert [label[id(each)] for each in sort_lines(lines, keys)] == order


def test_a_key_that_does_not_exist() -> None:
    with pytest.raises(InputError, match="cannot be sorted by 'author': choose L1, L2"):
        sort_lines([line(year="1")], ["author"])


def test_samples_are_the_same_for_a_seed_and_keep_the_order() -> None:
    lines = [line(right=str(number)) for number in range(50)]
    first = sample_lines(lines, 10, seed=3)
    assert first == sample_lines(lines, 10, seed=3)
    assert first != sample_lines(lines, 10, seed=4)
    assert first == sorted(first, key=lambda each: int(each.right))
    assert sample_lines(lines, 99) == lines


def test_counts_a_million_words() -> None:
    all_lines = found("bank", count_by="year")
    counts = count_lines(all_lines.lines, "year", all_lines.words_by)
    assert [(each.value, each.usages, each.words) for each in counts] == [("1950", 2, 10), ("1900", 1, 5)]
    assert counts[0].per_million == 2e5
    assert (all_lines.texts, all_lines.words) == (3, 15)
    assert all_lines.frequency() == ": 200,000.0 in a million of 15 words"


def test_words_stand_below_each_other_in_every_script() -> None:
    lines = [line("我在", "銀行", "工作"), line("cafe\u0301 ", "bank", " x"), line("بجانب ", "بنك", " النهر")]
    texts = list(aligned_lines(lines))
    starts = [width_of(text.replace("\u2068", "").replace("\u2069", "").partition(each.node)[0])
              for text, each in zip(texts, lines, strict=True)]  # fmt: skip
    assert len(set(starts)) == 1
    assert texts[2].count("\u2068") == 3  # right-to-left stretches are isolated, so that they do not reorder the line


def test_lines_of_an_index_come_by_meaning(tmp_path: Path) -> None:
    path = write_file(
        tmp_path / "u.parquet",
        [[1.0, 0.0], [0.0, 1.0], [0.8, 0.6], [1.0, 1.0]],
        ["bank", "Bank", "banks", "shore"],
        year=["1", "2", "3", "4"],
    )
    assert lines_of_index(str(path), LineSearch(("bank",))) is None  # it has no index yet
    build_index(path)
    lines = lines_of_index(str(path), LineSearch(("bank*",)))
    assert lines is not None
    assert [each.node for each in lines.lines] == ["bank", "Bank", "banks"]
    ordered = sort_lines(lines.by_likeness(lines.lines, 1), ["meaning"])
    assert [(each.node, each.similarity) for each in ordered] == [
        ("bank", pytest.approx(1)),
        ("banks", pytest.approx(0.8)),
        ("Bank", pytest.approx(0)),
    ]
    with pytest.raises(InputError, match="Line 9 does not exist: there are 3"):
        lines.by_likeness(lines.lines, 9)
    with pytest.raises(TargetNotFoundError, match="'river bank' is none of the words"):
        lines_of_index(str(path), LineSearch(("river bank",)))
    with pytest.raises(TargetNotFoundError, match=r"No usage of 'bank' in .* has year=9\.$"):
        lines_of_index(str(path), LineSearch(("bank",), conditions=("year=9",)))


def test_lines_of_an_index_come_by_sense(tmp_path: Path) -> None:
    """Senses are found among all lines; those of one stand together, the largest first."""
    angles = [0.0, 1.5, 0.1, 0.05, 1.45, 0.12, 0.02, 1.55, 0.07, 0.03, 0.04, 0.06]
    vectors = [[math.cos(angle), math.sin(angle)] for angle in angles]
    path = write_file(tmp_path / "u.parquet", vectors, ["bank"] * len(vectors))
    build_index(path)
    lines = lines_of_index(str(path), LineSearch(("bank",)))
    assert lines is not None
    with_senses = lines.by_sense(lines.lines)
    assert [each.sense for each in with_senses] == [2 if angle > 1 else 1 for angle in angles]
    ordered = sort_lines(with_senses, ["sense"])
    assert [each.number for each in ordered] == [0, 2, 3, 5, 6, 8, 9, 10, 11, 1, 4, 7]
    assert [text.split("  ")[0] for text in aligned_lines(ordered)] == ["sense 1"] * 9 + ["sense 2"] * 3
    assert "sense" in lines_as_rows(ordered).extra
    assert lines.as_dict(ordered[-1])["sense"] == 2
    assert sort_lines([replace(ordered[0], sense=0), *ordered], ["sense"])[-1].sense == 0
    with pytest.raises(InputError, match="by meaning or by sense where there are vectors"):
        found("bank").by_sense(found("bank").lines)
    with pytest.raises(InputError, match="cannot be sorted by 'sense'"):
        sort_lines(found("bank").lines, ["sense"])


def test_no_text_gives_orders_to_a_terminal() -> None:
    """Colours, bells and turned lines are shown, not obeyed; what is exported stays as it is."""
    hostile = line("\x1b]0;title\x07 the", right="\x1b[2J \u2069\u202eevil\0", year="\x9b31m")
    (shown,) = aligned_lines([hostile], ["year"])
    assert shown == "�31m  ␛]0;title␇ the bank ␛[2J ��evil␀"
    assert hostile.right.endswith("evil\0")
