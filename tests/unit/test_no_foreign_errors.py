"""Whatever raises inside, what comes out is of the tree of errors, with its cause; no command ends in a traceback."""

from __future__ import annotations

import copy
import inspect
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
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
from wordstates.model import forked

SOURCE = str(Path(wordstates.__file__).parent)
# remade.py only keeps the arguments, before anything could turn its errors into ours.
NOT_INSIDE = (f"{SOURCE}/errors.py", f"{SOURCE}/__init__.py", f"{SOURCE}/encode/remade.py")


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
    embedder.session().encode(texts)


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
    with ThreadPoolExecutor(1) as another:  # a lock left closed would let this thread in, and no other, for ever
        assert [lock for lock in forked._locks if not another.submit(is_open, lock).result()] == []


def is_open(lock: forked.ForkLock) -> bool:
    taken = lock._lock.acquire(blocking=False)
    if taken:
        lock._lock.release()
    return taken


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

COMMANDS = {each.name or each.callback.__name__: each for each in app.app.registered_commands}  # type: ignore[union-attr]
TOLD: dict[BaseException, str] = {
    StrangeError("on purpose"): "Nobody foresaw this (StrangeError: on purpose",
    PanicError("on purpose"): "WORDSTATES_TRACEBACK=1 shows where it comes from",
    MemoryError(): "Memory ran out",
    PermissionError(13, "No.", "there"): "'there': No.",
}


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_ends_in_a_traceback(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for strange, told in TOLD.items():

        def fail(error: BaseException = strange) -> None:
            raise error

        fail.__signature__ = inspect.Signature()  # type: ignore[attr-defined]  # what typer reads
        monkeypatch.setattr(COMMANDS[command], "name", command)
        monkeypatch.setattr(COMMANDS[command], "callback", fail)
        done = run(command)
        assert (done.code, done.out) == (1, "")
        assert done.err.startswith("wordstates: ")
        assert told in done.err
        assert "Traceback" not in done.err
        assert len(done.err.splitlines()) == 1


def test_who_asks_is_shown_the_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORDSTATES_TRACEBACK", "1")
    monkeypatch.setattr("wordstates.cli.doctor._facts", lambda: {}["facts"])
    done = run("doctor")
    assert "Traceback (most recent call last):" in done.err
    assert done.err.endswith("WORDSTATES_TRACEBACK=1 shows where it comes from.\n")
