"""Clients that ask a server again and again: as little Python as it takes, so that the server is what is measured."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

LOCAL = "127.0.0.1"
_HEAD = b"POST %s HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n%scontent-length: %d\r\n\r\n"


def request(route: str, body: object, accept: str = "") -> bytes:
    """Give the bytes of a request."""
    content = json.dumps(body).encode()
    asked = f"accept: {accept}\r\n".encode() if accept else b""
    return _HEAD % (route.encode(), asked, len(content)) + content


@dataclass
class Load:
    """What a load came to.

    Args:
        seconds: From its beginning to the last answer.
        latencies: Seconds of each answer with status 200.
        statuses: How many answers had which status.
        sent: Requests that were sent.
        units: Sum of what the answered requests were worth, as words.
    """

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    sent: int = 0
    units: int = 0

    def summary(self) -> dict[str, Any]:
        """Give rates and quantiles."""
        ordered = sorted(self.latencies)

        def quantile(share: float) -> float:
            return round(1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))], 2) if ordered else 0.0

        return {
            "requests": len(ordered),
            "requests_per_second": round(len(ordered) / self.seconds, 2),
            "words_per_second": round(self.units / self.seconds, 1),
            **{f"p{share}_ms": quantile(share / 100) for share in (50, 95, 99)},
        }


class Connection:
    """A connection that is kept open."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._writer: asyncio.StreamWriter | None = None
        self._reader = asyncio.StreamReader()

    async def ask(self, content: bytes) -> tuple[int, dict[str, str], bytes]:
        """Send a request; give the status, the headers and the body of its answer."""
        if self._writer is None:
            self._reader, self._writer = await asyncio.open_connection(LOCAL, self._port, limit=1 << 22)
        self._writer.write(content)
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
        if "content-length" in headers:
            body = await self._reader.readexactly(int(headers["content-length"]))
        else:
            body = await self._chunks()
        return int(head[0].split(" ", 2)[1]), headers, body

    async def _chunks(self) -> bytes:
        parts = []
        while size := int(await self._reader.readuntil(b"\r\n"), 16):
            parts.append((await self._reader.readexactly(size + 2))[:-2])
        await self._reader.readuntil(b"\r\n")
        return b"".join(parts)

    async def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            await self._writer.wait_closed()
            self._writer = None


async def drive(
    port: int,
    requests: Sequence[tuple[bytes, int]],
    *,
    clients: int,
    seconds: float,
    pause: Callable[[dict[str, str]], float] = lambda _: 0.0,
) -> Load:
    """Have clients ask, one request after the other each, until the time is over; all are answered in the end.

    Args:
        port: Of the server.
        requests: What they ask, in turn, and what each is worth.
        clients: How many ask at once.
        seconds: For how long.
        pause: Seconds to wait after a refusal, from its headers.
    """
    load, turn = Load(), itertools.cycle(requests)
    began = time.perf_counter()

    async def client() -> None:
        connection = Connection(port)
        try:
            while time.perf_counter() - began < seconds:
                content, units = next(turn)
                asked = time.perf_counter()
                load.sent += 1
                status, headers, _ = await connection.ask(content)
                load.statuses[status] += 1
                if status == 200:
                    load.latencies.append(time.perf_counter() - asked)
                    load.units += units
                else:
                    await asyncio.sleep(pause(headers))
        finally:
            await connection.close()

    async with asyncio.TaskGroup() as group:
        for _ in range(clients):
            group.create_task(client())
    load.seconds = time.perf_counter() - began
    return load


def ask_once(port: int, content: bytes) -> tuple[int, dict[str, str], bytes]:
    """Ask one request over a connection of its own."""

    async def once() -> tuple[int, dict[str, str], bytes]:
        connection = Connection(port)
        try:
            return await connection.ask(content)
        finally:
            await connection.close()

    return asyncio.run(once())
