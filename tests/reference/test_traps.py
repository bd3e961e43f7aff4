"""The sixteen traps that this field falls into, one test or more for each, by its number in docs/architecture.md."""

from __future__ import annotations

import copy
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

import by_hand
from families import FAMILIES, build, build_tokenizer
from wordstates import Recipe, WordEmbedder
from wordstates.errors import InputError, ModelError, NonFiniteError, NoVectorError
from wordstates.model.engine import pad
from wordstates.model.tokenizer import Tokenizer

TEXT = "The children run past the old mill and the lake."


def by_transformers(family: str, text: str, word: tuple[int, int], layer: int = -1) -> np.ndarray:
    """Give the mean of a word's subwords by hand."""
    model, tokenizer = build(family)
    [vector] = by_hand.vectors(model, tokenizer, text, [word], [layer], "mean", "mean")
    assert vector is not None
    return vector.numpy()


def same(one: np.ndarray, other: np.ndarray) -> bool:
    return bool(np.abs(one - other).max() < 1e-5)


def test_trap_1_each_occurrence_of_a_word_is_the_one_at_its_place() -> None:
    text = "The bank of the river, the bank with money, the banker."
    usages = WordEmbedder(*build("roberta")).find(text, ["bank"])
    assert [usage.span for usage in usages] == [(4, 8), (27, 31)]
    for usage in usages:
        assert same(usage.vector, by_transformers("roberta", text, usage.span))
    assert not same(usages[0].vector, usages[1].vector)


@pytest.mark.parametrize("kind", ["byte-bpe", "byte-bpe-trim", "byte-bpe-neox"])
def test_trap_2_the_space_before_a_word_belongs_to_no_word(kind: str) -> None:
    text = "the  river,\n mill"
    [found] = Tokenizer(build_tokenizer(kind), kind).encode([text])
    covered = {position for start, end in found.spans.tolist() for position in range(start, end)}
    assert covered == {position for position, char in enumerate(text) if not char.isspace()}


@pytest.mark.parametrize("family", ["xlm-roberta", "camembert", "t5", "albert", "xlnet"])
def test_trap_3_a_lone_marker_is_not_the_first_subword_of_a_word(family: str) -> None:
    model, tokenizer = build(family)
    text = "你好"
    pieces = tokenizer.convert_ids_to_tokens(tokenizer(text)["input_ids"])
    assert "▁" in pieces
    states = by_hand.hidden_states(model, tokenizer, text)[-1]
    emb = WordEmbedder(model, tokenizer, subword_pooling="first").encode([[text]])
    assert same(emb.vector, states[pieces.index("▁") + 1].numpy())
    assert emb.subwords[0][0] != "▁"


class WrongOffsets:
    """A tokenizer whose offsets are off, as several released ones are; all else is passed on."""

    def __init__(self, tokenizer: Any, damage: str) -> None:
        self._tokenizer, self._damage = tokenizer, damage

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tokenizer, name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._tokenizer(*args, **kwargs)

    @property
    def backend_tokenizer(self) -> Any:
        return WrongOffsets(self._tokenizer.backend_tokenizer, self._damage)

    def encode_batch(self, *args: Any, **kwargs: Any) -> list[SimpleNamespace]:
        encoded = self._tokenizer.encode_batch(*args, **kwargs)
        return [SimpleNamespace(ids=text.ids, offsets=self._harm(text.offsets), overflowing=[]) for text in encoded]

    def _harm(self, offsets: list[tuple[int, int]]) -> list[tuple[int, int]]:
        if self._damage == "empty":
            return [(start, start) for start, _ in offsets]
        if self._damage == "shifted":
            return [(max(start - 1, 0), max(end - 1, 0)) for start, end in offsets]
        return [(start + 999, end + 999) for start, end in offsets]


@pytest.mark.parametrize("damage", ["empty", "shifted", "outside"])
@pytest.mark.parametrize("family", ["llama", "gemma", "bert", "gpt2"])
def test_trap_4_wrong_offsets_are_noticed_and_strings_aligned_instead(family: str, damage: str) -> None:
    model, tokenizer = build(family)
    right = WordEmbedder(model, tokenizer).encode(TEXT)
    harmed = WordEmbedder(model, WrongOffsets(tokenizer, damage)).encode(TEXT)
    assert harmed.subwords == right.subwords
    assert same(harmed.vectors, right.vectors)
    assert (harmed.reading["texts_aligned_by_strings"], right.reading["texts_aligned_by_strings"]) == (1, 0)


