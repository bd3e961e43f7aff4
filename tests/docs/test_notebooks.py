"""The notebooks of examples/: run from top to end, they show what is saved in them.

They run in this process, which has torch loaded already; `python scripts/run_notebooks.py` runs them in Jupyter, and
saves what they show.
"""

from __future__ import annotations

import ast
import contextlib
import io
import json
import re
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pandas as pd
import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
NOTEBOOKS = sorted(EXAMPLES.glob("*.ipynb"))


def cells_of(path: Path) -> list[dict[str, Any]]:
    cells: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return cells


def shown_by(cell: dict[str, Any]) -> str:
    """Give the text that a cell has shown, in the order of its outputs."""
    parts = [output.get("text") or output["data"]["text/plain"] for output in cell["outputs"] if not is_picture(output)]
    return "".join("".join(part) + "\n" for part in parts)


def is_picture(output: dict[str, Any]) -> bool:
    return "image/png" in output.get("data", {})


def run(code: str, where: str, namespace: dict[str, Any]) -> str:
    """Run a cell as Jupyter does: what it prints, and the value of an expression at its end."""
    tree = ast.parse(code)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    screen = io.StringIO()
    with contextlib.redirect_stdout(screen):
        exec(compile(tree, where, "exec"), namespace)
        value = None if last is None else eval(compile(ast.Expression(last.value), where, "eval"), namespace)
    return screen.getvalue() + (f"{value!r}\n" if value is not None else "")


def words(text: str) -> list[str]:
    """Give what is shown but for the numbers, which differ from one processor to the next, and the white space."""
    return re.sub(r"-?\d+(\.\d+)?", "N", text).split()


def test_there_are_six() -> None:
    assert len(NOTEBOOKS) == 6


@pytest.mark.long
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_shows_what_is_saved_in_it(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(EXAMPLES)
    mpl.use("Agg")
    code = [cell for cell in cells_of(path) if cell["cell_type"] == "code"]
    assert any(map(is_picture, code[0]["outputs"])), "a notebook begins with its picture"
    namespace: dict[str, Any] = {"__name__": path.stem}
    with pd.option_context("display.width", 80, "display.max_columns", 20):  # as in Jupyter
        for number, cell in enumerate(code):
            shown = run("".join(cell["source"]), f"{path.name}, cell {number}", namespace)
            assert words(shown) == words(shown_by(cell)), f"cell {number}"
    namespace["plt"].close("all")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_nothing_of_a_machine_is_saved(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"/(home|root|work|Users|tmp)/", text)
    assert not any(output.get("name") == "stderr" for cell in cells_of(path) for output in cell.get("outputs", ()))
