"""`wordstates models`: what is on this machine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from huggingface_hub import constants

from cli_runner import run
from families import save
from wordstates import WordEmbedder
from wordstates.model.on_disk import models_on_disk

FAMILIES = ["bert", "distilbert", "roberta", "gpt2", "t5", "xlnet", "bart", "llama"]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    return tmp_path


def snapshot(cache: Path, name: str) -> Path:
    """Make the folder of a model as the hub's client does."""
    repository = cache / f"models--{name.replace('/', '--')}"
    folder = repository / "snapshots" / ("0" * 40)
    folder.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0" * 40)
    return folder


def test_what_is_listed_is_what_is_loaded(cache: Path) -> None:
    for family in FAMILIES:
        folder = snapshot(cache, f"tiny/{family}")
        save(family, folder)
    settings = folder_of(cache, "roberta") / "tokenizer_config.json"  # two positions more than it can read, as released
    settings.write_text(json.dumps({**json.loads(settings.read_text()), "model_max_length": 64}))
    listed = {model.name: model for model in models_on_disk()}
    assert set(listed) == {"minilm", *(f"tiny/{family}" for family in FAMILIES)}
    for family in FAMILIES:
        embedder, model = WordEmbedder(folder_of(cache, family)), listed[f"tiny/{family}"]
        assert (model.layers, model.width, model.lacks) == (embedder.n_blocks, embedder.dim, None), family
        assert model.window == embedder.window or (model.window is None and embedder.window == 512), family
        assert model.bytes > 10_000


def folder_of(cache: Path, family: str) -> Path:
    return next((cache / f"models--tiny--{family}" / "snapshots").iterdir())


def test_the_whole_output(cache: Path) -> None:
    folder = snapshot(cache, "some/polyglot")
    (folder / "config.json").write_text('{"model_type": "bert", "num_hidden_layers": 24, "hidden_size": 1024}')
    (folder / "README.md").write_text(
        "---\nlanguage:\n- en\n- de\n- multilingual\n- fr\n- it\n- ru\n- zh\n- no\n---\nA model\n"
    )
    (folder / "tokenizer.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(bytes(2_400_000))
    (snapshot(cache, "half/fetched") / "README.md").write_text("---\nlanguage: [\n---\n")
    done = run("models")
    assert (done.code, done.err) == (0, "")
    assert done.out == (
        "model          layers  width  window   size  type  languages\n"
        "minilm              6    384     512  92 MB  bert  en\n"
        "half/fetched        -      -       -   0 MB  -     -  (no config.json of a transformer)\n"
        "some/polyglot      24  1,024       -   2 MB  bert  en de multilingual fr it ru and 2 more\n"
        f"from the hub, these are in {cache}\n"
    )


def test_what_a_model_lacks(cache: Path) -> None:
    folder = snapshot(cache, "a/b")
    (folder / "config.json").write_text('{"model_type": "bert"}')
    for more, lack in [
        ("x", "no tokenizer"),
        ("vocab.txt", "no weights"),
        ("pytorch_model.bin", "pickled weights only"),
    ]:
        (folder / more).write_text("")
        assert [model.lacks for model in models_on_disk()] == [None, lack]


def test_json_where_there_is_no_cache(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.rmdir()
    done = run("models", "--json")
    assert [model["name"] for model in json.loads(done.out)["models"]] == ["minilm"]
    monkeypatch.setattr("wordstates.model._hub.importlib.util.find_spec", lambda _: None)
    assert run("models").out.startswith(f"none: the cache of the hub, {cache}, has no model.")