@pytest.mark.parametrize("kind", ["bytes", "chars", "slow-wordpiece"])
def test_trap_4_tokenizers_without_offsets_are_aligned_all_the_same(kind: str) -> None:
    [found] = Tokenizer(build_tokenizer(kind), kind).encode([TEXT])
    assert found.aligned_by == "strings"
    covered = {position for start, end in found.spans.tolist() for position in range(start, end)}
    assert covered == {position for position, char in enumerate(TEXT) if not char.isspace()}


@pytest.mark.parametrize("family", ["bert", "roberta", "xlm-roberta", "llama", "byt5"])
def test_trap_5_strange_characters_shift_nothing(family: str) -> None:
    text = "\ufeffriver \u200b👩‍👧‍👦 ca\u0301fe\r\n\x00 ☃ mill"
    embedder = WordEmbedder(*build(family), splitter="whitespace")
    emb = embedder.encode(text)
    assert [text[start:end] for start, end in emb.spans.tolist()] == emb.words
    for word, span, status, vector in zip(emb.words, emb.spans.tolist(), emb.statuses, emb.vectors, strict=True):
        if status == "ok":
            assert same(vector, by_transformers(family, text, tuple(span))), word
    assert emb["mill"].statuses == ["ok"]


def test_trap_6_a_lost_word_has_a_status_and_no_vector() -> None:
    emb = WordEmbedder(*build("bert"), splitter="whitespace").encode("river \u200b\u200b mill")
    assert emb.statuses == ["ok", "no_subwords", "ok"]
    assert emb.has_vector.tolist() == [True, False, True]
    assert np.isnan(emb.vectors[1]).all()
    assert not np.isnan(emb.vectors[[0, 2]]).any()
    assert emb.to_arrow()["vector"].null_count == 1
    with pytest.raises(NoVectorError, match="no_subwords"):
        _ = emb[0, 1].vector


def test_trap_6_padding_is_told_by_length_and_not_by_its_id() -> None:
    batch = pad([[7, 0, 7], [7]], None, pad_id=7)
    assert batch.mask.tolist() == [[True, True, True], [True, False, False]]


def test_trap_7_a_text_longer_than_the_model_is_read_whole() -> None:
    text = " ".join(["river", "mill", "lake"] * 60)
    for family in ("bert", "roberta", "gpt2", "t5", "bart"):
        embedder = WordEmbedder(*build(family))
        emb = embedder.encode(text)
        assert emb.status_counts == {"ok": 180}
        assert embedder.window < 1000


def test_trap_7_truncation_happens_on_request_and_is_counted() -> None:
    text = " ".join(["river"] * 100)
    embedder = WordEmbedder(*build("bert"), long_texts="truncate")
    emb = embedder.encode(text)
    assert set(emb.statuses) == {"ok", "truncated"}
    assert emb.statuses == sorted(emb.statuses)
    assert np.isnan(emb.vectors[~emb.has_vector]).all()
    with pytest.raises(InputError, match=r"Text 0 .* has 100 subwords"):
        WordEmbedder(*build("bert"), long_texts="error").encode(text)


@pytest.mark.parametrize(("family", "special"), [("gpt2", 0), ("t5", 1), ("bert", 2), ("llama", 1), ("xlnet", 2)])
def test_trap_7_special_tokens_are_counted_and_not_assumed(family: str, special: int) -> None:
    _model, tokenizer = build(family)
    assert len(Tokenizer(tokenizer, family).template) == special


def test_trap_8_each_window_has_its_own_special_tokens_and_each_word_one_window() -> None:
    model, tokenizer = build("bert")
    text = "the children run past the old mill and the lake " * 5
    embedder = WordEmbedder(model, tokenizer, window=22, overlap=6)
    emb = embedder.encode(text)
    assert emb.reading["windows"] > 2
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    planned = embedder.plan([text]).windows
    assert sum(len(set(window.words.tolist())) for window in planned) == len(emb.words)
    for window in planned:
        whole = [tokenizer.cls_token_id, *window.ids.tolist(), tokenizer.sep_token_id]
        with torch.no_grad():
            states = model(torch.tensor([whole])).last_hidden_state[0]
        for word in set(window.words.tolist()):
            rows = window.positions[window.words == word] + 1
            assert same(emb.vectors[word], states[rows].mean(0).numpy())
        assert len(whole) <= 22
    assert {index for window in planned for index in window.ids.tolist()} == set(ids)


