"""What real tokenizers did to real text, in the smallest tokenizer that does the same."""

from __future__ import annotations

import io
import tempfile
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizers import Tokenizer as Backend
from tokenizers import decoders, models, normalizers, pre_tokenizers
from transformers import BertJapaneseTokenizer, BertweetTokenizer, PhobertTokenizer, PreTrainedTokenizerFast

from wordstates.model.tokenizer import Tokenizer
from wordstates.text.align import STATUSES, align
from wordstates.text.pieces import without_unwritten
from wordstates.text.words import Spans, unicode_words, whitespace_words

PIECES = ["<unk>", "▁", "▁the", "▁fox", "▁runs", "▁Fox", "fox", "runs", "x", "'", '"', ".", "▁."]


def unigram(*replaced: tuple[str, str], **special: Any) -> Tokenizer:
    """Build a unigram tokenizer with the normalizer's replacements."""
    backend = Backend(models.Unigram([(piece, -1.0 - rank / 100) for rank, piece in enumerate(PIECES)], unk_id=0))
    backend.normalizer = normalizers.Sequence([normalizers.Replace(old, new) for old, new in replaced])
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    backend.decoder = decoders.Metaspace()
    return Tokenizer(PreTrainedTokenizerFast(tokenizer_object=backend, **special), "unigram")


def statuses(
    tokenizer: Tokenizer, text: str, split: Callable[[str], Spans] = unicode_words
) -> list[tuple[str, str, list[str]]]:
    """Give each word with its status and its pieces."""
    [found] = tokenizer.encode([text])
    words = split(text)
    alignment = align(words, found.spans, found.ids == tokenizer.unknown_id)
    pieces = tokenizer.pieces(found.ids.tolist())
    return [
        (
            text[start:end],
            STATUSES[alignment.statuses[word]],
            [pieces[place] for place in alignment.subword_index[alignment.word_index == word]],
        )
        for word, (start, end) in enumerate(words.tolist())
    ]


@pytest.mark.parametrize("mark", ["\u200f", "\u200d", "\u200b", "\ufeff"])
def test_an_invisible_character_read_as_a_space_does_not_make_the_next_word_shared(mark: str) -> None:
    """XLM-R: ``▁runs`` claims the direction mark before *runs*."""
    tokenizer = unigram((f" {mark}", " "))
    assert statuses(tokenizer, f"the fox {mark}runs") == [
        ("the", "ok", ["▁the"]),
        ("fox", "ok", ["▁fox"]),
        ("runs", "ok", ["▁runs"]),
    ]


def test_a_deleted_character_does_not_get_the_vector_of_the_next_word() -> None:
    """XLM-R: in "fox �runs" the piece ``▁runs`` claims the replacement character, which the tokenizer deletes."""
    tokenizer = unigram((" \ufffd", " "))
    tokenizer.encode(["the fox runs"])  # pieces are held against text once; this must hold for a piece seen before
    assert statuses(tokenizer, "the fox \ufffdruns") == [
        ("the", "ok", ["▁the"]),
        ("fox", "ok", ["▁fox"]),
        ("\ufffd", "no_subwords", []),
        ("runs", "ok", ["▁runs"]),
    ]


def test_two_signs_that_become_one_share_it() -> None:
    """XLNet writes two apostrophes as one quotation mark, but its offsets give that to the second alone."""
    tokenizer = unigram(("''", '"'))
    assert statuses(tokenizer, "the ''fox") == [
        ("the", "ok", ["▁the"]),
        ("'", "shared_subword", ['"']),
        ("'", "shared_subword", ['"']),
        ("fox", "ok", ["fox"]),
    ]


def test_the_unknown_piece_is_known_without_a_config() -> None:
    """XLM-R's `tokenizer.json` alone does not say which special token is the unknown one; its model does."""
    assert unigram().tokenizer.unk_token_id is None
    assert unigram().unknown_id == unigram(unk_token="<unk>").unknown_id == 0
    assert statuses(unigram(), "the 狐") == [("the", "ok", ["▁the"]), ("狐", "unknown", ["<unk>"])]


@pytest.mark.parametrize("word", ["สวัสดีครับ", "狐犬", "ខ្មែរ"])
def test_a_word_of_unknown_pieces_alone_is_unknown_also_where_a_piece_covers_its_neighbours(word: str) -> None:
    """T5: one ``<unk>`` for the whole Thai greeting, in which Unicode sees seven words."""
    found = statuses(unigram(), f"the {word}")
    assert found[0] == ("the", "ok", ["▁the"])
    assert len(found) > 2
    assert {status for _, status, _ in found[1:]} == {"unknown"}
    assert {tuple(pieces) for _, _, pieces in found[1:]} == {("<unk>",)}


