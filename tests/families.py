"""One tiny model and its real type of tokenizer for every family, built in the process.

The weights are random and the vocabularies are trained on `CORPUS`, so nothing is downloaded. All else is as in the
released models: the class, its normalizer and pre-tokenizer, where the special tokens go, the padding side, and that
there is a limit on positions. Two processes build the same weights and the same vocabularies.

Sensitive tests need weights that leave a mark: they are drawn several times as wide as usual, and every norm and every
bias is moved from its neutral value, so that a norm that is left out, or applied twice, changes the vectors visibly.

    model, tokenizer = build("xlm-roberta")
    model(**tokenizer("Hyvää huomenta!", return_tensors="pt"), output_hidden_states=True).hidden_states
"""

from __future__ import annotations

import functools
import io
import json
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import sentencepiece
import tokenizers
import torch
import transformers
from sentencepiece import sentencepiece_model_pb2
from tokenizers import Regex, decoders, models, normalizers, pre_tokenizers, processors, trainers
from tokenizers.pre_tokenizers import PreTokenizer
from transformers import PreTrainedModel, PreTrainedTokenizerBase
from transformers.models.bert.tokenization_bert_legacy import BertTokenizerLegacy
from transformers.models.qwen2.tokenization_qwen2 import PRETOKENIZE_REGEX as QWEN2_REGEX

Kind: TypeAlias = Literal["encoder", "encoder-decoder", "decoder"]
Unigram: TypeAlias = list[tuple[str, float]]

DIM = 32
BLOCKS = 4
POSITIONS = 64  # the most subwords that a family with learned positions can take; twice that in the others

CORPUS: dict[str, tuple[str, ...]] = {
    "en": (
        "The river runs past the old mill, and the children run after it every morning.",
        "She doesn't know whether the bank will lend her the money; the other bank wouldn't.",
        "In 1984 the well-known singer sang 27 songs, unbelievable as that may sound.",
        "Nobody was reading the newspaper when the news came that the war was over.",
        "I can't remember the name of the village (it's somewhere near the lake).",
        "The running water was colder than the standing water, wasn't it?",
        "Six quick foxes jumped exactly 30 boxes: a puzzling trick, 98% of us think!",
    ),
    "de": (
        "Die Straßenbahn fährt über die große Brücke zum Hauptbahnhof.",
        "Gestern hörte er zufällig, dass die Müllerin schöne Äpfel verkauft.",
        "Das Donaudampfschifffahrtsgesellschaftskapitänspatent gehört dem Kapitän.",
    ),
    "fr": (
        "L'été dernier, nous avons mangé des crêpes à côté de l'église.",
        "Où est passé le garçon qui aimait le café brûlé et les œufs frais ?",
        "Ça m'étonne qu'aujourd'hui encore on n'ait pas trouvé la clé.",
    ),
    "fi": (
        "Hyvää huomenta, missä on lähin rautatieasema?",
        "Talossammekin oli kylmä yö, mutta aamulla aurinko lämmitti järven.",
        "Kirjoittauduimme yliopistoon syksyllä ja löysimme uusia ystäviä.",
    ),
    "tr": (
        "İstanbul'da yağmur yağıyor, çocuklar evlerinden çıkamıyorlar.",
        "Kitaplarımızdan hangisini okuduğunuzu söyler misiniz?",
        "Işık söndü, ama kapının önünde bir kedi bekliyordu.",
    ),
    "ru": (
        "Сегодня утром мы видели, как река вышла из берегов.",
        "Ещё один поезд ушёл без нас, а следующий придёт нескоро.",
        "Бабушка рассказывала сказки, пока за окном шёл снег.",
    ),
    "ar": (
        "ذهب الولد إلى المدرسة في الصباح الباكر.",
        "هل قرأت الكتاب الجديد عن تاريخ المدينة القديمة؟",
        "كَتَبَ المُعَلِّمُ الدَّرسَ على السبورة، ثم جلس.",
    ),
    "he": (
        "הילדים משחקים בגינה ליד הבית הגדול.",
        "מתי יוצאת הרכבת האחרונה לירושלים?",
        "בְּרֵאשִׁית היה הדבר, וכך סיפרה לנו סבתא.",
    ),
    "zh": (
        "今天天气很好，我们去河边走走吧。",
        "他昨天在图书馆里看了三本书。",
        "这个城市的银行都在河的那一边，我们明天再去。",
    ),
    "ja": (
        "今日は天気がいいので、川のそばを歩きました。",
        "東京の図書館で本を三冊読みました。",
        "コーヒーを飲みながら、友だちのメールを待っていた。",
    ),
    "hi": (
        "आज मौसम बहुत अच्छा है और हम नदी के किनारे चलेंगे।",
        "क्या तुमने वह नई किताब पढ़ी है?",
        "बच्चे विद्यालय से घर लौट रहे हैं।",
    ),
    "th": (
        "วันนี้อากาศดีมาก เราไปเดินเล่นริมแม่น้ำกันเถอะ",
        "เขาอ่านหนังสือที่ห้องสมุดเมื่อวานนี้",
    ),
    "emoji": (
        "Great 👍🏽 fun 😀😀 with my family 👨‍👩‍👧 in Finland 🇫🇮!",
        "I ❤️ rain 🌧️ and cats 🐈.",
    ),
}
"""A few sentences a language, written for this file; the vocabularies are trained on them."""


