"""Arrows point down only: who may import whom, and what `import wordstates` loads.

The imports are read from the source (ast), so that a forbidden one is found even where no test runs it.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from enum import Enum
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

from patience import A_HANG

PACKAGE = "wordstates"
SOURCE = Path(__file__).resolve().parents[2] / "src" / PACKAGE

# The rooms from the ground up. A room imports from its own level and from the levels before it. `__init__` is the roof:
# it holds the public names, and nothing below may lean on it but for the version.
LEVELS = [
    ["errors", "json_text", "options", "wording"],
    ["recipe", "progress", "page"],
    ["text"],
    ["model"],
    ["postprocess"],
    ["documents"],
    ["result", "files"],
    ["encode"],
    ["embedder"],
    ["runs"],
    ["store"],
    ["static"],
    ["evaluate", "integrations"],
    ["usages"],
    ["serve"],
    ["explore"],
    ["cli"],
    ["__main__"],
    ["__init__"],
]
LEVEL_OF = {room: level for level, rooms in enumerate(LEVELS) for room in rooms}
FROM_THE_ROOF = {"__version__"}

# The pure rooms and modules: the standard library and no more than these; the second set only inside functions.
PURE = ("errors", "options", "recipe", "text", "model.batching", "encode.inputs", "encode.plan")
PURE_MAY_IMPORT = {"numpy", "regex", "jaxtyping", "spacy_alignments"}
PURE_MAY_IMPORT_LATE = {"spacy"}

TORCH_ROOMS = {"model", "integrations"}
MAY_IMPORT_TORCH_LATE = {"result", "embedder", "evaluate", "cli"}  # inside a function, or for the type checker
TRANSFORMERS_MODULES = {f"{PACKAGE}.model._hf", f"{PACKAGE}.model._hub"}
MAX_LINES = 400


class When(Enum):
    """When an import runs."""

    LOADING = "when the module is loaded"
    LATE = "when a function is called"
    NEVER = "never, it is for the type checker"


class Import(NamedTuple):
    """One import as written: where it stands, what it names, and when it runs."""

    importer: str
    line: int
    target: str
    when: When

    @property
    def top(self) -> str:
        """The top-level package that is imported."""
        return self.target.partition(".")[0]

    def __str__(self) -> str:
        return f"{self.importer}:{self.line} imports {self.target}"


def module_name(path: Path) -> str:
    """Give the dotted name of a source file; a package's `__init__` goes by the package's name."""
    parts = (PACKAGE, *path.relative_to(SOURCE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room_of(module: str) -> str:
    """Give the room of one of our modules: the name after `wordstates`, or the roof."""
    return module.split(".")[1] if "." in module else "__init__"


def is_pure(module: str) -> bool:
    """Whether a module is in one of the pure rooms, or is one of the pure modules."""
    return any(f"{module}.".startswith(f"{PACKAGE}.{pure}.") for pure in PURE)


def is_type_checking(test: ast.expr) -> bool:
    return ast.unparse(test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}


def nodes(node: ast.AST, when: When = When.LOADING) -> Iterator[tuple[ast.AST, When]]:
    """Walk the code, saying of each node when it runs."""
    yield node, when
    if isinstance(node, ast.If) and is_type_checking(node.test):
        for child in node.body:
            yield from nodes(child, When.NEVER)
        for child in node.orelse:
            yield from nodes(child, when)
        return
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) and when is When.LOADING:
        when = When.LATE
    for child in ast.iter_child_nodes(node):
        yield from nodes(child, when)


def targets(node: ast.AST, package: list[str], modules: frozenset[str]) -> list[str]:
    """Name what a node imports; `from package import module` names the module, relative imports are made absolute.

    Args:
        node: Any node; one that imports nothing names nothing.
        package: Dotted parts of the package that the code is in.
        modules: Our own modules, to tell `from package import module` from `from package import name`.
    """
    match node:
        case ast.Import(names=names):
            return [alias.name for alias in names]
        case ast.ImportFrom(module=module, names=names, level=level):
            above = package[: len(package) - level + 1] if level else []
            base = ".".join([*above, *([module] if module else [])])
            full = [f"{base}.{alias.name}" for alias in names]
            if base == PACKAGE:  # `from wordstates import __version__` keeps the name, so that it can be allowed
                return full
            return [name if name in modules else base for name in full]
        case ast.Call(func=function, args=[ast.Constant(value=str(name)), *_]) if ast.unparse(function) in {
            "importlib.import_module",
            "import_module",
            "__import__",
        }:
            return [name] if not name.startswith(".") else []
    return []


@cache
def sources() -> dict[str, Path]:
    """Give every module of the package and its file."""
    return {module_name(path): path for path in sorted(SOURCE.rglob("*.py"))}


def imports_in(code: str, importer: str, *, is_package: bool, modules: frozenset[str]) -> list[Import]:
    """Read the imports of one module from its code."""
    package = importer.split(".") if is_package else importer.split(".")[:-1]
    return [
        Import(importer, getattr(node, "lineno", 0), target, when)
        for node, when in nodes(ast.parse(code))
        for target in targets(node, package, modules)
    ]


@cache
def all_imports() -> list[Import]:
    modules = frozenset(sources())
    return [
        found
        for name, path in sources().items()
        for found in imports_in(
            path.read_text(encoding="utf-8"), name, is_package=path.name == "__init__.py", modules=modules
        )
    ]


def own_imports() -> list[Import]:
    return [found for found in all_imports() if found.top == PACKAGE]


def leans_on_the_version(found: Import) -> bool:
    return found.target in {f"{PACKAGE}.{name}" for name in FROM_THE_ROOF}


def target_room(found: Import) -> str:
    """Give the room an import goes to; a name of ours that is no room is a public name, from the roof."""
    room = room_of(found.target)
    return room if room in LEVEL_OF or any(room_of(module) == room for module in sources()) else "__init__"


def report(found: list[Import]) -> str:
    return "\n".join(map(str, found))


# ---------------------------------------------------------------- the reader of imports reads right


def test_the_reader_sees_every_kind_of_import() -> None:
    """The tests below are worth what this reader is worth."""
    code = """
