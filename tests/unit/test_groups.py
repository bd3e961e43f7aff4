"""A stream of documents is embedded in groups whose vectors memory affords."""

from __future__ import annotations

import numpy as np
import pytest

from families import build
from wordstates import WordEmbedder
from wordstates.documents.document import Document
from wordstates.runs import groups
from wordstates.runs.groups import GroupRun, group_characters, in_groups

TEXT = "The river runs past the old mill and the lake."
DIM, BLOCKS = 32, 4


@pytest.mark.parametrize(
    ("layers", "words_afforded", "characters"),
    [
        ("-1", 100_000, 200_000),  # more would only take memory
        ("-1", 10_000, 50_000),
        ("0:", 10_000 * (BLOCKS + 1), 50_000),
        ("-1", 100, 20_000),  # fewer would not feed the threads
    ],
)
def test_a_group_is_as_large_as_its_vectors_allow(
    monkeypatch: pytest.MonkeyPatch, layers: str, words_afforded: int, characters: int
) -> None:
    embedder = WordEmbedder(*build("bert"), layers=layers, layer_pooling="concat")
    monkeypatch.setattr(groups, "_GROUP_BYTES", words_afforded * DIM * 4)
    assert group_characters(embedder) == characters


def test_a_group_is_full_with_so_many_characters() -> None:
    documents = [Document(text, text) for text in ("aa", "b", "c", "dddd", "e")]
    grouped = [[document.id for document in group] for group in in_groups(documents, 3)]
    assert grouped == [["aa", "b"], ["c", "dddd"], ["e"]]


def test_the_size_of_groups_changes_no_vector(monkeypatch: pytest.MonkeyPatch) -> None:
    embedder = WordEmbedder(*build("bert"))
    documents = [Document(str(number), TEXT) for number in range(6)]
    expected = embedder.encode(TEXT).vectors
    monkeypatch.setattr(groups, "_FEWEST_CHARACTERS", 1)
    monkeypatch.setattr(groups, "_GROUP_BYTES", expected.nbytes)
    run = GroupRun(embedder)
    embedded = list(run.over(documents))
    assert [[document.id for document in piece.documents] for piece in embedded] == [["0", "1"], ["2", "3"], ["4", "5"]]
    for piece in embedded:
        for text in piece.embeddings:
            np.testing.assert_allclose(text.vectors, expected, atol=1e-6)
    assert not run.rejects
    assert run.counts.texts == 6
    assert run.counts.words == 6 * len(expected)


def test_a_session_says_where_the_words_of_all_its_texts_come_from() -> None:
    embedder = WordEmbedder(*build("bert"))
    given, raw = Document("given", TEXT, spans=((0, 3),)), Document("raw", TEXT)
    for documents, splitter in (
        ([given], "given"),
        ([raw], "unicode"),
        ([given, raw], "unicode"),
        ([raw, given], "unicode"),
    ):
        run = GroupRun(embedder, most=1)
        assert [len(piece.embeddings.words) for piece in run.over(documents)] == [
            1 if each is given else 11 for each in documents
        ]
        assert run.provenance["splitter"] == splitter
    run = GroupRun(embedder, splitter="targets")
    assert [piece.embeddings.provenance["splitter"] for piece in run.over([given])] == ["targets"]
    assert run.provenance["splitter"] == "targets"


def test_spans_of_a_document_are_checked_once_and_a_wrong_one_rejects_it() -> None:
    run = GroupRun(WordEmbedder(*build("bert")))
    wrong = Document("wrong", TEXT, spans=((0, 999),))
    assert [[each.id for each in piece.documents] for piece in run.over([Document("good", TEXT), wrong])] == [["good"]]
    assert [reject.document for reject in run.rejects] == ["wrong"]
