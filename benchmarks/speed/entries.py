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


@dataclass(frozen=True)
class Entry:
    """A contestant.

    Args:
        name: What the table calls it.
        environment: Whose interpreter runs it.
        module: Module of `benchmarks.speed.contestants` that has its `load`.
        options: What `load` gets besides model and recipe.
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
        return self.module == "ours"

    def can(self, recipe: str, texts: str) -> bool:
        return recipe in self.recipes and (texts != "mix" or bool(self.long_texts))


def _ours(engine: str, precision: str) -> Entry:
    options = {"engine": engine, "precision": precision}
    return Entry(f"wordstates {engine} {precision}", OURS, "ours", options, precision)


ENTRIES = (
    _ours("openvino", "bfloat16"),
    _ours("openvino", "float32"),
    _ours("torch", "bfloat16"),
    _ours("torch", "float32"),
    Entry("transformers batches of 32, sorted", OURS, "by_transformers", {"batch": 32, "by_length": True}),
    Entry("transformers batches of 32", OURS, "by_transformers", {"batch": 32, "by_length": False}),
    Entry(REFERENCE, OURS, "by_transformers", {"batch": 1, "by_length": False}),
    Entry("sentence-transformers", "st", "by_sentence_transformers", recipes=(LAST,), long_texts=""),
    Entry("flair", "flair", "by_flair"),
    Entry("spacy-transformers", "spacy", "by_spacy"),
)


def named(name: str) -> Entry:
    return next(entry for entry in ENTRIES if entry.name == name)
