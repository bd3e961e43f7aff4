"""`WordVectorizer`: what scikit-learn asks of a transformer, right vectors, and one pass for a grid over recipes."""

from __future__ import annotations

import inspect
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.sparse import issparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError, SkipTestWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils import estimator_checks

from families import build, save
from patience import A_HANG
from wordstates import Recipe, WordEmbedder
from wordstates.encode.inputs import Inputs
from wordstates.encode.session import Session
from wordstates.errors import InputError, ModelError, RecipeError, SpanError, TargetNotFoundError
from wordstates.integrations.sklearn import WordVectorizer, clear_caches, sample_vectors, shared
from wordstates.model.torch_engine import TorchEngine

TEXTS = [
    "The river runs past the old mill.",
    "The bank lends her the money!",
    "Nobody was reading the unbelievable newspaper.",
    "Six quick foxes jumped.",
    "The running water was colder.",
    "In 1984 the singer sang 27 songs.",
]
LABELS = [0, 1, 1, 0, 0, 1]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save("bert", tmp_path_factory.mktemp("bert"))


@pytest.fixture(autouse=True)
def nothing_cached() -> Iterator[None]:
    clear_caches()
    yield
    clear_caches()


@pytest.fixture
def rows_read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Count the windows that the engine reads, pass by pass."""
    counts: list[int] = []
    plain = TorchEngine.hidden_states

    def counted(self: TorchEngine, batch: Any, layers: Any) -> Any:
        counts.append(len(batch.ids))
        return plain(self, batch, layers)

    monkeypatch.setattr(TorchEngine, "hidden_states", counted)
    return counts


def by_hand(folder: Path, recipe: Recipe, pooling: str = "mean", texts: list[str] = TEXTS) -> np.ndarray:
    emb = WordEmbedder(folder, recipes=[recipe]).encode(texts)
    return np.stack([getattr(one.vectors, pooling)(axis=0) for one in emb])


# ---------------------------------------------------------------- the vectors

RECIPES = [
    Recipe(-1),
    Recipe(0, "mean", "max"),
    Recipe("-4:", "mean", "first"),
    Recipe("1:4", "sum", "last"),
    Recipe([3, 1], "concat", "max"),
    Recipe("0:", "mean", "sum"),
    Recipe("0:", "mean", "max"),
]


@pytest.mark.parametrize("cache_bytes", [0, 2**31])
@pytest.mark.parametrize("pooling", ["mean", "max"])
@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_a_text_is_its_words_pooled(folder: Path, recipe: Recipe, pooling: str, cache_bytes: int) -> None:
    vectorizer = WordVectorizer(folder, recipe=recipe, pooling=pooling, cache_bytes=cache_bytes)
    wanted = by_hand(folder, recipe, pooling)
    for _ in range(2):  # read, and remembered
        found = vectorizer.fit_transform(TEXTS)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, wanted, atol=1e-5)
    assert len(vectorizer.get_feature_names_out()) == wanted.shape[1]


def test_targets_are_words_phrases_and_spans(folder: Path) -> None:
    x = [
        (TEXTS[0], "old mill"),
        (TEXTS[0], (4, 9)),
        (TEXTS[1], "Bank"),
        (TEXTS[0], "the"),  # twice: their mean
        [TEXTS[3], 4, 9],
    ]
    embedder = WordEmbedder(folder)
    usages = embedder.find([TEXTS[0]], ["the"]).vectors
    assert len(usages) == 2
    wanted = np.stack(
        [
            embedder.find([TEXTS[0]], ["old mill"]).vectors[0],
            embedder.encode(TEXTS[0])["river"].vector,
            embedder.encode(TEXTS[1])["bank"].vector,
            usages.mean(axis=0),
            embedder.encode(TEXTS[3])["quick"].vector,
        ]
    )
    np.testing.assert_allclose(WordVectorizer(folder).fit_transform(x), wanted, atol=1e-5)


def test_x_may_be_many_things(folder: Path) -> None:
    vectorizer = WordVectorizer(folder)
    wanted = vectorizer.fit_transform(TEXTS)
    column = {"text": TEXTS}
    for x in (
        tuple(TEXTS),
        np.array(TEXTS),
        np.array(TEXTS, dtype=object)[:, None],
        pd.Series(TEXTS),
        pl.Series(TEXTS),
        pd.DataFrame(column),
        pl.DataFrame(column),
    ):
        np.testing.assert_array_equal(vectorizer.transform(x), wanted)
    targets = {"text": TEXTS[:2], "word": ["river", "bank"]}
    spans = {"text": TEXTS[:2], "start": [4, 4], "end": [9, 8]}
    wanted = vectorizer.transform(list(zip(*targets.values(), strict=True)))
    for frame in (targets, spans):
        for kind in (pd.DataFrame, pl.DataFrame):
            np.testing.assert_allclose(vectorizer.transform(kind(frame)), wanted, atol=1e-6)


def test_missing_words_are_handled_openly(folder: Path) -> None:
    strict, lenient = WordVectorizer(folder), WordVectorizer(folder, missing="nan")
    for x, what in ((["A bank.", ""], "no word"), ([("A \u200b bank", (1, 2))], r"no usage of \(1, 2\)")):
        found = lenient.fit_transform(x)
        assert np.isnan(found[-1]).all()
        assert np.isfinite(found[:-1]).all()
        with pytest.raises(InputError, match=rf"Sample {len(x) - 1} .* has {what} with a vector"):
            strict.fit_transform(x)
    clear_caches()
    assert np.isnan(lenient.fit_transform([("A bank.", "river")])).all()
    clear_caches()
    with pytest.raises(TargetNotFoundError, match=r"Target 'river' does not occur in 'A bank\.'"):
        strict.fit_transform([("A bank.", "river")])
    some = strict.fit_transform([("A \u200b bank", (0, 1)), "A bank"])
    assert np.isfinite(some).all()


def test_words_without_a_vector_are_left_out_of_the_mean(folder: Path) -> None:
    texts = [" ".join(["mill"] * 70)]
    found = WordVectorizer(folder, long_texts="truncate").fit_transform(texts)
    emb = WordEmbedder(folder, long_texts="truncate").encode(texts)
    assert not emb.has_vector.all()
    np.testing.assert_allclose(found[0], emb.vectors[emb.has_vector].mean(axis=0), atol=1e-5)


# ---------------------------------------------------------------- one pass


@pytest.mark.long
def test_a_grid_over_recipes_costs_one_pass(folder: Path, rows_read: list[int]) -> None:
    pipeline = make_pipeline(WordVectorizer(folder, engine="torch"), LogisticRegression())
    grid = GridSearchCV(pipeline, {"wordvectorizer__recipe": RECIPES[:6]}, cv=3)
    grid.fit([*TEXTS, *TEXTS], [*LABELS, *LABELS])
    loaded = WordEmbedder(folder, recipes=[Recipe(0)])  # its probe reads too
    del loaded
    assert sum(rows_read) == len(TEXTS)
    assert grid.predict(TEXTS).tolist()
    assert sum(rows_read) == len(TEXTS), "predicting on texts that were seen reads none"
    assert len(shared.EMBEDDERS._kept) == 1, "all clones share one model"


def test_what_cannot_be_made_of_layers_costs_its_own_pass(folder: Path, rows_read: list[int]) -> None:
    for _ in range(2):
        WordVectorizer(folder, engine="torch").fit_transform(TEXTS)
        WordVectorizer(folder, engine="torch", recipe=RECIPES[6]).fit_transform(TEXTS)
    assert sum(rows_read) == 2 * len(TEXTS)


def test_without_a_cache_every_call_reads_the_wanted_layers_only(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[int]] = []
    plain = TorchEngine.hidden_states

    def noted(self: TorchEngine, batch: Any, layers: Any) -> Any:
        asked.append(list(layers))
        return plain(self, batch, layers)

    monkeypatch.setattr(TorchEngine, "hidden_states", noted)
    vectorizer = WordVectorizer(folder, layers=1, cache_bytes=0, engine="torch").fit(TEXTS)
    vectorizer.transform(TEXTS)
    vectorizer.transform(TEXTS)
    assert asked == [[1], [1]]
    assert not shared.VECTORS._kept


@pytest.mark.parametrize(
    "change", [{"splitter": "whitespace"}, {"window": 8}, {"punctuation": False}, {"pooling": "max"}]
)
def test_other_options_have_other_vectors(folder: Path, change: dict[str, Any]) -> None:
    before = WordVectorizer(folder).fit_transform(TEXTS)
    after = WordVectorizer(folder, **change).fit_transform(TEXTS)
    clear_caches()
    np.testing.assert_allclose(WordVectorizer(folder, **change).fit_transform(TEXTS), after, atol=1e-5)
    assert np.abs(before - after).max() > 1e-3


def test_a_model_that_was_trained_on_in_its_folder_is_read_anew(tmp_path: Path) -> None:
    save("bert", tmp_path)
    vectorizer = WordVectorizer(tmp_path)
    before = vectorizer.fit_transform(TEXTS)
    other = build("roberta")
    for old in tmp_path.iterdir():
        old.unlink()
    for part in other:
        part.save_pretrained(tmp_path)
    with pytest.raises(ModelError, match="is not the one that this vectorizer was fitted with"):
        vectorizer.transform(TEXTS)
    after = clone(vectorizer).fit_transform(TEXTS)
    np.testing.assert_allclose(after, by_hand(tmp_path, Recipe()), atol=1e-5)
    assert before.shape != after.shape or np.abs(before - after).max() > 1e-3


def test_the_cache_is_bounded_and_says_when_it_is_too_small(folder: Path, rows_read: list[int]) -> None:
    table = 5 * 5 * 32 * 4  # poolings, layers, dimensions, bytes
    vectorizer = WordVectorizer(folder, cache_bytes=3 * table, engine="torch").fit(TEXTS)
    with pytest.warns(UserWarning, match=f"6 samples takes {6 * table:,} bytes, and cache_bytes is {3 * table:,}"):
        vectorizer.transform(TEXTS)
    assert len(shared.VECTORS._kept) == 3
    assert shared.VECTORS._bytes == 3 * table
    vectorizer.transform(TEXTS[3:])
    assert sum(rows_read) == 6
    vectorizer.transform(TEXTS[:1])
    assert sum(rows_read) == 7


def test_much_text_is_read_in_chunks(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = by_hand(folder, Recipe())
    monkeypatch.setattr(sample_vectors, "_CHUNK_BYTES", 4 * 5 * 32 * 20)
    calls = list[int]()
    plain = Session.begin

    def counted(self: Session, inputs: Inputs) -> Any:
        calls.append(len(inputs.texts))
        return plain(self, inputs)

    monkeypatch.setattr(Session, "begin", counted)
    np.testing.assert_allclose(WordVectorizer(folder).fit_transform(TEXTS), wanted, atol=1e-5)
    assert len(calls) > 1
    assert sum(calls) == len(TEXTS)


def test_layers_that_do_not_go_together_are_read_one_recipe_at_a_time(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = shared.Embedders.get

    def refuses(self: Any, options: Any, recipe: Recipe) -> Any:
        if recipe.layer_pooling == "none":
            raise RecipeError("Layers differ in width.")
        return plain(self, options, recipe)

    monkeypatch.setattr(shared.Embedders, "get", refuses)
    for recipe in RECIPES:
        for _ in range(2):
            found = WordVectorizer(folder, recipe=recipe).fit_transform(TEXTS)
            np.testing.assert_allclose(found, by_hand(folder, recipe), atol=1e-5)


# ---------------------------------------------------------------- what scikit-learn asks


def test_it_declares_what_it_takes(folder: Path) -> None:
    tags = WordVectorizer(folder).__sklearn_tags__()
    assert (tags.input_tags.string, tags.input_tags.two_d_array, tags.requires_fit) == (True, False, True)
    with pytest.warns(SkipTestWarning, match="Can't test estimator WordVectorizer which requires input"):
        results = estimator_checks.check_estimator(WordVectorizer(folder))
    assert {result["status"] for result in results} <= {"passed"}


class Spelled(WordVectorizer):
    """Takes the tables of numbers that scikit-learn's checks are made of, and spells each row as a text."""

    def fit(self, X: Any, y: Any = None) -> WordVectorizer:  # noqa: N803
        self.n_features_in_ = len(spelled(X)[0].split())
        return super().fit(spelled(X), y)

    def transform(self, X: Any) -> Any:  # noqa: N803
        if hasattr(self, "n_features_in_") and len(spelled(X)[0].split()) != self.n_features_in_:
            raise ValueError("A text has any number of words; a table has the columns that it was fitted on.")
        return super().transform(spelled(X))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array, tags.input_tags.string = True, False
        return tags


