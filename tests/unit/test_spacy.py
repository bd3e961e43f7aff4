"""The spaCy component: right vectors on tokens, and what files, bytes and processes keep of them."""

from __future__ import annotations

import gc
import pickle
import tomllib
import weakref
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import spacy
from spacy.tokens import Doc, DocBin
from spacy.vectors import Vectors

from families import save
from wordstates import Recipe, WordEmbedder
from wordstates.errors import InputError, ModelError, RecipeError
from wordstates.integrations.spacy import WordstatesPipe, make_component

TEXTS = [
    "The river runs past the old mill.\n\nNobody was reading.",
    "",
    "Great 👍🏽 fun, can't stop!",
    "The bank lends her the money; the other bank wouldn't.",
    " ".join(["In 1984 the well-known singer sang 27 songs."] * 20),  # longer than a window
]
# What spaCy says where hooks cannot go along: see docs/spacy.md.
hooks_stay_behind = pytest.mark.filterwarnings(r"ignore:\[W109\]:UserWarning")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save("bert", tmp_path_factory.mktemp("bert"))


@pytest.fixture
def nlp(folder: Path) -> Any:
    return piped(folder, layers="-2:")


def piped(folder: Path, **config: Any) -> Any:
    made = spacy.blank("en")
    made.add_pipe("wordstates", config={"model": str(folder), "engine": "torch", **config})
    return made


def encoded(folder: Path, doc: Doc, **options: Any) -> Any:
    spans = [(token.idx, token.idx + len(token)) for token in doc]
    return WordEmbedder(folder, engine="torch", **options).encode(doc.text, spans=spans)


def test_the_entry_point_is_the_factory() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    named = project["entry-points"]["spacy_factories"]["wordstates"]
    assert EntryPoint("wordstates", named, "spacy_factories").load() is make_component


# ---------------------------------------------------------------- the vectors


def test_tokens_have_the_vectors_of_encode(nlp: Any, folder: Path) -> None:
    """In one call or in batches, with white space tokens, emoji, contractions, and a text of several windows."""
    for docs in ([nlp(text) for text in TEXTS], list(nlp.pipe(TEXTS)), list(nlp.pipe(TEXTS, batch_size=2))):
        assert [doc.text for doc in docs] == TEXTS
        for doc in docs:
            if not len(doc):
                continue
            wanted = encoded(folder, doc, layers="-2:")
            assert np.allclose(doc.tensor, wanted.vectors, atol=1e-5, equal_nan=True)
            assert doc._.wordstates.statuses == wanted.statuses
            assert doc._.wordstates.subwords == wanted.subwords
            assert np.array_equal(doc._.wordstates.spans, wanted.spans)
            assert [token._.wordstates_status for token in doc] == wanted.statuses
    assert wanted.reading["long_texts"] == 1


def test_vectors_of_tokens_spans_and_docs(nlp: Any) -> None:
    doc = nlp("The bank lends money.")
    assert np.array_equal(doc[1].vector, doc.tensor[1])
    assert np.allclose(doc[1:3].vector, doc.tensor[1:3].mean(axis=0))
    assert np.allclose(doc.vector, doc.tensor.mean(axis=0))
    assert doc.has_vector
    assert doc[1].has_vector
    assert not {"vector", "has_vector"} & (doc.user_hooks.keys() | doc.user_token_hooks.keys())


def test_words_that_are_spelled_alike_are_compared_by_their_contexts(nlp: Any) -> None:
    """Left alone, spaCy calls two tokens of one spelling the same, and warns that there are no static vectors."""
    doc = nlp("The bank of the river; the bank lends money.")
    left, right = doc[1], doc[7]
    assert left.text == right.text
    wanted = float(left.vector @ right.vector / np.linalg.norm(left.vector) / np.linalg.norm(right.vector))
    assert left.similarity(right) == pytest.approx(wanted, abs=1e-6)
    assert wanted < 0.999
    assert doc[1:2].similarity(right) == pytest.approx(wanted, abs=1e-6)
    assert doc.similarity(doc[0:3]) < 0.999


