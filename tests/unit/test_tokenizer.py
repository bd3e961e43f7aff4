"""A tokenizer is asked for whole texts whoever else uses it, and what it raises is told."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
from tokenizers import Tokenizer as Backend
from tokenizers import models, pre_tokenizers, processors
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from families import build_tokenizer
from wordstates import WordEmbedder
from wordstates.documents.document import Document
from wordstates.errors import ModelError, TokenizerError
from wordstates.model import examined
from wordstates.model.tokenizer import Tokenizer
from wordstates.runs.groups import GroupRun

LONG = "the river runs past the old mill " * 3


def lower_level(pieces: str, **special: str) -> PreTrainedTokenizerFast:
    """Build a WordPiece tokenizer with [CLS] and [SEP] and no more than the pieces that are given."""
    vocabulary = {piece: number for number, piece in enumerate(["[PAD]", "[CLS]", "[SEP]", *pieces.split()])}
    backend = Backend(models.WordPiece(vocabulary, unk_token=special.get("unk_token", "[UNK]")))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    backend.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]", **special
    )


def tiny_bert(tokenizer: Any) -> BertModel:
    config = BertConfig(
        vocab_size=len(tokenizer), hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32
    )
    return BertModel(config).eval()


def test_wrappers_of_one_backend_share_a_lock_and_others_do_not() -> None:
    shared, other = build_tokenizer("wordpiece"), build_tokenizer("byte-bpe")
    one, two, three = Tokenizer(shared, "one"), Tokenizer(shared, "two"), Tokenizer(other, "three")
    assert one._lock is two._lock
    assert one._lock is not three._lock
    slow = build_tokenizer("slow-wordpiece")
    assert Tokenizer(slow, "slow")._lock is Tokenizer(slow, "again")._lock


def test_two_embedders_with_one_tokenizer_wait_for_each_other() -> None:
    """The settings of the backend are given back when a call ends, and must not be while another one reads."""
    tokenizer = lower_level("the river runs past old mill [UNK]", unk_token="[UNK]")
    tokenizer.backend_tokenizer.enable_truncation(4)
    one, two = Tokenizer(tokenizer, "one"), Tokenizer(tokenizer, "two")
    done: list[int] = []
    with one._lock.checked():
        other = threading.Thread(target=lambda: done.append(len(two.encode([LONG])[0].ids)))
        other.start()
        assert len(one.encode([LONG])[0].ids) == 21
        assert not done
    other.join()
    assert done == [21]
    assert tokenizer.backend_tokenizer.truncation["max_length"] == 4


class Meddled:
    """A backend that other code sets to cut texts while it is asked for whole ones, so many times."""

    def __init__(self, backend: Any, times: int) -> None:
        self.backend, self.times = backend, times

    def __getattr__(self, name: str) -> Any:
        return getattr(self.backend, name)

    def encode_batch(self, *arguments: Any, **options: Any) -> Any:
        if self.times:
            self.times -= 1
            self.backend.enable_truncation(2)
        found = self.backend.encode_batch(*arguments, **options)
        if self.times % 2:
            self.backend.no_truncation()
        return found


def test_what_other_code_cut_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer = lower_level("the river runs past old mill [UNK]", unk_token="[UNK]")
    reader = Tokenizer(tokenizer, "meddled")
    meddled = Meddled(tokenizer.backend_tokenizer, times=5)
    monkeypatch.setattr(type(tokenizer), "backend_tokenizer", meddled)
    assert len(reader.encode([LONG])[0].ids) == 21
    meddled.times = 10_000
    with pytest.raises(TokenizerError, match=r"set to cut texts by other code.*copy\.deepcopy\(tokenizer\)"):
        reader.encode([LONG])


@pytest.mark.parametrize("text", ["the fox", "狐 the"])
def test_a_bare_exception_of_a_tokenizer_is_told(text: str) -> None:
    """WordPiece without an unknown piece raises `Exception` where it meets one."""
    reader = Tokenizer(lower_level("the river ##s mill"), "no-unknown")
    assert reader.encode(["the rivers"])[0].ids.tolist() == [3, 4, 5]
    with pytest.raises(TokenizerError, match=r"'no-unknown' fails on text .*Missing .UNK. token.*unk_token"):
        reader.encode([text])
    with pytest.raises(TokenizerError, match="fails on one of 2 texts"):
        reader.encode(["the", text])
    assert issubclass(TokenizerError, ModelError)


def test_a_slow_tokenizer_that_fails_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer = build_tokenizer("slow-wordpiece")
    monkeypatch.setattr(tokenizer, "tokenize", lambda text: [][0])
    with pytest.raises(TokenizerError, match="fails on text 'the': list index out of range"):
        Tokenizer(tokenizer, "slow").encode(["the"])


def test_a_document_that_its_tokenizer_fails_on_is_rejected_and_the_others_are_read() -> None:
    tokenizer = lower_level("the river ##s mill runs past old")
    embedder = WordEmbedder(tiny_bert(tokenizer), tokenizer)
    texts = ["the rivers", "the fox", "old mill", "past the river"]
    run = GroupRun(embedder)
    documents = [Document(str(number), text) for number, text in enumerate(texts)]
    read = {document.id: len(piece.embeddings) for piece in run.over(documents) for document in piece.documents}
    assert set(read) == {"0", "2", "3"}
    assert [reject.document for reject in run.rejects] == ["1"]
    assert "fails on text 'the fox'" in str(run.rejects[0].error)


@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        ("M K T A Y I L V", "M K T A Y"),
        ("A C G T", "A C G G T"),
        ("ACGT ##A ##C", "ACGT ACGTC"),
        ("река дом", "река дом река"),
        ("ཀ ཁ ག", "ཀ ཁ ཁ"),
    ],
)
@pytest.mark.parametrize("unknown", [{}, {"unk_token": "[UNK]"}])
def test_models_whose_vocabulary_knows_no_english_are_read(pieces: str, text: str, unknown: dict[str, str]) -> None:
    tokenizer = lower_level(f"[UNK] {pieces}" if unknown else pieces, **unknown)
    model = tiny_bert(tokenizer)
    found = WordEmbedder(model, tokenizer, splitter="whitespace").encode(text)
    assert set(found.statuses) == {"ok"}
    whole = model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0, 1:-1].detach().numpy()
    np.testing.assert_allclose(found.vectors[0], whole[0], atol=1e-5)
    np.testing.assert_allclose(found.vectors[-1], whole[-1 if "##" not in pieces else -2 :].mean(0), atol=1e-5)


def test_the_probe_is_english_where_the_vocabulary_knows_it() -> None:
    known, foreign = Tokenizer(build_tokenizer("wordpiece"), "known"), Tokenizer(lower_level("M K T A"), "foreign")
    english = known.encode([examined._PROBE_TEXT])[0].ids.tolist()[:24]
    assert examined._probe_text(known, 0, 0).row == known.template.wrap(english)
    assert examined._probe_text(foreign, 0, 0).row == [1, 3, 4, 5, 6, 2]
    assert examined._probe_text(foreign, 0, rows=5).row == [1, 3, 4, 2]  # the model has a vector for two of them


def test_a_vocabulary_without_two_words_is_refused() -> None:
    tokenizer = lower_level("[UNK] fox", unk_token="[UNK]")
    with pytest.raises(ModelError, match="its vocabulary has no others"):
        WordEmbedder(tiny_bert(lower_level("[UNK]", unk_token="[UNK]")), lower_level("[UNK]", unk_token="[UNK]"))
    assert WordEmbedder(tiny_bert(tokenizer), tokenizer).encode("fox").statuses == ["ok"]
