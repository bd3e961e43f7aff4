"""The hint on a model that was hardly made for the language of the texts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli_runner import run
from families import CORPUS
from wordstates import WordEmbedder
from wordstates.runs.fitting import hint_of

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


def test_the_report_ends_with_it(tmp_path: Path) -> None:
    (tmp_path / "ru.txt").write_text("\n".join(CORPUS["ru"] * 10), encoding="utf-8")
    command = ("embed", str(tmp_path / "ru.txt"), "-o", str(tmp_path / "vectors.parquet"))
    for options in ([], ["--dry-run"]):
        done = run(*command, "--overwrite", *options)
        assert done.code == 0
        assert f"subwords: {NOT_MADE_FOR_IT}\n" in done.err
    assert NOT_MADE_FOR_IT in json.loads(run(*command, "--overwrite", "--json").out)["hint"]