def test_a_token_without_a_vector_is_no_part_of_a_mean(nlp: Any) -> None:
    doc = nlp(TEXTS[0])
    space = next(token for token in doc if token.is_space)
    assert space._.wordstates_status == "no_subwords"
    assert not space.has_vector
    assert np.isnan(space.vector).all()
    assert np.isnan(doc.tensor[space.i]).all()
    known = np.delete(doc.tensor, space.i, axis=0)
    assert np.allclose(doc.vector, known.mean(axis=0))
    around = doc[space.i - 1 : space.i + 1]
    assert np.allclose(around.vector, doc[space.i - 1].vector)
    assert around.vector_norm == pytest.approx(np.linalg.norm(around.vector))
    assert np.isnan(space.similarity(doc[0]))


def test_beside_static_vectors_the_contextual_ones_are_taken(folder: Path) -> None:
    """People lost token.vector where a pipeline had static vectors too."""
    nlp = piped(folder)
    nlp.vocab.vectors = Vectors(data=np.ones((1, 5), dtype=np.float32), keys=[nlp.vocab.strings.add("bank")])
    doc = nlp("The bank lends.")
    assert np.array_equal(doc[1].vector, doc.tensor[1])
    assert np.allclose(doc.vector, doc.tensor.mean(axis=0))
    assert np.allclose(doc[0:2].vector, doc.tensor[0:2].mean(axis=0))
    assert doc[0].has_vector


def test_a_mean_taken_before_is_forgotten(nlp: Any) -> None:
    doc = nlp.make_doc("The bank lends.")
    doc.tensor = np.ones((len(doc), 3), dtype=np.float32)
    assert doc.vector.shape == (3,)
    assert np.allclose(nlp(doc).vector, doc.tensor.mean(axis=0))


def test_every_recipe_is_there(folder: Path) -> None:
    recipes = [
        Recipe(-1, name="last"),
        Recipe("1:3", "concat", "first", name="low"),
        Recipe("0:", subword_pooling="none"),
    ]
    nlp = piped(folder, recipes=[recipe.to_dict() for recipe in recipes])
    doc = nlp(TEXTS[3])
    wanted = encoded(folder, doc, recipes=recipes)
    words = doc._.wordstates
    assert words.recipe_names == wanted.recipe_names
    assert np.array_equal(words.row_words("0:.mean.none"), wanted.row_words("0:.mean.none"))
    for name in words.recipe_names:
        assert np.allclose(words.column(name), wanted.column(name), atol=1e-5)
    assert np.array_equal(doc.tensor, words.recipe("last").vectors)
    assert doc[1]._.wordstates.recipe("low").vector.shape == (64,)
    assert doc[1:3]._.wordstates.words == ["bank", "lends"]
    assert words.provenance["recipes"] == wanted.provenance["recipes"]


def test_a_first_recipe_that_is_no_flat_vector_is_refused(folder: Path) -> None:
    for recipe in ({"layer_pooling": "none"}, {"subword_pooling": "none"}):
        with pytest.raises(RecipeError, match="no flat vector for each token"):
            piped(folder, recipes=[recipe])
    with pytest.raises(RecipeError, match="give a list of settings"):
        piped(folder, recipes={"layers": -1})


# ---------------------------------------------------------------- many docs


def test_no_doc_keeps_its_batch(nlp: Any) -> None:
    """As spacy-transformers did, whose slices held the states of all docs that were read together."""
    docs = list(nlp.pipe(TEXTS * 3))
    stored = docs[0].user_data["._.", "wordstates", None, None]
    arrays = [docs[0].tensor, stored["subword_ids"], stored["subword_starts"], *stored["vectors"].values()]
    assert all(array.base is None for array in arrays)
    last = weakref.ref(docs[-1].tensor)
    del docs[1:]
    gc.collect()
    assert last() is None


