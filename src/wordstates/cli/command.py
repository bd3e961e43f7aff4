"""How commands are declared: groups of options as arguments, help in panels, and an example at its end."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.models import OptionInfo

_PANELS = (
    *("Input", "Data", "Search", "Model", "Which vectors", "Recipes", "Computing"),
    *("Output", "Serving", "Limits", "Stores"),
)
GIVEN: dict[str, object] = {}  # what the command that runs was given, by the names of its parameters
CHOSEN: set[str] = set()  # those of them that are not left at their default
OPTIONS: dict[str, str] = {}  # by the name of their parameter, of all commands
_TYPE = re.compile(r"<(?:list\[)?(str|int)(?: range|\])?>")


class Command(TyperCommand):
    """A command that lists its options by what they are for, and shows an example."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command, and know what was chosen."""
        CHOSEN.clear()
        CHOSEN.update(name for name in ctx.params if ctx.get_parameter_source(name).name == "COMMANDLINE")
        return super().invoke(ctx)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the options, panel by panel."""
        panels: dict[str, list[tuple[str, str]]] = {panel: [] for panel in _PANELS}
        parameter: Any
        for parameter in self.get_params(ctx):
            if record := parameter.get_help_record(ctx):
                is_argument = parameter.param_type_name == "argument"
                panel = "Arguments" if is_argument else parameter.rich_help_panel or "Other"
                name = record[0].split(" ")[0] if is_argument else _TYPE.sub(_type_shown, record[0])
                panels.setdefault(panel, []).append((name, record[1]))
        for panel in ("Arguments", *(each for each in panels if each != "Arguments")):
            if records := panels.get(panel):
                with formatter.section(panel):
                    formatter.write_dl(sorted(records, key=lambda record: record[0].startswith("--")))

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the example, whose lines are kept as they are."""
        if self.epilog:
            with formatter.section("Example"):
                for line in self.epilog.splitlines():
                    formatter.write(f"{'':{formatter.current_indent}}{line.strip()}\n")


class Commands(TyperGroup):
    """The commands, listed by what they are for."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the commands and the options."""
        self.format_commands(ctx, formatter)
        Command.format_options(self, ctx, formatter)  # type: ignore[arg-type]  # it asks for no more than parameters

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the commands, panel by panel, their summaries as a whole."""
        panels: dict[str, list[tuple[str, str]]] = {}
        command: Any
        for name, command in self.commands.items():
            summary = (command.help or "").partition("\n\n")[0].replace("\n", " ")
            panels.setdefault(str(command.rich_help_panel), []).append((name.ljust(8), summary))
        for panel, rows in panels.items():
            with formatter.section(panel):
                formatter.write_dl(rows)


def _type_shown(type_: re.Match[str]) -> str:
    return "N" if type_[1] == "int" else "TEXT"


def add_command(app: typer.Typer, command: Callable[..., None], panel: str) -> None:
    """Add a command to the application.

    Args:
        app: The application.
        command: What is run. Its docstring is the help, the section ``Example:`` of it the example; the fields of an
            argument that is a dataclass are options of the command.
        panel: Where the command stands in the list of commands.
    """
    text, _, example = (inspect.getdoc(command) or "").partition("\n\nExample:\n")
    app.command(command.__name__, cls=Command, help=text, epilog=example, rich_help_panel=panel)(_flat(command))


def _flat(command: Callable[..., None]) -> Callable[..., None]:
    """Make a function that takes the fields of a command's dataclasses one by one."""
    own = inspect.signature(command, eval_str=True).parameters.values()
    groups: dict[str, Any] = {each.name: each.annotation for each in own if is_dataclass(each.annotation)}

    def run(**given: Any) -> None:
        GIVEN.clear()
        GIVEN.update(given)
        made = {
            name: group(**{field.name: given.pop(field.name) for field in fields(group)})
            for name, group in groups.items()
        }
        command(**given, **made)

    taken = [each for each in own if each.name not in groups]
    for group in groups.values():
        taken += inspect.signature(group, eval_str=True).parameters.values()
    for each in taken:
        for info in getattr(each.annotation, "__metadata__", ()):
            if isinstance(info, OptionInfo):
                long = [name for name in info.param_decls or () if name.startswith("--")]
                OPTIONS[each.name] = long[0] if long else f"--{each.name.replace('_', '-')}"
    only_by_name = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in taken]
    run.__signature__ = inspect.Signature(only_by_name)  # type: ignore[attr-defined]  # what typer reads
    return run
