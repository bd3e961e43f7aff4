"""What is quick stays quick: nothing heavy is loaded before it is needed.

How long it takes is measured by ``benchmarks/startup.py``; here is what decides it. `test_architecture` holds the same
of torch and transformers for ``import wordstates`` and ``wordstates --help``.
"""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from patience import A_HANG

HEAVY = {"torch", "transformers", "tokenizers", "numpy", "pyarrow", "pandas", "h5py", "spacy", "safetensors", "tqdm"}
HEAVY |= {"sklearn", "scipy", "matplotlib"}

COMMAND = """
import sys
from wordstates import cli
sys.argv = ["wordstates", *{arguments}]
try:
    cli.main()
except SystemExit as stop:
    assert (stop.code or 0) == {code}, stop.code
"""


def loaded_after(code: str) -> set[str]:
    """Run code in a fresh Python, and give the heavy packages that it loaded."""
    listing = "import json, sys; print('\\n' + json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{listing}"], capture_output=True, text=True, check=True, timeout=A_HANG
    )
    return set(json.loads(done.stdout.splitlines()[-1])) & HEAVY


def test_the_probe_sees_what_is_loaded() -> None:
    assert loaded_after("import numpy") == {"numpy"}


def test_import_wordstates_loads_nothing_heavy() -> None:
    assert loaded_after("import wordstates, wordstates.errors; dir(wordstates)") == set()


def test_a_recipe_needs_no_arrays() -> None:
    assert loaded_after("from wordstates import Recipe; Recipe('-4:', 'concat')") == set()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--help"], 0),
        (["--version"], 0),
        (["embed", "--help"], 0),
        (["sweep", "--help"], 0),
        (["sweep", "a.conllu", "--task", "parsing"], 2),
        (["embed", "a.txt", "-o", "b.npz", "--precision", "int4"], 2),
        (["embed", "a.txt", "-o", "b.npz", "--layer", "1"], 2),
    ],
    ids=["help", "version", "help-of-a-command", "help-of-sweep", "wrong-task", "wrong-value", "wrong-option"],
)
def test_help_and_a_wrong_option_need_not_wait(arguments: list[str], code: int) -> None:
    assert loaded_after(COMMAND.format(arguments=arguments, code=code)) == set()


def test_a_missing_input_is_told_before_torch_is_loaded() -> None:
    arguments = ["embed", "no-such-file.txt", "-o", "b.npz"]
    assert not loaded_after(COMMAND.format(arguments=arguments, code=1)) & {"torch", "transformers"}


def test_how_a_text_splits_is_shown_without_pytorch() -> None:
    loaded = loaded_after(COMMAND.format(arguments=["subwords", "The bank."], code=0))
    assert "transformers" in loaded
    assert not loaded & {"torch", "scipy", "sklearn", "pandas"}
