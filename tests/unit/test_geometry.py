"""Geometry: every figure against plain loops over what `transformers` gives, by hand."""

from __future__ import annotations

import itertools
import sys
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import by_hand
from families import build
from wordstates import Recipe, WordEmbedder
from wordstates.documents.document import Document
from wordstates.errors import InputError, MissingExtraError, RecipeError
from wordstates.evaluate.geometry import report
from wordstates.evaluate.geometry.figures import Geometry, advice
from wordstates.evaluate.geometry.report import GeometryReport
from wordstates.evaluate.geometry.run import Measured, layer_recipe, measure_geometry
from wordstates.evaluate.geometry.sampling import SampledUsages, TypeSample
from wordstates.evaluate.geometry.sums import _half, _most
from wordstates.runs import groups

TEXTS = [
    "The river runs past the old mill.",
    "The bank lends her the money.",
    "A bank near the river.",
    "Nobody was reading the newspaper when the news came.",
    "The news of the mill came.",
    "mill",
]
DIM, BLOCKS = 32, 4


def documents(texts: Iterable[str] = TEXTS) -> list[Document]:
    return [Document(f"d{number}", text) for number, text in enumerate(texts)]


def embedder(*recipes: Recipe) -> WordEmbedder:
    return WordEmbedder(*build("bert"), recipes=[layer_recipe("0:", "mean"), *recipes])


def usages_by_hand(layer: int) -> list[tuple[str, int, np.ndarray]]:
    """Give (word, text, vector) of every word, by `transformers` alone."""
    model, tokenizer = build("bert")
    splitter = WordEmbedder(model, tokenizer)
    found = []
    for number, text in enumerate(TEXTS):
        spans = [(start, end) for start, end in splitter.split([text])[0].tolist()]
        vectors = by_hand.vectors(model, tokenizer, text, spans, [layer], "mean", "mean")
        for (start, end), vector in zip(spans, vectors, strict=True):
            assert vector is not None
            found.append((text[start:end], number, vector.double().numpy()))
    return found


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


@pytest.fixture(scope="module")
def measured() -> Measured:
    return measure_geometry(embedder(Recipe("-2:", "concat", name="two")), documents())


@pytest.mark.parametrize("layer", range(BLOCKS + 1))
def test_self_similarity_and_intra_similarity_are_those_of_plain_loops(measured: Measured, layer: int) -> None:
    usages = usages_by_hand(layer)
    geometry = measured.layers[layer]
    assert (geometry.name, geometry.dim) == (str(layer), DIM)
    first: dict[str, dict[int, np.ndarray]] = defaultdict(dict)
    for word, text, vector in usages:
        first[word].setdefault(text, vector)
    of_types = [
        np.mean([cosine(*pair) for pair in itertools.combinations(found.values(), 2)])
        for found in first.values()
        if len(found) > 1
    ]
    assert len(of_types) == measured.repeated_types > 4
    assert geometry.self_similarity == pytest.approx(np.mean(of_types), abs=1e-5)
    of_texts = []
    for number in range(len(TEXTS)):
        vectors = [vector for _, text, vector in usages if text == number]
        if len(vectors) > 1:
            mean = np.mean(vectors, axis=0)
            of_texts.append(np.mean([cosine(mean, vector) for vector in vectors]))
    assert len(of_texts) == len(TEXTS) - 1
    assert geometry.intra_similarity == pytest.approx(np.mean(of_texts), abs=1e-5)


@pytest.mark.parametrize("layer", range(BLOCKS + 1))
def test_variance_is_that_of_a_singular_value_decomposition(measured: Measured, layer: int) -> None:
    vectors = np.stack([vector for _, _, vector in usages_by_hand(layer)])
    squares = np.linalg.svd(vectors - vectors.mean(axis=0), compute_uv=False) ** 2
    shares = np.cumsum(squares) / squares.sum()
    geometry = measured.layers[layer]
    assert geometry.first_component == pytest.approx(shares[0], abs=1e-5)
    assert geometry.first_ten == pytest.approx(shares[9], abs=1e-5)
    assert geometry.components == int((shares < 0.9).sum()) + 1


def drawn(layer: int, seed: int, most: int = 1000) -> list[tuple[str, int, np.ndarray]]:
    """Give the usages that the sample holds, found again among those by hand, by their vectors."""
    usages = usages_by_hand(layer)
    sums = SampledUsages([str(layer)], most, seed)
    texts = np.array([text for _, text, _ in usages])
    vectors = np.stack([vector for _, _, vector in usages])
    sums.add([word for word, _, _ in usages], texts, {str(layer): vectors})
    places = np.flatnonzero(sums.texts >= 0)
    found = []
    for place in places.tolist():
        near = np.abs(vectors - sums.vectors[str(layer)][place]).max(axis=1) < 1e-6
        found.append(usages[np.flatnonzero(near & (texts == sums.texts[place]))[0]])
    return found


