"""A task: usages of words in texts, and what is known of them.

All tasks have one form. An item has usages on its left, for some tasks also on its right, and a gold answer::

    labels       a word in its sentence                      its label
    senses       a word in its sentence                      its sense; compared with usages of the same word
    pairs        a usage          | another usage            yes or no, or a rating
    similarity   a word alone     | another word alone       a rating
    change       earlier usages   | later usages             how much the word has changed
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import get_args

from wordstates.errors import InputError
from wordstates.options import Split, TaskName
from wordstates.wording import counted

SPLITS: tuple[Split, ...] = get_args(Split)

_FEW = 10
_USAGES_OF_A_WORD = 20  # in a sample of sense-labelled usages


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to get right.

    Args:
        left: Numbers of its usages; for change, those of the earlier time.
        right: Numbers of the usages they are compared with.
        gold: A label, or a number.
        word: The word it is about, without case: its type for a control task, its lemma for senses.
        group: Items of one group are never parted by a split: a sentence, a lemma.
        place: ``file:line``, for errors.
        split: The split it was given in; None: the data has none.
    """

    left: tuple[int, ...]
    right: tuple[int, ...]
    gold: str | float
    word: str
    group: str
    place: str
    split: Split | None = None

    @property
    def usages(self) -> tuple[int, ...]:
        """Numbers of all its usages."""
        return self.left + self.right


@dataclass
class UsageTable:
    """Texts, and the char spans in them that get a vector; each text and each span is there once.

    Examples:
        >>> table = UsageTable()
        >>> table.add("The river bank.", (4, 9), "a.tsv:1"), table.add("The river bank.", (10, 14), "a.tsv:1")
        (0, 1)
        >>> table.add("The river bank.", (4, 9), "a.tsv:2"), table.word(1)
        (0, 'bank')
    """

    texts: list[str] = field(default_factory=list)
    spans: list[list[tuple[int, int]]] = field(default_factory=list)
    numbers: list[list[int]] = field(default_factory=list)  # of the usages of each text, aligned with its spans
    places: list[tuple[int, tuple[int, int]]] = field(default_factory=list)  # of each usage: its text, its span
    _text_numbers: dict[str, int] = field(default_factory=dict)
    _usage_numbers: dict[tuple[int, tuple[int, int]], int] = field(default_factory=dict)

    def __len__(self) -> int:
        """Count the usages."""
        return len(self.places)

    def add(self, text: str, span: tuple[int, int], place: str) -> int:
        """Give the number of a usage, a new one if it is not there yet.

        Args:
            text: Its text.
            span: Its char span.
            place: ``file:line``, for the error.

        Raises:
            InputError: If the span is none of the text.
        """
        start, end = span
        if not 0 <= start < end <= len(text):
            raise InputError(
                f"{place}: the target ({start}, {end}) is not in its sentence, which has "
                f"{counted(len(text), 'character')}: "
                f"{_shortened(text)}."
            )
        number = self._text_numbers.setdefault(text, len(self.texts))
        if number == len(self.texts):
            self.texts.append(text)
            self.spans.append([])
            self.numbers.append([])
        key = (number, (start, end))
        if key not in self._usage_numbers:
            self._usage_numbers[key] = len(self.places)
            self.spans[number].append((start, end))
            self.numbers[number].append(len(self.places))
            self.places.append(key)
        return self._usage_numbers[key]

    def word(self, number: int) -> str:
        """Give a usage as it is written in its text."""
        text, (start, end) = self.places[number]
        return self.texts[text][start:end]

    def characters(self) -> int:
        """Count the characters of all texts."""
        return sum(map(len, self.texts))


@dataclass(frozen=True)
class Task:
    """Items to get right, and the usages they are about.

    Args:
        name: A `TaskName`.
        usages: The usages.
        items: The items.
        skipped: How many were left out, by reason, as the data was read.
        read_as: What each file or folder was taken for, and why.
    """

    name: TaskName
    usages: UsageTable
    items: Sequence[Item]
    skipped: dict[str, int] = field(default_factory=dict)
    read_as: Sequence[str] = ()

    @property
    def yes_no(self) -> bool:
        """True if the gold answers are yes (1) and no (0)."""
        return self.name == "pairs" and {item.gold for item in self.items} <= {0.0, 1.0}

    @property
    def has_splits(self) -> bool:
        """True if the data brings its own splits."""
        return any(item.split for item in self.items)

    def with_items(self, items: Sequence[Item], **left_out: int) -> Task:
        """Give the same task with some of its items, and say how many others were left out, by reason."""
        counts = Counter(self.skipped)
        counts.update({reason.replace("_", " "): count for reason, count in left_out.items() if count})
        return replace(self, items=items, skipped=dict(counts))


def with_its_usages(task: Task) -> Task:
    """Give the same task with the usages of its items alone, so that nothing else is read."""
    table = UsageTable()
    number: dict[int, int] = {}
    for item in task.items:
        for usage in item.usages:
            text, span = task.usages.places[usage]
            number[usage] = table.add(task.usages.texts[text], span, item.place)
    items = [
        replace(item, left=tuple(map(number.__getitem__, item.left)), right=tuple(map(number.__getitem__, item.right)))
        for item in task.items
    ]
    return replace(task, usages=table, items=items)


