"""Does the suite notice? Break 60 lines of the core, one at a time, and run the tests on each broken copy.

    python benchmarks/mutants.py                     all 60; writes benchmarks/results/mutants.json
    python benchmarks/mutants.py --only store        those whose path contains `store`; the file keeps the others
    python benchmarks/mutants.py --list              what would be broken, and how
    python benchmarks/mutants.py --quick             only the tests of the room, which notice less

A mutant is a copy of `src` in which one place reads otherwise: `<` for `<=`, `+` for `-`, `and` for `or`, a number one
larger (under 1,000: larger ones limit memory and time), `True` for `False`, `min` for `max`, a `not` left out, an
assignment or a call left out. The places are drawn from all that there are in the rooms of the core, by a hash of what
stands there: as many of each kind as come, and a change elsewhere changes none of them. Messages, docstrings,
annotations and imports are left alone. Of the tests of the room those of `make test` run first; what they let through
meets the whole suite, that of `make test-long` too. A test that hangs notices as well. What survives is explained in
`EXPLAINED`, or is a gap.
"""

from __future__ import annotations

import argparse
import ast
import copy
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = Path("src/wordstates")
RESULTS = Path(__file__).parent / "results" / "mutants.json"
SEED = 21
ROOM_S, SUITE_S = 900, 7200  # when tests are taken to hang: those of a room take a minute, all some fifteen


@dataclass(frozen=True)
class Room:
    """Where lines are broken, how many, and the tests that know the place best, the quick ones first."""

    sources: tuple[str, ...]
    mutants: int
    tests: tuple[str, ...]


ROOMS = (
    Room(
        ("text/*.py",),
        20,
        (
            "tests/unit/test_pieces.py",
            "tests/unit/test_string_alignment.py",
            "tests/unit/test_alignment_real_cases.py",
            "tests/unit/test_special_tokens.py",
            "tests/unit/test_searching.py",
            "tests/unit/test_given_texts.py",
            "tests/properties",
            "tests/unit/test_embedder.py",
            "tests/reference/test_traps.py",
        ),
    ),
    Room(
        ("encode/*.py",),
        15,
        (
            "tests/unit/test_inputs.py",
            "tests/unit/test_given_texts.py",
            "tests/unit/test_seen.py",
            "tests/unit/test_embedder.py",
            "tests/unit/test_postprocessing.py",
            "tests/unit/test_reading_part.py",
            "tests/properties/test_long_texts.py",
            "tests/properties/test_batching.py",
            "tests/properties/test_windows.py",
            "tests/reference/test_surprisal.py",
            "tests/reference/test_traps.py",
            "tests/unit/test_engines.py",
        ),
    ),
    Room(
        ("model/pooling.py", "model/batching.py"),
        8,
        ("tests/unit/test_pooling.py", "tests/properties/test_batching.py", "tests/reference/test_traps.py"),
    ),
    Room(
        ("store/*.py", "store/workers/*.py"),
        17,
        (
            "tests/unit/test_partial_files.py",
            "tests/cli/test_store_library.py",
            "tests/cli/test_store.py",
            "tests/cli/test_damaged_stores.py",
            "tests/cli/test_store_kills.py",
            "tests/unit/test_corpus.py",
            "tests/cli/test_find_stores.py",
            "tests/unit/test_ray.py",
        ),
    ),
)
# Survivors that no test can notice, or none should: file, its line, what the broken part reads now, and why.
EXPLAINED = {
    (
        "text/phrases.py",
        "few = len(self._by_char) <= _FEW",
        "(len(self._by_char) < _FEW)",
    ): "which of two ways to look for the same places is quicker",
    (
        "store/workers/ray.py",
        'own: dict[str, Any] = {"include_dashboard": False} if address == "local" else {}',
        "(True)",
    ): "whether Ray has a page to look at",
}

_COMPARED = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
_COMPUTED = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.FloorDiv: ast.Mult, ast.Div: ast.Mult}
_NAMES = {"min": "max", "max": "min", "any": "all", "all": "any", "maximum": "minimum", "minimum": "maximum"}
_LEFT_ALONE = (ast.Raise, ast.Import, ast.ImportFrom, ast.JoinedStr, ast.Assert)


@dataclass(frozen=True)
class Mutant:
    """One place that reads otherwise."""

    name: str  # file:line:column
    line: str
    was: str
    reads: str
    source: str


def mutants_of(path: Path) -> Iterator[Mutant]:
    """Give every mutant of a source file, in the order of its lines."""
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    lines = text.splitlines(keepends=True)
    for node in _places(tree):
        for changed in _changes(node):
            first, last = node.lineno - 1, cast("int", node.end_lineno) - 1
            head = lines[first].encode()[: node.col_offset].decode()
            tail = lines[last].encode()[node.end_col_offset :].decode()
            reads = ast.unparse(changed)
            if isinstance(node, ast.expr):
                reads = f"({reads})"
            source = "".join(lines[:first]) + head + reads + tail + "".join(lines[last + 1 :])
            name = f"{path.relative_to(ROOT / PACKAGE)}:{node.lineno}:{node.col_offset}"
            yield Mutant(name, lines[first].strip(), ast.unparse(node), reads, source)


def _places(node: ast.AST) -> Iterator[ast.expr | ast.stmt]:
    """Walk over the code that runs: no message, docstring, annotation, decorator or import."""
    if isinstance(node, _LEFT_ALONE):
        return
    if isinstance(node, ast.stmt | ast.expr):
        yield node
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list", "type_params", "bases"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _places(child)