@dataclass(frozen=True)
class Family:
    """How to build one family.

    Attributes:
        name: The key in `FAMILIES`.
        kind: Which blocks the model has, and which of them see the text.
        tokenizer: The key in `TOKENIZERS`.
        build_model: Makes the model: float32, on the CPU, in evaluation mode, the same weights each time. The state of
            torch's random numbers is left as it was.
    """

    name: str
    kind: Kind
    tokenizer: str
    build_model: Callable[[], PreTrainedModel]


@functools.cache
def build(name: str) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Build a family once, and hand out the same two objects from then on: do not change them.

    Args:
        name: A key of `FAMILIES`.

    Returns:
        The model and its tokenizer.
    """
    family = FAMILIES[name]
    return family.build_model(), build_tokenizer(family.tokenizer)


def save(name: str, folder: Path) -> Path:
    """Write a family to a folder, as its model and its tokenizer are released; gives the folder."""
    for part in build(name):
        part.save_pretrained(folder)
    return folder


@functools.cache
def build_tokenizer(kind: str) -> PreTrainedTokenizerBase:
    """Build a tokenizer once, and hand out the same object from then on: do not change it.

    Args:
        kind: A key of `TOKENIZERS`.

    Returns:
        The tokenizer.
    """
    return TOKENIZERS[kind]()


# ---------------------------------------------------------------- training the vocabularies
#
# The trainers of `tokenizers` number the pieces of WordPiece, and sum the scores of Unigram, in an order that differs
# from process to process. Its BPE does not, and neither does sentencepiece on one thread: all is made from these two.


def sentences(*without: str) -> list[str]:
    """List the sentences of `CORPUS`, except those of some languages."""
    return [sentence for language, lines in CORPUS.items() if language not in without for sentence in lines]


def train_bpe(
    lines: Iterable[str], pre_tokenizer: PreTokenizer, pieces: int, alphabet: list[str] | None = None
) -> list[tuple[str, str]]:
    """Train BPE and return its merges in order."""
    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizer
    trainer = trainers.BpeTrainer(vocab_size=pieces, initial_alphabet=alphabet or [], show_progress=False)
    tokenizer.train_from_iterator(lines, trainer)
    state = json.loads(tokenizer.to_str())
    return [(left, right) for left, right in state["model"]["merges"]]


@functools.cache
def wordpiece_vocabulary(lowercase: bool, first: tuple[str, ...], last: tuple[str, ...] = ()) -> dict[str, int]:
    """Make a WordPiece vocabulary of what BPE found: each piece as it is, and as a continuation, where it occurs."""
    normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    splitter = pre_tokenizers.BertPreTokenizer()
    words = [
        word
        for line in sentences("emoji")  # as in the released vocabularies, an emoji is an unknown word
        for word, _ in splitter.pre_tokenize_str(normalizer.normalize_str(line))
    ]
    merges = train_bpe(words, pre_tokenizers.WhitespaceSplit(), 550)
    found = {left + right for left, right in merges} | {character for word in words for character in word}
    starts = {piece for piece in found if any(word.startswith(piece) for word in words)}
    inside = {"##" + piece for piece in found if any(piece in word[1:] for word in words)}
    return numbered(first, sorted(starts), sorted(inside), last)


def numbered(*groups: Iterable[str]) -> dict[str, int]:
    """Number pieces in order; a piece that comes twice keeps its first number."""
    pieces = dict.fromkeys(piece for group in groups for piece in group)
    return {piece: number for number, piece in enumerate(pieces)}


@functools.cache
def byte_level_merges(regex: str | None = None) -> list[tuple[str, str]]:
    """Train byte-level BPE, with GPT-2's splitting or with another."""
    splitter = (
        pre_tokenizers.ByteLevel(add_prefix_space=False)
        if regex is None
        else pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(Regex(regex), behavior="isolated"),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            ]
        )
    )
    return train_bpe(sentences(), splitter, 500, pre_tokenizers.ByteLevel.alphabet())


