"""How a store is made: one object from the command line to the shard."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from wordstates.errors import InputError
from wordstates.options import VectorDtype, check_choice
from wordstates.store.shards import SHARD_CHARACTERS, Part

_OF_A_RUN = ("part", "overwrite", "verify")


@dataclass(frozen=True)
class StoreSettings:
    """How a store is made.

    Args:
        dtype: Precision of the vectors. float16 gives way to float32 in columns that it cannot hold.
        context: Characters of context on each side of a word, as two more columns; None: no such columns.
        keyed: Have a column of keys, because some of the input brings keys (CoNLL-U).
        shard_characters: Budget of a shard.
        part: Do only a part of the shards; other runs do the others, at the same time or not.
        overwrite: Start over, whatever is there.
        verify: Compare finished shards with their checksums, before they are left as they are.
        search: What is searched for and how, where the rows are usages; empty: they are all words.
        input: How the input is read, for people who look at the manifest.
    """

    dtype: VectorDtype = "float32"
    context: int | None = None
    keyed: bool = False
    shard_characters: int = SHARD_CHARACTERS
    part: Part = field(default_factory=Part)
    overwrite: bool = False
    verify: bool = True
    search: Mapping[str, Any] = field(default_factory=dict)
    input: Mapping[str, Any] = field(default_factory=dict)

    def check(self) -> None:
        """Raise InputError for settings that make no sense."""
        check_choice("dtype", self.dtype, VectorDtype)
        if self.shard_characters < 1:
            raise InputError(f"A shard of {self.shard_characters} characters holds nothing: give at least 1.")
        if self.context is not None and self.context < 1:
            raise InputError(f"A context of {self.context} characters holds nothing: give at least 1, or leave it out.")
        if self.overwrite and self.part.of > 1:
            raise InputError(
                f"overwrite=True with part {self.part} would remove what the other parts have done: remove the store "
                "before the first of them begins."
            )

    def of_the_store(self) -> dict[str, Any]:
        """Give what is the same for all runs into the store, as plain JSON data."""
        return {name: value for name, value in asdict(self).items() if name not in _OF_A_RUN}
