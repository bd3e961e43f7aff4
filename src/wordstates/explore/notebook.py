"""The page within a notebook: whole in one cell, so that it is there when the notebook is opened again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from wordstates.errors import without_foreign_errors
from wordstates.explore.explorer import Explorer
from wordstates.page.render import render
from wordstates.usages.index import UsageIndex
from wordstates.wording import counted


@dataclass(frozen=True, slots=True)
class NotebookPage:
    """A page that shows itself in a notebook.

    Args:
        words: Its words.
        html: The page, which needs no server and no network; write it to a file to send it.
        height: Of its frame, in pixels.
    """

    words: tuple[str, ...]
    html: str
    height: int

    def __repr__(self) -> str:
        return f"NotebookPage({', '.join(self.words)}: {counted(len(self.html), 'character')} of HTML)"

    def _repr_html_(self) -> str:
        """Give the page in a frame of its own, which can do nothing to the notebook."""
        return render("frame", html=self.html, title=", ".join(self.words), height=self.height)


@without_foreign_errors
def explore_words(
    index: UsageIndex, *words: str, height: int = 720, model: bool = False, **options: Any
) -> NotebookPage:
    """Look at the usages of words in a notebook: map, lines and senses, as `wordstates explore` shows them.

    Args:
        index: The usages.
        words: The words; default a frequent one.
        height: Of the frame, in pixels.
        model: Whether to load the model, for the picture of every layer.
        options: More arguments of the embedder, as ``device``.

    Returns:
        What shows itself as the last value of a cell, and stays in the notebook when that is saved.

    Raises:
        InputError: If a word has no usage.
    """
    explorer = Explorer(index, model=model, **options)
    chosen = words or (explorer.first_word(),)
    return NotebookPage(chosen, explorer.exported_page(chosen), height)