def byte_level(first: tuple[str, ...], last: tuple[str, ...] = (), *, regex: str | None = None) -> dict[str, Any]:
    """Make the vocabulary and the merges of a byte-level BPE, as arguments of a tokenizer class."""
    merges = byte_level_merges(regex)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    return {"vocab": numbered(first, alphabet, (left + right for left, right in merges), last), "merges": merges}


def byte_fallback(first: tuple[str, ...], splitter: PreTokenizer) -> dict[str, Any]:
    """Make the vocabulary and the merges of a BPE over characters that falls back to bytes.

    Thai, Hindi and emoji are left out, so that their characters are spelled in bytes: `สวัสดี` is 18 subwords.
    """
    lines = sentences("th", "hi", "emoji")
    merges = train_bpe(lines, splitter, 500)
    characters = sorted({character for line in lines for character in line.replace(" ", "▁")})
    found = (left + right for left, right in merges)
    return {"vocab": numbered(first, (f"<0x{byte:02X}>" for byte in range(256)), found, characters), "merges": merges}


@functools.cache
def unigram_pieces(lowercase: bool = False) -> tuple[tuple[tuple[str, float], ...], bytes]:
    """Train Unigram with sentencepiece.

    Args:
        lowercase: Fold the letter case in the corpus first.

    Returns:
        The pieces with their scores, best first, without special ones; and the table of sentencepiece's normalization
        (NFKC and more), which the released models carry.
    """
    file = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([line.lower() if lowercase else line for line in sentences("emoji")]),
        model_writer=file,
        model_type="unigram",
        vocab_size=650,
        hard_vocab_limit=False,
        character_coverage=1.0,
        normalization_rule_name="nmt_nfkc",
        num_threads=1,
        minloglevel=2,
    )
    model = sentencepiece_model_pb2.ModelProto.FromString(file.getvalue())  # type: ignore[attr-defined]
    pieces = [(piece.piece, round(piece.score, 4)) for piece in model.pieces if piece.type == 1]
    # In the large vocabularies few pieces join the mark of a space to a letter of a script that writes no spaces, which
    # leaves the mark alone before such a text: a subword that covers no character.
    kept = [(piece, score) for piece, score in pieces if not (piece[:1] == "▁" and piece[1:2] >= "\u0e00")]
    return tuple(kept), model.normalizer_spec.precompiled_charsmap


def unigram(first: Iterable[str], last: Iterable[str] = (), *, lowercase: bool = False) -> Unigram:
    """List the pieces of a Unigram model with their scores, special ones (score 0) around the trained ones."""
    pieces, _ = unigram_pieces(lowercase)
    return [*((piece, 0.0) for piece in first), *pieces, *((piece, 0.0) for piece in last)]


def charsmap() -> bytes:
    """Return the table of sentencepiece's normalization."""
    return unigram_pieces()[1]


# ---------------------------------------------------------------- the tokenizers

BERT_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
FAIRSEQ_SPECIAL = ("<s>", "<pad>", "</s>", "<unk>")


def _wordpiece(lowercase: bool) -> PreTrainedTokenizerBase:
    vocabulary = wordpiece_vocabulary(lowercase, BERT_SPECIAL)
    return transformers.BertTokenizer(vocab=vocabulary, do_lower_case=lowercase)


def _wordpiece_mpnet() -> PreTrainedTokenizerBase:
    vocabulary = wordpiece_vocabulary(True, (*FAIRSEQ_SPECIAL, "[UNK]"), ("<mask>",))
    return transformers.MPNetTokenizer(vocab=vocabulary)


def _slow_wordpiece() -> PreTrainedTokenizerBase:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "vocab.txt")
        file.write_text("".join(f"{piece}\n" for piece in wordpiece_vocabulary(True, BERT_SPECIAL)), encoding="utf-8")
        return BertTokenizerLegacy(str(file))


