"""Shards: the unit of work of a store, a slice of the input that depends on nothing but the input.

Consecutive documents make a shard until the next one would take it over its budget of characters; a document larger
than the budget is a shard of its own. So whoever reads the same input, on any machine, at any time, cuts the same
shards, with the same numbers and ids::

    documents   a(400) b(300) c(500) d(2000) e(100)        budget 1000
    shards      [a b]  [c]  [d]  [e]
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from wordstates.documents.document import Document
from wordstates.errors import InputError

# A run that is killed loses at most this much work a process: a minute or two on a CPU. Files are a few hundred MB.
SHARD_CHARACTERS = 1_000_000


@dataclass(frozen=True, slots=True)
class Shard:
    """Some consecutive documents.

    Args:
        number: Its place in the input, from 0.
        id: Fingerprint of its documents, 16 hex digits.
        documents: The documents.
    """

    number: int
    id: str
    documents: tuple[Document, ...]

    @property
    def name(self) -> str:
        """Name of its files, without an ending."""
        return shard_name(self.number, self.id)

    @property
    def span(self) -> str:
        """The first and the last document, for messages."""
        return f"documents {self.documents[0].id!r} to {self.documents[-1].id!r}"


@dataclass(frozen=True, slots=True)
class Part:
    """One of several runs that share a store: it takes the shards whose number leaves its index over.

    Args:
        index: Which part, from 0.
        of: How many parts there are.
    """

    index: int = 0
    of: int = 1

    @classmethod
    def parse(cls, text: str) -> Part:
        """Read ``i/N``, 0 <= i < N.

        Raises:
            InputError: If it is nothing of the kind.

        Examples:
            >>> Part.parse("3/8").has(11)
            True
        """
        match = re.fullmatch(r"(\d{1,9})/(\d{1,9})", text.strip())
        if match is None or not int(match[1]) < int(match[2]):
            raise InputError(
                f"Part {text[:40]!r} is not valid: write i/N with i from 0 to N-1, as 0/4, 1/4, 2/4 and 3/4."
            )
        return cls(int(match[1]), int(match[2]))

    def has(self, number: int) -> bool:
        """Tell whether a shard is this part's."""
        return number % self.of == self.index

    def __str__(self) -> str:
        return f"{self.index}/{self.of}"


def cut_shards(documents: Iterable[Document], characters: int = SHARD_CHARACTERS) -> Iterator[Shard]:
    """Cut a stream of documents into shards.

    Args:
        documents: The documents.
        characters: Budget of a shard.

    Examples:
        >>> texts = ["a" * 400, "b" * 300, "c" * 500]
        >>> [len(shard.documents) for shard in cut_shards((Document(text[0], text) for text in texts), 1000)]
        [2, 1]
    """
    number, begun, held = 0, list[Document](), 0
    for document in documents:
        size = len(document.text) + 1  # so that even empty documents fill a shard in the end
        if begun and held + size > characters:
            yield Shard(number, shard_id(begun), tuple(begun))
            number, begun, held = number + 1, [], 0
        begun.append(document)
        held += size
    if begun:
        yield Shard(number, shard_id(begun), tuple(begun))


def shard_id(documents: Sequence[Document]) -> str:
    """Give the fingerprint of documents: their ids, texts, given words and keys, and what else is written of them."""
    digest = blake2b(digest_size=8)
    for document in documents:
        given = "" if document.spans is None else json.dumps([document.spans, document.keys])
        said = [dict(document.metadata), dict(document.columns), *([document.usages] if document.usages else [])]
        given += json.dumps(said) if any(said) else ""  # where there is nothing, the fingerprint is as it always was
        for part in (document.id, document.text, given):
            encoded = part.encode("utf-8", "surrogatepass")
            digest.update(len(encoded).to_bytes(8, "little"))
            digest.update(encoded)
    return digest.hexdigest()


def shard_name(number: int, id: str) -> str:
    """Name the files of a shard; names sort as their numbers do."""
    return f"part-{number:06d}-{id}"


def read_shard_name(name: str) -> tuple[int, str] | None:
    """Read number and id from the name of a file without its ending; None: it is no shard's."""
    match = re.fullmatch(r"part-(\d{6,})-([0-9a-f]{16})", name)
    return None if match is None else (int(match[1]), match[2])
