"""`wordstates doctor`: what this machine can do."""

from __future__ import annotations

import json
import re
import sys

import pytest

from cli_runner import run

# What is said of any machine, line by line; what differs between machines as a pattern.
LINES = {
    "wordstates": r"\d+\.\d+\.\d+",
    "python": r"\d+\.\d+\.\d+\S*",
    "system": r"\S+ \S+",
    "cores": r"[1-9]\d*",
    "memory": r"\d+ GiB",
    "free disk here": r"\d+ GiB",
    "torch": r"\d+\.\d+\S*",
    "transformers": r"5\.\d+\S*",
    "tokenizers": r"\d+\.\d+\S*",
    "threads": r"[1-9]\d*",
    "cpu instructions": r"\S+( \S+)*",
    "float32 products": r"[\d,]+ GFLOP/s",
    "bfloat16 products": r"[\d,]+ GFLOP/s",
    "gpus": r"none|cuda:0 .+, \d+ GiB(\n +cuda:\d+ .+)*",
    "extras missing": r'none|\w+: pip install "wordstates\[\w+\]"(\n +\w+: pip install "wordstates\[\w+\]")*',
    "hub": r"HF_HUB_OFFLINE is set; cache \S.*",
}


def test_the_whole_output() -> None:
    done = run("doctor")
    assert (done.code, done.err) == (0, "")
    width = max(map(len, LINES)) + 2
    assert re.fullmatch("".join(f"{name.ljust(width)}({value})\n" for name, value in LINES.items()), done.out), done.out


def test_json() -> None:
    done = run("doctor", "--json")
    assert (done.code, done.err) == (0, "")
    facts = json.loads(done.out)
    assert list(facts) == list(LINES)
    assert isinstance(facts["gpus"], list)
    assert facts["python"] == sys.version.split()[0]


def test_an_extra_that_is_missing_comes_with_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib import util

    find = util.find_spec
    monkeypatch.setattr(util, "find_spec", lambda name, *rest: None if name == "h5py" else find(name, *rest))
    assert 'extras missing     hdf5: pip install "wordstates[hdf5]"\n' in run("doctor").out
