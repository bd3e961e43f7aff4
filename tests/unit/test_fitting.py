"""The hint on a model that was hardly made for the language of the texts."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from cli_runner import run
from families import CORPUS
from wordstates import WordEmbedder
from wordstates.runs.fitting import hint_of
from wordstates.text.align import OK

GENESIS = (Path(__file__).parents[2] / "examples" / "data" / "genesis-web.txt").read_text(encoding="utf-8")
NOT_MADE_FOR_IT = "was it made for this language?"


@pytest.fixture(scope="module")
def embedder() -> WordEmbedder:
    return WordEmbedder("minilm", engine="torch")


@pytest.mark.parametrize("language", ["genesis", *CORPUS])
@pytest.mark.filterwarnings("ignore:The texts are written in:UserWarning")
def test_what_minilm_was_made_for_is_english(language: str, embedder: WordEmbedder) -> None:
    texts = GENESIS.splitlines()[:60] if language == "genesis" else CORPUS[language] * 40
    plan = embedder.plan(texts)
    found = zip(texts, embedder.split(texts), strict=True)
    words = [text[start:end] for text, spans in found for start, end in spans.tolist()]
    pieces = {index: embedder.tokenizer.convert_ids_to_tokens(index) for index in set(plan.subword_ids.tolist())}
    hint = hint_of(plan, words, pieces)
    if language in ("genesis", "en", "emoji"):
        assert hint == ""
    else:
        assert NOT_MADE_FOR_IT in hint


@pytest.mark.long
def test_the_report_ends_with_it(tmp_path: Path) -> None:
    (tmp_path / "ru.txt").write_text("\n".join(CORPUS["ru"] * 10), encoding="utf-8")
    command = ("embed", str(tmp_path / "ru.txt"), "-o", str(tmp_path / "vectors.parquet"))
    for options in ([], ["--dry-run"]):
        done = run(*command, "--overwrite", *options)
        assert done.code == 0
        assert f"long: {NOT_MADE_FOR_IT}\n" in done.err
    assert NOT_MADE_FOR_IT in json.loads(run(*command, "--overwrite", "--json").out)["hint"]


@dataclass(frozen=True)
class Cut:
    """Words cut into pieces, as a tokenizer gives them."""

    status_codes: np.ndarray
    subword_ids: np.ndarray
    subword_starts: np.ndarray


def hint_on(cut: dict[str, list[str]], ids: Callable[[str], int] | None = None) -> str:
    """Give the hint on some words, a hundred times each, cut as said."""
    words = [*cut] * 100
    pieces = [piece for word in words for piece in cut[word]]
    number = ids or {piece: index for index, piece in enumerate(dict.fromkeys(pieces))}.__getitem__
    starts = np.cumsum([0, *(len(cut[word]) for word in words)])
    aligned = Cut(np.full(len(words), OK, np.uint8), np.array([number(piece) for piece in pieces]), starts)
    return hint_of(aligned, words, {number(piece): piece for piece in pieces})


@pytest.mark.parametrize(
    ("cut", "made_for_it"),
    [
        # multilingual BERT on Finnish: an ending of one letter is no sign of a wrong model
        ({"talona": ["talo", "##n", "##a"], "kirjaa": ["kirja", "##a"], "meille": ["meille"]}, True),
        # and it reads ideographs one by one, as Chinese BERT does; XLM-R reads syllables of Korean
        ({"世界": ["世", "界"], "人权": ["人", "权"], "自由": ["自", "由"]}, True),
        ({"모든": ["▁모", "든"], "사람은": ["▁사람", "은"], "자유": ["▁자유"]}, True),
        # byte-level tokenizers of English know no ideograph whole
        ({"世界": ["ä¸", "ĸ", "çķ", "Į"], "人权": ["äºº", "æ", "Ŀ", "ĥ"], "自由": ["è", "ĩ", "ª", "çĶ", "±"]}, False),
        # bert-base-cased on French: few single letters, and yet
        ({"libres": ["libre", "##s"], "droits": ["d", "##roit", "##s"], "doués": ["do", "##u", "##és"]}, False),
    ],
    ids=["Finnish", "Chinese", "Korean", "Chinese in bytes", "French"],
)
def test_what_other_tokenizers_do(cut: dict[str, list[str]], made_for_it: bool) -> None:
    assert (NOT_MADE_FOR_IT in hint_on(cut)) is not made_for_it


def test_models_that_read_characters_are_left_alone() -> None:
    words = ("libres", "and", "equal")
    assert hint_on({word: [*word] for word in words}, ids=ord) == ""  # CANINE
    assert hint_on({word: [*word] for word in words}, ids=lambda piece: ord(piece) + 3) == ""  # ByT5
    assert NOT_MADE_FOR_IT in hint_on({word: [*word] for word in words})
