"""The component of a spaCy pipeline: `nlp.add_pipe("wordstates", config={"model": ..., "layers": "-4:"})`."""

from __future__ import annotations

import inspect
import json
import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.pipeline import Pipe
from spacy.tokens import Doc, Span, Token

from wordstates.embedder import WordEmbedder
from wordstates.encode.pending import PendingEmbeddings
from wordstates.encode.session import Session
from wordstates.errors import ModelError, RecipeError, WordstatesError
from wordstates.integrations.spacy import hooks, stored
from wordstates.integrations.spacy.stored import NAME
from wordstates.json_text import read_json
from wordstates.options import MODEL, EmbedderOptions
from wordstates.recipe import Recipe
from wordstates.result.word_embeddings import WordEmbeddings

_DEFAULTS: dict[str, Any] = {
    "model": MODEL,
    **{each.name: each.default for each in fields(EmbedderOptions) if each.name not in ("splitter", "punctuation")},
    "recipes": None,
    "post_processing": None,
    "surprisal": False,
    "left_subwords": False,
}
_FILE = f"{NAME}.json"
_WHO = ("model", "weights", "tokenizer", "recipes", "post_processing", "precision", "window", "overlap", "long_texts")


class WordstatesPipe(Pipe):
    """Gives every token of a doc its vector.

    `doc.tensor` has the vectors of the first recipe, a row a token, so that ``token.vector``, ``span.vector`` and
    ``doc.vector`` give them; ``doc._.wordstates`` has all of them, as `WordEmbeddings` of a text whose words are the
    tokens. A token without a vector is a row of NaN, and ``token._.wordstates_status`` says why.

    Args:
        embedder: Gives the vectors.
        name: Name of the component in its pipeline.

    Raises:
        RecipeError: If the first recipe has no flat vector for each word.
    """

    def __init__(self, embedder: WordEmbedder, name: str = NAME) -> None:
        first = embedder.recipes[0]
        if first.subword_pooling == "none" or first.layer_pooling == "none":
            raise RecipeError(
                f"The first recipe of the component, {first.name!r}, has no flat vector for each token, which "
                "token.vector has to be: put another one before it, or choose another layer_pooling or subword_pooling."
            )
        self.embedder = embedder
        self.name = name

    def __call__(self, doc: Doc) -> Doc:
        """Give a doc its vectors, in place."""
        return self._keep([doc], self._submit(self.embedder, [doc]))[0]

    def pipe(self, stream: Iterable[Doc], *, batch_size: int = 128) -> Iterator[Doc]:
        """Give docs their vectors, many of them at a time: while one batch is computed, the next is made.

        Args:
            stream: The docs.
            batch_size: Docs in a batch, as ``nlp.pipe(..., batch_size=...)`` has it.

        Yields:
            The docs in order; those of a batch that fails are read one by one, and those that fail alone go to the
            error handler of the pipeline.
        """
        source = iter(stream)
        session: Session | None = None
        waiting: deque[tuple[list[Doc], PendingEmbeddings | Exception]] = deque()
        while docs := list(islice(source, batch_size)):
            if session is None:  # a stream that ends within the first batch need not wait for the fastest engine
                whole = len(docs) < batch_size
                session = self.embedder.session(sum(len(doc.text) for doc in docs) if whole else math.inf)
            waiting.append((docs, self._tried(partial(self._submit, session, docs))))
            if len(waiting) > 1:
                yield from self._finish(*waiting.popleft())
        for each in waiting:
            yield from self._finish(*each)

    def _submit(self, reader: WordEmbedder | Session, docs: Sequence[Doc]) -> PendingEmbeddings:
        return reader.submit([doc.text for doc in docs], spans=[stored.spans_of(doc) for doc in docs])

    def _tried(self, step: Callable[[], Any]) -> Any:
        try:
            return step()
        except WordstatesError as error:
            return error

    def _finish(self, docs: list[Doc], pending: PendingEmbeddings | Exception) -> Iterator[Doc]:
        done = pending if isinstance(pending, Exception) else self._tried(partial(self._keep, docs, pending))
        if not isinstance(done, Exception):
            yield from done
            return
        for doc in docs:
            try:
                if len(docs) == 1:
                    raise done
                yield self(doc)
            except WordstatesError as error:
                self.get_error_handler()(self.name, self, [doc], error)

    def _keep(self, docs: list[Doc], pending: PendingEmbeddings) -> list[Doc]:
        words: WordEmbeddings = pending.result()
        provenance = json.dumps({**words.provenance, "splitter": "spacy"})
        for index, doc in enumerate(docs):
            stored.keep(doc, words[index], provenance)
            hooks.install(doc)
        return docs

    # -- files, bytes and other processes ----------------------------------------------------------------------------

    def __reduce__(self) -> tuple[Any, ...]:
        return WordstatesPipe, (self.embedder, self.name)

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        """Say which model this is; the model itself is loaded again by the name in the config of the pipeline."""
        return json.dumps(self._who()).encode()

    def from_bytes(self, data: bytes, *, exclude: Iterable[str] = ()) -> WordstatesPipe:
        """Check that this is the model that the pipeline was saved with.

        Raises:
            ModelError: If it is another one.
        """
        self._check(read_json(data))
        return self

    def to_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> None:
        """Write which model this is, as `to_bytes`."""
        folder = Path(path)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _FILE).write_bytes(self.to_bytes())

    def from_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> WordstatesPipe:
        """Check that this is the model that the pipeline was saved with, as `from_bytes`."""
        return self.from_bytes((Path(path) / _FILE).read_bytes())

    def _who(self) -> dict[str, Any]:
        provenance = self.embedder.provenance
        return {part: provenance[part] for part in _WHO if part in provenance}

    def _check(self, saved: Mapping[str, Any]) -> None:
        here = read_json(self.to_bytes())
        other = [part for part in _WHO if part != "model" and saved.get(part) != here.get(part)]
        if other:
            raise ModelError(
                f"The pipeline was saved with another {' and '.join(other)} of {saved.get('model')!r} than component "
                f"{self.name!r} has now, so vectors would differ: put the old model back, or add the component anew."
            )


