"""Which engine runs a call, and what happens when the faster one cannot."""

from __future__ import annotations

import copy
import os
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise, permutations, product
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch
import transformers
from transformers.masking_utils import create_sliding_window_causal_mask

from families import build, save
from patience import A_HANG
from wordstates import WordEmbedder, set_threads
from wordstates.documents.document import Document
from wordstates.errors import InputError, MissingExtraError, ModelError
from wordstates.model import _hf, cpu_speed, devices, engines, examined, forked, openvino_engine, packing, tracing
from wordstates.model.engine import Batch, Engine, pack, pad
from wordstates.model.openvino_engine import OpenVinoEngine
from wordstates.model.packing import PackedEngine, RowsEngine
from wordstates.model.torch_engine import alone_with, copy_of
from wordstates.runs.groups import GroupRun
from wordstates.store.workers.processes import _threads_divided

TEXTS = ["The children run past the old mill and the lake.", "A bank.", "mill " * 60]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keep a tiny BERT on disk, so that it is loaded by name and belongs to the embedder alone."""
    where = tmp_path_factory.mktemp("model")
    model, tokenizer = build("bert")
    model.save_pretrained(where)
    tokenizer.save_pretrained(where)
    return where


def choose_from(subwords: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have calls of so many subwords, and more, choose their engine."""
    monkeypatch.setattr(engines, "_WORTH_A_GRAPH", 0.0)
    monkeypatch.setattr(engines, "_WORTH_PROBES", subwords)


@pytest.fixture
def worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every call long enough to choose an engine."""
    choose_from(0.0, monkeypatch)


def engine_of(embedder: WordEmbedder, characters: float) -> str:
    return embedder.session(characters).engine


@pytest.fixture
def without_openvino(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "is_installed", lambda: False)


def test_short_calls_are_left_to_pytorch_and_long_ones_go_to_openvino(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedder = WordEmbedder(folder)
    short = embedder.encode(TEXTS)
    assert short.provenance["engine"] == "torch"
    assert "why_not_faster" not in short.provenance
    choose_from(sum(map(len, TEXTS)) // 4, monkeypatch)
    long = embedder.encode(TEXTS)
    assert long.provenance["engine"] == engine_of(embedder, sum(map(len, TEXTS))) == "openvino"
    assert embedder.provenance["engine"] == engine_of(embedder, 1) == "torch"
    assert np.abs(long.vectors - short.vectors).max() < 1e-5
    assert embedder.encode(TEXTS[:2]).provenance["engine"] == "torch"
    session = embedder.session()
    assert session.engine == session.provenance["engine"] == "openvino"
    assert session.encode(TEXTS[:2]).provenance["engine"] == "openvino"


def test_both_engines_meet_the_protocol(folder: Path) -> None:
    embedder = WordEmbedder(folder, engine="openvino")
    assert isinstance(embedder._model.engines.fastest(), OpenVinoEngine)
    for engine in (embedder._model.engines.reference, embedder._model.engines.fastest()):
        assert isinstance(engine, Engine)
        assert str(engine.device) == "cpu"


def test_choosing_an_engine_costs_more_the_larger_the_network(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large one reads few subwords in the time that a small one takes for many, and so with the probes."""
    chooser = WordEmbedder(folder)._model.engines
    fast = copy.copy(chooser.reference)
    monkeypatch.setattr(chooser, "fastest", lambda: fast)
    for weights, subwords in ((10_646_784, 38_786.0), (85_054_464, 22_352.0), (10**12, 20_001.0)):
        monkeypatch.setattr(chooser, "n_weights", weights)
        assert chooser.for_work(subwords - 1.0) is chooser.reference
        assert chooser.for_work(subwords) is fast


