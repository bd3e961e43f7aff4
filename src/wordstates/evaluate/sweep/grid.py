"""The recipes that a sweep tries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from wordstates.options import Grid, LayerPooling, SubwordPooling, TaskName, check_choice
from wordstates.recipe import Recipe

SUBWORD_POOLINGS: tuple[SubwordPooling, ...] = ("mean", "first", "last")
NOTHING = "none"  # done to vectors afterwards
_WIDEST_CONCAT = 4


@dataclass(frozen=True)
class Candidate:
    """A recipe, and what is done to its vectors afterwards.

    Args:
        recipe: The recipe.
        post_processing: Steps of `PostProcessing`, or ``none``.
        is_last: It takes the last layer alone.
    """

    recipe: Recipe
    post_processing: str = NOTHING
    is_last: bool = False

    @property
    def name(self) -> str:
        """What it is called in tables: ``layer 6, mean``, ``concat of -4:, first, standardize``."""
        layers, layer_pooling, subwords = self.recipe.layers, self.recipe.layer_pooling, self.recipe.subword_pooling
        several = ":" in layers or "," in layers
        recipe = f"{layer_pooling} of {layers}, {subwords}" if several else f"layer {layers}, {subwords}"
        return recipe if self.post_processing == NOTHING else f"{recipe}, {self.post_processing}"

    @property
    def layer(self) -> int | None:
        """The one layer it takes; None if it takes several."""
        return int(self.recipe.layers) if self.recipe.layers.isdecimal() else None

    def to_dict(self) -> dict[str, object]:
        """Give it as plain JSON data."""
        return {"name": self.name, "recipe": self.recipe.to_dict(), "post_processing": self.post_processing}


def make_grid(
    n_blocks: int,
    poolings: Sequence[SubwordPooling],
    post_processings: Sequence[str],
    size: str = "small",
) -> list[Candidate]:
    """List the candidates, the plainest first: of equal scores the first wins.

    Args:
        n_blocks: Blocks of the model.
        poolings: Ways to pool subwords.
        post_processings: What is done afterwards, each chain of steps on its own.
        size: ``small``: each layer, and the mean of the last four, of both halves and of all, and the last four
            concatenated; ``full``: the mean and, up to four layers, the concatenation of every run of two, three, four
            layers, of every half, and of all.

    Examples:
        >>> [candidate.name for candidate in make_grid(2, ["mean"], ["none"])]
        ['layer 2, mean', 'layer 0, mean', 'layer 1, mean', 'mean of 0:, mean', 'mean of 1:, mean']
    """
    check_choice("grid", size, Grid)
    layers: list[tuple[str, LayerPooling]] = [(str(layer), "mean") for layer in (n_blocks, *range(n_blocks))]
    layers += _runs(n_blocks, size)
    return [
        Candidate(Recipe(text, layer_pooling, pooling), post_processing, text == str(n_blocks))
        for post_processing in post_processings
        for pooling in poolings
        for text, layer_pooling in layers
        if pooling != "max" or layer_pooling == "concat" or text.isdecimal()  # a mean of maxima is no maximum of means
    ]


def _runs(n_blocks: int, size: str) -> Iterator[tuple[str, LayerPooling]]:
    """Give runs of layers and how they are pooled. A sum is left out: it is the mean, longer, and scores the same."""
    found: dict[tuple[range, LayerPooling], str] = {}
    last, half = n_blocks + 1, (n_blocks + 1) // 2
    named = {range(last - 4, last): "-4:"}
    for start, stop in ((0, last), (1, last), (1, half + 1), (half + 1, last)):
        named.setdefault(range(start, stop), f"{start}:" if stop == last else f"{start}:{stop}")
    if size == "full":
        named |= {
            range(start, start + width): f"{start}:{start + width}"
            for width in (2, 3, 4)
            for start in range(last - width + 1)
            if range(start, start + width) not in named
        }
    for run, text in named.items():
        if len(run) < 2 or run.start < 0:
            continue
        found[run, "mean"] = text
        if len(run) <= _WIDEST_CONCAT and (size == "full" or text == "-4:"):
            found[run, "concat"] = text
    for (_, pooling), text in found.items():
        yield text, pooling


def default_post_processings(task: TaskName) -> tuple[str, ...]:
    """Say which are worth trying: the linear probe standardises by itself."""
    return (NOTHING,) if task == "labels" else (NOTHING, "center", "standardize")
