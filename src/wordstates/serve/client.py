"""A server as an embedder: the same `encode` and `find`, over Arrow, and all that runs ask of an embedder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from wordstates.encode.inputs import Inputs, Table, Texts, as_texts, find_inputs, read_inputs
from wordstates.encode.protocols import TextPart
from wordstates.errors import InputError, without_foreign_errors
from wordstates.files.load import from_table
from wordstates.json_text import read_json, with_new_names
from wordstates.options import EmbedderOptions, LayerPooling, LayersLike, SubwordPooling
from wordstates.progress import progress
from wordstates.recipe import Recipe, check_names
from wordstates.result.found_usages import Usages
from wordstates.result.rows import column_names
from wordstates.result.word_embeddings import WordEmbeddings
from wordstates.serve.connection import Connection
from wordstates.text.targets import Target, TargetFinder
from wordstates.text.words import Spans, WordSplitter, as_spans, word_splitter

_MOST_CHARACTERS, _MOST_TEXTS = 16_384, 512  # of a request: about a turn of the server
_AT_ONCE = 3  # requests of a call: one is computed while another is answered, and a third waits
_UNSPLIT = as_spans([(0, 0)])  # stands for the words of a text that the server splits


def connect(url: str, **options: Any) -> RemoteEmbedder:
    """Connect to a server that `wordstates serve` started.

    Args:
        url: Its address, as ``http://127.0.0.1:8000``.
        options: Those of `RemoteEmbedder`.

    Raises:
        ModelNotFoundError: If no server answers there.
        InputError: If it refuses: the key is missing, or there is no such model.
    """
    return RemoteEmbedder(url, **options)


@dataclass(frozen=True)
class _Facts:
    """What a server says of vectors: where they come from, and the shape of one of each recipe."""

    provenance: dict[str, Any]
    shapes: dict[str, tuple[int, ...]]


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
        words: How raw text is split, as in `WordEmbedder`; None: as the server was told to.
        punctuation: Keep punctuation as words of its own, where `words` says how texts are split.
        long_texts: ``window`` or ``truncate``, as in `WordEmbedder`.
        key: The key that the server asks for; default what the environment has as ``WORDSTATES_API_KEY``.
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
        splitter: object = None,
        punctuation: bool = True,
        long_texts: Literal["window", "truncate"] = "window",
        key: str | None = None,
        timeout: float = 120.0,
    ) -> None:
        self.recipes = check_names(recipes if recipes is not None else [Recipe(layers, layer_pooling, subword_pooling)])
        if long_texts not in ("window", "truncate"):
            raise InputError(f"long_texts={long_texts!r}: a server knows window and truncate.")
        self._connection = Connection(url, key, timeout)
        found = {each["id"]: each for each in read_json(self._connection.ask("/v1/models"))["data"]}
        self.models = [*found]
        self.model = self.models[0] if model is None else model
        if self.model not in found:
            there = ", ".join(map(repr, found))
            raise InputError(f"There is no such model at {self._connection.url}: {model!r}; there are {there}.")
        self.n_blocks: int = found[self.model]["blocks"]
        self.splitter = _AT_THE_SERVER
        if splitter is not None:
            self.splitter = word_splitter(splitter, punctuation=punctuation).keeping(found[self.model]["read_whole"])
        self._asked = {
            "model": self.model,
            "recipes": [recipe.to_dict() for recipe in self.recipes],
            "truncate": long_texts == "truncate",
        }

    def __repr__(self) -> str:
        return f"RemoteEmbedder({self._connection.url!r}, model {self.model!r})"

    @property
    def vector_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of one vector of each recipe."""
        return self._facts.shapes

    @property
    def provenance(self) -> dict[str, Any]:
        """Where the vectors come from, as the server says; it is asked once."""
        return self._facts.provenance

    @property
    def causal(self) -> bool:
        """True if the model reads left to right, so that a word's vector knows only what stands before it."""
        return str(self.provenance["context"]).startswith("left")

    @cached_property
    def _facts(self) -> _Facts:
        body = {**self._asked, "texts": ["a"], "spans": [[[0, 1]]]}
        schema = pa.ipc.open_stream(self._connection.ask("/v1/words", body)).schema
        names = [recipe.name for recipe in self.recipes]
        shapes = [tuple(read_json(schema.field(column).metadata[b"shape"])) for column in column_names(names)]
        told = with_new_names(read_json(schema.metadata[b"wordstates"]))
        return _Facts(told | {"splitter": self.splitter.name}, dict(zip(names, shapes, strict=True)))

    def split(self, texts: Sequence[str]) -> list[Spans]:
        """Find the words of raw texts as `encode` does: char spans, an array of shape (words, 2) for each text."""
        if self.splitter is _AT_THE_SERVER:
            raise InputError("This server splits texts itself: give splitter=..., as splitter='unicode'.")
        return self.splitter.split(as_texts(texts))

    def subwords(self, text: str) -> dict[str, Any]:
        """Say how a text splits into words and subwords, as `/v1/subwords` does; the model does not run.

        Returns:
            ``words``, ``aligned_by``, the number of ``subwords``, those ``in_no_word``, and the ``special_tokens``.
        """
        inputs = read_inputs(text, None, None, self.splitter)
        body = {"model": self.model, "texts": inputs.texts, "spans": _spans(inputs.spans)}
        found = read_json(self._connection.ask("/v1/subwords", body))
        return {**found["texts"][0], "special_tokens": found["special_tokens"]}

    def session(self, characters: float = 0.0) -> RemoteSession:
        """Begin many calls, several of them on their way at a time."""
        return RemoteSession(self._connection, self._asked, self.splitter, lambda: self._facts)

    def encode(
        self,
        texts: Texts | Table,
        *,
        words: Sequence[str] | Sequence[Sequence[str]] | None = None,
        spans: Sequence[Any] | None = None,
        word: str | None = None,
        group: str | Sequence[str] | None = None,
        show_progress: bool = False,
        on_progress: Callable[[int], object] | None = None,
    ) -> WordEmbeddings:
        """Give the vectors of the words of texts; all is as in `WordEmbedder.encode`.

        Raises:
            InputError: If the texts are no texts, or the server refuses them.
            SpanError: If a span lies outside its text, or a given word is not in it.
            NonFiniteError: If the model gives NaN or infinity.
            WorkerError: If the server fails, or stays too busy.
        """
        inputs = read_inputs(texts, words, spans, self.splitter, word=word, group=group)
        return self._encoded(inputs, "words", show_progress, on_progress)

    def find(
        self,
        texts: str | Sequence[str],
        targets: Sequence[Target],
        *,
        ignore_case: bool = True,
        match_exactly: bool = False,
        missing: str = "error",
        show_progress: bool = False,
        on_progress: Callable[[int], object] | None = None,
    ) -> Usages:
        """Give every usage of words and phrases; all is as in `WordEmbedder.find`. Usages are looked for here.

        Raises:
            InputError: If a target is empty, or the texts are no texts.
            TargetNotFoundError: If a target occurs nowhere.
            WorkerError: If the server fails, or stays too busy.
        """
        finder = TargetFinder(targets, ignore_case=ignore_case, match_exactly=match_exactly)
        inputs, index = find_inputs(texts, finder, missing)
        return Usages(self._encoded(inputs, "usages", show_progress, on_progress), tuple(finder.names), index)

    def _encoded(
        self, inputs: Inputs, unit: str, shown: bool, listener: Callable[[int], object] | None
    ) -> WordEmbeddings:
        with progress(shown, listener, inputs.n_words, unit) as advance:
            return self.session().begin(inputs).result(advance)


