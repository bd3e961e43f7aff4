"""What of a model reads, for models that are wrapped, cut, adapted, quantized or saved in ways of their own."""

from __future__ import annotations

import copy
import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import peft
import pytest
import sentence_transformers
import torch
import transformers
from torch import nn
from transformers.utils import logging as hf_logging

import by_hand
from cli_runner import run
from families import build
from wordstates import PostProcessing, WordEmbedder, load
from wordstates.errors import InputError, ModelError

pytestmark = [  # of peft, of what compiles, and of what quantizes
    pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing. is deprecated:FutureWarning"),
    pytest.mark.filterwarnings("ignore:The PEFT config's:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*torch.jit.script_method:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor:UserWarning"),
    pytest.mark.filterwarnings("ignore:torch.ao.quantization is deprecated:DeprecationWarning"),
]
TEXT = "The children run past the old mill."
SEQ2SEQ: dict[str, Any] = {
    "d_model": 32,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "encoder_ffn_dim": 32,
    "decoder_ffn_dim": 32,
    "pad_token_id": 1,
}
ENCODER: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 32,
    "max_position_embeddings": 64,
}


@pytest.fixture(autouse=True)
def without_bars() -> None:
    hf_logging.disable_progress_bar()


def vectors(model: Any, tokenizer: Any = None) -> np.ndarray:
    return WordEmbedder(model, tokenizer).encode(TEXT).vectors


