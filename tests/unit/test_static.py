"""Static vectors in memory and in files; gensim reads what it should read."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from safetensors import safe_open

from families import build
from wordstates import Recipe, StaticVectors, WordEmbedder
from wordstates.documents.document import Document
from wordstates.encode.session import Session
from wordstates.errors import InputError, NoVectorError, OutputError
from wordstates.files.describe import describe
from wordstates.static.files import word2vec_words
from wordstates.static.run import make_static
from wordstates.static.types import Types
from wordstates.text.words import WordSplitter, unicode_words

TEXTS = ["The river, the bank.", "A bank by the mill!", "Banks: the New York bank"]


@pytest.fixture(scope="module")
def bert() -> WordEmbedder:
    return WordEmbedder(*build("bert"))


def made(
    embedder: WordEmbedder,
    texts: list[str],
    *,
    kinds: tuple[str, ...] = ("usages",),
    min_count: int = 1,
    **options: Any,
) -> StaticVectors:
    documents = [Document(str(number), text) for number, text in enumerate(texts)]
    types = Types(**options)
    return make_static(embedder, documents, types, kinds=kinds, min_count=min_count)[0]


def some(words: list[str], **parts: Any) -> StaticVectors:
    vectors = np.random.default_rng(3).normal(size=(len(words), 4)).astype(np.float32)
    counts = np.arange(len(words), 0, -1)
    return StaticVectors(words, counts, counts, {"usages": vectors}, provenance={"model": "m"}, **parts)


# ── making ──


def test_means_are_those_of_the_usages(bert: WordEmbedder) -> None:
    emb = bert.encode(TEXTS)
    static = made(bert, TEXTS)
    assert static.words[:3] == ["the", "bank", "The"]
    assert (static.occurrences[:3].tolist(), static.usages[:3].tolist()) == ([3, 3, 1], [3, 3, 1])
    for word in ("bank", "the", "Banks"):
        np.testing.assert_allclose(static[word], emb[word].vectors.mean(axis=0), atol=1e-5)
    same = StaticVectors.from_embeddings(emb)
    assert same.words == static.words
    np.testing.assert_allclose(same.vectors["-1.mean.mean"], static.vectors["usages"], atol=1e-5)
    np.testing.assert_allclose(same.anisotropy["-1.mean.mean"], static.anisotropy["usages"], atol=1e-6)


def test_case_and_accents() -> None:
    types = Types(lowercase=True)
    documents = [Document("a", "Café cafe\u0301 CAFÉ Straße")]
    list(types.of(documents, lambda given: [unicode_words(text) for text in given]))
    assert dict(zip(types.words, types.occurrences.tolist(), strict=True)) == {"café": 3, "straße": 1}


def test_usages_of_targets_are_one_type_a_target(bert: WordEmbedder) -> None:
    usages = bert.find(TEXTS, ["the", "new  york"])
    static = StaticVectors.from_usages(usages)
    assert (static.words, static.occurrences.tolist()) == (["the", "new  york"], [4, 1])
    np.testing.assert_allclose(static["the"], usages.of("the").vectors.mean(axis=0), atol=1e-6)


def test_a_vocabulary_is_looked_for_and_nothing_else_is_read(
    bert: WordEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    begin = Session.begin
    monkeypatch.setattr(
        Session, "begin", lambda self, inputs, **more: read.extend(inputs.texts) or begin(self, inputs, **more)
    )
    static = made(bert, [*TEXTS, "Nothing here."], vocabulary=["mill", "New York", "hen"])
    assert (read, static.words) == (TEXTS[1:], ["mill", "New York"])


def test_documents_may_bring_their_words(bert: WordEmbedder, monkeypatch: pytest.MonkeyPatch) -> None:
    never = WordSplitter("never", lambda given: [pytest.fail("nothing is to be split") for _ in given])
    monkeypatch.setattr(bert, "splitter", never)
    types = Types()
    static, report = make_static(bert, [Document("a", "new york", ((0, 8),))], types)
    assert (static.words, report.occurrences, static.provenance["splitter"]) == (["new york"], 1, "given")
    static, _ = make_static(bert, [Document("a", "new york")], Types(vocabulary=["york"]))
    assert static.provenance["splitter"] == "targets"


def test_the_first_usages_are_averaged_and_all_are_counted(bert: WordEmbedder) -> None:
    static = made(bert, TEXTS, max_usages=1)
    row = static.words.index("bank")
    assert (static.occurrences[row], static.usages[row]) == (3, 1)
    np.testing.assert_allclose(static["bank"], bert.encode(TEXTS[0])["bank"].vector, atol=1e-5)


def test_special_tokens_are_words_as_in_embed(bert: WordEmbedder) -> None:
    texts = ["The river [MASK] past.", "The [MASK]."]
    static = made(bert, texts)
    assert static.words[:3] == ["The", "[MASK]", "."]
    expected = bert.encode(texts)["[MASK]"].vectors.mean(axis=0)
    np.testing.assert_allclose(static["[MASK]"], expected, atol=1e-5)
    looked_for = made(bert, texts, vocabulary=["[MASK]"])
    np.testing.assert_allclose(looked_for["[MASK]"], expected, atol=1e-5)


def test_types_that_are_rare_are_left_out(bert: WordEmbedder) -> None:
    assert made(bert, TEXTS, min_count=3).words == ["the", "bank"]
    with pytest.raises(InputError, match="No type occurs 9 times: the most frequent of the 14 occurs 3 times"):
        made(bert, TEXTS, min_count=9)


def test_groups(bert: WordEmbedder) -> None:
    documents = [
        Document("a", "the bank", metadata={"year": "1900"}),
        Document("b", "bank bank", metadata={"year": "2000"}),
        Document("c", "bank", metadata={"year": None}),
    ]
    types = Types(by="year")
    static, _ = make_static(bert, documents, types)
    assert list(zip(static.words, static.groups or [], static.usages.tolist(), strict=True)) == [
        ("bank", "2000", 2),
        ("the", "1900", 1),
        ("bank", "1900", 1),
        ("bank", None, 1),
    ]
    np.testing.assert_allclose(static.vectors["usages"][0], bert.encode("bank bank").vectors.mean(axis=0), atol=1e-5)
    assert word2vec_words(static) == ["bank@2000", "the@1900", "bank@1900", "bank"]
    with pytest.raises(NoVectorError, match=r"'bank' may have several vectors here \(usages, by year\): take"):
        static["bank"]


def test_words_alone_and_the_input_layer_stand_beside(bert: WordEmbedder) -> None:
    model = build("bert")
    embedder = WordEmbedder(*model, recipes=[Recipe(-1), Recipe("1:3", "concat", name="two"), Recipe(0, name="input")])
    static = made(embedder, TEXTS, kinds=("usages", "alone", "input"))
    assert list(static.vectors) == ["usages_-1.mean.mean", "usages_two", "alone_-1.mean.mean", "alone_two", "input"]
    assert [vectors.shape[1] for vectors in static.vectors.values()] == [32, 64, 32, 64, 32]
    row = static.words.index("bank")
    alone = embedder.encode("bank")
    np.testing.assert_allclose(static.vectors["alone_two"][row], alone.column("two")[0], atol=1e-5)
    np.testing.assert_allclose(static.vectors["input"][row], alone.column("input")[0], atol=1e-5)
    assert set(static.self_similarity) == set(static.anisotropy) == {"usages_-1.mean.mean", "usages_two"}
    only = made(WordEmbedder(*model), TEXTS, kinds=("alone",))
    assert (list(only.vectors), only.self_similarity, only.usages.sum()) == (["alone"], {}, 0)
    np.testing.assert_allclose(only["bank"], bert.encode("bank").vector, atol=1e-5)


def test_an_input_without_words(bert: WordEmbedder) -> None:
    with pytest.raises(InputError, match=r"There is no word in '0': check the input\."):
        made(bert, [" "])
    with pytest.raises(
        InputError, match=r"There is no word of the vocabulary in any of the 3 texts: check the input\."
    ):
        made(bert, TEXTS, vocabulary=["hen"])


def test_no_usage_has_a_vector(bert: WordEmbedder) -> None:
    with pytest.raises(InputError, match="No usage of any type has a vector"):
        make_static(bert, [Document("a", "a\u200bb", ((1, 2),))], Types())


def test_vectors_of_subwords_are_refused() -> None:
    embedder = WordEmbedder(*build("bert"), subword_pooling="none")
    with pytest.raises(InputError, match="gives several vectors a word, and a static vector is one"):
        StaticVectors.from_embeddings(embedder.encode("The bank."))


@pytest.mark.parametrize("name", ["word", "usages", "vector", "self_similarity"])
def test_groups_keep_off_the_names_of_columns(name: str) -> None:
    with pytest.raises(InputError, match=f"Groups cannot be by '{name}'"):
        Types(by=name)


# ── in memory ──


def test_reading(bert: WordEmbedder) -> None:
    static = some(["the", "bank"])
    assert (len(static), "bank" in static, "Bank" in static) == (2, True, False)
    assert static["bank"].shape == (4,)
    assert repr(static) == "StaticVectors: 2 types, usages 4\n  the, bank"
    with pytest.raises(NoVectorError, match="No type here is 'Bank': words are matched exactly; there are 2"):
        static["Bank"]
    two = made(bert, TEXTS, kinds=("usages", "alone"))
    with pytest.raises(NoVectorError, match=r"several vectors here \(usages, alone\): take \.vectors\['usages'\]"):
        two["bank"]


def test_looking_words_up_goes_through_them_once() -> None:
    class Watched(list[str]):
        looks = 0

        def __iter__(self) -> Iterator[str]:
            Watched.looks += 1
            return super().__iter__()

        def __contains__(self, word: object) -> bool:
            Watched.looks += 1
            return super().__contains__(word)

    static = some(Watched(["a", "b", "a"]))
    for _ in range(5):
        assert "b" in static
        assert "c" not in static
        assert 3 not in static
        np.testing.assert_array_equal(static["a"], next(iter(static.vectors.values()))[0])
    assert Watched.looks <= 1


def test_the_table(bert: WordEmbedder) -> None:
    table = made(bert, TEXTS).to_arrow()
    assert table.column_names == [
        "word", "occurrences", "usages", "self_similarity", "self_similarity_corrected", "vector",
    ]  # fmt: skip
    _, bank, *_, river = (row for row in table.to_pylist() if row["word"] in ("the", "bank", "river"))
    assert (bank["word"], river["word"], river["self_similarity"]) == ("bank", "river", None)
    static = made(bert, TEXTS)
    assert bank["self_similarity_corrected"] == pytest.approx(bank["self_similarity"] - static.anisotropy["usages"])
    assert json.loads(table.schema.metadata[b"wordstates"])["engine"] == "torch"


# ── files ──


@pytest.mark.parametrize("ending", [".txt", ".bin"])
def test_gensim_loads_what_was_saved(tmp_path: Path, bert: WordEmbedder, ending: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from gensim.models import KeyedVectors
    static = made(
        bert, [*TEXTS, "Äpfel 東京 👍🏽 a\u00a0b"], vocabulary=["bank", "New York", "äpfel", "東京", "👍🏽", "a b"]
    )
    path = tmp_path / f"v{ending}"
    assert static.save(path) == path.stat().st_size
    loaded = KeyedVectors.load_word2vec_format(str(path), fvocab=f"{path}.vocab", binary=ending == ".bin")
    assert loaded.index_to_key == word2vec_words(static)
    assert "New_York" in loaded.index_to_key
    np.testing.assert_array_equal(loaded.vectors, static.vectors["usages"])
    assert [loaded.get_vecattr(word, "count") for word in loaded.index_to_key] == static.occurrences.tolist()
    assert json.loads((tmp_path / f"v{ending}.provenance.json").read_text())["engine"] == "torch"
    assert {each.name for each in tmp_path.iterdir()} == {
        path.name,
        f"{path.name}.vocab",
        f"{path.name}.provenance.json",
    }


def test_white_space_of_any_kind_becomes_an_underscore() -> None:
    assert word2vec_words(some(["New York", "a\u00a0b", "c\u2028d\x1ce"])) == ["New_York", "a_b", "c_d_e"]
    with pytest.raises(
        OutputError, match="The types 'New York', 'New_York' would all be 'New_York' in a word2vec file"
    ):
        word2vec_words(some(["New York", "New_York", "x"]))


def test_a_type_without_a_vector_is_not_in_a_word2vec_file(tmp_path: Path) -> None:
    static = some(["a", "b", "c"])
    static.vectors["usages"][1] = np.nan
    static.save(tmp_path / "v.txt")
    lines = (tmp_path / "v.txt").read_text().splitlines()
    assert (lines[0], [line.split()[0] for line in lines[1:]]) == ("2 4", ["a", "c"])
    static.save(tmp_path / "v.parquet")
    assert [row is None for row in pq.read_table(tmp_path / "v.parquet")["vector"].to_pylist()] == [False, True, False]


def test_parquet_and_safetensors_say_what_is_in_them(tmp_path: Path, bert: WordEmbedder) -> None:
    static = replace(made(bert, TEXTS, kinds=("usages", "alone")), groups=None)
    for ending in (".parquet", ".safetensors"):
        static.save(tmp_path / f"v{ending}")
        found = describe(tmp_path / f"v{ending}")
        assert (found.rows, found.dtype) == (len(static), "float32")
        assert found.vectors == {"vector_usages": (32,), "vector_alone": (32,)}
    with safe_open(tmp_path / "v.safetensors", framework="numpy") as file:
        assert json.loads(file.metadata()["words"]) == static.words
        np.testing.assert_array_equal(file.get_tensor("vector_alone"), static.vectors["alone"])
        np.testing.assert_array_equal(file.get_tensor("self_similarity_usages"), static.self_similarity["usages"])
        assert file.get_tensor("occurrences").tolist() == static.occurrences.tolist()


def test_groups_are_in_the_files(tmp_path: Path) -> None:
    static = some(["a", "b"], groups=["x", None], by="author")
    for ending in (".parquet", ".safetensors"):
        static.save(tmp_path / f"v{ending}")
    assert pq.read_table(tmp_path / "v.parquet")["author"].to_pylist() == ["x", None]
    with safe_open(tmp_path / "v.safetensors", framework="numpy") as file:
        assert json.loads(file.metadata()["author"]) == ["x", None]


def test_what_cannot_be_saved(tmp_path: Path) -> None:
    static = some(["a", "b"])
    with pytest.raises(OutputError, match=r"gensim's own files are pickles.*name it \.bin or \.txt"):
        static.save(tmp_path / "v.kv")
    with pytest.raises(OutputError, match=r"v\.npz': its ending names no format of static vectors"):
        static.save(tmp_path / "v.npz")
    two = replace(static, vectors={**static.vectors, "alone": static.vectors["usages"]})
    with pytest.raises(OutputError, match="a word2vec file holds one vector per word, and there are 2"):
        two.save(tmp_path / "v.txt")
    with pytest.raises(OutputError, match="no type is left"):
        some([]).save(tmp_path / "v.parquet")
    static.save(tmp_path / "v.txt")
    with pytest.raises(OutputError, match="exists: choose another name, or pass overwrite=True"):
        static.save(tmp_path / "v.txt")
    static.save(tmp_path / "v.txt", overwrite=True)
    with pytest.raises(OutputError, match="would all be 'a_b'"):
        some(["a b", "a_b"]).save(tmp_path / "w.txt")
    assert {path.name for path in tmp_path.iterdir()} == {"v.txt", "v.txt.vocab", "v.txt.provenance.json"}
