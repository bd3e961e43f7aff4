"""The exception tree is the one that the docstring of `wordstates.errors` draws."""

from __future__ import annotations

import builtins
import inspect
import pickle
import re
from typing import NamedTuple

import pytest

from wordstates import errors
from wordstates.errors import MissingExtraError, WordstatesError

_LINE = re.compile(r"^(?P<branch>[ │├└─]*)(?P<name>[A-Z]\w*Error)\b *(?:\((?P<builtin>\w+)\))? *(?P<meaning>.*)$")


class Drawn(NamedTuple):
    """One line of the drawing."""

    name: str
    parent: str | None
    builtin: str | None
    meaning: str


def drawn_tree() -> list[Drawn]:
    """Read the tree out of the docstring; the deeper a name is indented, the further down it is."""
    drawn: list[Drawn] = []
    path: list[tuple[int, str]] = []  # the way from the root to the last line: column, name
    docstring = inspect.getdoc(errors) or ""
    for line in docstring.split("\n\n")[2].splitlines():
        match = _LINE.match(line)
        assert match, f"not a line of the tree: {line!r}"
        column = len(match["branch"])
        path = [(other, name) for other, name in path if other < column]
        drawn.append(Drawn(match["name"], path[-1][1] if path else None, match["builtin"], match["meaning"]))
        path.append((column, match["name"]))
    return drawn


def real_classes() -> dict[str, type[WordstatesError]]:
    """Give every exception class that the module defines."""
    return {
        name: cls
        for name, cls in vars(errors).items()
        if inspect.isclass(cls) and issubclass(cls, BaseException) and cls.__module__ == errors.__name__
    }


TREE = drawn_tree()
BELOW_THE_ROOT = [pytest.param(drawn, id=drawn.name) for drawn in TREE[1:]]
EVERY_CLASS = [pytest.param(cls, id=name) for name, cls in real_classes().items()]


def test_the_drawing_names_every_class_once_and_no_other() -> None:
    """A class added without a place in the drawing fails here, and so does a line without a class."""
    assert sorted(drawn.name for drawn in TREE) == sorted(real_classes())


def test_the_root_is_an_exception_and_nothing_else() -> None:
    assert TREE[0] == Drawn("WordstatesError", None, None, "")
    assert WordstatesError.__bases__ == (Exception,)


@pytest.mark.parametrize("drawn", BELOW_THE_ROOT)
def test_bases_are_the_drawn_parent_and_the_built_in_in_brackets(drawn: Drawn) -> None:
    classes = real_classes()
    assert drawn.parent is not None
    expected: tuple[type, ...] = (classes[drawn.parent],)
    if drawn.builtin is not None:
        expected += (getattr(builtins, drawn.builtin),)
    assert classes[drawn.name].__bases__ == expected


@pytest.mark.parametrize("drawn", BELOW_THE_ROOT)
def test_each_is_caught_as_a_built_in_and_as_the_root(drawn: Drawn) -> None:
    """`except ValueError` keeps working: the nearest built-in on the way up is really caught."""
    by_name = {line.name: line for line in TREE}
    nearest = drawn
    while nearest.builtin is None:
        assert nearest.parent is not None
        nearest = by_name[nearest.parent]
    error = real_classes()[drawn.name]("what was given")
    with pytest.raises(getattr(builtins, nearest.builtin), match="what was given") as caught:
        raise error
    assert isinstance(caught.value, WordstatesError)


@pytest.mark.parametrize("drawn", BELOW_THE_ROOT)
def test_the_drawing_and_the_class_say_what_it_is_for(drawn: Drawn) -> None:
    assert drawn.meaning
    assert real_classes()[drawn.name].__doc__


@pytest.mark.parametrize("cls", EVERY_CLASS)
def test_the_message_is_shown_as_written(cls: type[WordstatesError]) -> None:
    """Unlike a KeyError, which shows its message in quotes, or an OSError, which may show a number."""
    assert str(cls("Layer 13 does not exist.")) == "Layer 13 does not exist."


@pytest.mark.parametrize("cls", EVERY_CLASS)
def test_errors_cross_processes(cls: type[WordstatesError]) -> None:
    back = pickle.loads(pickle.dumps(cls("in a worker")))
    assert type(back) is cls
    assert str(back) == "in a worker"


def test_a_missing_extra_names_the_line_that_installs_it() -> None:
    error = MissingExtraError.of("hdf5", "writing HDF5")
    assert type(error) is MissingExtraError
    assert str(error) == 'writing HDF5 needs an extra that is not installed: pip install "wordstates[hdf5]"'
