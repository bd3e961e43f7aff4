"""The manifest of a store: what it is made of, and whether it is complete.

It pins all that decides the rows. A run whose settings differ ends with what differs, and writes nothing.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from wordstates.errors import InputError, OutputError
from wordstates.files.atomic import write_text_whole
from wordstates.json_text import plain, with_new_names
from wordstates.options import VectorDtype
from wordstates.result.rows import NUMBERS, Rows, no_rows
from wordstates.store.checked import check_types, read_object
from wordstates.store.settings import StoreSettings
from wordstates.wording import said

FORMAT, VERSION = "wordstates store", 2
# Not among them: the device and the versions, which may change on the way, and the model's name and revision, which
# the fingerprint of its weights stands for, wherever its folder has been moved to.
PINS = (
    "weights",
    "config",
    "tokenizer",
    "recipes",
    "post_processing",
    "splitter",
    "precision",
    "engine",
    "window",
    "overlap",
    "long_texts",
    "context",
    "special_tokens",
    "special_tokens_in_texts",
    "surprisal",
    "left_subwords",
)
# What decides which usages there are, and what is written of them; with what it is called in messages.
_SEARCH_PINS = {
    "targets": "targets",
    "kind": "kind of targets",
    "ignore_case": "found in any case",
    "match_exactly": "matched exactly",
    "context": "characters around a usage",
}
_LONGEST_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Ending:
    """What is known once the input has been read to its end.

    Args:
        shards: How many shards it has.
        fingerprint: Of the ids of all shards, in order.
    """

    shards: int
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a store is made of.

    Args:
        provenance: Where the vectors come from, as of the run that began the store.
        settings: How the store is made.
        shapes: Shape of one vector of each vector column.
        by_subword: Whether there is one row per subword.
        metadata: Columns of what the input says of its documents and words.
        wider: Columns that are float32 because float16 cannot hold them, with the largest value seen.
        ending: What is known once the input has been read to its end; None: not yet.
        complete: Totals and the checksum of all checksums, once every shard is there; None: not yet.
    """

    provenance: dict[str, Any]
    settings: StoreSettings
    shapes: dict[str, tuple[int, ...]]
    by_subword: bool
    metadata: tuple[str, ...] = ()
    wider: dict[str, float] = field(default_factory=dict)
    ending: Ending | None = None
    complete: dict[str, Any] | None = None

    @property
    def dtypes(self) -> dict[str, VectorDtype]:
        """Precision of each vector column."""
        return {name: "float32" if name in self.wider else self.settings.dtype for name in self.shapes}

    def no_rows(self) -> Rows:
        """Give rows with the columns that all shards share, for readers of a folder want one schema: none of them."""
        return no_rows(
            self.shapes,
            self.dtypes,
            keyed=self.settings.keyed,
            by_subword=self.by_subword,
            numbers=[name for name in NUMBERS if name in self.provenance],
            texts=[*([] if self.settings.context is None else ["left", "right"]), *self.metadata],
        )

    def write(self, path: Path) -> None:
        """Write it, whole or not at all."""
        data = {"format": FORMAT, "version": VERSION, **asdict(self), "settings": self.settings.of_the_store()}
        write_text_whole(path, json.dumps(data, ensure_ascii=False, indent=1, default=str) + "\n")

    @classmethod
    def read(cls, path: Path) -> Manifest:
        """Read a manifest.

        Raises:
            InputError: If there is none, or it is broken, or of another format.
        """
        try:
            data = read_object(path)
            found = (data.pop("format"), data.pop("version"))
            if found != (FORMAT, VERSION):
                raise InputError(
                    f"{str(path)!r} is of {found[0]!r} version {found[1]}, and this wordstates reads {FORMAT!r} "
                    f"version {VERSION}: use the version that wrote it."
                )
            ending = data.pop("ending")
            settings = StoreSettings(**data.pop("settings"))
            check_types(settings)
            shapes = {name: tuple(shape) for name, shape in data.pop("shapes").items()}
            metadata = tuple(data.pop("metadata"))
            ending = None if ending is None else Ending(**ending)
            data["provenance"] = with_new_names(data["provenance"])
            made = cls(**data, settings=settings, shapes=shapes, metadata=metadata, ending=ending)
            for part in filter(None, (made, ending)):
                check_types(part)
            made.no_rows().to_arrow()  # or its columns cannot be
            return made
        except InputError:
            raise
        except PermissionError as error:
            raise InputError(f"{str(path)!r} cannot be read: you have no permission to.") from error
        except (OSError, ValueError, TypeError, KeyError, AttributeError, OverflowError, pa.ArrowException) as error:
            raise InputError(
                f"{str(path)!r} is no manifest of a store, or a broken one ({said(error)}): restore it, or begin the "
                "store anew with overwrite=True."
            ) from error

    def check_same(self, other: Manifest, store: str) -> None:
        """See that another run would give the same rows.

        Raises:
            OutputError: If not; it names each difference.
        """
        differences = self.differences(other)
        if differences:
            raise OutputError(
                f"{store!r} was begun with other settings: {'; '.join(differences)}. Give the settings it was begun "
                "with, write to another store, or pass overwrite=True to start over."
            )

    def differences(self, other: Manifest) -> list[str]:
        """Name what decides the rows and differs, the store's value first."""
        mine, theirs = self._pins(), other._pins()
        return [
            f"{name}: {self._shown(name, mine[name])} in the store, {other._shown(name, theirs[name])} now"
            for name in mine
            if name in theirs and mine[name] != theirs[name]  # of all words or of usages: "splitter" says it
        ]

    def _pins(self) -> dict[str, Any]:
        search = self.settings.search
        return {
            **{name: plain(self.provenance.get(name)) for name in PINS},
            "dtype": self.settings.dtype,
            "vectors": plain(self.shapes),
            "keys": self.settings.keyed,
            "metadata": list(self.metadata),
            **{shown: plain(search[name]) for name, shown in _SEARCH_PINS.items() if name in search},
            "characters of context": self.settings.context,
            "characters of a shard": self.settings.shard_characters,
        }

    def _shown(self, name: str, value: object) -> str:
        shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        if name == "targets" and len(shown) > _LONGEST_SHOWN:
            shown = f"{shown[:_LONGEST_SHOWN]}..."
        return f"{shown} (model {self.provenance.get('model')})" if name == "weights" else shown
