"""The tiny models and tokenizers are what the tests that use them take them for."""

from __future__ import annotations

import itertools
import subprocess
import sys
import unicodedata
import zlib
from pathlib import Path

import pytest
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

import families
from families import BLOCKS, CORPUS, DIM, FAMILIES, POSITIONS, TOKENIZERS, build, build_tokenizer
from patience import A_HANG

SENTENCE = "The river runs past the old mill."
CHINESE = "今天天气很好"
LEARNED_POSITIONS = {  # family: the longest sequence that the model takes
    **dict.fromkeys(("bert", "roberta", "distilbert", "albert", "albert-groups", "electra", "mpnet"), POSITIONS),
    **dict.fromkeys(("xlm-roberta", "camembert", "bart", "gpt2", "opt"), POSITIONS),
    "canine": 2 * POSITIONS,
}
FINAL_NORM = {"modernbert", "t5", "mt5", "byt5"} | {
    name for name, family in FAMILIES.items() if family.kind == "decoder"
}


def hidden_states(name: str, ids: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Run a family's model, the encoder where there are two, and return its hidden states."""
    model, _ = build(name)
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    with torch.inference_mode():
        if FAMILIES[name].kind != "encoder-decoder":
            return tuple(model(**inputs, output_hidden_states=True).hidden_states)
        outputs = model(**inputs, decoder_input_ids=ids[:, :1], output_hidden_states=True)
        return tuple(outputs.encoder_hidden_states)


def offsets(kind: str, text: str) -> list[tuple[int, int]]:
    """Return the offsets of a text's subwords without special tokens."""
    encoding = build_tokenizer(kind)(text, add_special_tokens=False, return_offsets_mapping=True)
    return [(start, stop) for start, stop in encoding["offset_mapping"]]


def subwords(kind: str, text: str, *, special: bool = False) -> list[str]:
    """Return a text's subwords as the vocabulary writes them."""
    tokenizer = build_tokenizer(kind)
    return list(tokenizer.convert_ids_to_tokens(tokenizer(text, add_special_tokens=special)["input_ids"]))


# ---------------------------------------------------------------- the models


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_gives_finite_hidden_states_of_the_stated_shape(name: str) -> None:
    model, tokenizer = build(name)
    assert isinstance(model, PreTrainedModel)
    assert isinstance(tokenizer, PreTrainedTokenizerBase)
    assert not model.training
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert FAMILIES[name].name == name

    ids = tokenizer(SENTENCE, return_tensors="pt")["input_ids"]
    states = hidden_states(name, ids)
    if name == "canine":  # blocks before and after the shortened sequence, and the shortened sequence itself
        assert len(states) == BLOCKS + 5
        states = (states[0], states[1], states[-1])
    else:
        assert len(states) == BLOCKS + 1
    for state in states:
        assert state.shape == (1, ids.shape[1], DIM)
        assert torch.isfinite(state).all()
        assert 0.1 < state.abs().max() < 50  # so that 1e-5 is a fair tolerance in float32


@pytest.mark.parametrize("name", sorted(FAMILIES.keys() - {"canine"}))
def test_every_block_changes_every_vector(name: str) -> None:
    _, tokenizer = build(name)
    states = hidden_states(name, tokenizer(SENTENCE, return_tensors="pt")["input_ids"])
    for before, after in itertools.pairwise(states):
        assert ((before - after).abs().amax(dim=-1) > 0.1).all()


@pytest.mark.parametrize("name", sorted(FINAL_NORM))
def test_the_final_norm_leaves_a_mark(name: str) -> None:
    model, tokenizer = build(name)
    encoder = model.get_encoder() if FAMILIES[name].kind == "encoder-decoder" else model
    blocks = next(
        part for path, part in encoder.named_modules() if isinstance(part, torch.nn.ModuleList) and len(part) == BLOCKS
    )
    caught: list[torch.Tensor] = []
    handle = blocks[-1].register_forward_hook(
        lambda _module, _inputs, output: caught.append(output[0] if isinstance(output, tuple) else output)
    )
    states = hidden_states(name, tokenizer(SENTENCE, return_tensors="pt")["input_ids"])
    handle.remove()
    assert (caught[0] - states[-1]).abs().max() > 0.1


@pytest.mark.parametrize("name", sorted(LEARNED_POSITIONS))
def test_learned_positions_are_a_real_limit(name: str) -> None:
    limit = LEARNED_POSITIONS[name]
    assert hidden_states(name, torch.full((1, limit), 20))[0].shape[1] == limit
    with pytest.raises((IndexError, RuntimeError)):
        hidden_states(name, torch.full((1, limit + 1), 20))


@pytest.mark.parametrize("name", sorted(FAMILIES.keys() - LEARNED_POSITIONS.keys()))
def test_other_families_have_no_limit(name: str) -> None:
    assert hidden_states(name, torch.full((1, 3 * POSITIONS), 20))[0].shape[1] == 3 * POSITIONS


def test_building_leaves_the_random_numbers_alone_and_gives_the_same_weights() -> None:
    before = torch.get_rng_state()
    first = FAMILIES["bert"].build_model().state_dict()
    second = FAMILIES["bert"].build_model().state_dict()
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert not torch.equal(
        build("albert")[0].get_input_embeddings().weight, build("albert-groups")[0].get_input_embeddings().weight
    )


def test_variants_have_what_they_are_named_for() -> None:
    assert len(build("albert-groups")[0].encoder.albert_layer_groups) == 2
    assert build("deberta-v2-conv")[0].encoder.conv is not None
    assert build("deberta-v2")[0].encoder.conv is None
    assert build("electra")[0].embeddings_project.out_features == DIM
    for name in ("modernbert", "gemma2", "gemma3"):
        assert set(build(name)[0].config.layer_types) == {"sliding_attention", "full_attention"}


# ---------------------------------------------------------------- the tokenizers


def signature() -> int:
    """Sum up the ids that every tokenizer gives the corpus."""
    total = 0
    for kind in TOKENIZERS:
        for line in [line for lines in CORPUS.values() for line in lines]:
            total = zlib.crc32(repr(build_tokenizer(kind)(line)["input_ids"]).encode(), total)
    return total


@pytest.mark.long
def test_another_process_builds_the_same_tokenizers() -> None:
    code = f"import sys; sys.path[:0] = {[str(Path(families.__file__).parent), str(Path(__file__).parent)]}\n"
    code += "import test_families; print(test_families.signature())"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=A_HANG)
    assert int(result.stdout) == signature()


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_padding_and_length_are_the_class_default(kind: str) -> None:
    tokenizer = build_tokenizer(kind)
    assert (tokenizer.pad_token_id is None) == (kind in {"byte-bpe", "bpe-byte-fallback"})
    assert tokenizer.model_max_length == 2048 if kind == "chars" else tokenizer.model_max_length > 1e29
    left = {"bpe-byte-fallback", "bpe-gemma", "unigram-xlnet"}
    assert tokenizer.padding_side == ("left" if kind in left else "right")


