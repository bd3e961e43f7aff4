"""Sums of vectors and directions give what comparing every pair of usages gives."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from wordstates.static.means import UsageMeans


@st.composite
def usages(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[int]]:
    """Draw types, vectors and whether there is one; and the word of each type, several types to some."""
    seed, count, n_types = draw(st.integers(0, 2**32 - 1)), draw(st.integers(1, 40)), draw(st.integers(1, 8))
    rng = np.random.default_rng(seed)
    vectors = rng.normal(draw(st.sampled_from([0.0, 3.0])), 1.0, size=(count, 5)).astype(np.float32)
    return (
        rng.integers(n_types, size=count),
        vectors,
        rng.random(count) < 0.8,
        rng.integers(n_types, size=n_types).tolist(),
    )


def cosine(one: np.ndarray, two: np.ndarray) -> float:
    return float(one @ two / np.linalg.norm(one) / np.linalg.norm(two))


@given(usages(), st.integers(1, 7))
def test_sums_agree_with_all_pairs(drawn: tuple[np.ndarray, np.ndarray, np.ndarray, list[int]], parts: int) -> None:
    types, vectors, has_vector, words = drawn
    means = UsageMeans(["r", "s"])
    for part in np.array_split(np.arange(len(types)), parts):  # however the usages are cut into batches
        means.add(types[part], {"r": vectors[part], "s": 2 * vectors[part]}, has_vector[part])
    means.settle(len(words))
    every = np.arange(len(words))
    of_type = [vectors[(types == number) & has_vector].astype(np.float64) for number in every]
    assert means.usages[every].tolist() == [len(group) for group in of_type]
    for number, group in enumerate(of_type):
        mean, alike = means.means("r", every)[number], means.self_similarity("r", every)[number]
        if not len(group):
            assert np.isnan(mean).all()
        else:
            np.testing.assert_allclose(mean, group.mean(axis=0), rtol=1e-6, atol=1e-6)
            np.testing.assert_allclose(means.means("s", every)[number], 2 * mean, rtol=1e-6)
        if len(group) < 2:
            assert np.isnan(alike)
        else:
            np.testing.assert_allclose(alike, np.mean([cosine(*two) for two in combinations(group, 2)]), atol=1e-9)
    # A type at random, then another of another word, then a usage of each: the expected cosine.
    expected = [
        np.mean([cosine(a, b) for a in of_type[one] for b in of_type[two]])
        for one, two in combinations(every, 2)
        if words[one] != words[two] and len(of_type[one]) and len(of_type[two])
    ]
    if expected:
        np.testing.assert_allclose(means.anisotropy("r", words), np.mean(expected), atol=1e-9)
    else:
        assert np.isnan(means.anisotropy("r", words))


def test_memory_does_not_grow_with_the_usages() -> None:
    means = UsageMeans(["r"])
    for _ in range(50):
        means.add(np.zeros(100, dtype=np.int64), {"r": np.ones((100, 3), dtype=np.float32)}, np.ones(100, dtype=bool))
    assert means._sums["r"].shape == (64, 3)
    assert means.usages[0] == 5000


def test_a_zero_vector_has_no_direction() -> None:
    means = UsageMeans(["r"])
    means.add(np.array([0, 0]), {"r": np.zeros((2, 3), dtype=np.float32)}, np.ones(2, dtype=bool))
    assert means.means("r", np.array([0])).tolist() == [[0, 0, 0]]
    assert np.isfinite(means.self_similarity("r", np.array([0]))).all()