def spelled(x: Any) -> list[str]:
    if issparse(x):
        raise TypeError("A sparse matrix is no list of texts.")
    rows = np.asarray(x)
    if rows.ndim != 2:
        raise ValueError("Reshape your data: rows of numbers are spelled.")
    return [" ".join(f"{number:.2f}" for number in row) for row in rows.tolist()]


EXPECTED_TO_FAIL: dict[str, str] = {}  # checks that cannot apply, each with its reason: there are none


def test_it_passes_the_checks_for_tables_too(folder: Path) -> None:
    estimator = Spelled(folder)
    assert set(inspect.signature(Spelled).parameters) == set(inspect.signature(WordVectorizer).parameters)
    results = estimator_checks.check_estimator(
        estimator, expected_failed_checks=EXPECTED_TO_FAIL, on_fail=None, on_skip=None
    )
    failed = {result["check_name"]: repr(result["exception"]) for result in results if result["status"] == "failed"}
    assert not failed
    passed = {result["check_name"] for result in results if result["status"] == "passed"}
    assert {result["status"] for result in results} <= {"passed", "skipped"}
    assert len(passed) > 30
    assert {
        "check_estimators_pickle",
        "check_dict_unchanged",
        "check_fit_idempotent",
        "check_methods_subset_invariance",
        "check_no_attributes_set_in_init",
        "check_transformer_general",
        "check_estimators_unfitted",
        "check_pipeline_consistency",
    } <= passed


