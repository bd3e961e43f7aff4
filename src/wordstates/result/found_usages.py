"""What `find` gives: usages of targets, each with its context and its vector."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from wordstates.errors import ArgumentError, ItemError, MissingExtraError, NoVectorError, without_foreign_errors
from wordstates.options import CONTEXT
from wordstates.result.selecting import indices_of, is_whole_number
from wordstates.result.word_embeddings import WordEmbeddings
from wordstates.text.align import STATUSES, Status
from wordstates.wording import on_one_line, visible

if TYPE_CHECKING:
    import pandas
    import pyarrow


@dataclass(frozen=True, eq=False, repr=False)
class Usage:
    """One occurrence of a target in its context.

    Args:
        target: The target as it was asked for.
        text_index: Index of its text.
        span: Char span in that text.
        number: Its place among all usages.
        embeddings: All usages, with their texts and vectors.
    """

    target: str
    text_index: int
    span: tuple[int, int]
    number: int
    embeddings: WordEmbeddings

    @property
    def word(self) -> str:
        """The occurrence as the text spells it."""
        return self.embeddings.words[self.number]

    @property
    def left(self) -> str:
        """The whole text before it."""
        return self.embeddings.texts[self.text_index][: self.span[0]]

    @property
    def right(self) -> str:
        """The whole text after it."""
        return self.embeddings.texts[self.text_index][self.span[1] :]

    def context(self, characters: int = CONTEXT) -> tuple[str, str]:
        """Give at most so many characters of text before it and after it."""
        text = self.embeddings.texts[self.text_index]
        start, end = self.span
        return text[max(start - characters, 0) : start], text[end : end + characters]

    def in_context(self, characters: int = 40) -> str:
        """Give it on one line between its neighbours, as a concordance does."""
        left, right = map(on_one_line, self.context(characters))
        return visible(f"{left:>{characters}} [{' '.join(self.word.split())}] {right}")

    def __repr__(self) -> str:
        return f"<Usage of {self.target!r} in text {self.text_index}: {self.in_context().strip()}>"

    @property
    def vector(self) -> Float[np.ndarray, " ..."]:
        """Its vector, float32.

        Raises:
            NoVectorError: If it has none; `status` says why.
        """
        return self.embeddings.vector_of(self.number)

    @property
    def status(self) -> Status:
        """Its status: ``ok``, or why it has no vector."""
        return STATUSES[int(self.embeddings.status_codes[self.number])]


@dataclass(frozen=True, repr=False, eq=False)
class Usages:
    """Every usage of some targets, in text order unless `take` was asked for another.

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
            ItemError: If there is none of this number.
        """
        if not is_whole_number(index):
            raise ArgumentError(f"usages[{index!r}]: one usage has an int; see take() for several, of() for a target.")
        if not -len(self) <= index < len(self):
            raise ItemError(f"Usage {index} does not exist: there are {len(self)}.")
        number = int(index) % len(self)
        text_index = int(np.searchsorted(self.embeddings.text_starts, number, side="right")) - 1
        if self.embeddings.run_texts is not None:
            text_index = int(self.embeddings.run_texts[text_index])
        start, end = self.embeddings.spans[number].tolist()
        return Usage(self.targets[self.target_index[number]], text_index, (start, end), number, self.embeddings)

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
            NoVectorError: If it was not asked for.
        """
        if target not in self.targets:
            raise NoVectorError(f"{target!r} was not a target; the targets are {', '.join(map(repr, self.targets))}.")
        return self.take([index for index, number in enumerate(self.target_index) if self.targets[number] == target])

    def take(self, indices: Sequence[int] | slice | np.ndarray) -> Usages:
        """Give some of the usages, by number, a slice or a mask, in the order asked for.

        Raises:
            ItemError: If there is no such usage.
        """
        chosen = indices_of(indices, len(self))
        of_target = tuple(self.target_index[index] for index in chosen.tolist())
        return Usages(self.embeddings.take(chosen), self.targets, of_target)

    @without_foreign_errors
    def to_arrow(self, context: int = CONTEXT) -> pyarrow.Table:
        """Give one row per usage: the columns of `WordEmbeddings.to_arrow`, the target, and its left and right context.

        Args:
            context: Characters of context on each side.
        """
        return self.embeddings.table(context=context, extra=self._target_column())

    @without_foreign_errors
    def to_pandas(self, context: int = CONTEXT) -> pandas.DataFrame:
        """Give the table of `to_arrow` as a data frame."""
        try:
            return self.to_arrow(context).to_pandas()
        except ImportError as error:
            raise MissingExtraError.of("pandas", "to_pandas()") from error

    @without_foreign_errors
    def to_spreadsheet(self, path: str | Path, *, context: int = CONTEXT, **options: Any) -> int:
        """Write a table for people, one row per usage, its context on either side, by its ending: .csv, .tsv, .xlsx.

        Args:
            path: The file.
            context: Characters of context on each side.
            **options: As in `WordEmbeddings.to_spreadsheet`.

        Returns:
            Bytes on disk.
        """
        from wordstates.files.save import save_table

        return save_table(self.embeddings, path, context=context, extra=self._target_column(), **options)

    def _target_column(self) -> dict[str, list[str | None]]:
        return {"target": [self.targets[index] for index in self.target_index]}

    def __repr__(self) -> str:
        names = dict.fromkeys(self.targets[index] for index in self.target_index) or dict.fromkeys(self.targets)
        lines = [f"Usages: {len(self):,} of {', '.join(map(repr, names))}"]
        lines += [f"  text {usage.text_index:<5} {usage.in_context()}" for usage in islice(self, 10)]
        return "\n".join([*lines, f"  ... and {len(self) - 10:,} more"] if len(self) > 10 else lines)
