"""What a run remembers of the texts it has read."""

from __future__ import annotations

import numpy as np
import pytest

from families import build
from wordstates import Recipe, WordEmbedder, WordEmbeddings
from wordstates.encode.session import Session

TEXT, OTHER = "The old mill, near the lake.", "A bank of sand."


@pytest.fixture(scope="module")
def bert() -> WordEmbedder:
    return WordEmbedder(*build("bert"))


def call(session: Session, *texts: str) -> WordEmbeddings:
    return session.encode(texts)


def repeated(embeddings: WordEmbeddings) -> int:
    return int(embeddings.reading["repeated_windows"])


def test_a_text_met_twice_is_not_read_a_third_time(bert: WordEmbedder) -> None:
    session = bert.session(0)
    first = call(session, TEXT, OTHER)
    assert repeated(call(session, TEXT)) == 0
    told: list[int] = []
    third = session.submit(["Something new.", TEXT, OTHER]).result(told.append)
    assert repeated(third) == 1
    assert sum(told) == len(third.words)
    np.testing.assert_allclose(third[1].vectors, first[0].vectors, atol=1e-5)
    np.testing.assert_allclose(third[2].vectors, first[1].vectors, atol=1e-5)


def test_a_text_remembered_keeps_no_other_from_being_remembered(bert: WordEmbedder) -> None:
    session = bert.session(0)
    for texts in ((TEXT,), (TEXT,), (OTHER,), (TEXT, OTHER)):
        call(session, *texts)
    assert repeated(call(session, OTHER)) == 1


def test_other_words_of_a_text_are_not_taken_for_those_remembered(bert: WordEmbedder) -> None:
    session = bert.session(0)
    for _ in range(2):
        whole = call(session, TEXT)
    part = session.submit([TEXT], spans=[[(4, 12)]]).result()
    assert repeated(part) == 0
    expected = bert.encode([TEXT], spans=[[(4, 12)]])
    np.testing.assert_allclose(part.vectors, expected.vectors, atol=1e-5)
    assert repeated(call(session, TEXT)) == 1
    assert len(whole.words) > 1


def test_every_recipe_is_remembered() -> None:
    recipes = [Recipe("-1"), Recipe("0:", "concat", "first"), Recipe("0", subword_pooling="none")]
    embedder = WordEmbedder(*build("bert"), recipes=recipes)
    session = embedder.session(0)
    expected = embedder.encode([OTHER, TEXT + " Unbelievably so."])
    for times in range(3):
        found = call(session, OTHER, TEXT + " Unbelievably so.")
        assert repeated(found) == (2 if times == 2 else 0)
    for name in expected.columns:
        np.testing.assert_allclose(found.columns[name].values, expected.columns[name].values, atol=1e-5)


def test_memory_is_bounded_and_the_longest_unused_goes_first(
    bert: WordEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two, three = (TEXT.replace("The", other, 1) for other in ("One", "Two", "Red"))
    monkeypatch.setattr("wordstates.encode.window_cache._MOST_BYTES", 2 * bert.encode(one).vectors.nbytes)
    session = bert.session(0)
    for _ in range(2):
        call(session, one, two)
    assert repeated(call(session, one)) == 1
    for _ in range(2):
        call(session, three)
    assert [repeated(call(session, text)) for text in (three, one, two)] == [1, 1, 0]


def test_texts_met_once_are_forgotten_in_time(bert: WordEmbedder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wordstates.encode.window_cache._MOST_ONCE", 2)
    session = bert.session(0)
    call(session, "One.", "Two.", "Three.")
    assert len(session._cache._once) == 1
