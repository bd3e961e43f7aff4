"""What the documentation site has beside docs/: notebooks, the changelog, how to contribute; and links to files.

MkDocs calls the functions with `on_` in their names. A page keeps the links that work where its source is, in the
repository; here they are turned into links of the site, and one that leads nowhere is a warning, so an error.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

import nbformat
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.plugins import get_plugin_logger
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
PAGES = {
    "README.md": "index.md",
    "CHANGELOG.md": "changes.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "examples/data/README.md": "demo-texts.md",
}
NOTEBOOKS = {f"examples/{path.name}": f"notebooks/{path.stem}.md" for path in ROOT.glob("examples/*.ipynb")}
ATTACHED = ["LICENSE", "examples/*.py", "examples/data/*.txt", "benchmarks/results/*.json"]
FILES = {
    path.relative_to(ROOT).as_posix(): f"files/{path.name}"
    for pattern in ATTACHED
    for path in sorted(ROOT.glob(pattern))
}
IN_SITE = {**PAGES, **NOTEBOOKS, **FILES}
IN_REPOSITORY = {page: source for source, page in {**NOTEBOOKS, **PAGES}.items() if page != "index.md"}
log = get_plugin_logger(__name__)


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add what is not in docs/."""
    for source, page in NOTEBOOKS.items():
        files.append(File.generated(config, page, content=notebook_as_markdown(ROOT / source)))
    for source, page in PAGES.items():
        if page != "index.md":
            files.append(File.generated(config, page, abs_src_path=str(ROOT / source)))
    for source, place in FILES.items():
        files.append(File.generated(config, place, abs_src_path=str(ROOT / source)))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn links that work in the repository into those of the site."""
    here = page.file.src_uri
    folder = posixpath.dirname(IN_REPOSITORY.get(here, f"docs/{here}"))

    def turned(match: re.Match[str]) -> str:
        target, _, anchor = match[1].partition("#")
        path = posixpath.normpath(posixpath.join(folder, target))
        place = path.removeprefix("docs/") if path.startswith("docs/") else IN_SITE.get(path)
        if place is None:
            log.warning("%s links to %s, which the site does not have", here, match[1])
            return match[0]
        link = posixpath.relpath(place, posixpath.dirname(here) or ".")
        return f"]({link}#{anchor})" if anchor else f"]({link})"

    return re.sub(r"\]\((?!\w+:|#)([^)\s]+)\)", turned, markdown)


def notebook_as_markdown(path: Path) -> str:
    """Show a notebook with what it printed and drew."""
    parts = []
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "markdown":
            parts.append(cell.source)
        elif cell.cell_type == "code":
            parts.append(f"```python\n{cell.source}\n```")
            parts.extend(shown(output) for output in cell.outputs)
    return "\n\n".join(parts) + "\n"


def shown(output: nbformat.NotebookNode) -> str:
    """Give what one output of a cell shows: a picture, a table, or text."""
    data = output.get("data", {"text/plain": output.get("text", "")})
    if "image/png" in data:
        return f"![output](data:image/png;base64,{data['image/png'].strip()})"
    if "image/svg+xml" in data:
        return f'<div class="output">{data["image/svg+xml"]}</div>'
    if "text/html" in data:
        return f'<div class="output">{data["text/html"]}</div>'
    return f"```text\n{data['text/plain'].rstrip()}\n```"
