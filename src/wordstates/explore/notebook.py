"""The page within a notebook: whole in one cell, so that it is there when the notebook is opened again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow.parquet as pq

from wordstates.errors import InputError, without_foreign_errors
from wordstates.explore.explorer import Explorer
from wordstates.explore.word_view import SIDE
from wordstates.page.render import render
from wordstates.result.found_usages import Usages
from wordstates.usages.build import build_index
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
    usages: UsageIndex | Usages,
    *words: str,
    recipe: str | None = None,
    height: int = 720,
    model: bool = False,
    **options: Any,
) -> NotebookPage:
    """Look at the usages of words in a notebook: map, lines and senses, as `wordstates explore` shows them.

    Args:
        usages: An index, or what `WordEmbedder.find` gave.
        words: The words; default a frequent one.
        recipe: Of what `find` gave: the name of the recipe, where there are several.
        height: Of the frame, in pixels.
        model: Whether to load the model, for the picture of every layer.
        options: More arguments of the embedder, as ``device``.

    Returns:
        What shows itself as the last value of a cell, and stays in the notebook when that is saved.

    Raises:
        InputError: If a word has no usage.

    Examples:
        >>> from wordstates import WordEmbedder, explore_words
        >>> texts = ["The river bank was steep.", "The bank lends money.", "A bank account."]
        >>> explore_words(WordEmbedder("minilm").find(texts, ["bank"])).words
        ('bank',)
    """
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        index = usages if isinstance(usages, UsageIndex) else _indexed(usages, recipe, Path(folder))
        title = "usages" if index is not usages else None
        explorer = Explorer(index, title=title, model=model, **options)
        chosen = words or (explorer.first_word(),)
        return NotebookPage(chosen, explorer.exported_page(chosen), height)


def _indexed(usages: Usages, recipe: str | None, folder: Path) -> UsageIndex:
    """Index what was found, for as long as the page is made."""
    if not len(usages):
        raise InputError("There is no usage to look at: nothing was found.")
    file = folder / "usages.parquet"
    pq.write_table(usages.to_arrow(SIDE), file)
    build_index(file, recipe=recipe, verify=False)
    return UsageIndex(file, verify=False)
