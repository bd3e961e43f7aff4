"""A stream of documents is embedded in groups whose vectors memory affords."""

from __future__ import annotations

import numpy as np
import pytest

from families import build
from wordstates import WordEmbedder
from wordstates.documents.document import Document
from wordstates.runs import groups
from wordstates.runs.groups import Reject, embed_groups, group_characters, in_groups, spans_of

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
    assert list(in_groups(["aa", "b", "c", "dddd", "e"], str, 3)) == [["aa", "b"], ["c", "dddd"], ["e"]]


def test_the_size_of_groups_changes_no_vector(monkeypatch: pytest.MonkeyPatch) -> None:
    embedder = WordEmbedder(*build("bert"))
    documents = [Document(str(number), TEXT) for number in range(6)]
    expected = embedder.encode(TEXT).vectors
    monkeypatch.setattr(groups, "_FEWEST_CHARACTERS", 1)
    monkeypatch.setattr(groups, "_GROUP_BYTES", expected.nbytes)
    rejects: list[Reject] = []
    embedded = list(
        embed_groups(embedder, documents, lambda each: each, lambda group: spans_of(embedder, group), rejects)
    )
    assert [[document.id for document in group] for group, _ in embedded] == [["0", "1"], ["2", "3"], ["4", "5"]]
    for _, part in embedded:
        for text in part:
            np.testing.assert_allclose(text.vectors, expected, atol=1e-6)
    assert not rejects
