"""Senses: the same whatever the order, named by what stands around them, and how they change."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from wordstates.errors import InputError
from wordstates.options import SenseMethod
from wordstates.usages.change import changes, in_order, shares_by, wilson
from wordstates.usages.collocates import collocates, words_near
from wordstates.usages.sense_report import SenseReport
from wordstates.usages.senses import Senses, find_senses
from wordstates.usages.usage import IndexedUsage

GOLD = np.repeat([0, 1, 2], [30, 20, 10])
AROUND = [("the river ", " was steep"), ("a savings ", " lends money"), ("the fog ", " lay low")]


def usages() -> tuple[list[IndexedUsage], np.ndarray]:
    """Three groups of usages that lie apart, with words of their own around them."""
    rng = np.random.default_rng(1)
    centers = np.eye(3, 20) * 4
    vectors = (centers[GOLD] + rng.normal(size=(60, 20)) * 0.5).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    given = [
        IndexedUsage(
            number,
            "bank",
            f"d{number}",
            (10, 14),
            "ok",
            "bank".join(AROUND[sense]),
            (len(AROUND[sense][0]), len(AROUND[sense][0]) + 4),
            {"year": str(1900 + sense)},
        )
        for number, sense in enumerate(GOLD.tolist())
    ]
    return given, vectors


@pytest.fixture(scope="module")
def senses() -> Senses:
    return find_senses("bank", *usages())


@pytest.mark.parametrize("method", get_args(SenseMethod))
def test_groups_that_lie_apart_are_found(method: str) -> None:
    found = find_senses("bank", *usages(), method=method)
    kept = found.labels >= 0
    assert adjusted_rand_score(GOLD[kept], found.labels[kept]) == 1
    assert kept.mean() > 0.8
    assert found.stability is not None
    assert found.stability > 0.8


def test_hdbscan_sees_dense_places_through_noise() -> None:
    rng = np.random.default_rng(2)
    vectors = (np.eye(3, 60)[GOLD] * 4 + rng.normal(size=(60, 60)) * 0.7).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    found = find_senses("bank", usages()[0], vectors, method="hdbscan", stability=False)
    assert adjusted_rand_score(GOLD, found.labels) > 0.9


def test_senses_are_named_largest_first(senses: Senses) -> None:
    assert [sense.size for sense in senses.senses] == [30, 20, 10]
    assert {"river", "was", "steep"} >= {each.word for each in senses.senses[0].collocates} - {"the"}
    assert "lends" in senses.senses[1].name
    assert all(set(np.take(senses.labels, sense.central)) == {sense.id} for sense in senses.senses)


def test_the_order_of_the_input_changes_nothing(senses: Senses) -> None:
    given, vectors = usages()
    shuffled = np.random.default_rng(5).permutation(len(given))
    again = find_senses("bank", [given[number] for number in shuffled], vectors[shuffled])
    assert again.labels.tolist() == senses.labels[shuffled].tolist()
    assert again.stability == senses.stability
    assert [sense.name for sense in again.senses] == [sense.name for sense in senses.senses]


def test_a_single_sense_stays_one() -> None:
    vectors = np.tile(np.eye(1, 8, dtype=np.float32), (30, 1))
    found = find_senses("bank", usages()[0][:30], vectors)
    assert (len(found.senses), found.unassigned, found.stability) == (1, 0, None)


def test_the_number_can_be_given() -> None:
    given, vectors = usages()
    assert len(find_senses("bank", given, vectors, count=2).senses) == 2
    with pytest.raises(InputError, match="99 senses cannot be made of 60 usages"):
        find_senses("bank", given, vectors, count=99)
    with pytest.raises(InputError, match="method='dbscan' does not exist: choose one of kmeans, hdbscan"):
        find_senses("bank", given, vectors, method="dbscan")  # type: ignore[arg-type]  # on purpose


def test_one_usage_is_one_sense() -> None:
    given, vectors = usages()
    assert len(find_senses("bank", given[:1], vectors[:1]).senses) == 1


def test_collocates_are_words_of_one_group_and_not_of_all() -> None:
    river, money = words_near("the river ", " was"), words_near("the money ", " was")
    found = collocates([[river] * 10, [money] * 10])
    assert [[each.word for each in group] for group in found] == [["river"], ["money"]]
    assert found[0][0].log_likelihood == pytest.approx(2 * 20 * np.log(2))  # all of one, none of the other
    assert found[0][0].log_dice == pytest.approx(14)


def test_shares_have_intervals_and_add_up(senses: Senses) -> None:
    years = [str(usage.metadata["year"]) for usage in senses.usages]
    shares = shares_by(years, senses.labels)
    assert [(group.group, group.total) for group in shares] == [("1900", 30), ("1901", 20), ("1902", 10)]
    assert [round(sum(each.share for each in group.shares), 6) for group in shares] == [1, 1, 1]
    assert all(each.low <= each.share <= each.high for group in shares for each in group.shares)
    assert wilson(0, 0) == (0.0, 1.0)


def test_change_is_large_where_senses_differ() -> None:
    _, vectors = usages()
    apart = changes([str(sense) for sense in GOLD.tolist()], vectors)
    same = changes([str(number % 2) for number in range(60)], vectors)
    assert [(each.first, each.second) for each in apart] == [("0", "1"), ("1", "2")]
    assert min(each.prototypes for each in apart) > 0.5 > 0.1 > same[0].prototypes
    a, b = vectors[GOLD == 0], vectors[GOLD == 1]
    assert apart[0].pairwise == pytest.approx(float(1 - (a @ b.T).mean()), abs=1e-6)


def test_groups_go_by_number_where_they_are_numbers() -> None:
    assert in_order({"1950", "900", ""}) == ["900", "1950", ""]
    assert in_order({"b", "a", "10"}) == ["10", "a", "b"]


def test_the_report_says_what_can_be_trusted(senses: Senses) -> None:
    text = SenseReport(senses, usages()[1], {1: "money"}, 20, "year").to_text()
    assert text.startswith("bank: 60 usages, 3 senses (kmeans)\n")
    assert '2.  20 usages, 33%  "money"' in text
    assert "stability" in text
    assert "100% (89% to 100%)" in text


def test_the_page_shows_the_senses_and_escapes_what_it_is_given(senses: Senses) -> None:
    vectors, named = usages()[1], {1: "<script>alert(1)</script> $x$"}
    page = SenseReport(senses, vectors, named, 20, "year").to_html()
    assert "<script" not in page
    assert "60 usages, 3 senses (kmeans)" in page
    assert "Sense 1: " in page
    assert "<b>bank</b>" in page
    assert page.count("<svg") == 2
    assert "100% (89% to 100%)" in page
    assert "cosine distance of the means" in page
    assert page == SenseReport(senses, vectors, named, 20, "year").to_html()
    assert SenseReport(senses, vectors, {}, 20).to_html().count("<svg") == 1


def test_two_usages_are_no_picture() -> None:
    given, vectors = usages()
    page = SenseReport(find_senses("bank", given[:2], vectors[:2]), vectors[:2], {}, 9).to_html()
    assert "2 usages, 1 sense" in page
    assert "<svg" not in page


def test_groups_that_differ_in_a_nul_are_two() -> None:
    groups = shares_by(["1900", "1900\0", "1900"], np.array([0, 1, 0]))
    assert [(group.group, group.total) for group in groups] == [("1900", 2), ("1900\0", 1)]
