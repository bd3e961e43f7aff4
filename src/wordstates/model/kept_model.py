"""What was found about a model, kept beside OpenVINO's graph of it: the next process reads without PyTorch.

It is a file in the entry of the graph (see `engine_cache`), whose name is a hash of all that decides: every file of the
model, options, versions, processor. Like the entry it is believed only if it says the same in full, its checksum
agrees, and nobody but this user could have written it; else the model is loaded and looked at.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

import xxhash

from wordstates.model._hub import MINILM, fetch_tokenizer, is_current
from wordstates.model.engine_cache import Entry, beside_graphs, leave_mark, own_code, remove_mark
from wordstates.model.found import Found
from wordstates.model.kept_tokenizer import KeptTokenizer, fingerprint_of, kept_form
from wordstates.model.loaded import LoadOptions
from wordstates.model.model_files import ModelFiles
from wordstates.model.processor import processor_facts, torch_build
from wordstates.model.template import Template
from wordstates.model.tokenizer import Tokenizer

_FORMAT = 1
_LIBRARIES = ("torch", "transformers", "tokenizers", "safetensors", "huggingface_hub", "openvino")


@dataclass(frozen=True)
class Kept:
    """What an earlier process has left of a model.

    Args:
        found: What was found about it.
        graph: OpenVINO's graph of it.
        longest: Subwords of the longest window, if windows are packed; None if they are padded.
        precision_error: Relative error of the graph against float32, in reduced precision.
    """

    found: Found
    graph: Path
    longest: int | None
    precision_error: float | None
    _tokenizer: Mapping[str, Any]
    _load_tokenizer: Callable[[], Any]

    def tokenizer(self, name: str, special_tokens: str) -> Tokenizer:
        """Make its tokenizer again.

        Args:
            name: Name of the model.
            special_tokens: How special tokens are read where a text writes them.
        """
        kept = self._tokenizer
        backend, template = KeptTokenizer(kept["form"], self._load_tokenizer), Template.from_dict(kept["template"])
        return Tokenizer(backend, name, special_tokens, template=template, fingerprint=kept["fingerprint"])


class KeptModel:
    """Keeps what was found about a model.

    Args:
        name: What the user called it.
        files: Its files.
        options: How it is to be loaded.
    """

    def __init__(self, name: str, files: ModelFiles, options: LoadOptions) -> None:
        self.files = files
        self._name = name
        self._options = options
        self._state = files.state()

    def read(self) -> Kept | None:
        """Give what is kept; None if nothing is, or it is not to be believed."""
        if not any(True for _ in beside_graphs("model-*.json")):
            return None  # no need to read all weights
        asked = self._asked()
        for path, content in beside_graphs(_file_name(asked)):
            try:
                told = _checked(content)
                entry = Entry(self._name, told["graph"])
                if told["asked"] != asked or entry.path != path.parent or (choice := entry.read()) is None:
                    continue
                if choice.way is not None and entry.graph is not None and self._is_current():
                    found = Found.from_dict(told["found"])
                    load = partial(fetch_tokenizer, self._name, revision=self._options.revision)
                    return Kept(found, entry.graph, told["longest"], choice.error, told["tokenizer"], load)
            except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
                continue
        return None

    def write(
        self,
        found: Found,
        revision: str | None,
        words: Tokenizer,
        fingerprint: str,
        entry: Entry,
        longest: int | None,
    ) -> None:
        """Keep what was found beside a graph, if the tokenizer can be kept, and neither it nor a file has changed.

        Args:
            found: What was found.
            revision: Commit of the files that were loaded.
            words: The tokenizer.
            fingerprint: Of the tokenizer, when it was loaded.
            entry: The entry of the graph.
            longest: Subwords of the longest window, if windows are packed; None if they are padded.
        """
        form = kept_form(words.tokenizer)
        if form is None or fingerprint_of(words.tokenizer) != fingerprint or revision != self.files.revision:
            return
        tokenizer = {"form": form, "template": asdict(words.template), "fingerprint": fingerprint}
        # A config may be no JSON, and a library have no version.
        with suppress(OSError, TypeError, ValueError, ImportError):
            asked = self._asked()
            if self.files.state() == self._state:
                told = {"asked": asked, "graph": entry.asked, "found": found.to_dict(), "longest": longest}
                written = json.dumps({**told, "tokenizer": tokenizer}).encode()
                entry.write_beside(_file_name(asked), _checksum(written) + b"\n" + written)

    def begin(self) -> bool:
        """Note that this model is about to be kept; tell whether that is so for the first time."""
        try:
            return leave_mark(_hash_of(self._asked())) is not None
        except (OSError, TypeError, ValueError, ImportError):  # as in `write`
            return False

    def forget_begun(self) -> None:
        """Remove the note that this model is about to be kept."""
        remove_mark(_hash_of(self._asked()))

    def _is_current(self) -> bool:
        """Tell whether the files are those that the model would be loaded from now."""
        revision = self.files.revision
        return revision is None or is_current(self._name, self._options.revision, revision)

    def _asked(self) -> dict[str, Any]:
        """Give all that decides, as JSON would write it."""
        asked = {
            "format": _FORMAT,
            "code": own_code(),
            "files": self.files.checksums(),
            "published": self._name == MINILM,  # whose weights have to be the published ones
            "precision": self._options.precision or "float32",
            "special_tokens": self._options.special_tokens,
            "config": dict(self._options.config or {}),
            "versions": {name: metadata.version(name) for name in _LIBRARIES},
            "torch": torch_build(),
            "processor": processor_facts(),
        }
        plain: dict[str, Any] = json.loads(json.dumps(asked))
        return plain


def _checked(content: bytes) -> dict[str, Any]:
    """Read what was written below its checksum; raises ValueError if it is not that."""
    checksum, _, written = content.partition(b"\n")
    if _checksum(written) != checksum:
        raise ValueError("the checksum differs")
    told: dict[str, Any] = json.loads(written)
    return told


def _checksum(written: bytes) -> bytes:
    return xxhash.xxh3_128_hexdigest(written).encode()


def _file_name(asked: Mapping[str, Any]) -> str:
    return f"model-{_hash_of(asked)}.json"


def _hash_of(asked: Mapping[str, Any]) -> str:
    return xxhash.xxh3_128_hexdigest(json.dumps(asked, sort_keys=True).encode())
