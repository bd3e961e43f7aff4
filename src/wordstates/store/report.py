"""What a run into a store reports when it ends."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from wordstates.runs.counts import Counts
from wordstates.runs.report import aligned, files_read, found_rows, how_computed, tally, texts_read


@dataclass
class StoreReport(Counts):
    """What is in a store, counted over all shards that are there, and what a run did to it.

    Args:
        rows: Rows: words, or subwords where the recipe keeps them.
        bytes: Size of all shards.
        rejects: Documents that could not be embedded, each with its reason.
        shards: Shards of the whole input.
        finished: Shards that are there.
        computed: Shards that this run computed.
        skipped: Shards that this run found finished.
        computed_words: Words that this run gave vectors.
        seconds: Time of this run.
        complete: True if every shard is there.
        output: Folder of the store.
        provenance: Where the vectors come from.
        causal: True if the model reads left to right.
        files: The files that were read, where the input was a folder.
        searched: Texts that were searched, where the rows are usages.
        targets: Usages of each target, where the rows are usages.
    """

    rows: int = 0
    bytes: int = 0
    rejects: list[dict[str, str]] = field(default_factory=list)
    shards: int = 0
    finished: int = 0
    computed: int = 0
    skipped: int = 0
    computed_words: int = 0
    seconds: float = 0.0
    complete: bool = False
    output: str = ""
    provenance: dict[str, Any] = field(default_factory=dict)
    causal: bool = False
    files: list[str] = field(default_factory=list)
    searched: int = 0
    targets: dict[str, int] = field(default_factory=dict)

    @property
    def words_per_second(self) -> float:
        """Words a second of this run, over the words that it computed."""
        return self.computed_words / self.seconds if self.seconds else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Give all figures as plain JSON data."""
        of_a_search = ("searched", "targets") if not self.targets else ()
        figures = {name: figure for name, figure in vars(self).items() if name not in of_a_search}
        return {**figures, "words_per_second": round(self.words_per_second, 1)}

    def to_text(self) -> str:
        """Write the report as a few aligned lines."""
        there = f", {self.skipped:,} {'was' if self.skipped == 1 else 'were'} there" if self.skipped else ""
        done = f"{self.computed:,} computed{there}"
        read = [("texts", texts_read(self.texts, self.long_texts)), ("words", f"{self.words:,}")]
        if self.targets:
            read = found_rows(self.searched, self.texts, self.words, self.targets)
        rows = [
            *files_read(self.files),
            *read,
            ("subwords", f"{self.subwords:,}"),
            ("windows", f"{self.windows:,}"),
            ("statuses", tally(self.statuses)),
            *([("rejected", f"{len(self.rejects):,}")] if self.rejects else []),
            ("shards", f"{self.finished:,} of {self.shards:,} ({done})"),
            ("seconds", f"{self.seconds:,.1f}"),
            ("usages a second" if self.targets else "words a second", f"{self.words_per_second:,.0f}"),
            ("bytes", f"{self.bytes:,}"),
            *how_computed(self.provenance),
            ("wrote", self.output + ("" if self.complete else " (other parts are still missing)")),
        ]
        return aligned(rows)
