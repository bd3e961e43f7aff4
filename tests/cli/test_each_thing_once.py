"""A command does each thing once, counted by what Python calls.

No input is looked for or opened twice, no file of options is read twice, no model loaded twice.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import pytest

from cli_runner import SENTENCES, run

ONCE = (
    *("sources.py:find_sources", "readers.py:read_documents", "words.py:word_splitter", "load.py:load_model"),
    *("resolved.py:resolve_recipes", "post_processing.py:PostProcessing.load"),
)


@contextmanager
def calls() -> Iterator[Counter[str]]:
    """Count the calls of functions, by the name of their file and theirs; and how often each file is opened."""
    counts = Counter[str]()

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            code = frame.f_code
            counts[f"{Path(code.co_filename).name}:{code.co_qualname}"] += 1
            if code.co_qualname == "Path.open":
                counts[frame.f_locals["self"].name] += 1

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        yield counts
    finally:
        sys.setprofile(before)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, bert: Path) -> Path:
    """Give a folder with a corpus of two files, and fitted post-processing."""
    folder = tmp_path_factory.mktemp("once")
    (folder / "corpus").mkdir()
    for name in ("a", "b"):
        (folder / "corpus" / f"{name}.txt").write_text("\n".join(SENTENCES), encoding="utf-8")
    assert run("fit", "center", "corpus", "-m", bert, "-o", "post.safetensors", "-q", cwd=folder).code == 0
    return folder


@pytest.mark.parametrize(
    ("command", "reads"),
    [
        ("embed corpus -o out.npz", 1),
        ("embed corpus -o store/", 1),
        ("find bank corpus -o found.jsonl", 2),  # first until each target has been seen
        ("static corpus -o static.txt", 1),
    ],
)
def test_each_thing_is_done_once(folder: Path, bert: Path, command: str, reads: int) -> None:
    with calls() as counts:
        done = run(*command.split(), "-m", bert, "--post-process", "post.safetensors", "-q", cwd=folder)
    assert (done.code, done.err) == (0, "")
    assert {name: counts[name] for name in ONCE} == dict.fromkeys(ONCE, 1)
    assert (counts["a.txt"], counts["b.txt"]) == (reads, 1)
