"""How far a run into a store has come: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

_LINE_EVERY = 30.0  # seconds
_SHOW_EVERY = 0.2
_SPAN = 10.0  # seconds over which the speed is taken


class RunProgress:
    """What a run tells; this one listens in silence."""

    def begin(self, share: Callable[[], float | None], processes: Callable[[], Sequence[int]]) -> None:
        """Begin.

        Args:
            share: Gives how much of the input has been read, 0 to 1; None where nobody knows.
            processes: Gives the ids of the processes besides this one.
        """

    def words(self, count: int) -> None:
        """So many more words have vectors."""

    def shard_done(self, rejects: int) -> None:
        """A shard is finished."""

    def shard_skipped(self, rejects: int) -> None:
        """A shard was finished before."""

    def note(self, text: str) -> None:
        """Say something worth knowing."""

    def end(self) -> None:
        """No more is to come."""


class ShownProgress(RunProgress):
    """Shows words, words a second, time left, shards, rejects and memory.

    Args:
        stream: Where to.
        bar: Draw a bar that is drawn again and again, else write a line every 30 seconds.
    """

    def __init__(self, stream: IO[str] | None = None, *, bar: bool = False) -> None:
        self._stream = stream or sys.stderr
        self._wants_bar = bar
        self._bar: Any = None
        self._words = self._done = self._skipped = self._rejects = 0
        self._began = self._shown = time.monotonic()
        self._recent: list[tuple[float, int]] = []
        self._first: tuple[float, float] | None = None  # time and share when the first word came
        self._share: Callable[[], float | None] = lambda: None
        self._processes: Callable[[], Sequence[int]] = tuple

    def begin(self, share: Callable[[], float | None], processes: Callable[[], Sequence[int]]) -> None:
        """Begin."""
        self._share, self._processes = share, processes
        if self._wants_bar:
            from tqdm import tqdm

            self._bar = tqdm(
                total=100, desc="embedding", file=self._stream, bar_format="{l_bar}{bar:20}| {postfix}", mininterval=0
            )

    def words(self, count: int) -> None:
        """So many more words have vectors."""
        now = time.monotonic()
        self._first = self._first or (now, self._share() or 0.0)
        self._words += count
        self._recent.append((now, self._words))
        while len(self._recent) > 2 and now - self._recent[0][0] > _SPAN:
            self._recent.pop(0)
        self._show(now)

    def shard_done(self, rejects: int) -> None:
        """A shard is finished."""
        self._done += 1
        self._rejects += rejects
        self._show(time.monotonic())

    def shard_skipped(self, rejects: int) -> None:
        """A shard was finished before."""
        self._skipped += 1
        self._rejects += rejects
        self._show(time.monotonic())

    def note(self, text: str) -> None:
        """Say something worth knowing."""
        if self._bar is not None:
            self._bar.clear()
        print(f"note: {text}", file=self._stream, flush=True)

    def end(self) -> None:
        """No more is to come."""
        if self._bar is not None:
            self._draw()
            self._bar.close()

    def line(self) -> str:
        """Say it all on one line."""
        parts = [f"{self._words:,} words", f"{self._speed():,.0f} words/s"]
        left = self._seconds_left()
        if left is not None:
            parts.append(f"{_clock(left)} left")
        parts.append(f"{self._done:,} shards" + (f" and {self._skipped:,} from before" if self._skipped else ""))
        if self._rejects:
            parts.append(f"{self._rejects:,} rejects")
        memory = memory_bytes(self._processes())
        if memory:
            parts.append(f"{memory / 2**30:.2f} GiB")
        return ", ".join(parts)

    def _show(self, now: float) -> None:
        if self._bar is not None and now - self._shown > _SHOW_EVERY:
            self._shown = now
            self._draw()
        elif self._bar is None and now - self._shown > _LINE_EVERY:
            self._shown = now
            print(f"embedding: {self.line()}", file=self._stream, flush=True)

    def _draw(self) -> None:
        self._bar.n = round(100 * (self._share() or 0.0))
        self._bar.set_postfix_str(self.line(), refresh=False)
        self._bar.refresh()

    def _speed(self) -> float:
        if len(self._recent) < 2 or self._recent[-1][0] <= self._recent[0][0]:
            return self._words / max(time.monotonic() - self._began, 1e-9)
        (began, before), (ended, after) = self._recent[0], self._recent[-1]
        return (after - before) / (ended - began)

    def _seconds_left(self) -> float | None:
        share = self._share()
        if self._first is None or share is None:
            return None
        began, before = self._first
        return (time.monotonic() - began) * (1 - share) / (share - before) if share > before else None


def memory_bytes(others: Sequence[int] = ()) -> int:
    """Give the memory that this process and others hold now; 0 where the system does not say."""
    total = 0
    for process in ("self", *map(str, others)):
        try:
            resident = int(Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()[1])
        except (OSError, ValueError, IndexError):
            continue
        total += resident * _PAGE
    return total


def _page_size() -> int:
    try:
        import resource
    except ImportError:
        return 4096
    return resource.getpagesize()


_PAGE = _page_size()


def _clock(seconds: float) -> str:
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}"