@pytest.mark.parametrize(
    "name",
    [
        "check_set_output_transform",
        "check_set_output_transform_pandas",
        "check_set_output_transform_polars",
        "check_global_output_transform_pandas",
        "check_global_set_output_transform_polars",
        "check_transformer_get_feature_names_out",
    ],
)
def test_it_passes_the_checks_of_outputs(folder: Path, name: str) -> None:
    getattr(estimator_checks, name)("Spelled", Spelled(folder))


def test_frames_come_out(folder: Path) -> None:
    vectorizer = WordVectorizer(folder)
    plain = vectorizer.fit_transform(TEXTS)
    frame = clone(vectorizer).set_output(transform="pandas").fit_transform(pd.Series(TEXTS, index=list("abcdef")))
    assert list(frame.columns[:2]) == ["wordvectorizer0", "wordvectorizer1"]
    assert list(frame.index) == list("abcdef")
    np.testing.assert_array_equal(frame.to_numpy(), plain)
    frame = clone(vectorizer).set_output(transform="polars").fit_transform(TEXTS)
    assert isinstance(frame, pl.DataFrame)
    np.testing.assert_array_equal(frame.to_numpy(), plain)


def test_a_pickle_holds_no_model(folder: Path) -> None:
    vectorizer = WordVectorizer(folder, layers="-2:").fit(TEXTS)
    before = vectorizer.transform(TEXTS)
    pickled = pickle.dumps(vectorizer)
    assert len(pickled) < 5_000
    clear_caches()
    np.testing.assert_allclose(pickle.loads(pickled).transform(TEXTS), before, atol=1e-6)


