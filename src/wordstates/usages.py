"""What `find` gives: usages of targets, each with its context and its vector."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from wordstates.embeddings import WordEmbeddings
from wordstates.errors import MissingExtraError

if TYPE_CHECKING:
    import pandas
    import pyarrow


@dataclass(frozen=True)
class Usage:
    """One occurrence of a target in its context.

    Args:
        target: The target as it was asked for.
        word: The occurrence as the text spells it.
        text_index: Index of its text.
        span: Char span in that text.
        left: The text before it.
        right: The text after it.
        embedding: Its vector and status, as the embeddings of one word.
    """

    target: str
    word: str
    text_index: int
    span: tuple[int, int]
    left: str
    right: str
    embedding: WordEmbeddings

    @property
    def vector(self) -> Float[np.ndarray, " ..."]:
        """Its vector, float32.

        Raises:
            NoVectorError: If it has none; `status` says why.
        """
        return self.embedding.vector

    @property
    def status(self) -> str:
        """Its status: ``ok``, or why it has no vector."""
        return self.embedding.statuses[0]


@dataclass(frozen=True, repr=False)
class Usages:
    """Every usage of some targets, in text order.

    Args:
        embeddings: Their vectors, spans and statuses, with all texts that were searched.
        targets: The targets as asked for.
        target_index: Which target each usage is of.
    """

    embeddings: WordEmbeddings
    targets: tuple[str, ...]
    target_index: tuple[int, ...]

    def __len__(self) -> int:
        """Count the usages."""
        return len(self.target_index)

    def __getitem__(self, index: int) -> Usage:
        """Give one usage; for several, see `take`.

        Raises:
            IndexError: If there is none of this number.
        """
        if not isinstance(index, (int, np.integer)):
            raise TypeError(f"usages[{index!r}]: one usage has an int; several are usages.take(range(10)).")
        if not -len(self) <= index < len(self):
            raise IndexError(f"Usage {index} does not exist: there are {len(self)}.")
        number = index % len(self)
        text_index = int(np.searchsorted(self.embeddings.text_starts, number, side="right")) - 1
        start, end = self.embeddings.spans[number].tolist()
        text = self.embeddings.texts[text_index]
        return Usage(
            self.targets[self.target_index[number]],
            text[start:end],
            text_index,
            (start, end),
            text[:start],
            text[end:],
            self.embeddings.take([number]),
        )

    def __iter__(self) -> Iterator[Usage]:
        """Go through the usages."""
        return (self[index] for index in range(len(self)))

    @property
    def vectors(self) -> Float[np.ndarray, "usages ..."]:
        """All vectors, float32; a usage without a vector is a row of NaN."""
        return self.embeddings.vectors

    def of(self, target: str) -> Usages:
        """Give the usages of one target.

        Raises:
            KeyError: If it was not asked for.
        """
        if target not in self.targets:
            raise KeyError(f"{target!r} was not a target; the targets are {', '.join(map(repr, self.targets))}.")
        return self.take([index for index, number in enumerate(self.target_index) if self.targets[number] == target])

    def take(self, indices: Sequence[int]) -> Usages:
        """Give some of the usages, in text order.

        Raises:
            IndexError: If there is no such usage.
        """
        chosen = sorted(indices)
        return Usages(self.embeddings.take(chosen), self.targets, tuple(self.target_index[index] for index in chosen))

    def to_arrow(self, context: int = 60) -> pyarrow.Table:
        """Give one row a usage: the columns of `WordEmbeddings.to_arrow`, the target, and its left and right context.

        Args:
            context: Characters of context on each side.
        """
        contexts = [(usage.left[-context:] if context else "", usage.right[:context]) for usage in self]
        table = self.embeddings.to_arrow()
        extra: list[tuple[str, list[Any]]] = [
            ("target", [self.targets[index] for index in self.target_index]),
            ("left", [left for left, _ in contexts]),
            ("right", [right for _, right in contexts]),
        ]
        for name, values in extra:
            table = table.append_column(name, [values])
        return table

    def to_pandas(self, context: int = 60) -> pandas.DataFrame:
        """Give the table of `to_arrow` as a data frame."""
        try:
            return self.to_arrow(context).to_pandas()
        except ImportError as error:
            raise MissingExtraError.of("pandas", "to_pandas()") from error

    def __repr__(self) -> str:
        lines = [f"Usages: {len(self):,} of {', '.join(map(repr, self.targets))}"]
        for usage in list(self)[:10]:
            left = " ".join(usage.left[-40:].split())
            right = " ".join(usage.right[:40].split())
            lines.append(f"  {usage.text_index:>4} {left:>40} [{usage.word}] {right}")
        return "\n".join([*lines, f"  ... and {len(self) - 10:,} more"] if len(self) > 10 else lines)