DECLARATION = {  # its first article
    "Thai": "มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิ ต่างมีเหตุผลและมโนธรรม และควรปฏิบัติต่อกันด้วยเจตนารมณ์แห่งภราดรภาพ",
    "Chinese": "人人生而自由,在尊严和权利上一律平等。他们赋有理性和良心,并应以兄弟关系的精神互相对待。",
    "Japanese": "すべての人間は、生れながらにして自由であり、かつ、尊厳と権利とについて平等である。",
    "Hebrew": "כל בני האדם נולדו בני חורין ושווים בערכם ובזכויותיהם.",
}  # fmt: skip


@pytest.mark.parametrize("language", DECLARATION)
def test_unknown_are_just_the_words_of_which_every_piece_is(language: str) -> None:
    """Counted both ways, by the tokenizer's own offsets; of T5's words of this kind two in five were missed."""
    tokenizer = unigram()
    text = " the 'fox. ".join(DECLARATION[language].split(" ")) + " x. runs"
    pieces = tokenizer.tokenizer(text, return_offsets_mapping=True, add_special_tokens=False)
    expected = []
    for begin, end in unicode_words(text).tolist():
        of_it = [
            piece
            for piece, (first, last) in zip(pieces["input_ids"], pieces["offset_mapping"], strict=True)
            if max(first, begin) < min(last, end) and tokenizer.pieces([piece]) != ["▁"]
        ]
        expected.append(bool(of_it) and set(of_it) == {tokenizer.unknown_id})
    found = [status for _, status, _ in statuses(tokenizer, text)]
    assert [status == "unknown" for status in found] == expected
    assert min(expected.count(True), expected.count(False)) >= 3


def test_a_word_with_one_known_piece_is_shared_and_not_unknown() -> None:
    words, subwords = np.array([[0, 2], [2, 4], [4, 6]]), np.array([[0, 1], [1, 4], [4, 6]])
    codes = align(words, subwords, np.array([False, True, False])).statuses
    assert [STATUSES[code] for code in codes] == ["shared_subword", "unknown", "ok"]


def joined_by_at_signs(kind: type, folder: Path, words: str, **options: Any) -> Tokenizer:
    """Build a slow tokenizer that spells words in letters, ``c@@ r@@ y``, except for the pieces that are given."""
    pieces = [*words.split(), *(f"{letter}@@" for letter in "abcdefghijklmnopqrstuwxyzHTPURL@:_")]
    merges = ["r i", "ri v", "riv e"]  # rive@@ is a piece that no vocabulary here has
    (folder / "vocab.txt").write_text("".join(f"{piece} 1\n" for piece in pieces), encoding="utf-8")
    (folder / "bpe.codes").write_text("".join(f"{merge} 1\n" for merge in merges), encoding="utf-8")
    return Tokenizer(kind(str(folder / "vocab.txt"), str(folder / "bpe.codes"), **options), "slow")


@pytest.fixture
def tweets(tmp_path: Path) -> Tokenizer:
    tokenizer = joined_by_at_signs(BertweetTokenizer, tmp_path, "d y L : R t s r ##x ▁x", normalization=True)
    tokenizer.tokenizer.demojizer = lambda char: {"😢": ":cry_face:", "😀": ":glad:"}.get(char, char)
    return tokenizer


@pytest.mark.parametrize("text", ["good https://x.co/a 😢 cry", "cry 😢 https://x.co/crying 😀 good 😢 cry cry"])
def test_rewritten_words_have_their_own_pieces_and_their_neighbours_too(tweets: Tokenizer, text: str) -> None:
    """BERTweet: a URL is read as ``HTTPURL``, an emoji as its name."""
    written = {"good": "good", "cry": "cry", "😢": ":cry_face:", "😀": ":glad:"}
    for word, status, pieces in statuses(tweets, text, whitespace_words):
        assert status == "ok"
        assert "".join(piece.removesuffix("@@") for piece in pieces) == written.get(word, "HTTPURL")
    for word, status, pieces in statuses(tweets, text):
        if word in written:
            assert (status, "".join(pieces).replace("@@", "")) == ("ok", written[word])
        else:  # a part of the URL
            assert status == "shared_subword"
            assert "HTTPURL".endswith("".join(pieces).replace("@@", ""))


