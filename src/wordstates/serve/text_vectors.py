"""Vectors of whole texts, for the routes of others: the subwords of the text pooled, special tokens left out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from wordstates.recipe import Recipe
from wordstates.result.embedded_words import EmbeddedWords
from wordstates.result.similarity import unit
from wordstates.serve.asked import Asked, AskedRecipe, wrong_input_is_refused
from wordstates.serve.exchange import Exchange
from wordstates.serve.queue import Job
from wordstates.serve.refused import RefusedError
from wordstates.serve.served_model import ServedModel
from wordstates.wording import counted

TEXT = AskedRecipe(Recipe())
SUBWORDS = AskedRecipe(Recipe(subword_pooling="none"))


async def text_vectors(
    exchange: Exchange,
    model: ServedModel,
    texts: Sequence[str],
    field: str,
    *,
    recipe: AskedRecipe = TEXT,
    truncate: bool = False,
    normalize: bool = True,
) -> tuple[list[np.ndarray], int]:
    """Give the vector of each text, or of each of its subwords; and how many subwords were read.

    Raises:
        RefusedError: If a text has no subword, or does not fit a window and is not to be cut off.
    """
    if model.queue.full:
        raise exchange.overloaded(model)
    job, subwords = await exchange.prepare(_prepared, exchange, model, texts, field, recipe, truncate)
    parts: list[EmbeddedWords] = await exchange.compute(model, job)
    found = [rows for part in parts for rows in _rows_of_texts(part, recipe.recipe.name)]
    return [unit(rows) if normalize else rows for rows in found], subwords


def _prepared(
    exchange: Exchange, model: ServedModel, texts: Sequence[str], field: str, recipe: AskedRecipe, truncate: bool
) -> tuple[Job, int]:
    session = model.session
    with wrong_input_is_refused(field):
        session.read(texts, [[]] * len(texts))  # half a character is reported before the tokenizer sees it
    encoded, spans, subwords = session.tokenizer.encode(texts), [], 0
    for index, found in enumerate(encoded):
        count = len(found.ids)
        if not count:
            raise RefusedError(422, "The text has no subword, so there is no vector.", f"{field}[{index}]")
        if count > session.capacity and not truncate:
            raise RefusedError(
                413,
                f"The text has {counted(count, 'subword')}, and the model reads {session.capacity:,} at once: split "
                "it, ask to truncate it, or ask for its words at /v1/words.",
                f"{field}[{index}]",
            )
        read = min(count, session.capacity)
        spans.append([(0, int(found.spans[:read, 1].max()))])
        subwords += read
    exchange.counts = {"texts": len(texts), "subwords": subwords}
    with wrong_input_is_refused(field):
        return model.ask(Asked(session.read(texts, spans), (recipe,), truncate), field), subwords


def _rows_of_texts(part: EmbeddedWords, name: str) -> list[np.ndarray]:
    of_row = part.row_words(name)
    if of_row is None:
        return [*part.column(name)]
    bounds = np.searchsorted(of_row, np.arange(len(part.words) + 1)).tolist()
    return [part.column(name)[bounds[index] : bounds[index + 1]] for index in range(len(part.words))]
