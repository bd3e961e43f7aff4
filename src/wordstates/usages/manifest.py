"""What an index is made of, as it stands in its ``index.json``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from os.path import normpath
from pathlib import Path
from typing import Any

import xxhash

from wordstates.errors import InputError
from wordstates.files.atomic import write_text_whole
from wordstates.json_text import plain, with_new_names
from wordstates.store.checked import check_types, read_object
from wordstates.wording import said

FORMAT, VERSION = "wordstates index", 1
NAME = "index.json"

# What of the provenance decides the vectors: an embedder that differs in one of these gives others.
PINS = (
    "weights",
    "config",
    "tokenizer",
    "window",
    "overlap",
    "long_texts",
    "context",
    "special_tokens",
    "special_tokens_in_texts",
)
_RECIPE_PINS = ("layer_numbers", "layer_pooling", "subword_pooling")


@dataclass(frozen=True, slots=True)
class IndexedPart:
    """A part of the source that has been indexed.

    Args:
        name: Its name.
        fingerprint: Checksum of the file it was read from.
        usages: Usages with a vector: those that can be found.
        without_vector: Words without one, left out.
        checksums: Checksum (xxh3) of each of its files, by its ending; empty: the version that wrote it had none.
    """

    name: str
    fingerprint: str
    usages: int
    without_vector: int
    checksums: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class IndexManifest:
    """What an index is made of.

    Args:
        source: The store or file, relative to the index where both lie in one folder.
        column: The vector column.
        recipe: The recipe of its vectors.
        layer: Absolute number of the layer that was taken out of a kept layer axis; None: the vectors are whole.
        dim: Dimensions of an indexed vector.
        steps: Post-processing that was fitted for the index, ``unit`` at the end.
        texts: Where the text around a usage comes from: ``kept``, ``beside`` or ``rebuilt``.
        parts: What has been indexed, in the order of the source.
        provenance: Where the vectors come from.
        post: Fingerprint of the post-processing that was fitted for the index; empty: of none, or it was not noted.
        complete: Whether the store was complete then, or what was indexed was a file.
    """

    source: str
    column: str
    recipe: dict[str, Any]
    layer: int | None
    dim: int
    steps: tuple[str, ...]
    texts: str
    parts: tuple[IndexedPart, ...]
    provenance: dict[str, Any]
    post: str = ""
    complete: bool = True

    def write(self, folder: Path) -> None:
        """Write it, whole or not at all."""
        data = plain({"format": FORMAT, "version": VERSION, **asdict(self)})
        data["checksum"] = _checksum(data)
        write_text_whole(folder / NAME, json.dumps(data, ensure_ascii=False, indent=1) + "\n")

    @classmethod
    def read(cls, folder: Path) -> IndexManifest:
        """Read it.

        Raises:
            InputError: If there is none, or it is broken, or of another version.
        """
        path = folder / NAME
        if not path.is_file():
            raise InputError(f"{str(folder)!r} is no index: make one with `wordstates index`.")
        try:
            data = read_object(path)
            checksum = data.pop("checksum", None)  # an older version wrote none
            if checksum not in (None, _checksum(data)):
                raise ValueError("its checksum is not that of what it says")
            found = (data.pop("format"), data.pop("version"))
            if found != (FORMAT, VERSION):
                raise InputError(
                    f"{str(path)!r} is of {found[0]!r} version {found[1]}, and this wordstates reads {FORMAT!r} "
                    f"version {VERSION}: make it again with `wordstates index --overwrite`."
                )
            parts = tuple(IndexedPart(**part) for part in data.pop("parts"))
            data |= {"steps": tuple(data["steps"]), "provenance": with_new_names(data["provenance"])}
            made = cls(**data, parts=parts)
            for each in (made, *parts):
                check_types(each)
            return made
        except InputError:
            raise
        except (OSError, ValueError, TypeError, KeyError, AttributeError, ArithmeticError) as error:
            raise InputError(
                f"{str(path)!r} is broken ({said(error)}): make the index again with `wordstates index --overwrite`."
            ) from error

    def describe(self, folder: Path) -> dict[str, Any]:
        """Say what an index is, from what, and how many usages it holds."""
        return {
            "path": str(folder),
            "format": "index of usages",
            "source": normpath(folder / self.source),
            "usages": sum(part.usages for part in self.parts),
            "without vector": sum(part.without_vector for part in self.parts),
            "parts": len(self.parts),
            "column": self.column,
            "recipe": self.recipe["name"],
            "layer": self.layer,
            "dimensions": self.dim,
            "steps": list(self.steps),
            "texts": self.texts,
            "complete": self.complete,
            "bytes": sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()),
            "provenance": self.provenance,
        }


def differences(
    mine: Mapping[str, Any], theirs: Mapping[str, Any], recipe: Mapping[str, Any], name: str | None = None
) -> list[str]:
    """Name what makes vectors of two provenances differ.

    Args:
        mine: Provenance of the index.
        theirs: Provenance of an embedder.
        recipe: The index's recipe.
        name: The embedder's recipe that is meant; None: its only one.
    """
    other = next(each for each in theirs["recipes"] if name in (None, each["name"]))
    pairs = [(pin, mine.get(pin), theirs.get(pin)) for pin in PINS]
    pairs += [(pin, recipe.get(pin), other.get(pin)) for pin in _RECIPE_PINS]
    pairs.append(("post_processing", _processing(mine, recipe["name"]), _processing(theirs, other["name"])))
    return [f"{pin}: {a} in the index, {b} now" for pin, a, b in pairs if plain(a) != plain(b)]


def _processing(provenance: Mapping[str, Any], recipe: str) -> object:
    return provenance.get("post_processing", {}).get(recipe, {}).get("fingerprint")


def _checksum(data: Mapping[str, Any]) -> str:
    """Give the checksum of the values of a manifest, which do not depend on how they are laid out."""
    return xxhash.xxh3_128_hexdigest(json.dumps(data, sort_keys=True).encode())
