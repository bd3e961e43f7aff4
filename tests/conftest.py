"""What all tests share."""

from __future__ import annotations

import os

os.environ["HF_HUB_OFFLINE"] = "1"  # before anything imports the hub: no test touches the network
os.environ["WORDSTATES_CACHE"] = "off"  # nor finds what an earlier one has left

import pytest
import torch
from hypothesis import settings

from wordstates.model.engines import Engines

# Tiny models gain nothing from threads, and two test processes that fight over two cores lose a lot.
torch.set_num_threads(1)

# A deadline would measure the machine; derandomized so that a red run is red again.
settings.register_profile(
    "wordstates", deadline=None, derandomize=True, max_examples=int(os.environ.get("EXAMPLES", "60"))
)
settings.load_profile("wordstates")


@pytest.fixture
def one_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have packed windows stand in a single row on a CPU too, where several with a mask are as fast."""
    monkeypatch.setattr(Engines, "_longest", None)