@pytest.mark.usefixtures("worth_it", "without_openvino")
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_without_openvino_pytorch_reads_packed_rows_and_says_why(folder: Path, precision: Any) -> None:
    embedder = WordEmbedder(folder, precision=precision)
    emb = embedder.encode(TEXTS)
    assert emb.provenance["engine"] == "packed-masked"
    assert emb.provenance["why_not_faster"] == 'OpenVINO is not installed: pip install "wordstates[openvino]"'
    assert isinstance(embedder._model.engines.fastest(), RowsEngine)
    plain = WordEmbedder(folder, precision=precision, engine="torch").encode(TEXTS).vectors
    assert np.abs(emb.vectors - plain).max() < (1e-5 if precision == "float32" else 0.1)
    with pytest.raises(MissingExtraError, match=r"engine='openvino' needs an extra"):
        WordEmbedder(folder, engine="openvino")


@pytest.mark.usefixtures("worth_it", "without_openvino")
@pytest.mark.parametrize("family", ["bart", "deberta-v2"])
def test_without_openvino_what_cannot_be_packed_in_rows_stays_padded(tmp_path: Path, family: str) -> None:
    save(family, tmp_path)
    provenance = WordEmbedder(tmp_path).encode(TEXTS).provenance
    assert provenance["engine"] == "torch"
    assert provenance["why_not_faster"].startswith("OpenVINO is not installed")