def test_trap_8_a_window_as_long_as_the_text_equals_the_single_pass() -> None:
    model, tokenizer = build("bert")
    length = len(tokenizer(TEXT)["input_ids"])
    whole = WordEmbedder(model, tokenizer).encode(TEXT)
    fitting = WordEmbedder(model, tokenizer, window=length).encode(TEXT)
    shorter = WordEmbedder(model, tokenizer, window=length - 1, overlap=4).encode(TEXT)
    assert (fitting.reading["windows"], shorter.reading["windows"]) == (1, 2)
    assert same(whole.vectors, fitting.vectors)


def test_trap_9_layers_are_not_off_by_one_and_keep_their_order() -> None:
    model, tokenizer = build("llama")
    states = by_hand.hidden_states(model, tokenizer, TEXT)
    emb = WordEmbedder(model, tokenizer, recipes=[Recipe("0:", "none"), Recipe("4,0,2", "none", name="order")]).encode(
        TEXT
    )
    assert emb.column("0:.none.mean").shape[1] == len(states) == 5
    assert same(emb.column("order"), emb.column("0:.none.mean")[:, [4, 0, 2]])


@pytest.mark.parametrize("family", [name for name, family in FAMILIES.items() if family.kind == "decoder"])
def test_trap_9_the_last_layer_is_normed_and_the_one_below_is_not(family: str) -> None:
    model, tokenizer = build(family)
    states = by_hand.hidden_states(model, tokenizer, TEXT)
    emb = WordEmbedder(model, tokenizer, layers="3,4", layer_pooling="none").encode([[TEXT]])
    rows = by_hand.subwords_of((0, len(TEXT)), by_hand.subword_spans(tokenizer, TEXT))
    assert same(emb.vector[0], states[3][rows].mean(0).numpy())
    assert same(emb.vector[1], states[4][rows].mean(0).numpy())


@pytest.mark.parametrize("family", ["gpt2", "opt", "llama", "bert", "xlnet"])
@pytest.mark.parametrize("side", ["left", "right"])
def test_trap_10_the_padding_side_of_the_tokenizer_moves_no_position(family: str, side: str) -> None:
    model, tokenizer = build(family)
    before = tokenizer.padding_side
    tokenizer.padding_side = side
    try:
        emb = WordEmbedder(model, tokenizer).encode([TEXT, "mill"])
    finally:
        tokenizer.padding_side = before
    assert same(emb[1].vector, by_transformers(family, "mill", (0, 4)))


def test_trap_11_white_space_counts_when_the_text_is_given() -> None:
    embedder = WordEmbedder(*build("gpt2"))
    joined = embedder.encode([["mill", "."]])
    as_written = embedder.encode(["mill."], words=[["mill", "."]])
    assert joined.texts == ("mill .",)
    assert as_written.texts == ("mill.",)
    assert joined.words == as_written.words
    assert not same(joined[0, 1].vector, as_written[0, 1].vector)


def test_trap_12_no_subword_is_added_and_no_matrix_resized() -> None:
    model, tokenizer = build("gpt2")
    assert tokenizer.pad_token is None
    before = (len(tokenizer), model.get_input_embeddings().num_embeddings)
    WordEmbedder(model, tokenizer).encode([TEXT, "mill"])
    assert tokenizer.pad_token is None
    assert (len(tokenizer), model.get_input_embeddings().num_embeddings) == before


def test_trap_12_a_subword_that_the_model_does_not_have_is_an_error() -> None:
    model, _ = build("bert")
    larger = build_tokenizer("chars")
    with pytest.raises(ModelError, match="the tokenizer is not the model's own"):
        WordEmbedder(model, larger).encode(TEXT)


def test_trap_12_so_is_one_that_was_added_later() -> None:
    model, tokenizer = build("bert")
    tokenizer = copy.deepcopy(tokenizer)
    tokenizer.add_tokens(["zzyzx"])
    embedder = WordEmbedder(model, tokenizer)
    assert embedder.encode(TEXT).has_vector.all()
    with pytest.raises(ModelError, match=r"for text 1 \('by zzyzx'\.\.\.\).*subwords were added without training them"):
        embedder.encode([TEXT, "by zzyzx"])


