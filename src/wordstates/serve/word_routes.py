"""The routes of wordstates: words, usages, subwords, similarity."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain
from typing import Any

import numpy as np
from starlette.responses import Response, StreamingResponse

from wordstates.encode.inputs import Inputs, find_inputs
from wordstates.recipe import Recipe
from wordstates.result.embedded_words import EmbeddedWords
from wordstates.result.similarity import similarity
from wordstates.serve.answers import json_answer, recipes_as_json, words_as_arrow, words_as_json
from wordstates.serve.asked import (
    Asked,
    AskedRecipe,
    Fields,
    per_text,
    read_recipes,
    read_texts,
    wrong_input_is_refused,
)
from wordstates.serve.connection import ARROW
from wordstates.serve.exchange import Exchange
from wordstates.serve.limits import MOST_CONTEXT
from wordstates.serve.queue import Job
from wordstates.serve.refused import RefusedError
from wordstates.serve.served_model import ServedModel
from wordstates.serve.utf16 import from_utf16, to_utf16
from wordstates.text.align import STATUSES, align
from wordstates.text.targets import TargetFinder
from wordstates.text.words import as_spans
from wordstates.usages.marked import read_marked

_COMMON = ("model", "recipes", "truncate", "encoding", "span_unit")
_TARGETS = ("targets", "match_case", "match_exactly", "missing", "context")
WORDS = ("texts", "words", "spans", *_TARGETS, *_COMMON)
FIND = ("texts", *_TARGETS, *_COMMON)
SUBWORDS = ("texts", "words", "spans", "model", "truncate", "span_unit")
SIMILARITY = ("a", "b", "model", "recipes", "truncate")


async def words(exchange: Exchange, known: Sequence[str] = WORDS) -> Any:
    """Answer ``/v1/words`` and ``/v1/find``."""
    fields = Fields(await exchange.body(), known)
    model = exchange.service.model(fields.get("model"))
    if model.queue.full:
        raise exchange.overloaded(model)
    encoding = fields.choice("encoding", "float", "base64")
    utf16 = fields.choice("span_unit", "codepoint", "utf16") == "utf16"
    context = _context(fields, 60 if known is FIND else None)
    asked, job = await exchange.prepare(_prepared, exchange, fields, model, utf16=utf16)
    parts = await exchange.compute(model, job)
    in_thread = exchange.service.in_thread
    if exchange.request.headers.get("accept", "").partition(";")[0].strip() == ARROW:
        write = partial(_as_arrow, exchange, model, asked, parts, utf16=utf16, context=context)
        return await in_thread(write)
    return await in_thread(_as_json, model, asked, parts, encoding=encoding, utf16=utf16, context=context)


async def find(exchange: Exchange) -> Any:
    """Answer ``/v1/find``: `words` that have to be targets, with the text around them."""
    return await words(exchange, FIND)


def _prepared(exchange: Exchange, fields: Fields, model: ServedModel, *, utf16: bool) -> tuple[Asked, Job]:
    """Check what is asked, and count it."""
    asked = _asked(exchange, fields, model, utf16=utf16)
    return asked, model.ask(asked)


def _asked(exchange: Exchange, fields: Fields, model: ServedModel, *, utf16: bool) -> Asked:
    limits = exchange.service.limits
    recipes = read_recipes(fields.items("recipes", []), model.post_processing, limits.request_recipes)
    texts = read_texts(fields.get("texts"), "texts", limits.request_texts, words=True)
    inputs, names, index = _inputs(fields, texts, model, utf16=utf16)
    exchange.counts = {"texts": len(inputs.texts), "words": inputs.n_words}
    return Asked(inputs, recipes, fields.flag("truncate"), names, index)


def _inputs(
    fields: Fields, texts: list[Any], model: ServedModel, *, utf16: bool
) -> tuple[Inputs, tuple[str, ...], tuple[int, ...]]:
    """Give the texts and their words; and the targets, where these are looked for."""
    given = [name for name in ("words", "spans", "targets") if fields.get(name) is not None]
    if len(given) > 1:
        raise RefusedError(422, f"Give {given[0]} or {given[1]}, not both.", given[1])
    if given and isinstance(texts[0], list):
        raise RefusedError(422, f"The texts are lists of words: leave {given[0]} out.", given[0])
    if given == ["targets"]:
        finder, missing = _finder(fields)
        with wrong_input_is_refused("texts"):
            inputs, index = find_inputs(texts, finder, missing)
        return inputs, tuple(finder.names), index
    with wrong_input_is_refused("texts"):
        words = per_text(fields, "words", texts, lambda word: isinstance(word, str), "strings")
        spans = per_text(fields, "spans", texts, _is_span, "pairs of whole numbers")
        if spans is not None and utf16:
            spans = [
                None if part is None else _read_units(text, part, index)
                for index, (text, part) in enumerate(zip(texts, spans, strict=True))
            ]
        return model.session.read(texts, spans, words), (), ()


def _finder(fields: Fields) -> tuple[TargetFinder, str]:
    targets = fields.items("targets")
    for number, target in enumerate(targets):
        if not isinstance(target, str):
            raise RefusedError(422, "A target is a string.", f"targets[{number}]")
    ignore_case, exactly = not fields.flag("match_case"), fields.flag("match_exactly")
    missing = fields.choice("missing", "error", "ignore")
    with wrong_input_is_refused("targets"):
        return TargetFinder(targets, ignore_case=ignore_case, match_exactly=exactly), missing


def _is_span(span: object) -> bool:
    edges = span if isinstance(span, list) else []
    return len(edges) == 2 and all(type(edge) is int and 0 <= edge < 2**31 for edge in edges)


def _read_units(text: str, spans: list[list[int]], index: int) -> list[list[int]]:
    try:
        return from_utf16(text, spans)
    except ValueError as error:
        raise RefusedError(422, f"A span of text {index} is wrong: {error}.", f"spans[{index}]") from error


def _context(fields: Fields, default: int | None) -> int | None:
    given = fields.get("context")
    if given is None:
        return default
    if type(given) is not int or not 0 <= given <= MOST_CONTEXT:
        raise RefusedError(422, f"context is a number of characters, 0 to {MOST_CONTEXT:,}.", "context")
    return given


def _as_json(
    model: ServedModel, asked: Asked, parts: list[EmbeddedWords], *, encoding: str, utf16: bool, context: int | None
) -> Response:
    provenance = model.provenance(asked)
    texts = words_as_json(parts, asked, encoding=encoding, utf16=utf16, context=context)
    return json_answer(
        {
            "model": model.name,
            "recipes": recipes_as_json(provenance, model.session_for(asked.recipes).vector_shapes),
            "texts": [{"words": found} for found in texts],
            "provenance": provenance,
        }
    )


def _as_arrow(
    _: Exchange, model: ServedModel, asked: Asked, parts: list[EmbeddedWords], *, utf16: bool, context: int | None
) -> Response:
    stream = words_as_arrow(parts, asked, model.provenance(asked), utf16=utf16, context=context)
    with wrong_input_is_refused("recipes"):
        first = next(stream)
    if len(parts) == 1:
        return Response(b"".join([first, *stream]), media_type=ARROW)
    return StreamingResponse(chain([first], stream), media_type=ARROW)


async def subwords(exchange: Exchange) -> Any:
    """Answer ``/v1/subwords``: how texts split into words and subwords; the model does not run."""
    fields = Fields(await exchange.body(computes=False), SUBWORDS)
    model = exchange.service.model(fields.get("model"))
    utf16 = fields.choice("span_unit", "codepoint", "utf16") == "utf16"
    truncate = fields.flag("truncate")

    def split() -> Any:
        texts = read_texts(fields.get("texts"), "texts", exchange.service.limits.request_texts, words=True)
        inputs, _, _ = _inputs(fields, texts, model, utf16=utf16)
        recipes = (AskedRecipe(Recipe()),)
        model.ask(Asked(inputs, recipes, truncate))  # for its limits
        plan = model.session_for(recipes, truncate=truncate).plan(inputs)
        tokenizer = model.session.tokenizer
        pieces, encoded = tokenizer.pieces(plan.subword_ids.tolist()), tokenizer.encode(inputs.texts)
        starts, of_text, found = plan.subword_starts.tolist(), plan.text_starts.tolist(), []
        for index, text in enumerate(inputs.texts):
            spans = inputs.spans[index]
            shown = to_utf16(text, spans) if utf16 else spans
            ids, places = encoded[index].ids, encoded[index].spans
            found.append(
                {
                    "aligned_by": encoded[index].aligned_by,
                    "subwords": len(ids),
                    "in_no_word": tokenizer.pieces(ids[align(spans, places).outside(len(ids))].tolist()),
                    "words": [
                        {
                            "word": text[spans[word, 0] : spans[word, 1]],
                            "start": int(shown[word, 0]),
                            "end": int(shown[word, 1]),
                            "status": STATUSES[plan.status_codes[of_text[index] + word]],
                            "subwords": pieces[starts[of_text[index] + word] : starts[of_text[index] + word + 1]],
                        }
                        for word in range(len(spans))
                    ],
                }
            )
        special = tokenizer.pieces(tokenizer.template.wrap([]))
        return {"model": model.name, "special_tokens": special, "texts": found}

    return await exchange.service.in_thread(split)


async def similar(exchange: Exchange) -> Any:
    """Answer ``/v1/similarity``: the cosine of two words, each marked in its sentence."""
    fields = Fields(await exchange.body(), SIMILARITY)
    model = exchange.service.model(fields.get("model"))
    marked = []
    for name in ("a", "b"):
        with wrong_input_is_refused(name):
            marked.append(read_marked(fields.text(name)))
    most = exchange.service.limits.request_recipes
    recipes = read_recipes(fields.items("recipes", []), model.post_processing, most)
    truncate = fields.flag("truncate")
    if any(each.recipe.subword_pooling == "none" or each.recipe.layer_pooling == "none" for each in recipes):
        raise RefusedError(422, "A cosine needs one vector per word: choose a pooling other than none.", "recipes")

    def prepare() -> tuple[Asked, Job]:
        texts, spans = [text for text, _ in marked], [[span] for _, span in marked]
        with wrong_input_is_refused("texts"):
            inputs = model.session.read(texts, [as_spans(each) for each in spans])
        asked = Asked(inputs, recipes, truncate)
        return asked, model.ask(asked)

    asked, job = await exchange.prepare(prepare)
    parts = await exchange.compute(model, job)
    found = await exchange.service.in_thread(_both_words, parts)
    return {
        "model": model.name,
        "words": [{"word": part[0], "status": part[1]} for part in found],
        "similarity": {each.recipe.name: _cosine(found[0][2], found[1][2], each.recipe.name) for each in asked.recipes},
    }


def _both_words(parts: Sequence[EmbeddedWords]) -> list[tuple[str, str, dict[str, np.ndarray | None]]]:
    return [
        (
            part.words[word],
            part.statuses[word],
            {name: part.column(name)[word] if part.has_vector[word] else None for name in part.recipe_names},
        )
        for part in parts
        for word in range(len(part.words))
    ]


def _cosine(a: dict[str, np.ndarray | None], b: dict[str, np.ndarray | None], name: str) -> float | None:
    left, right = a[name], b[name]
    return None if left is None or right is None else float(similarity(left, right))


ROUTES: dict[str, Callable[[Exchange], Any]] = {
    "/v1/words": words,
    "/v1/find": find,
    "/v1/subwords": subwords,
    "/v1/similarity": similar,
}
