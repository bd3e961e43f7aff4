"""Texts and words as columns have them, languages that need a library, scripts without spaces."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from wordstates.encode.inputs import read_inputs
from wordstates.errors import InputError, SpanError
from wordstates.text.scripts import script_without_spaces
from wordstates.text.words import word_splitter

SPLITTER = word_splitter()
WORDS = [["New", "York"], ["is", "big"]]
FRAME = pd.DataFrame({"text": ["New York", "is big"], "words": WORDS}, index=[7, 3])


@pytest.mark.parametrize(
    "column",
    [
        WORDS,
        tuple(map(tuple, WORDS)),
        np.array(WORDS),
        np.array(WORDS, dtype=object),
        [np.array(words) for words in WORDS],
        FRAME["words"],
        FRAME["words"].map(np.array),
        pd.Series([pd.Series(words, index=[5, 1]) for words in WORDS]),
        [pd.array(words, dtype="string") for words in WORDS],
        pa.array(WORDS),
        pa.table({"words": WORDS})["words"],
        pl.Series(WORDS),
        [pl.Series(words) for words in WORDS],
    ],
    ids=[
        "lists",
        "tuples",
        "2-d",
        "2-d objects",
        "arrays",
        "series",
        "of arrays",
        "of series",
        "pandas",
        "arrow",
        "table",
        "polars",
        "of polars",
    ],
)
def test_columns_of_word_lists_are_given_words(column: Any) -> None:
    inputs = read_inputs(column, None, None, SPLITTER)
    assert (inputs.texts, inputs.splitter) == (["New York", "is big"], "given")
    assert [each.tolist() for each in inputs.spans] == [[[0, 3], [4, 8]], [[0, 2], [3, 6]]]
    located = read_inputs(FRAME["text"], column, None, SPLITTER)
    assert located.texts == inputs.texts
    assert [each.tolist() for each in located.spans] == [[[0, 3], [4, 8]], [[0, 2], [3, 6]]]


@pytest.mark.parametrize(
    "column", [FRAME["text"], FRAME["text"].to_numpy(), pa.array(FRAME["text"]), iter(FRAME["text"])]
)
def test_columns_of_texts_are_texts(column: Any) -> None:
    inputs = read_inputs(column, None, None, SPLITTER)
    assert (inputs.texts, inputs.splitter) == (["New York", "is big"], "unicode")


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (FRAME, "Of a table, give the column of texts"),
        (pa.table({"text": ["a"]}), "Of a table, give the column of texts"),
        (np.array("New York"), "Texts are a string, a list of strings"),
        (["a", None], "Text 1 is of type NoneType: it is missing"),
        (pd.Series(["a", float("nan")], dtype=object), "Text 1 is of type float: it is missing"),
        (pa.array(["a", None]), "Text 1 is of type NoneType: it is missing"),
        (pd.Series(["a", None], dtype="string"), "Text 1 is of type NAType: it is missing"),
        (["a", pd.NaT], "Text 1 is of type NaTType: it is missing"),
        (["a", np.array([1.0, 2.0])], "Text 1 is of type list: every text is a string"),
        (["a", ["b"]], "Text 1 is of type list: every text is a string, or every text is a list of words"),
        (np.array([1, 2]), "Text 0 is of type int: every text is a string"),
        (np.array([[1, 2]]), "Word 0 of the given words is 1, not a string"),
    ],
)
def test_what_is_no_text_is_told(texts: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_inputs(texts, None, None, SPLITTER)


def test_a_table_that_was_not_read_yet_is_told() -> None:
    with pytest.raises(InputError, match=r"collect\(\)"):
        read_inputs(pl.LazyFrame({"word": ["a"]}), None, None, SPLITTER, word="word")


@pytest.mark.parametrize(
    ("language", "needs"), [("th", "pythainlp"), ("ja", "sudachipy"), ("ko", "natto-py"), ("vi", "pyvi")]
)
def test_a_language_that_spacy_splits_with_another_library_says_which(language: str, needs: str) -> None:
    with pytest.raises(InputError, match=f"'spacy:{language}': .*not installed: pip install {needs}"):
        word_splitter(f"spacy:{language}")


def test_a_language_that_spacy_does_not_know_is_told() -> None:
    with pytest.raises(InputError, match="no installed spaCy pipeline and no language has this name"):
        word_splitter("spacy:lo")


@pytest.mark.parametrize("name", ["unicode", "whitespace"])
@pytest.mark.parametrize(
    ("text", "script", "use"),
    [
        ("วันนี้อากาศดีมาก", "Thai", "spacy:th"),
        ("ສະບາຍດີຊາວໂລກ", "Lao", "BreakIterator"),
        ("សួស្តីពិភពលោក", "Khmer", "BreakIterator"),
        ("မင်္ဂလာပါကမ္ဘာလောက", "Burmese", "BreakIterator"),
        ("今天天气很好，我们去河边走走吧。", "Chinese", "jieba"),
        ("東京の図書館で本を三冊読みました。", "Japanese", "spacy:ja"),
        ("コーヒー", "Japanese", "spacy:ja"),
    ],
)
def test_scripts_without_spaces_are_told_once(name: str, text: str, script: str, use: str) -> None:
    splitter = word_splitter(name)
    splitter.split(["Plain words, café."])
    with pytest.warns(UserWarning, match=f"written in {script}, without spaces between words: .*{use}"):
        splitter.split([text, "a"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        splitter.split([text])


@pytest.mark.parametrize(
    "text", ["", "...", "한국어 문장입니다", "Tôi yêu Việt Nam", "आज मौसम", "He went to 東京 today.", "Αθήνα"]
)
def test_scripts_with_spaces_are_not_told(text: str) -> None:
    assert script_without_spaces([text]) is None


@pytest.mark.parametrize(
    "given", [[{(0, 1)}], [[{0, 1}]], [{0: 1}], {0: 1}, {(0, 1)}, 3, iter([[(0, 1)]]), [[(0, 10**5000)]]]
)
def test_spans_without_an_order_or_an_end(given: object) -> None:
    with pytest.raises((InputError, SpanError)):
        read_inputs(["a bank"], None, given, SPLITTER)
