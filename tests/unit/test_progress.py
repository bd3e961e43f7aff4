"""How far a run has come: totals that are known or estimated, a bar, or a line now and then."""

from __future__ import annotations

import io
import re

import pytest

from families import build
from wordstates import WordEmbedder, progress
from wordstates.documents.document import Document
from wordstates.progress import Progress, ShownProgress, memory_bytes
from wordstates.runs.groups import GroupRun


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Give the time, which only the test moves."""
    import tqdm.std

    now = [0.0]
    monkeypatch.setattr(tqdm.std, "time", lambda: now[0])
    monkeypatch.setattr(tqdm.std.tqdm, "monitor_interval", 0)
    monkeypatch.setattr(progress, "memory_bytes", lambda _: 3 << 30)
    return now


def test_a_bar_says_what_is_done_first_then_percent_and_time_left(clock: list[float]) -> None:
    stream = io.StringIO()
    with ShownProgress(first="loading model", share=lambda: 0.5, stream=stream) as bar:
        assert stream.getvalue().strip() == "loading model ..."  # at once
        clock[0] = 60.0
        bar.expect(100)  # half of the input has 100 words
        for _ in range(5):
            clock[0] += 1.0
            bar(10)
        assert re.fullmatch(r"embedding:  25%\|[█#]{5} {15}\| 50 words, 10\.0 words/s, 00:15 left", str(bar))
    last = stream.getvalue().split("\r")[-1].strip()
    assert last.startswith("embedding: 100%|")
    assert last.endswith("| 50 words, 10.0 words/s, 00:05")


def test_an_estimate_that_is_too_small_is_never_passed(clock: list[float]) -> None:
    stream = io.StringIO()
    bar = ShownProgress(share=lambda: 1.0, stream=stream)
    bar.shard_read(50)  # about ten words
    for _ in range(3):
        clock[0] += 1.0
        bar(8)
    shown = [each.strip() for each in stream.getvalue().split("\r") if "%" in each]
    assert [each.partition("|")[0] for each in shown] == ["embedding:  80%", "embedding:  94%", "embedding:  96%"]
    bar.close()


def test_a_bar_whose_total_is_known(clock: list[float]) -> None:
    bar = ShownProgress("usages", total=8, stream=io.StringIO())
    clock[0] = 1.0
    bar(2)
    assert str(bar).startswith("embedding:  25%|")
    assert str(bar).endswith("2 usages, 2.00 usages/s, 00:03 left")
    bar.total(16)  # a run found out
    assert str(bar).startswith("embedding:  12%|")
    bar.close()


def test_a_bar_without_any_total(clock: list[float]) -> None:
    bar = ShownProgress(stream=io.StringIO())
    clock[0] = 2.0
    bar(2000)
    assert str(bar) == "embedding: 2,000 words, 1.00k words/s [00:02]"
    bar.close()


def test_a_line_now_and_then_where_there_is_no_terminal(clock: list[float]) -> None:
    """Of a store: 32 shards of 100 words, 4 from before; a tenth of the input has been read when 4 shards have."""
    stream, read = io.StringIO(), [0]
    bar = ShownProgress(first="loading model", share=lambda: read[0] / 40, stream=stream, bar=False)
    bar.begin(tuple)
    for _ in range(4):
        read[0] += 1
        bar.shard_read(600)
        bar.shard_done(100, 0, skipped=True)
    for _ in range(6):
        read[0] += 1
        bar.shard_read(600)
        clock[0] += 10.0
        bar(100)
        bar.shard_done(100, 1)
    bar.note("the disk")
    assert stream.getvalue().splitlines() == [
        "embedding:  18%, 700 words, 10.0 words/s, 05:30 left, 2 shards and 4 from before, 2 rejects, 3.00 GiB",
        "embedding:  25%, 1,000 words, 10.0 words/s, 05:00 left, 5 shards and 4 from before, 5 rejects, 3.00 GiB",
        "note: the disk",
    ]
    bar.close()


class _Listens(Progress):
    def __init__(self) -> None:
        self.expected = self.done = 0

    def expect(self, count: int) -> None:
        self.expected += count
        assert self.done <= self.expected

    def __call__(self, count: int) -> None:
        self.done += count


def test_runs_tell_what_is_to_come() -> None:
    embedder, listens = WordEmbedder(*build("bert"), engine="torch"), _Listens()
    documents = [Document(str(number), "the old mill") for number in range(5)]
    done = GroupRun(embedder, listens, most=20).over(documents)
    assert sum(len(piece.embeddings.words) for piece in done) == 15
    assert (listens.expected, listens.done) == (15, 15)


def test_find_tells_how_far_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    embedder, told = WordEmbedder(*build("bert"), engine="torch"), list[int]()
    embedder.find(["the mill", "a mill"], ["mill"], on_progress=told.append, show_progress=True)
    assert sum(told) == 2
    assert "100%" in capsys.readouterr().err


def test_the_memory_of_processes() -> None:
    assert memory_bytes() > 1 << 20
    assert memory_bytes([-1]) > 1 << 20
