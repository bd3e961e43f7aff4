"""From documents to static vectors: the run behind `wordstates static`, and what it reports."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from wordstates.documents.document import Document
from wordstates.errors import InputError
from wordstates.runs.groups import GroupRun
from wordstates.runs.report import FileReport, aligned, tally
from wordstates.static.means import UsageMeans
from wordstates.static.static_vectors import StaticVectors, flat_vectors, ordered
from wordstates.static.types import Types
from wordstates.wording import counted

if TYPE_CHECKING:
    from wordstates.encode.protocols import Embedder

INPUT = "input"  # name of the recipe whose vectors of words alone are the kind of this name
_WORDS_AT_ONCE = 4096
_SHOWN = 10


@dataclass
class StaticReport(FileReport):
    """What a run did, or (dry) would do.

    Args:
        occurrences: Words met, of all types.
        types: Types met.
        kept: Types in the file.
        usages: Usages that were read, of all types: their statuses add up to it.
        missing: Words of the vocabulary, or phrases, that occur nowhere.
        self_similarity: Mean over the types of how alike their usages are, by name of the vectors.
        anisotropy: Expected cosine of usages of two different words, by name of the vectors.
        dry_run: True if nothing was written.
    """

    occurrences: int = 0
    types: int = 0
    kept: int = 0
    usages: int = 0
    missing: list[str] = field(default_factory=list)
    self_similarity: dict[str, float | None] = field(default_factory=dict)
    anisotropy: dict[str, float | None] = field(default_factory=dict)
    dry_run: bool = False

    def to_text(self) -> str:
        """Write the report as a few aligned lines."""
        rows = [
            ("texts", f"{self.texts:,}"),
            ("words", f"{self.occurrences:,} of {counted(self.types, 'type')}"),
            ("types kept", f"{self.kept:,}"),
        ]
        if self.missing:
            named = ", ".join(self.missing[:_SHOWN]) + (", ..." if len(self.missing) > _SHOWN else "")
            rows.append(("not met", f"{len(self.missing):,} of those looked for: {named}"))
        if self.rejects:
            rows.append(("rejected", f"{len(self.rejects):,}"))
        if self.statuses:
            rows.append(("usages", f"{self.usages:,} averaged ({tally(self.statuses)})"))
        for name, mean in self.self_similarity.items():
            alike, any_two = (
                "unknown" if value is None else f"{value:.3f}" for value in (mean, self.anisotropy.get(name))
            )
            which = "" if len(self.self_similarity) == 1 else f" ({name})"
            rows.append(("self-similarity", f"{alike} on average, {any_two} between two words{which}"))
        rows.append(("seconds", f"{self.seconds:,.1f}"))
        if not self.dry_run:
            rows.append(("bytes", f"{self.bytes:,}"))
        rows += self.how()
        if self.output:
            rows.append(("would write" if self.dry_run else "wrote", self.output))
        return aligned(rows)


def make_static(
    embedder: Embedder,
    documents: Iterable[Document],
    types: Types,
    *,
    kinds: Sequence[str] = ("usages",),
    min_count: int = 1,
    provenance: Mapping[str, Any] | None = None,
    on_progress: Callable[[int], object] = lambda _: None,
) -> tuple[StaticVectors, StaticReport]:
    """Make static vectors of a corpus.

    Args:
        embedder: Splits raw texts, and gives the vectors; for the kind ``input`` one of its recipes is named so.
        documents: The documents, as a stream.
        types: Finds the words and their types.
        kinds: ``usages`` (the mean of a type's usages), ``alone`` (the word as a text of its own), ``input`` (the word
            alone in the recipe named so: what goes into the first block).
        min_count: Types met less often are left out.
        provenance: More to say of where the vectors come from.
        on_progress: Called after each batch with the number of vectors it gave.

    Returns:
        The vectors, and what was done.

    Raises:
        InputError: If there is no word, no type occurs often enough, or the first documents cannot be embedded.
        ModelError: If the first documents cannot be embedded.
    """
    report, run = StaticReport(), GroupRun(embedder, on_progress, in_pieces=True)
    began = time.perf_counter()
    recipes = [recipe.name for recipe in embedder.recipes if recipe.name != INPUT]
    means = UsageMeans(recipes)
    typed_documents = types.of(documents, embedder.splitter.split)
    if "usages" not in kinds:
        deque(typed_documents, maxlen=0)  # they are only counted
        typed_documents = iter([])
    for piece in run.over(typed_documents):
        types_of_all = [number for typed in piece.documents for number in typed.types]
        numbers = np.array(types_of_all[piece.first :][: len(piece.embeddings.words)], dtype=np.int64)
        means.add(numbers, flat_vectors(piece.embeddings, recipes), piece.embeddings.has_vector)
        del piece  # or its vectors are there until the next are
    report.take(run)
    count(types, report, min_count=min_count)
    static = _collected(means, types, kinds, recipes, min_count)
    alone = _alone(embedder, static.words, kinds, recipes, on_progress)
    plain = embedder.provenance
    static = replace(
        static,
        vectors=static.vectors | alone,
        provenance={**(run.provenance or plain), **(provenance or {}), "splitter": types.found_by(plain["splitter"])},
    )
    report.provenance = dict(static.provenance)
    report.kept, report.usages = len(static), sum(report.statuses.values())
    for name, values in static.self_similarity.items():
        known = values[~np.isnan(values)]
        report.self_similarity[name] = round(float(known.mean()), 6) if len(known) else None
        expected = static.anisotropy[name]
        report.anisotropy[name] = None if np.isnan(expected) else round(expected, 6)
    report.seconds = round(time.perf_counter() - began, 3)
    return static, report


def count(types: Types, report: StaticReport, *, min_count: int) -> None:
    """Put what was counted into a report, once the documents are read.

    Raises:
        InputError: If there is no word, or no type occurs often enough.
    """
    occurrences = types.occurrences
    report.texts, report.types, report.occurrences = types.texts, len(types), int(occurrences.sum())
    report.kept = int((occurrences >= min_count).sum())
    report.missing = types.missing
    if not len(types):
        where = repr(types.first) if types.texts == 1 else f"any of the {counted(types.texts, 'text')}"
        raise InputError(
            f"There is no word{' of the vocabulary' if report.missing else ''} in {where}: check the input."
        )
    if not report.kept:
        raise InputError(
            f"No type occurs {counted(min_count, 'time')}: the most frequent of the {len(types):,} occurs "
            f"{counted(int(occurrences.max()), 'time')}; give a smaller min_count=..."
        )


def _collected(
    means: UsageMeans, types: Types, kinds: Sequence[str], recipes: Sequence[str], min_count: int
) -> StaticVectors:
    means.settle(len(types))
    words, groups, occurrences = types.words, types.groups, types.occurrences
    if "usages" in kinds:
        names = {_set_name("usages", recipe, recipes): recipe for recipe in recipes}
        static = StaticVectors.from_means(
            means, words, occurrences, groups=groups, by=types.by or "", min_count=min_count, names=names
        )
        if not len(static):
            raise InputError("No usage of any type has a vector: see their statuses with `wordstates find`.")
        return static
    kept = ordered(occurrences, occurrences >= min_count)
    return StaticVectors(
        words=[words[index] for index in kept.tolist()],
        occurrences=occurrences[kept],
        usages=np.zeros(len(kept), dtype=np.int64),
        vectors={},
        groups=None if groups is None else [groups[index] for index in kept.tolist()],
        by=types.by or "",
    )


def _alone(
    embedder: Embedder,
    words: Sequence[str],
    kinds: Sequence[str],
    recipes: Sequence[str],
    on_progress: Callable[[int], object],
) -> dict[str, np.ndarray]:
    """Give the vectors of words that stand alone, each the whole of a text; NaN for a word that then has none."""
    wanted = {_set_name("alone", recipe, recipes): recipe for recipe in recipes if "alone" in kinds}
    if INPUT in kinds:
        wanted[INPUT] = INPUT
    if not wanted:
        return {}
    distinct = list(dict.fromkeys(words))
    parts: dict[str, list[np.ndarray]] = {name: [] for name in wanted}
    for start in range(0, len(distinct), _WORDS_AT_ONCE):
        some = distinct[start : start + _WORDS_AT_ONCE]
        embeddings = embedder.encode(some, spans=[[(0, len(word))] for word in some], on_progress=on_progress)
        vectors = flat_vectors(embeddings, [*wanted.values()])
        for name, recipe in wanted.items():
            parts[name].append(vectors[recipe])
    place = {word: index for index, word in enumerate(distinct)}
    rows = [place[word] for word in words]
    return {name: np.concatenate(part)[rows] for name, part in parts.items()}


def _set_name(kind: str, recipe: str, recipes: Sequence[str]) -> str:
    """Name a set of vectors: by its kind, and by its recipe where there are several."""
    return kind if len(recipes) == 1 else f"{kind}_{recipe}"
