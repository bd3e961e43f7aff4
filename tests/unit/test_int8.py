"""int8: weights rounded by hand, and the precision that is computed with them."""

from __future__ import annotations

import copy
import re
from itertools import islice
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import openvino
import pytest
import torch
from jaxtyping import Float
from openvino import opset13

from families import build, save
from wordstates import WordEmbedder
from wordstates.errors import InputError, MissingExtraError, ModelError, UnexpectedError
from wordstates.model import engines, load, processor
from wordstates.model.int8 import group_of, with_int8_weights
from wordstates.model.openvino_engine import OpenVinoEngine

TEXTS = ["The children run past the old mill and the lake.", "A bank.", "mill " * 60]


@pytest.fixture(autouse=True)
def vnni(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a processor that multiplies in int8."""
    monkeypatch.setattr(load, "multiplies_in_int8", lambda: True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("int8")
    save("bert", where)
    return where


def graph_of(*weights: Float[np.ndarray, "one other"], transposed: bool = True) -> openvino.Model:
    """Make a graph that multiplies its input by one weight after the other."""
    found = given = opset13.parameter([-1, weights[0].shape[1 if transposed else 0]], np.float32)
    for weight in weights:
        found = opset13.matmul(found, opset13.constant(weight), False, transposed)
    return openvino.Model([found], [given])


def computed(graph: openvino.Model, given: Float[np.ndarray, "rows in"]) -> Float[np.ndarray, "rows out"]:
    settings = {"INFERENCE_PRECISION_HINT": "f32", "DYNAMIC_QUANTIZATION_GROUP_SIZE": 0}
    found: np.ndarray = openvino.Core().compile_model(graph, "CPU", settings)([given])[0]
    return found


def by_hand(weight: Float[np.ndarray, "out in"]) -> Float[np.ndarray, "out in"]:
    """Round each row to the 255 numbers between minus its largest and its largest."""
    rows = []
    for row in weight:
        largest = max(abs(number) for number in row)
        rows.append([round(number / largest * 127) * largest / 127 if largest else 0.0 for number in row])
    return np.array(rows, np.float32)


@pytest.mark.parametrize("transposed", [True, False])
def test_weights_are_rounded_to_255_steps_of_each_row(transposed: bool) -> None:
    random = np.random.default_rng(0)
    first, second = (random.normal(size=shape).astype(np.float32) for shape in ((48, 32), (16, 48)))
    first[3] = 0
    first[5, 7] = 40  # spoils its own row alone
    given = random.normal(size=(5, 32)).astype(np.float32)
    graph = graph_of(*((first, second) if transposed else (first.T.copy(), second.T.copy())), transposed=transposed)
    rounded = with_int8_weights(graph)
    expected = given @ by_hand(first).T @ by_hand(second).T
    assert np.abs(computed(rounded, given) - expected).max() < 1e-4
    exact = given @ first.T @ second.T
    assert 1e-3 < np.abs(expected - exact).max() < 5
    assert np.abs(computed(graph, given) - exact).max() < 1e-4  # which was not changed
    kinds = [each.get_element_type() for each in rounded.get_ops() if each.get_type_name() == "Constant"]
    assert kinds.count(openvino.Type.i8) == 2


def test_a_product_of_a_fixed_shape_stays_in_float32() -> None:
    """As of DeBERTa's distances, with the weight that also multiplies the text; OpenVINO does not compile it."""
    random = np.random.default_rng(0)
    weight, fixed = (random.normal(size=shape).astype(np.float32) for shape in ((16, 32), (1, 32)))
    given, shared = opset13.parameter([-1, 32], np.float32), opset13.constant(weight)
    products = [opset13.matmul(each, shared, False, True) for each in (given, opset13.constant(fixed))]
    text = random.normal(size=(5, 32)).astype(np.float32)
    found = computed(with_int8_weights(openvino.Model([opset13.add(*products)], [given])), text)
    assert np.abs(found - text @ by_hand(weight).T - fixed @ weight.T).max() < 1e-4


@pytest.mark.parametrize(
    ("rows", "group"), [((384, 1536), 192), ((768, 3072), 256), ((128, 768), 128), ((32, 48), 16), ((4096,), 256)]
)
def test_a_group_divides_the_rows_of_all_products(rows: tuple[int, ...], group: int) -> None:
    weights = [np.zeros((after, before), np.float32) for before, after in zip(rows, (*rows[1:], 1), strict=True)]
    assert group_of(graph_of(*weights)) == group


@pytest.mark.parametrize(("rows", "told"), [((312, 1200), "[312, 1200]"), ((24,), "[24]")])
def test_rows_that_no_group_divides_are_told(rows: tuple[int, ...], told: str) -> None:
    weights = [np.zeros((after, before), np.float32) for before, after in zip(rows, (*rows[1:], 1), strict=True)]
    with pytest.raises(ValueError, match=re.escape(f"divides its rows of {told}")):
        group_of(graph_of(*weights))


@pytest.mark.long
def test_int8_is_near_float32_and_says_how_near(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORDSTATES_CACHE", str(tmp_path))
    embedder = WordEmbedder(folder, layers="0:", precision="int8")
    emb = embedder.encode(TEXTS)
    provenance = emb.provenance
    assert provenance["engine"] == embedder.provenance["engine"] == "openvino"  # for short calls, too
    assert provenance["precision"] == "int8"
    assert 0.001 < provenance["precision_error"] < 0.1
    expected = WordEmbedder(folder, layers="0:", engine="torch").encode(TEXTS).vectors
    assert 0.001 < np.linalg.norm(emb.vectors - expected) / np.linalg.norm(expected) < 0.1
    assert np.abs(embedder.encode(TEXTS[1]).vectors - emb[1].vectors).max() < 1e-5  # whatever is beside it

    monkeypatch.setattr(load, "_looked_at", lambda *given: pytest.fail("the next process loads the network"))
    again = WordEmbedder(folder, layers="0:", precision="int8").encode(TEXTS)
    assert again.provenance == provenance
    assert np.abs(again.vectors - emb.vectors).max() < 1e-5


@pytest.mark.long
def test_a_module_in_memory_is_compared_and_not_changed() -> None:
    model, tokenizer = build("bert")
    model = copy.deepcopy(model).bfloat16()
    provenance = WordEmbedder(model, tokenizer, precision="int8").encode(TEXTS).provenance
    assert (provenance["engine"], provenance["precision"]) == ("openvino", "int8")
    assert provenance["precision_error"] > 0
    assert model.dtype == torch.bfloat16


@pytest.mark.parametrize(
    ("facts", "may"),
    [
        (("flags\t\t: fpu avx512f avx512_vnni", "model name\t: A"), True),
        (("flags\t\t: fpu avx2 avx_vnni",), True),
        (("flags\t\t: fpu avx2", "model name\t: A"), False),
        (("Features\t: fp asimd",), False),
        (("AMD64", "Intel64 Family 6"), True),  # of which nothing is known
    ],
)
def test_whether_a_processor_multiplies_in_int8(
    facts: tuple[str, ...], may: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processor, "processor_facts", lambda: facts)
    assert processor.multiplies_in_int8() == may


def test_a_processor_that_gains_nothing_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "multiplies_in_int8", lambda: False)
    monkeypatch.setattr(load, "_looked_at", lambda *given: 1 / 0)
    with (
        pytest.raises(UnexpectedError, match="ZeroDivisionError"),
        pytest.warns(UserWarning, match=r"no instructions for int8 \(VNNI\): .* precision='float32'"),
    ):
        WordEmbedder(folder, precision="int8")


@pytest.mark.parametrize("engine", ["torch", "packed"])
def test_other_engines_do_not_compute_in_int8(folder: Path, engine: Any) -> None:
    with pytest.raises(InputError, match=f"precision='int8' is computed by OpenVINO alone, not by engine='{engine}'"):
        WordEmbedder(folder, precision="int8", engine=engine)


def test_where_int8_cannot_be_computed_the_reason_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    start = "cannot compute in precision='int8' here: "
    with monkeypatch.context() as patch:
        patch.setattr(engines, "is_installed", lambda: False)
        with pytest.raises(MissingExtraError, match=r"precision='int8' needs an extra .* \"wordstates\[openvino\]\""):
            WordEmbedder(folder, precision="int8")
    with monkeypatch.context() as patch:
        patch.setattr(engines.Engines, "device", torch.device("xpu:1"))
        where = "the model is on xpu:1: device='cpu' puts it there"
        with pytest.raises(ModelError, match=f"{start}OpenVINO runs on CPUs, {where}"):
            WordEmbedder(folder, precision="int8")
    with monkeypatch.context() as patch:
        message = "Exception from src/core.cpp:117:\nException from src/plugin.cpp:54:\nNo such primitive.\n\n"
        patch.setattr(engines, "traced", mock.Mock(side_effect=RuntimeError(message)))
        with pytest.raises(ModelError, match=rf"{start}it cannot be turned into a graph \(No such primitive\.\)"):
            WordEmbedder(folder, precision="int8")
    with monkeypatch.context() as patch:
        patch.setattr(engines, "traced", lambda *given: graph_of(np.zeros((8, 24), np.float32)))
        with pytest.raises(ModelError, match=f"{start}.*no group of 16 to 256 activations divides its rows of .24."):
            WordEmbedder(folder, precision="int8")


@pytest.mark.long
def test_what_rounds_too_much_is_not_used(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    right, graphs = OpenVinoEngine.hidden_states, engines.Engines._graphs

    def wrong(engine: OpenVinoEngine, *given: Any) -> Any:
        return {layer: states * 1.2 for layer, states in right(engine, *given).items()}

    monkeypatch.setattr(OpenVinoEngine, "hidden_states", wrong)
    monkeypatch.setattr(engines.Engines, "_graphs", lambda self: islice(graphs(self), 1))
    with pytest.raises(ModelError, match=r"precision='int8' here: its layers differ by 0\.2 from float32"):
        WordEmbedder(folder, precision="int8")
