"""The peers' virtual environments: one each, because their libraries exclude each other."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from benchmarks.speed.entries import OURS

# What is installed after PyTorch, and the module that shows it is there.
PEERS = {
    "st": ("sentence-transformers==6.2.0", "sentence_transformers"),
    "flair": ("flair==0.15.1", "flair"),
    "spacy": ("spacy-transformers==1.4.0", "spacy_transformers"),
}
# Other servers, for `benchmarks.serve`.
SERVERS = {
    "plain": ("sentence-transformers==6.2.0 fastapi==0.165.0 uvicorn==0.54.0", "fastapi"),
    "infinity": ("infinity-emb[server,torch]==0.0.78", "infinity_emb"),
}
_ALL = PEERS | SERVERS
_CONSTRAINTS = Path(__file__).parents[2] / "constraints.txt"


def interpreter(peers: Path, environment: str) -> Path:
    return Path(sys.executable) if environment == OURS else peers.absolute() / environment / "bin" / "python"


def missing(peers: Path, environments: Iterable[str]) -> list[str]:
    """Name the environments that are not there, or lack their package."""
    return [name for name in environments if name != OURS and not _is_ready(interpreter(peers, name), _ALL[name][1])]


def _is_ready(python: Path, module: str) -> bool:
    if not python.is_file():
        return False
    code = f"import importlib.util, sys; sys.exit(importlib.util.find_spec('{module}') is None)"
    return subprocess.run([python, "-c", code], check=False).returncode == 0


def make(peers: Path, environments: Iterable[str]) -> None:
    """Make those that are missing: PyTorch first, the same as in our own, then the peer and what it brings."""
    torch = [line for line in _CONSTRAINTS.read_text().splitlines() if line.startswith("torch==")]
    if len(torch) != 1:
        raise SystemExit(f"{_CONSTRAINTS.name} does not pin torch.")
    with tempfile.TemporaryDirectory() as folder:
        # Our other pins are not theirs: flair and spacy-transformers need an older `transformers`.
        pins = Path(folder) / "constraints.txt"
        pins.write_text(torch[0] + "\n")
        for name in missing(peers, environments):
            package, _ = _ALL[name]
            print(f"making the environment of {package}, a few minutes", file=sys.stderr)
            python = interpreter(peers, name)
            subprocess.run([sys.executable, "-m", "venv", "--clear", str(python.parents[1])], check=True)
            for wanted in ([torch[0]], package.split()):
                pip = [str(python), "-m", "pip", "install", "-qq", "--disable-pip-version-check", "-c", str(pins)]
                subprocess.run([*pip, *wanted], check=True)


def quiet_environment(device: str, peers: Path | None = None) -> dict[str, str]:
    """Give the variables that workers run with: no network, nothing said, no GPU unless it is asked for.

    Args:
        device: Where they compute.
        peers: Folder of the peers' environments.
    """
    unset = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OMP_WAIT_POLICY", "KMP_BLOCKTIME", "TOKENIZERS_PARALLELISM")
    kept = {key: value for key, value in os.environ.items() if key not in unset}
    cache = {"FLAIR_CACHE_ROOT": str(peers.absolute() / "flair-cache")} if peers else {}
    hidden = {"CUDA_VISIBLE_DEVICES": ""} if device == "cpu" else {}
    return (
        kept
        | cache
        | hidden
        | {
            "HF_HUB_OFFLINE": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "TRANSFORMERS_VERBOSITY": "error",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
    )
