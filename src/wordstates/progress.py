"""How far a call or a run has come: a bar on a terminal or in a notebook, a line now and then elsewhere."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

from wordstates.errors import of_the_caller
from wordstates.options import CHARACTERS_OF_A_WORD
from wordstates.wording import counted

_LINE_EVERY = 30.0  # seconds
_SHOW_EVERY = 0.2

_FIRST = "{desc} ..."
_WITHOUT_TOTAL = "{desc}: {n:,}{unit}, {rate_fmt}{postfix} [{elapsed}]"
_WITH_TOTAL = "{desc}: {percentage:3.0f}%|{bar:20}| {n:,}{unit}, {rate_fmt}, {remaining} left{postfix}"


class Progress:
    """Hears how far a run has come; this one shows nothing. It is called with the number of words just done.

    Args:
        listener: A function of the caller's that is called so, too.
    """

    _tell: Callable[[int], object] | None = None

    def __init__(self, listener: Callable[[int], object] | None = None) -> None:
        if listener is not None:
            self._tell = of_the_caller(listener)

    def __call__(self, count: int) -> None:
        """So many more words have vectors."""
        if self._tell is not None:
            self._tell(count)

    def expect(self, count: int) -> None:
        """So many more words have been read, and will get vectors."""

    def total(self, count: int) -> None:
        """So many there are in all."""

    def begin(self, processes: Callable[[], Sequence[int]]) -> None:
        """Begin a run into a store, with processes besides this one, whose ids are given."""

    def shard_read(self, characters: int) -> None:
        """A shard has been read."""

    def shard_done(self, words: int, rejects: int, *, skipped: bool = False) -> None:
        """A shard is finished, or was finished before."""

    def note(self, text: str) -> None:
        """Say something worth knowing."""

    def close(self, *, failed: bool = False) -> None:
        """No more is to come."""

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self.close(failed=kind is not None)


class ShownProgress(Progress):
    """Shows percent, words, speed and time left; of a store also shards, rejects and memory.

    Args:
        unit: What is counted.
        what: What is done.
        first: What is done before anything is counted; empty: nothing.
        total: How many there are, if that is known.
        share: Gives how much of the input has been read, 0 to 1, None if not known; it and what was read give an
            estimate of the total.
        stream: Where to; None: standard error, or the notebook.
        bar: Draw a bar again and again, else write a line every 30 seconds.
        listener: A function of the caller's that is also called.
    """

    def __init__(
        self,
        unit: str = "words",
        *,
        what: str = "embedding",
        first: str = "",
        total: int | None = None,
        share: Callable[[], float | None] = lambda: None,
        stream: IO[str] | None = None,
        bar: bool = True,
        listener: Callable[[int], object] | None = None,
    ) -> None:
        from tqdm.auto import tqdm

        super().__init__(listener)
        self._what, self._share, self._stream, self._drawn = what, share, stream, bar
        self._with_total = _WITH_TOTAL if bar else _WITH_TOTAL.replace("|{bar:20}| ", ", ")
        self._processes: Callable[[], Sequence[int]] | None = None
        self._estimates = total is None
        self._expected = self._characters = 0
        self._read = self._done = self._skipped = self._words_of_shards = self._rejects = 0
        self._bar: Any = tqdm(
            desc=first or what,
            total=total,
            unit=f" {unit}",
            unit_scale=True,
            file=stream if bar else io.StringIO(),
            bar_format=_FIRST if first else _WITHOUT_TOTAL if total is None else self._with_total,
            mininterval=_SHOW_EVERY if bar else _LINE_EVERY,
            miniters=1,
        )

    def __call__(self, count: int) -> None:
        """So many more words have vectors."""
        self._update(count)
        super().__call__(count)

    def expect(self, count: int) -> None:
        """So many more words have been read, and will get vectors."""
        self._expected += count
        self._start()

    def total(self, count: int) -> None:
        """So many there are in all."""
        self._estimates, self._bar.total, self._bar.bar_format = False, count, self._with_total

    def begin(self, processes: Callable[[], Sequence[int]]) -> None:
        """Begin a run into a store, with processes besides this one, whose ids are given."""
        self._processes = processes
        self._start()

    def shard_read(self, characters: int) -> None:
        """A shard has been read."""
        self._read += 1
        self._characters += characters

    def shard_done(self, words: int, rejects: int, *, skipped: bool = False) -> None:
        """A shard is finished, or was finished before."""
        self._done += not skipped
        self._skipped += skipped
        self._words_of_shards += words
        self._rejects += rejects
        if skipped:  # without a change of the speed
            for name in ("n", "initial", "last_print_n"):
                setattr(self._bar, name, getattr(self._bar, name) + words)
        self._update(0)

    def note(self, text: str) -> None:
        """Say something worth knowing."""
        self._bar.clear()
        print(f"note: {text}", file=self._stream or sys.stderr, flush=True)

    def close(self, *, failed: bool = False) -> None:
        """No more is to come."""
        self._bar.leave = not failed
        if not failed:
            self._look()
            self._bar.total = self._bar.n  # it may have been an estimate
            self._bar.bar_format = self._with_total.replace("{remaining} left", "{elapsed}")
        self._bar.close()

    def __str__(self) -> str:
        self._look()
        return str(self._bar)

    def _update(self, count: int) -> None:
        self._look(count)
        if self._bar.update(count) and not self._drawn:
            print(self._bar, file=self._stream or sys.stderr, flush=True)

    def _start(self) -> None:
        """Pass from what is done first to what is counted."""
        if self._bar.bar_format == _FIRST:
            self._bar.unpause()  # the speed is that of the words
            self._bar.start_t = self._bar.last_print_t
            self._bar.set_description_str(self._what, refresh=False)
            self._bar.bar_format = _WITHOUT_TOTAL
            self._look()
            self._bar.refresh()

    def _look(self, more: int = 0) -> None:
        """Estimate the total, and say what else is known; so many more are about to be done."""
        self._start()
        if self._estimates and not self._bar.disable:
            share, expected = self._share(), self._expected or self._characters * self._words_of_a_character()
            if share and expected:
                self._bar.total = max(round(expected / share), self._bar.n + more + 1)  # it is not at its end yet
                self._bar.bar_format = self._with_total
        if self._processes is not None:
            self._bar.set_postfix_str(self._about_the_store(self._processes()), refresh=False)

    def _words_of_a_character(self) -> float:
        finished = self._done + self._skipped
        return (
            self._words_of_shards * self._read / finished / self._characters if finished else 1 / CHARACTERS_OF_A_WORD
        )

    def _about_the_store(self, processes: Sequence[int]) -> str:
        parts = [f"{counted(self._done, 'shard')}" + (f" and {self._skipped:,} from before" if self._skipped else "")]
        if self._rejects:
            parts.append(counted(self._rejects, "reject"))
        if memory := memory_bytes(processes):
            parts.append(f"{memory / 2**30:.2f} GiB")
        return ", ".join(parts)


def progress(
    shown: bool, listener: Callable[[int], object] | None, total: int | None = None, unit: str = "words"
) -> Progress:
    """Give what is called with the number of words done: it moves a bar if one is shown, and tells the listener."""
    return ShownProgress(unit, total=total, listener=listener) if shown else Progress(listener)


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
