"""What OpenVINO does to the alternate signal stack of a thread is undone, or Ctrl-C would crash Python."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from families import build
from patience import A_HANG
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


def test_ctrl_c_after_openvino_has_computed() -> None:
    code = (
        "import signal; from families import build; from wordstates import WordEmbedder\n"
        "embedder = WordEmbedder(*build('bert'), engine='openvino')\n"
        "for press in range(20):\n"
        "    embedder.encode(['A river bank.', 'A bank.'])\n"
        "    try:\n"
        "        signal.raise_signal(signal.SIGINT)\n"
        "    except KeyboardInterrupt:\n"
        "        print('interrupted')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", f"import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n{code}"],
        capture_output=True,
        text=True,
        check=False,
        timeout=A_HANG,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])},
    )
    assert (done.returncode, done.stdout) == (0, "interrupted\n" * 20), done.stderr
