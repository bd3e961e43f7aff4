"""The types of a corpus: which words a document has, which types they are of, how often each was met."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from wordstates.documents.document import Document
from wordstates.documents.output_columns import value_at
from wordstates.encode.inputs import GIVEN
from wordstates.errors import InputError
from wordstates.runs.groups import DocumentPart, in_groups
from wordstates.static.static_vectors import type_name
from wordstates.text.targets import TargetFinder
from wordstates.text.words import Spans

SplitTexts = Callable[[Sequence[str]], list[Spans]]
Type = tuple[str, str | None]  # the word, and its group
_OWN_COLUMNS = {"word", "occurrences", "usages"}


@dataclass(frozen=True)
class TypedDocument(DocumentPart):
    """A document with words, each of a type.

    Args:
        document: The document.
        spans: Char spans of the words.
        types: Number of the type of each.
    """

    spans: list[tuple[int, int]]
    types: list[int]


class Types:
    """Numbers the types of a stream of documents, and counts them.

    Args:
        vocabulary: Words and phrases to look for instead of splitting: then a document without one costs a search.
        phrases: Words and phrases to look for beside the words that splitting gives.
        ignore_case: Whether *Fox* is a usage of *fox* in the vocabulary and in the phrases.
        match_exactly: Tell *don’t* from *don't* there, and *Fox* from *fox*.
        by: Metadata that groups the documents; types of different groups are different.
        lowercase: Take *Fox* and *fox* for one type.
        max_usages: Let no more usages of a type through than its first so many; the others are counted only.

    Raises:
        InputError: If the vocabulary is empty, or `by` is the name of a column that every file has.
    """

    def __init__(
        self,
        *,
        vocabulary: Sequence[str] | None = None,
        phrases: Sequence[str] | None = None,
        ignore_case: bool = True,
        match_exactly: bool = False,
        by: str | None = None,
        lowercase: bool = False,
        max_usages: int | None = None,
    ) -> None:
        if by is not None and (by in _OWN_COLUMNS or by.startswith(("vector", "self_similarity"))):
            raise InputError(
                f"Groups cannot be by {by!r}: files of static vectors have a column of their own of that name; rename "
                "it in the input."
            )
        if vocabulary is not None and phrases is not None:
            raise InputError("A vocabulary is all that is looked for: put the phrases into it, or leave it out.")
        wanted = vocabulary if phrases is None else phrases
        self._finder = (
            None if wanted is None else TargetFinder(wanted, ignore_case=ignore_case, match_exactly=match_exactly)
        )
        self._only = vocabulary is not None
        self.by = by
        self._lowercase = lowercase
        self._most = max_usages
        self._numbers: dict[Type, int] = {}
        self._counts: list[int] = []
        self.texts = 0
        self._given = True  # whether all documents brought their words
        self.first = ""

    def __len__(self) -> int:
        """Count the types met so far."""
        return len(self._numbers)

    @property
    def missing(self) -> list[str]:
        """What of the vocabulary was not met."""
        met = set(self.words)
        return [] if self._finder is None else [word for word in self._finder.names if word not in met]

    def found_by(self, splitter: str) -> str:
        """Say what found the words: the splitter, as it is named; ``targets`` or ``given`` if it did not."""
        return "targets" if self._only else GIVEN if self._given else splitter

    @property
    def words(self) -> list[str]:
        """Word of each type."""
        return [word for word, _ in self._numbers]

    @property
    def groups(self) -> list[str | None] | None:
        """Group of each type, None where types are words."""
        return None if self.by is None else [group for _, group in self._numbers]

    @property
    def occurrences(self) -> npt.NDArray[np.int64]:
        """How often each type was met."""
        return np.array(self._counts, dtype=np.int64)

    def of(self, documents: Iterable[Document], split: SplitTexts) -> Iterator[TypedDocument]:
        """Give the documents that have words, with those whose vectors are wanted.

        Args:
            documents: The documents, as a stream.
            split: Finds the words of raw texts; documents that bring words keep theirs.
        """
        for document, spans, words in self._found(documents, split):
            if document.fault:
                yield TypedDocument(document, [], [])
                continue
            self.texts += 1
            self.first = self.first or document.id
            kept = TypedDocument(document, [], [])
            for span, word in zip(spans, words, strict=True):
                group = None if self.by is None else value_at(document, self.by, *span)
                number = self._numbers.setdefault((word, group), len(self._numbers))
                if number == len(self._counts):
                    self._counts.append(0)
                self._counts[number] += 1
                if self._most is None or self._counts[number] <= self._most:
                    kept.spans.append(span)
                    kept.types.append(number)
            if kept.spans:
                yield kept

    def _found(
        self, documents: Iterable[Document], split: SplitTexts
    ) -> Iterator[tuple[Document, list[tuple[int, int]], list[str]]]:
        if self._finder is not None and self._only:
            for document in documents:
                matches = self._finder.find(document.text)
                yield document, [match[:2] for match in matches], [self._finder.names[match[2]] for match in matches]
            return
        for group in in_groups(documents):
            found = iter(split([document.text for document in group if document.spans is None]))
            for document in group:
                self._given = self._given and (document.spans is not None or bool(document.fault))
                spans = [*document.spans] if document.spans is not None else [(a, b) for a, b in next(found).tolist()]
                names = [type_name(document.text[start:end], lowercase=self._lowercase) for start, end in spans]
                yield document, *self._with_phrases(document.text, spans, names)

    def _with_phrases(
        self, text: str, spans: list[tuple[int, int]], names: list[str]
    ) -> tuple[list[tuple[int, int]], list[str]]:
        """Add the phrases of a text to its words, each where it begins; a word that is one of them stays once."""
        if self._finder is None:
            return spans, names
        found = {(start, end): self._finder.names[index] for start, end, index in self._finder.find(text)}
        words = [(span, found.pop(span, name)) for span, name in zip(spans, names, strict=True)]
        every = sorted([*words, *found.items()], key=lambda each: each[0])
        return [span for span, _ in every], [name for _, name in every]
