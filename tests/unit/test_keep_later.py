"""A command that has written its output keeps the model it used; `wordstates cache --fill` does so by hand."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from cli_runner import Result, run
from families import build
from wordstates.cli import app, keeping
from wordstates.model import keep_later
from wordstates.model.engine_cache import kept_entries
from wordstates.model.engines import Engines
from wordstates.model.kept_engines import KeptEngines
from wordstates.model.load import load_model
from wordstates.model.loaded import LoadOptions


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    for part in build("bert"):
        part.save_pretrained(folder)
    return folder


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder with a text and an empty cache, at a terminal that nobody else waits for."""
    monkeypatch.setenv("WORDSTATES_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(keeping, "_is_waited_for", lambda: False)
    (tmp_path / "texts.txt").write_text("the old mill\n")
    return tmp_path


def embed(folder: Path, model: Path, *more: str, **options: Any) -> Result:
    done = run("embed", "texts.txt", "-o", "out.parquet", "--overwrite", "-m", model, *more, cwd=folder, **options)
    assert done.code == 0
    return done


def is_kept(model: Path) -> bool:
    return isinstance(load_model(model, None, LoadOptions()).engines, KeptEngines)


def test_a_short_command_keeps_a_small_model(folder: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for where, what, value in (
        (keep_later, "_QUICK", 0),  # a large model
        (keeping, "_is_waited_for", lambda: True),
        (app, "_UNTIL_STOPPED", ("embed",)),  # a server: who ends it wants it to end
    ):
        with monkeypatch.context() as patch:
            patch.setattr(where, what, value)
            embed(folder, model)
        assert not (folder / "cache").exists()
    assert "preparing a quick start" in embed(folder, model, terminal=True).err
    assert is_kept(model)
    assert [path.name for path in (folder / "cache" / "engines").iterdir()] == [kept_entries()[0].path.name]
    assert "preparing" not in embed(folder, model, terminal=True).err


@pytest.mark.parametrize("error", [RuntimeError("no memory"), KeyboardInterrupt()])
def test_what_fails_or_is_interrupted_is_not_tried_again_by_itself(
    folder: Path, model: Path, error: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[Engines] = []

    def fail(engines: Engines) -> None:
        tried.append(engines)
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(Engines, "fastest", fail)
        assert [embed(folder, model).err.count("wordstates:") for _ in range(2)] == [0, 0]
    assert len(tried) == 1
    (mark,) = (folder / "cache" / "engines").iterdir()
    assert mark.name.startswith("tried-")


def test_a_model_is_kept_by_hand(folder: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    marks = folder / "cache" / "engines"
    for clear in (True, False):
        with monkeypatch.context() as patch:
            patch.setattr(Engines, "fastest", lambda _: None)
            embed(folder, model, "-q")
        assert len(list(marks.glob("tried-*"))) == 1
        if clear:
            assert run("cache", "--clear").code == 0
            assert list(marks.iterdir()) == []
    done = run("cache", "--fill", model)
    assert (done.err, done.out.count(str(model))) == (f"{model}: kept\n", 1)
    assert not list(marks.glob("tried-*"))
    assert run("cache", "--fill", model, "--json").err == f"{model}: was kept before\n"


def test_a_pipe_may_be_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, sink = os.pipe()
    with (tmp_path / "out").open("w+") as file, os.fdopen(source) as there, os.fdopen(sink, "w") as here:
        for stream in ("stdin", "stdout", "stderr"):
            monkeypatch.setattr(sys, stream, file)
        assert not keeping._is_waited_for()
        for stream, pipe in (("stdin", there), ("stdout", here), ("stderr", None)):
            with monkeypatch.context() as patch:
                patch.setattr(sys, stream, pipe)
                assert keeping._is_waited_for()


def test_what_cannot_be_kept_is_told(folder: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for arguments, told in (
        (["--clear"], "--fill and --clear: give one of the two"),
        (["--precision", "float16"], "cannot be kept: that is for models in safetensors"),
    ):
        done = run("cache", "--fill", model, *arguments)
        assert done.code in (1, 2)
        assert told in done.err
    assert "--precision goes with --fill" in run("cache", "--precision", "bfloat16").err
    with monkeypatch.context() as patch:
        patch.setattr(Engines, "fastest", lambda _: None)
        assert f"cannot be kept: '{folder / 'cache'}' cannot be written" in run("cache", "--fill", model).err
    monkeypatch.setattr("wordstates.model.load.is_installed", lambda: False)
    assert 'pip install "wordstates[openvino]"' in run("cache", "--fill", model).err
    monkeypatch.setenv("WORDSTATES_CACHE", "off")
    assert "WORDSTATES_CACHE is set to off" in run("cache", "--fill", model).err
