"""Messages for the shell: an argument of Python is written as the option of the command line that sets it."""

from __future__ import annotations

import re
import shlex
from ast import literal_eval

from wordstates.cli.command import OPTIONS

_ARGUMENT = re.compile(
    r"(?<![\w'\"/.-])(?<!\w\()(?P<name>[a-z]\w*)="
    r"(?P<value>\.\.\.|\[\.\.\.\]|\[(?:'[^']*'(?:, )?)+\]|\{'\w+': '[^']*'\}|'[^']*'|\"[^\"]*\"|-?\w+(?:[.-]\w+)*)?"
)
_ENDS = re.compile(r" [A-Z]|$")
_NAMES = {"k": "count", "n_folds": "folds", "post_processing": "post_process", "recipes": "recipe"}
_WHOLE = {
    "drop_overlap=True": "--overlap-of-splits drop",
    "ignore_case=False": "--match-case",
    "punctuation=False": "--no-punctuation",
}


def as_options(message: str) -> str:
    """Write the arguments that a message names as options; what the command line does not have stays as it is.

    Example:
        >>> as_options("window=3 is too small: give window=..., or long_texts='truncate' and repeat=True.")
        '--window 3 is too small: give --window, or --long-texts truncate and --repeat.'
        >>> as_options("Name the columns with group_column=['story', 'sentence'] or metadata=...")
        'Name the columns with --group-column story --group-column sentence or --metadata.'
    """
    return _ARGUMENT.sub(_option, message)


def _option(argument: re.Match[str]) -> str:
    name, value = argument.groups()
    option = OPTIONS.get(_NAMES.get(name, name))
    if argument[0] in _WHOLE or option is None:
        return _WHOLE.get(argument[0], argument[0])
    if value in (None, "True", "...", "[...]"):
        ends = value == "..." and _ENDS.match(argument.string, argument.end())  # as dots may
        return f"{option}." if ends else option
    given = literal_eval(value) if value[0] in "'\"[{" else value
    if isinstance(given, dict):
        given = [f"{key}={inner}" for key, inner in given.items()]
    return " ".join(f"{option} {shlex.quote(each)}" for each in (given if isinstance(given, list) else [given]))
