"""Post-processing: equal to scikit-learn and to the papers by hand, however the stream is cut; kept in one file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save_file
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler, normalize

from families import build
from wordstates import PostProcessing, Recipe, WordEmbedder
from wordstates.errors import InputError, OutputError, RecipeError
from wordstates.postprocess.moments import LARGEST_MATRIX, Moments
from wordstates.static.static_vectors import StaticVectors

TEXTS = ["The old mill, near the lake.", "She doesn't know the bank.", "A bank lends money!"]


def vectors(rows: int = 300, dim: int = 6, *, seed: int = 0) -> np.ndarray:
    """Vectors whose dimensions go together, far from the origin, each on a scale of its own."""
    random = np.random.default_rng(seed)
    found = random.normal(size=(rows, dim)) @ random.normal(size=(dim, dim)) * np.logspace(-1, 1, dim) + 7
    return found.astype(np.float32)


def cut(found: np.ndarray, sizes: list[int]) -> Iterator[np.ndarray]:
    starts = np.cumsum([0, *sizes])
    yield from (found[start:end] for start, end in pairwise(starts))
    yield found[starts[-1] :]


# ---------------------------------------------------------------- what the steps do


def test_standardize_is_that_of_scikit_learn() -> None:
    found = vectors()
    post = PostProcessing.fit("standardize", [found])
    np.testing.assert_allclose(post.apply(found), StandardScaler().fit_transform(found), atol=1e-5)
    other = vectors(seed=1)  # fitted on one set, applied to another
    np.testing.assert_allclose(post.apply(other), StandardScaler().fit(found).transform(other), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("step", "oracle"), [("whiten", PCA(whiten=True)), ("pca:3", PCA(3)), ("pca:6", PCA(6))], ids=str
)
def test_whiten_and_pca_are_those_of_scikit_learn(step: str, oracle: Any) -> None:
    found = vectors()
    post = PostProcessing.fit(step, [found])
    expected, got = oracle.fit_transform(found.astype(np.float64)), post.apply(found)
    assert got.dtype == np.float32
    np.testing.assert_allclose(np.abs(got), np.abs(expected), atol=1e-3, rtol=1e-4)
    np.testing.assert_allclose(got @ got.T, expected @ expected.T, atol=1e-2, rtol=1e-3)
    other = vectors(seed=1)
    np.testing.assert_allclose(np.abs(post.apply(other)), np.abs(oracle.transform(other)), atol=1e-2, rtol=1e-3)


def test_all_but_the_top_is_that_of_the_paper() -> None:
    """Mu and Viswanath 2018, algorithm 1, by hand: subtract the mean, then the projections on the first components."""
    found = vectors()
    centred = found.astype(np.float64) - found.mean(axis=0, dtype=np.float64)
    components = np.linalg.svd(centred, full_matrices=False)[2]
    expected = centred.copy()
    for component in components[:2]:
        expected -= np.outer(centred @ component, component)
    np.testing.assert_allclose(PostProcessing.fit("all-but-the-top:2", [found]).apply(found), expected, atol=1e-3)


def test_all_but_the_top_takes_a_hundredth_of_the_dimensions_away() -> None:
    wide, narrow = vectors(400, 250), vectors(50, 6)
    for found, number in ((wide, 2), (narrow, 1)):
        bare, said = (PostProcessing.fit(step, [found]) for step in ("all-but-the-top", f"all-but-the-top:{number}"))
        assert bare.steps == ("all-but-the-top",)
        np.testing.assert_array_equal(bare.apply(found), said.apply(found))


def test_center_and_unit() -> None:
    found = vectors()
    np.testing.assert_allclose(PostProcessing.fit("center", [found]).apply(found).mean(axis=0), 0, atol=1e-4)
    unit = PostProcessing.fit("unit", [found])
    np.testing.assert_allclose(unit.apply(found), normalize(found), rtol=1e-5)
    assert (unit.mean, unit.linear, unit.dim_out) == (None, None, 6)
    both = PostProcessing.fit("center+unit", [found]).apply(found)
    np.testing.assert_allclose(np.linalg.norm(both, axis=1), 1, rtol=1e-5)
    assert unit.apply(np.zeros((1, 6), dtype=np.float32)).tolist() == [[0.0] * 6]


CHAINS = [
    "center+pca:4",
    "standardize+all-but-the-top:1",
    "standardize+pca:3+standardize",
    "all-but-the-top:2+standardize+unit",
    "pca:4+whiten+unit",
    "standardize+whiten",
    "whiten+standardize",
]


@pytest.mark.parametrize("chain", CHAINS)
def test_a_step_is_fitted_on_what_the_steps_before_it_give(chain: str) -> None:
    """One reading gives what fitting step by step, with a reading for each, gives."""
    found, expected = vectors(), vectors().astype(np.float64)
    for step in chain.split("+"):
        expected = PostProcessing.fit(step, [expected]).apply(expected)
    post = PostProcessing.fit(chain, [found])
    assert post.steps == tuple(chain.split("+"))
    assert post.dim_out == expected.shape[1]
    got = post.apply(found)
    np.testing.assert_allclose(np.abs(got), np.abs(expected), atol=2e-3)
    np.testing.assert_allclose(got @ got.T, expected @ expected.T, atol=2e-2, rtol=1e-3)


@given(
    st.integers(16, 40),
    st.integers(2, 6),
    st.integers(0, 99),
    st.lists(st.integers(0, 9), max_size=6),
    st.sampled_from(["center", "standardize", "whiten", "pca:2", "standardize+pca:2+whiten", "all-but-the-top+unit"]),
)
def test_the_chunks_of_the_stream_do_not_matter(rows: int, dim: int, seed: int, sizes: list[int], steps: str) -> None:
    found = vectors(rows, dim, seed=seed)
    found[::5, -1] = np.nan
    whole, parts = PostProcessing.fit(steps, [found]), PostProcessing.fit(steps, cut(found, sizes))
    assert parts.fingerprint() == whole.fingerprint()  # bit for bit
    assert whole.rows == int((~np.isnan(found).any(axis=1)).sum())
    kept = found[~np.isnan(found).any(axis=1)]
    np.testing.assert_array_equal(PostProcessing.fit(steps, [kept]).apply(kept), whole.apply(kept))
    np.testing.assert_array_equal(np.isnan(whole.apply(found)).all(axis=1), np.isnan(found).any(axis=1))


@given(st.integers(20, 60), st.integers(1, 6), st.integers(0, 99))
def test_what_comes_out_has_mean_0_variance_1_and_no_covariance(rows: int, dim: int, seed: int) -> None:
    found = vectors(rows, dim, seed=seed)
    standard = PostProcessing.fit("standardize", [found]).apply(found).astype(np.float64)
    np.testing.assert_allclose(standard.mean(axis=0), 0, atol=1e-3)
    np.testing.assert_allclose(standard.var(axis=0), 1, rtol=1e-3)
    white = PostProcessing.fit("whiten", [found]).apply(found).astype(np.float64)
    np.testing.assert_allclose(np.cov(white.T, ddof=1).reshape(dim, dim), np.eye(dim), atol=2e-2)


def test_blocks_are_merged_without_losing_digits() -> None:
    """A mean a million times the standard deviation, over several blocks: squares minus squares would be all wrong."""
    random = np.random.default_rng(0)
    found = random.normal(size=(5000, 2)) + 1e6
    for covariance in (True, False):
        moments = Moments(covariance=covariance)
        for chunk in np.array_split(found, 7):
            moments.add(chunk)
        assert (moments.count, moments.dim) == (5000, 2)
        np.testing.assert_allclose(moments.mean, found.mean(axis=0), rtol=1e-12)
        np.testing.assert_allclose(moments.variance, found.var(axis=0), rtol=1e-9)
    moments = Moments(covariance=True)
    moments.add(found)
    np.testing.assert_allclose(moments.covariance, np.cov(found.T, ddof=0), atol=1e-9)
    with pytest.raises(InputError, match="means and variances alone"):
        _ = Moments(covariance=False).covariance


def test_many_chains_from_one_reading() -> None:
    found = vectors()
    moments = Moments(covariance=True)
    moments.add(found)
    for steps in ("center", "standardize", "pca:2"):
        one, other = PostProcessing.from_moments(steps, moments), PostProcessing.fit(steps, [found])
        np.testing.assert_allclose(one.apply(found), other.apply(found), rtol=1e-6)


# ---------------------------------------------------------------- what does not vary


def test_a_constant_dimension_becomes_0_as_in_scikit_learn() -> None:
    found = vectors()
    found[:, 2] = 0.1
    got = PostProcessing.fit("standardize", [found]).apply(found)
    np.testing.assert_allclose(got, StandardScaler().fit_transform(found), atol=1e-5)
    np.testing.assert_array_equal(got[:, 2], 0)
    dead = np.concatenate([found, 1e-33 * vectors(dim=1)], axis=1)  # as real models have them: no weight is 0
    np.testing.assert_allclose(PostProcessing.fit("standardize", [dead]).apply(dead)[:, 6], 0, atol=1e-30)


def test_whitening_leaves_out_directions_in_which_there_is_only_rounding() -> None:
    """A layer norm makes such a direction: the sum of its numbers is the same in every vector."""
    found = vectors()
    found -= found.mean(axis=1, keepdims=True)
    found /= found.std(axis=1, keepdims=True)
    post = PostProcessing.fit("whiten", [found])
    assert (post.dim_in, post.dim_out) == (6, 5)
    np.testing.assert_allclose(np.cov(post.apply(found).T, ddof=1), np.eye(5), atol=1e-3)
    tiny = np.concatenate([found, 1e-15 * vectors(dim=1)], axis=1)  # nor is a dimension that is as good as dead
    assert PostProcessing.fit("whiten", [tiny]).dim_out == 5
    with pytest.raises(InputError, match="Step 'pca:6' is too much for vectors of 5 dimensions"):
        PostProcessing.fit("whiten+pca:6", [found])
    with pytest.raises(InputError, match="needs vectors that differ"):
        PostProcessing.fit("whiten", [np.full((9, 3), 0.1, dtype=np.float32)])


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ("", "Step '' does not exist: choose from center, "),
        ([], "No step of post-processing was given"),
        ("centre", "Step 'centre' does not exist"),
        ("pca", "Step 'pca' is not written so"),
        pytest.param("pca:" + "9" * 5000, "is not written so", id="digits"),
        ("pca:0", "Step 'pca:0' is not written so"),
        ("pca:x", "Step 'pca:x' is not written so"),
        ("center:3", "Step 'center:3' is not written so"),
        ("unit+center", "Step 'unit' is followed by others in 'unit+center': it comes last"),
        ("pca:7", "Step 'pca:7' is too much for vectors of 6 dimensions: give at most 6."),
        ("pca:3+pca:4", "Step 'pca:4' is too much for vectors of 3 dimensions"),
        ("all-but-the-top:6", "Step 'all-but-the-top:6' is too much for vectors of 6 dimensions: give at most 5."),
    ],
)
def test_steps_that_make_no_sense(steps: str | list[str], message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        PostProcessing.fit(steps, [vectors()])


@pytest.mark.parametrize(
    ("steps", "rows", "least"), [("standardize", 1, 2), ("whiten", 6, 7), ("pca:3", 3, 4), ("all-but-the-top:2", 2, 3)]
)
def test_too_few_vectors(steps: str, rows: int, least: int) -> None:
    with pytest.raises(InputError, match=f"needs {least} vectors of 6 dimensions or more, got {rows}"):
        PostProcessing.fit(steps, [vectors(rows)])
    assert PostProcessing.fit(steps, [vectors(least)]).rows == least


def test_streams_that_cannot_be_fitted_on() -> None:
    for empty in ([], [vectors(0)], [np.full((3, 6), np.nan, dtype=np.float32)]):
        with pytest.raises(InputError, match="There is no vector to fit on"):
            PostProcessing.fit("center", empty)
    with pytest.raises(InputError, match="Vectors of 5 dimensions came after vectors of 6"):
        PostProcessing.fit("center", [vectors(), vectors(dim=5)])
    with pytest.raises(InputError, match=re.escape("write PostProcessing.fit(steps, [vectors])")):
        PostProcessing.fit("center", vectors())
    with pytest.raises(InputError, match="are no chunk of a stream"):
        PostProcessing.fit("center", (row for row in vectors()))
    with pytest.raises(InputError, match="no dimension"):
        PostProcessing.fit("center", [vectors(3, 0)])
    infinite = vectors()
    infinite[3, 3] = np.inf
    with pytest.raises(InputError, match="hold infinity"):
        PostProcessing.fit("center", [infinite])


def test_a_matrix_that_is_too_large() -> None:
    wide = np.ones((2, LARGEST_MATRIX + 1), dtype=np.float32)
    with pytest.raises(InputError, match=f"at most {LARGEST_MATRIX} dimensions; use center or standardize"):
        PostProcessing.fit("whiten", [wide])
    post = PostProcessing.fit("standardize+unit", [wide])
    assert post.apply(wide).shape == wide.shape


def test_vectors_of_another_dimension() -> None:
    post = PostProcessing.fit("pca:2", [vectors()])
    with pytest.raises(InputError, match=re.escape("takes vectors of shape (rows, 6), got (4, 5)")):
        post.apply(vectors(4, 5))


# ---------------------------------------------------------------- files


@pytest.mark.parametrize("steps", ["unit", "center", "standardize+unit", "pca:3"])
def test_a_file_gives_back_what_was_saved(steps: str, tmp_path: Path) -> None:
    found, path = vectors(), tmp_path / "post.safetensors"
    post = PostProcessing.fit(steps, [found], provenance={"model": "m"})
    post.save(path)
    read = PostProcessing.load(str(path))
    assert read.to_dict() == post.to_dict()
    assert (read.steps, read.provenance, repr(read)) == (post.steps, {"model": "m"}, repr(post))
    np.testing.assert_array_equal(read.apply(found), post.apply(found))
    assert [entry.name for entry in tmp_path.iterdir()] == ["post.safetensors"]


def test_fingerprints_tell_what_was_fitted() -> None:
    fitted = [
        PostProcessing.fit(steps, [found])
        for steps in ("center", "standardize", "center+unit")
        for found in (vectors(), vectors(seed=1))
    ]
    assert len({post.fingerprint() for post in fitted}) == len(fitted)
    assert PostProcessing.fit("center", [vectors()]).fingerprint() == fitted[0].fingerprint()


def test_it_never_changes() -> None:
    post = PostProcessing.fit("standardize", [vectors()])
    assert post.mean is not None
    with pytest.raises(ValueError, match="read-only"):
        post.mean[0] = 1
    found = vectors()
    post.apply(found)
    np.testing.assert_array_equal(found, vectors())


def test_files_that_cannot_be_read_or_written(tmp_path: Path) -> None:
    post, path = PostProcessing.fit("center", [vectors()]), tmp_path / "post.safetensors"
    post.save(path)
    with pytest.raises(OutputError, match="exists: choose another name"):
        post.save(path)
    post.save(path, overwrite=True)
    with pytest.raises(OutputError, match=r"kept as safetensors: name it post\.safetensors"):
        post.save(tmp_path / "post.npz")
    with pytest.raises(OutputError, match="cannot be written"):
        post.save(tmp_path / "nowhere" / "post.safetensors")
    with pytest.raises(InputError, match="is not a file: make one with `wordstates fit`"):
        PostProcessing.load(tmp_path / "none.safetensors")
    other = tmp_path / "other.safetensors"
    save_file({"a": vectors()}, other)
    with pytest.raises(InputError, match="holds no post-processing"):
        PostProcessing.load(other)
    save_file({"a": vectors()}, other, metadata={"wordstates_post_processing": '{"version": 9}'})
    with pytest.raises(InputError, match="is of another version"):
        PostProcessing.load(other)
    save_file({"a": vectors()}, other, metadata={"wordstates_post_processing": '{"version": 1}'})
    with pytest.raises(InputError, match="it is broken"):
        PostProcessing.load(other)
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(InputError, match="it is broken"):
        PostProcessing.load(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mean": None}, r"its mean does not go with its steps, center\+pca:2"),
        ({"mean": np.zeros(3, np.float32)}, r"its mean is float32 of shape \(3,\), and it takes vectors of 6 dim"),
        ({"mean": np.zeros(6)}, "its mean is float64 of shape"),
        ({"linear": None}, "its linear part is missing"),
        ({"linear": np.ones((6, 3), np.float32)}, "its linear part is float32 of shape"),
        ({"unit": True}, "its steps do not go with its 'unit'"),
        ({"steps": ("bend",)}, "Step 'bend' does not exist"),
    ],
)
def test_parts_of_a_file_that_do_not_go_together(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    """What once skipped the centring in silence, or ended in a foreign error when it was applied."""
    sound = PostProcessing.fit("center+pca:2", [np.random.default_rng(0).standard_normal((9, 6)).astype(np.float32)])
    path = tmp_path / "post.safetensors"
    replace(sound, **change).save(path)
    with pytest.raises(InputError, match=message):
        PostProcessing.load(path)


def test_a_changed_number_in_a_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "post.safetensors"
    PostProcessing.fit("center", [vectors()]).save(path)
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match="is not what was written: its checksum differs"):
        PostProcessing.load(path)


# ---------------------------------------------------------------- in an embedder


def embedder(**options: Any) -> WordEmbedder:
    return WordEmbedder(*build("bert"), **options)


def fitted(steps: str = "standardize+pca:4", **options: Any) -> PostProcessing:
    emb = embedder(**options).encode(TEXTS)
    return PostProcessing.fit(steps, [emb.vectors], provenance=emb.provenance)


def test_every_output_of_an_embedder_is_post_processed(tmp_path: Path) -> None:
    post, plain = fitted(), embedder()
    post.save(tmp_path / "post.safetensors")
    processed = embedder(post_processing=tmp_path / "post.safetensors")
    assert processed.vector_shapes == {"-1.mean.mean": (4,)}
    emb, expected = processed.encode(TEXTS), post.apply(plain.encode(TEXTS).vectors)
    np.testing.assert_allclose(emb.vectors, expected, atol=1e-4)
    pending = processed.submit(TEXTS).result()
    np.testing.assert_allclose(pending.vectors, expected, atol=1e-4)
    usages = processed.find(TEXTS, ["bank"])
    np.testing.assert_allclose(usages.vectors, emb["bank"].vectors, atol=1e-4)
    static = StaticVectors.from_embeddings(emb)
    np.testing.assert_allclose(static["bank"], emb["bank"].vectors.mean(axis=0), atol=1e-5)
    assert emb.provenance["post_processing"] == {"-1.mean.mean": post.to_dict()}
    assert "post_processing" not in plain.provenance


def test_words_without_a_vector_have_none_after_it_either() -> None:
    emb = embedder(post_processing=fitted()).encode("a b", spans=[(0, 1), (1, 1)])
    assert emb.has_vector.tolist() == [True, False]
    assert np.isnan(emb.vectors).all(axis=1).tolist() == [False, True]


def test_rows_that_are_subwords_are_post_processed_too() -> None:
    options = {"subword_pooling": "none"}
    post, plain = fitted("center", **options), embedder(**options).encode(TEXTS)
    emb = embedder(post_processing=post, **options).encode(TEXTS)
    np.testing.assert_allclose(emb.vectors, post.apply(plain.vectors), atol=1e-5)
    np.testing.assert_allclose(emb.vectors.mean(axis=0), 0, atol=1e-4)


def test_several_recipes_each_with_its_own() -> None:
    recipes = [Recipe(2, name="two"), Recipe("1,2", "concat", name="both")]
    posts = [fitted("pca:3", layers=2), fitted("standardize", layers=[1, 2], layer_pooling="concat")]
    found = embedder(recipes=recipes, post_processing=posts[::-1])
    assert found.vector_shapes == {"two": (3,), "both": (64,)}
    emb = found.encode(TEXTS)
    np.testing.assert_allclose(emb.column("two"), posts[0].apply(embedder(layers=2).encode(TEXTS).vectors), atol=1e-4)
    beside = embedder(recipes=[*recipes, Recipe(2, name="plain")], post_processing={"two": posts[0]})
    assert beside.vector_shapes == {"two": (3,), "both": (64,), "plain": (32,)}
    assert list(beside.provenance["post_processing"]) == ["two"]


def test_what_a_session_takes_plain_is_not_said_to_be_post_processed() -> None:
    session = embedder(post_processing=fitted()).session()
    plain = session.taking([Recipe()], at_once=False)
    np.testing.assert_allclose(plain.encode(TEXTS).vectors, embedder().encode(TEXTS).vectors, atol=1e-5)
    assert "post_processing" in session.provenance
    assert "post_processing" not in plain.provenance


def test_vectors_of_another_kind_are_refused() -> None:
    post = fitted()
    other = PostProcessing.fit("center", [vectors()])
    with pytest.raises(InputError, match=r"with recipe '-1.mean.mean' \(layer_numbers \[4\] there, \[2\] here\)"):
        embedder(layers=2, post_processing=post)
    with pytest.raises(InputError, match="subword_pooling mean there, first here"):
        embedder(recipes=[Recipe(subword_pooling="first", name="x")], post_processing={"x": post})
    with pytest.raises(InputError, match=r"was fitted on other vectors .* weights \w+, and this is "):
        WordEmbedder(*build("roberta"), post_processing=post)
    with pytest.raises(InputError, match="6 dimensions, and these vectors have 32"):
        embedder(post_processing=other)
    with pytest.raises(InputError, match="keeps a layer axis"):
        embedder(layers="1:3", layer_pooling="none", post_processing=other)
    with pytest.raises(InputError, match=r"has several post-processings, PostProcessing\("):
        embedder(post_processing=[post, fitted("center")])
    with pytest.raises(InputError, match="Post-processing is given for recipe 'x', and there is none of this name"):
        embedder(post_processing={"x": post})
    with pytest.raises(InputError, match="goes with no recipe"):
        embedder(post_processing=[post, fitted(layers=1)])
    with pytest.raises(InputError, match="No post-processing given"):
        embedder(post_processing=[])


def test_a_model_that_reads_twice_is_not_one_that_reads_once() -> None:
    emb = WordEmbedder(*build("gpt2"), repeat=True).encode(TEXTS)
    post = PostProcessing.fit("center", [emb.vectors], provenance=emb.provenance)
    with pytest.raises(InputError, match="context 'left, read twice', and this is 'left'"):
        WordEmbedder(*build("gpt2"), post_processing=post)


def test_a_run_is_fitted_on_one_plain_recipe() -> None:
    from wordstates.documents.document import Document
    from wordstates.runs.fit import fit_post_processing

    documents = [Document(str(index), text) for index, text in enumerate(TEXTS)]
    left = iter(documents * 1000)
    post, report = fit_post_processing(embedder(), left, "center", max_words=8)
    assert (post.rows, report.words) == (8, 8)
    assert len(list(left)) == 1000 * len(documents) - report.texts  # no text is read that is not needed
    np.testing.assert_allclose(post.mean, embedder().encode(TEXTS).vectors[:8].mean(axis=0), atol=1e-5)
    with pytest.raises(InputError, match="post-processes already"):
        fit_post_processing(embedder(post_processing=post), documents, "center")
    with pytest.raises(RecipeError, match="fitted for one recipe, and there are 2"):
        fit_post_processing(embedder(recipes=[Recipe(1), Recipe(2)]), documents, "center")
