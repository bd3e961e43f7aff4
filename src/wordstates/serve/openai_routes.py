"""The route that OpenAI's clients call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wordstates.serve.answers import vector_as
from wordstates.serve.asked import Fields, read_texts
from wordstates.serve.exchange import Exchange
from wordstates.serve.refused import RefusedError
from wordstates.serve.text_vectors import text_vectors

FIELDS = ("input", "model", "encoding_format", "dimensions", "user")


async def embeddings(exchange: Exchange) -> Any:
    """Answer ``/v1/embeddings``."""
    fields = Fields(await exchange.body(), FIELDS)
    model = exchange.service.model(fields.get("model"))
    given = fields.get("input")
    if _has_token_ids(given):
        raise RefusedError(
            400,
            "The input is token ids, which belong to another tokenizer: send texts (LangChain: OpenAIEmbeddings(..., "
            "check_embedding_ctx_length=False)).",
            "input",
        )
    texts = read_texts(given, "input", exchange.service.limits.request_texts)
    encoding = fields.choice("encoding_format", "float", "base64")
    dimensions = fields.get("dimensions")
    if dimensions is not None and dimensions != model.embedder.dim:
        raise RefusedError(
            400, f"dimensions: this model has {model.embedder.dim}, and they are not cut off.", "dimensions"
        )
    vectors, subwords = await text_vectors(exchange, model, texts, "input")
    return {
        "object": "list",
        "data": [
            {"object": "embedding", "index": index, "embedding": vector_as(vector, encoding)}
            for index, vector in enumerate(vectors)
        ],
        "model": model.name,
        "usage": {"prompt_tokens": subwords, "total_tokens": subwords},
    }


def _has_token_ids(given: object) -> bool:
    first = given[0] if isinstance(given, list) and given else None
    return isinstance(first, int | float | list)


ROUTES: dict[str, Callable[[Exchange], Any]] = {"/v1/embeddings": embeddings}
