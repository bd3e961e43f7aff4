"""Run the notebooks of examples/ and keep what they show: python scripts/run_notebooks.py [NOTEBOOK ...]."""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

EXAMPLES = Path(__file__).parents[1] / "examples"


def main() -> None:
    for path in map(Path, sys.argv[1:] or sorted(EXAMPLES.glob("*.ipynb"))):
        notebook = nbformat.read(path, as_version=4)
        where = {"metadata": {"path": str(EXAMPLES)}}
        NotebookClient(notebook, timeout=600, resources=where, record_timing=False).execute()
        for cell in notebook.cells:  # warnings name folders of this machine
            if cell.cell_type == "code":
                cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
        nbformat.write(notebook, path)
        print(path)


if __name__ == "__main__":
    main()
