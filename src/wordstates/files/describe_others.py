"""What is in the files that are not tables of vectors with metadata: word2vec, recipes, rejects, reports, pages."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from wordstates.errors import InputError
from wordstates.files.formats import provenance_path
from wordstates.files.hdf5_facts import hdf5_facts
from wordstates.json_text import read_json, with_new_names
from wordstates.wording import counted, said

_BESIDE = (".provenance.json", ".vocab")  # of a file that they belong to
_OF_A_SHARD = {"number", "id", "sha256", "xxh3"}
_KINDS = (  # what a JSON file is, by the keys that it has at least
    ("recipe", {"layers", "layer_pooling", "subword_pooling"}),
    ("report", {"provenance"}),
    ("report", {"task", "models"}),  # of sweep
    ("report", {"texts", "rejects"}),  # of a dry run
)
_PROJECTOR = ("projector_config.pbtxt", "vectors.tsv")  # of TensorBoard
_DATA = re.compile(r'<script type="application/json" id="data">(.*?)</script>', re.DOTALL)  # of a page of usages


def describe_other(path: Path) -> dict[str, Any] | None:
    """Say what is in a file that has its provenance beside it, or none at all.

    Args:
        path: Any file.

    Returns:
        What is known of it, ``provenance`` among it; None if it is no such file.

    Raises:
        InputError: If it is broken, or belongs to another file.
    """
    for ending in _BESIDE:
        if path.name.endswith(ending) and path.is_file():
            main = path.with_name(path.name.removesuffix(ending))
            raise InputError(f"{str(path)!r} belongs to {main.name!r}: give {str(main)!r}.")
    if (path / _PROJECTOR[0]).is_file():
        return _projector(path)
    if not path.is_file():
        return None
    about = {"path": str(path), "bytes": path.stat().st_size}
    try:
        if path.suffix.lower() in (".txt", ".bin"):
            return _word2vec(path, about)
        if path.name == "rejects.jsonl" or path.name.endswith(".rejects.jsonl"):
            lines = [read_json(line) for line in path.read_text(encoding="utf-8").split("\n") if line]
            if not all(isinstance(line, dict) for line in lines):
                raise ValueError("a line is no object")
            return {**about, "format": "rejects", "rejects": len(lines), "first": lines[0], "provenance": {}}
        if path.suffix.lower() == ".json":
            return _json(read_json(path.read_text(encoding="utf-8")), about)
        if path.suffix.lower() == ".h5ad":
            return _anndata(path, about)
        if path.suffix.lower() == ".html":
            return _page(path.read_text(encoding="utf-8"), about)
    except InputError:
        raise
    except PermissionError as error:
        raise InputError(f"{str(path)!r} cannot be read: you have no permission to.") from error
    except (OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
        raise InputError(f"{str(path)!r} cannot be read as {path.suffix}: it is broken ({said(error)}).") from error
    return None


def _projector(folder: Path) -> dict[str, Any]:
    """Say what is in a folder for TensorBoard's projector."""
    vectors = folder / _PROJECTOR[1]
    beside = provenance_path(vectors)
    if not beside.is_file():
        raise InputError(f"{str(folder)!r} was not written by wordstates: it has no {beside.name!r}.")
    with vectors.open(encoding="utf-8") as file:
        dim, rows = len(file.readline().split("\t")), 1 + sum(1 for _ in file)
    return {
        "path": str(folder),
        "bytes": sum(path.stat().st_size for path in folder.iterdir()),
        "format": "folder for TensorBoard's projector",
        "rows": rows,
        "vectors": {"vector": (dim,)},
        "provenance": with_new_names(read_json(beside.read_text(encoding="utf-8"))),
    }


def _anndata(path: Path, about: dict[str, Any]) -> dict[str, Any]:
    facts = hdf5_facts(path)
    if facts["uns"] is None:
        raise InputError(f"{str(path)!r} was not written by wordstates.")
    rows, dim = facts["x"]
    provenance = with_new_names(read_json(facts["uns"]))
    return {**about, "format": "AnnData", "rows": rows, "vectors": {"X": (dim,)}, "provenance": provenance}


def _word2vec(path: Path, about: dict[str, Any]) -> dict[str, Any]:
    beside = provenance_path(path)
    if not beside.is_file():
        raise InputError(
            f"{str(path)!r} was not written by wordstates: give a file of `wordstates static`, with {beside.name!r} "
            "beside it."
        )
    with path.open("rb") as file:
        rows, dim = map(int, file.readline().split())
    kind = "binary" if path.suffix.lower() == ".bin" else "text"
    provenance = with_new_names(read_json(beside.read_text(encoding="utf-8")))
    return {
        **about,
        "format": f"word2vec, {kind}",
        "rows": rows,
        "vectors": {"vector": (dim,)},
        "provenance": provenance,
    }


def _json(content: Any, about: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise ValueError("it holds no object")
    path = Path(about["path"])
    if content.get("format") in ("wordstates index", "wordstates store"):
        kind = content["format"].removeprefix("wordstates ")
        raise InputError(f"{about['path']!r} belongs to the {kind} {str(path.parent)!r}: give that.")
    if content.keys() >= _OF_A_SHARD:
        raise InputError(f"{about['path']!r} belongs to the store {str(path.parent.parent)!r}: give that.")
    if content and all(_is_named(senses) for senses in content.values()):
        names = {word: [sense["name"] for sense in senses] for word, senses in content.items()}
        known_by = sum(len(sense["usages"]) for senses in content.values() for sense in senses)
        return {**about, "format": "names of senses", "names": names, "known by usages": known_by, "provenance": {}}
    kind = next((kind for kind, keys in _KINDS if keys <= content.keys()), None)
    if kind is None:
        raise InputError(
            f"{about['path']!r} is none of the JSON files of wordstates (recipes, reports of --json, names of senses): "
            "give one of those, or a file of vectors."
        )
    provenance = with_new_names(content.pop("provenance", None))
    shown = {
        name: value if not isinstance(value, (list, dict)) or kind == "recipe" else counted(len(value), "entry")
        for name, value in content.items()
    }
    return {**about, "format": kind, **shown, "provenance": provenance if isinstance(provenance, dict) else {}}


def _is_named(senses: Any) -> bool:
    """Tell whether a value is the names that a person gave to senses of a word."""
    return (
        isinstance(senses, list)
        and bool(senses)
        and all(isinstance(each, dict) and each.keys() == {"name", "usages"} for each in senses)
    )


def _page(html: str, about: dict[str, Any]) -> dict[str, Any]:
    found = _DATA.search(html)
    if found is None:
        return {**about, "format": "page, to be opened in a browser", "provenance": {}}
    data = read_json(found[1])
    return {
        **about,
        "format": "page of usages, to be opened in a browser",
        "from": data["note"],
        "usages": {page["word"]: page["total"] for page in data["pages"]},
        "usages shown": {page["word"]: len(page["usages"]) for page in data["pages"]},
        "provenance": {"model": data["model"]},
    }
