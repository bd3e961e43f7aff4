"""Who learns, who chooses, who is scored: no item has two of these parts in one fold."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from wordstates.errors import InputError
from wordstates.evaluate.data.task import Item, Task
from wordstates.options import TaskName
from wordstates.wording import counted

Indices = Int[np.ndarray, " chosen"]
LEAST_FOLDS = 3


@dataclass(frozen=True, eq=False)
class Fold:
    """One division of the items.

    Args:
        train: Items to train on.
        dev: Items that recipes, penalties and thresholds are chosen on. Where nothing is learnt from gold answers, or
            each item can be left out of what it is compared with, these are the same as `train`.
        test: Items that are scored, and neither trained on nor chosen on.
        unknown: Number of items that the data gives to choose on or to score, and that are left out: the training items
            have no other usage of their sense, or none with their label.
    """

    train: Indices
    dev: Indices
    test: Indices
    unknown: int = 0

    @property
    def dev_is_train(self) -> bool:
        """True if the choice is made on training items."""
        return bool(np.isin(self.dev, self.train).all())


def make_folds(task: Task, *, n_folds: int = 5, seed: int = 0) -> list[Fold]:
    """Divide the items of a task.

    With splits of its own there is one fold; development data that is missing is cut from the training data where a
    probe learns. Without splits the items are dealt out to `n_folds` parts, and each part is scored once: for a probe
    the next part is the development data; all else is chosen on all other parts.

    An item that nothing can be learnt about, because the training items of a fold have no usage of its word and sense,
    or none with its label, is left out and counted: no recipe could get it right.

    Args:
        task: The task.
        n_folds: Parts of data without splits.
        seed: Of the dealing.

    Raises:
        InputError: If there are not enough groups, a split is missing, or nothing is left of a part.
    """
    learns = task.name == "labels"
    if task.has_splits:
        fold = _own(task, learns=learns, n_folds=n_folds, seed=seed)
        return [_what_can_be_known(task, fold, count_dev=any(item.split == "dev" for item in task.items))]
    if n_folds < LEAST_FOLDS:
        raise InputError(f"n_folds={n_folds}: one part learns, one chooses and one is scored, so give 3 or more.")
    parts = deal(task.items, n_folds, seed, by_gold=task.name == "senses")
    folds = []
    for number in range(n_folds):
        test = parts[number]
        if learns:
            dev = parts[(number + 1) % n_folds]
            rest = [part for other, part in enumerate(parts) if other not in (number, (number + 1) % n_folds)]
            folds.append(Fold(np.sort(np.concatenate(rest)), dev, test))
        else:
            rest = [part for other, part in enumerate(parts) if other != number]
            others = np.sort(np.concatenate(rest))
            folds.append(Fold(others, others, test))
    return [_what_can_be_known(task, fold, count_dev=False) for fold in folds]


def _what_can_be_known(task: Task, fold: Fold, *, count_dev: bool) -> Fold:
    """Leave out what the training items say nothing about."""
    if task.name not in ("labels", "senses"):
        return fold
    learnt = {number: _answer_of(task.items[number], task.name) for number in fold.train.tolist()}
    counts = Counter(learnt.values())
    choices = Counter(word for word, _ in counts)
    if task.name == "labels" and len(counts) < 2:
        raise InputError(
            f"{task.items[int(fold.train[0])].place}: all {counted(len(fold.train), 'item')} that a probe learns from "
            "have the same label: there is nothing to tell apart. Give more data, or a smaller n_folds=..."
        )

    def known(number: int) -> bool:
        answer = _answer_of(task.items[number], task.name)
        return counts[answer] > (number in learnt) and choices[answer[0]] > 1

    dev, test = (part[[known(number) for number in part.tolist()]] for part in (fold.dev, fold.test))
    for part, left, what in ((fold.dev, dev, "choose on"), (fold.test, test, "score")):
        if not len(left):
            raise InputError(
                f"{task.items[int(part[0])].place}: none of the {counted(len(part), 'item')} to {what} has a "
                f"{task.name.removesuffix('s')} with a usage to learn from among the training data: give training data "
                "with the same words and answers."
            )
    left_out = len(fold.test) - len(test) + (len(fold.dev) - len(dev) if count_dev else 0)
    return Fold(fold.train, dev, test, left_out)


def _answer_of(item: Item, task: TaskName) -> tuple[str, str]:
    """Give what an item is told apart within, and its answer: a sense among those of its word, a label among all."""
    return (item.word if task == "senses" else "", str(item.gold))


def _own(task: Task, *, learns: bool, n_folds: int, seed: int) -> Fold:
    found = {
        split: np.array([number for number, item in enumerate(task.items) if item.split == split], dtype=np.int64)
        for split in ("train", "dev", "test")
    }
    if not len(found["test"]) or not (len(found["train"]) or len(found["dev"])):
        given = ", ".join(split for split, members in found.items() if len(members))
        raise InputError(
            f"The data has {given} only: scores are reported on test data, and the recipe is chosen on train or dev "
            "data. Give one file without a split, and it is divided."
        )
    if learns and not len(found["train"]):
        raise InputError("A probe has to learn: give train=... too.")
    train, dev, test = found["train"], found["dev"], found["test"]
    if not len(dev):
        if not learns:
            return Fold(train, train, test)
        parts = deal([task.items[number] for number in train.tolist()], n_folds, seed, by_gold=False)
        return Fold(train[np.sort(np.concatenate(parts[1:]))], train[parts[0]], test)
    return Fold(train, dev, test) if len(train) else Fold(dev, dev, test)


def deal(items: Sequence[Item], n_folds: int, seed: int, *, by_gold: bool) -> list[Indices]:
    """Deal whole groups out to parts of about the same size, in an order that only the seed decides.

    Args:
        items: The items.
        n_folds: Number of parts.
        seed: Of the order.
        by_gold: Deal the items of each word and gold answer one after the other, so that each part has its share.

    Raises:
        InputError: If there are fewer groups than parts.
    """
    groups: defaultdict[str, list[int]] = defaultdict(list)
    for number, item in enumerate(items):
        groups[item.group].append(number)
    if len(groups) < n_folds:
        raise InputError(
            f"{items[0].place}: {counted(n_folds, 'part')} need as many groups (sentences, or words), and there are "
            f"{len(groups)}: give more data, or a smaller n_folds=..."
        )
    names = sorted(groups)
    order = [names[place] for place in np.random.default_rng(seed).permutation(len(names)).tolist()]
    if by_gold:
        order.sort(key=lambda name: (items[groups[name][0]].word, str(items[groups[name][0]].gold)))
    parts: list[list[int]] = [[] for _ in range(n_folds)]
    for place, name in enumerate(order):
        least = place % n_folds if by_gold else min(range(n_folds), key=lambda part: len(parts[part]))
        parts[least] += groups[name]
    return [np.sort(np.array(part, dtype=np.int64)) for part in parts]
