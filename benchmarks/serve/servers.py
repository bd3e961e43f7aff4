"""The servers that are measured, each a process of its own on this machine, and what each is asked."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.serve.load import request
from benchmarks.speed.environments import interpreter, quiet_environment

ARROW = "application/vnd.apache.arrow.stream"
_PATIENCE = 180.0  # seconds until a server is ready
_PLAIN = Path(__file__).with_name("plain.py")


@dataclass(frozen=True)
class Question:
    """One way to ask one server.

    Args:
        server: Which server.
        gives: What is asked for: ``subwords``, ``texts`` or ``words``.
        form: How the vectors come.
        route: Path.
        field: Field of the request that holds the texts.
        more: Other fields.
        accept: What form of answer is asked for.
    """

    server: str
    gives: str
    form: str
    route: str
    field: str
    more: tuple[tuple[str, Any], ...] = ()
    accept: str = ""

    @property
    def name(self) -> str:
        return f"{self.server} {self.route}, {self.form}"

    def request(self, texts: Sequence[str]) -> bytes:
        return request(self.route, {self.field: [*texts], **dict(self.more)}, self.accept)


OURS = "wordstates"
QUESTIONS = (
    Question(OURS, "subwords", "JSON", "/embed_all", "inputs"),
    Question("plain", "subwords", "JSON", "/embed_all", "inputs"),
    Question(OURS, "texts", "JSON", "/v1/embeddings", "input"),
    Question("plain", "texts", "JSON", "/embed", "inputs"),
    Question("infinity", "texts", "JSON", "/embeddings", "input", (("model", "m"),)),
    Question(OURS, "words", "JSON", "/v1/words", "texts"),
    Question(OURS, "words", "base64", "/v1/words", "texts", (("encoding", "base64"),)),
    Question(OURS, "words", "Arrow", "/v1/words", "texts", accept=ARROW),
)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _command(server: str, model: str, port: int, peers: Path) -> list[str]:
    if server == OURS:
        return [sys.executable, "-m", "wordstates", "serve", "-m", model, "--port", str(port), "--quiet"]
    python = str(interpreter(peers, server))
    if server == "plain":
        return [python, str(_PLAIN), model, str(port)]
    infinity = [str(Path(python).with_name("infinity_emb")), "v2", "--model-id", model, "--served-model-name", "m"]
    options = ["--engine", "torch", "--device", "cpu", "--no-bettertransformer", "--log-level", "error"]
    return [*infinity, *options, "--host", "127.0.0.1", "--port", str(port)]


@contextmanager
def running(
    servers: Sequence[str], model: str, peers: Path, options: Sequence[str] = ()
) -> Iterator[dict[str, tuple[int, int]]]:
    """Run servers; give the port and the process id of each.

    Args:
        servers: Their names.
        model: Folder of the model, or ``minilm``.
        peers: Folder of the other servers' environments.
        options: Of `wordstates serve`.
    """
    environment = quiet_environment("cpu") | {"DO_NOT_TRACK": "1", "INFINITY_ANONYMOUS_USAGE_STATS": "0"}
    with ExitStack() as stack:
        found = {}
        for server in servers:
            port = free_port()
            command = _command(server, model, port, peers) + ([*options] if server == OURS else [])
            found[server] = port, stack.enter_context(_process(command, environment)).pid
        for port, _ in found.values():
            _wait_for(port)
        yield found


@contextmanager
def _process(command: Sequence[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, **environment}
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(port: int) -> None:
    given_up = time.monotonic() + _PATIENCE
    while time.monotonic() < given_up:
        for path in ("ready", "health"):
            with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=2) as answer:
                if answer.status == 200:
                    return
        time.sleep(0.2)
    raise SystemExit(f"The server at port {port} is not ready after {_PATIENCE:g} s.")
