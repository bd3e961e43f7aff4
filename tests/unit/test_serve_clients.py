"""The server on a port of this machine, asked by the clients that people have."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import openai
import pytest
from huggingface_hub import InferenceClient

import wordstates
from families import build
from served import serving
from wordstates import Recipe, WordEmbedder
from wordstates.errors import InputError, ModelNotFoundError, RecipeError, SpanError, TargetNotFoundError
from wordstates.serve.address import listen, url_of

TEXTS = ["The river runs past the old mill.", "Äpfel 👍🏽 fox, the bank wouldn't lend.", "", "A bank."]
RECIPES = [Recipe(-1, name="last"), Recipe("1:3", "none", "first", name="low")]
KEY = "a-secret"


@pytest.fixture(scope="module")
def embedder() -> WordEmbedder:
    return WordEmbedder(*build("bert"), engine="torch")


@pytest.fixture(scope="module")
def url(embedder: WordEmbedder) -> Iterator[str]:
    with serving({"tiny": embedder}, key=KEY) as (port, _, _):
        yield f"http://127.0.0.1:{port}"


def text_vector(embedder: WordEmbedder, text: str) -> Any:
    vector = embedder.encode([text], spans=[[(0, len(text))]]).vectors[0]
    return vector / np.linalg.norm(vector)


# ---------------------------------------------------------------- our own


@pytest.mark.parametrize("recipes", [RECIPES, [Recipe("0:", subword_pooling="none")]], ids=["words", "subwords"])
def test_encode_over_http_is_encode(url: str, recipes: list[Recipe]) -> None:
    remote = wordstates.connect(url, recipes=recipes, key=KEY)
    local = WordEmbedder(*build("bert"), engine="torch", recipes=recipes)
    for texts, more in [
        (TEXTS, {}),
        (TEXTS[0], {}),
        ([["New", "York"], ["is"]], {}),
        (TEXTS[:2], {"spans": [[(4, 9)], None]}),
        (TEXTS[:2], {"words": [["river"], ["fox"]]}),
    ]:
        got, wanted = remote.encode(texts, **more), local.encode(texts, **more)
        assert (got.texts, got.words, got.statuses, got.subwords) == (
            wanted.texts,
            wanted.words,
            wanted.statuses,
            wanted.subwords,
        )
        assert got.spans.tolist() == wanted.spans.tolist()
        assert got.text_starts.tolist() == wanted.text_starts.tolist()
        assert (len(got), got.provenance["recipes"]) == (len(wanted), wanted.provenance["recipes"])
        for name in wanted.recipe_names:
            np.testing.assert_allclose(got.column(name), wanted.column(name), atol=1e-5)


def test_find_over_http_is_find(url: str, embedder: WordEmbedder) -> None:
    remote = wordstates.connect(url, key=KEY)
    got, wanted = remote.find(TEXTS, ["bank", "old mill"]), embedder.find(TEXTS, ["bank", "old mill"])
    assert [(each.target, each.word, each.span, each.left) for each in got] == [
        (each.target, each.word, each.span, each.left) for each in wanted
    ]
    np.testing.assert_allclose(got.vectors, wanted.vectors, atol=1e-5)


def test_errors_over_http_are_those_of_the_tree(url: str) -> None:
    remote = wordstates.connect(url, key=KEY)
    with pytest.raises(TargetNotFoundError, match="'zebra' does not occur"):
        remote.find(TEXTS, ["zebra"])
    with pytest.raises(SpanError, match="outside its 4 characters"):
        remote.encode(["four"], spans=[[(0, 9)]])
    with pytest.raises(RecipeError, match="Layer 99 does not exist"):
        wordstates.connect(url, layers=99, key=KEY).encode("a")
    with pytest.raises(InputError, match="There is no such model"):
        wordstates.connect(url, model="other", key=KEY).encode("a")
    with pytest.raises(InputError, match="asks for its key"):
        wordstates.connect(url, key="wrong")
    with pytest.raises(ModelNotFoundError, match="No server answers"):
        wordstates.connect("http://127.0.0.1:1")
    with pytest.raises(InputError, match=r"No `wordstates serve` answers at .*/nosuch \(404\): give its address"):
        wordstates.connect(f"{url}/nosuch", key=KEY)
    for address in ("127.0.0.1:8000", "ftp://x", "http://", "https:///v1", "http://127.0.0.1:99999", "http://[x"):
        with pytest.raises(InputError, match="no address"):
            wordstates.connect(address)


def test_a_large_call_is_asked_in_parts(url: str, embedder: WordEmbedder) -> None:
    texts = [f"bank {number}" for number in range(600)]
    got = wordstates.connect(url, key=KEY).encode(texts)
    assert got[599].words == ["bank", "599"]
    np.testing.assert_allclose(got[599].vectors, embedder.encode(texts[599]).vectors, atol=1e-5)


# ---------------------------------------------------------------- those of others


def test_the_client_of_openai(url: str, embedder: WordEmbedder) -> None:
    with openai.OpenAI(base_url=f"{url}/v1", api_key=KEY, max_retries=0) as client:
        for more in ({}, {"encoding_format": "float"}):  # it asks for base64 itself
            found = client.embeddings.create(model="tiny", input=[TEXTS[0], "A bank."], **more)
            assert [each.index for each in found.data] == [0, 1]
            for each, text in zip(found.data, [TEXTS[0], "A bank."], strict=True):
                np.testing.assert_allclose(each.embedding, text_vector(embedder, text), atol=1e-5)
            assert found.usage.total_tokens > 4
        for ids in ([1, 2], [[1, 2], [3]]):
            with pytest.raises(openai.BadRequestError, match=r"token ids.*check_embedding_ctx_length=False"):
                client.embeddings.create(model="tiny", input=ids)
        with pytest.raises(openai.NotFoundError, match="no such model"):
            client.embeddings.create(model="text-embedding-3-small", input="a")
        with pytest.raises(openai.UnprocessableEntityError, match="no subword"):
            client.embeddings.create(model="tiny", input=["a", ""])
        assert [model.id for model in client.models.list()] == ["tiny"]
    with (
        openai.OpenAI(base_url=f"{url}/v1", api_key="wrong", max_retries=0) as client,
        pytest.raises(openai.AuthenticationError),
    ):
        client.embeddings.create(model="tiny", input="a")


def test_the_client_of_hugging_face(url: str, embedder: WordEmbedder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)  # it takes this machine for the network
    client = InferenceClient(url, token=KEY)
    found = client.feature_extraction(TEXTS[0])
    np.testing.assert_allclose(np.ravel(found), text_vector(embedder, TEXTS[0]), atol=1e-5)
    raw = np.ravel(client.feature_extraction("bank " * 99, normalize=False, truncate=True))
    cut = embedder.encode(["bank " * 62], spans=[[(0, 62 * 5 - 1)]]).vectors[0]  # 64 positions, two of them special
    np.testing.assert_allclose(raw, cut, atol=1e-5)


def test_the_address_has_to_be_free_and_known() -> None:
    with listen("127.0.0.1", 0) as taken:
        taken.listen()
        assert url_of(taken) == f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(InputError, match=r"cannot be used .*choose another port"):
            listen("127.0.0.1", taken.getsockname()[1])
    with pytest.raises(InputError, match=r"cannot be used .*choose another address"):
        listen("no host has this name", 0)