@pytest.mark.parametrize("layer", [0, 2, 4])
def test_anisotropy_and_dimensions_are_those_of_plain_loops(measured: Measured, layer: int) -> None:
    sample = drawn(layer, seed=0)
    assert len(sample) == measured.types == len({word for word, _, _ in usages_by_hand(layer)})
    pairs = [(one, other) for one, other in itertools.combinations(sample, 2) if one[1] != other[1]]
    assert all(one[0] != other[0] for one, other in pairs)
    products = np.mean([a[2] * b[2] / np.linalg.norm(a[2]) / np.linalg.norm(b[2]) for a, b in pairs], axis=0)
    geometry = measured.layers[layer]
    assert geometry.anisotropy == pytest.approx(np.mean([cosine(a[2], b[2]) for a, b in pairs]), abs=1e-5)
    assert geometry.anisotropy == pytest.approx(products.sum(), abs=1e-5)
    if geometry.anisotropy > 0.01:
        order = np.argsort(-products)
        assert [number for number, _ in geometry.dimensions] == order[:5].tolist()
        shares = [share for _, share in geometry.dimensions]
        np.testing.assert_allclose(shares, products[order[:5]] / products.sum(), atol=1e-4)
        total, count = 0.0, 0
        for number in order:
            total, count = total + products[number], count + 1
            if total >= products.sum() / 2:
                break
        assert geometry.half_dimensions == count
    vectors = np.stack([vector for _, _, vector in usages_by_hand(layer)])
    mean, spread = vectors.mean(axis=0), vectors.std(axis=0)
    _, _, components = np.linalg.svd(vectors - mean)
    for step, change in {
        "center": lambda vector: vector - mean,
        "standardize": lambda vector: (vector - mean) / spread,
        "all-but-the-top": lambda vector: vector - mean - components[0] * (components[0] @ (vector - mean)),
    }.items():
        changed = np.mean([cosine(change(a[2]), change(b[2])) for a, b in pairs])
        assert geometry.after[step] == pytest.approx(changed, abs=1e-4), step


def test_the_figures_are_corrected_for_anisotropy(measured: Measured) -> None:
    for geometry in measured.layers:
        assert geometry.corrected_self_similarity == geometry.self_similarity - geometry.anisotropy  # type: ignore[operator]
        assert geometry.corrected_intra_similarity == geometry.intra_similarity - geometry.anisotropy  # type: ignore[operator]


def test_a_recipe_is_measured_beside_the_layers(measured: Measured) -> None:
    (two,) = measured.recipes
    assert (two.name, two.dim) == ("two", 2 * DIM)
    assert measured.words == len(usages_by_hand(0))
    assert (measured.texts, len(measured.layers)) == (len(TEXTS), BLOCKS + 1)
    alone = measure_geometry(embedder(Recipe(3, name="three")), documents())
    assert replace(alone.recipes[0], name="3") == alone.layers[3]


def test_it_is_the_same_however_the_stream_is_cut(measured: Measured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups, "GROUP_CHARACTERS", 30)
    again = measure_geometry(embedder(Recipe("-2:", "concat", name="two")), documents())
    for one, other in zip(measured.layers, again.layers, strict=True):
        for name in ("anisotropy", "self_similarity", "intra_similarity", "first_component"):
            assert getattr(one, name) == pytest.approx(getattr(other, name), abs=1e-5), name
    assert (again.types, again.repeated_types) == (measured.types, measured.repeated_types)


def test_a_recipe_may_be_called_like_a_layer(measured: Measured) -> None:
    found = measure_geometry(embedder(Recipe(1, name="3")), documents())
    assert found.layers == measured.layers
    assert found.recipes == [replace(measured.layers[1], name="3")]


def test_documents_that_fail_are_left_out() -> None:
    short = WordEmbedder(*build("bert"), recipes=[layer_recipe("0:", "mean")], long_texts="error")
    found = measure_geometry(short, documents([*TEXTS, "mill " * 200]))
    assert [reject.document for reject in found.rejects] == ["d6"]
    assert found.texts == len(TEXTS)


def test_what_cannot_be_measured_is_told() -> None:
    for texts, message in (
        ([], "There is no text in the input"),
        (["", ""], "0 texts with a word came"),
        ([TEXTS[0]], "1 text with a word came: give more"),
    ):
        with pytest.raises(InputError, match=message):
            measure_geometry(embedder(), documents(texts))
    for recipe in (Recipe(0, "mean", "none"),):
        with pytest.raises(RecipeError, match="gives several vectors a word"):
            measure_geometry(WordEmbedder(*build("bert"), recipes=[recipe]), documents())
    lonely = measure_geometry(embedder(), documents(["river", "mill"])).layers[0]
    assert lonely.self_similarity is None
    assert lonely.corrected_self_similarity is None
    assert lonely.intra_similarity is None


# ---------------------------------------------------------------- the sample


def test_every_type_has_the_same_chance() -> None:
    words = [f"w{number}" for number in range(20)]
    counts = dict.fromkeys(words, 0)
    for seed in range(600):
        sample = TypeSample(5, seed)
        for begin in range(0, 20, 7):
            sample.places(words[begin : begin + 7])
        assert len(sample) == 5
        for word in sample._places:
            counts[word] += 1
    assert sum(counts.values()) == 3000
    assert 110 < min(counts.values()) < 150 < max(counts.values()) < 195  # 150, give or take 11