@without_foreign_errors
class RemoteSession:
    """Calls to one server.

    Args:
        connection: The server.
        asked: What every request asks for.
        splitter: Finds the words of raw texts.
        facts: Says where the vectors come from.
    """

    def __init__(
        self, connection: Connection, asked: dict[str, Any], splitter: WordSplitter, facts: Callable[[], _Facts]
    ) -> None:
        self._connection = connection
        self._asked = asked
        self._splitter = splitter
        self._facts = facts
        self._splitters: set[str] = set()

    @property
    def provenance(self) -> dict[str, Any]:
        """Where the vectors of all calls so far come from."""
        (splitter,) = self._splitters if len(self._splitters) == 1 else [self._splitter.name]
        return self._facts().provenance | {"splitter": splitter}

    def read(self, texts: Sequence[str], spans: Sequence[Any] | None = None) -> Inputs:
        """Check texts and spans of their words; split the texts for which these are None."""
        return read_inputs(texts, None, spans, self._splitter)

    def begin(self, inputs: Inputs, *, idle: bool = True) -> RemotePending:
        """Send the texts, some requests at a time."""
        self._splitters.add(inputs.splitter)
        return RemotePending(inputs, self._connection, self._asked)

    def parts(self, text: str, spans: Any = None, *, most: int, splitter: str | None = None) -> Iterator[TextPart]:
        """Begin to embed a long text: all of it, as one request has a text whole."""
        inputs = self.read([text], [spans])
        yield TextPart(0, True, self.begin(Inputs(inputs.texts, inputs.spans, splitter or inputs.splitter)))


