"""What is measured: a race, words a second at saturation, and five times too much."""

from __future__ import annotations

import asyncio
import itertools
import socket
import statistics
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.serve.agreement import References, difference
from benchmarks.serve.load import LOCAL, Connection, Load, drive
from benchmarks.serve.servers import OURS, QUESTIONS, Question, running

from wordstates import WordEmbedder

_TEXT = Path(__file__).resolve().parents[2] / "examples" / "data" / "genesis-web.txt"
CLIENTS = (1, 8, 64)
_LONG_WORDS = 150  # fits a window of all: sentence-transformers cuts MiniLM's texts at 256 subwords
_CHECKED = 32
_PAUSE = 0.5  # between turns: the threads of the one before go to sleep
_BATCH = 32  # texts of a request under overload
_TIMES = 5
_SATURATED = 8
_IDLE = 2.0  # seconds after which a client does not use a connection again: servers close those that are idle


@dataclass(frozen=True)
class Setting:
    """How it is measured.

    Args:
        model: Folder of the model.
        peers: Folder of the peers' environments.
        questions: What is asked.
        seconds: Length of a turn.
        rounds: Turns of each.
        soak: Seconds of overload.
        connections: Connections that are opened and dropped.
    """

    model: str
    peers: Path
    questions: tuple[Question, ...]
    seconds: float
    rounds: int
    soak: float
    connections: int


def texts_of(length: str) -> list[str]:
    """Give different short or long texts: lines of Genesis, or as many of them as make 150 words."""
    lines = list(dict.fromkeys(line for line in _TEXT.read_text(encoding="utf-8").splitlines() if len(line) > 20))
    if length == "short":
        return lines
    words = " ".join(lines).split()
    return [" ".join(words[first : first + _LONG_WORDS]) for first in range(0, len(words) - _LONG_WORDS, _LONG_WORDS)]


def _one_text_each(question: Question, texts: Sequence[str]) -> list[tuple[bytes, int]]:
    return [(question.request([text]), len(text.split())) for text in texts]


def study_race(setting: Setting) -> dict[str, Any]:
    """Ask each server one text a request, in turns, after its vectors were compared."""
    servers = list(dict.fromkeys(each.server for each in setting.questions))
    cells: dict[tuple[str, int, str], list[Load]] = {}
    with running(servers, setting.model, setting.peers) as found:
        differences = {}
        for length in ("short", "long"):
            references = References(setting.model, texts_of(length)[:_CHECKED])
            for question in setting.questions:
                differences[f"{length} {question.name}"] = difference(found[question.server][0], question, references)
        for _, length, clients, question in itertools.product(
            range(setting.rounds), ("short", "long"), CLIENTS, setting.questions
        ):
            requests, port = _one_text_each(question, texts_of(length)), found[question.server][0]
            load = asyncio.run(drive(port, requests, clients=clients, seconds=setting.seconds))
            if set(load.statuses) != {200}:
                raise SystemExit(f"{question.name}: answered {dict(load.statuses)}")
            cells.setdefault((length, clients, question.name), []).append(load)
            time.sleep(_PAUSE)
    rows = [
        {
            "texts": length,
            "clients": clients,
            "gives": next(each.gives for each in setting.questions if each.name == name),
            "name": name,
            **_together(loads).summary(),
        }
        for (length, clients, name), loads in cells.items()
    ]
    return {"long_words": _LONG_WORDS, "differences": differences, "rows": rows}


def _together(loads: Sequence[Load]) -> Load:
    return Load(
        seconds=sum(each.seconds for each in loads),
        latencies=[seconds for each in loads for seconds in each.latencies],
        statuses=sum((each.statuses for each in loads), Counter[int]()),
        sent=sum(each.sent for each in loads),
        units=sum(each.units for each in loads),
    )


def _batches(question: Question, size: int) -> list[tuple[bytes, int]]:
    texts = texts_of("short")
    return [
        (question.request(texts[first : first + size]), sum(len(text.split()) for text in texts[first : first + size]))
        for first in range(0, len(texts) - size, size)
    ]


def study_saturation(setting: Setting) -> dict[str, Any]:
    """Give words a second of a server that always has enough to do, over Arrow, and of `encode` in one process."""
    question = next(each for each in QUESTIONS if each.form == "Arrow")
    texts = texts_of("short")
    words = sum(len(text.split()) for text in texts)
    embedder = WordEmbedder(setting.model, device="cpu")
    rates: dict[str, list[float]] = {"server": [], "encode": []}
    with running([OURS], setting.model, setting.peers) as found:
        port = found[OURS][0]
        difference(port, question, References(setting.model, texts[:_CHECKED]))
        for turn in range(2 * setting.rounds + 1):
            load = asyncio.run(drive(port, _batches(question, 64), clients=_SATURATED, seconds=3 * setting.seconds))
            time.sleep(_PAUSE)
            began = time.perf_counter()
            embedder.encode(texts)
            seconds = time.perf_counter() - began
            time.sleep(_PAUSE)
            if turn:  # the first one warms up
                rates["server"].append(load.units / load.seconds)
                rates["encode"].append(words / seconds)
    median = {name: statistics.median(found) for name, found in rates.items()}
    return {
        "clients": _SATURATED,
        "texts": 64,
        "words_per_second": {name: [round(rate, 1) for rate in found] for name, found in rates.items()},
        "median": {name: round(rate, 1) for name, rate in median.items()},
        "share": round(median["server"] / median["encode"], 3),
    }


# ---------------------------------------------------------------- five times too much


