"""`--server URL`: the same output as with the model here, and nothing loaded for it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import wordstates
from cli_runner import SENTENCES, run
from patience import A_HANG
from served import serving
from wordstates import Recipe, WordEmbedder
from wordstates.errors import InputError, NonFiniteError, WorkerError
from wordstates.serve.limits import Limits

TEXTS = (*SENTENCES, "A [MASK] of the bank.", "unbelievably " * 100)


@pytest.fixture(scope="module")
def url(bert: Path) -> Iterator[str]:
    """Give the address of a server that refuses what is more than a few texts: clients then ask in halves."""
    limits = Limits(request_texts=3)
    with serving({str(bert): WordEmbedder(bert, engine="torch")}, limits=limits, key="k") as (port, _, _):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(autouse=True)
def _the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORDSTATES_API_KEY", "k")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "texts.txt").write_text("\n".join(TEXTS), encoding="utf-8")
    return tmp_path


def report(err: str) -> list[str]:
    return [line for line in err.splitlines() if line.split(" ")[0] not in ("seconds", "bytes", "wrote", "engine")][:-1]


@pytest.mark.parametrize(
    "command",
    [
        ["embed", "texts.txt", "--layers", "1:", "--layer-pooling", "none"],
        ["embed", "texts.txt", "--subword-pooling", "none", "--splitter", "whitespace"],
        ["embed", "texts.txt", "--long-texts", "truncate", "--no-punctuation"],
        ["find", "bank", "texts.txt", "--recipe", '{"layers": 1, "subword_pooling": "first"}'],
    ],
    ids=["layers", "subwords", "truncated", "find"],
)
def test_a_file_is_the_same(url: str, bert: Path, folder: Path, command: list[str]) -> None:
    here = run(*command, "-o", "here.parquet", "-m", bert, "--engine", "torch", cwd=folder)
    there = run(*command, "-o", "there.parquet", "--server", url, cwd=folder)
    assert (here.code, there.code, report(there.err)) == (0, 0, report(here.err))
    mine, theirs = (wordstates.load(folder / name) for name in ("here.parquet", "there.parquet"))
    assert (theirs.words, theirs.statuses, theirs.provenance) == (mine.words, mine.statuses, mine.provenance)
    np.testing.assert_allclose(theirs.vectors, mine.vectors, atol=1e-5)


def test_static_vectors_a_store_and_its_neighbours_are_the_same(url: str, bert: Path, folder: Path) -> None:
    for name, options in [("here", ["-m", bert, "--engine", "torch"]), ("there", ["--server", url, "-m", bert])]:
        assert run("static", "texts.txt", "-o", f"{name}.txt", *options, cwd=folder).code == 0
        assert run("embed", "texts.txt", "-o", f"{name}/", *options, cwd=folder).code == 0
        assert run("index", f"{name}/", "-q", cwd=folder).code == 0
    assert (folder / "here.txt").read_text() == (folder / "there.txt").read_text()
    query = ["the old [mill]", "-k", "3"]
    near = [
        run("near", name, *query, *more, cwd=folder).out for name, more in [("here", []), ("there", ["--server", url])]
    ]
    assert near[0] == near[1] != ""
    shown = run("explore", "here", "--word", "bank", "--export", "page.html", "--server", url, cwd=folder)
    moved = run("explore", "here", "--word", "bank", "--export", "moved.html", "--model", bert, cwd=folder)
    assert (shown.code, moved.code) == (0, 0), (shown.err, moved.err)


def test_subwords_are_the_same(url: str, bert: Path) -> None:
    for more in ([], ["--json"], ["--splitter", "whitespace"]):
        here, there = (
            run("subwords", "Ünbelievably, [MASK]\u200b 👍", *more, *which)
            for which in (["-m", bert], ["--server", url])
        )
        assert (there.code, there.out, there.err) == (0, here.out, here.err)


def test_nothing_is_loaded_for_it(url: str, folder: Path) -> None:
    lines = [
        "import sys",
        "from wordstates.cli.app import app",
        "try:",
        f"    app(['embed', 'texts.txt', '-o', 'o/', '--server', {url!r}, '-q'])",
        "except SystemExit as end:",
        "    print(end.code, [name for name in ('torch', 'transformers', 'tokenizers') if name in sys.modules])",
    ]
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)], cwd=folder, capture_output=True, text=True, timeout=A_HANG, check=True
    )
    assert done.stdout == "0 []\n", done.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--device", "cpu"], "--device does not go with --server"),
        (["--long-texts", "error"], "--long-texts does not go with --server"),
        (["--surprisal"], "--surprisal does not go with --server: a server gives vectors alone"),
        (["--dry-run"], "--dry-run does not go with --server"),
        (["--model", "other"], "There is no such model at http"),
        (["--layers", "99"], "Layer 99 does not exist"),
    ],
)
def test_what_a_server_cannot_is_told(url: str, folder: Path, options: list[str], said: str) -> None:
    result = run("embed", "texts.txt", "-o", "o.parquet", "--server", url, *options, cwd=folder)
    assert (result.code, said in result.err) == (2, True), result.err


def test_a_server_that_is_not_there_has_gone_or_asks_for_its_key(
    bert: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ["embed", "texts.txt", "-o", "o.parquet", "--server"]
    nobody = run(*command, "http://127.0.0.1:1", cwd=folder)
    assert (nobody.code, "No server answers at http://127.0.0.1:1" in nobody.err) == (4, True)
    with serving({"tiny": WordEmbedder(bert, engine="torch")}, key="k") as (port, _, _):
        remote = wordstates.connect(f"http://127.0.0.1:{port}", recipes=[Recipe()])
        monkeypatch.delenv("WORDSTATES_API_KEY")
        refused = run(*command, f"http://127.0.0.1:{port}", cwd=folder)
        assert (refused.code, "as WORDSTATES_API_KEY" in refused.err) == (2, True)
    with pytest.raises(WorkerError, match="answers no more"):  # not one document after the other is rejected
        remote.encode("a bank")


def test_a_text_that_is_too_large_or_fails_is_rejected_and_the_rest_written(
    bert: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedder = WordEmbedder(bert, engine="torch")
    with serving({"tiny": embedder}, limits=Limits(text_subwords=300)) as (port, service, _):
        url = f"http://127.0.0.1:{port}"
        result = run("embed", "texts.txt", "-o", "o.parquet", "--server", url, cwd=folder)
        assert (result.code, "rejected        1" in result.err) == (3, True), result.err
        assert len(wordstates.load(folder / "o.parquet").provenance["documents"]) == len(TEXTS) - 1
        remote = wordstates.connect(url)
        with pytest.raises(InputError, match="at most 300 are taken"):
            remote.encode(TEXTS)
        engine = service.models["tiny"].session._engine()
        plain = engine.hidden_states

        def nan(*asked: Any) -> dict[int, Any]:
            return {layer: states * float("nan") for layer, states in plain(*asked).items()}

        monkeypatch.setattr(engine, "hidden_states", nan, raising=False)
        with pytest.raises(NonFiniteError):
            remote.encode("a bank")
