"""README, docs and docstrings say what is true: every block is run, every name and every link is there.

A page is run from its top to its end, in a folder of its own that holds the clone's `examples`. Of its fenced blocks,

- ``python`` is run, all in one namespace; a ``text`` block right after it is what it prints;
- ``console`` is run if each line after a ``$`` is a command of the project or of every shell; the lines below are what
  a terminal shows. Others, such as ``make demo``, are run by continuous integration.

In outputs ``...`` stands for anything.
"""

from __future__ import annotations

import ast
import contextlib
import doctest
import importlib
import inspect
import io
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import wordstates
from patience import A_HANG
from wordstates import cli
from wordstates.text.align import HAS_VECTOR, STATUSES

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "wordstates"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
WITH_LINKS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")])
SHELL = {"cat", "echo", "gzip", "head", "ls", "printf", "wc"}
_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>[\w-]*)[^\n]*\n(?P<code>.*?)^(?P=indent)```$", re.M | re.S)
_PLACEHOLDER = "…"


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    language: str
    code: str
    line: int  # of the first line of code, from 1
    follows: bool  # nothing but blank lines stands between the block before and this one


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def blocks_of(markdown: str) -> list[Block]:
    blocks, end = [], 0
    for match in _FENCE.finditer(markdown):
        indent = match["indent"]
        code = "".join(line.removeprefix(indent) for line in match["code"].splitlines(keepends=True))
        line = markdown.count("\n", 0, match.start("code")) + 1
        blocks.append(Block(match["language"], code, line, end > 0 and not markdown[end : match.start()].strip()))
        end = match.end()
    return blocks


def without_code(markdown: str) -> str:
    return re.sub(r"`[^`\n]*`", "", _FENCE.sub("", markdown))


# ---------------------------------------------------------------- running


def same_output(wanted: str, got: str) -> bool:
    """Compare outputs but for white space at the ends of lines; `...` is anything."""
    tidy = ["\n".join(line.rstrip() for line in text.strip("\n").splitlines()) + "\n" for text in (wanted, got)]
    return doctest.OutputChecker().check_output(*tidy, doctest.ELLIPSIS)


@contextlib.contextmanager
def terminal() -> Iterator[io.TextIOWrapper]:
    """Catch standard output and standard error in the order in which a terminal would show them."""
    screen = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    with contextlib.redirect_stdout(screen), contextlib.redirect_stderr(screen):
        yield screen


def shown_on(screen: io.TextIOWrapper) -> str:
    screen.seek(0)
    return screen.read()


def run_python(code: str, where: str, line: int, namespace: dict[str, Any]) -> str:
    with terminal() as screen:
        exec(compile("\n" * (line - 1) + code, where, "exec"), namespace)
    return shown_on(screen)


@dataclass
class Shell:
    """Runs commands; those of wordstates in this process, which has torch loaded already."""

    last: int = 0

    def run(self, command: str) -> str:
        if command == "echo $?":
            return f"{self.last}\n"
        if command.startswith("wordstates ") and not set("|<>") & set(command):
            return self._wordstates(shlex.split(command)[1:])
        path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
        environment = {"PATH": path, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "COLUMNS": "100"}
        environment["WORDSTATES_CACHE"] = "off"  # what one page shows depends on no other
        done = subprocess.run(
            ["bash", "-c", command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
            text=True,
            check=False,
            timeout=A_HANG,
        )
        self.last = done.returncode
        return done.stdout

    def _wordstates(self, arguments: list[str]) -> str:
        with pytest.MonkeyPatch.context() as patch, terminal() as screen:
            patch.setenv("COLUMNS", "100")
            patch.setattr(sys, "argv", ["wordstates", *arguments])
            patch.setattr(sys.modules["__main__"], "__package__", None, raising=False)  # else its help names pytest
            self.last = 0
            try:
                cli.main()
            except SystemExit as leaving:
                self.last = int(leaving.code or 0)
        return shown_on(screen)


def commands_of(code: str) -> list[tuple[str, str]]:
    """Read the commands of a console block, each with the output below it; none if it is not one for us."""
    commands: list[tuple[str, str]] = []
    for line in code.splitlines(keepends=True):
        if line.startswith("$ "):
            commands.append((line[2:].rstrip(), ""))
        elif commands and commands[-1][0].endswith("\\"):
            commands[-1] = (commands[-1][0].removesuffix("\\") + line.strip(), "")
        elif commands:
            commands[-1] = (commands[-1][0], commands[-1][1] + line)
        else:
            return []
    ours = all(command.split()[0] in SHELL | {"wordstates"} for command, _ in commands)
    return commands if ours else []


@pytest.mark.parametrize(
    "page", [PAGES[0], *(pytest.param(page, marks=pytest.mark.long) for page in PAGES[1:])], ids=name_of
)
def test_every_block_of_a_page_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("examples").symlink_to(ROOT / "examples")
    namespace: dict[str, Any] = {"__name__": f"blocks of {name_of(page)}"}
    shell, printed, wrong = Shell(), None, []
    for block in blocks_of(page.read_text(encoding="utf-8")):
        where = f"{name_of(page)}:{block.line}"
        if block.language == "python":
            printed = run_python(block.code, str(page), block.line, namespace)
            continue
        if block.language == "text" and block.follows and printed is not None:
            if not same_output(block.code, printed):
                wrong.append(f"{where}: it prints\n{printed}")
        elif block.language == "console":
            for command, output in commands_of(block.code):
                got = shell.run(command)
                if not same_output(output, got):
                    wrong.append(f"{where}: $ {command}\n{got}")
        printed = None
    assert not wrong, "\n".join(wrong)


def test_the_runner_finds_what_is_wrong() -> None:
    """The tests above are worth what their parts are worth."""
    page = "a\n```python\nprint(1)\n```\n\n```text\n1\n```\nb\n```text\n2\n```\n"
    page += "c\n  ```console\n  $ wordstates x\n  y\n  ```\n"
    blocks = blocks_of(page)
    assert [(block.language, block.line, block.follows) for block in blocks] == [
        ("python", 3, False),
        ("text", 7, True),
        ("text", 11, False),
        ("console", 15, False),
    ]
    assert commands_of(blocks[3].code) == [("wordstates x", "y\n")]
    assert commands_of("$ echo a \\\n    b\na b\n") == [("echo a b", "a b\n")]
    assert commands_of("make demo\n") == []
    assert commands_of("$ rm x\n") == []
    assert same_output("a ... c", "a b c  \n")
    assert not same_output("a ... c", "a b d\n")
    assert run_python("print(2)", "page", 3, {}) == "2\n"
    with pytest.raises(ZeroDivisionError):
        run_python("1 / 0", "page", 3, {})
    shell = Shell()
    assert "No such command" in shell.run("wordstates nonsense")
    assert shell.run("echo $?") == "2\n"
    assert shell.run("printf a | wc -c").strip() == "1"


# ---------------------------------------------------------------- docstrings


def docstring_examples() -> Iterator[tuple[str, str, str]]:
    """Give module, name and docstring of everything whose docstring has an example.

    They are read from the source: doctest's own finder passes over functions that the types under test have wrapped.
    """
    for path in sorted(SOURCE.rglob("*.py")):
        module = ".".join(["wordstates", *path.relative_to(SOURCE).with_suffix("").parts]).removesuffix(".__init__")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                docstring = ast.get_docstring(node)
                if docstring and ">>>" in docstring:
                    yield module, getattr(node, "name", module), docstring


EXAMPLES = [pytest.param(*found, id=".".join(found[:2])) for found in docstring_examples()]


def test_there_are_examples() -> None:
    assert len(EXAMPLES) > 10


@pytest.mark.parametrize(("module", "name", "docstring"), EXAMPLES)
def test_docstring_examples_run(module: str, name: str, docstring: str) -> None:
    names = dict(vars(importlib.import_module(module)))
    example = doctest.DocTestParser().get_doctest(docstring, names, name, module, 0)
    report: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    result = runner.run(example, out=report.append)
    assert result.attempted
    assert not result.failed, "".join(report)


# ---------------------------------------------------------------- links


def anchors_of(markdown: str) -> set[str]:
    """Give the names that headings have in links, as GitHub makes them."""
    headings = re.findall(r"^#+ +(.*?) *$", _FENCE.sub("", markdown), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", WITH_LINKS, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    lost = []
    for link in re.findall(r"\]\(([^)\s]+)\)", without_code(page.read_text(encoding="utf-8"))):
        if re.match(r"\w+:", link):
            continue
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        if not target.exists() or (anchor and anchor not in anchors_of(target.read_text(encoding="utf-8"))):
            lost.append(link)
    assert not lost


def test_the_index_lists_every_page() -> None:
    links = set(re.findall(r"\]\(([\w.-]+\.md)\)", (ROOT / "docs" / "index.md").read_text(encoding="utf-8")))
    assert {page.name for page in (ROOT / "docs").glob("*.md")} - {"index.md"} <= links


# ---------------------------------------------------------------- the public names


def table_under(page: str, heading: str) -> list[list[str]]:
    """Give the rows of the first table under a heading of a page, without its head."""
    markdown = (ROOT / "docs" / page).read_text(encoding="utf-8")
    section = re.split(r"^#+ ", markdown.partition(f"\n## {heading}\n")[2], maxsplit=1, flags=re.M)[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    assert len(lines) > 2, f"{page} has no table under {heading!r}"
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip("|"))] for line in lines[2:]]


REFERENCE = {page.name: page.read_text(encoding="utf-8") for page in (ROOT / "docs" / "reference").glob("*.md")}


def test_public_names_are_flat_and_documented() -> None:
    # Each has one place; the base of the errors is with its tree.
    shown = [name for page in REFERENCE.values() for name in re.findall(r"^::: wordstates\.(\w+)$", page, re.M)]
    assert sorted([*shown, "WordstatesError"]) == sorted(wordstates.__all__)
    assert set(re.findall(r"\]\[wordstates\.(\w+)\]", REFERENCE["index.md"])) == set(wordstates.__all__)
    assert dir(wordstates) == sorted(wordstates.__all__)
    assert all(getattr(wordstates, name) is not None for name in wordstates.__all__)


@pytest.mark.parametrize("page", [*PAGES, *sorted((ROOT / "examples").glob("*.py"))], ids=name_of)
def test_pages_and_examples_import_public_names_alone(page: Path) -> None:
    inside = re.findall(r"^ *(?:from wordstates\.(?!errors\b)|import wordstates\.).*", page.read_text("utf-8"), re.M)
    assert not inside


def public_callables() -> Iterator[tuple[str, Any, str]]:
    """Give the public functions, classes and methods with what is said of them: what the reference is made of."""
    for name in wordstates.__all__:
        value = getattr(wordstates, name)
        if inspect.isclass(value) and not issubclass(value, Exception):
            yield name, value, "".join(inspect.cleandoc(base.__doc__ or "") for base in value.__mro__)
            for member, method in inspect.getmembers(value, inspect.isroutine):
                if not member.startswith("_") and getattr(method, "__module__", "").startswith("wordstates"):
                    yield f"{name}.{member}", method, inspect.getdoc(method) or ""
        elif inspect.isroutine(value):
            yield name, value, inspect.getdoc(value) or ""


def test_arguments_are_documented() -> None:
    """Each of them, where there are several; the first line says what a single one is."""
    missing = []
    for name, value, said in public_callables():
        arguments = {argument for argument in inspect.signature(value).parameters if argument not in {"self", "cls"}}
        described = set(re.findall(r"^    \*{0,2}(\w+): ", said, re.M))
        if len(arguments) > 1:
            missing += [f"{name}({argument})" for argument in sorted(arguments - described) if argument[0] != "_"]
    assert missing == []


def test_every_status_is_documented() -> None:
    table = {row[0].strip("`"): row[1] == "yes" for row in table_under("alignment.md", "Statuses")}
    assert table == dict(zip(STATUSES, HAS_VECTOR.tolist(), strict=True))


# ---------------------------------------------------------------- the errors


def written_messages() -> list[str]:
    """Give every text in the source, with `…` for what is filled in."""
    texts = []
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                parts = [part.value if isinstance(part, ast.Constant) else _PLACEHOLDER for part in node.values]
                texts.append("".join(map(str, parts)))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.append(node.value)
    return texts


@pytest.mark.long
def test_documented_messages_are_the_real_ones() -> None:
    """A message that was reworded fails here: the page quotes it, with `…` for what is filled in."""
    page = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    quoted = re.findall(r"^\| `([^`]+)` \|", page, re.M)
    assert len(quoted) > 30
    messages = written_messages()
    patterns = {quote: re.compile(".*".join(map(re.escape, quote.split(_PLACEHOLDER))), re.S) for quote in quoted}
    stale = [quote for quote, pattern in patterns.items() if not any(map(pattern.search, messages))]
    assert not stale
