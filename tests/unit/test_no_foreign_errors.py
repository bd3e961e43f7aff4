"""Whatever raises inside, what comes out is of the tree of errors, with its cause; no command ends in a traceback."""

from __future__ import annotations

import copy
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest

import wordstates
from cli_runner import run
from families import build
from wordstates import WordEmbedder
from wordstates.cli import app
from wordstates.errors import ModelError, UnexpectedError, WordstatesError

SOURCE = str(Path(wordstates.__file__).parent)
NOT_INSIDE = (f"{SOURCE}/errors.py", f"{SOURCE}/__init__.py", f"{SOURCE}/cli/", f"{SOURCE}/__main__.py")


class StrangeError(Exception):
    """Of no tree that anybody knows."""


class PanicError(BaseException):
    """As Rust panics."""


def is_inside(code: CodeType) -> bool:
    return (
        code.co_filename.startswith(SOURCE)
        and not code.co_filename.startswith(NOT_INSIDE)
        and not code.co_name.startswith("<")
    )


def watched(act: Callable[[], object], at_call: Callable[[CodeType], None]) -> None:
    """Do something, and be told of every call of a function of ours, in whatever thread."""

    def trace(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and is_inside(frame.f_code):
            at_call(frame.f_code)

    before = sys.gettrace()
    threading.settrace(trace)
    sys.settrace(trace)
    try:
        act()
    finally:
        sys.settrace(before)
        threading.settrace(before)  # type: ignore[arg-type]


def read_with(embedder: WordEmbedder) -> None:
    """Embed, submit, find and plan, with threads that are watched from their start."""
    embedder._reader._threads.clear()
    texts = ["The old mill near the lake. " * 2, "A lake."]
    embedder.encode(texts, on_progress=lambda _: None)
    embedder.submit([["old", "mill"]]).result()
    embedder.find(texts, ["old mill"])
    embedder.plan(texts)


@pytest.mark.parametrize("acting", ["loading", "reading"])
def test_every_function_inside_may_raise(acting: str) -> None:
    """The oracle is Python's own tracing: each function that a call goes through raises once, as it is entered."""
    model, tokenizer = build("bert")
    model = copy.deepcopy(model)

    def load() -> WordEmbedder:
        return WordEmbedder(model, tokenizer, layers="-2:", window=16)

    embedder = load()
    act: Callable[[], object] = load if acting == "loading" else lambda: read_with(embedder)
    seen: dict[CodeType, None] = {}
    watched(act, lambda code: seen.setdefault(code))
    assert len(seen) > 40
    escaped, silent = [], []
    for number, target in enumerate(seen):
        strange = (StrangeError, KeyError, PanicError)[number % 3]
        raised: list[BaseException] = []

        def at_call(code: CodeType, target: CodeType = target, strange: Any = strange, raised: Any = raised) -> None:
            if code is target and not raised:
                raised.append(strange("on purpose"))
                raise raised[0]

        try:
            watched(act, at_call)
        except WordstatesError as error:
            if not any(cause in raised for cause in causes_of(error)):
                silent.append((target.co_qualname, repr(error)))
        except BaseException as error:
            escaped.append((target.co_qualname, repr(error)))
    assert escaped == []
    assert silent == []


def causes_of(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def test_a_network_that_fails_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    model, tokenizer = build("bert")
    model = copy.deepcopy(model)
    embedder = WordEmbedder(model, tokenizer)
    for strange in (IndexError("index out of range in self"), StrangeError("on purpose"), NotImplementedError()):

        def fail(*_: Any, error: Exception = strange, **__: Any) -> None:
            raise error

        monkeypatch.setattr(model, "forward", fail)
        with pytest.raises(ModelError, match=rf"failed while reading \({type(strange).__name__}") as caught:
            embedder.encode("A mill.")
        assert strange in (caught.value.__cause__, caught.value.__cause__.__cause__)  # type: ignore[union-attr]


@pytest.mark.parametrize("kept", [KeyboardInterrupt, MemoryError])
def test_ctrl_c_and_no_memory_keep_their_meaning(kept: type[BaseException], monkeypatch: pytest.MonkeyPatch) -> None:
    embedder = WordEmbedder(*build("bert"))

    def stop(*_: Any, **__: Any) -> None:
        raise kept

    monkeypatch.setattr("wordstates.encode.prepare.make_plan", stop)
    with pytest.raises(kept):
        embedder.encode("A mill.")


def test_what_the_callers_own_functions_raise_reaches_the_caller() -> None:
    def strange(_: object) -> Any:
        raise StrangeError("mine")

    with pytest.raises(StrangeError, match="mine"):
        WordEmbedder(*build("bert")).encode("A mill.", on_progress=strange)
    with pytest.raises(StrangeError, match="mine"):
        WordEmbedder(*build("bert"), words=strange).encode("A mill.")


def test_an_unexpected_error_says_where_it_came_from(monkeypatch: pytest.MonkeyPatch) -> None:
    embedder = WordEmbedder(*build("bert"))
    monkeypatch.setattr("wordstates.encode.prepare.make_plan", lambda *_: {}["plan"])
    with pytest.raises(
        UnexpectedError, match=r"\(KeyError: 'plan', at encode/prepare.py:\d+\): please report"
    ) as caught:
        embedder.encode("A mill.")
    assert isinstance(caught.value.__cause__, KeyError)


# ---------------------------------------------------------------- commands

COMMANDS = {
    "embed": "embed notes.txt -o vectors.parquet",
    "find": "find bank notes.txt -o usages.parquet",
    "static": "static notes.txt -o words.txt",
    "fit": "fit center notes.txt -o post.safetensors",
    "geometry": "geometry notes.txt -o page.html",
    "sweep": "sweep notes.txt",
    "subwords": "subwords bank",
    "info": "info notes.txt",
    "verify": "verify store",
    "merge": "merge one other -o store",
    "export": "export store -o all.parquet",
    "doctor": "doctor",
}


def test_every_command_is_here() -> None:
    assert sorted(COMMANDS) == sorted(each.name or each.callback.__name__ for each in app.app.registered_commands)  # type: ignore[union-attr]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("strange", [StrangeError, PanicError, MemoryError, PermissionError])
def test_no_command_ends_in_a_traceback(
    command: str, strange: type[BaseException], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("notes.txt").write_text("The river bank.\n")
    raised = False

    def at_call(code: CodeType) -> None:
        nonlocal raised
        if code.co_filename == f"{SOURCE}/cli/{command}.py" and code.co_name == command:
            raised = True
            raise strange("on purpose") if strange is not PermissionError else PermissionError(13, "No.", "there")

    monkeypatch.setattr(sys.modules[__name__], "is_inside", lambda _: True)
    done: list[Any] = []
    watched(lambda: done.append(run(*COMMANDS[command].split())), at_call)
    assert raised
    assert (done[0].code, done[0].out) == (1, "")
    assert "Traceback" not in done[0].err
    assert done[0].err.startswith("wordstates: ")
    assert len(done[0].err.splitlines()) == 1
    told = {
        StrangeError: "Nobody foresaw this (StrangeError: on purpose",
        PanicError: "WORDSTATES_TRACEBACK=1 shows where it comes from",
        MemoryError: "Memory ran out",
        PermissionError: "'there': No.",
    }
    assert told[strange] in done[0].err


def test_who_asks_is_shown_the_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORDSTATES_TRACEBACK", "1")
    monkeypatch.setattr("wordstates.cli.doctor._facts", lambda: {}["facts"])
    done = run("doctor")
    assert "Traceback (most recent call last):" in done.err
    assert done.err.endswith("WORDSTATES_TRACEBACK=1 shows where it comes from.\n")
