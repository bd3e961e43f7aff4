"""Metadata from the names of files: ``{year}-{nr}_{title}.txt``."""

from __future__ import annotations

import re
from pathlib import Path

from wordstates.errors import InputError

_FIELD = re.compile(r"\{(.*?)\}")


class NamePattern:
    """Reads fields from the names of files.

    Args:
        pattern: A name with fields in braces. A field holds at least one character, as few as the rest allows, and no
            slash. A pattern with slashes is held against as many parts of the path.

    Raises:
        InputError: If a field has no proper name or is there twice, there is none, or two touch.

    Examples:
        >>> NamePattern("{year}-{nr}_{title}.txt").fields_of(Path("corpus/1851-02_moby_dick.txt"))
        {'year': '1851', 'nr': '02', 'title': 'moby_dick'}
    """

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self.fields = tuple(match[1] for match in _FIELD.finditer(pattern))
        wrong = [name for name in self.fields if not name.isidentifier() or self.fields.count(name) > 1]
        if wrong or not self.fields or "}{" in pattern:
            raise InputError(
                f"Pattern {pattern!r} is not valid: write fields in braces, each once, with text between them, as "
                "{year}-{nr}_{title}.txt."
            )
        parts = _FIELD.split(pattern)  # text, field, text, field, ..., text
        self._regex = re.compile(
            "".join(f"(?P<{part}>[^/]+?)" if odd % 2 else re.escape(part) for odd, part in enumerate(parts))
        )
        self._parts = pattern.count("/") + 1

    def fields_of(self, path: Path | None) -> dict[str, str]:
        """Read the fields from the name of a file; the ending of a compressed one may be left out of the pattern.

        Raises:
            InputError: If the name does not fit, or there is none: standard input.
        """
        name = "-" if path is None else "/".join(path.parts[-self._parts :])
        match = self._regex.fullmatch(name) or self._regex.fullmatch(re.sub(r"\.(gz|zst)$", "", name))
        if match is None:
            raise InputError(
                f"{str(path or '-')!r} does not fit the pattern of names {self._pattern!r} (metadata_from_name=...): "
                "choose files whose names do, with include=... or exclude=..."
            )
        return match.groupdict()