def adapted(config: peft.PeftConfig, model: nn.Module) -> Any:
    """Put an adapter that was not trained for nothing on a copy of a model."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made = peft.get_peft_model(copy.deepcopy(model), config)
        for parameter in made.parameters():
            if parameter.requires_grad:
                nn.init.normal_(parameter, std=0.5)
    return made.eval()


def saved(folder: Path, model: Any, tokenizer: Any) -> Path:
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def seeded(make: Any) -> Any:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return make().eval()


# ---------------------------------------------------------------- adapters


@pytest.mark.parametrize(
    "config",
    [
        peft.PromptTuningConfig(task_type="FEATURE_EXTRACTION", num_virtual_tokens=3),
        peft.PrefixTuningConfig(task_type="FEATURE_EXTRACTION", num_virtual_tokens=3),
        peft.PromptEncoderConfig(task_type="FEATURE_EXTRACTION", num_virtual_tokens=3),
    ],
    ids=["prompt", "prefix", "p-tuning"],
)
def test_a_prompt_that_would_be_left_out_is_refused(config: peft.PeftConfig) -> None:
    model, tokenizer = build("bert")
    with pytest.raises(
        ModelError, match=r"has a trained prompt .* Give the base model, or an adapter that changes the"
    ):
        WordEmbedder(adapted(config, model), tokenizer)


@pytest.mark.parametrize(
    "config",
    [
        peft.LoraConfig(target_modules=["query", "value"]),
        peft.IA3Config(task_type="FEATURE_EXTRACTION", target_modules=["query", "value"], feedforward_modules=[]),
    ],
    ids=["lora", "ia3"],
)
def test_an_adapter_in_the_layers_is_read_with_them(config: peft.PeftConfig) -> None:
    model, tokenizer = build("bert")
    with_head = seeded(lambda: transformers.BertForTokenClassification(model.config))
    for plain in (model, with_head):
        whole = adapted(copy.deepcopy(config), plain)
        found = vectors(whole, tokenizer)
        assert np.abs(found - vectors(plain, tokenizer)).max() > 0.1
        with torch.no_grad():
            expected = whole(**tokenizer(TEXT, return_tensors="pt"), output_hidden_states=True).hidden_states[-1][0]
        single = [index for index, span in enumerate(by_hand.subword_spans(tokenizer, TEXT)) if span == (0, 3)]
        assert np.abs(found[0] - expected[single[0]].numpy()).max() < 1e-5
        assert np.abs(found - vectors(whole.merge_and_unload(), tokenizer)).max() < 1e-4


def test_a_folder_of_an_adapter_says_what_it_is_and_how_to_load_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, tokenizer = build("bert")
    adapted(peft.LoraConfig(target_modules=["query"]), model).save_pretrained(tmp_path / "lora")
    config = tmp_path / "lora" / "adapter_config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"base_model_name_or_path": "bert-base-cased"}))
    with pytest.raises(
        ModelError, match=r"is an adapter \(LORA\) for the model 'bert-base-cased', and no model.*merge_"
    ):
        WordEmbedder(tmp_path / "lora")
    prompt = peft.PromptTuningConfig(task_type="FEATURE_EXTRACTION", num_virtual_tokens=3)
    adapted(prompt, model).save_pretrained(tmp_path / "prompt")
    with pytest.raises(ModelError, match=r"is an adapter \(PROMPT_TUNING\) .* trained prompt .* Give the base model"):
        WordEmbedder(tmp_path / "prompt")
    saved(tmp_path / "lora", model, tokenizer)  # beside its model it is put into the layers, if peft is there to do it
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == "peft" else find(name, *rest))
    with pytest.raises(ModelError, match=r"is an adapter \(LORA\)"):
        WordEmbedder(tmp_path / "lora")


# ---------------------------------------------------------------- wrappers


class Doubled(transformers.BertForMaskedLM):
    """Reads inputs twice as large."""

    def forward(self, input_ids: Any = None, **others: Any) -> Any:
        return super().forward(inputs_embeds=2 * self.get_input_embeddings()(input_ids), **others)


class Picky(transformers.BertForMaskedLM):
    """Needs what no tokenizer gives."""

    def forward(self, input_ids: Any, mood: Any, **others: Any) -> Any:
        return super().forward(input_ids, **others)


class Quiet(transformers.BertForMaskedLM):
    """Computes as it always did."""

    def forward(self, *args: Any, **others: Any) -> Any:
        return super().forward(*args, **others)


def test_a_forward_pass_of_ones_own_is_read_as_the_part_only_if_it_computes_the_same() -> None:
    model, tokenizer = build("bert")
    with pytest.raises(ModelError, match="is a Doubled that changes what its BertModel computes"):
        WordEmbedder(seeded(lambda: Doubled(model.config)), tokenizer)
    with pytest.raises(ModelError, match=r"a Picky, cannot read plain ids \(TypeError: .*mood") as caught:
        WordEmbedder(seeded(lambda: Picky(model.config)), tokenizer)
    assert isinstance(caught.value.__cause__, TypeError)
    quiet = seeded(lambda: Quiet(model.config))
    assert np.array_equal(vectors(quiet, tokenizer), vectors(quiet.bert, tokenizer))
    hooked = seeded(lambda: transformers.BertForMaskedLM(model.config))
    hooked.register_forward_pre_hook(
        lambda _, args, inputs: (args, {**inputs, "input_ids": inputs["input_ids"] // 2}), with_kwargs=True
    )
    with pytest.raises(ModelError, match="BertForMaskedLM that changes what its BertModel computes"):
        WordEmbedder(hooked, tokenizer)


def test_copies_and_compiled_models_are_read_as_what_they_are_made_of() -> None:
    model, tokenizer = build("bert")
    expected = vectors(model, tokenizer)
    headed = transformers.BertForMaskedLM(model.config).eval()
    headed.bert.load_state_dict(model.state_dict(), strict=False)
    compiled = torch.compile(model)
    for wrapped in (nn.DataParallel(model), compiled, nn.DataParallel(compiled), torch.compile(headed)):
        assert np.array_equal(vectors(wrapped, tokenizer), expected)


def test_a_sentence_transformer_gives_its_transformer_and_its_tokenizer(tmp_path: Path) -> None:
    model, tokenizer = build("bert")
    whole = sentence_transformers.SentenceTransformer(str(saved(tmp_path, model, tokenizer)), device="cpu")
    assert np.abs(vectors(whole) - vectors(model, tokenizer)).max() < 1e-6


# ---------------------------------------------------------------- weights that are not in the file


def marian() -> Any:
    vocabulary = len(build("bart")[1])
    config = transformers.MarianConfig(
        vocab_size=vocabulary, max_position_embeddings=64, decoder_start_token_id=1, **SEQ2SEQ
    )
    return seeded(lambda: transformers.MarianMTModel(config))


def as_encoder(model: Any, name: str) -> Any:
    return seeded(lambda: getattr(transformers, name)(copy.deepcopy(model.config)))


@pytest.mark.parametrize(
    ("tokenizer", "make"),
    [
        ("bart", marian),
        ("t5", lambda: as_encoder(build("t5")[0], "T5EncoderModel")),
        ("mt5", lambda: as_encoder(build("mt5")[0], "MT5EncoderModel")),
        ("bert", lambda: seeded(lambda: transformers.RoFormerForMaskedLM(
            transformers.RoFormerConfig(vocab_size=len(build("bert")[1]), embedding_size=32, pad_token_id=0, **ENCODER)
        ))),
    ],
    ids=["sinusoids", "encoder of T5", "encoder of mT5", "sinusoids of RoFormer"],
)  # fmt: skip
def test_weights_that_are_computed_or_not_read_may_be_missing(tmp_path: Path, tokenizer: str, make: Any) -> None:
    model, words = make(), build(tokenizer)[1]
    found = WordEmbedder(saved(tmp_path, model, words), subword_pooling="first").encode(TEXT)
    reading = model.get_encoder() if hasattr(model, "get_encoder") and model.config.is_encoder_decoder else model
    with torch.no_grad():
        states = reading(**words(TEXT, return_tensors="pt"), output_hidden_states=True).hidden_states[-1][0]
    spans = by_hand.subword_spans(words, TEXT)
    firsts = [by_hand.subwords_of(tuple(span), spans)[0] for span in found.spans.tolist()]
    assert np.abs(found.vectors - states[firsts].numpy()).max() < 1e-5


@pytest.mark.parametrize("key", ["encoder.layers.1.fc1.weight", "encoder.layers.0.final_layer_norm.weight"])
def test_weights_that_are_lost_are_told_also_beside_computed_ones(tmp_path: Path, key: str) -> None:
    from safetensors.torch import load_file, save_file

    folder = saved(tmp_path, marian(), build("bart")[1])
    weights = load_file(folder / "model.safetensors")
    del weights[f"model.{key}"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=rf"lacks 1 of its weights, such as '{key}'"):
        WordEmbedder(folder)


# ---------------------------------------------------------------- models that cannot be read, and say why


def led() -> Any:
    config = transformers.LEDConfig(
        vocab_size=len(build("bart")[1]),
        max_encoder_position_embeddings=128,
        max_decoder_position_embeddings=64,
        attention_window=[8, 8],
        **SEQ2SEQ,
    )
    return seeded(lambda: transformers.LEDModel(config))


def test_led_reads_long_texts_through_windows_of_its_encoder() -> None:
    embedder = WordEmbedder(led(), build("bart")[1])
    assert embedder.window == 128
    assert np.isfinite(embedder.encode(TEXT * 40).vectors).all()


def fsmt() -> Any:
    size = len(build("bart")[1])
    config = transformers.FSMTConfig(
        langs=["en", "de"], src_vocab_size=size, tgt_vocab_size=size, max_position_embeddings=64, **SEQ2SEQ
    )
    return seeded(lambda: transformers.FSMTModel(config))


def pegasus_x() -> Any:
    config = transformers.PegasusXConfig(
        vocab_size=len(build("bart")[1]), max_position_embeddings=64, num_global_tokens=4, block_size=8, **SEQ2SEQ
    )
    return seeded(lambda: transformers.PegasusXModel(config))


def reformer() -> Any:
    config = transformers.ReformerConfig(
        vocab_size=len(build("bert")[1]),
        hidden_size=32,
        attention_head_size=8,
        num_attention_heads=4,
        feed_forward_size=32,
        attn_layers=["local", "local"],
        axial_pos_shape=[8, 8],
        axial_pos_embds_dim=[16, 16],
        max_position_embeddings=64,
        local_attn_chunk_length=8,
        is_decoder=False,
        pad_token_id=0,
    )
    return seeded(lambda: transformers.ReformerModel(config))


def quantized() -> Any:
    return torch.ao.quantization.quantize_dynamic(build("bert")[0], {nn.Linear}, dtype=torch.qint8)


def on_meta() -> Any:
    with torch.device("meta"):
        return transformers.BertModel(build("bert")[0].config)


@pytest.mark.parametrize(
    ("tokenizer", "make", "says"),
    [
        ("bart", fsmt, "its part that reads, FSMTEncoder, has no config"),
        ("bart", pegasus_x, "gives its hidden state 2 as a tuple of several tensors"),
        ("bert", reformer, r"read \d+ subwords and gives hidden states of 32: it pads or shortens the text inside"),
        ("bert", quantized, "is quantized dynamically: .* Give the model as it was before"),
        ("bert", on_meta, "has weights on the meta device"),
        ("bert", lambda: nn.Linear(2, 2), "Linear is no model of transformers: it has no config"),
        ("bert", nn.Sequential, "Sequential is no model of transformers: it has no config"),
    ],
    ids=["fsmt", "tuples", "padded inside", "quantized", "meta", "no model", "empty"],
)
def test_what_cannot_be_read_says_why(tokenizer: str, make: Any, says: str) -> None:
    with pytest.raises(ModelError, match=says):
        WordEmbedder(make(), build(tokenizer)[1])


def test_bigbird_says_how_it_can_be_read_and_then_is(tmp_path: Path) -> None:
    tokenizer = build("bert")[1]
    config = transformers.BigBirdConfig(vocab_size=len(tokenizer), block_size=4, num_random_blocks=2, **ENCODER)
    folder = saved(tmp_path, seeded(lambda: transformers.BigBirdModel(config)), tokenizer)
    with pytest.raises(ModelError, match=r"pass config=\{'attention_type': 'original_full'\}"):
        WordEmbedder(folder)
    (tmp_path / "text.txt").write_text(TEXT)
    given = ["embed", "text.txt", "-m", folder, "-o", "out.parquet", "-q"]
    assert "--config attention_type=original_full" in run(*given, cwd=tmp_path).err
    assert run(*given, "--config", "attention_type=original_full", cwd=tmp_path).code == 0
    in_full = WordEmbedder(folder, config={"attention_type": "original_full"})
    assert np.abs(load(tmp_path / "out.parquet").vectors - in_full.encode(TEXT).vectors).max() < 1e-6
    assert in_full.provenance["config"] == {"attention_type": "original_full"}
    plain = transformers.BigBirdModel.from_pretrained(folder, attention_type="original_full").eval()
    assert np.abs(in_full.encode(TEXT).vectors - vectors(plain, tokenizer)).max() < 1e-6


def test_keys_of_the_config_decide_what_is_loaded_and_stand_in_the_provenance(tmp_path: Path) -> None:
    model, tokenizer = build("bert")
    folder = saved(tmp_path, model, tokenizer)
    config = {"layer_norm_eps": 0.1, "hidden_act": "relu"}
    given = WordEmbedder(folder, config=config)
    plain = transformers.AutoModel.from_pretrained(folder, **config).eval()
    assert np.abs(given.encode(TEXT).vectors - vectors(plain, tokenizer)).max() < 1e-6
    assert np.abs(given.encode(TEXT).vectors - vectors(folder)).max() > 1e-3
    assert given.provenance["config"] == config
    assert "config" not in WordEmbedder(folder).provenance


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"hidden_akt": "relu"}, r"has no key 'hidden_akt' in its config. Near it are 'hidden_act'"),
        ({"problem_type": torch.float16}, "cannot be torch.float16: give a value as config.json may hold it"),
        ({"qqq": 1}, r"has no key 'qqq' in its config. There are .*, 'hidden_act', "),
        ({"num_hidden_layers": "two"}, r"'num_hidden_layers' of .* cannot be 'two': .*expected int, got str"),
        ({"model_type": "gpt2"}, r"'model_type' of .* cannot be changed"),
    ],
)
def test_keys_that_cannot_be_given_are_told(tmp_path: Path, config: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        WordEmbedder(saved(tmp_path, *build("bert")), config=config)


def test_a_model_given_as_an_object_keeps_its_config() -> None:
    with pytest.raises(InputError, match="has its config: load it as you want it"):
        WordEmbedder(*build("bert"), config={"hidden_act": "relu"})


def test_post_processing_fitted_with_another_config_is_refused(tmp_path: Path) -> None:
    folder = saved(tmp_path, *build("bert"))
    embedder = WordEmbedder(folder)
    fitted = PostProcessing.fit("center", [embedder.encode(TEXT).vectors], provenance=embedder.provenance)
    with pytest.raises(InputError, match=r"config \{\}, and this is \{'hidden_act': 'relu'\}"):
        WordEmbedder(folder, config={"hidden_act": "relu"}, post_processing=fitted)
