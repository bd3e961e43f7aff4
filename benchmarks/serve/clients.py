"""LangChain's and LlamaIndex's embedding classes against a running server; runs in an environment of its own.

    python3.11 -m venv .bench/clients
    .bench/clients/bin/pip install langchain-openai langchain-huggingface llama-index-embeddings-openai-like \
        llama-index-embeddings-text-embeddings-inference
    .bench/clients/bin/python benchmarks/serve/clients.py http://127.0.0.1:8000 [KEY]

They need versions of libraries that do not go with those of the tests. Each has to give, for a query and for several
texts, the vectors that ``/v1/words`` gives for the texts as one word each, in unit length, within 1e-5.
"""

from __future__ import annotations

import json
import math
import sys
import urllib.request
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Any
from unittest import mock

import openai
from huggingface_hub import InferenceClient
from langchain_huggingface import HuggingFaceEndpointEmbeddings
from langchain_openai import OpenAIEmbeddings
from llama_index.embeddings.openai_like import OpenAILikeEmbedding
from llama_index.embeddings.text_embeddings_inference import TextEmbeddingsInference

TEXTS = ["The river runs past the old mill.", "Äpfel, the bank wouldn't lend.", "A bank."]
Vectors = list[list[float]]


class _Encoding:
    """Stands for the tokenizer of OpenAI, which is not on this machine: what matters is that ids are sent."""

    def encode(self, text: str, **_: Any) -> list[int]:
        return [ord(character) for character in text]

    encode_ordinary = encode


def wanted(url: str, key: str) -> Vectors:
    """Give the vectors of the texts as one word each."""
    body = {"texts": TEXTS, "spans": [[[0, len(text)]] for text in TEXTS]}
    headers = {"content-type": "application/json", "authorization": f"Bearer {key}"}
    request = urllib.request.Request(f"{url}/v1/words", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request) as answer:
        told = json.load(answer)["texts"]
    found = [next(iter(text["words"][0]["vectors"].values())) for text in told]
    return [[number / math.hypot(*vector) for number in vector] for vector in found]


def main(url: str, key: str = "none") -> int:
    """Ask by each client, and compare."""
    with urllib.request.urlopen(
        urllib.request.Request(f"{url}/v1/models", headers={"authorization": f"Bearer {key}"})
    ) as answer:
        model = json.load(answer)["data"][0]["id"]
    langchain = OpenAIEmbeddings(
        model=model, base_url=f"{url}/v1", api_key=key, check_embedding_ctx_length=False, max_retries=0
    )
    endpoint = HuggingFaceEndpointEmbeddings(huggingfacehub_api_token=key)
    endpoint.client = InferenceClient(url, token=key)  # it takes no address itself since release 1
    like = OpenAILikeEmbedding(model_name=model, api_base=f"{url}/v1", api_key=key)
    tei = TextEmbeddingsInference(base_url=url, model_name=model, auth_token=key)
    clients: list[tuple[str, str, Callable[[Sequence[str]], Vectors], Callable[[str], list[float]]]] = [
        ("langchain-openai", "OpenAIEmbeddings", langchain.embed_documents, langchain.embed_query),
        ("langchain-huggingface", "HuggingFaceEndpointEmbeddings", endpoint.embed_documents, endpoint.embed_query),
        (
            "llama-index-embeddings-openai-like",
            "OpenAILikeEmbedding",
            like.get_text_embedding_batch,
            like.get_query_embedding,
        ),
        (
            "llama-index-embeddings-text-embeddings-inference",
            "TextEmbeddingsInference",
            tei.get_text_embedding_batch,
            tei.get_query_embedding,
        ),
    ]
    right, failed = wanted(url, key), 0
    for package, name, documents, query in clients:
        try:
            found = [*documents(TEXTS), query(TEXTS[0])]
            error = max(
                abs(a - b)
                for mine, theirs in zip(found, [*right, right[0]], strict=True)
                for a, b in zip(mine, theirs, strict=True)
            )
            said = f"largest difference {error:.1e}"
            failed += error > 1e-5
        except Exception as error:
            said, failed = f"{type(error).__name__}: {error}", failed + 1
        print(f"{package} {version(package)}, {name}: {said}")
    ids = OpenAIEmbeddings(model=model, base_url=f"{url}/v1", api_key=key, max_retries=0)
    with mock.patch("tiktoken.encoding_for_model", return_value=_Encoding()):
        try:
            ids.embed_query(TEXTS[0])
            failed += 1
            print("token ids were answered")
        except openai.BadRequestError as error:
            print(f"token ids, as OpenAIEmbeddings sends them by default: {error.message}")
            failed += "check_embedding_ctx_length=False" not in error.message
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
