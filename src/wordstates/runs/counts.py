"""What runs count, and how counts add up: of a call to those of a shard, a store, a file."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields

from wordstates.encode.plan import Plan
from wordstates.result.word_embeddings import WordEmbeddings


@dataclass
class Counts:
    """What was embedded, or (dry) would be.

    Args:
        texts: Documents.
        words: Words.
        subwords: Subwords of those words.
        windows: Windows read by the model.
        long_texts: Texts longer than one window.
        statuses: Number of words of each status.
    """

    texts: int = 0
    words: int = 0
    subwords: int = 0
    windows: int = 0
    long_texts: int = 0
    statuses: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, embeddings: WordEmbeddings) -> Counts:
        """Count the words of a call."""
        return Counts(
            texts=len(embeddings.texts),
            words=len(embeddings.words),
            subwords=len(embeddings.subword_ids),
            windows=embeddings.reading["windows"],
            long_texts=embeddings.reading["long_texts"],
            statuses=embeddings.status_counts,
        )

    @classmethod
    def of_plan(cls, plan: Plan) -> Counts:
        """Count what a call would give."""
        return Counts(
            texts=len(plan.text_starts) - 1,
            words=len(plan.status_codes),
            subwords=len(plan.subword_ids),
            windows=len(plan.windows),
            long_texts=plan.long_texts,
            statuses=plan.status_counts,
        )

    def add(self, other: Counts) -> None:
        """Add the counts of another part."""
        for each in fields(Counts):
            mine, theirs = getattr(self, each.name), getattr(other, each.name)
            both = mine + theirs if isinstance(mine, int) else dict(sorted((Counter(mine) + Counter(theirs)).items()))
            setattr(self, each.name, both)
