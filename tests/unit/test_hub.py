"""Where models come from: tokenizers without PyTorch, the check of minilm, and a hub that is silent."""

from __future__ import annotations

import hashlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import transformers
from huggingface_hub import constants
from transformers.utils import logging as hf_logging

from families import FAMILIES, build
from wordstates import WordEmbedder
from wordstates.errors import ModelError, ModelNotFoundError
from wordstates.model import _hub
from wordstates.model.load import load_tokenizer
from wordstates.model.tokenizer import Tokenizer


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Keep config and tokenizer of every family on disk."""
    hf_logging.disable_progress_bar()
    made = {}
    for family in FAMILIES:
        made[family] = tmp_path_factory.mktemp(family)
        model, tokenizer = build(family)
        model.config.save_pretrained(made[family])
        tokenizer.save_pretrained(made[family])
    return made


def test_a_tokenizer_is_the_one_that_auto_tokenizer_reads(folders: dict[str, Path]) -> None:
    chosen = 0
    for folder in folders.values():
        found, expected = _hub.read_tokenizer(folder), transformers.AutoTokenizer.from_pretrained(folder)
        assert type(found) is type(expected)
        assert Tokenizer(found, "").fingerprint() == Tokenizer(expected, "").fingerprint()
        assert found.special_tokens_map == expected.special_tokens_map
        assert found.model_max_length == expected.model_max_length
        assert Tokenizer(found, "").template == Tokenizer(expected, "").template
        chosen += _hub._own_class(folder) is not None
    assert chosen > 8  # and the others are left to AutoTokenizer


def test_what_is_in_doubt_is_left_to_auto_tokenizer(tmp_path: Path) -> None:
    assert _hub._own_class("bert-base-cased") is None
    for config, tokenizer in (
        ("{", "{}"),
        ("[]", '{"tokenizer_class": "BertTokenizer"}'),
        ('{"model_type": "bert"}', '{"tokenizer_class": null}'),
        ('{"model_type": "bert"}', '{"tokenizer_class": "RobertaTokenizer"}'),
        ('{"model_type": "bert"}', '{"tokenizer_class": "NoSuchTokenizer"}'),
        ('{"model_type": "bert"}', '{"tokenizer_class": "BertTokenizer", "auto_map": {}}'),
        ('{"model_type": "llama"}', '{"tokenizer_class": "LlamaTokenizer"}'),
    ):
        (tmp_path / "config.json").write_text(config)
        (tmp_path / "tokenizer_config.json").write_text(tokenizer)
        assert _hub._own_class(tmp_path) is None
    (tmp_path / "tokenizer_config.json").write_text('{"tokenizer_class": "BertTokenizerFast"}')
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    assert _hub._own_class(tmp_path) is transformers.BertTokenizer


def test_the_weights_of_minilm_are_hashed_once_and_for_its_tokenizer_not_at_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hashed: list[Any] = []
    digest = hashlib.file_digest

    def counted(file: Any, name: str) -> Any:
        hashed.append(file)
        return digest(file, name)

    monkeypatch.setattr(hashlib, "file_digest", counted)
    load_tokenizer("minilm")
    assert not hashed
    WordEmbedder("minilm")
    assert len(hashed) == 1


def test_other_weights_under_the_name_of_minilm_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"other")
    monkeypatch.setattr(_hub, "minilm_folder", lambda: tmp_path)
    with pytest.raises(ModelError, match="are not the published all-MiniLM-L6-v2"):
        WordEmbedder("minilm")


# ---------------------------------------------------------------- a hub that is silent


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[socket.socket]]:
    """Make the hub one that accepts and never answers; give its connections."""
    server, accepted = socket.create_server(("127.0.0.1", 0)), list[socket.socket]()

    def accept() -> None:
        while True:
            try:
                accepted.append(server.accept()[0])
            except OSError:
                return

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{server.getsockname()[1]}")
    monkeypatch.setattr(constants, "is_offline_mode", lambda: False)
    monkeypatch.setattr(constants, "HF_HUB_ETAG_TIMEOUT", 0.2)
    monkeypatch.setattr(_hub, "getproxies", dict)
    monkeypatch.setattr(_hub, "_SOON", 0.1)
    yield accepted
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join()
    for each in accepted:
        each.close()


@pytest.mark.parametrize("load", [WordEmbedder, load_tokenizer])
def test_a_hub_that_never_answers_is_asked_once_and_told_of(load: Any, connections: list[socket.socket]) -> None:
    with (
        pytest.warns(UserWarning, match=r"http://127.0.0.1:\d+ does not answer: waiting .* HF_HUB_OFFLINE=1"),
        pytest.raises(ModelNotFoundError, match=r"http://127.0.0.1:\d+ did not answer within 0.2 seconds"),
    ):
        load("nobody/nothing")
    assert len(connections) <= 2  # and not several times for each file of a model


def test_a_folder_asks_no_hub(connections: list[socket.socket], folders: dict[str, Path]) -> None:
    load_tokenizer(folders["bert"])
    assert connections == []


def test_doctor_says_that_the_hub_is_silent(connections: list[socket.socket]) -> None:
    with pytest.warns(UserWarning, match="does not answer"):
        assert _hub.hub_state().startswith("no answer from it")
    assert connections
