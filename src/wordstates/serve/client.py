"""A server as an embedder: the same `encode` and `find`, over Arrow."""

from __future__ import annotations

import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from wordstates import errors
from wordstates.encode.inputs import Table, Texts, as_texts, read_inputs
from wordstates.errors import InputError, ModelNotFoundError, WorkerError, without_foreign_errors
from wordstates.files.load import from_table
from wordstates.json_text import read_json
from wordstates.options import EmbedderOptions, LayerPooling, LayersLike, SubwordPooling
from wordstates.recipe import Recipe, check_names
from wordstates.result.found_usages import Usages
from wordstates.result.word_embeddings import WordEmbeddings
from wordstates.text.targets import Target, TargetFinder
from wordstates.text.words import WordSplitter, as_spans

_ARROW = "application/vnd.apache.arrow.stream"
_MOST_CHARACTERS, _MOST_TEXTS, _TRIES = 65_536, 512, 8
_UNSPLIT = as_spans([(0, 0)])  # stands for the words of a text that the server splits


def connect(url: str, **options: Any) -> RemoteEmbedder:
    """Connect to a server that `wordstates serve` started.

    Args:
        url: Its address, as ``http://127.0.0.1:8000``.
        options: Those of `RemoteEmbedder`.

    Raises:
        ModelNotFoundError: If nobody answers there.
        InputError: If it refuses: the key is missing, or there is no such model.
    """
    return RemoteEmbedder(url, **options)


@without_foreign_errors
class RemoteEmbedder:
    """Gives the vectors that a server computes; made by `connect`.

    Args:
        url: Address of the server.
        model: One of its models; default its first.
        layers: As in `WordEmbedder`.
        layer_pooling: As in `WordEmbedder`.
        subword_pooling: As in `WordEmbedder`.
        recipes: As in `WordEmbedder`.
        key: The key that the server asks for.
        timeout: Seconds to wait for an answer.
    """

    def __init__(
        self,
        url: str,
        *,
        model: str | None = None,
        layers: LayersLike = EmbedderOptions.layers,
        layer_pooling: LayerPooling = EmbedderOptions.layer_pooling,
        subword_pooling: SubwordPooling = EmbedderOptions.subword_pooling,
        recipes: Sequence[Recipe] | None = None,
        key: str | None = None,
        timeout: float = 120.0,
    ) -> None:
        if not url.startswith(("http://", "https://")):
            raise InputError(f"{url!r} is no address of a server: give one as 'http://127.0.0.1:8000'.")
        self._url = url.rstrip("/")
        self._key = key
        self._timeout = timeout
        self.recipes = check_names(recipes if recipes is not None else [Recipe(layers, layer_pooling, subword_pooling)])
        self.models = [each["id"] for each in read_json(self._ask("/v1/models", None))["data"]]
        self._model = model if model is not None else self.models[0]

    def __repr__(self) -> str:
        return f"RemoteEmbedder({self._url!r}, model {self._model!r})"

    def encode(
        self,
        texts: Texts | Table,
        *,
        words: Sequence[str] | Sequence[Sequence[str]] | None = None,
        spans: Sequence[Any] | None = None,
        word: str | None = None,
        group: str | Sequence[str] | None = None,
    ) -> WordEmbeddings:
        """Give the vectors of the words of texts; all is as in `WordEmbedder.encode`.

        Raises:
            InputError: If the texts are no texts, or the server refuses them.
            SpanError: If a span lies outside its text, or a given word is not in it.
            WorkerError: If the server fails, or stays too busy.
        """
        inputs = read_inputs(texts, words, spans, _AT_THE_SERVER, word=word, group=group)
        given = [None if each is _UNSPLIT else each.tolist() for each in inputs.spans]
        tables = [
            self._table("/v1/words", {"texts": inputs.texts[first:last], "spans": given[first:last]}, first)
            for first, last in _stretches(inputs.texts)
        ]
        return _embeddings(tables, inputs.texts, single=inputs.single)

    def find(
        self,
        texts: str | Sequence[str],
        targets: Sequence[Target],
        *,
        ignore_case: bool = True,
        match_exactly: bool = False,
        missing: str = "error",
    ) -> Usages:
        """Give every usage of words and phrases; all is as in `WordEmbedder.find`, without regular expressions.

        Raises:
            InputError: If a target is no string or empty, or the texts are no texts.
            TargetNotFoundError: If a target occurs nowhere.
            WorkerError: If the server fails, or stays too busy.
        """
        listed = as_texts(texts)
        finder = TargetFinder(targets, ignore_case=ignore_case, match_exactly=match_exactly)
        if not all(isinstance(target, str) for target in targets):
            raise InputError("A server looks for words and phrases: give regular expressions to a WordEmbedder.")
        if missing not in ("error", "ignore"):
            raise InputError(f"missing={missing!r} does not exist: choose 'error' or 'ignore'.")
        matching = {"match_case": not ignore_case, "match_exactly": match_exactly, "missing": "ignore"}
        tables = [
            self._table("/v1/find", {"texts": listed[first:last], "targets": finder.names, **matching}, first)
            for first, last in _stretches(listed)
        ]
        found = [name for table in tables for name in table["target"].to_pylist()]
        index = tuple(finder.names.index(name) for name in found)
        if missing == "error":
            finder.check_seen(set(index), [], "the texts")
        return Usages(_embeddings(tables, listed, single=False), tuple(finder.names), index)

    def _table(self, route: str, body: dict[str, Any], first: int) -> pa.Table:
        asked = {**body, "model": self._model, "recipes": [recipe.to_dict() for recipe in self.recipes]}
        table = pa.ipc.open_stream(self._ask(route, asked)).read_all()
        documents = [str(first + int(number)) for number in table["document"].to_pylist()]
        return table.set_column(0, "document", pa.array(documents, pa.string()))

    def _ask(self, route: str, body: dict[str, Any] | None) -> bytes:
        headers = {"accept": _ARROW, "content-type": "application/json"}
        if self._key is not None:
            headers["authorization"] = f"Bearer {self._key}"
        data = None if body is None else json.dumps(body).encode()
        for left in reversed(range(_TRIES)):
            request = urllib.request.Request(self._url + route, data, headers)
            try:
                with urllib.request.urlopen(request, timeout=self._timeout) as response:
                    answer: bytes = response.read()
                return answer
            except urllib.error.HTTPError as refused:
                with refused:
                    if refused.code != 429 or not left:
                        raise _told(refused) from None
                    wait = refused.headers.get("retry-after", "1")
                time.sleep(float(wait) if wait.isdigit() else 1.0)
            except (OSError, http.client.HTTPException) as error:
                raise ModelNotFoundError(
                    f"Nobody answers at {self._url} ({error}): is `wordstates serve` running there?"
                ) from error
        raise WorkerError(f"The server at {self._url} is too busy.")