@without_foreign_errors
class RemotePending:
    """Embeddings that a server is computing; `result` waits for them.

    Args:
        inputs: The texts and their words.
        connection: The server.
        asked: What every request asks for.
    """

    def __init__(self, inputs: Inputs, connection: Connection, asked: dict[str, Any]) -> None:
        self._inputs = inputs
        self._connection = connection
        self._asked = asked
        self._stretches = [*_stretches(inputs.texts)]
        pool = ThreadPoolExecutor(_AT_ONCE, "wordstates-server")
        self._answers = [pool.submit(self._tables, first, last) for first, last in self._stretches]
        pool.shutdown(wait=False)

    @property
    def n_words(self) -> int:
        """Number of words of all texts."""
        return self._inputs.n_words

    def result(self, advance: Callable[[int], object] = lambda _: None) -> WordEmbeddings:
        """Wait for the embeddings.

        Args:
            advance: Called after each answer with the number of words it gave.
        """
        tables: list[pa.Table] = []
        try:
            for (first, last), answer in zip(self._stretches, self._answers, strict=True):
                tables += answer.result()
                advance(sum(map(len, self._inputs.spans[first:last])))
        except BaseException:
            self.abandon()
            raise
        return _embeddings(tables, self._inputs)

    def abandon(self) -> None:
        """Send no more requests."""
        for answer in self._answers:
            answer.cancel()

    def _tables(self, first: int, last: int) -> list[pa.Table]:
        return [
            _numbered(pa.ipc.open_stream(answer).read_all(), number)
            for number, answer in self._connection.ask_for_texts("/v1/words", self._body, first, last)
        ]

    def _body(self, first: int, last: int) -> dict[str, Any]:
        inputs = self._inputs
        return {**self._asked, "texts": inputs.texts[first:last], "spans": _spans(inputs.spans[first:last])}


def _spans(spans: Sequence[Spans]) -> list[Any]:
    """Give the words of texts as a request has them."""
    return [None if each is _UNSPLIT else each.tolist() for each in spans]


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


def _numbered(table: pa.Table, first: int) -> pa.Table:
    """Number the texts of an answer on."""
    documents = [str(first + int(number)) for number in table["document"].to_pylist()]
    return table.set_column(0, "document", pa.array(documents, pa.string()))


def _embeddings(tables: Sequence[pa.Table], inputs: Inputs) -> WordEmbeddings:
    """Put the answers together."""
    if not tables:
        raise InputError("No text given: a server is asked for one at least.")
    provenance = with_new_names(read_json(tables[0].schema.metadata[b"wordstates"]))
    if inputs.splitter != _AT_THE_SERVER.name:
        provenance["splitter"] = inputs.splitter
    reading = Counter[str]()
    for table in tables:
        reading.update(read_json(table.schema.metadata[b"wordstates_reading"]))
    table = pa.concat_tables([table.replace_schema_metadata(None) for table in tables])
    firsts = table
    if "subword" in table.column_names:
        firsts = table.filter(pa.array(table["subword"].fill_null(0).to_numpy() == 0))
    ids = [id_ for ids in firsts["subword_ids"].to_pylist() for id_ in ids]
    pieces = [piece for pieces in firsts["pieces"].to_pylist() for piece in pieces]
    saved = {
        "texts": [*inputs.texts],
        "of_words": inputs.single,
        "subword_ids": np.array(ids, dtype=np.int64),
        "vocabulary": dict(zip(ids, pieces, strict=True)),
        "reading": dict(reading),
    }
    return from_table(table, provenance, saved)