@pytest.mark.long
@pytest.mark.usefixtures("worth_it")
def test_an_engine_that_disagrees_is_not_used(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    right = OpenVinoEngine.hidden_states

    def wrong(self: OpenVinoEngine, batch: Any, layers: Any) -> Any:
        return {
            layer: state + 2e-5 * max(1.0, float(np.abs(state).max()))
            for layer, state in right(self, batch, layers).items()
        }

    monkeypatch.setattr(OpenVinoEngine, "hidden_states", wrong)
    embedder = WordEmbedder(folder)
    emb = embedder.encode(TEXTS)
    assert emb.provenance["engine"] == "packed-masked"
    assert "its layer 0 differs by" in emb.provenance["why_not_faster"]
    with pytest.raises(
        ModelError, match=r"cannot run on engine='openvino' here: its layer 0 differs by .* Leave it out"
    ):
        WordEmbedder(folder, engine="openvino")


@pytest.mark.long
@pytest.mark.usefixtures("worth_it")
def test_an_engine_that_disagrees_in_reduced_precision_is_not_used(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = OpenVinoEngine.hidden_states

    def wrong(self: OpenVinoEngine, batch: Any, layers: Any) -> Any:
        found = right(self, batch, layers)
        return found if len(batch.ids) == 1 else {layer: state[..., ::-1] for layer, state in found.items()}

    monkeypatch.setattr(OpenVinoEngine, "hidden_states", wrong)
    why = WordEmbedder(folder, precision="bfloat16").encode(TEXTS).provenance["why_not_faster"]
    assert why.startswith("its layer 0 differs by")


@pytest.mark.usefixtures("worth_it")
def test_a_network_that_cannot_be_traced_runs_on_pytorch(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*args: Any) -> None:
        raise RuntimeError("no such operation\nand a long story")

    monkeypatch.setattr(tracing, "_as_graph", fails)
    emb = WordEmbedder(folder).encode(TEXTS)
    assert emb.provenance["why_not_faster"] == "it cannot be turned into a graph (no such operation)"


@pytest.mark.usefixtures("worth_it")
def test_a_model_in_memory_may_change_and_stays_with_pytorch_unless_asked() -> None:
    model, tokenizer = build("bert")
    provenance = WordEmbedder(model, tokenizer).encode(TEXTS).provenance
    assert provenance["engine"] == "packed-masked"  # in rows: the very network
    assert "may be trained on" in provenance["why_not_faster"]
    assert WordEmbedder(model, tokenizer, engine="openvino").encode(TEXTS).provenance["engine"] == "openvino"


@pytest.mark.usefixtures("worth_it")
def test_float16_and_other_devices_are_not_for_openvino(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    why = WordEmbedder(folder, precision="float16").encode(TEXTS).provenance["why_not_faster"]
    assert why == "OpenVINO computes in float32, bfloat16 or int8"
    embedder = WordEmbedder(folder)
    monkeypatch.setattr(type(embedder._model.engines), "device", torch.device("xpu:1"))
    provenance = embedder.encode(TEXTS).provenance
    assert provenance["engine"] == "packed-masked"
    assert "why_not_faster" not in provenance
    with pytest.raises(ModelError, match="here: OpenVINO runs on CPUs, the model is on xpu:1"):
        WordEmbedder(folder, engine="openvino")


@pytest.mark.usefixtures("worth_it")
@pytest.mark.parametrize("precision", ["bfloat16", "float16", "float32"])
def test_on_a_gpu_windows_are_packed_in_a_row_or_in_rows(
    folder: Path, monkeypatch: pytest.MonkeyPatch, precision: Any
) -> None:
    embedder = WordEmbedder(folder, precision=precision)
    monkeypatch.setattr(type(embedder._model.engines), "device", torch.device("cuda"))  # the network stays on the CPU
    provenance = embedder.encode(TEXTS).provenance
    assert provenance["engine"] == ("packed-masked" if precision == "float32" else "packed-varlen")
    fast = embedder._model.engines.fastest()
    if precision == "float32":
        assert isinstance(fast, RowsEngine)  # FlashAttention would round
        assert provenance["precision_error"] is None
    else:
        assert isinstance(fast, PackedEngine)
        assert 0 < provenance["precision_error"] < 0.05


@pytest.mark.usefixtures("worth_it")
def test_on_a_gpu_a_model_in_memory_is_read_in_rows_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    model, tokenizer = build("modernbert")
    embedder = WordEmbedder(copy.deepcopy(model).bfloat16(), tokenizer)
    monkeypatch.setattr(type(embedder._model.engines), "device", torch.device("cuda"))
    assert embedder.encode(TEXTS).provenance["engine"] == "packed-masked"
    fastest = embedder._model.engines.fastest()
    assert isinstance(fastest, RowsEngine)
    assert fastest.network is embedder._model.engines.reference.network


@pytest.mark.usefixtures("one_row")
def test_packed_windows_are_read_without_padding(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, ...]] = []
    right = PackedEngine.hidden_states

    def watched(self: PackedEngine, batch: Batch, layers: Any) -> Any:
        assert batch.mask.all()
        seen.append(tuple(batch.ids.shape))
        return right(self, batch, layers)

    embedder = WordEmbedder(folder, engine="packed", batch_subwords=100)
    plain = WordEmbedder(folder, engine="torch")
    texts = ["river " * (number % 30 + 1) for number in range(40)]  # ten come again, and are read once
    monkeypatch.setattr(PackedEngine, "hidden_states", watched)
    assert np.abs(embedder.encode(texts).vectors - plain.encode(texts).vectors).max() < 1e-5
    subwords = sum(number + 1 + 2 for number in range(30))
    assert sum(columns for _, columns in seen) == subwords
    assert all(rows == 1 and columns <= 100 for rows, columns in seen)
    assert len(seen) <= -(-subwords // 100) + 1


def test_what_has_a_bias_of_its_own_is_packed_in_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, ...]] = []
    right = RowsEngine.hidden_states

    def watched(self: RowsEngine, batch: Batch, layers: Any) -> Any:
        seen.append(tuple(batch.ids.shape))
        return right(self, batch, layers)

    model, tokenizer = build("mpnet")
    embedder = WordEmbedder(model, tokenizer, engine="packed", batch_subwords=256)
    plain = WordEmbedder(model, tokenizer, engine="torch")
    monkeypatch.setattr(RowsEngine, "hidden_states", watched)
    texts = [text for call in mixed_texts()[:8] for text in call]
    found = embedder.encode(texts)
    assert np.abs(found.vectors - plain.encode(texts).vectors).max() < 1e-5
    assert {width for _, width in seen} == {embedder._model.limit}
    assert len(found.subword_ids) < sum(rows * width for rows, width in seen) < 1.5 * len(found.subword_ids)


@pytest.mark.usefixtures("one_row")
def test_a_packed_network_shares_its_weights_and_leaves_the_given_one_alone() -> None:
    model, tokenizer = build("modernbert")
    before = model.config._attn_implementation
    embedder = WordEmbedder(model, tokenizer, engine="packed")
    packed = embedder._model.engines.fastest()
    assert isinstance(packed, PackedEngine)
    assert packed.network is not model
    assert {id(weight) for weight in packed.network.parameters()} == {id(weight) for weight in model.parameters()}
    assert model.config._attn_implementation == before


@pytest.mark.parametrize(
    ("causal", "sliding", "seen"),
    [
        (False, 2, [[1, 1, 0], [1, 1, 1], [0, 1, 1]]),
        (True, None, [[1, 0, 0], [1, 1, 0], [1, 1, 1]]),
        (True, 2, [[1, 0, 0], [1, 1, 0], [0, 1, 1]]),
    ],
)
def test_what_a_subword_of_a_packed_window_sees(causal: bool, sliding: int | None, seen: list[list[int]]) -> None:
    found = packing._seen(3, causal, sliding, torch.device("cpu"))
    assert found is not None
    assert found.int().tolist() == seen


@pytest.mark.usefixtures("one_row")
@pytest.mark.parametrize("key_heads", [2, 4])
def test_flash_attention_gets_windows_and_what_they_see(
    folder: Path, monkeypatch: pytest.MonkeyPatch, key_heads: int
) -> None:
    """Hold the call for GPUs, which cannot run here, against the plain way on the same windows."""
    varlen = pytest.importorskip("torch.nn.attention.varlen")

    def written_out(
        query: Any, key: Any, value: Any, bounds: Any, key_bounds: Any, longest: int, longest_key: int, **options: Any
    ) -> Any:
        assert bounds.dtype == torch.int32
        assert bounds.tolist() == key_bounds.tolist() == [0, 3, 4, 8]
        assert longest == longest_key == 4
        assert all(part.is_contiguous() for part in (query, key, value))
        assert options["enable_gqa"] is (key_heads == 2)
        left, right = options["window_size"]
        found = []
        for begin, end in pairwise(bounds.tolist()):
            distance = torch.arange(end - begin)[:, None] - torch.arange(end - begin)[None, :]
            mask = torch.ones_like(distance, dtype=torch.bool)
            mask &= distance <= left if left >= 0 else mask
            mask &= -distance <= right if right >= 0 else mask
            parts = (part[begin:end].transpose(0, 1)[None] for part in (query, key, value))
            found.append(
                torch.nn.functional.scaled_dot_product_attention(
                    *parts, attn_mask=mask, scale=options["scale"], enable_gqa=options["enable_gqa"]
                )[0].transpose(0, 1)
            )
        return torch.cat(found)

    monkeypatch.setattr(varlen, "varlen_attn", written_out)
    engine = WordEmbedder(folder, engine="packed")._model.engines.fastest()
    assert isinstance(engine, PackedEngine)
    query, key, value = (torch.randn(1, heads, 8, 16) for heads in (4, key_heads, key_heads))
    with engine._inputs(pack([[1, 2, 3], [4], [5, 6, 7, 8]], None, 0)) as inputs:
        assert inputs["position_ids"].tolist() == [[0, 1, 2, 0, 0, 1, 2, 3]]
        for causal, sliding in product([True, False], [None, 1, 2]):
            found = packing._flash(packing._READING.row, query, key, value, 0.3, causal, sliding)
            plain = packing._window_by_window(packing._READING.row, query, key, value, 0.3, causal, sliding)
            assert found.shape == plain.shape == (1, 8, 4, 16)
            assert (found - plain).abs().max() < 1e-5
    assert not hasattr(packing._READING, "row")


def test_a_gpu_copies_in_a_stream_of_its_own_and_is_waited_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hold the order of calls, since no GPU may be here: what is copied too early, or read too early, is garbage."""
    gpu, copied = torch.device("cuda:1"), torch.ones(2)
    calls = mock.MagicMock()
    given = mock.Mock(spec=torch.Tensor, device=gpu)
    given.to.return_value = copied
    calls.attach_mock(given, "given")
    monkeypatch.setattr(torch, "cuda", calls.cuda)
    assert all(copy is copied for copy in devices.to_host([given, given]))
    copying, computing = calls.cuda.Stream.return_value, calls.cuda.current_stream.return_value
    assert calls.mock_calls == [
        mock.call.cuda.Stream(gpu),
        mock.call.cuda.current_stream(gpu),
        mock.call.cuda.Stream().wait_stream(computing),
        mock.call.cuda.stream(copying),
        mock.call.cuda.stream().__enter__(),
        *[mock.call.given.to("cpu", non_blocking=True)] * 2,
        mock.call.cuda.stream().__exit__(None, None, None),
        mock.call.cuda.Stream().synchronize(),
    ]


def test_attention_to_chosen_keys_is_not_packed_in_one_row() -> None:
    """As in DeepSeek's sparse attention, which short windows do not show: there all keys are chosen."""
    states = torch.zeros(1, 1, 2, 8)
    with pytest.raises(NotImplementedError, match="its attention has a bias of its own"):
        packing.attention(torch.nn.Identity(), states, states, states, None, indices=torch.zeros(1, 2, 1))


def test_masks_in_packed_rows_are_those_of_the_network_within_each_window() -> None:
    config = transformers.MistralConfig(sliding_window=2, attn_implementation="sdpa")
    row, none = torch.zeros(1, 5, 8), torch.ones(1, 5, dtype=torch.long)

    def seen() -> list[list[int]]:
        mask = create_sliding_window_causal_mask(config, row, none, None)
        mask = mask if mask.dtype == torch.bool else mask == 0
        lines: list[list[int]] = mask[0, 0].int().tolist()
        return lines

    alone = [[1, 0, 0, 0, 0], [1, 1, 0, 0, 0], [0, 1, 1, 0, 0], [0, 0, 1, 1, 0], [0, 0, 0, 1, 1]]
    apart = [[1, 0, 0, 0, 0], [1, 1, 0, 0, 0], [0, 1, 1, 0, 0], [0, 0, 0, 1, 0], [0, 0, 0, 1, 1]]
    for config._attn_implementation in ("sdpa", "eager"):
        with _hf.windows_apart(torch.tensor([[1, 1, 1, 2, 2]])) as made, ThreadPoolExecutor(1) as others:
            assert seen() == apart
            assert others.submit(seen).result() == alone  # what other threads read is theirs
            assert made == [config._attn_implementation]
        assert seen() == alone


def test_an_older_pytorch_says_what_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.nn.attention.varlen", None)
    row, states = packing._Row(torch.tensor([0, 2], dtype=torch.int32), [2]), torch.zeros(1, 1, 2, 8)
    with pytest.raises(NotImplementedError, match="has no attention for unequal lengths"):
        packing._flash(row, states, states, states, None, False, None)


def test_whether_padding_matters_is_not_told_from_rounding(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a GPU a batch with padding goes through another kernel, which rounds otherwise."""
    right = torch.nn.functional.scaled_dot_product_attention

    def rounded(query: Any, key: Any, value: Any, attn_mask: Any = None, **options: Any) -> Any:
        found = right(query, key, value, attn_mask=attn_mask, **options)
        if attn_mask is None or query.dtype == torch.float32:
            return found
        return found + 0.01 * found.abs().max()

    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", rounded)
    embedder = WordEmbedder(folder, precision="bfloat16", engine="packed")
    assert embedder._model.anatomy.padding_safe
    assert embedder.provenance["engine"] == "packed-masked"


def test_a_network_is_not_copied_in_the_middle_of_a_pass() -> None:
    """Hooks of the pass would be copied with it, and count along for good."""
    model, _ = build("bert")
    with ThreadPoolExecutor(1) as threads:
        with alone_with(model):
            copied = threads.submit(copy_of, model, share_weights=True)
            with pytest.raises(TimeoutError):
                copied.result(timeout=0.2)
        twin = copied.result(timeout=A_HANG)
    assert twin is not model
    assert all(weight is other for weight, other in zip(model.parameters(), twin.parameters(), strict=True))


@pytest.mark.long
def test_reduced_precision_has_a_measured_error_on_both_engines(folder: Path) -> None:
    exact = WordEmbedder(folder, engine="torch").encode(TEXTS).vectors
    for engine in ("torch", "openvino"):
        embedder = WordEmbedder(folder, engine=engine, precision="bfloat16")  # type: ignore[arg-type]
        rounded = embedder.encode(TEXTS).vectors
        measured = embedder.provenance["precision_error"]
        assert 1e-4 < measured < 0.05
        assert np.linalg.norm(rounded - exact) / np.linalg.norm(exact) < 3 * measured
    assert WordEmbedder(folder, engine="openvino").provenance["precision_error"] is None


@pytest.mark.long
def test_a_precision_that_is_slow_here_is_warned_of_and_a_graph_pays_sooner(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = sum(map(len, TEXTS))
    choose_from(3.0 * (work // 4), monkeypatch)
    assert engine_of(WordEmbedder(folder), work) == "torch"
    monkeypatch.setattr(examined, "slowness", lambda dtype: 1.0 if dtype == torch.float32 else 7.0)
    with pytest.warns(UserWarning, match=r"7 times as long in bfloat16 as in float32\. With precision='float32'"):
        slow = WordEmbedder(folder, precision="bfloat16")
    assert engine_of(slow, work) == "openvino"
    assert engine_of(WordEmbedder(folder), work) == "torch"
    with warnings.catch_warnings():  # what PyTorch takes is nothing to one who does not ask it
        warnings.simplefilter("error")
        WordEmbedder(folder, precision="bfloat16", engine="openvino")


def test_how_slow_a_precision_is_here_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = mock.Mock(perf_counter=mock.Mock(side_effect=[float(second) for second in range(20)]))
    monkeypatch.setattr(cpu_speed, "time", clock)
    assert cpu_speed.products_per_second(torch.bfloat16, 64, 256) == 2 * 64 * 384 * 256
    speeds = {torch.float32: 50.0, torch.bfloat16: 10.0, torch.float16: 100.0}
    monkeypatch.setattr(cpu_speed, "products_per_second", lambda dtype, rows, columns: speeds[dtype])
    assert [cpu_speed.slowness(dtype) for dtype in speeds] == [1.0, 5.0, 1.0]


def test_a_graph_ends_at_the_deepest_wanted_layer(folder: Path) -> None:
    engine = WordEmbedder(folder, engine="openvino")._model.engines.fastest()
    assert isinstance(engine, OpenVinoEngine)
    assert not engine._compiled  # what was compared holds the weights too, and is not kept
    for form in (openvino_engine._Form(None, plain=False), openvino_engine._Form((16, 64), plain=True)):
        sizes = [len(engine._compile((layer,), form).get_runtime_model().get_ops()) for layer in range(5)]
        assert sizes == sorted(set(sizes))
    assert len(engine._compiled) <= openvino_engine._MOST_GRAPHS


def test_all_cores_read_a_short_call(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    embedder = WordEmbedder(folder, engine="openvino")
    engine = embedder._model.engines.fastest()
    assert isinstance(engine, OpenVinoEngine)
    read: list[tuple[int, bool]] = []

    def hidden_states(batch: Batch, layers: Any) -> Any:
        read.append((len(batch.ids), batch.alone))
        return OpenVinoEngine.hidden_states(engine, batch, layers)

    monkeypatch.setattr(engine, "hidden_states", hidden_states)
    monkeypatch.setattr(engine, "streams", 2)
    alone = embedder.encode(TEXTS[0])
    assert read == [(1, True)]  # a row: one batch, on all cores
    read.clear()
    together = embedder.encode([*TEXTS, TEXTS[2] + "lake"])
    assert sorted(read) == [(1, False), (2, False)]  # three rows
    np.testing.assert_allclose(together[0].vectors, alone.vectors, atol=1e-5)
    read.clear()
    monkeypatch.setattr(engine, "streams", 1)
    embedder.encode([*TEXTS, TEXTS[2] + "lake"])
    assert read == [(3, False)]


def test_what_a_thread_was_given_is_not_written_over_by_another(folder: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    engine = WordEmbedder(folder, engine="openvino")._model.engines.fastest()
    batches = [pad([[5 + number, 6, 7]] * (1 + number), None, 0) for number in range(4)]
    expected = [engine.hidden_states(batch, [2])[2].copy() for batch in batches]

    def ask(number: int) -> bool:
        found = engine.hidden_states(batches[number % 4], [2])[2]
        return np.array_equal(found, expected[number % 4])

    with ThreadPoolExecutor(3) as pool:
        assert all(pool.map(ask, range(60)))


def test_a_release_that_does_not_know_a_setting_does_without(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openvino_engine, "_PLAIN_ATTENTION", {"NO_SUCH_SETTING": "1"})
    assert WordEmbedder(folder, engine="openvino").encode(TEXTS).provenance["engine"] == "openvino"


def test_threads_are_those_asked_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forked, "_threads", None)
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    before = torch.get_num_threads()
    try:
        set_threads(np.int64(1))
        embedder = WordEmbedder(folder, engine="openvino")
        assert torch.get_num_threads() == 1
        assert embedder._model.engines.fastest().in_flight == 2
        with _threads_divided(2):  # what a worker process is started with
            assert os.environ["OMP_NUM_THREADS"] == "1"
        assert os.environ["OMP_NUM_THREADS"] == "7"
    finally:
        torch.set_num_threads(before)
    with pytest.raises(InputError, match="threads=0 computes nothing"):
        set_threads(0)
    with pytest.raises(InputError, match="threads=True is no whole number"):
        set_threads(True)
    with pytest.raises(InputError, match=r"engine='onnx' does not exist: choose one of auto, torch, packed, openvino"):
        WordEmbedder(folder, engine="onnx")  # type: ignore[arg-type]


def test_a_failure_in_the_middle_stops_the_call_and_the_embedder_goes_on(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedder = WordEmbedder(folder, engine="openvino", batch_subwords=16)
    right = OpenVinoEngine.hidden_states
    calls: list[int] = []

    def fails_once(self: OpenVinoEngine, batch: Any, layers: Any) -> Any:
        calls.append(1)
        if len(calls) == 3:
            raise RuntimeError("a device gave up")
        return right(self, batch, layers)

    expected = embedder.encode(TEXTS).vectors
    monkeypatch.setattr(OpenVinoEngine, "hidden_states", fails_once)
    with pytest.raises(ModelError, match=r"failed while reading \(a device gave up\)"):
        embedder.encode(TEXTS * 3)
    assert np.array_equal(embedder.encode(TEXTS).vectors, expected)


def test_the_engine_of_a_run_is_that_of_all_its_parts(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A document that fails splits its group into parts that are short for themselves."""
    embedder = WordEmbedder(folder, precision="bfloat16", long_texts="error")
    texts = [TEXTS[0]] * 20
    documents = [Document(str(number), text) for number, text in enumerate([*texts, "mill " * 600, *texts])]
    choose_from(len(TEXTS[0]) * 30 / 4, monkeypatch)
    told: list[int] = []
    run = GroupRun(embedder, told.append)
    found = [piece.embeddings for piece in run.over(documents)]
    assert {part.provenance["engine"] for part in found} == {"openvino"}
    assert [reject.document for reject in run.rejects] == ["20"]
    assert sum(told) == sum(len(part.words) for part in found) == 40 * len(TEXTS[0][:-1].split()) + 40
    assert all(np.array_equal(text.vectors, found[0][0].vectors) for part in found for text in part)


def test_a_caller_s_autocast_changes_nothing(folder: Path) -> None:
    embedder = WordEmbedder(folder, engine="torch")
    expected = embedder.encode(TEXTS).vectors
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert np.array_equal(embedder.encode(TEXTS).vectors, expected)


@pytest.fixture
def shapes(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """Collect the shapes of the batches that OpenVINO reads."""
    found: list[tuple[int, ...]] = []
    right = OpenVinoEngine.hidden_states

    def noted(self: OpenVinoEngine, batch: Any, layers: Any) -> Any:
        found.append(tuple(batch.ids.shape))
        return right(self, batch, layers)

    monkeypatch.setattr(OpenVinoEngine, "hidden_states", noted)
    return found


def mixed_texts() -> list[list[str]]:
    """Give calls of texts of all lengths."""
    words = ["the", "old", "mill", "runs", "past", "a", "river", "bank"]
    return [
        [" ".join(words[place % 8] for place in range(start, 2 * start + number)) for start in range(1, 9)]
        for number in range(60)
    ]


@pytest.mark.long
def test_padded_shapes_are_few(shapes: list[tuple[int, ...]]) -> None:
    """Each new shape costs OpenVINO memory that it does not give back."""
    model, tokenizer = build("deberta-v2")
    embedder = WordEmbedder(model, tokenizer, engine="openvino", batch_subwords=256)
    plain = WordEmbedder(model, tokenizer, engine="torch")
    shapes.clear()
    for texts in mixed_texts():
        assert np.abs(embedder.encode(texts).vectors - plain.encode(texts).vectors).max() < 1e-5
    assert len(set(shapes)) < 40


@pytest.mark.long
def test_packed_rows_have_few_widths_and_give_the_same_vectors(shapes: list[tuple[int, ...]]) -> None:
    embedder, plain = WordEmbedder("minilm", engine="openvino"), WordEmbedder("minilm", engine="torch")
    shapes.clear()
    subwords = 0
    for texts in [
        [text for call in mixed_texts()[:40:4] for text in call],
        [f"mill {number} " + "by the river " * (number**2 // 3) for number in range(1, 22)],
        ["bank " * 700],
    ]:
        found, expected = embedder.encode(texts), plain.encode(texts)
        assert np.abs(found.vectors - expected.vectors).max() < 1e-5
        assert np.array_equal(found.status_codes, expected.status_codes)
        subwords += len(found.subword_ids)
    assert {width for _, width in shapes} == {64, 128, 256, 512}
    assert (16, 64) in shapes  # a full batch, which has a graph of its own
    assert sum(rows * width for rows, width in shapes) < 1.5 * subwords


@pytest.mark.long
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_windows_that_see_each_other_are_not_packed(
    folder: Path, monkeypatch: pytest.MonkeyPatch, precision: Any
) -> None:
    """Rounding does not hide it either: the graph is compared in float32."""
    monkeypatch.setattr(_hf, "_UNSEEN", -6.0)  # a little of the neighbours comes through
    engine = WordEmbedder(folder, engine="openvino", precision=precision)._model.engines.fastest()
    assert engine.name == "openvino"
    assert not engine.layout.packed
    with pytest.raises(ModelError, match="its layer 1 differs by"):
        WordEmbedder(*build("mpnet"), engine="packed", precision=precision)


def test_submit_gives_what_encode_gives(folder: Path) -> None:
    embedder = WordEmbedder(folder, engine="openvino")
    pending = [embedder.submit(TEXTS), embedder.submit(TEXTS[:1], spans=[[(4, 12)]])]
    assert np.array_equal(pending[0].result().vectors, embedder.encode(TEXTS).vectors)
    assert pending[1].result().words == ["children"]
    embedder = WordEmbedder(folder, engine="openvino", batch_subwords=16)
    dropped = embedder.submit([*TEXTS, *map(" ".join, permutations(TEXTS[0].split()[:6]))])
    dropped.abandon()
    with pytest.raises(ModelError, match="abandoned before they were computed"):
        dropped.result()
    assert WordEmbedder(folder).session(1).submit(TEXTS).result().provenance["engine"] == "torch"