def study_overload(setting: Setting) -> dict[str, Any]:
    """Send five times the requests that a server can answer, and see what it does; then open and drop connections."""
    question = next(each for each in QUESTIONS if each.form == "Arrow")
    requests = _batches(question, _BATCH)
    with running([OURS], setting.model, setting.peers) as found:
        port, pid = found[OURS]
        peak_seconds = max(2.0, 4 * setting.seconds)
        asyncio.run(drive(port, requests, clients=_SATURATED, seconds=peak_seconds / 2))
        peak = asyncio.run(drive(port, requests, clients=_SATURATED, seconds=peak_seconds))
        rate = len(peak.latencies) / peak.seconds
        load, live, memory = asyncio.run(_flood(port, pid, requests, _TIMES * rate, setting.soak))
        counted = _counts(port)
        dropped = asyncio.run(_drop_connections(port, setting.connections))
        after = asyncio.run(_once(port, requests[0][0]))
    statuses = {str(status): count for status, count in sorted(load.statuses.items())}
    half = memory[len(memory) // 2 :]
    return {
        "texts": _BATCH,
        "peak_requests_per_second": round(rate, 2),
        "offered_requests_per_second": round(load.sent / load.seconds, 2),
        "answered_requests_per_second": round(load.statuses[200] / load.seconds, 2),
        "share_of_peak": round(load.statuses[200] / load.seconds / rate, 3),
        "seconds": round(load.seconds, 1),
        "sent": load.sent,
        "statuses": statuses,
        "adds_up": load.sent == sum(load.statuses.values()),
        "server_counts": counted,
        "live_p50_ms": _quantile(live, 0.5),
        "live_p99_ms": _quantile(live, 0.99),
        "live_asked": len(live),
        "memory_mib": [round(each, 1) for each in memory],
        "memory_growth_mib": round(max(half) - max(memory[: len(memory) // 2]), 1),
        "connections_dropped": dropped,
        "status_after": after,
    }


async def _flood(
    port: int, pid: int, requests: Sequence[tuple[bytes, int]], rate: float, seconds: float
) -> tuple[Load, list[float], list[float]]:
    """Send requests at a rate, whatever becomes of them; meanwhile ask whether the server is alive."""
    load, live, memory = Load(), [], []
    free: list[tuple[Connection, float]] = []  # since when
    turn = itertools.cycle(requests)
    began = time.perf_counter()
    over = asyncio.Event()

    async def one(content: bytes, units: int) -> None:
        asked = time.perf_counter()
        connection, since = free.pop() if free else (Connection(port), asked)
        if asked - since > _IDLE:
            await connection.close()
            connection = Connection(port)
        status, headers, _ = await connection.ask(content)
        load.statuses[status] += 1
        if status == 200:
            load.latencies.append(time.perf_counter() - asked)
            load.units += units
        if headers.get("connection", "") == "close":
            await connection.close()
        free.append((connection, time.perf_counter()))

    async def ask_whether_alive() -> None:
        connection = Connection(port)
        while not over.is_set():
            asked = time.perf_counter()
            await connection.ask(b"GET /live HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
            live.append(time.perf_counter() - asked)
            await asyncio.sleep(0.05)
        await connection.close()

    async def watch_memory() -> None:
        while not over.is_set():
            memory.append(memory_of(pid))
            await asyncio.sleep(max(0.2, seconds / 40))

    async with asyncio.TaskGroup() as group:
        group.create_task(ask_whether_alive())
        group.create_task(watch_memory())
        async with asyncio.TaskGroup() as asking:
            while (now := time.perf_counter() - began) < seconds:
                while load.sent < rate * now:
                    load.sent += 1
                    asking.create_task(one(*next(turn)))
                await asyncio.sleep(0.005)
        over.set()
    load.seconds = time.perf_counter() - began
    for connection, _ in free:
        await connection.close()
    return load, live, memory


def memory_of(pid: int) -> float:
    """Give the memory of a process in MiB; 0 if the system does not tell."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
    return 0.0


def _quantile(seconds: Sequence[float], share: float) -> float:
    ordered = sorted(seconds)
    return round(1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))], 1)


async def _get(port: int, path: str) -> tuple[int, bytes]:
    connection = Connection(port)
    status, _, body = await connection.ask(f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n".encode())
    await connection.close()
    return status, body


def _counts(port: int) -> dict[str, int]:
    """Give how many answers of each status the server counted itself."""
    _, told = asyncio.run(_get(port, "/metrics"))
    found: Counter[str] = Counter()
    for line in told.decode().splitlines():
        if line.startswith('wordstates_requests_total{route="/v1/words"'):
            found[line.split('status="')[1].split('"')[0]] += int(float(line.rsplit(" ", 1)[1]))
    return dict(found)


async def _once(port: int, content: bytes) -> int:
    connection = Connection(port)
    status, _, _ = await connection.ask(content)
    await connection.close()
    return status


async def _drop_connections(port: int, count: int) -> int:
    """Open connections and drop them: at once, after half a head, and after half a body."""
    halves = (b"", b"POST /v1/words HTTP/1.1\r\nhost: 127", b"POST /v1/words HTTP/1.1\r\nhost: 127.0.0.1\r\n")
    halves = (*halves[:2], halves[2] + b'content-type: application/json\r\ncontent-length: 99\r\n\r\n{"texts"')
    dropped = 0
    for first in range(0, count, 200):
        opened = [await asyncio.open_connection(LOCAL, port) for _ in range(min(200, count - first))]
        for number, (_, writer) in enumerate(opened):
            writer.write(halves[number % 3])
            if number % 2:
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            writer.close()
            dropped += 1
        for _, writer in opened:
            with suppress(OSError):
                await writer.wait_closed()
    return dropped
