"""What a command writes: seen, before anything is computed, to be none of what it reads, and free."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from wordstates.cli.command import GIVEN

_OUTPUTS = ("output", "vectors_file", "save_recipe", "export")
_LONGEST_PATH = 255


def check_outputs(output: str, inputs: Sequence[str], *, overwrite: bool = True) -> None:
    """Refuse outputs that are read by the same command, or lie in an input folder, or are there.

    What is read is every file that any option names, as a vocabulary, a recipe or post-processing; what is written is
    the output and what stands beside it.

    Raises:
        OutputError: If one is.
    """
    from wordstates.files.atomic import check_name
    from wordstates.files.outputs import check_free, check_no_input, written_with

    if output == "-":
        return
    path = Path(output)
    check_name(path)
    check_no_input([path, *written_with(path)], [Path(each) for each in inputs])
    check_no_input([path, *written_with(path)], [each for each in _named_files() if each.is_file()])
    check_free(path, overwrite=overwrite)


def check_lines_output(output: str, inputs: Sequence[str], *, overwrite: bool) -> None:
    """Refuse an output of lines without vectors as `check_outputs` does, and one of a format that is for vectors.

    Raises:
        OutputError: If it is one.
    """
    from wordstates.errors import OutputError
    from wordstates.files.formats import SPREADSHEETS, output_format

    known = (*SPREADSHEETS, "jsonl", "parquet")
    if output != "-" and (output.endswith("/") or output_format(Path(output)) not in known):
        raise OutputError(
            f"{output!r}: lines are written as {', '.join(f'.{each}' for each in known)}, or as JSON lines to '-'."
        )
    check_outputs(output, inputs, overwrite=overwrite)


def check_page_output(output: str, inputs: Sequence[str], *, overwrite: bool, plots: bool = False) -> Path:
    """Refuse a page as `check_outputs` does, and one that is not called a page, or whose plots cannot be drawn here.

    Args:
        output: The page.
        inputs: What is read.
        overwrite: Whether it may be there already.
        plots: Whether it has plots.

    Returns:
        Where to write it.

    Raises:
        OutputError: If it cannot be written.
        MissingExtraError: If there are to be plots, and matplotlib is not installed.
    """
    from wordstates.files.atomic import PartialFile
    from wordstates.files.outputs import check_page
    from wordstates.page.svg import new_figure

    check_outputs(output, inputs, overwrite=overwrite)
    check_page(output, figures=plots)
    if plots:
        new_figure(1, 1)
    return PartialFile(Path(output), overwrite=overwrite).target


def _named_files() -> list[Path]:
    """Give every value of the command's options that may be a file it reads, and what belongs to it."""
    from wordstates.files.saved_recipe import fitted_path

    given = [value for name, value in GIVEN.items() if name not in _OUTPUTS]
    texts = [each for value in given for each in (value if isinstance(value, (list, tuple)) else [value])]
    paths = [Path(each.removeprefix("@")) for each in texts if isinstance(each, str) and each and not _is_json(each)]
    return [*paths, *(fitted_path(path) for path in paths if path.suffix == ".json")]


def _is_json(text: str) -> bool:
    return len(text) > _LONGEST_PATH or text.lstrip().startswith(("{", "["))