def _byte_bpe() -> PreTrainedTokenizerBase:
    return transformers.GPT2Tokenizer(**byte_level((), ("<|endoftext|>",)))


def _byte_bpe_opt() -> PreTrainedTokenizerBase:
    return transformers.GPT2Tokenizer(
        **byte_level(FAIRSEQ_SPECIAL),
        unk_token="</s>",
        bos_token="</s>",
        eos_token="</s>",
        pad_token="<pad>",
        add_bos_token=True,
    )


def _byte_bpe_trim() -> PreTrainedTokenizerBase:
    return transformers.RobertaTokenizer(**byte_level(FAIRSEQ_SPECIAL, ("<mask>",)))


def _byte_bpe_neox() -> PreTrainedTokenizerBase:
    return transformers.GPTNeoXTokenizer(**byte_level(("<|endoftext|>", "<|padding|>")))


def _byte_bpe_qwen() -> PreTrainedTokenizerBase:
    return transformers.Qwen2Tokenizer(
        **byte_level((), ("<|endoftext|>", "<|im_start|>", "<|im_end|>"), regex=QWEN2_REGEX)
    )


def _byte_bpe_modernbert() -> PreTrainedTokenizerBase:
    state = byte_level(("[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"))
    tokenizer = tokenizers.Tokenizer(models.BPE(**state))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B [SEP]",
        special_tokens=[(token, state["vocab"][token]) for token in ("[CLS]", "[SEP]")],
    )
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        pad_token="[PAD]",
        mask_token=tokenizers.AddedToken("[MASK]", lstrip=True),
        model_input_names=["input_ids", "attention_mask"],
    )


def _bpe_byte_fallback() -> PreTrainedTokenizerBase:
    splitter = pre_tokenizers.Metaspace(prepend_scheme="first")
    return transformers.LlamaTokenizer(**byte_fallback(("<unk>", "<s>", "</s>"), splitter), add_bos_token=True)


def _bpe_gemma() -> PreTrainedTokenizerBase:
    splitter = pre_tokenizers.Metaspace(prepend_scheme="never")
    special = ("<pad>", "<eos>", "<bos>", "<unk>", "<mask>")
    return transformers.GemmaTokenizer(**byte_fallback(special, splitter), add_bos_token=True)


def _unigram() -> PreTrainedTokenizerBase:
    return transformers.XLMRobertaTokenizer(
        vocab=unigram(FAIRSEQ_SPECIAL, ("<mask>",)), _spm_precompiled_charsmap=charsmap()
    )


def _unigram_t5() -> PreTrainedTokenizerBase:
    vocabulary = unigram(("<pad>", "</s>", "<unk>"), (f"<extra_id_{number}>" for number in reversed(range(100))))
    return transformers.T5Tokenizer(vocab=vocabulary, _spm_precompiled_charsmap=charsmap())


def _unigram_camembert() -> PreTrainedTokenizerBase:
    special = ("<s>NOTUSED", "<pad>", "</s>NOTUSED", "<unk>", "<unk>NOTUSED", "<s>", "</s>")
    return transformers.CamembertTokenizer(vocab=unigram(special, ("<mask>",)), _spm_precompiled_charsmap=charsmap())


def _unigram_albert() -> PreTrainedTokenizerBase:
    special = ("<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]")
    return transformers.AlbertTokenizer(vocab=unigram(special, lowercase=True), _spm_precompiled_charsmap=charsmap())


def _unigram_deberta() -> PreTrainedTokenizerBase:
    return transformers.DebertaV2Tokenizer(vocab=unigram(("[PAD]", "[CLS]", "[SEP]", "[UNK]"), ("[MASK]",)))


def _unigram_xlnet() -> PreTrainedTokenizerBase:
    special = ("<unk>", "<s>", "</s>", "<cls>", "<sep>", "<pad>", "<mask>", "<eod>", "<eop>")
    return transformers.XLNetTokenizer(vocab=unigram(special), _spm_precompiled_charsmap=charsmap())