import os.path as p
from typing import TYPE_CHECKING
from . import words
from .words import split
from ..errors import InputError
from wordstates import __version__, recipe
if TYPE_CHECKING:
    import torch
else:
    import json
try:
    import regex
except ImportError:
    pass
class A:
    import abc
    def f(self):
        import spacy
        importlib.import_module("transformers")
"""
    modules = frozenset({"wordstates", "wordstates.text", "wordstates.text.words", "wordstates.errors"})
    found = imports_in(code, "wordstates.text.align", is_package=False, modules=modules)
    assert [(each.target, each.when) for each in found] == [
        ("os.path", When.LOADING),
        ("typing", When.LOADING),
        ("wordstates.text.words", When.LOADING),
        ("wordstates.text.words", When.LOADING),
        ("wordstates.errors", When.LOADING),
        ("wordstates.__version__", When.LOADING),
        ("wordstates.recipe", When.LOADING),
        ("torch", When.NEVER),
        ("json", When.LOADING),
        ("regex", When.LOADING),
        ("abc", When.LOADING),
        ("spacy", When.LATE),
        ("transformers", When.LATE),
    ]
    assert imports_in("from . import errors", "wordstates.text", is_package=True, modules=modules)[0].target == (
        "wordstates.text"
    )


def test_there_is_something_to_read() -> None:
    assert {"errors", "recipe", "text", "model", "encode", "store", "cli"} <= {room_of(module) for module in sources()}
    assert own_imports()


# ---------------------------------------------------------------- the rooms


def test_every_module_has_a_room() -> None:
    homeless = [module for module in sources() if room_of(module) not in LEVEL_OF]
    assert not homeless, f"give these a place in LEVELS: {homeless}"


def test_arrows_point_down_only() -> None:
    """An import that only the type checker reads, or that waits inside a function, is an arrow too."""
    upward = [
        found
        for found in own_imports()
        if not leans_on_the_version(found)
        and LEVEL_OF.get(target_room(found), 0) > LEVEL_OF.get(room_of(found.importer), len(LEVELS))
    ]
    assert not upward, report(upward)


def test_no_two_modules_import_each_other_in_a_circle() -> None:
    """Between levels the order forbids it; this is about the modules of one level. Late imports count, types too."""
    graph: dict[str, set[str]] = {module: set() for module in sources()}
    for found in own_imports():
        if found.target in graph and found.target != found.importer:
            graph[found.importer].add(found.target)
    try:
        order = list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail("a circle of imports: " + " <- ".join(error.args[1]))
    assert sorted(order) == sorted(graph)


def test_pure_rooms_import_numpy_regex_and_the_standard_library() -> None:
    known = sys.stdlib_module_names | PURE_MAY_IMPORT | {PACKAGE}
    impure = [
        found
        for found in all_imports()
        if is_pure(found.importer)
        and found.top not in (known if found.when is When.LOADING else known | PURE_MAY_IMPORT_LATE)
    ]
    assert not impure, report(impure)


def test_only_one_file_imports_transformers() -> None:
    """Not even late, and not even for the type checker: what knows Hugging Face's names is in one place."""
    elsewhere = [
        found
        for found in all_imports()
        if found.top in {"transformers", "sentence_transformers", "huggingface_hub"}
        and found.importer not in TRANSFORMERS_MODULES
    ]
    assert not elsewhere, report(elsewhere)


