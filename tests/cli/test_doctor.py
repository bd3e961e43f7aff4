"""`wordstates doctor`: what this machine can do."""

from __future__ import annotations

import json
import re
import sys
import tomllib
from importlib import util
from pathlib import Path

import pytest

from cli_runner import run
from wordstates.cli.doctor import _EXTRAS, _facts, _is_installed

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
    "openvino": r"\d+\.\d+\S*|not installed",
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


def test_every_extra_that_is_missing_comes_with_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    find, ours = util.find_spec, {module for modules in _EXTRAS.values() for module in modules}
    monkeypatch.setattr(util, "find_spec", lambda name, *rest: None if name in ours else find(name, *rest))
    facts = _facts()
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    extras = sorted(project["optional-dependencies"].keys() - {"dev", "docs"})
    assert facts["extras missing"] == [f'{name}: pip install "wordstates[{name}]"' for name in extras]
    assert facts["openvino"] == "not installed"


def test_a_package_without_its_module_is_missing() -> None:
    assert _is_installed("importlib.metadata")
    assert not _is_installed("nowhere.protobuf")