def _told(refused: urllib.error.HTTPError) -> Exception:
    """Make the error that the server tells."""
    try:
        told = read_json(refused.read())["error"]
        message, code = str(told["message"]), str(told["code"])
    except (ValueError, KeyError, TypeError):
        message, code = f"The server answered {refused.code}.", ""
    kind = getattr(errors, code, None) if code.endswith("Error") else None
    if isinstance(kind, type) and issubclass(kind, InputError | errors.RecipeError):
        return kind(message)
    return InputError(message) if refused.code < 429 else WorkerError(message)


def _unsplit(texts: Sequence[str]) -> list[Any]:
    return [_UNSPLIT for _ in texts]


_AT_THE_SERVER = WordSplitter("server", _unsplit)


def _stretches(texts: Sequence[str]) -> Iterator[tuple[int, int]]:
    first, characters = 0, 0
    for index, text in enumerate(texts):
        if index > first and (characters + len(text) > _MOST_CHARACTERS or index - first == _MOST_TEXTS):
            yield first, index
            first, characters = index, 0
        characters += len(text)
    if texts:
        yield first, len(texts)


def _embeddings(tables: Sequence[pa.Table], texts: Sequence[str], *, single: bool) -> WordEmbeddings:
    """Put the answers together."""
    if not tables:
        raise InputError("No text given: a server is asked for one at least.")
    provenance = read_json(tables[0].schema.metadata[b"wordstates"])
    table = pa.concat_tables(tables)
    firsts = table
    if "subword" in table.column_names:
        firsts = table.filter(pa.array(table["subword"].fill_null(0).to_numpy() == 0))
    ids = [id_ for ids in firsts["subword_ids"].to_pylist() for id_ in ids]
    pieces = [piece for pieces in firsts["pieces"].to_pylist() for piece in pieces]
    saved = {
        "texts": [*texts],
        "of_words": single,
        "subword_ids": np.array(ids, dtype=np.int64),
        "vocabulary": dict(zip(ids, pieces, strict=True)),
    }
    return from_table(table, provenance, saved)