TOKENIZERS: dict[str, Callable[[], PreTrainedTokenizerBase]] = {
    "wordpiece": functools.partial(_wordpiece, True),
    "wordpiece-cased": functools.partial(_wordpiece, False),
    "wordpiece-mpnet": _wordpiece_mpnet,
    "slow-wordpiece": _slow_wordpiece,
    "byte-bpe": _byte_bpe,
    "byte-bpe-opt": _byte_bpe_opt,
    "byte-bpe-trim": _byte_bpe_trim,
    "byte-bpe-neox": _byte_bpe_neox,
    "byte-bpe-qwen": _byte_bpe_qwen,
    "byte-bpe-modernbert": _byte_bpe_modernbert,
    "bpe-byte-fallback": _bpe_byte_fallback,
    "bpe-gemma": _bpe_gemma,
    "unigram": _unigram,
    "unigram-t5": _unigram_t5,
    "unigram-camembert": _unigram_camembert,
    "unigram-albert": _unigram_albert,
    "unigram-deberta": _unigram_deberta,
    "unigram-xlnet": _unigram_xlnet,
    "bytes": transformers.ByT5Tokenizer,
    "chars": transformers.CanineTokenizer,
}


# ---------------------------------------------------------------- the models

BERT_LIKE = {
    "hidden_size": DIM,
    "num_hidden_layers": BLOCKS,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": POSITIONS,
    "initializer_range": 0.15,
}
ROBERTA_LIKE = BERT_LIKE | {"max_position_embeddings": POSITIONS + 2}  # positions count from the padding id + 1
ROTARY = BERT_LIKE | {"max_position_embeddings": 2 * POSITIONS}
GROUPED = ROTARY | {"num_key_value_heads": 2, "head_dim": 8}
T5_LIKE = {"d_model": DIM, "d_kv": 8, "d_ff": 64, "num_layers": BLOCKS, "num_decoder_layers": 1, "num_heads": 4}
DEBERTA_V3 = BERT_LIKE | {
    "relative_attention": True,
    "position_biased_input": False,
    "pos_att_type": ["p2c", "c2p"],
    "position_buckets": 8,
    "max_relative_positions": -1,
    "norm_rel_ebd": "layer_norm",
    "share_att_key": True,
    "type_vocab_size": 0,
}


def _build_model(name: str, prefix: str, tokenizer_kind: str, options: dict[str, Any]) -> PreTrainedModel:
    """Make a model with random weights that leave a mark."""
    tokenizer = build_tokenizer(tokenizer_kind)
    ids = {f"{role}_token_id": getattr(tokenizer, f"{role}_token_id") for role in ("pad", "bos", "eos", "cls", "sep")}
    if prefix != "ModernBert":  # the one configuration with the last two
        ids = {role: number for role, number in ids.items() if role not in ("cls_token_id", "sep_token_id")}
    if prefix != "Canine":  # it hashes code points, and its `len()` counts all of Unicode, slowly
        ids["vocab_size"] = len(tokenizer)
    config = getattr(transformers, f"{prefix}Config")(**(ids | options))
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(zlib.crc32(name.encode()))
        model = getattr(transformers, f"{prefix}Model")(config)
        for parameter, spread in _neutral_parameters(model):
            parameter.data.add_(torch.randn_like(parameter), alpha=spread)
    return model.eval()


def _neutral_parameters(model: PreTrainedModel) -> Iterator[tuple[torch.nn.Parameter, float]]:
    """Yield what is made neutral, the scales of norms and all biases, with how far to move it."""
    for module in model.modules():
        for name, parameter in module.named_parameters(recurse=False):
            if "Norm" in type(module).__name__:
                yield parameter, 0.3
            elif "bias" in name:
                yield parameter, 0.1


def _family(name: str, kind: Kind, tokenizer: str, prefix: str, options: dict[str, Any], **more: Any) -> Family:
    """Describe a family by the prefix of its classes and the options of its configuration."""
    return Family(name, kind, tokenizer, functools.partial(_build_model, name, prefix, tokenizer, options | more))


FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        _family("bert", "encoder", "wordpiece", "Bert", BERT_LIKE),
        _family("roberta", "encoder", "byte-bpe-trim", "Roberta", ROBERTA_LIKE, type_vocab_size=1),
        _family(
            "distilbert",
            "encoder",
            "wordpiece-cased",
            "DistilBert",
            {"dim": DIM, "n_layers": BLOCKS, "n_heads": 4, "hidden_dim": 64},
            max_position_embeddings=POSITIONS,
            initializer_range=0.2,
        ),
        _family("albert", "encoder", "unigram-albert", "Albert", BERT_LIKE, embedding_size=16),
        _family(
            "albert-groups", "encoder", "unigram-albert", "Albert", BERT_LIKE, embedding_size=16, num_hidden_groups=2
        ),
        _family("electra", "encoder", "wordpiece", "Electra", BERT_LIKE, embedding_size=16),
        _family("deberta-v2", "encoder", "unigram-deberta", "DebertaV2", DEBERTA_V3),
        _family("deberta-v2-conv", "encoder", "unigram-deberta", "DebertaV2", DEBERTA_V3, conv_kernel_size=3),
        _family("mpnet", "encoder", "wordpiece-mpnet", "MPNet", ROBERTA_LIKE),
        _family("xlm-roberta", "encoder", "unigram", "XLMRoberta", ROBERTA_LIKE, type_vocab_size=1),
        _family("camembert", "encoder", "unigram-camembert", "Camembert", ROBERTA_LIKE, type_vocab_size=1),
        _family(  # blocks 1 and 4 see all, 2 and 3 see 4 subwords to either side
            "modernbert",
            "encoder",
            "byte-bpe-modernbert",
            "ModernBert",
            ROTARY,
            local_attention=8,
            global_attn_every_n_layers=3,
        ),
        _family(
            "xlnet",
            "encoder",
            "unigram-xlnet",
            "XLNet",
            {"d_model": DIM, "n_layer": BLOCKS, "n_head": 4, "d_inner": 64, "initializer_range": 0.2},
        ),
        _family(
            "canine",
            "encoder",
            "chars",
            "Canine",
            BERT_LIKE,
            max_position_embeddings=2 * POSITIONS,
            num_hash_buckets=2 * POSITIONS,  # also the true limit on positions
            local_transformer_stride=16,
        ),
        _family("t5", "encoder-decoder", "unigram-t5", "T5", T5_LIKE, decoder_start_token_id=0),
        _family("mt5", "encoder-decoder", "unigram-t5", "MT5", T5_LIKE, decoder_start_token_id=0),
        _family(
            "byt5",
            "encoder-decoder",
            "bytes",
            "T5",
            T5_LIKE,
            feed_forward_proj="gated-gelu",
            tie_word_embeddings=False,
            decoder_start_token_id=0,
        ),
        _family(
            "bart",
            "encoder-decoder",
            "byte-bpe-trim",
            "Bart",
            {"d_model": DIM, "encoder_layers": BLOCKS, "encoder_attention_heads": 4, "encoder_ffn_dim": 64},
            decoder_layers=1,
            decoder_attention_heads=4,
            decoder_ffn_dim=64,
            max_position_embeddings=POSITIONS,
            init_std=0.2,
        ),
        _family(
            "gpt2",
            "decoder",
            "byte-bpe",
            "GPT2",
            {"n_embd": DIM, "n_layer": BLOCKS, "n_head": 4, "n_inner": 64, "n_positions": POSITIONS},
            initializer_range=0.2,
        ),
        _family(
            "opt",
            "decoder",
            "byte-bpe-opt",
            "OPT",
            {"hidden_size": DIM, "num_hidden_layers": BLOCKS, "num_attention_heads": 4, "ffn_dim": 64},
            max_position_embeddings=POSITIONS,
            init_std=0.2,
        ),
        _family("gpt-neox", "decoder", "byte-bpe-neox", "GPTNeoX", ROTARY),
        _family("llama", "decoder", "bpe-byte-fallback", "Llama", GROUPED),
        _family("mistral", "decoder", "bpe-byte-fallback", "Mistral", GROUPED, sliding_window=8),
        _family("qwen2", "decoder", "byte-bpe-qwen", "Qwen2", GROUPED),
        _family("qwen3", "decoder", "byte-bpe-qwen", "Qwen3", GROUPED),
        _family("gemma", "decoder", "bpe-gemma", "Gemma", GROUPED, num_key_value_heads=1, head_dim=16),
        _family("gemma2", "decoder", "bpe-gemma", "Gemma2", GROUPED, sliding_window=8, query_pre_attn_scalar=8),
        _family(
            "gemma3",
            "decoder",
            "bpe-gemma",
            "Gemma3Text",
            GROUPED,
            sliding_window=8,
            sliding_window_pattern=2,
            query_pre_attn_scalar=8,
        ),
    )
}
