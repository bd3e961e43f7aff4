"""The routes of Text Embeddings Inference, which `huggingface_hub.InferenceClient` calls."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from typing import Any

from wordstates.serve.answers import vector_as
from wordstates.serve.asked import Fields, read_texts, wrong_input_is_refused
from wordstates.serve.exchange import Exchange
from wordstates.serve.refused import RefusedError
from wordstates.serve.served_model import ServedModel
from wordstates.serve.text_vectors import SUBWORDS, text_vectors

FIELDS = ("inputs", "truncate", "truncation_direction", "normalize", "prompt_name", "dimensions")
_KINDS = {429: "Overloaded", 503: "Unhealthy", 500: "Backend"}


def error_as_tei(status: int, message: str, item: str | None, _code: str | None = None) -> dict[str, Any]:
    """Write an error as TEI does."""
    return {"error": f"{item}: {message}" if item else message, "error_type": _KINDS.get(status, "Validation")}


async def _asked(exchange: Exchange) -> tuple[Fields, ServedModel, list[str], bool]:
    fields = Fields(await exchange.body(), FIELDS)
    for name in ("prompt_name", "dimensions"):
        if fields.get(name) is not None:
            raise RefusedError(422, "This server has none of this: leave it out.", name)
    fields.choice("truncation_direction", "Right", "right")
    texts = read_texts(fields.get("inputs"), "inputs", exchange.service.limits.request_texts)
    return fields, exchange.service.model(None), texts, fields.flag("truncate")


async def embed(exchange: Exchange) -> Any:
    """Answer ``/embed``: one vector per text."""
    fields, model, texts, truncate = await _asked(exchange)
    normalize = fields.flag("normalize", default=True)
    found, _ = await text_vectors(exchange, model, texts, "inputs", truncate=truncate, normalize=normalize)
    return [vector_as(vector, "float") for vector in found]


async def embed_all(exchange: Exchange) -> Any:
    """Answer ``/embed_all``: one vector per subword."""
    _, model, texts, truncate = await _asked(exchange)
    found, _ = await text_vectors(exchange, model, texts, "inputs", recipe=SUBWORDS, truncate=truncate, normalize=False)
    return [vector_as(vectors, "float") for vectors in found]


async def tokenize(exchange: Exchange) -> Any:
    """Answer ``/tokenize``."""
    fields = Fields(await exchange.body(computes=False), ("inputs", "add_special_tokens"))
    special = fields.flag("add_special_tokens", default=True)
    texts = read_texts(fields.get("inputs"), "inputs", exchange.service.limits.request_texts)
    tokenizer = exchange.service.model(None).session.tokenizer

    def split() -> list[list[dict[str, Any]]]:
        with wrong_input_is_refused("inputs"):
            exchange.service.model(None).session.read(texts, [[]] * len(texts))
        found = []
        for encoded in tokenizer.encode(texts):
            pieces = tokenizer.pieces(encoded.ids.tolist())
            tokens = [
                {"id": id_, "text": piece, "special": False, "start": start, "stop": stop}
                for id_, piece, (start, stop) in zip(encoded.ids.tolist(), pieces, encoded.spans.tolist(), strict=True)
            ]
            around = [_special(tokenizer, ids) for ids in (tokenizer.template.prefix, tokenizer.template.suffix)]
            found.append([*around[0], *tokens, *around[1]] if special else tokens)
        return found

    return await exchange.service.in_thread(split)


def _special(tokenizer: Any, ids: Any) -> list[dict[str, Any]]:
    listed = [int(id_) for id_ in ids]
    return [
        {"id": id_, "text": piece, "special": True, "start": None, "stop": None}
        for id_, piece in zip(listed, tokenizer.pieces(listed), strict=True)
    ]


async def info(exchange: Exchange) -> Any:
    """Answer ``/info``."""
    model, limits = exchange.service.model(None), exchange.service.limits
    provenance = model.session.provenance
    return {
        "model_id": model.name,
        "model_sha": provenance["revision"],
        "model_dtype": provenance["precision"],
        "model_type": {"embedding": {"pooling": "mean"}},
        "max_input_length": model.session.capacity,
        "max_batch_tokens": limits.turn_subwords,
        "max_client_batch_size": limits.request_texts,
        "version": version("wordstates"),
    }


ROUTES: dict[str, Callable[[Exchange], Any]] = {
    "/": embed,
    "/embed": embed,
    "/embed_all": embed_all,
    "/tokenize": tokenize,
}
