"""Count the house: files, lines of code, arrows between its rooms, public names.

    python scripts/house_figures.py                    this checkout
    python scripts/house_figures.py OLD NEW            two checkouts, side by side
    python scripts/house_figures.py --rooms OLD NEW    and the lines of code of each room

A line of code is one that is left without docstrings, comments and blank lines. A room is a folder or a module at the
top of the package; an arrow leads from a room to another that it imports from, wherever the import stands. A name is
public where `wordstates.__all__` has it.
"""

from __future__ import annotations

import argparse
import ast
import io
import tokenize
from collections import Counter
from pathlib import Path

PACKAGE = Path("src/wordstates")
_NO_CODE = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)


def code_lines(text: str) -> int:
    """Count the lines of a module that hold code."""
    docstrings = {
        line
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    code = {
        line
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type not in _NO_CODE
        for line in range(token.start[0], token.end[0] + 1)
    }
    return len(code - docstrings)


def arrows_of(room: str, text: str, rooms: set[str]) -> set[tuple[str, str]]:
    """Give the rooms that a module of a room imports from."""
    targets = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            targets |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            targets |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    reached = {target.split(".")[1] for target in targets if target.startswith("wordstates.")}
    return {(room, other) for other in reached & rooms if other != room}


def figures_of(checkout: Path) -> tuple[dict[str, int], Counter[str]]:
    """Give the figures of a checkout, and the lines of code of each of its rooms."""
    source = checkout / PACKAGE
    paths = sorted(source.rglob("*.py"))
    room_of = {path: path.relative_to(source).parts[0].removesuffix(".py") for path in paths}
    rooms, lines, arrows = set(room_of.values()), Counter[str](), set[tuple[str, str]]()
    for path, room in room_of.items():
        text = path.read_text(encoding="utf-8")
        lines[room] += code_lines(text)
        if not room.startswith("__"):
            arrows |= arrows_of(room, text, rooms - {"__init__", "__main__"})
    top = ast.parse((source / "__init__.py").read_text(encoding="utf-8"))
    assigned = {ast.unparse(node.targets[0]): node.value for node in top.body if isinstance(node, ast.Assign)}
    return {
        "modules at the top": len([path for path in source.glob("*.py") if not path.name.startswith("__")]),
        "folders at the top": len([path for path in source.iterdir() if (path / "__init__.py").exists()]),
        "files": len(paths),
        "lines of code": lines.total(),
        "arrows between rooms": len(arrows),
        "public names": len(ast.literal_eval(assigned["__all__"])),
    }, lines


def main() -> None:
    parser = argparse.ArgumentParser(description="Count files, lines of code, arrows and public names.")
    parser.add_argument("checkouts", nargs="*", type=Path, default=[Path(__file__).resolve().parents[1]])
    parser.add_argument("--rooms", action="store_true", help="the lines of code of each room, too")
    arguments = parser.parse_args()
    counted = [figures_of(checkout) for checkout in arguments.checkouts]
    for name in counted[0][0]:
        print(f"{name:22}", *(f"{figures[name]:8,}" for figures, _ in counted))
    if arguments.rooms:
        print("\nlines of code by room")
        for room in sorted(set().union(*(lines for _, lines in counted))):
            print(f"{room:22}", *(f"{lines[room]:8,}" for _, lines in counted))


if __name__ == "__main__":
    main()