def test_its_arguments_are_those_of_the_embedder() -> None:
    own = {"recipe", "pooling", "missing", "cache_bytes"}
    left_to_the_pipeline = {"post_processing", "surprisal", "left_subwords"}
    mine, theirs = (inspect.signature(cls).parameters for cls in (WordVectorizer, WordEmbedder))
    assert set(mine) - own == set(theirs) - {"tokenizer", "recipes"} - left_to_the_pipeline
    assert all(mine[name].default == theirs[name].default for name in set(mine) - own)


# ---------------------------------------------------------------- wrong use


def test_wrong_use_is_told(folder: Path) -> None:
    with pytest.raises(NotFittedError):
        WordVectorizer(folder).transform(TEXTS)
    for options, message in (
        ({"pooling": "median"}, "pooling='median' does not exist: choose one of mean, max"),
        ({"missing": "zero"}, "missing='zero' does not exist: choose one of error, nan"),
        ({"cache_bytes": -1}, "cache_bytes=-1 is no number of bytes"),
        ({"cache_bytes": True}, "cache_bytes=True is no number of bytes"),
        ({"recipe": "-4:"}, "recipe='-4:' is no Recipe"),
        ({"recipe": Recipe(1), "layers": 2}, "Give either recipe or layers"),
        ({"splitter": [1]}, "cannot be compared"),
        ({"model": build("bert")[0]}, "the model is a name or a folder"),
    ):
        with pytest.raises(InputError, match=message):
            WordVectorizer(**{"model": folder, **options}).fit(TEXTS)
    for recipe in (Recipe("0:", "none"), Recipe(0, "mean", "none")):
        with pytest.raises(RecipeError, match="gives several vectors a word"):
            WordVectorizer(folder, recipe=recipe).fit(TEXTS)
    with pytest.raises(RecipeError, match="Layer 9 does not exist"):
        WordVectorizer(folder, layers=9).fit(TEXTS)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        ("A bank.", "X is a list of texts, got str"),
        (5, "X is a list of texts, got int"),
        ([], "X has no text: 0 samples"),
        ([5], "Sample 0 is 5: a sample is a text"),
        (["A bank.", ("A bank.", 2.5)], "Sample 1 has the target 2.5"),
        ([("A bank.", 2, None)], "Sample 0 has the target"),
        (np.zeros((2, 2, 2)), "X is a list of texts, got ndarray"),
        (["half \ud800"], "Text 0 holds half a character"),
    ],
)
def test_what_is_no_text_is_told(folder: Path, x: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        WordVectorizer(folder).fit(x)


def test_a_span_outside_its_text_is_told(folder: Path) -> None:
    with pytest.raises(SpanError, match="outside its 7 characters"):
        WordVectorizer(folder).fit_transform([("A bank.", (2, 99))])


def test_without_scikit_learn_it_says_what_to_install() -> None:
    code = "import sys; sys.modules['sklearn'] = None\nimport wordstates.integrations.sklearn"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=A_HANG)
    assert 'pip install "wordstates[evaluate]"' in done.stderr
