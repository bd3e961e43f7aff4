"""What macOS and Windows lack is asked for before it is used; their ways of writing text change no data."""

from __future__ import annotations

import ast
import io
import signal
import sys
from pathlib import Path

import pytest

from wordstates import cli
from wordstates.cli.embed_store import names_a_store

SOURCE = Path(__file__).resolve().parents[2] / "src" / "wordstates"
NOT_ON_WINDOWS = {
    *("fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty"),
    *("alarm", "pthread_sigmask", "setitimer", "sigtimedwait", "SIGALRM", "SIGHUP", "SIGKILL", "SIGUSR1", "SIGUSR2"),
    *("chown", "fork", "geteuid", "getuid", "kill", "killpg", "mkfifo", "nice", "pread", "register_at_fork"),
    *("sched_getaffinity", "sched_setaffinity", "setsid", "statvfs", "sysconf", "O_DIRECTORY", "O_NOFOLLOW"),
}
ASKED = ("hasattr(", "getattr(", "os.name", "sys.platform", "except ImportError")


def uses(tree: ast.AST) -> list[tuple[int, str]]:
    """Give lines and names of what is not everywhere: modules that are imported, attributes of `os` and `signal`."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append((node.lineno, node.module or ""))
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in ("os", "signal"):
            found.append((node.lineno, node.attr))
    return [(line, name) for line, name in found if name in NOT_ON_WINDOWS]


def test_what_other_systems_lack_is_asked_for_first() -> None:
    """In the function that uses it, or just above and below it where it is at the top of a module."""
    unasked = []
    for path in sorted(SOURCE.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text)
        lines = text.splitlines()
        functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
        for line, name in uses(tree):
            around = [node for node in functions if node.lineno <= line <= (node.end_lineno or line)]
            first, last = (around[-1].lineno, around[-1].end_lineno) if around else (line - 2, line + 2)
            if not any(word in "\n".join(lines[first - 1 : last]) for word in ASKED):
                unasked.append(f"{path.relative_to(SOURCE)}:{line} {name}")
    assert unasked == []


def test_the_check_finds_what_is_unasked() -> None:
    assert uses(ast.parse("import fcntl, os\nos.fork()\nos.getpid()\n")) == [(1, "fcntl"), (2, "fork")]


def test_a_pipe_gets_utf_8_whatever_the_system_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows gives a pipe its code page, in which much of the world's text cannot be written."""
    (tmp_path / "a.txt").write_text("Το café ▁.\n", encoding="utf-8")
    piped = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(piped, encoding="cp1252"))
    monkeypatch.setattr(signal, "signal", lambda *_: None)  # the handlers of this process stay
    monkeypatch.setattr(sys, "argv", ["wordstates", "kwic", "café", str(tmp_path / "a.txt")])
    with pytest.raises(SystemExit) as left:
        cli.main()
    assert left.value.code in (0, None)
    assert "Το  café  ▁." in piped.getvalue().decode("utf-8")


def test_a_folder_is_written_as_the_system_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wordstates.cli.embed_store.SLASHES", ("/", "\\"))
    assert names_a_store("v1.0\\")
    assert not names_a_store("v1.npz")
