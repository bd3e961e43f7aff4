"""What OpenVINO does to the alternate signal stack of a thread is undone, or Ctrl-C would crash Python."""

from __future__ import annotations

import ctypes
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import islice, permutations
from pathlib import Path

import pytest

from families import build
from patience import A_HANG, closed
from wordstates import WordEmbedder
from wordstates.model import signal_stack as module
from wordstates.model.signal_stack import SignalStack, signal_stack, signal_stack_kept

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="OpenVINO sets no signal stack elsewhere")

ROOM = 1 << 18
MEMORY = ctypes.create_string_buffer(2 * ROOM)


def stack(place: int, size: int = ROOM) -> SignalStack:
    return SignalStack(ctypes.addressof(MEMORY) + place, 0, size)


def facts() -> tuple[int | None, int, int]:
    found = signal_stack()
    assert found is not None
    return found.memory, found.flags, found.size


def test_a_thread_that_openvino_was_started_in_has_the_stack_that_it_had() -> None:
    model, tokenizer = build("bert")

    def changes() -> list[tuple[int | None, int, int]]:
        before = facts()
        embedder = WordEmbedder(model, tokenizer, engine="openvino")
        loaded = facts()
        embedder.encode(["The river bank.", "A bank."])
        computed = facts()
        del embedder
        return [before, loaded, computed, facts()]

    with ThreadPoolExecutor(1) as threads:
        assert len(set(threads.submit(changes).result())) == 1


def test_any_other_stack_is_taken_back() -> None:
    def changes() -> list[tuple[int | None, int, int]]:
        found = [facts()]
        with signal_stack_kept():
            module._use(stack(0))
            found.append(facts())
            with signal_stack_kept():
                module._use(stack(ROOM))
                found.append(facts())
            found.append(facts())
        return [*found, facts()]

    with ThreadPoolExecutor(1) as threads:
        none, first, second, first_again, none_again = threads.submit(changes).result()
    assert none == none_again
    assert first == first_again
    assert len({none, first, second}) == 3


def test_a_stack_that_the_system_refuses_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def left() -> tuple[int | None, int, int]:
        with signal_stack_kept():
            module._use(stack(0))
        return facts()

    monkeypatch.setattr(module, "signal_stack", lambda: stack(ROOM, size=8))
    with ThreadPoolExecutor(1) as threads:
        assert threads.submit(left).result()[1] == module._DISABLED


PRESSED = """
import fcntl, signal, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # what is typed into the terminal is for this process
termios.tcsetwinsize(0, (24, 80))  # without columns there is no room for a bar
signal.signal(signal.SIGINT, signal.default_int_handler)
from wordstates import WordEmbedder
from wordstates.cli import main
for _ in range(2):
    try:
        main()
    except SystemExit as stop:
        print(f"ended with {stop.code}.", flush=True)
embedder = WordEmbedder(sys.argv[3], engine="openvino")
for press in range(20):
    embedder.encode(["A river bank.", "A bank."])
    try:
        signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt:
        print(f"interrupted {press}.", flush=True)
"""


def wait_for(pattern: bytes, screen: int) -> None:
    """Read what is shown until a pattern is met."""
    shown = b""
    while re.search(pattern, shown) is None:
        try:
            more = os.read(screen, 4096)
        except OSError:  # nobody has the terminal open any more
            more = b""
        if not more:
            raise AssertionError(f"the process ended before {pattern!r}: {shown.decode(errors='replace')}")
        shown += more


@pytest.mark.long
def test_ctrl_c_in_a_terminal_while_openvino_computes_and_after(tmp_path: Path) -> None:
    """Typed twice while `embed` shows that words have come, then raised where a notebook would go on."""
    for part in build("bert"):
        part.save_pretrained(tmp_path / "bert")
    orders = permutations(["the", "river", "runs", "past", "the", "bank", "and", "an", "old", "mill"])
    (tmp_path / "texts.txt").write_text("\n".join(map(" ".join, islice(orders, 100_000))))
    before = sorted(tmp_path.iterdir())
    ours, theirs = os.openpty()
    arguments = ["embed", "-m", "bert", "texts.txt", "-o", "out.parquet", "--engine", "openvino"]
    process = subprocess.Popen(
        [sys.executable, "-c", PRESSED, *arguments],
        **dict.fromkeys(("stdin", "stdout", "stderr"), theirs),  # type: ignore[arg-type]
        cwd=tmp_path,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    os.close(theirs)
    with closed(process):
        for _ in range(2):
            wait_for(rb"[1-9][\d.]*[kM]? words", ours)
            os.write(ours, b"\x03")
            wait_for(rb"ended with 130\.", ours)
        wait_for(rb"interrupted 19\.", ours)
        assert process.wait(A_HANG) == 0
    os.close(ours)
    assert sorted(tmp_path.iterdir()) == before