def _config_signature() -> inspect.Signature:
    """Give what spaCy reads of the factory: which settings there are."""
    by_name = inspect.Parameter.KEYWORD_ONLY
    settings = [
        inspect.Parameter(name, by_name, default=default, annotation=Any) for name, default in _DEFAULTS.items()
    ]
    places = [inspect.Parameter("nlp", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=Language)]
    places.append(inspect.Parameter("name", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=str))
    return inspect.Signature([*places, *settings])


def _make(nlp: Language, name: str, **settings: Any) -> WordstatesPipe:
    """Make the component from its settings in the config of a pipeline: the plain arguments of `WordEmbedder`."""
    recipes = settings.pop("recipes")
    if recipes is not None:
        if not isinstance(recipes, list) or not all(isinstance(each, Mapping) for each in recipes):
            raise RecipeError(
                f'recipes={recipes!r}: give a list of settings, as [{{"layers": "-4:"}}, {{"layers": 0}}].'
            )
        settings["recipes"] = [Recipe.from_json(json.dumps(recipe)) for recipe in recipes]
    return WordstatesPipe(WordEmbedder(**settings), name)


_make.__signature__ = _config_signature()  # type: ignore[attr-defined]
make_component = Language.factory(
    NAME,
    assigns=["doc.tensor", f"doc._.{NAME}", f"span._.{NAME}", f"token._.{NAME}", f"token._.{NAME}_status"],
    default_config=_DEFAULTS,
    func=_make,
)


def _words_of_doc(doc: Doc) -> WordEmbeddings | None:
    """Give the tokens as words, None before the component; a doc of another process gets its hooks again."""
    if not stored.is_kept(doc):
        return None
    if not hooks.is_connected(doc):
        hooks.install(doc)
    return stored.words_of_doc(doc)


def _after(getter: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda part: getter(part) if stored.is_kept(part.doc) else None


Doc.set_extension(NAME, getter=_words_of_doc, force=True)
Span.set_extension(NAME, getter=_after(stored.words_of_span), force=True)
Token.set_extension(NAME, getter=_after(stored.word_of_token), force=True)
Token.set_extension(f"{NAME}_status", getter=_after(stored.status_of_token), force=True)