def test_rewritten_words_that_are_read_otherwise_alone_share_all_their_pieces(tweets: Tokenizer) -> None:
    """The colon that ends one emoji and the one that begins the next are not told apart: both words say so."""
    tokenize = tweets.tokenizer.tokenize
    tweets.tokenizer.tokenize = lambda text: tokenize(text) if " " in text else ["x@@"]
    found = statuses(tweets, "good 😢 😀 cry")
    assert [(word, status) for word, status, _ in found] == [
        ("good", "ok"),
        ("😢", "shared_subword"),
        ("😀", "shared_subword"),
        ("cry", "ok"),
    ]
    assert found[1][2] == found[2][2] != []


def test_unknown_pieces_are_placed_by_the_text_that_tokenize_shows(tmp_path: Path) -> None:
    """PhoBERT: *river* is ``rive@@ r``, the first of them unknown, and *is* has a piece of its own."""
    tokenizer = joined_by_at_signs(PhobertTokenizer, tmp_path, "e r s river")
    assert statuses(tokenizer, "the river is") == [
        ("the", "ok", ["t@@", "h@@", "e"]),
        ("river", "ok", ["<unk>", "r"]),
        ("is", "ok", ["i@@", "s"]),
    ]
    assert statuses(tokenizer, "rivers v ver") == [
        ("rivers", "ok", ["<unk>", "r@@", "s"]),
        ("v", "unknown", ["<unk>"]),
        ("ver", "ok", ["<unk>", "e@@", "r"]),
    ]


def test_unknown_characters_within_words_keep_their_places(tmp_path: Path) -> None:
    """BertJapanese's pieces are characters; MeCab, which finds its words, is another package, and not needed here."""
    (tmp_path / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"theris"]))
    kinds = {"word_tokenizer_type": "basic", "subword_tokenizer_type": "character"}
    tokenizer = Tokenizer(BertJapaneseTokenizer(str(tmp_path / "vocab.txt"), **kinds), "characters")
    assert [(word, status, " ".join(pieces)) for word, status, pieces in statuses(tokenizer, "the rivers 川 is")] == [
        ("the", "ok", "t h e"),
        ("rivers", "ok", "r i [UNK] e r s"),
        ("川", "unknown", "[UNK]"),
        ("is", "ok", "i s"),
    ]


@pytest.mark.parametrize("text", ["the <unk> river is", "the <unk>is", "<unk> <unk> r"])
def test_the_name_of_the_unknown_piece_written_in_a_text_is_its_text(tmp_path: Path, text: str) -> None:
    tokenizer = joined_by_at_signs(PhobertTokenizer, tmp_path, "e r s river")
    for word, status, pieces in statuses(tokenizer, text, whitespace_words):
        assert (status == "unknown") == (word == "<unk>"), (word, status, pieces)


def marking_capitals(*known: str, in_bytes: bool = False) -> Tokenizer:
    """Build a SentencePiece tokenizer whose normalizer writes ``U`` before each capital letter, then a small letter.

    Args:
        known: Pieces beside single letters.
        in_bytes: Whether letters that it does not know are written in bytes.
    """
    rules = {chr(code): f"U{chr(code + 32)}" for code in range(ord("A"), ord("Z") + 1)}
    rules |= {letter: f"U{letter.lower()}" for letter in "АБВГДЕЖЗИКЛМНОПРСТУФХЦЧШЩЪЬѢѦѪЪ"}
    rules |= {chr(code + 0xFEE0): rule for code, rule in ((ord(char), rule) for char, rule in rules.items())}
    rules |= {"Ę": "Uę", "É": "Ué", "E\u0301": "Ué", "e\u0301": "é", "İ": "Ui\u0307", "\r\n": " ", "\n": " "}
    lines = [
        f"{' '.join(f'{ord(c):X}' for c in old)}\t{' '.join(f'{ord(c):X}' for c in new)}" for old, new in rules.items()
    ]
    file = io.BytesIO()
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder, "rules.tsv")
        table.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(["the fox runs", "UA FILA Denmuso é"] * 3),
            model_writer=file,
            model_type="unigram",
            vocab_size=40,
            hard_vocab_limit=False,
            character_coverage=1.0,
            normalization_rule_tsv=str(table),
            num_threads=1,
            minloglevel=2,
        )
    model = sentencepiece_model_pb2.ModelProto.FromString(file.getvalue())  # type: ignore[attr-defined]
    letters = [f"{letter}" for letter in "▁Uabcdefghijklmnopqrstuvwxyzé"]
    pieces = [("<unk>", 0.0), *((letter, -9.0) for letter in letters), *((piece, -2.0) for piece in known)]
    if in_bytes:
        pieces += [(f"<0x{byte:02X}>", -12.0) for byte in range(256)]
    backend = Backend(models.Unigram(pieces, unk_id=0, byte_fallback=in_bytes))
    backend.normalizer = normalizers.Precompiled(model.normalizer_spec.precompiled_charsmap)
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    backend.decoder = decoders.Metaspace()
    return Tokenizer(PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="<unk>"), "capitals")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ę UA", ["U <unk>", "Uu Ua"]),
        ("UA Ę the", ["Uu Ua", "U <unk>", "t h e"]),
        ("DENMUSO FILA Ę", ["Ud Ue U n Um Uu Us Uo", "U f Ui U l Ua", "U <unk>"]),
        ("İSTANBUL", ["Ui <unk> Us Ut Ua U n U b Uu U l"]),
        ("ＵＡ Ę", ["Uu Ua", "U <unk>"]),
        ("E\u0301\r\nUA Ę", ["Ue", "Uu Ua", "U <unk>"]),
        ("e\u0301\r\nĘ UA", ["é", "U <unk>", "Uu Ua"]),
        ("the Ux A狐", ["t h e", "Uu x", "Ua <unk>"]),
    ],
)
def test_marks_of_capitals_stay_with_their_letters_beside_unknown_characters(text: str, expected: list[str]) -> None:
    """A piece that writes ``Uu`` for *U* does not write its span; its offsets are exact all the same."""
    tokenizer = marking_capitals(*(f"U{letter}" for letter in "uadeimsot"), *"uaeosmidt")
    found = statuses(tokenizer, text, whitespace_words)
    assert [" ".join(piece.strip("▁") for piece in pieces if piece.strip("▁")) for _, _, pieces in found] == expected
    assert {status for _, status, _ in found} <= {"ok"}


