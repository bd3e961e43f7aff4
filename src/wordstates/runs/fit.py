"""From documents to post-processing that is fitted on their words: the run behind `wordstates fit`, and its report."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from wordstates.documents.document import Document
from wordstates.errors import InputError, RecipeError
from wordstates.postprocess.post_processing import PostProcessing
from wordstates.postprocess.steps import check_dim, parse_steps
from wordstates.runs.groups import GroupRun
from wordstates.runs.report import FileReport, aligned, tally
from wordstates.wording import counted

if TYPE_CHECKING:
    from wordstates.encode.protocols import Embedder
    from wordstates.recipe import Recipe


@dataclass
class FitReport(FileReport):
    """What a run did.

    Args:
        words: Words in them.
        vectors: Vectors that it was fitted on.
        steps: The steps.
        dimensions: Of the vectors that go in, and of those that come out.
        fingerprint: Of what was fitted.
    """

    words: int = 0
    vectors: int = 0
    steps: tuple[str, ...] = ()
    dimensions: tuple[int, int] = (0, 0)
    fingerprint: str = ""

    def to_text(self) -> str:
        """Write the report as a few aligned lines."""
        (recipe,) = self.provenance["recipes"]
        rows = [
            ("texts", f"{self.texts:,}"),
            ("words", f"{self.words:,}"),
            ("statuses", tally(self.statuses)),
            ("recipe", recipe["name"]),
            ("steps", " + ".join(self.steps)),
            ("fitted on", f"{counted(self.vectors, 'vector')}"),
            ("dimensions", " -> ".join(map(str, self.dimensions))),
            ("seconds", f"{self.seconds:,.1f}"),
            ("bytes", f"{self.bytes:,}"),
            *self.how(),
            ("wrote", self.output),
        ]
        if self.rejects:
            rows.insert(1, ("rejected", f"{len(self.rejects):,}"))
        return aligned(rows)


def check_fitted_recipes(recipes: Sequence[Recipe]) -> None:
    """Check that there is one recipe, with one vector per row.

    Raises:
        RecipeError: If not.
    """
    if len(recipes) > 1:
        raise RecipeError(
            f"Post-processing is fitted for one recipe, and there are {len(recipes)}: run `wordstates fit` for each."
        )
    if recipes[0].layer_pooling == "none":
        raise RecipeError(
            f"Recipe {recipes[0].name!r} keeps a layer axis, and post-processing is fitted for one vector per word: "
            "pool the layers, or fit each layer by itself."
        )


def fit_post_processing(
    embedder: Embedder,
    documents: Iterable[Document],
    steps: Sequence[str] | str,
    *,
    max_words: int | None = None,
    on_progress: Callable[[int], object] = lambda _: None,
) -> tuple[PostProcessing, FitReport]:
    """Fit post-processing on the vector of every word of every document, in one reading and constant memory.

    Args:
        embedder: Gives the vectors, of one recipe.
        documents: The documents, as a stream.
        steps: As in `PostProcessing.fit`.
        max_words: Read no further than so many words, the first ones.
        on_progress: Called after each batch with the number of words it gave.

    Returns:
        What was fitted, and what was done.

    Raises:
        RecipeError: If the embedder has several recipes, or one that keeps a layer axis.
        InputError: If the steps do not go with the vectors, or there are too few; or if the first documents cannot be
            embedded.
        ModelError: If the first documents cannot be embedded.
    """
    check_fitted_recipes(embedder.recipes)
    if "post_processing" in embedder.provenance:
        raise InputError("This embedder post-processes already: fit all steps at once on the vectors of a plain one.")
    ((dim,),) = embedder.vector_shapes.values()
    check_dim(parse_steps(steps), dim)
    report, run = FitReport(), GroupRun(embedder, on_progress, in_pieces=True)
    began = time.perf_counter()
    wanted = documents if max_words is None else _first_words(embedder, documents, max_words)
    fitted = PostProcessing.fit(steps, (piece.embeddings.vectors for piece in run.over(wanted)))
    report.take(run)
    fitted = replace(fitted, provenance=report.provenance)
    report.texts, report.words, report.vectors = run.counts.texts, run.counts.words, fitted.rows
    report.steps, report.dimensions = fitted.steps, (fitted.dim_in, fitted.dim_out)
    report.fingerprint = fitted.fingerprint()
    report.seconds = round(time.perf_counter() - began, 3)
    return fitted, report


def _first_words(embedder: Embedder, documents: Iterable[Document], most: int) -> Iterator[Document]:
    """Give documents until they have so many words; the last one has only those that are still wanted."""
    left = most
    for document in documents:
        spans = document.spans
        if spans is None:
            spans = tuple((start, end) for start, end in embedder.split([document.text])[0].tolist())
        yield replace(document, spans=spans[:left], keys=None, lemmas=None)
        left -= len(spans[:left])
        if not left:
            return
