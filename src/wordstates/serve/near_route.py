"""The route that searches an index: the usages that are most like a marked word."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from wordstates.errors import InputError
from wordstates.result.embedded_words import EmbeddedWords
from wordstates.serve.asked import Asked, AskedRecipe, Fields, wrong_input_is_refused
from wordstates.serve.exchange import Exchange
from wordstates.serve.limits import MOST_CONTEXT
from wordstates.serve.queue import Job
from wordstates.serve.refused import RefusedError, chosen
from wordstates.serve.served_model import ServedModel
from wordstates.text.words import as_spans
from wordstates.usages.hits import hit_as_dict
from wordstates.usages.index import UsageIndex
from wordstates.usages.manifest import differences
from wordstates.usages.marked import read_marked

FIELDS = ("text", "usage", "index", "count", "word", "where", "once_per_text", "context")
_MOST_HITS, _MOST_CONDITIONS = 1_000, 32


@dataclass(frozen=True, eq=False)
class ServedIndex:
    """An index, and the model of the server that reads sentences for it.

    Args:
        name: What requests call it.
        index: The usages.
        model: Gives vectors like those of the index.
    """

    name: str
    index: UsageIndex
    model: ServedModel

    @classmethod
    def of(cls, name: str, index: UsageIndex, models: Mapping[str, ServedModel]) -> ServedIndex:
        """Choose the model that made the vectors of an index.

        Raises:
            InputError: If none of them gives vectors like these.
        """
        reasons, manifest = [], index.manifest
        for model in models.values():
            told = model.session_for([AskedRecipe(index.recipe())]).provenance
            differ = differences(manifest.provenance, told, manifest.recipe, manifest.recipe["name"])
            if not differ:
                return cls(name, index, model)
            reasons.append(f"{model.name}: {'; '.join(differ)}")
        raise InputError(
            f"Index {name!r} holds other vectors than the models of this server give: serve the model that made it, "
            f"with the same options. {' | '.join(reasons)}"
        )


class NearRoute:
    """Answers ``/v1/near``.

    Args:
        indexes: What is searched; the first is the default.
    """

    def __init__(self, indexes: Mapping[str, ServedIndex]) -> None:
        self._indexes = indexes

    async def __call__(self, exchange: Exchange) -> Any:
        """Answer a request."""
        fields = Fields(await exchange.body(), FIELDS)
        served = self._served(fields.get("index"))
        query: np.ndarray | int = _number(fields, "usage", 0, 0, len(served.index) - 1)
        if (fields.get("text") is None) == (fields.get("usage") is None):
            raise RefusedError(422, "Give text, with one word in [brackets], or usage, a number of the index.", "text")
        options: dict[str, Any] = {
            "k": _number(fields, "count", 10, 1, _MOST_HITS),
            "conditions": _conditions(fields),
            "word": fields.text("word", "") or None,
            "once_per_text": fields.flag("once_per_text"),
        }
        context = _number(fields, "context", 40, 0, MOST_CONTEXT)
        if fields.get("text") is not None:
            job = await exchange.service.in_thread(_marked, fields.text("text"), served)
            query = _vector(await exchange.compute(served.model, job))

        def search() -> list[dict[str, Any]]:
            with wrong_input_is_refused("where"):
                return [hit_as_dict(hit, context) for hit in served.index.near(query, **options)]

        return {"index": served.name, "hits": await exchange.service.in_thread(search)}

    def _served(self, name: object) -> ServedIndex:
        if not self._indexes:
            raise RefusedError(
                404, "This server has no index: start it with `wordstates serve --index STORE`.", "index"
            )
        return chosen(self._indexes, name, "index")


def _number(fields: Fields, name: str, default: int, least: int, most: int) -> int:
    given = fields.get(name)
    if given is None:
        return default
    if type(given) is not int or not least <= given <= most:
        raise RefusedError(422, f"{name} is a whole number, {least} to {most:,}.", name)
    return given


def _conditions(fields: Fields) -> list[str]:
    conditions = fields.items("where", [])
    if len(conditions) > _MOST_CONDITIONS or not all(isinstance(each, str) for each in conditions):
        raise RefusedError(
            422, f'where is a list of at most {_MOST_CONDITIONS} conditions, as ["year>=1900"].', "where"
        )
    return conditions


def _marked(text: str, served: ServedIndex) -> Job:
    with wrong_input_is_refused("text"):
        plain, span = read_marked(text)
        inputs = served.model.session.read([plain], [as_spans([span])])
    return served.model.ask(Asked(inputs, (AskedRecipe(served.index.recipe()),)), "text")


def _vector(parts: list[EmbeddedWords]) -> np.ndarray:
    (name,) = parts[0].recipe_names
    if not parts[0].has_vector[0]:
        raise RefusedError(422, f"The marked word has no vector: {parts[0].statuses[0]}.", "text")
    vector: np.ndarray = parts[0].column(name)[0]
    return vector
