"""What all tests share."""

from __future__ import annotations

import math
import os
import random
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"  # before anything imports the hub: no test touches the network
os.environ["WORDSTATES_CACHE"] = "off"  # nor finds what an earlier one has left

import beartype._check.code.codemain as checks
import pytest
import torch
from hypothesis import settings

# The checks of types draw elements by random numbers, in threads too: of their own, as Hypothesis fails a test whose
# values are drawn while somebody changes the state of `random`.
checks.getrandbits = random.Random(0).getrandbits  # type: ignore[attr-defined]

# Tiny models gain nothing from threads, and two test processes that fight over two cores lose a lot.
torch.set_num_threads(1)

# A deadline would measure the machine; derandomized so that a red run is red again.
settings.register_profile(
    "wordstates", deadline=None, derandomize=True, max_examples=int(os.environ.get("EXAMPLES", "30"))
)
settings.load_profile("wordstates")


@pytest.fixture
def one_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have packed windows stand in a single row on a CPU too, where several with a mask are as fast."""
    from wordstates.model.engines import Engines

    monkeypatch.setattr(Engines, "_longest", None)


@pytest.fixture(scope="session")
def kept_graphs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder for OpenVINO's graphs."""
    return tmp_path_factory.mktemp("graphs")


@pytest.fixture
def graphs_are_kept(kept_graphs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have graphs made once for all tests, while which engine computes depends on no test before."""
    from wordstates.model import engines
    from wordstates.model.kept_model import KeptModel

    monkeypatch.setenv("WORDSTATES_CACHE", str(kept_graphs))
    monkeypatch.setattr(engines, "_WORTH_KEPT", math.inf)
    monkeypatch.setattr(KeptModel, "read", lambda self: None)
