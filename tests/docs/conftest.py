"""What tests of the documentation share."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _graphs_are_kept(graphs_are_kept: None) -> None:
    """Have graphs made once."""
