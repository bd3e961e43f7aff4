"""Messages name arguments in Python, and options on the command line."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from wordstates.cli.app import app  # noqa: F401  # declares the commands, and with them their options
from wordstates.cli.as_options import as_options

SOURCE = Path(__file__).resolve().parents[2] / "src" / "wordstates"
OPTION = re.compile(r"(?<![\w-])--[a-z]")
COMMAND_LINE = re.compile(r"`wordstates [^`]*`|^wordstates .*|pip install .*", re.S)  # says of itself what it is
ARGUMENT = re.compile(r"(?<![\w?])[a-z]\w*(?==)")
FOR_PYTHON = (  # arguments that no command passes on from its user
    *("at_once", "attention_type", "cache_bytes", "check_embedding_ctx_length", "columns", "covariance", "group"),
    *("model", "output_hidden_states"),
    *("row_groups", "show_progress", "spans", "subwords", "tokenizer", "word", "words"),
)
NO_MESSAGES = (
    "cli",
    "explore/page.py",
    "files/describe_others.py",
    "page/svg.py",
)  # the shell speaks of options; pages have attributes


def messages() -> Iterator[tuple[str, str]]:
    """Give every text of the source that is no docstring, with where it is; `7` for what is filled in."""
    for path in sorted(SOURCE.rglob("*.py")):
        module = path.relative_to(SOURCE).as_posix()
        if module.startswith(NO_MESSAGES):
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        nodes = list(ast.walk(tree))
        seen = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}  # docstrings
        for node in nodes:
            if isinstance(node, ast.JoinedStr):
                seen |= {id(part) for part in node.values}
                text = "".join(str(part.value) if isinstance(part, ast.Constant) else "7" for part in node.values)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in seen:
                text = node.value
            else:
                continue
            yield f"{module}:{node.lineno}", text


def test_no_message_of_the_library_names_an_option() -> None:
    assert not [(where, text) for where, text in messages() if OPTION.search(COMMAND_LINE.sub("", text))]


def test_no_message_of_a_command_names_an_argument() -> None:
    """A condition on columns, as year=1900, is the user's own writing."""
    told = ((where, as_options(text)) for where, text in messages() if "COLUMN=VALUE" not in text)
    left = {(where, name) for where, text in told for name in ARGUMENT.findall(text)}
    assert not {(where, name) for where, name in left if name not in FOR_PYTHON}


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("window=-3 is too small.", "--window -3 is too small."),
        ("splitter='spacy:it' ('en')", "--splitter spacy:it ('en')"),
        ("pass overwrite=True to replace it", "pass --overwrite to replace it"),
        ("pass punctuation=False or ignore_case=False.", "pass --no-punctuation or --match-case."),
        ("give post_processing=..., or k=0", "give --post-process, or --count 0"),
        ("choose with recipes=[...]", "choose with --recipe"),
        ("pass config={'kind': 'full'}; or", "pass --config kind=full; or"),
        ("name it with id_column=...", "name it with --id-column."),
        ("name it with id_column=... The first", "name it with --id-column. The first"),
        ("group_column=['a b', 'c'] say", "--group-column 'a b' --group-column c say"),
        ("'words=3': no column; model.to(device=...) stays; so does year=1900", None),
    ],
)
def test_arguments_become_options(message: str, told: str | None) -> None:
    assert as_options(message) == (told or message)
