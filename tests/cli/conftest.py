"""Models in folders, as users have them."""

from __future__ import annotations

from pathlib import Path

import pytest
from transformers.utils import logging as hf_logging

from families import save
from wordstates import WordEmbedder


@pytest.fixture(autouse=True)
def _graphs_are_kept(graphs_are_kept: None) -> None:
    """Have graphs made once."""


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with an encoder (``bert``), a causal model (``gpt2``) and an encoder-decoder (``t5``)."""
    folder = tmp_path_factory.mktemp("models")
    bars = hf_logging.is_progress_bar_enabled()
    hf_logging.disable_progress_bar()
    try:
        for name in ("bert", "gpt2", "t5"):
            save(name, folder / name)
    finally:
        if bars:
            hf_logging.enable_progress_bar()
    return folder


@pytest.fixture(scope="session")
def bert(models: Path) -> Path:
    """Give the folder of the encoder."""
    return models / "bert"


@pytest.fixture(scope="session")
def embedder(bert: Path) -> WordEmbedder:
    """Give what the command must agree with."""
    return WordEmbedder(bert)
