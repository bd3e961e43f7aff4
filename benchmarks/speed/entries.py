"""Who takes part, and in which environment. Standard library only: every interpreter of the benchmark imports this."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

OURS = "wordstates"  # the environment that the benchmark itself runs in
REFERENCE = "transformers one by one"
LAST, LAST4 = "last", "last4"
RECIPES = {LAST: "last layer", LAST4: "mean of the last four layers"}
INPUTS = {"sentences": "2,000 sentences", "mix": "long-tailed mix"}
WINDOWS = "own windows"


@dataclass(frozen=True, eq=False)
class Entry:
    """A contestant.

    Args:
        name: What the table calls it.
        environment: Whose interpreter runs it.
        module: Module of `benchmarks.speed.contestants` that has its `load`.
        options: What `load` gets besides model, recipe, texts and device.
        precision: What it computes in.
        recipes: Those it can give.
        long_texts: How it reads texts that are longer than the model; empty if it cannot.
    """

    name: str
    environment: str
    module: str
    options: dict[str, Any] = field(default_factory=dict)
    precision: str = "float32"
    recipes: tuple[str, ...] = (LAST, LAST4)
    long_texts: str = WINDOWS

    @property
    def ours(self) -> bool:
        return self.module in ("ours", "ours_in_spacy")

    def can(self, recipe: str, texts: str) -> bool:
        return recipe in self.recipes and (texts != "mix" or bool(self.long_texts))


def _ours(engine: str, precision: str) -> Entry:
    options = {"engine": engine, "precision": precision}
    return Entry(f"wordstates {engine} {precision}", OURS, "ours", options, precision)


def _in_spacy(engine: str, precision: str) -> Entry:
    options = {"engine": engine, "precision": precision}
    return Entry(f"wordstates in spaCy, {engine} {precision}", OURS, "ours_in_spacy", options, precision)


def _by_hand(name: str, batch: int, *, by_length: bool, precision: str = "float32") -> Entry:
    options = {"batch": batch, "by_length": by_length, "precision": precision}
    return Entry(name, OURS, "by_transformers", options, precision)


_BOTH = (
    _ours("torch", "bfloat16"),
    _ours("torch", "float32"),
    _by_hand("transformers batches of 32, sorted", 32, by_length=True),
    _by_hand("transformers batches of 32", 32, by_length=False),
    _by_hand(REFERENCE, 1, by_length=False),
    Entry("sentence-transformers", "st", "by_sentence_transformers", recipes=(LAST,), long_texts=""),
    Entry("flair", "flair", "by_flair"),
)
_CPU = (
    _ours("openvino", "bfloat16"),
    _ours("openvino", "int8"),
    _ours("openvino", "float32"),
    _ours("packed", "float32"),
    _in_spacy("openvino", "float32"),
    *_BOTH,
    Entry("spacy-transformers", "spacy", "by_spacy"),
)
# spacy-transformers needs CuPy there. Half precision is what people use on a GPU, also by hand.
_GPU = (
    _ours("packed", "bfloat16"),
    *_BOTH,
    _by_hand("transformers batches of 32, bfloat16", 32, by_length=False, precision="bfloat16"),
)
ENTRIES = tuple(dict.fromkeys((*_GPU[:1], *_CPU, *_GPU)))


def entries_on(device: str) -> tuple[Entry, ...]:
    """Give those that take part on a device."""
    return _CPU if device == "cpu" else _GPU


def named(name: str) -> Entry:
    return next(entry for entry in ENTRIES if entry.name == name)
