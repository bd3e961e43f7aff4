"""The help: options in panels, whole summaries, an example for each command, and one home for what options allow."""

from __future__ import annotations

import inspect
import shlex
from dataclasses import fields
from typing import Any, get_type_hints

import pytest
import typer

import wordstates
from cli_runner import run
from wordstates.cli.app import app
from wordstates.cli.command import OPTIONS
from wordstates.cli.groups import ComputeOptions, ModelOptions, WordOptions
from wordstates.errors import ArgumentError
from wordstates.options import EmbedderOptions
from wordstates.serve.client import RemoteEmbedder
from wordstates.text.words import word_splitter

GROUP: Any = typer.main.get_command(app)
COMMANDS: dict[str, Any] = GROUP.commands


def test_the_list_of_commands_has_whole_summaries() -> None:
    listing = run("--help", columns=80).out
    for name, command in COMMANDS.items():
        assert f"\n  {name:8}  {command.help.partition(chr(10))[0]}\n" in listing


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_every_option_has_help_in_a_panel(name: str, flag: str) -> None:
    done = run(name, flag)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"Usage: wordstates {name} ")
    other = done.out.partition("\nOther:\n")[2].partition("\n\n")[0]
    assert other == "  -h, --help  Show this message and exit."
    assert all(parameter.help for parameter in COMMANDS[name].params)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_example_of_a_command_is_one(name: str) -> None:
    lines = COMMANDS[name].epilog.split("\n")
    assert lines
    for line in lines:
        prompt, program, command, *arguments = shlex.split(line)
        assert (prompt, program) == ("$", "wordstates")
        COMMANDS[command].make_context(command, arguments)  # raises what the command would say of its options
    assert any(f"$ wordstates {name} " in f"{line} " for line in lines)


def test_options_of_the_commands_are_those_of_the_library() -> None:
    library = {each.name: each for each in fields(EmbedderOptions)}
    commands = {each.name: each for group in (WordOptions, ModelOptions) for each in fields(group)}
    told_otherwise = {"punctuation", "splitter", "layers", "config"}  # as --no-punctuation, and as text
    for name in library.keys() - told_otherwise:
        assert commands[name].default == library[name].default
    types = get_type_hints(EmbedderOptions)
    for name, type_ in get_type_hints(ComputeOptions).items():
        assert name in told_otherwise or name == "threads" or type_ == types[name]
    assert {each.name for each in fields(ComputeOptions)} - library.keys() == {"threads"}  # `wordstates.set_threads`


def test_what_splits_a_text_is_a_splitter_and_words_are_words() -> None:
    public = [getattr(wordstates, name) for name in wordstates.__all__ if name not in ("WordstatesError", "errors")]
    signatures = [inspect.signature(each) for each in [*public, RemoteEmbedder, word_splitter]]
    splitting = [each.parameters for each in signatures if "punctuation" in each.parameters]
    assert len(splitting) == 4  # an embedder here and at a server, features for scikit-learn, the rule itself
    assert all("splitter" in each and "words" not in each for each in splitting)
    assert OPTIONS["splitter"] == "--splitter"
    assert "words" not in OPTIONS
    with pytest.raises(ArgumentError, match=r"write encode\(\.\.\., words=\.\.\.\) .* WordEmbedder\(\.\.\., splitter="):
        wordstates.WordEmbedder("minilm", words="unicode")  # type: ignore[call-arg]


def test_values_are_completed() -> None:
    [precision] = [each for each in COMMANDS["embed"].params if each.name == "precision"]
    context = COMMANDS["embed"].make_context("embed", [], resilient_parsing=True)
    assert [item.value for item in precision.shell_complete(context, "b")] == ["bfloat16"]