def check_task(task: Task) -> Task:
    """Refuse what nothing can be learnt from.

    Raises:
        InputError: If there is no item, few items, or only one answer; with file and line.
    """
    if not task.items:
        raise InputError(f"There is nothing to score for the task {task.name!r}{_why(task)}: check the data.")
    first = task.items[0]
    if len(task.items) < _FEW:
        raise InputError(
            f"{first.place}: {counted(len(task.items), 'item')} for the task {task.name!r}{_why(task)}; give at "
            f"least {_FEW}."
        )
    for split in sorted({item.split for item in task.items}, key=str):
        part = [item for item in task.items if item.split == split]
        if len({item.gold for item in part}) < 2:
            where = f"the {split} data" if split else "the data"
            raise InputError(
                f"{part[0].place}: from here on all {counted(len(part), 'item')} of {where} have the one answer "
                f"{part[0].gold!r}: there is nothing to tell apart."
            )
    return task


def check_overlap(task: Task, *, drop: bool) -> Task:
    """See that no item to be scored on is also learnt from.

    Args:
        task: The task; items of a group that stand in several splits overlap, where groups are sentences or pairs.
        drop: Leave such items out of the training data, instead of refusing them.

    Raises:
        InputError: If items stand in two splits, and are not to be dropped; with both places.
    """
    rank = {None: -1} | {split: number for number, split in enumerate(SPLITS)}
    last: dict[object, Item] = {}
    for item in sorted(task.items, key=lambda item: -rank[item.split]):
        last.setdefault(_identity(task, item), item)
    twice = [item for item in task.items if last[_identity(task, item)].split != item.split]
    if not twice:
        return task
    if not drop:
        other = last[_identity(task, twice[0])]
        raise InputError(
            f"{twice[0].place}: this item of the {twice[0].split} data is in the {other.split} data too "
            f"({other.place}), as are {len(twice) - 1:,} more: the score would be that of memory. Remove them, or "
            "pass drop_overlap=True to leave them out of the training data."
        )
    out = set(map(id, twice))
    return task.with_items([item for item in task.items if id(item) not in out], in_two_splits=len(twice))


def limited(task: Task, limit: int | None, *, seed: int = 0) -> Task:
    """Keep a sample of each split: whole sentences of labels, usages of the same words for senses, else single items.

    Args:
        task: The task.
        limit: About so many items of each split are taken; None: all.
        seed: Of the sample.
    """
    if limit is None:
        return task
    kept = (_some_usages if task.name == "senses" else _some_groups)(task, limit, Random(seed))
    items = [item for number, item in enumerate(task.items) if number in kept]
    return task.with_items(items, beyond_the_limit=len(task.items) - len(items))


def _some_groups(task: Task, limit: int, random: Random) -> set[int]:
    """Take groups of each split at random, until there are so many items."""
    groups: defaultdict[tuple[Split | None, str], list[int]] = defaultdict(list)
    for number, item in enumerate(task.items):
        groups[item.split, item.group if task.name == "labels" else item.place].append(number)
    names = [*groups]
    random.shuffle(names)
    taken: Counter[Split | None] = Counter()
    kept: set[int] = set()
    for name in names:
        if taken[name[0]] < limit:
            taken[name[0]] += len(groups[name])
            kept.update(groups[name])
    return kept


def _some_usages(task: Task, limit: int, random: Random) -> set[int]:
    """Take words at random, the same of all splits, and a sample of the usages of each.

    Twenty usages of a word are taken, or more where all words with twenty are not enough. A word keeps all its senses,
    as frequent as they are, but two usages of each at least. Words are added until each split has `limit` items, or
    one has twice as many.
    """
    words: defaultdict[str, defaultdict[Split | None, list[int]]] = defaultdict(lambda: defaultdict(list))
    for number, item in enumerate(task.items):
        words[item.word][item.split].append(number)
    most = {
        split: _share([len(parts[split]) for parts in words.values() if split in parts], limit)
        for split in {item.split for item in task.items}
    }
    names = [*words]
    random.shuffle(names)
    taken: Counter[Split | None] = Counter()
    kept: set[int] = set()
    for name in names:
        if min(taken[split] for split in most) >= limit or max(taken.values(), default=0) >= 2 * limit:
            break
        for split, numbers in words[name].items():
            sample = _by_sense(task, numbers, most[split], random)
            taken[split] += len(sample)
            kept.update(sample)
    return kept


def _share(sizes: Sequence[int], limit: int) -> int:
    """Say how many usages of each word give so many in all; at least `_USAGES_OF_A_WORD`.

    Examples:
        >>> _share([10, 100, 1000], 150)
        70
    """
    most, left, words = 0, limit, len(sizes)
    for size in sorted(sizes):
        most = -(-left // words)
        if size >= most:
            break
        left, words = left - size, words - 1
    return max(most, _USAGES_OF_A_WORD)


def _by_sense(task: Task, numbers: Sequence[int], most: int, random: Random) -> list[int]:
    """Take usages of a word, of each sense its share, and two at least."""
    if len(numbers) <= most:
        return [*numbers]
    senses: defaultdict[str | float, list[int]] = defaultdict(list)
    for number in numbers:
        senses[task.items[number].gold].append(number)
    return [
        number
        for usages in senses.values()
        for number in random.sample(usages, min(len(usages), max(2, round(most * len(usages) / len(numbers)))))
    ]


def _identity(task: Task, item: Item) -> object:
    """Say what makes two items the same: the sentence for labels, the word and the sentence for senses."""
    if task.name in ("labels", "senses"):
        text = task.usages.places[item.left[0]][0]
        return text if task.name == "labels" else (text, item.word)
    return frozenset((item.left, item.right))


def _why(task: Task) -> str:
    reasons: Iterable[str] = (f"{count:,} {reason}" for reason, count in task.skipped.items())
    told = ", ".join(reasons)
    return f" (left out: {told})" if told else ""


def _shortened(text: str) -> str:
    return repr(text if len(text) <= 80 else text[:77] + "...")