def test_torch_is_imported_by_the_model_and_the_integrations_and_elsewhere_late() -> None:
    misplaced = [
        found
        for found in all_imports()
        if found.top == "torch"
        and room_of(found.importer) not in TORCH_ROOMS
        and (found.when is When.LOADING or room_of(found.importer) not in MAY_IMPORT_TORCH_LATE)
    ]
    assert not misplaced, report(misplaced)


def test_results_load_no_model() -> None:
    """A result can be read, indexed and written where no model can run."""
    heavy = [
        found
        for found in all_imports()
        if room_of(found.importer) == "result"
        and found.when is When.LOADING
        and (found.top == "torch" or target_room(found) == "model")
    ]
    assert not heavy, report(heavy)


@pytest.mark.parametrize("module", sources())
def test_modules_stay_readable(module: str) -> None:
    lines = sources()[module].read_text(encoding="utf-8").count("\n")
    assert lines <= MAX_LINES, f"{module} has {lines} lines: split it by its concerns"


# ---------------------------------------------------------------- what is loaded, in a fresh process


def loaded_after(code: str) -> set[str]:
    """Run code in a fresh Python, and give the top-level packages that it loaded."""
    listing = "import sys; print('LOADED', *{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{listing}"], capture_output=True, text=True, check=False, timeout=A_HANG
    )
    assert done.returncode == 0, done.stderr
    last = done.stdout.splitlines()[-1].split()
    assert last[0] == "LOADED"
    return set(last[1:])


def test_import_wordstates_is_light() -> None:
    loaded = loaded_after("import wordstates")
    assert PACKAGE in loaded
    assert not loaded & {"torch", "transformers", "pyarrow", "spacy", "pandas", "h5py"}


def test_the_command_asked_for_help_loads_no_model_library() -> None:
    loaded = loaded_after(
        "import sys\n"
        "from wordstates import cli\n"
        "sys.argv = ['wordstates', '--help']\n"
        "try:\n"
        "    code = cli.main()\n"
        "except SystemExit as stop:\n"
        "    code = stop.code\n"
        "assert not code, code\n"
    )
    assert PACKAGE in loaded
    assert not loaded & {"torch", "transformers", "spacy", "pandas", "h5py"}


# ---------------------------------------------------------------- a name means one thing

# The same work on something else: what is shown, what is served; a command, and the function that it is a form of.
SAME_WORK = {"as_html", "as_text", "make_app", "run", "geometry", "sweep", "ComputeOptions"}


def test_a_name_means_one_thing() -> None:
    homes: dict[str, list[str]] = {}
    for module, path in sources().items():
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                homes.setdefault(node.name, []).append(module)
    assert {name: found for name, found in homes.items() if len(found) > 1 and name not in SAME_WORK} == {}
