"""Scores, folds, senses, change and CKA, each held against the plainest way to compute it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import spearmanr, zscore
from sklearn.decomposition import PCA
from sklearn.metrics import f1_score, roc_auc_score
from sklearn.neighbors import KNeighborsClassifier

from wordstates.errors import InputError
from wordstates.evaluate.data.task import Item, Task, UsageTable
from wordstates.evaluate.sweep.change import ChangeScorer
from wordstates.evaluate.sweep.cka import linear_cka
from wordstates.evaluate.sweep.folds import Fold, make_folds
from wordstates.evaluate.sweep.grid import make_grid
from wordstates.evaluate.sweep.pairs import best_threshold
from wordstates.evaluate.sweep.probe import control_labels, fit_probe
from wordstates.evaluate.sweep.scorers import on_one_scale, post_processed
from wordstates.evaluate.sweep.scores import Bootstrap, Metric, accuracy, auc, macro_f1, spearman
from wordstates.evaluate.sweep.senses import SenseScorer
from wordstates.options import Split


@pytest.fixture
def random() -> np.random.Generator:
    """Give the same numbers to each test, whichever ran before it."""
    return np.random.default_rng(7)


def item(number: int, gold: str | float, word: str = "w", group: str = "", split: Split | None = None) -> Item:
    return Item((number,), (), gold, word, group or str(number), f"a:{number + 1}", split)


# ---------------------------------------------------------------- metrics


def test_metrics_are_those_of_scipy_and_scikit_learn(random: np.random.Generator) -> None:
    for _ in range(20):
        gold, values = random.integers(0, 5, 30).astype(float), random.integers(0, 8, 30).astype(float)
        assert spearman(gold, values) == pytest.approx(spearmanr(gold, values).statistic)
        answers = (gold > 2).astype(float)
        assert auc(answers, values) == pytest.approx(roc_auc_score(answers, values))
        codes, predicted = gold.astype(int), random.integers(0, 5, 30)
        assert macro_f1(codes, predicted) == pytest.approx(f1_score(codes, predicted, average="macro"))
        assert accuracy(codes, predicted) == (codes == predicted).sum() / 30


def test_scores_of_what_is_all_the_same() -> None:
    ones, mixed = np.ones(4), np.array([0.0, 1.0, 2.0, 3.0])
    assert spearman(ones, mixed) == spearman(mixed, ones) == 0.0
    assert auc(ones, mixed) == 0.5


def test_an_interval_holds_the_score_and_is_drawn_from_the_seed(random: np.random.Generator) -> None:
    gold = random.integers(0, 2, 200)
    predicted = np.where(random.random(200) < 0.8, gold, 1 - gold)
    metric = Metric("accuracy", "label", accuracy)
    groups = [str(number // 4) for number in range(200)]
    first, again = (Bootstrap(groups, samples=300, seed=3).interval(metric, gold, predicted) for _ in range(2))
    assert first == again
    assert first.low < first.score < first.high
    # For independent items the interval is that of the binomial distribution, about.
    alone = Bootstrap([str(number) for number in range(200)], samples=2000).interval(metric, gold, predicted)
    error = np.sqrt(alone.score * (1 - alone.score) / 200)
    assert alone.high - alone.low == pytest.approx(2 * 1.96 * error, rel=0.15)


def test_groups_that_are_all_alike_widen_the_interval(random: np.random.Generator) -> None:
    right = np.repeat(random.integers(0, 2, 20), 10)
    metric = Metric("accuracy", "label", accuracy)
    gold = np.ones(200, dtype=int)
    grouped = Bootstrap([str(n // 10) for n in range(200)]).interval(metric, gold, right)
    single = Bootstrap([str(n) for n in range(200)]).interval(metric, gold, right)
    assert grouped.high - grouped.low > 2 * (single.high - single.low)


def test_the_threshold_is_the_best_of_all(random: np.random.Generator) -> None:
    for _ in range(30):
        gold, values = random.integers(0, 2, 12).astype(float), random.integers(0, 6, 12) / 6
        found = accuracy(gold, (values >= best_threshold(gold, values)).astype(float))
        every = [accuracy(gold, (values >= edge).astype(float)) for edge in [*values, 2.0]]
        assert found == max(every)


# ---------------------------------------------------------------- folds


def task_of(items: list[Item], name: str = "labels") -> Task:
    return Task(name, UsageTable(), items)  # type: ignore[arg-type]


def test_every_item_is_scored_once_and_groups_stay_together() -> None:
    items = [item(number, str(number % 3), group=str(number // 3)) for number in range(60)]
    folds = make_folds(task_of(items), n_folds=5, seed=1)
    assert sorted(np.concatenate([fold.test for fold in folds]).tolist()) == list(range(60))
    for fold in folds:
        parts = [{items[number].group for number in part.tolist()} for part in (fold.train, fold.dev, fold.test)]
        assert not parts[0] & parts[1] and not parts[0] & parts[2] and not parts[1] & parts[2]  # noqa: PT018
        assert len(fold.train) + len(fold.dev) + len(fold.test) == 60
    again = make_folds(task_of(items), n_folds=5, seed=1)
    other = make_folds(task_of(items), n_folds=5, seed=2)
    assert [fold.test.tolist() for fold in folds] == [fold.test.tolist() for fold in again]
    assert [fold.test.tolist() for fold in folds] != [fold.test.tolist() for fold in other]


def test_where_nothing_is_learnt_from_gold_the_choice_is_made_on_all_other_parts() -> None:
    items = [item(number, float(number)) for number in range(20)]
    for fold in make_folds(task_of(items, "similarity")):
        assert fold.dev_is_train
        assert sorted([*fold.dev.tolist(), *fold.test.tolist()]) == list(range(20))


def test_the_parts_of_senses_have_their_share_of_each() -> None:
    items = [item(number, f"s{number % 2}", word=f"w{number % 4 // 2}") for number in range(40)]
    for fold in make_folds(task_of(items, "senses")):
        counts = {gold: [items[number].gold for number in fold.test.tolist()].count(gold) for gold in ("s0", "s1")}
        assert counts == {"s0": 4, "s1": 4}


def test_splits_of_the_data_are_kept() -> None:
    splits: list[Split] = ["train"] * 10 + ["dev"] * 5 + ["test"] * 5  # type: ignore[assignment]
    items = [item(number, str(number % 2), split=split) for number, split in enumerate(splits)]
    (fold,) = make_folds(task_of(items))
    assert [part.tolist() for part in (fold.train, fold.dev, fold.test)] == [
        list(range(10)),
        list(range(10, 15)),
        list(range(15, 20)),
    ]
    (cut,) = make_folds(task_of([each for each in items if each.split != "dev"]))
    assert sorted([*cut.train.tolist(), *cut.dev.tolist()]) == list(range(10))
    assert len(cut.dev) == 2
    (chosen,) = make_folds(task_of([each for each in items if each.split != "train"], "pairs"))
    assert chosen.dev_is_train


def test_too_little_to_divide() -> None:
    items = [item(number, str(number), group="one") for number in range(20)]
    with pytest.raises(InputError, match=r"a:1: 5 parts need as many groups \(sentences, or words\), and there are 1"):
        make_folds(task_of(items))
    with pytest.raises(InputError, match="one part learns, one chooses and one is scored"):
        make_folds(task_of(items), n_folds=2)
    tests = [item(number, str(number), split="test") for number in range(20)]
    with pytest.raises(InputError, match="The data has test only"):
        make_folds(task_of(tests))
    devs = [item(number, str(number), split="dev") for number in range(20)]
    with pytest.raises(InputError, match="A probe has to learn"):
        make_folds(task_of(tests + devs))


def test_senses_with_nothing_to_learn_from_are_left_out_and_counted() -> None:
    """Learnt are *bank* and *spring*; asked are *bank*, *bat*, and a sense of *spring* that was never met."""
    learnt = [item(n, f"s{n % 2}", word=["bank", "spring"][n // 4], split="train") for n in range(8)]
    learnt.append(item(8, "only", word="lone", split="train"))
    bank, bat = ([item(20 + n, f"s{n % 2}", word=word, split="test") for n in range(4)] for word in ("bank", "bat"))
    others = [item(30, "s9", word="spring", split="test"), item(31, "only", word="lone", split="test")]
    (fold,) = make_folds(task_of([*learnt, *bank, *bat, *others], "senses"))
    assert fold.test.tolist() == [9, 10, 11, 12]
    assert fold.unknown == 6
    assert fold.dev_is_train
    assert fold.dev.tolist() == list(range(8))  # the sense of "lone" has no other usage
    with pytest.raises(InputError, match="none of the 4 items to score has a sense with a usage to learn from"):
        make_folds(task_of([*learnt, *bat], "senses"))


def test_labels_that_are_not_learnt_are_left_out_and_counted() -> None:
    items = [item(n, str(n % 2), split="train") for n in range(10)]
    items += [item(n, str(n % 3), split="dev") for n in range(10, 16)]
    items += [item(n, str(n % 3), split="test") for n in range(20, 26)]
    (fold,) = make_folds(task_of(items))
    assert fold.unknown == 4
    assert {str(items[number].gold) for part in (fold.dev, fold.test) for number in part.tolist()} == {"0", "1"}
    rare = [item(n, "rare" if n == 0 else str(n % 2)) for n in range(30)]
    assert sum(fold.unknown for fold in make_folds(task_of(rare))) == 1
    alone = [item(n, "rare" if n == 0 else "common") for n in range(30)]
    with pytest.raises(InputError, match="a probe learns from have the same label: there is nothing to tell apart"):
        make_folds(task_of(alone))


def test_a_sense_whose_usages_are_all_in_one_part_is_left_out() -> None:
    items = [item(n, f"s{n % 2}", word="w") for n in range(40)]
    items += [item(40 + n, "s2", word="w", group="one sentence") for n in range(2)]
    assert sum(fold.unknown for fold in make_folds(task_of(items, "senses"))) == 2


def test_a_probe_of_one_label_gives_that_label() -> None:
    """Labels drawn at random for a control task may be all the same."""
    rows = np.random.default_rng(0).normal(size=(6, 3))
    model, settled = fit_probe(rows, np.array([2] * 6), 1.0)
    assert settled
    assert model.predict(rows).tolist() == [2] * 6


# ---------------------------------------------------------------- post-processing, the grid, the control


@pytest.mark.parametrize("steps", ["none", "center", "standardize", "unit", "pca:2+unit"])
def test_post_processing_is_fitted_on_the_training_items_alone(steps: str, random: np.random.Generator) -> None:
    vectors = random.normal(3, 2, (30, 4)).astype(np.float32)
    items = [item(number, str(number)) for number in range(30)]
    train = np.arange(0, 30, 2)
    used = vectors[[usage for number in train.tolist() for usage in items[number].usages]].astype(np.float64)
    centred = vectors - used.mean(axis=0)
    projected = PCA(2).fit(used).transform(vectors)
    expected = {
        "none": vectors,
        "center": centred,
        "standardize": centred / used.std(axis=0),
        "unit": vectors / np.linalg.norm(vectors, axis=1)[:, None],
        "pca:2+unit": projected / np.linalg.norm(projected, axis=1)[:, None],
    }[steps]
    found = post_processed(steps, vectors, items, train)
    if steps == "pca:2+unit":
        found, expected = np.abs(found), np.abs(expected)  # the sign of a component is anybody's
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_the_grid_has_every_layer_and_runs_of_them() -> None:
    small = make_grid(12, ["mean", "first"], ["none"])
    layers = [candidate.recipe.layers for candidate in small if candidate.recipe.subword_pooling == "first"]
    assert layers[0] == "12"
    assert {str(layer) for layer in range(13)} < set(layers)
    assert {"-4:", "0:", "1:", "1:7", "7:"} < set(layers)
    assert [candidate.recipe.layer_pooling for candidate in small].count("concat") == 2
    with pytest.raises(InputError, match="grid='fulll' does not exist: choose one of small, full"):
        make_grid(12, ["mean"], ["none"], "fulll")
    full = make_grid(12, ["mean", "max"], ["none", "unit"], "full")
    assert len({(each.recipe, each.post_processing) for each in full}) == len(full) > 100
    assert {
        each.recipe.layer_pooling for each in full if each.recipe.subword_pooling == "max" and each.layer is None
    } == {"concat"}
    for candidate in full:
        candidate.recipe.resolve(12)
    assert [candidate.is_last for candidate in make_grid(2, ["mean"], ["none"])] == [True, False, False, False, False]


def test_control_labels_go_by_the_word_and_are_as_frequent_as_the_real_ones(random: np.random.Generator) -> None:
    items = [item(number, str(number % 2), word=f"w{number % 500}") for number in range(1000)]
    gold = (random.random(1000) < 0.2).astype(np.int64)
    control = control_labels(items, gold, 5)
    np.testing.assert_array_equal(control[:500], control[500:])
    assert control.mean() == pytest.approx(gold.mean(), abs=0.06)
    np.testing.assert_array_equal(control, control_labels(items, gold, 5))
    assert (control != gold).any()


# ---------------------------------------------------------------- senses and change, by hand


def by_hand(rows: np.ndarray, items: list[Item], train: list[int], asked: int) -> tuple[str, str]:
    """Give the sense of the nearest centroid and that of the nearest usage, the usage itself aside."""
    known = [n for n in train if n != asked and items[n].word == items[asked].word]
    senses = sorted({str(items[n].gold) for n in known})
    means = np.stack([np.mean([rows[n] for n in known if items[n].gold == sense], axis=0) for sense in senses])
    centroid = senses[int(cdist(rows[[asked]], means, "cosine").argmin())]
    nearest = KNeighborsClassifier(1, metric="cosine").fit(rows[known], [str(items[n].gold) for n in known])
    return centroid, str(nearest.predict(rows[[asked]])[0])


@pytest.mark.parametrize("left_out", [True, False])
def test_senses_by_hand(left_out: bool, random: np.random.Generator) -> None:
    items = [item(number, f"w{number % 3} s{number // 3 % 2}", word=f"w{number % 3}") for number in range(60)]
    rows = random.normal(size=(60, 5)) + np.array([[int(str(each.gold)[-1])] * 5 for each in items]) * 0.05
    order = random.permutation(60)
    train, dev, test = np.sort(order[:36]), np.sort(order[36:48]), np.sort(order[48:])
    fold = Fold(train, train, test) if left_out else Fold(train, dev, test)
    scorer = SenseScorer(items)
    predicted = scorer.predict(rows, fold)
    names = sorted({str(each.gold) for each in items})
    for part, found in ((fold.dev, predicted.dev), (fold.test, predicted.test)):
        expected = [by_hand(rows, items, train.tolist(), number) for number in part.tolist()]
        assert [names[code] for code in found["centroid"]] == [centroid for centroid, _ in expected]
        assert [names[code] for code in found["neighbour"]] == [nearest for _, nearest in expected]


def test_a_word_that_was_never_learnt_is_never_right(random: np.random.Generator) -> None:
    items = [item(number, f"s{number % 2}", word="known" if number < 8 else "unknown") for number in range(12)]
    train = np.arange(8)
    found = SenseScorer(items).predict(random.normal(size=(12, 3)), Fold(train, train, np.arange(8, 12)))
    assert found.test["centroid"].tolist() == found.test["neighbour"].tolist() == [-1] * 4


def test_change_by_hand(random: np.random.Generator) -> None:
    rows = random.normal(1, 1, (30, 4))
    items = [Item((n, n + 1, n + 2), (n + 3, n + 4), float(n), f"w{n}", f"w{n}", "a:1") for n in range(0, 25, 5)]
    everything = np.arange(5)
    found = ChangeScorer(items).predict(rows, Fold(everything, everything, everything)).test
    expected: dict[str, list[float]] = {"apd": [], "prototype": []}
    for each in items:
        left, right = rows[[*each.left]], rows[[*each.right]]
        expected["apd"].append(cdist(left, right, "cosine").mean())
        means = cdist(left.mean(axis=0, keepdims=True), right.mean(axis=0, keepdims=True), "cosine")
        expected["prototype"].append(means.item())
    for name, distances in expected.items():
        np.testing.assert_allclose(found[name], zscore(distances), atol=1e-9)


def test_folds_with_different_recipes_are_scored_on_one_scale(random: np.random.Generator) -> None:
    """A fold whose recipe gives large cosines, and one whose recipe gives small ones, agree with the gold as one."""
    gold = random.normal(size=40)
    parts = [np.arange(0, 20), np.arange(20, 40)]
    raw = [0.9 + gold / 100, 0.2 + gold / 10]
    joined = np.concatenate([on_one_scale(raw[n][parts[1 - n]], raw[n][parts[n]])[1] for n in (0, 1)])
    plain = np.concatenate([raw[n][parts[n]] for n in (0, 1)])
    assert spearman(gold, joined) > 0.9
    assert spearman(gold, plain) < 0.8


# ---------------------------------------------------------------- CKA


def test_cka_by_the_kernels(random: np.random.Generator) -> None:
    """The definition: products of centred Gram matrices, which are too large for many usages."""
    first, second = random.normal(size=(40, 6)), random.normal(size=(40, 9))
    second[:, :6] += first
    centre = np.eye(40) - 1 / 40
    grams = [centre @ each @ each.T @ centre for each in (first, second)]
    expected = (grams[0] * grams[1]).sum() / np.sqrt((grams[0] ** 2).sum() * (grams[1] ** 2).sum())
    assert linear_cka(first, second) == pytest.approx(expected)
    turned, _ = np.linalg.qr(random.normal(size=(6, 6)))
    assert linear_cka(first, 3 * first @ turned + 1) == pytest.approx(1)