def test_a_type_of_the_sample_misses_no_usage() -> None:
    random = np.random.default_rng(0)
    words = [f"w{number}" for number in random.integers(0, 60, 900)]
    vectors = random.normal(size=(900, 4))
    texts = np.arange(900)
    sums = SampledUsages(["v"], 8, seed=3)
    for begin in range(0, 900, 50):
        part = slice(begin, begin + 50)
        sums.add(words[part], texts[part], {"v": vectors[part]})
    for word, place in sums.types._places.items():
        mine = np.array([index for index, other in enumerate(words) if other == word])
        assert sums.means.usages[place] == len(mine)
        np.testing.assert_allclose(sums.means.means("v", np.array([place]))[0], vectors[mine].mean(axis=0), atol=1e-6)
        assert sums.texts[place] in mine
        np.testing.assert_allclose(sums.vectors["v"][place], vectors[sums.texts[place]], atol=1e-6)


def test_each_usage_of_a_type_has_the_same_chance() -> None:
    counts = np.zeros(6)
    for seed in range(900):
        sums = SampledUsages(["v"], 2, seed)
        for begin in range(0, 6, 2):
            sums.add(["a", "a"], np.arange(begin, begin + 2), {"v": np.ones((2, 3))})
        counts[sums.texts[0]] += 1
    assert counts.sum() == 900
    assert counts.min() > 110, counts  # 150, give or take 11
    assert counts.max() < 190, counts


def test_a_text_counts_once_for_a_type() -> None:
    sums = SampledUsages(["v"], 2, seed=0)
    sums.add(["a", "a", "b", "a"], np.array([0, 0, 0, 1]), {"v": np.arange(4.0)[:, None] + 1})
    assert sums.means.usages[:2].tolist() == [2, 1]
    assert sums.means.means("v", np.array([0])).tolist() == [[2.5]]  # the first of each text: 1 and 4


# ---------------------------------------------------------------- advice


def geometry_of(**changes: Any) -> Geometry:
    plain = Geometry("-1", 768, 0.05, 0.5, 0.4, [(3, 0.1), (7, 0.05)], 90, 0.2, 0.5, 60, {"standardize": 0.01})
    return replace(plain, **changes)


def test_cosines_that_are_fine_get_no_warning() -> None:
    assert advice(geometry_of()) == []
    assert advice(geometry_of(anisotropy=0.05, half_dimensions=1)) == [], "half of next to nothing"
    assert advice(geometry_of(anisotropy=0.2)) == []


def test_cosines_that_mean_little_get_one_with_what_helps() -> None:
    after = {"center": 0.03, "standardize": 0.01, "all-but-the-top": 0.02}
    high = advice(geometry_of(anisotropy=0.93, after=after))
    assert high[0].startswith("two words taken at random have a cosine of 0.93")
    assert high[-1].endswith("would then be 0.01 (standardize) or 0.02 (all-but-the-top)")
    one = advice(geometry_of(anisotropy=0.2, half_dimensions=1, after=after))
    assert one[0] == "dimension 3 makes up half of the cosine of any two words, so it compares little else of the 768"
    two = advice(geometry_of(anisotropy=0.6, half_dimensions=2, after=after))
    assert two[1].startswith("dimensions 3, 7 make up half")
    assert len(two) == 3


def test_half_of_the_cosine() -> None:
    assert _half(np.array([0.1, 0.6, 0.3])) == 1
    assert _half(np.array([0.3, 0.4, 0.3])) == 2
    assert _half(np.array([0.5, 0.5, 0.0])) == 1
    assert _half(np.array([-0.5, 0.2])) is None
    assert _most(np.array([-0.5, 0.2])) == []
    assert _most(np.array([0.1, 0.3])) == [(1, pytest.approx(0.75)), (0, pytest.approx(0.25))]


# ---------------------------------------------------------------- the report


def test_the_page_needs_no_other_file(measured: Measured) -> None:
    report = GeometryReport(replace(measured, recipes=[geometry_of(anisotropy=0.9)]), "a <model>")
    page = report.to_html()
    assert page == report.to_html(), "the same figures give the same page"
    assert page.count("<svg") == page.count("</svg>") == 5
    assert "a &lt;model&gt;" in page
    assert "<model>" not in page
    assert "cosines of -1 mean little" in page
    for outside in ("src=", "<link", "@import", "<script"):
        assert outside not in page
    assert page.count("<tr>") == 2 + BLOCKS + 1


def test_without_matplotlib_it_says_what_to_install(measured: Measured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtraError, match=r'a report with plots needs .* pip install "wordstates\[evaluate\]"'):
        GeometryReport(measured, "m").to_html()


def test_what_cannot_be_told_is_a_dash() -> None:
    unknown = Geometry("0", 4, 0.25, None, None, [], None, None, None, None)
    assert report._cells(unknown) == ["0", "0.250", *["-"] * 9]
    measured = Measured([unknown], [], 1, 2, 2, 0, [], {})
    text = GeometryReport(measured, "m").to_text().splitlines()
    assert len({len(line) for line in text}) == 1
