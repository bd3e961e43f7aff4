"""What Ctrl-C does while vectors are computed: many presses in a terminal, and how each of them ended.

    python benchmarks/interrupts.py                            200 presses in Python, 20 of the command
    python benchmarks/interrupts.py --engine torch             the control
    python benchmarks/interrupts.py --presses 0 --runs 200     the command alone, a process for each press

A press is what a person does: the byte of Ctrl-C, typed into a terminal (a pseudo-terminal of the system), at a random
moment after the first words have come. In Python, the process goes on after each press as the kernel of a notebook
does: each shows the bar of `encode(..., show_progress=True)`, and has to end in `KeyboardInterrupt`. The command has
to end with exit code 130. Anything else is counted by its name, as ``SIGSEGV``, and makes this script fail.
"""

from __future__ import annotations

import argparse
import os
import pty
import random
import re
import signal
import sys
import tempfile
import termios
from collections import Counter
from itertools import islice, permutations
from pathlib import Path

CTRL_C = b"\x03"
COMPUTES = rb"[1-9][0-9.]*[kM]? words"  # the bar, once words have come
THE_END = rb"(?!)"  # nothing that anybody shows
NOTEBOOK = """
import sys
from wordstates import WordEmbedder
texts = open(sys.argv[1]).read().splitlines()[:600]
embedder = WordEmbedder("minilm", engine=sys.argv[2])
embedder.encode(texts[:200])
for press in range(int(sys.argv[3])):
    try:
        while True:
            embedder.encode(texts, show_progress=True)
    except KeyboardInterrupt:
        print(f"interrupted {press}.", flush=True)
"""


class _ElapsedError(Exception):
    """The moment to press has come."""


class Terminal:
    """A process in a terminal of its own.

    Args:
        arguments: What Python is to run.
    """

    def __init__(self, *arguments: str) -> None:
        self.process, self._screen = pty.fork()
        if self.process == 0:
            signal.signal(signal.SIGINT, signal.default_int_handler)  # or a run in the background would ignore Ctrl-C
            termios.tcsetwinsize(0, (24, 80))  # in a terminal without columns there is no room for a bar
            os.execv(sys.executable, [sys.executable, *arguments])
        self._shown = b""

    def wait_for(self, pattern: bytes) -> bool:
        """Read what the process shows until a pattern is met; False if the process ends before."""
        while (found := re.search(pattern, self._shown)) is None:
            try:
                more = os.read(self._screen, 4096)
            except OSError:  # nobody has the terminal open any more
                return False
            if not more:
                return False
            self._shown += more
        self._shown = self._shown[found.end() :]
        return True

    def press(self, chosen: random.Random, at_most: float = 0.5) -> None:
        """Type Ctrl-C, at a random moment of the next seconds; what is shown meanwhile is read."""
        signal.setitimer(signal.ITIMER_REAL, chosen.uniform(0.001, at_most))
        try:
            self.wait_for(THE_END)
        except _ElapsedError:
            self._shown = b""
        os.write(self._screen, CTRL_C)

    def end(self) -> str:
        """Wait for the end, and name it: ``exit 130``, ``SIGSEGV``."""
        self.wait_for(THE_END)
        code = os.waitstatus_to_exitcode(os.waitpid(self.process, 0)[1])
        os.close(self._screen)
        return f"exit {code}" if code >= 0 else signal.Signals(-code).name


def in_python(texts: Path, engine: str, presses: int, chosen: random.Random) -> Counter[str]:
    """Press Ctrl-C in a process that survives it; begin another where one does not."""
    ends = Counter[str]()
    while ends.total() < presses:
        left = presses - ends.total()
        terminal = Terminal("-c", NOTEBOOK, str(texts), engine, str(left))
        for number in range(left):
            if terminal.wait_for(COMPUTES):
                terminal.press(chosen)
            if not terminal.wait_for(rb"interrupted %d\." % number):
                ends[terminal.end()] += 1
                break
            ends["KeyboardInterrupt"] += 1
        else:
            end = terminal.end()
            if end != "exit 0":
                raise SystemExit(f"after its last press the process ended with {end}")
    return ends


def of_the_command(texts: Path, engine: str, runs: int, chosen: random.Random) -> Counter[str]:
    """Press Ctrl-C while `wordstates embed` computes, in a process for each press."""
    ends = Counter[str]()
    for _ in range(runs):
        output = texts.with_name("out.parquet")
        terminal = Terminal(
            *("-m", "wordstates", "embed", str(texts), "-m", "minilm", "--engine", engine, "-o", str(output))
        )
        if terminal.wait_for(COMPUTES):
            terminal.press(chosen)
        ends[terminal.end()] += 1
        if left := sorted(path.name for path in texts.parent.iterdir() if path != texts):
            raise SystemExit(f"a press left files behind: {left}")
    return ends


def alarm(*_: object) -> None:
    """Let a wait end."""
    raise _ElapsedError


def main() -> None:
    parser = argparse.ArgumentParser(description="Press Ctrl-C while vectors are computed.")
    parser.add_argument("--presses", type=int, default=200, help="presses in one Python (default 200)")
    parser.add_argument("--runs", type=int, default=20, help="runs of the command, a press each (default 20)")
    parser.add_argument("--engine", default="openvino", help="torch, packed or openvino (default)")
    parser.add_argument("--seed", type=int, default=5, help="of the random moments")
    arguments = parser.parse_args()
    signal.signal(signal.SIGALRM, alarm)
    chosen = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory() as folder:
        texts = Path(folder) / "texts.txt"
        orders = permutations(["the", "river", "runs", "past", "the", "bank", "and", "the", "old", "mill"])
        texts.write_text("\n".join(map(" ".join, islice(orders, 100_000))))
        ends = in_python(texts, arguments.engine, arguments.presses, chosen)
        print(f"{arguments.engine}, in Python:   {dict(ends)}", flush=True)
        commands = of_the_command(texts, arguments.engine, arguments.runs, chosen)
        print(f"{arguments.engine}, the command: {dict(commands)}")
    if set(ends) - {"KeyboardInterrupt"} or set(commands) - {"exit 130"}:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
