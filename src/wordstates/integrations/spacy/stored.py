"""What a `Doc` keeps: plain arrays and strings, which spaCy carries through bytes, files and processes as they are."""

from __future__ import annotations

from typing import Any

import numpy as np
from spacy.attrs import IDX, LENGTH
from spacy.tokens import Doc, Span, Token

from wordstates.errors import InputError
from wordstates.json_text import read_json, with_new_names
from wordstates.recipe import Recipe
from wordstates.result.column import Column
from wordstates.result.word_embeddings import WordEmbeddings
from wordstates.text.align import STATUSES
from wordstates.text.words import Spans
from wordstates.wording import counted

NAME = "wordstates"  # of the extension, and of the factory
# Where spaCy keeps the value of an extension of a Doc; it leaves such values out, quietly, where they cannot go along.
KEY: Any = ("._.", NAME, None, None)


def spans_of(doc: Doc) -> Spans:
    """Give the char span of every token, white space tokens included."""
    starts, lengths = doc.to_array([IDX, LENGTH]).reshape(-1, 2).astype(np.int64).T
    return np.stack([starts, starts + lengths], axis=1)


def keep(doc: Doc, words: WordEmbeddings, provenance: str) -> None:
    """Put the words of a doc into its user data.

    Everything is copied: what a doc keeps is its own, and holds no batch alive.

    Args:
        doc: The doc.
        words: A word a token, as a text of its own.
        provenance: Their provenance as JSON; docs share the string.
    """
    codes = words.status_codes.tolist()
    doc.user_data[KEY] = {
        "provenance": provenance,
        "statuses": [STATUSES[code] for code in codes],
        "subword_ids": words.subword_ids.copy(),
        "subword_starts": words.subword_starts.copy(),
        "pieces": [words.vocabulary[index] for index in words.subword_ids.tolist()],
        "vectors": {name: column.values.copy() for name, column in words.columns.items()},
        "row_words": {
            name: column.row_words.copy() for name, column in words.columns.items() if column.row_words is not None
        },
        "numbers": {name: values.copy() for name, values in words.numbers.items()},
    }


def is_kept(doc: Doc) -> bool:
    """Tell whether a doc has been through the component."""
    return KEY in doc.user_data


def first_vectors(doc: Doc) -> np.ndarray:
    """Give the vectors of the first recipe, a row a token: what `doc.tensor` is."""
    values: np.ndarray = next(iter(_data(doc)["vectors"].values()))
    return values


def statuses(doc: Doc) -> list[str]:
    """Give the status of every token."""
    return list(_data(doc)["statuses"])


def words_of_doc(doc: Doc) -> WordEmbeddings:
    """Give the tokens of a doc as words.

    Raises:
        InputError: If tokens were merged or split since.
    """
    data = _data(doc)
    provenance = with_new_names(read_json(data["provenance"]))
    ids = data["subword_ids"]
    columns = {
        recipe["name"]: Column(
            Recipe(recipe["layers"], recipe["layer_pooling"], recipe["subword_pooling"], name=recipe["name"]),
            tuple(recipe["layer_numbers"]),
            data["vectors"][recipe["name"]],
            data["row_words"].get(recipe["name"]),
        )
        for recipe in provenance["recipes"]
    }
    return WordEmbeddings(
        texts=(doc.text,),
        words=[token.text for token in doc],
        spans=spans_of(doc),
        status_codes=np.array([STATUSES.index(status) for status in data["statuses"]], dtype=np.uint8),
        text_starts=np.array([0, len(doc)]),
        subword_ids=ids,
        subword_starts=data["subword_starts"],
        columns=columns,
        numbers=data["numbers"],
        provenance=provenance,
        vocabulary=dict(zip(ids.tolist(), data["pieces"], strict=True)),
        of_words=True,
    )


def words_of_span(span: Span) -> WordEmbeddings:
    """Give the tokens of a span as words."""
    return words_of_doc(span.doc)[span.start : span.end]


def word_of_token(token: Token) -> WordEmbeddings:
    """Give a token as the only word."""
    return words_of_doc(token.doc)[token.i]


def status_of_token(token: Token) -> str:
    """Give the status of a token."""
    return statuses(token.doc)[token.i]


def _data(doc: Doc) -> dict[str, Any]:
    data: dict[str, Any] = doc.user_data[KEY]
    if len(data["statuses"]) != len(doc):
        raise InputError(
            f"The doc has {counted(len(doc), 'token')}, and {len(data['statuses'])} of them were read by the component "
            f"{NAME!r}: tokens were merged or split since. Put the component after the one that does that."
        )
    return data