@pytest.mark.parametrize(
    ("kind", "before", "after"),
    [
        ("wordpiece", ["[CLS]"], ["[SEP]"]),
        ("wordpiece-mpnet", ["<s>"], ["</s>"]),
        ("slow-wordpiece", ["[CLS]"], ["[SEP]"]),
        ("byte-bpe", [], []),
        ("byte-bpe-opt", ["</s>"], []),
        ("byte-bpe-trim", ["<s>"], ["</s>"]),
        ("byte-bpe-neox", [], []),
        ("byte-bpe-qwen", [], []),
        ("byte-bpe-modernbert", ["[CLS]"], ["[SEP]"]),
        ("bpe-byte-fallback", ["<s>"], []),
        ("bpe-gemma", ["<bos>"], []),
        ("unigram", ["<s>"], ["</s>"]),
        ("unigram-t5", [], ["</s>"]),
        ("unigram-camembert", ["<s>"], ["</s>"]),
        ("unigram-albert", ["[CLS]"], ["[SEP]"]),
        ("unigram-deberta", ["[CLS]"], ["[SEP]"]),
        ("unigram-xlnet", [], ["<sep>", "<cls>"]),
        ("bytes", [], ["</s>"]),
        ("chars", ["\ue000"], ["\ue001"]),
    ],
)
def test_special_tokens_are_where_the_released_models_have_them(kind: str, before: list[str], after: list[str]) -> None:
    assert subwords(kind, SENTENCE, special=True) == [*before, *subwords(kind, SENTENCE), *after]


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_only_three_tokenizers_have_no_offsets(kind: str) -> None:
    assert build_tokenizer(kind).is_fast == (kind not in {"bytes", "chars", "slow-wordpiece"})


@pytest.mark.parametrize("kind", ["unigram", "unigram-t5", "unigram-camembert", "unigram-albert", "unigram-xlnet"])
def test_a_lone_space_mark_comes_before_chinese(kind: str) -> None:
    assert subwords(kind, CHINESE) == ["▁", *CHINESE]
    assert offsets(kind, CHINESE)[:2] == [(0, 1), (0, 1)]  # the mark is said to cover the first character


def test_offsets_include_the_space_before_a_word_unless_they_are_trimmed() -> None:
    text = "over the river"
    starts = {kind: [start for start, _ in offsets(kind, text)] for kind in ("byte-bpe", "byte-bpe-trim")}
    assert subwords("byte-bpe", text) == subwords("byte-bpe-trim", text)
    assert text.index(" the") in starts["byte-bpe"]
    assert text.index(" the") not in starts["byte-bpe-trim"]
    assert text.index("the") in starts["byte-bpe-trim"]


def test_normalizers_are_those_of_the_released_models() -> None:
    decomposed = unicodedata.normalize("NFD", "Été")
    assert "".join(subwords("wordpiece", "Été")).replace("##", "") == "ete"
    assert "".join(subwords("unigram", "ﬁn①")) == "▁fin1"  # NFKC
    assert subwords("byte-bpe-qwen", decomposed) == subwords("byte-bpe-qwen", "Été")  # NFC
    assert subwords("byte-bpe", decomposed) != subwords("byte-bpe", "Été")


@pytest.mark.parametrize("kind", ["bpe-byte-fallback", "bpe-gemma"])
def test_characters_beyond_the_vocabulary_are_spelled_in_bytes(kind: str) -> None:
    assert subwords(kind, "ส")[-3:] == ["<0xE0>", "<0xB8>", "<0xAA>"]


def test_the_slow_wordpiece_tokenizer_agrees_with_the_fast_one() -> None:
    for line in CORPUS["en"] + CORPUS["de"] + CORPUS["zh"]:
        assert subwords("slow-wordpiece", line) == subwords("wordpiece", line)
