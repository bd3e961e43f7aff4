"""What an earlier process has found about a model: read without PyTorch, and not believed where anything differs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest

from families import build, build_tokenizer
from patience import A_HANG
from wordstates import WordEmbedder
from wordstates.model import processor
from wordstates.model._hub import fetch_tokenizer
from wordstates.model.engine_cache import Entry
from wordstates.model.found import Found
from wordstates.model.kept_model import KeptModel
from wordstates.model.kept_tokenizer import KeptTokenizer, kept_form
from wordstates.model.loaded import LoadOptions
from wordstates.model.model_files import files_of
from wordstates.model.tokenizer import Tokenizer

TEXTS = ["The children run past the old mill.", "A bank.", "mill " * 60]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Give a model, and a cache in which it is kept."""
    model, cache = tmp_path_factory.mktemp("model"), tmp_path_factory.mktemp("cache")
    network, tokenizer = build("bert")
    network.save_pretrained(model)
    tokenizer.save_pretrained(model)
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("WORDSTATES_CACHE", str(cache))
        WordEmbedder(model, engine="openvino")
    return model, cache


@pytest.fixture
def model(filled: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a copy of that model, whose cache is a copy too."""
    for each, name in zip(filled, ("model", "cache"), strict=True):
        shutil.copytree(each, tmp_path / name)
    monkeypatch.setenv("WORDSTATES_CACHE", str(tmp_path / "cache"))
    return tmp_path / "model"


def is_believed(model: Path | str, **options: Any) -> bool:
    files = files_of(model, options.get("revision"))
    return files is not None and KeptModel(str(model), files, LoadOptions(**options)).read() is not None


def kept_file(model: Path) -> Path:
    (path,) = model.parent.glob("cache/engines/*/model-*.json")
    return path


@pytest.mark.long
def test_neither_pytorch_nor_transformers_is_imported(
    filled: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = subprocess.run(
        [sys.executable, str(Path(__file__).parents[1] / "cold_trial.py"), str(filled[0]), str(tmp_path)],
        env={**os.environ, "WORDSTATES_CACHE": str(filled[1])},
        capture_output=True,
        text=True,
        check=False,
        timeout=A_HANG,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    for what in ("encode", "embed", "find", "index", "subwords", "near"):
        assert told[what] == [0, []], what
    expected = WordEmbedder(filled[0], engine="torch").encode(TEXTS)
    assert np.abs(np.array(told["vectors"]) - expected.vectors).max() < 1e-5
    assert told["provenance"] == {**expected.provenance, "engine": "openvino"}
    engine, vectors, imported = told["in a fork"]
    assert (engine, imported) == ("torch", ["torch", "transformers"])
    assert np.abs(np.array(vectors) - expected.vectors[: len(vectors)]).max() < 1e-5
    assert (told["device"], told["tokenizer"]) == ("cpu", "transformers")


def test_vectors_are_those_of_a_model_that_is_loaded(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = WordEmbedder(model, engine="openvino", layers="0:", layer_pooling="none")
    assert isinstance(kept._model.tokenizer.tokenizer, KeptTokenizer)
    assert kept.dim == 32
    monkeypatch.setenv("WORDSTATES_CACHE", "off")
    loaded = WordEmbedder(model, engine="openvino", layers="0:", layer_pooling="none")
    here, there = kept.encode(TEXTS), loaded.encode(TEXTS)
    assert np.array_equal(here.vectors, there.vectors)
    assert (here.words, here.provenance) == (there.words, there.provenance)


# ---------------------------------------------------------------- what differs


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def rewritten(name: str, **keys: object) -> Callable[[Path], object]:
    def write(model: Path) -> None:
        told = json.loads((model / name).read_text()) | keys
        (model / name).write_text(json.dumps(told))

    return write


CHANGES: dict[str, Callable[[Path], object]] = {
    "a weight": lambda model: flip(model / "model.safetensors"),
    "the config": rewritten("config.json", layer_norm_eps=1e-3),
    "the tokenizer": rewritten("tokenizer.json", truncation=None, version="2.0"),
    "the tokenizer's config": rewritten("tokenizer_config.json", do_lower_case=True),
    "a file more": lambda model: (model / "added_tokens.json").write_text("{}"),
    "a file less": lambda model: (model / "tokenizer_config.json").unlink(),
    "code of its own": rewritten("config.json", auto_map={"AutoModel": "own.Model"}),
    "an adapter": lambda model: (model / "adapter_config.json").write_text("{}"),
    "pickled weights": lambda model: (model / "model.safetensors").rename(model / "pytorch_model.bin"),
    "what is kept, a bit of it": lambda model: flip(kept_file(model)),
    "what is kept, cut off": lambda model: kept_file(model).write_bytes(kept_file(model).read_bytes()[:-9]),
    "what is kept, emptied": lambda model: kept_file(model).write_bytes(b""),
    "what is kept, writable by others": lambda model: kept_file(model).chmod(0o666),
    "its folder, writable by others": lambda model: kept_file(model).parent.chmod(0o777),
    "the graph": lambda model: flip(kept_file(model).with_name("graph.bin")),
    "what was found about the graph": lambda model: flip(kept_file(model).with_name("choice.json")),
    "another's name": lambda model: kept_file(model).parent.rename(kept_file(model).parents[1] / ("0" * 32)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_where_anything_differs_nothing_is_believed(model: Path, change: str) -> None:
    assert is_believed(model)
    CHANGES[change](model)
    assert not is_believed(model)


def test_other_options_and_versions_are_other_questions(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_believed(model, bos="auto", engine="openvino")
    for options in ({"precision": "bfloat16"}, {"special_tokens": "text"}, {"config": {"layer_norm_eps": 1e-3}}):
        assert not is_believed(model, **options)
    monkeypatch.setattr("wordstates.model.kept_model.metadata.version", lambda name: "0.0")
    assert not is_believed(model)


def test_what_somebody_else_owns_is_not_read(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 12_345)
    assert not is_believed(model)


@pytest.mark.parametrize(
    "options", [{"engine": "torch"}, {"device": "cuda"}, {"unsafe_weights": True}, {"trust_remote_code": True}]
)
def test_what_openvino_is_not_to_run_is_loaded(
    model: Path, options: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at: list[object] = []
    monkeypatch.setattr("wordstates.model.load._looked_at", lambda *given: looked_at.append(given) or 1 / 0)
    with pytest.raises(Exception, match="ZeroDivisionError"):
        WordEmbedder(model, **options)  # type: ignore[arg-type]
    assert looked_at


def test_a_changed_tokenizer_in_memory_is_not_kept(model: Path) -> None:
    kept, files = kept_file(model), files_of(model, None)
    assert files is not None
    told = json.loads(kept.read_bytes().partition(b"\n")[2])
    kept.unlink()
    found, entry = Found.from_dict(told["found"]), Entry("changed", told["graph"])
    keeper, tokenizer = KeptModel("changed", files, LoadOptions()), Tokenizer(fetch_tokenizer(model), "changed")
    before = tokenizer.fingerprint()
    tokenizer.tokenizer.add_tokens(["millstone"])
    keeper.write(found, None, tokenizer, before, entry, None)
    assert not kept.exists()
    keeper.write(found, None, Tokenizer(fetch_tokenizer(model), "changed"), before, entry, None)
    assert kept.exists()


# ---------------------------------------------------------------- tokenizers, files, devices


@pytest.mark.parametrize("kind", ["wordpiece", "byte-bpe", "bpe-gemma", "unigram"])
def test_a_tokenizer_is_the_same_again(kind: str) -> None:
    tokenizer = build_tokenizer(kind)
    form = kept_form(tokenizer)
    assert form is not None
    loaded = Tokenizer(tokenizer, kind)
    again = Tokenizer(KeptTokenizer(json.loads(json.dumps(form))), kind, template=loaded.template)
    texts = ["The old mill's  river, 27 Äpfel 👍🏽 <s> [MASK]", "", "银行 ▁x"]
    for one, other in zip(loaded.encode(texts), again.encode(texts), strict=True):
        assert np.array_equal(one.ids, other.ids)
        assert np.array_equal(one.spans, other.spans)
        assert loaded.pieces(one.ids.tolist()) == again.pieces(other.ids.tolist())
    assert (loaded.style, loaded.unknown_id, loaded.read_whole()) == (again.style, again.unknown_id, again.read_whole())
    assert loaded.fingerprint() == again.fingerprint()


def test_a_slow_tokenizer_is_not_kept() -> None:
    assert kept_form(build_tokenizer("slow-wordpiece")) is None


def test_a_snapshot_of_the_hub_is_its_files(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = "0123456789abcdef" * 2 + "01234567"
    snapshot = model.parent / "hub" / "models--org--name" / "snapshots" / commit
    shutil.copytree(model, snapshot)
    (snapshot.parents[1] / "refs").mkdir()
    (snapshot.parents[1] / "refs" / "main").write_text(commit)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(model.parent / "hub"))
    for revision in (None, "main", commit):
        files = files_of("org/name", revision)
        assert files is not None
        assert (files.folder, files.revision) == (snapshot, commit)
        assert KeptModel("org/name", files, LoadOptions()).read() is not None
    assert files_of("org/name", "other") is None
    assert files_of("org/another", None) is None
    assert WordEmbedder("org/name", engine="torch").provenance["revision"] == commit
    assert WordEmbedder(snapshot, engine="torch").provenance["revision"] is None
    # Where the hub answers, it says whether a branch has moved on; nobody asks it about a commit.
    asked: list[str] = []
    current = mock.Mock(commit_hash=commit)
    monkeypatch.setattr("wordstates.model._hub.hub_silence", lambda source: None)
    monkeypatch.setattr("huggingface_hub.get_hf_file_metadata", lambda url: asked.append(url) or current)
    assert is_believed("org/name", revision=commit)
    assert not asked
    assert is_believed("org/name")
    assert [each.partition("org/")[2] for each in asked] == ["name/resolve/main/config.json"]
    current.commit_hash = "f" * 40
    assert not is_believed("org/name")
    monkeypatch.setattr("huggingface_hub.get_hf_file_metadata", lambda url: 1 / 0)
    assert not is_believed("org/name")


@pytest.mark.parametrize(
    ("build_says", "driver", "expected"),
    [
        ("cuda: Optional[str] = None", True, True),
        ("cuda: Optional[str] = '12.8'", True, False),
        ("cuda: Optional[str] = '12.8'", False, True),
        ("hip: Optional[str] = '7'", False, False),
        (None, False, False),
    ],
)
def test_a_gpu_is_never_overlooked(
    build_says: str | None, driver: bool, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(name: str) -> None:
        if not driver:
            raise OSError(name)

    monkeypatch.setattr(processor, "torch_build", lambda: build_says)
    monkeypatch.setattr(processor.ctypes, "CDLL", load)
    assert [processor.is_surely_a_cpu(device) for device in (None, "auto", "cpu", "cuda")] == [
        expected,
        expected,
        True,
        False,
    ]


def test_threads_are_those_that_pytorch_would_take(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert processor.usual_threads() == 3
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    assert 1 <= processor.usual_threads() <= len(os.sched_getaffinity(0))


def test_the_tokenizer_of_transformers_is_loaded_for_who_asks(model: Path) -> None:
    embedder = WordEmbedder(model, engine="openvino")
    assert embedder.tokenizer.get_vocab() == fetch_tokenizer(model).get_vocab()
