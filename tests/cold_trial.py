"""What a process imports that uses a model which an earlier one has run with OpenVINO, and what comes of it.

A program of its own, because only what a fresh process imports tells::

    python cold_trial.py MODEL FOLDER
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from wordstates import WordEmbedder
from wordstates.cli import main as command

TEXTS = ["The children run past the old mill.", "A bank.", "mill " * 60]


def imported() -> list[str]:
    return sorted({"torch", "transformers"} & sys.modules.keys())


def typed(arguments: Sequence[str]) -> tuple[object, list[str]]:
    """Run a command, and give its exit code and what was imported up to then."""
    sys.argv = ["wordstates", *arguments]
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        try:
            command()
        except SystemExit as stop:
            return stop.code, imported()
    return 0, imported()


def in_a_fork(embedder: WordEmbedder) -> Any:
    """Give what an embedder gives in a process that is forked here, where OpenVINO cannot compute."""
    ours, theirs = os.pipe()
    if os.fork() == 0:
        found = embedder.encode(TEXTS[:2])
        os.write(theirs, json.dumps([found.provenance["engine"], found.vectors.tolist(), imported()]).encode())
        os._exit(0)
    os.close(theirs)
    with os.fdopen(ours) as pipe:
        answer = json.loads(pipe.read())
    os.wait()
    return answer


def main() -> None:
    model, folder = sys.argv[1], Path(sys.argv[2])
    embedder = WordEmbedder(model)
    found = embedder.encode(TEXTS)
    told: dict[str, Any] = {"provenance": found.provenance, "vectors": found.vectors.tolist()}
    told["encode"] = (0, imported())
    (folder / "texts.txt").write_text("\n".join(TEXTS))
    texts, store, usages = (str(folder / name) for name in ("texts.txt", "store", "usages.parquet"))
    told["embed"] = typed(["embed", texts, "-m", model, "-o", store])
    told["find"] = typed(["find", "mill", texts, "-m", model, "-o", usages])
    told["index"] = typed(["index", store])
    told["subwords"] = typed(["subwords", "The old mill.", "-m", model])
    told["near"] = typed(["near", store, "the old [mill]"])
    told["in a fork"] = in_a_fork(embedder)
    told["device"] = str(embedder.device)
    told["tokenizer"] = type(embedder.tokenizer).__module__.partition(".")[0]
    print(json.dumps(told))


if __name__ == "__main__":
    main()