JOHN = (  # the beginning of the Gospel, in Old Church Slavonic
    "Искони бѣ слово и слово бѣ отъ Бога и Богъ бѣ слово се бѣ искони у Бога вьсѣ тѣмь бышѧ и бежнего ничьтоже не "
    "бысть еже бысть въ томь животъ бѣ и животъ бѣ Свѣтъ чловѣкомъ и Свѣтъ въ тьмѣ свьтитъ сѧ и Тьма его не обѧтъ "
    "бысть чловѣкъ посъланъ отъ Бога имѧ ему Иоанъ сь приде въ съвѣдѣтельство"
)


@pytest.mark.parametrize("in_bytes", [False, True], ids=["unknown", "bytes"])
@pytest.mark.parametrize("written", ["as it is", "capitals", "decomposed", "wide", "in lines"])
def test_no_word_of_a_text_with_marks_of_capitals_has_a_piece_of_its_neighbour(written: str, in_bytes: bool) -> None:
    """Each word has what the tokenizer makes of it alone: 42 of 362,181 words had not."""
    text = f"{JOHN} THE Fox éÉ RUNS. {JOHN.title()} é Ę DENMUSO FILA İSTANBUL"
    text = {
        "capitals": text.upper(),
        "decomposed": unicodedata.normalize("NFD", text),
        "wide": "".join(chr(ord(char) + 0xFEE0) if "A" <= char <= "Z" else char for char in text),
        "in lines": "\r\n".join(text.split(" ")),
    }.get(written, text)
    tokenizer = marking_capitals(*(f"U{letter}" for letter in "uadбсит"), *"ис", "то", "въ", in_bytes=in_bytes)
    found = statuses(tokenizer, text, whitespace_words)
    assert len(found) > 120
    for word, status, pieces in found:
        alone = tokenizer.pieces(tokenizer.tokenizer(word, add_special_tokens=False)["input_ids"])
        alone = [piece for piece in alone if piece != "▁"]
        assert [piece for piece in pieces if piece != "▁"] == alone, word
        assert status == ("unknown" if set(alone) == {"<unk>"} else "ok"), word


@pytest.mark.parametrize(
    ("text", "span", "surface", "expected"),
    [
        ("a\u200fb", (1, 3), " b", (2, 3)),
        ("ab\u200f", (1, 3), "b", (1, 2)),
        ("\u200d\u200eb", (0, 3), "b", (2, 3)),
        ("a\u200fb", (1, 3), "\u200fb", (1, 3)),
        ("a\u200f", (1, 2), "", (1, 2)),
        ("a\u200f", (1, 2), "\u200f", (1, 2)),
        ("a\u200fb", (1, 3), None, (1, 3)),
        ("a\u200fb", (1, 3), b"\xe2", (1, 3)),
        ("a\u200fb", (0, 3), "ab", (0, 3)),
    ],
)
def test_only_what_a_piece_does_not_write_is_taken_off(
    text: str, span: tuple[int, int], surface: str | bytes | None, expected: tuple[int, int]
) -> None:
    found = without_unwritten(text, np.array([span]), lambda _: surface)
    assert tuple(found[0].tolist()) == expected