def test_trap_13_everything_that_decides_a_vector_is_in_the_provenance() -> None:
    model, tokenizer = build("gpt2")
    plain = WordEmbedder(model, tokenizer).provenance
    for change in (
        {"layers": 2},
        {"layer_pooling": "sum"},
        {"subword_pooling": "last"},
        {"window": 20},
        {"overlap": 3},
        {"repeat": True},
        {"splitter": "whitespace"},
        {"punctuation": False},
        {"precision": "bfloat16"},
        {"long_texts": "truncate"},
    ):
        assert WordEmbedder(model, tokenizer, **change).provenance != plain, change
    other = WordEmbedder(*build("opt")).provenance
    assert other["weights"] != plain["weights"]
    assert other["tokenizer"] != plain["tokenizer"]


def test_trap_14_memory_that_runs_out_halves_the_batch_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [TEXT, "mill", "the lake", TEXT + TEXT] * 4
    model, tokenizer = build("bert")
    expected = WordEmbedder(model, tokenizer).encode(texts)
    embedder = WordEmbedder(model, tokenizer, batch_subwords=10_000)
    engine = embedder._model.engines.reference
    sizes: list[int] = []
    honest = engine.hidden_states

    def short_of_memory(batch: object, layers: object) -> object:
        sizes.append(batch.ids.size)  # type: ignore[attr-defined]
        if batch.ids.size > 90:  # type: ignore[attr-defined]
            raise torch.OutOfMemoryError("CUDA out of memory")
        return honest(batch, layers)  # type: ignore[arg-type]

    monkeypatch.setattr(engine, "hidden_states", short_of_memory)
    assert same(embedder.encode(texts).vectors, expected.vectors)
    assert max(sizes) > 90 > min(sizes)


def test_trap_15_only_the_needed_blocks_run_and_only_the_needed_layers_are_kept() -> None:
    model, tokenizer = build("bert")
    embedder = WordEmbedder(model, tokenizer, layers=2)
    ran: list[int] = []
    handles = [
        block.register_forward_hook(lambda *_, number=number: ran.append(number))
        for number, block in enumerate(model.encoder.layer)
    ]
    try:
        embedder.encode(TEXT)
    finally:
        for handle in handles:
            handle.remove()
    assert ran == [0, 1]
    [window] = embedder.plan([TEXT]).windows
    kept = embedder._model.engines.reference.hidden_states(pad([window.ids.tolist()], None, 0), [2])
    assert list(kept) == [2]


@pytest.mark.parametrize("family", [name for name in FAMILIES if name != "canine"])
def test_trap_15_every_family_stops_early(family: str) -> None:
    assert WordEmbedder(*build(family))._model.engines.reference.blocks is not None


@pytest.mark.parametrize("family", FAMILIES)
def test_trap_16_causal_models_are_told_from_others_and_say_so(family: str) -> None:
    emb = WordEmbedder(*build(family)).encode(TEXT)
    causal = FAMILIES[family].kind == "decoder"
    assert emb.reads_left_only == causal
    assert ("left context only" in repr(emb)) == causal


@pytest.mark.parametrize("family", ["gpt2", "llama", "gemma"])
def test_trap_16_repeat_takes_the_second_reading(family: str) -> None:
    model, tokenizer = build(family)
    emb = WordEmbedder(model, tokenizer, repeat=True).encode("the old mill")
    template = Tokenizer(tokenizer, family).template
    ids = tokenizer("the old mill", add_special_tokens=False)["input_ids"]
    whole = [*template.prefix, *ids, *ids, *template.suffix]
    with torch.no_grad():
        states = model(torch.tensor([whole])).last_hidden_state[0]
    second = states[len(template.prefix) + len(ids) :][: len(ids)]
    spans = by_hand.subword_spans(tokenizer, "the old mill")[len(template.prefix) :]
    rows = by_hand.subwords_of((0, 3), spans)
    assert same(emb[0, 0].vector, second[rows].mean(0).numpy())
    assert not emb.reads_left_only
    with pytest.raises(InputError, match="repeat=True is for causal models"):
        WordEmbedder(*build("bert"), repeat=True)


def test_nan_in_the_weights_is_an_error_that_names_the_model() -> None:
    import copy

    model, tokenizer = build("bert")
    broken = copy.deepcopy(model)
    with torch.no_grad():
        broken.encoder.layer[2].output.dense.weight[0, 0] = float("nan")
    with pytest.raises(NonFiniteError, match="gives NaN or infinity at layer 3"):
        WordEmbedder(broken, tokenizer)
