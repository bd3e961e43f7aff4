"""`wordstates subwords`: how a text splits, aligned."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from cli_runner import run

TEXT = "The bank wouldn't lend Äpfel 👍🏽."

SHOWN = {
    "bert": (
        """\
word      span   status   subwords
The       0-3    ok       the
bank      4-8    ok       bank
wouldn't  9-17   ok       wou ##ld ##n ' t
lend      18-22  ok       len ##d
Äpfel     23-28  ok       ap ##fel
👍🏽        29-31  unknown  [UNK]
.         31-32  ok       .
""",
        "7 words, 13 subwords, aligned by offsets; special tokens around them: [CLS] [SEP]\n",
    ),
    "gpt2": (
        """\
word      span   status  subwords
The       0-3    ok      The
bank      4-8    ok      Ġb an k
wouldn't  9-17   ok      Ġw ou ld n 't
lend      18-22  ok      Ġl en d
Äpfel     23-28  ok      ĠÃ Ħ p f el
👍🏽        29-31  ok      ĠðŁ ĳ įðŁ ı ½
.         31-32  ok      .
""",
        "7 words, 23 subwords, aligned by offsets; special tokens around them: none\n",
    ),
    "t5": (
        """\
word      span   status   subwords
The       0-3    ok       ▁T he
bank      4-8    ok       ba nk
wouldn't  9-17   ok       ▁w ou ld n ' t
lend      18-22  ok       ▁le nd
Äpfel     23-28  ok       Ä pf el
👍🏽        29-31  unknown  <unk>
.         31-32  ok       .
""",
        "7 words, 20 subwords (3 in no word: ▁ ▁ ▁), aligned by offsets; special tokens around them: </s>\n",
    ),
}


@pytest.mark.parametrize("model", SHOWN)
def test_the_whole_output(models: Path, model: str) -> None:
    """The table is data and goes to standard output, the remark to standard error."""
    done = run("subwords", TEXT, "-m", models / model)
    assert (done.code, done.out, done.err) == (0, *SHOWN[model])


def test_json(bert: Path) -> None:
    done = run("subwords", "The bank", "-m", "bert", "--json", cwd=bert.parent)
    assert (done.code, done.err) == (0, "")
    assert json.loads(done.out) == {
        "model": "bert",
        "aligned_by": "offsets",
        "words": [
            {"word": "The", "start": 0, "end": 3, "status": "ok", "subwords": ["the"]},
            {"word": "bank", "start": 4, "end": 8, "status": "ok", "subwords": ["bank"]},
        ],
    }


def test_no_weights_are_needed(bert: Path, tmp_path: Path) -> None:
    shutil.copytree(bert, tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.safetensors"))
    done = run("subwords", "bank", "-m", tmp_path)
    assert done.code == 0
    assert done.err == "1 word, 1 subword, aligned by offsets; special tokens around them: [CLS] [SEP]\n"


def test_ways_of_splitting(bert: Path) -> None:
    def words(*options: str) -> list[str]:
        done = run("subwords", "Well, the (old) mill.", "-m", bert, "--json", *options)
        assert done.code == 0
        return [row["word"] for row in json.loads(done.out)["words"]]

    assert words() == ["Well", ",", "the", "(", "old", ")", "mill", "."]
    assert words("--no-punctuation") == ["Well", "the", "old", "mill"]
    assert words("--splitter", "whitespace") == ["Well,", "the", "(old)", "mill."]
    assert words("--splitter", "spacy:en") == ["Well", ",", "the", "(", "old", ")", "mill", "."]


def test_standard_input(bert: Path) -> None:
    done = run("subwords", "-", "-m", bert, stdin="\ufeffThe bank\nÄpfel\n")
    assert done.code == 0
    assert done.out == (
        "word   span  status  subwords\n"
        "The    0-3   ok      the\n"
        "bank   4-8   ok      bank\n"
        "Äpfel  9-14  ok      ap ##fel\n"
    )


def test_characters_that_would_break_the_table(bert: Path) -> None:
    done = run("subwords", "a\x01\x1b[31m bank", "-m", bert, "--splitter", "whitespace")
    assert done.code == 0
    assert "\x1b" not in done.out
    assert done.out.splitlines()[1].startswith(r"a\x01\x1b[31m  0-")