def test_docs_that_fail_go_to_the_error_handler(nlp: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    failed: list[str] = []
    nlp.get_pipe("wordstates").set_error_handler(lambda name, proc, docs, error: failed.append(docs[0].text))
    plain = WordstatesPipe._submit

    def submit(self: Any, reader: Any, docs: Any) -> Any:
        if any("bad" in doc.text for doc in docs):
            raise InputError("bad")
        return plain(self, reader, docs)

    monkeypatch.setattr(WordstatesPipe, "_submit", submit)
    docs = nlp.pipe(["A bank.", "a bad one", "The river.", "old mill", "bad"], batch_size=2)
    assert [doc.text for doc in docs] == ["A bank.", "The river.", "old mill"]
    assert failed == ["a bad one", "bad"]


def test_without_an_error_handler_the_error_is_raised(nlp: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def submit(*_: Any) -> Any:
        raise InputError("bad")

    monkeypatch.setattr(WordstatesPipe, "_submit", submit)
    with pytest.raises(InputError, match="bad"):
        list(nlp.pipe(["a bad one"]))


@hooks_stay_behind
def test_processes_give_the_same_vectors(nlp: Any) -> None:
    plain = list(nlp.pipe(TEXTS))
    with_processes = list(nlp.pipe(TEXTS, n_process=2, batch_size=2))
    for one, two in zip(plain, with_processes, strict=True):
        assert np.allclose(one.tensor, two.tensor, atol=1e-5, equal_nan=True)
        assert one._.wordstates.statuses == two._.wordstates.statuses


# ---------------------------------------------------------------- files and bytes


@pytest.fixture
def carried(nlp: Any) -> Iterator[Any]:
    """Give a doc, and ways to carry it that spaCy has."""

    def through_bytes(doc: Doc) -> Doc:
        return Doc(nlp.vocab).from_bytes(doc.to_bytes())

    def through_a_bin(doc: Doc) -> Doc:
        packed = DocBin(docs=[doc], store_user_data=True).to_bytes()
        return next(DocBin(store_user_data=True).from_bytes(packed).get_docs(nlp.vocab))

    return iter([through_bytes, through_a_bin, Doc.copy, lambda doc: pickle.loads(pickle.dumps(doc))])


@hooks_stay_behind
def test_a_doc_keeps_its_words_wherever_it_goes(nlp: Any, carried: Iterator[Any]) -> None:
    """Its hooks come back with the first look at its words; so does the tensor, which DocBin leaves behind."""
    doc = nlp(TEXTS[0])
    for carry in carried:
        copy = carry(doc)
        words = copy._.wordstates
        assert words.words == doc._.wordstates.words
        assert words.statuses == doc._.wordstates.statuses
        assert np.array_equal(words.vectors, doc.tensor, equal_nan=True)
        assert np.array_equal(copy.tensor, doc.tensor, equal_nan=True)
        assert np.allclose(copy.vector, doc.vector)
        assert copy[0].similarity(copy[4]) == doc[0].similarity(doc[4])


@pytest.mark.parametrize("way", ["disk", "bytes", "pickle"])
def test_a_pipeline_comes_back_as_it_was(nlp: Any, tmp_path: Path, way: str) -> None:
    doc = nlp(TEXTS[3])
    if way == "disk":
        nlp.to_disk(tmp_path / "pipeline")
        again = spacy.load(tmp_path / "pipeline")
    elif way == "bytes":
        again = spacy.blank("en").from_config(nlp.config).from_bytes(nlp.to_bytes())
    else:
        again = pickle.loads(pickle.dumps(nlp.get_pipe("wordstates")))
    assert np.array_equal((again(nlp.make_doc(TEXTS[3]))).tensor, doc.tensor)


def test_a_pipeline_with_another_model_is_refused(nlp: Any, folder: Path, tmp_path: Path) -> None:
    nlp.to_disk(tmp_path / "pipeline")
    save("electra", tmp_path / "other")
    config = (tmp_path / "pipeline" / "config.cfg").read_text()
    (tmp_path / "pipeline" / "config.cfg").write_text(config.replace(str(folder), str(tmp_path / "other")))
    with pytest.raises(ModelError, match="was saved with another weights"):
        spacy.load(tmp_path / "pipeline")


# ---------------------------------------------------------------- docs that change


def test_a_doc_without_the_component_has_no_words(nlp: Any) -> None:
    doc = nlp.make_doc("A bank.")
    assert doc._.wordstates is doc[0]._.wordstates is doc[0:1]._.wordstates is doc[0]._.wordstates_status is None


def test_tokens_that_are_merged_afterwards_are_told(nlp: Any) -> None:
    doc = nlp("New York is big.")
    with doc.retokenize() as retokenizer:
        retokenizer.merge(doc[0:2])
    with pytest.raises(InputError, match="tokens were merged or split since"):
        _ = doc._.wordstates
    assert doc[0:2].as_doc(copy_user_data=True)._.wordstates is None
