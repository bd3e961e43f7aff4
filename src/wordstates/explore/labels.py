"""Names that people give to senses, kept beside the index and found again when the senses are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from wordstates.errors import InputError
from wordstates.files.atomic import write_text_whole
from wordstates.json_text import read_json
from wordstates.text.folding import fold
from wordstates.usages.senses import Senses
from wordstates.wording import counted

NAME = "labels.json"
_ANCHORS = 50  # usages by which a sense is known again
_LONGEST = 200  # characters of a name


class Labels:
    """Names of senses, by word.

    A name belongs to usages, not to a number: if the senses are found again, with more usages or by another method, it
    goes to the sense that holds most of the usages it was given to. The case of the word does not count.

    Args:
        path: The file; it need not be there.

    Raises:
        InputError: If it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._given: dict[str, list[dict[str, Any]]] = {}
        if path.is_file():
            try:
                found = read_json(path.read_text(encoding="utf-8"))
                self._given = {
                    fold(str(word)): [
                        {"name": str(each["name"]), "usages": [(str(d), int(s)) for d, s in each["usages"]]}
                        for each in names
                    ]
                    for word, names in found.items()
                }
            except (OSError, ValueError, TypeError, KeyError, AttributeError, ArithmeticError) as error:
                raise InputError(f"{str(path)!r} holds no names of senses ({error}): move it away.") from error

    def give(self, senses: Senses, sense: int, name: str) -> None:
        """Name a sense, or take its name away.

        Args:
            senses: The senses as they were shown.
            sense: Which of them.
            name: Its name; empty: none of its own.

        Raises:
            InputError: If there is no such sense, or the name is too long.
            OutputError: If the file cannot be written.
        """
        if not any(each.id == sense for each in senses.senses):
            raise InputError(
                f"{senses.word!r} has no sense {sense + 1}: it has {counted(len(senses.senses), 'sense')}."
            )
        if len(name) > _LONGEST:
            raise InputError(f"A name has at most {_LONGEST} characters, and this one has {len(name):,}.")
        kept = self.of(senses)
        kept.pop(sense, None)
        if name.strip():
            kept[sense] = name.strip()
        members = {number: [] for number in kept} if kept else {}  # type: dict[int, list[tuple[str, int]]]
        for usage, label in zip(senses.usages, senses.labels.tolist(), strict=True):
            if label in members and len(members[label]) < _ANCHORS:
                members[label].append((usage.document, usage.span[0]))
        self._given[fold(senses.word)] = [{"name": kept[number], "usages": members[number]} for number in sorted(kept)]
        if not kept:
            del self._given[fold(senses.word)]
        write_text_whole(self.path, json.dumps(self._given, ensure_ascii=False, indent=1) + "\n")

    def of(self, senses: Senses) -> dict[int, str]:
        """Give the names of senses that were found again, by their numbers."""
        where = {
            (usage.document, usage.span[0]): label
            for usage, label in zip(senses.usages, senses.labels.tolist(), strict=True)
            if label >= 0
        }
        named: dict[int, tuple[int, str]] = {}
        for given in self._given.get(fold(senses.word), []):
            votes: dict[int, int] = {}
            for usage in given["usages"]:
                if usage in where:
                    votes[where[usage]] = votes.get(where[usage], 0) + 1
            if votes:
                sense = max(sorted(votes), key=lambda each: votes[each])
                if votes[sense] > named.get(sense, (0, ""))[0]:
                    named[sense] = (votes[sense], given["name"])
        return {sense: name for sense, (_, name) in sorted(named.items())}
