"""What an HDF5 file says about itself, read in a process of its own.

On a damaged file the HDF5 library may crash, or follow links within it for ever, deaf to signals.
"""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from wordstates.errors import MissingExtraError
from wordstates.files.formats import PROVENANCE
from wordstates.json_text import read_json

_SECONDS, _BYTES_A_SECOND = 120.0, 1e6  # far more than it takes, on a machine that others keep busy too


def hdf5_facts(path: Path) -> dict[str, Any]:
    """Give the provenance of a file (None: it has none), and the shapes and the dtype of its arrays; of AnnData too.

    Raises:
        MissingExtraError: If h5py is not installed.
        ValueError: If the file is broken.
    """
    if find_spec("h5py") is None:
        raise MissingExtraError.of("hdf5", "reading HDF5")
    seconds = _SECONDS + path.stat().st_size / _BYTES_A_SECOND
    try:
        done = subprocess.run(
            [sys.executable, "-m", __name__, str(path.absolute())], capture_output=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        raise ValueError(f"its library was not done with it after {seconds:,.0f} seconds") from None
    if done.returncode:
        raise ValueError(done.stderr.decode(errors="replace").strip().rpartition("\n")[2] or "its library crashed")
    facts: dict[str, Any] = read_json(done.stdout)
    return facts


def _read(path: str) -> dict[str, Any]:
    import h5py

    with h5py.File(path, "r") as file:
        provenance = file.attrs.get(PROVENANCE)
        datasets = [dataset for name, dataset in file.items() if name.isdecimal()]
        uns, x = file.get("uns/wordstates"), file.get("X")
        return {
            "uns": None if uns is None else uns[()].decode(),
            "x": getattr(x, "shape", ()),
            "provenance": provenance if provenance is None else str(provenance),
            "shapes": [getattr(dataset, "shape", ()) for dataset in datasets],
            "dtype": str(file["0"].dtype) if "0" in file and hasattr(file["0"], "dtype") else "",
        }


if __name__ == "__main__":
    try:
        print(json.dumps(_read(sys.argv[1])))
    except Exception as error:  # h5py lets whatever it meets come through
        sys.exit(str(error).strip().partition("\n")[0] or type(error).__name__)
