"""What shows itself in a notebook is there when the notebook has been saved and is opened again."""

from __future__ import annotations

import html
import re
from pathlib import Path

import nbformat
import pytest
from IPython.core.formatters import DisplayFormatter

from usage_files import write_file
from wordstates import UsageIndex, Usages, WordEmbedder, build_index, explore_words, senses_of
from wordstates.errors import InputError

HOSTILE = "The </iframe><script>alert(1)</script> bank \u202e\"' lends."
TEXTS = ["They sat on the river bank.", "The bank lends money.", HOSTILE]


@pytest.fixture(scope="module")
def usages() -> Usages:
    return WordEmbedder("minilm", engine="torch").find(TEXTS, ["bank"])


def saved_and_opened(value: object, path: Path) -> str:
    """Give the HTML that a notebook shows of a value, after it was saved and read again."""
    data, metadata = DisplayFormatter().format(value)
    output = nbformat.v4.new_output("execute_result", data=data, metadata=metadata)
    cell = nbformat.v4.new_code_cell("value", outputs=[output])
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
    opened = nbformat.read(path, as_version=4)
    nbformat.validate(opened)
    shown: str = opened.cells[0].outputs[0].data["text/html"]
    assert shown == data["text/html"]
    return shown


def test_a_page_of_usages_is_still_whole(usages: Usages, tmp_path: Path) -> None:
    page = explore_words(usages)
    shown = saved_and_opened(page, tmp_path / "page.ipynb")
    frame = re.fullmatch(r'<iframe srcdoc="([^"]*)" sandbox="allow-scripts allow-downloads" [^<>]*></iframe>', shown)
    assert frame is not None
    assert html.unescape(frame[1]) == page.html
    assert "default-src 'none'" in page.html
    assert not (tmp_path / "usages.parquet").exists()


def test_words_and_senses_are_markup_without_scripts(usages: Usages, tmp_path: Path) -> None:
    words = saved_and_opened(usages.embeddings, tmp_path / "words.ipynb")
    path = write_file(tmp_path / "u.parquet", [[1.0, 0.1], [0.1, 1.0]] * 10, left=[HOSTILE] * 20, right=[""] * 20)
    build_index(path)
    senses = saved_and_opened(senses_of(UsageIndex(path), "bank")[0], tmp_path / "senses.ipynb")
    for shown in (words, senses):
        assert "bank" in shown
        assert "<script" not in shown
        assert "<iframe" not in shown


def test_a_page_of_nothing_is_refused(usages: Usages) -> None:
    with pytest.raises(InputError, match="no usage to look at: nothing was found"):
        explore_words(usages.take([]))