def _changes(node: ast.expr | ast.stmt) -> Iterator[ast.AST]:
    changed = copy.deepcopy(node)
    match changed:
        case ast.Compare(ops=[op]) if type(op) in _COMPARED:
            changed.ops = [_COMPARED[type(op)]()]
        case ast.BinOp(op=ast.Div(), right=ast.Constant(value=str()) | ast.JoinedStr()):
            return  # of two paths
        case ast.BinOp(op=op) if type(op) in _COMPUTED:
            changed.op = _COMPUTED[type(op)]()
        case ast.BoolOp(op=op):
            changed.op = ast.Or() if isinstance(op, ast.And) else ast.And()
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            changed = operand
        case ast.Constant(value=bool() as value):
            changed.value = not value
        case ast.Constant(value=int() as value) if value < 1000:
            changed.value = value + 1
        case ast.Call(func=ast.Name(id=name) as function) if name in _NAMES:
            function.id = _NAMES[name]
        case ast.Call(func=ast.Attribute(attr=name) as function) if name in _NAMES:
            function.attr = _NAMES[name]
        case ast.AugAssign(op=op) if type(op) in _COMPUTED:
            changed.op = _COMPUTED[type(op)]()
        case ast.Expr(value=ast.Call()):
            changed = ast.Pass()
        case ast.Continue():
            changed = ast.Break()
        case _:
            return
    yield changed


def chosen() -> list[tuple[Room, Mutant]]:
    """Draw the mutants of every room: of any line one at most, and always the same."""
    picked = []
    for room in ROOMS:
        paths = sorted(path for pattern in room.sources for path in (ROOT / PACKAGE).glob(pattern))
        found = sorted((mutant for path in paths for mutant in mutants_of(path)), key=_drawn)
        one_a_line = {mutant.name.rsplit(":", 1)[0]: mutant for mutant in reversed(found)}
        picked += [(room, mutant) for mutant in list(one_a_line.values())[-room.mutants :]]
    return picked


def _drawn(mutant: Mutant) -> bytes:
    told = (str(SEED), mutant.name.split(":")[0], mutant.line, mutant.was, mutant.reads)
    return hashlib.sha256("\0".join(told).encode()).digest()


def noticed_by(room: Room, mutant: Mutant, processes: int) -> str | None:
    """Name the test that notices a mutant, or give none; without processes the tests of the room are all."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        shutil.copytree(ROOT / "src", Path(folder) / "src", ignore=shutil.ignore_patterns("__pycache__"))
        path = Path(folder) / PACKAGE / mutant.name.split(":")[0]
        path.write_text(mutant.source, encoding="utf-8")
        source = str(Path(folder) / "src")
        workers = ["-n", str(processes)] if processes > 1 else []
        first = _failure(list(room.tests), source, [], ROOM_S)
        return first or (_failure(["tests", "-m", "not browser"], source, workers, SUITE_S) if processes else None)


def _failure(tests: list[str], source: str, options: list[str], limit_s: int) -> str | None:
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--tb=no", *options, *tests]
    environment = {**os.environ, "PYTHONPATH": source, "HF_HUB_OFFLINE": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=limit_s)
    except subprocess.TimeoutExpired:
        return "a test that hung"
    if run.returncode == 0:
        return None
    told = [line for line in run.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return told[0].split(" - ")[0] if told else f"pytest itself, exit code {run.returncode}"


def main() -> None:
    parser = argparse.ArgumentParser(description="Break lines of the core, and count how many the tests notice.")
    parser.add_argument("--only", default="", help="mutants whose path contains this")
    parser.add_argument("--list", action="store_true", help="list the mutants and run nothing")
    parser.add_argument("--quick", action="store_const", const=0, dest="processes", help="tests of the room only")
    parser.add_argument("--processes", type=int, default=2, help="test processes for the whole suite (default 2)")
    parser.add_argument("--output", type=Path, default=RESULTS, help="file of results")
    arguments = parser.parse_args()
    drawn = chosen()
    results = {_key(known): known for known in _read(arguments.output)}
    picked = [(room, mutant) for room, mutant in drawn if arguments.only in mutant.name]
    for number, (room, mutant) in enumerate(picked, start=1):
        told = f"{number}/{len(picked)} {mutant.name}: {_short(mutant.was)} -> {_short(mutant.reads)}"
        if arguments.list:
            print(told)
            continue
        by = noticed_by(room, mutant, arguments.processes)
        record = {name: value for name, value in asdict(mutant).items() if name != "source"}
        reason = EXPLAINED.get((mutant.name.split(":")[0], mutant.line, mutant.reads), "not explained")
        print(f"{told}: {'noticed by ' + by if by else 'SURVIVED: ' + reason}", flush=True)
        results[_key(record)] = {**record, "noticed_by": by} | ({} if by else {"reason": reason})
        kept = [results[key] for _, other in drawn if (key := _key(asdict(other))) in results]
        arguments.output.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    if not arguments.list:
        kept = _read(arguments.output)
        noticed = sum(1 for result in kept if result["noticed_by"])
        print(f"{noticed} of {len(kept)} noticed ({noticed / len(kept):.0%})")


def _read(path: Path) -> list[dict[str, str]]:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else []


def _key(mutant: dict[str, str]) -> tuple[str, ...]:
    return (mutant["name"].split(":")[0], mutant["line"], mutant["was"], mutant["reads"])


def _short(code: str) -> str:
    line = " ".join(code.split())
    return line if len(line) <= 60 else line[:57] + "..."


if __name__ == "__main__":
    main()
