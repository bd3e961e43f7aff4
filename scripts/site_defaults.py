"""The reference shows the values of default arguments, where the source has the names of constants."""

from __future__ import annotations

from typing import Any

from griffe import Attribute, Expr, Extension, Function, Module, Object


class Defaults(Extension):
    """For mkdocstrings: called once all modules are read."""

    def on_package(self, *, pkg: Module, **_: Any) -> None:
        """Put values in place of names."""
        replace_defaults(pkg, pkg)


def replace_defaults(of: Object, package: Module) -> None:
    for member in of.members.values():
        if member.is_alias:
            continue
        if isinstance(member, Function):
            for parameter in member.parameters:
                if isinstance(parameter.default, Expr):
                    parameter.default = value_of(parameter.default.canonical_path, package) or parameter.default
        elif isinstance(member, Object) and (member.is_module or member.is_class):
            replace_defaults(member, package)


def value_of(path: str, package: Module) -> Expr | str | None:
    """Give what a constant of the package is set to; None for all else."""
    if not path.startswith(f"{package.name}."):
        return None
    try:
        found = package[path.removeprefix(f"{package.name}.")]
    except KeyError:
        return None
    found = found.final_target if found.is_alias else found
    return found.value if isinstance(found, Attribute) else None
